//! Reports about a message that was sent more than once.

use std::time::Duration;

use besked::domain::coverage::Verdict;
use besked::domain::delivery::{Level, Outcome, State};
use besked::domain::task::TaskKind;
use besked::ledger::audit::Verdict as Audit;
use jiff::Timestamp;
use rstest::rstest;

use super::{Dsn, notified, open_tasks, reported, to_c2};
use crate::app::{CUSTOMERS, NEWS, TestApp, alice};
use crate::audit::audit;
use crate::database::Engine;
use crate::relay::Act;

const FULL: Dsn<'_> = Dsn {
    to: "",
    id: "1@mx.two.example",
    recipient: "hello@two.example",
    original: None,
    action: "failed",
    status: "5.2.2",
    diagnostic: "552 5.2.2 mailbox full",
    returned: "",
};

/// The mark that a server leaves.
fn received(at: Timestamp) -> String {
    format!("Received: from besked by mx.two.example; {}\n", at.strftime("%a, %d %b %Y %H:%M:%S +0000"))
}

/// The customer asked for it once more, and a second report about the first copy must not say that the second one failed.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_failure_of_the_first_copy_says_nothing_of_the_second(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let first_at = app.app.context.clock.now();
    let (id, delivery) = notified(&app).await;
    app.advance(Duration::from_secs(3600));
    reported(&app, delivery.id, &FULL).await;
    assert_eq!(to_c2(&app, id).await.state, State::Bounced);
    app.advance(Duration::from_secs(3600));
    app.app.deliveries.resend(&alice(), &[delivery.id]).await.unwrap();
    assert_eq!(to_c2(&app, id).await.state, State::Queued);
    // Another server on the way reports the same copy before the second one is sent.
    let worked = reported(&app, delivery.id, &Dsn { id: "2@mx.two.example", ..FULL }).await;
    assert_eq!((worked.recorded, worked.waiting), (1, 0), "it does not wait for the second copy");
    assert_eq!(to_c2(&app, id).await.state, State::Queued);
    app.run_until_idle().await;
    assert_eq!(to_c2(&app, id).await.state, State::Accepted);
    app.advance(Duration::from_secs(600));
    let returned = received(first_at);
    reported(&app, delivery.id, &Dsn { id: "3@mx.two.example", returned: &returned, ..FULL }).await;
    let shown = to_c2(&app, id).await;
    assert_eq!((shown.state, shown.reports.len()), (State::Accepted, 3), "it names the time of the first copy");
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Informed);
    assert_eq!(open_tasks(&app).await, [TaskKind::Contradiction], "only times say so: a person looks at it");
    // What is about the second copy, or may be, counts.
    let returned = received(app.app.context.clock.now() - jiff::SignedDuration::from_secs(600));
    reported(&app, delivery.id, &Dsn { id: "4@mx.two.example", returned: &returned, ..FULL }).await;
    assert_eq!(to_c2(&app, id).await.state, State::Bounced);
    assert_eq!(open_tasks(&app).await, [TaskKind::Contradiction]);
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
}

/// What may be lost is sent again on an operator's decision; a failure of the copy that was not lost comes while the second one waits.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_late_failure_does_not_keep_back_the_copy_that_waits(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(NEWS).await;
    app.relay.on(". hello@two.example", 1, Act::TakeAndClose);
    app.run_until_idle().await;
    let delivery = to_c2(&app, id).await;
    assert_eq!(delivery.state, State::Uncertain);
    app.advance(Duration::from_secs(3600));
    app.app.deliveries.resend(&alice(), &[delivery.id]).await.unwrap();
    let worked = reported(&app, delivery.id, &FULL).await;
    assert_eq!((worked.recorded, worked.waiting), (1, 0));
    assert_eq!(to_c2(&app, id).await.state, State::Uncertain, "it is about the first copy");
    app.run_until_idle().await;
    let shown = to_c2(&app, id).await;
    assert_eq!((shown.state, shown.reports.len()), (State::Accepted, 1));
    assert_eq!(app.relay.to("hello@two.example").len(), 2, "the second copy was sent");
    // The same about the second copy.
    app.advance(Duration::from_secs(600));
    reported(&app, delivery.id, &Dsn { id: "2@mx.two.example", ..FULL }).await;
    assert_eq!(to_c2(&app, id).await.state, State::Bounced);
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
}

#[tokio::test]
async fn a_success_of_the_first_copy_informs_all_the_same() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (id, delivery) = notified(&app).await;
    reported(&app, delivery.id, &FULL).await;
    app.advance(Duration::from_secs(3600));
    app.app.deliveries.resend(&alice(), &[delivery.id]).await.unwrap();
    app.run_until_idle().await;
    let late = Dsn { id: "2@mx", action: "delivered", status: "2.1.5", diagnostic: "250 ok", ..FULL };
    reported(&app, delivery.id, &late).await;
    let shown = to_c2(&app, id).await;
    assert_eq!((shown.state, shown.level), (State::Delivered, Some(Level::DsnDelivered)));
}

/// A server whose clock is wrong must not hide that the second copy failed, too.
#[tokio::test]
async fn a_failure_with_an_impossible_time_counts() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (id, delivery) = notified(&app).await;
    app.advance(Duration::from_secs(3600));
    reported(&app, delivery.id, &FULL).await;
    app.advance(Duration::from_secs(3600));
    app.app.deliveries.resend(&alice(), &[delivery.id]).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(to_c2(&app, id).await.state, State::Accepted);
    app.advance(Duration::from_secs(600));
    let returned = received(Timestamp::UNIX_EPOCH);
    reported(&app, delivery.id, &Dsn { id: "2@mx.two.example", returned: &returned, ..FULL }).await;
    assert_eq!(to_c2(&app, id).await.state, State::Bounced);
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::NotInformed);
}

/// What counts again after a finding is withdrawn is the outcome of the last copy.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_withdrawn_finding_leaves_the_outcome_of_the_second_copy(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (id, delivery) = notified(&app).await;
    reported(&app, delivery.id, &FULL).await;
    app.advance(Duration::from_secs(3600));
    let deliveries = &app.app.deliveries;
    deliveries.resend(&alice(), &[delivery.id]).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(to_c2(&app, id).await.state, State::Accepted);
    deliveries.report(&alice(), delivery.id, Outcome::Bounced, "typed by mistake").await.unwrap();
    let recorded = deliveries.withdraw(&alice(), delivery.id, "it was another message").await.unwrap();
    assert_eq!(recorded.state, State::Accepted);
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Informed);
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
}
