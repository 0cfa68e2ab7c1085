//! What rows say of the course of matters, changed by an insider.

use besked::ledger::audit::Verdict;
use rstest::rstest;

use super::{audit, tamper};
use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::database::Engine;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_course_is_named(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    for word in ["started", "completed"] {
        let text = app.app.notices.follow_up(&alice(), "CHG-1", Some(word)).await.unwrap();
        app.release(&text).await;
        app.run_until_idle().await;
    }
    app.release(&maintenance("all = true").replace("CHG-1", "CHG-2")).await;
    app.run_until_idle().await;
    app.app.ledger.checkpoint().await.unwrap();
    assert_eq!(audit(&app).await.problem, None);
    app.app.context.store.close().await;
    for (statement, words) in [
        ("UPDATE notices SET phase = 'cancelled' WHERE phase = 'completed'", "the phase, status or stage of notice"),
        ("UPDATE notices SET phase = NULL WHERE phase = 'started'", "is not what was sealed: none, sealed started"),
        ("UPDATE notices SET window_start = window_start - 60000 WHERE phase = 'started'", "the window of notice"),
        ("UPDATE notices SET window_end = NULL WHERE phase = 'started'", "the window of notice"),
        ("UPDATE notices SET next_update_at = 1 WHERE phase = 'started'", "the time of the next update of notice"),
        ("UPDATE notices SET matter_id = id, sequence = 1 WHERE phase = 'completed'", "the matter of notice"),
        ("UPDATE notices SET sequence = 9 WHERE phase = 'started'", "in its matter is not the one of its release"),
        ("UPDATE notices SET sequence = 2 WHERE reference = 'CHG-2'", "in its matter is not the one of its release"),
        ("UPDATE notices SET sequence = NULL WHERE phase = 'started'", "in its matter is not the one of its release"),
    ] {
        let copy = app.copied().await;
        tamper(&copy, &[statement]).await;
        let report = audit(&copy).await;
        let problem = report.problem.clone().unwrap_or_default();
        assert_eq!(report.verdict, Verdict::Damaged, "{statement}");
        assert!(problem.contains(words) && report.first_bad.is_some(), "{statement}: {problem}");
    }
}
