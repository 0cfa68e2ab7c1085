//! What comes back after a server took a message: it adds to what is known, and takes nothing back.

use besked::deliveries::reports::{ReportError, record};
use besked::domain::coverage::Verdict;
use besked::domain::delivery::{Level, Outcome, State};
use besked::ledger::audit::Verdict as Audit;
use rstest::rstest;

use crate::app::{CUSTOMERS, TestApp, maintenance};
use crate::audit::audit;
use crate::database::Engine;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_return_beats_an_acceptance_and_the_closed_entry_stays(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let (store, clock, random) = (&app.app.store, &app.app.clock, &app.app.random);
    let delivery = |account: &'static str| {
        let app = &app;
        async move { app.informed(account, id).await.notices[0].deliveries[0].clone() }
    };
    let (first, second) = (delivery("C1").await.id, delivery("C2").await.id);
    record(store, clock, random, first, Outcome::Delivered, "2.1.5 delivered").await.unwrap();
    assert_eq!(delivery("C1").await.level, Some(Level::DsnDelivered));
    record(store, clock, random, second, Outcome::Bounced, "5.1.1 no such user").await.unwrap();
    let answer = app.informed("C2", id).await;
    assert_eq!(answer.verdict, Verdict::NotInformed);
    assert_eq!(answer.notices[0].deliveries[0].reply.as_deref(), Some("5.1.1 no such user"));
    assert_eq!(app.counts(id).await, [(State::Delivered, 1), (State::Bounced, 1)].into());
    let again = record(store, clock, random, second, Outcome::Delivered, "?").await;
    assert!(matches!(again, Err(ReportError::Impossible { state: State::Bounced, .. })));
    let nobody = record(store, clock, random, id, Outcome::Bounced, "?").await;
    assert!(matches!(nobody, Err(ReportError::Unknown(_))));
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
}
