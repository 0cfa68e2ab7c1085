//! The bytes of a message: made once, the same at every attempt and in every proof, whatever is configured later.

use std::time::Duration;

use besked::config::Config;
use besked::domain::delivery::State;
use besked::domain::evidence::verify;
use besked::ledger::audit::Verdict;
use rstest::rstest;
use uuid::Uuid;

use crate::app::{CUSTOMERS, NEWS, START, TestApp, alice, maintenance};
use crate::audit::audit;
use crate::database::Engine;
use crate::evidence::{exported, key};
use crate::privacy::found_in_files;
use crate::relay::{Act, Received};

/// Everything that a mail shows of the configuration, changed.
fn changed(config: &mut Config) {
    config.organisation.name = "Renamed Cloud AB".to_owned();
    config.organisation.address = "New Street 2, 222 22 Elsewhere".to_owned();
    config.organisation.public_url = "https://elsewhere.example".parse().unwrap();
    config.organisation.default_locale = "sv".parse().unwrap();
    config.organisation.default_time_zone = "America/New_York".parse().unwrap();
    config.sender.from = "Renamed Cloud <notices@elsewhere.example>".parse().unwrap();
}

/// The only delivery of a customer, and its message as it is stored.
async fn kept(app: &TestApp, account: &str, notice: Uuid) -> (Uuid, Vec<u8>) {
    let id = app.informed(account, notice).await.notices[0].deliveries[0].id;
    (id, app.app.deliveries.message(&alice(), id).await.unwrap().bytes)
}

fn date(mail: &Received) -> jiff::Timestamp {
    let date = mail.header("Date").unwrap();
    jiff::fmt::rfc2822::parse(&date).unwrap().timestamp()
}

#[rstest]
#[case(Engine::Sqlite, &maintenance("all = true"))]
#[case(Engine::Postgres, &maintenance("all = true"))]
#[case(Engine::Sqlite, NEWS)]
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_sends_the_same_bytes_whatever_was_configured_meanwhile(#[case] engine: Engine, #[case] text: &str) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(text).await;
    app.relay.on(". hello@two.example", 1, Act::Reply("451 4.3.0 try later\r\n"));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Deferred, 1)].into());
    let (_, deferred) = kept(&app, "C2", id).await;
    let app = app.configured(changed).await;
    app.advance(Duration::from_secs(600));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    let received = app.relay.to("hello@two.example");
    assert_eq!(String::from_utf8_lossy(&received[0].data), String::from_utf8_lossy(&deferred), "byte for byte");
    assert_eq!(kept(&app, "C2", id).await.1, deferred);
    assert_eq!(audit(&app).await.verdict, Verdict::Ok);
    // The next notice is of today.
    app.release(&maintenance("all = true").replace("CHG-1", "CHG-2")).await;
    app.run_until_idle().await;
    assert!(app.relay.received().last().unwrap().text().contains("New Street 2"));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_is_half_sent_goes_to_everybody_as_it_began(#[case] engine: Engine) {
    let app = TestApp::with(engine, |config| config.relays[0].connections = 1).await;
    let rows: String = (0..20).map(|n| format!("C{n},Kund {n},a{n}@d{n}.example\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{rows}")).await;
    let id = app.release(&maintenance("all = true")).await;
    for n in 0..2 {
        app.relay.on(&format!("RCPT TO:<a{n}@d{n}.example>"), 1, Act::Reply("451 4.2.0 busy\r\n"));
    }
    app.run_until_idle().await;
    let app = app.configured(changed).await;
    app.advance(Duration::from_secs(600));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 20)].into());
    for mail in app.relay.received() {
        assert!(!mail.text().contains("New Street 2"), "{}", mail.text());
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_dated_at_its_first_attempt_and_the_retry_keeps_the_date(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    // Refused where it is named, so that the server sees its first bytes at the second attempt only.
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("451 4.2.0 greylisted\r\n"));
    app.advance(Duration::from_secs(5 * 3600));
    app.run_until_idle().await;
    let first = START.parse::<jiff::Timestamp>().unwrap() + Duration::from_secs(5 * 3600);
    assert_eq!(date(&app.relay.received()[0]), first, "hours in the queue do not make it old");
    app.advance(Duration::from_secs(600));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    assert_eq!(date(&app.relay.to("hello@two.example")[0]), first);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn evidence_has_what_was_sent_and_not_what_would_be_sent_today(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let app = app.configured(changed).await;
    let file = exported(&app, id, Some("C2")).await.unwrap();
    let evidence = verify(file.as_slice(), &key(&app)).unwrap();
    let sent = &app.relay.to("hello@two.example")[0];
    assert_eq!(evidence.messages.len(), 1);
    assert_eq!(evidence.messages[0].sha256, besked::domain::digest::sha256(&sent.data));
    assert_eq!(kept(&app, "C2", id).await.1, sent.data);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_persons_values_are_gone_and_the_mails_of_others_are_not(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let customers = "account_id,customer_name,email,contact_name\nC1,Ett AB,anna@ett.example,Anna Lindqvist\n\
                     C2,Tvåbolaget AB,bengt@two.example,Bengt Östergötlund\n";
    app.import(customers).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let (of_bengt, _) = kept(&app, "C2", id).await;
    // As they are stored in the text, and in the header.
    let values = ["Bengt", "=C3=96sterg=C3=B6tlund", "bengt@two.example"];
    if engine == Engine::Sqlite {
        for value in values {
            assert!(!found_in_files(&app, value).is_empty(), "{value}");
        }
    }
    app.erase("bengt@two.example").await.unwrap();
    if engine == Engine::Sqlite {
        for value in values {
            assert_eq!(found_in_files(&app, value), [""; 0], "{value}");
        }
    }
    assert!(app.app.deliveries.message(&alice(), of_bengt).await.is_err());
    assert_eq!(kept(&app, "C1", id).await.1, app.relay.to("anna@ett.example")[0].data);
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem, report.messages), (Verdict::Ok, None, 1));
}
