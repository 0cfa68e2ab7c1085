//! Reports that contradict themselves or each other, and the person who decides between them.

use besked::deliveries::DeliveryError;
use besked::domain::coverage::Verdict;
use besked::domain::delivery::{Level, Outcome, State};
use besked::domain::task::TaskKind;
use besked::ledger::audit::Verdict as Audit;
use rstest::rstest;

use super::{Dsn, comes_back, notified, open_tasks, reported, return_path, take, to_c2};
use crate::app::{TestApp, alice};
use crate::audit::audit;
use crate::database::Engine;
use crate::evidence::{exported, key};

async fn sound(app: &TestApp) {
    let report = audit(app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
}

const SUCCESS: Dsn<'_> = Dsn {
    to: "",
    id: "9@mx.two.example",
    recipient: "hello@two.example",
    original: None,
    action: "delivered",
    status: "2.1.5",
    diagnostic: "250 2.1.5 ok",
    returned: "",
};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_success_report_with_a_status_of_failure_proves_nothing_until_somebody_finds_out(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (id, delivery) = notified(&app).await;
    reported(&app, delivery.id, &Dsn { status: "5.1.1", ..SUCCESS }).await;
    let shown = to_c2(&app, id).await;
    assert_eq!((shown.state, shown.level), (State::Accepted, Some(Level::Relayed)));
    assert_eq!(open_tasks(&app).await, [TaskKind::Contradiction]);
    app.app.deliveries.report(&alice(), delivery.id, Outcome::Bounced, "asked their postmaster").await.unwrap();
    assert_eq!(open_tasks(&app).await, [], "the finding settles it");
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::NotInformed);
    sound(&app).await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn between_a_failure_and_a_success_an_operator_decides(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (id, delivery) = notified(&app).await;
    reported(&app, delivery.id, &Dsn::default()).await;
    for number in 0..3 {
        reported(&app, delivery.id, &Dsn { id: &format!("{number}@mx"), ..SUCCESS }).await;
    }
    assert_eq!(to_c2(&app, id).await.state, State::Bounced);
    assert_eq!(open_tasks(&app).await, [TaskKind::Contradiction], "one, however much comes");
    let deliveries = &app.app.deliveries;
    let found = deliveries.report(&alice(), delivery.id, Outcome::Delivered, "they have it").await.unwrap();
    assert_eq!((found.state, found.level), (State::Delivered, Some(Level::OperatorFound)));
    assert_eq!(open_tasks(&app).await, []);
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Informed);
    sound(&app).await;
    // It was the wrong one.
    let back = deliveries.withdraw(&alice(), delivery.id, "it was another message").await.unwrap();
    assert_eq!((back.state, back.level), (State::Bounced, None));
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::NotInformed);
    sound(&app).await;
    // The failure is confirmed, which a second finding does not overturn.
    let found = deliveries.report(&alice(), delivery.id, Outcome::Bounced, "no such user").await.unwrap();
    assert_eq!((found.state, found.level), (State::Bounced, Some(Level::OperatorFound)));
    let again = deliveries.report(&alice(), delivery.id, Outcome::Delivered, "or not").await;
    assert!(matches!(again, Err(DeliveryError::Impossible { .. })), "{again:?}");
    sound(&app).await;
    let file = exported(&app, id, Some("C2")).await.unwrap();
    besked::domain::evidence::verify(file.as_slice(), &key(&app)).unwrap();
}

/// The first copy came without its envelope, the second with it.
#[tokio::test]
async fn a_copy_without_the_token_does_not_keep_out_the_proof() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (id, delivery) = notified(&app).await;
    let returned = format!("X-Besked-Delivery: {}\n", delivery.id);
    take(&app, None, Dsn { to: "fbl@example.com", returned: &returned, ..Dsn::default() }.bytes()).await;
    app.app.inbound.work_once().await.unwrap();
    assert_eq!((to_c2(&app, id).await.state, open_tasks(&app).await), (State::Accepted, vec![TaskKind::WeakMatch]));
    let path = return_path(&app, delivery.id);
    comes_back(&app, &path, Dsn { to: "fbl@example.com", returned: &returned, ..Dsn::default() }.bytes()).await;
    let shown = to_c2(&app, id).await;
    assert_eq!((shown.state, shown.reports.len()), (State::Bounced, 2));
}

/// An alias to one address: nobody got the message, and only a person can know.
#[tokio::test]
async fn a_members_failure_is_looked_at_and_what_is_forged_does_not_hide_it() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (id, delivery) = notified(&app).await;
    let expanded = Dsn { action: "expanded", status: "2.0.0", id: "1@mx", ..Dsn::default() };
    let member = Dsn { recipient: "bo@two.example", original: Some("hello@two.example"), id: "2@mx", ..Dsn::default() };
    reported(&app, delivery.id, &expanded).await;
    reported(&app, delivery.id, &member).await;
    assert_eq!((to_c2(&app, id).await.state, open_tasks(&app).await), (State::Accepted, vec![TaskKind::Contradiction]));

    let app = TestApp::new(Engine::Sqlite).await;
    let (id, delivery) = notified(&app).await;
    let returned = format!("X-Besked-Delivery: {}\n", delivery.id);
    take(&app, None, Dsn { to: "fbl@example.com", returned: &returned, ..expanded }.bytes()).await;
    reported(&app, delivery.id, &member).await;
    assert_eq!(to_c2(&app, id).await.state, State::Bounced, "every recipient knows the header");
}

/// Who got a notice can answer it by a machine, without end.
#[tokio::test]
async fn a_flood_of_answers_is_bounded() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (id, delivery) = notified(&app).await;
    let path = return_path(&app, delivery.id);
    for number in 0..1100 {
        let note = format!(
            "From: hello@two.example\nTo: {path}\nSubject: Automatic reply\nMessage-ID: <{number}@two.example>\n\
             Auto-Submitted: auto-replied\n\nCarol is no longer with the company.\n"
        );
        take(&app, Some(&path), note.into_bytes()).await;
    }
    let worked = app.app.inbound.work_once().await.unwrap();
    assert_eq!((worked.recorded, worked.waiting), (1100, 0));
    assert_eq!(to_c2(&app, id).await.reports.len(), 1000);
    assert_eq!(open_tasks(&app).await, [TaskKind::LeftCompany]);
    // What changes something is recorded all the same.
    reported(&app, delivery.id, &Dsn::default()).await;
    assert_eq!(to_c2(&app, id).await.state, State::Bounced);
}
