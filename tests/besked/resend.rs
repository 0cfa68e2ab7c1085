//! What failed of a mandatory notice is sent again on an operator's decision, and the ledger records it.

use besked::deliveries::DeliveryError;
use besked::domain::coverage::Verdict;
use besked::domain::delivery::{Failure, State};
use besked::domain::notice::State as NoticeState;
use besked::domain::page::PageRequest;
use besked::ledger::audit::Verdict as Audit;
use besked::store::proof::ledger;
use rstest::rstest;
use uuid::Uuid;

use crate::app::{CUSTOMERS, NEWS, TestApp, alice, maintenance};
use crate::audit::audit;
use crate::cli::Shell;
use crate::database::Engine;
use crate::relay::{Act, Relay};

const REFUSED: Act = Act::Reply("550 5.1.1 no such user\r\n");

/// A notice to C1 and C2 of which C2's was refused: the notice and that delivery.
async fn refused(app: &TestApp, notice: &str) -> (Uuid, Uuid) {
    app.import(CUSTOMERS).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, REFUSED);
    let id = app.release(notice).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Rejected, 1)].into());
    (id, app.informed("C2", id).await.notices[0].deliveries[0].id)
}

async fn is_sound(app: &TestApp) {
    let report = audit(app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_of_a_mandatory_notice_is_sent_again_and_leaves_it_closed(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (id, delivery) = refused(&app, &maintenance("all = true")).await;
    assert_eq!(app.notice(id).await.state, NoticeState::Closed);
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::NotInformed);
    app.app.deliveries.resend(&alice(), &[delivery]).await.unwrap();
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Queued, 1)].into());
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Pending);
    is_sound(&app).await;
    let again = app.app.deliveries.resend(&alice(), &[delivery]).await;
    assert!(matches!(again, Err(DeliveryError::NotFailed { state: State::Queued, .. })), "{again:?}");
    let app = app.restart().await;
    app.run_until_idle().await;

    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Informed);
    assert_eq!(app.notice(id).await.state, NoticeState::Closed);
    let shown = app.app.deliveries.show(&alice(), delivery).await.unwrap();
    assert_eq!(shown.attempts.iter().map(|it| it.attempt).collect::<Vec<_>>(), [1, 2]);
    let received = app.relay.to("hello@two.example");
    assert_eq!(received.len(), 1);
    let message_id = app.informed("C2", id).await.notices[0].deliveries[0].message_id.clone();
    assert_eq!(received[0].header("Message-ID"), Some(message_id));
    let kept = app.app.deliveries.message(&alice(), delivery).await.unwrap();
    assert_eq!(kept.bytes, received[0].data, "the bytes of the first attempt");
    let mut entries = ledger::of_notice(&mut app.app.context.store.read().await.unwrap(), id).await.unwrap();
    entries.sort_by_key(|entry| entry.index.unwrap());
    let of_delivery = entries.iter().filter(|entry| entry.delivery_id == Some(delivery));
    let events: Vec<&str> = of_delivery.map(|entry| entry.event.as_str()).collect();
    assert_eq!(events, ["rejected", "resent", "operated", "accepted"]);
    is_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_twice_is_refused_in_the_end() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (id, delivery) = refused(&app, &maintenance("all = true")).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, REFUSED);
    app.app.deliveries.resend(&alice(), &[delivery]).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Rejected, 1)].into());
    is_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_of_an_optional_notice_is_not_sent_again() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (_, delivery) = refused(&app, NEWS).await;
    let again = app.app.deliveries.resend(&alice(), &[delivery]).await;
    assert!(matches!(again, Err(DeliveryError::Optional { .. })), "{again:?}");
    is_sound(&app).await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn all_that_failed_of_a_notice_is_sent_again_page_by_page(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.on("RCPT TO:<", 2, REFUSED);
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Rejected, 2)].into());
    let resend = |after: Option<String>, failure| {
        let (app, request) = (&app, PageRequest { after, limit: 1 });
        async move { app.app.deliveries.resend_failed(&alice(), &id.to_string(), failure, &request).await.unwrap() }
    };
    assert!(resend(None, Failure::Expired).await.resent.is_empty());
    assert!(resend(None, Failure::NotCarried).await.resent.is_empty(), "a server refused them");
    let first = resend(None, Failure::Rejected).await;
    assert_eq!((first.resent.len(), first.next.is_some()), (1, true));
    let second = resend(first.next, Failure::Rejected).await;
    assert_eq!(second.resent.len(), 1);
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    is_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_again_on_the_command_line_asks_first() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    relay.on("RCPT TO:<", 2, REFUSED);
    shell.run(&["notice", "send", "notice.md", "--wait", "--yes"]).fails(1, &["2 deliveries were refused for good"]);
    let resend = ["deliveries", "resend", "--notice", "CHG-1", "--state", "rejected"];
    shell.run(&resend).fails(2, &["gets it twice", "--yes"]);
    shell.run(&["deliveries", "resend", "--notice", "CHG-1", "--yes"]).fails(2, &["--state"]);
    let resent = shell.run(&[&["--json"], resend.as_slice(), &["--yes"]].concat()).ok().json();
    assert_eq!((resent["resent"].as_array().unwrap().len(), resent["skipped"].as_array().unwrap().len()), (2, 0));
    shell.run(&["dispatch", "--until-idle"]).ok();
    let status = shell.run(&["--json", "notice", "status", "CHG-1"]).ok().json();
    assert_eq!(
        (status["state"].as_str(), status["counts"]["accepted"].as_u64()),
        (Some("closed"), Some(2)),
        "{status}"
    );
    let one = shell.run(&["--json", "deliveries", "list", "CHG-1"]).ok().json()["deliveries"][0]["id"].clone();
    shell.run(&["deliveries", "resend", one.as_str().unwrap(), "--yes"]).fails(2, &["cannot be sent again", "hint: "]);
    shell.run(&["ledger", "audit"]).ok();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_again_to_an_address_that_was_corrected(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (closed, failed) = refused(&app, &maintenance("all = true")).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, REFUSED);
    app.relay.on("RCPT TO:<teknik@ett.example>", 1, Act::Reply("451 4.3.0 try later\r\n"));
    let open = app.release(&maintenance("all = true").replace("CHG-1", "CHG-2")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(open).await, [(State::Deferred, 1), (State::Rejected, 1)].into());
    app.import(&CUSTOMERS.replace("hello@two.example", "carol@two.example")).await;
    app.run_until_idle().await;

    let again = app.app.deliveries.resend(&alice(), &[failed]).await;
    assert!(matches!(again, Err(DeliveryError::ContactGone(id)) if id == failed), "{again:?}");
    let request = PageRequest { after: None, limit: 9 };
    let resend = async |id: Uuid| {
        app.app.deliveries.resend_failed(&alice(), &id.to_string(), Failure::Rejected, &request).await.unwrap()
    };
    let page = resend(closed).await;
    assert_eq!((page.resent.len(), page.skipped.len()), (0, 1));
    assert_eq!(resend(open).await.resent.len(), 1, "the notice is still being sent");
    app.run_until_idle().await;
    assert!(app.relay.to("hello@two.example").is_empty());
    assert_eq!(app.relay.to("carol@two.example").len(), 1);
    assert_eq!(app.informed("C2", open).await.verdict, Verdict::Informed);
    is_sound(&app).await;
}
