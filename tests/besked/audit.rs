//! The audit: whatever an insider changes in the past, it names.

mod cases;
mod course;

use besked::domain::attestation::Channel;
use besked::domain::checkpoint::Checkpoint;
use besked::ledger::audit::{Report, Verdict};
use rstest::rstest;
use sqlx::AssertSqlSafe;

use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::database::Engine;
use crate::ledger::append;
use cases::CASES;

/// What the audit says.
pub async fn audit(app: &TestApp) -> Report {
    app.app.ledger.audit(None, &|_| ()).await.unwrap()
}

/// A ledger of two notices, each with two recipients, and some more entries.
async fn ledger(engine: Engine) -> TestApp {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let id = app.release(&maintenance("all = true").replace("CHG-1", "CHG-2")).await;
    app.run_until_idle().await;
    app.attest(id, "C1", Channel::Phone, "called").await.unwrap();
    append(&app.app, 300).await;
    app.app.ledger.checkpoint().await.unwrap();
    app
}

/// Changes the database as somebody would who may do anything in it.
pub async fn tamper(app: &TestApp, statements: &[&str]) {
    let mut tx = app.app.context.store.write().await.unwrap();
    let guards = [
        ("ledger_entries", "ledger_entries_stay"),
        ("ledger_entries", "ledger_entries_remain"),
        ("ledger_openings", "ledger_openings_stay"),
        ("ledger_openings", "ledger_openings_remain"),
        ("ledger_nodes", "ledger_nodes_stay"),
        ("ledger_checkpoints", "ledger_checkpoints_stay"),
        ("ledger_checkpoints", "ledger_checkpoints_remain"),
    ];
    for (table, trigger) in guards {
        let sql = match app.app.context.store.dialect {
            besked::store::Dialect::Sqlite => format!("DROP TRIGGER IF EXISTS {trigger}"),
            besked::store::Dialect::Postgres => format!("DROP TRIGGER IF EXISTS {trigger} ON {table}"),
        };
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
    }
    for statement in statements {
        let done = sqlx::query(AssertSqlSafe((*statement).to_owned())).execute(&mut *tx).await.unwrap();
        assert!(done.rows_affected() > 0, "nothing was changed: {statement}");
    }
    tx.commit().await.unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_untouched_ledger_is_in_order(#[case] engine: Engine) {
    let app = ledger(engine).await;
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem.as_deref()), (Verdict::Ok, None));
    // The import; each notice: created, submitted, manifest, released, two acceptances, closed.
    assert_eq!((report.entries, report.deliveries, report.messages), (317, 4, 4));
    assert!(report.checkpoints >= 3);
    app.release(&maintenance("all = true")).await;
    assert_eq!(audit(&app).await.verdict, Verdict::Ok, "what waits to be sealed is no damage");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn whatever_is_changed_is_named(#[case] engine: Engine) {
    let untouched = ledger(engine).await;
    untouched.app.context.store.close().await;
    for (statements, first_bad, words) in CASES {
        let app = untouched.copied().await;
        tamper(&app, statements).await;
        let report = audit(&app).await;
        let problem = report.problem.clone().unwrap_or_default();
        assert_eq!(report.verdict, Verdict::Damaged, "{statements:?}");
        assert!(problem.contains(words), "{statements:?}: {problem}");
        assert!(first_bad.is_none() || report.first_bad == *first_bad, "{statements:?}: {report:?}");
    }
}

#[tokio::test]
async fn a_truncation_that_leaves_no_trace_in_the_database_is_found_by_the_state_and_by_a_kept_checkpoint() {
    let app = TestApp::new(Engine::Sqlite).await;
    append(&app.app, 5).await;
    app.app.ledger.checkpoint().await.unwrap();
    let (app, yesterday) = app.copy().await;
    append(&app.app, 3).await;
    let signed = app.app.ledger.checkpoint().await.unwrap();
    let kept = Checkpoint::open(&signed.note, &app.app.ledger.verifier_key().unwrap()).unwrap();
    let app = app.put_back(yesterday).await;
    let report = audit(&app).await;
    assert_eq!(report.first_bad, Some(5), "{report:?}");
    assert!(report.problem.unwrap().contains("a checkpoint of 8 entries was signed, 5 are there"));

    // With the state gone too, only what somebody else kept tells.
    std::fs::remove_file(&app.app.context.config.ledger.state_file).unwrap();
    assert_eq!(audit(&app).await.verdict, Verdict::Ok);
    let report = app.app.ledger.audit(Some(&kept), &|_| ()).await.unwrap();
    assert_eq!(report.first_bad, Some(5), "{report:?}");
}

#[tokio::test]
async fn checkpoints_by_a_key_that_was_exchanged_count_and_foreign_ones_do_not() {
    let app = TestApp::new(Engine::Sqlite).await;
    append(&app.app, 3).await;
    app.app.ledger.checkpoint().await.unwrap();
    crate::app::write_key(&app.app.context.config.ledger.key_file, 8);
    app.app.ledger.resume(&crate::app::bo(), "yearly exchange").await.unwrap();
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.checkpoints), (Verdict::Ok, 2), "{report:?}");
    // The key alone is exchanged, without an entry that says so.
    crate::app::write_key(&app.app.context.config.ledger.key_file, 9);
    let report = audit(&app).await;
    assert!(report.problem.unwrap().contains("not the one that the ledger names last"));
}

#[tokio::test]
async fn entries_that_contradict_earlier_ones_are_named_though_they_are_signed() {
    use besked::domain::entry::{Detail, Entry, Event, Fact, Manifest, Run};
    use besked::store::proof::ledger::Opening;
    let app = ledger(Engine::Sqlite).await;
    let notice = app.app.notices.named(&alice(), "CHG-1").await.unwrap();
    let at = app.app.context.clock.now();
    let about = Some((notice.id, notice.category, notice.digest));
    let forged = [
        (
            Fact {
                notice: about,
                detail: Detail::Manifest(Manifest {
                    count: 0,
                    root: [0; 32],
                    customers: 0,
                    unaddressed: 0,
                    unaddressed_root: [0; 32],
                    shown: [0; 32],
                }),
                ..Fact::new(Event::Manifest, at)
            },
            "had a manifest already",
        ),
        (
            Fact { notice: about, detail: Detail::Closed(Vec::new()), ..Fact::new(Event::Closed, at) },
            "was closed already",
        ),
        (
            Fact {
                detail: Detail::Cleared { ground: "all".to_owned(), entries: vec![Run { first: 0, count: 1 << 40 }] },
                ..Fact::new(Event::Erased, at)
            },
            "names entries that come after it",
        ),
    ];
    for (fact, words) in forged {
        let app = ledger(Engine::Sqlite).await;
        let again = app.app.notices.named(&alice(), "CHG-1").await.unwrap();
        let fact = Fact { notice: fact.notice.map(|_| (again.id, again.category, again.digest)), ..fact };
        let entry = Entry::new(&fact, None, &app.app.context.random);
        let mut tx = app.app.context.store.write().await.unwrap();
        let opening = match fact.notice {
            Some((id, ..)) => Opening::of_notice(&entry, id, at),
            None => Opening::about_nothing(&entry, at),
        };
        besked::store::proof::ledger::append(&mut tx, &[opening]).await.unwrap();
        tx.commit().await.unwrap();
        app.app.ledger.checkpoint().await.unwrap();
        let report = audit(&app).await;
        assert_eq!(report.first_bad, Some(317), "{report:?}");
        assert!(report.problem.clone().unwrap().contains(words), "{words}: {report:?}");
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn deleted_checkpoints_are_missed(#[case] engine: Engine) {
    for (which, said) in [
        ("number = 1", "1 checkpoint is missing"),
        ("number <= 2", "2 checkpoints are missing"),
        ("number > 0", "no checkpoint is there"),
    ] {
        let app = ledger(engine).await;
        tamper(&app, &[&format!("DELETE FROM ledger_checkpoints WHERE {which}")]).await;
        let report = audit(&app).await;
        let problem = report.problem.unwrap_or_default();
        assert!(report.verdict == Verdict::Damaged && problem.contains(said), "{which}: {problem}");
    }
}
