//! What a relay cannot carry goes to the next one; what none can carry is never shown as a server's answer.

use std::time::Duration;

use besked::dispatch::Finished;
use besked::domain::delivery::{Reason, State};
use besked::store::sending::settle;
use rstest::rstest;

use super::{Running, import, until_accepted, with_second};
use crate::app::{TestApp, maintenance};
use crate::cli::Shell;
use crate::database::Engine;
use crate::relay::{Act, Relay, Script, Step, on};

const TOO_LARGE: &str = "552 5.3.4 message too large\r\n";

fn small() -> Script {
    Script::default().size(1000)
}

#[rstest]
#[case::size(small(), "a@one.example")]
#[case::smtputf8(Script::default().without("SMTPUTF8"), "å@one.example")]
#[case::eight_bit_mime(Script::default().without("8BITMIME"), "å@one.example")]
#[case::refused_at_mail(Script::default().rule(on(Step::Mail).reply(TOO_LARGE)), "a@one.example")]
#[case::refused_at_rcpt(Script::default().rule(on(Step::Rcpt).reply(TOO_LARGE)), "a@one.example")]
#[case::refused_at_the_dot(Script::default().rule(on(Step::Dot).reply(TOO_LARGE)), "a@one.example")]
#[tokio::test(flavor = "multi_thread")]
async fn what_one_relay_cannot_carry_goes_by_the_next(#[case] script: Script, #[case] email: &str) {
    let second = Relay::start().await;
    let app = with_second(&second).await;
    app.relay.change(script);
    app.import(&format!("account_id,customer_name,email\nC1,Ett,{email}\n")).await;
    let id = app.release(&maintenance("all = true")).await;
    let finished = app.run_until_idle().await;
    assert!(matches!(finished, Finished::Idle(_)), "{finished:?}");
    assert_eq!(app.counts(id).await, [(State::Accepted, 1)].into());
    let delivery = app.informed("C1", id).await.notices[0].deliveries[0].id;
    let attempts = settle::attempts(&mut app.app.context.store.read().await.unwrap(), delivery).await.unwrap();
    assert_eq!((attempts.len(), attempts[0].relay.as_str(), second.count()), (1, "second", 1));
}

/// A server refused it: that is its answer, unlike what was never offered to one.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_every_relay_refuses_is_rejected_with_the_last_reply() {
    let second = Relay::with(Script::default().rule(on(Step::Dot).reply("552 5.3.4 too large here too\r\n"))).await;
    let app = with_second(&second).await;
    app.relay.add(on(Step::Dot).reply(TOO_LARGE));
    app.import("account_id,customer_name,email\nC1,Ett,a@one.example\n").await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let informed = app.informed("C1", id).await;
    let delivery = &informed.notices[0].deliveries[0];
    assert_eq!((delivery.state, delivery.reason), (State::Rejected, None));
    assert_eq!(delivery.reply.as_deref(), Some("552 5.3.4 too large here too"));
}

/// The relay that can carry it may have it: nobody can say that it was not sent.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_relay_cannot_carry_and_another_may_have_taken_is_uncertain() {
    let second = Relay::with(Script::default().rule(on(Step::Dot).act(Act::TakeAndClose))).await;
    let app = with_second(&second).await;
    app.relay.change(small());
    app.import("account_id,customer_name,email\nC1,Ett,a@one.example\n").await;
    let id = app.release(&maintenance("all = true")).await;
    for _ in 0..3 {
        app.run_until_idle().await;
        app.advance(Duration::from_secs(7200));
    }
    assert_eq!((app.counts(id).await, second.count()), ([(State::Uncertain, 1)].into(), 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_by_the_next_relay_opens_no_more_connections_there_than_it_may_have() {
    let second = Relay::start().await;
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.relays[0].connections = 16;
        let mut relay = config.relays[0].clone();
        (relay.name, relay.url, relay.connections) = ("second".to_owned(), second.url().parse().unwrap(), 2);
        config.relays.push(relay);
    })
    .await;
    app.relay.change(Script::default().without("SMTPUTF8"));
    import(&app, (0..60).map(|n| format!("å{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    let running = Running::start(&app);
    until_accepted(&app, id, 60).await;
    running.stop().await;
    assert_eq!(second.count(), 60);
    // One that has said goodbye may not have been seen to end yet.
    assert!(second.at_once() <= 4, "{} at a time", second.at_once());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_no_relay_can_carry_is_rejected_with_a_reason_and_without_an_attempt(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.relay.change(small());
    app.import("account_id,customer_name,email\nC1,Ett,a@one.example\n").await;
    let id = app.release(&maintenance("all = true")).await;
    let finished = app.run_until_idle().await;
    assert!(matches!(&finished, Finished::Left(left) if left.unsent == 1), "{finished:?}");
    let informed = app.informed("C1", id).await;
    let delivery = &informed.notices[0].deliveries[0];
    assert_eq!((delivery.state, delivery.reason), (State::Rejected, Some(Reason::NotCarried)));
    assert_eq!(
        (&delivery.reply, delivery.level, app.relay.commands().iter().any(|it| it.starts_with("MAIL"))),
        (&None, None, false)
    );
    let attempts = settle::attempts(&mut app.app.context.store.read().await.unwrap(), delivery.id).await.unwrap();
    assert_eq!(attempts.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_not_carried_is_shown_and_proved_as_that_and_sent_once_a_relay_can() {
    let relay = Relay::start().await;
    relay.change(small());
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", "account_id,customer_name,email\nC1,Ett,a@one.example\n");
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    let id =
        shell.run(&["notice", "send", "notice.md", "--yes", "--json"]).ok().json()["id"].as_str().unwrap().to_owned();
    let told =
        ["ERROR no relay can carry messages of this notice", "the server accepts 1000", "1 delivery was not sent"];
    shell.run(&["dispatch", "--until-idle"]).fails(1, &told);
    let listed = shell.run(&["deliveries", "list", &id, "--state", "rejected"]).ok().out;
    assert!(listed.contains("not sent: none of our relays can carry the message"), "{listed}");
    let shown = shell.run(&["deliveries", "show", listed.lines().nth(1).unwrap().split(' ').next().unwrap()]).ok().out;
    assert!(shown.contains("it is larger than a relay accepts"), "{shown}");
    let informed = shell.run(&["informed", "--account", "C1", "--notice", &id]);
    assert!(informed.out.contains("not sent: none of our relays can carry the message"), "{}", informed.out);
    assert!(!informed.out.contains("refused") && !informed.out.contains("reply"), "{}", informed.out);
    shell.run(&["evidence", "export", "--notice", &id, "--account", "C1", "-o", "evidence.json"]).ok();
    let vkey = shell.run(&["ledger", "vkey"]).ok().out;
    let verified = shell.run(&["verify", "evidence.json", "--key", vkey.trim()]).ok();
    assert!(
        verified.out.contains("was not sent, as none of our relays could carry it"),
        "{}{}",
        verified.out,
        verified.err
    );
    shell.run(&["ledger", "audit"]).ok();

    relay.change(Script::default());
    shell.run(&["deliveries", "resend", "--notice", &id, "--state", "not_carried", "--yes"]).ok();
    shell.run(&["dispatch", "--until-idle"]).ok();
    let informed = shell.run(&["informed", "--account", "C1", "--notice", &id]).ok();
    assert!(!informed.out.contains("not sent") && relay.count() == 1, "{}", informed.out);
    shell.run(&["ledger", "audit"]).ok();
}
