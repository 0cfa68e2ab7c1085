//! Past the deadline: one task for the notice, however many of its customers wait.

use besked::domain::task::{State as TaskState, TaskKind};
use rstest::rstest;

use super::{HOUR, LATER};
use crate::answers::breach;
use crate::app::{CUSTOMERS, TestApp, alice};
use crate::database::Engine;
use crate::relay::{Script, Step, on};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn customers_who_wait_past_the_deadline_are_one_task_for_the_notice(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.add(on(Step::Rcpt).reply(LATER));
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    let status = || async { app.app.coverage.status(&alice(), &id.to_string()).await.unwrap() };
    app.run_until_idle().await;
    let of_c3 = (TaskKind::NotInformed, Some("C3".to_owned()));
    assert_eq!(app.to_do().await, vec![of_c3.clone()], "C3 has nobody to address");
    app.advance(71 * HOUR);
    app.run_until_idle().await;
    assert_eq!((app.to_do().await, status().await.overdue), (vec![of_c3.clone(), (TaskKind::Overdue, None)], 3));
    let task = app.tasks(true).await.pop().unwrap();
    assert_eq!((task.notice_id, task.deadline), (Some(id), status().await.deadline));
    assert!(task.reason.contains("2 in number") && !task.reason.contains('@'), "{}", task.reason);
    assert_eq!(app.coverage(id).await.overdue, 3);
    let numbers = crate::metrics::numbers(&app).await;
    let open = |kind: &str| numbers[&format!("besked_tasks_open{{kind=\"{kind}\"}}")];
    assert_eq!((open("not_informed"), open("overdue"), open("unread")), (1.0, 1.0, 0.0));
    assert_eq!(numbers["besked_overdue_customers"], 3.0);

    // It does not come again while they wait, and ends with them.
    app.advance(HOUR);
    app.run_until_idle().await;
    assert_eq!(app.to_do().await.len(), 2);
    app.relay.change(Script::default());
    app.advance(2 * HOUR);
    app.run_until_idle().await;
    app.advance(HOUR);
    app.run_until_idle().await;
    assert_eq!((app.to_do().await, status().await.overdue), (vec![of_c3], 1));
    assert_eq!(app.tasks(false).await.iter().filter(|task| task.state == TaskState::Done).count(), 1);
    app.attest(id, "C3", besked::domain::attestation::Channel::Phone, "called").await.unwrap();
    app.advance(HOUR);
    app.run_until_idle().await;
    assert_eq!((app.to_do().await, status().await.overdue), (vec![], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overdue_notice_that_a_person_settled_stays_settled() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.relay.add(on(Step::Rcpt).reply(LATER));
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    app.advance(71 * HOUR);
    app.run_until_idle().await;
    let task = app.tasks(true).await.pop().unwrap();
    assert_eq!(task.kind, TaskKind::Overdue);
    app.app.tasks.done(&alice(), task.id, "the authority agreed to wait").await.unwrap();
    app.advance(HOUR);
    app.run_until_idle().await;
    assert!(app.to_do().await.iter().all(|(kind, _)| *kind == TaskKind::NotInformed));
    let status = app.app.coverage.status(&alice(), &id.to_string()).await.unwrap();
    assert_eq!(status.overdue, 3, "they are not informed all the same");
}
