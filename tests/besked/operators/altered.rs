//! Whoever may do anything in the database cannot give rights unnoticed: the audit compares operators and keys with their entries.

use std::time::Duration;

use besked::domain::operator::Role;
use besked::operators::keys::NewKey;
use rstest::rstest;
use sqlx::AssertSqlSafe;

use super::{at, machine, person, roles, with};
use crate::app::TestApp;
use crate::audit::audit;
use crate::database::Engine;

/// Operators and keys with a history: added, changed, disabled and enabled again; revoked, ended with its operator, and running.
async fn grown(engine: Engine) -> TestApp {
    let people = [person("Bo", &[Role::Ops]), machine("robot", &[Role::Finance]), person("Eva", &[Role::Legal])];
    let app = with(engine, &people).await;
    let root = at(&app, "Root").await;
    let (operators, keys) = (&app.app.operators, &app.app.keys);
    let expires_at = app.app.context.clock.now().checked_add(Duration::from_secs(86_400)).ok();
    let key = async |operator, expires_at| {
        app.advance(Duration::from_secs(1));
        keys.add(&root, &NewKey { operator, roles: None, expires_at }).await.unwrap().shown.id
    };
    key("robot", expires_at).await;
    let revoked = key("robot", None).await;
    keys.revoke(&root, revoked).await.unwrap();
    key("Bo", None).await;
    app.advance(Duration::from_secs(1));
    operators.disable(&root, "bo").await.unwrap();
    operators.enable(&root, "bo").await.unwrap();
    // At the same moment: it is not one of those that ended with Bo.
    keys.add(&root, &NewKey { operator: "Bo", roles: None, expires_at: None }).await.unwrap();
    operators.set(&root, "Bo", roles(&[Role::Ops, Role::Security]), None).await.unwrap();
    operators.disable(&root, "Eva").await.unwrap();
    app
}

async fn change(app: &TestApp, statement: &str) {
    let mut tx = app.app.context.store.write().await.unwrap();
    let done = sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut *tx).await.unwrap();
    assert!(done.rows_affected() > 0, "nothing was changed: {statement}");
    tx.commit().await.unwrap();
}

const CASES: [(&str, &str); 16] = [
    (
        "UPDATE operators SET roles = 'ops, admin' WHERE name = 'Bo'",
        "the operator `Bo` is stored as `Bo (person): ops, admin`, sealed `Bo (person): ops, security`",
    ),
    (
        "UPDATE operators SET kind = 'person' WHERE name = 'robot'",
        "is stored as `robot (person): finance`, sealed `robot (machine)",
    ),
    ("UPDATE operators SET name = 'Boo' WHERE name = 'Bo'", "the operator `Boo` is stored as `Boo (person)"),
    (
        "UPDATE operators SET folded = 'eve', seen = 'eve' WHERE name = 'Bo'",
        "the operator `Bo` is found under another name",
    ),
    (
        "UPDATE operators SET disabled_at = NULL WHERE name = 'Eva'",
        "the operator `Eva` is stored as ended at never, sealed 2026-",
    ),
    (
        "UPDATE operators SET disabled_at = 1 WHERE name = 'Bo'",
        "the operator `Bo` is stored as ended at 1970-01-01T00:00:00.001Z, sealed never",
    ),
    ("UPDATE operators SET created_at = created_at - 1 WHERE name = 'Bo'", "the operator `Bo` is stored as added at"),
    ("DELETE FROM operators WHERE name = 'Eva'", "the operator that it records was removed"),
    (
        "INSERT INTO operators (id, name, folded, seen, kind, roles, created_at) SELECT 'ffffffff-ffff-7fff-8fff-ffffffffffff', 'Mallory', 'mallory', 'mallory', kind, 'admin', created_at FROM operators WHERE name = 'Bo'",
        "the operator `Mallory` has no entry",
    ),
    (
        "UPDATE keys SET expires_at = expires_at + 86400000 WHERE expires_at IS NOT NULL",
        "of `robot` is stored as `robot: finance; until 2026-11-26",
    ),
    (
        "UPDATE keys SET expires_at = NULL WHERE expires_at IS NOT NULL",
        "of `robot` is stored as `robot: finance; no end",
    ),
    (
        "UPDATE keys SET roles = 'ops, finance' WHERE expires_at IS NOT NULL",
        "of `robot` is stored as `robot: ops, finance",
    ),
    (
        "UPDATE keys SET revoked_at = NULL WHERE operator_id = (SELECT id FROM operators WHERE name = 'robot') AND revoked_at IS NOT NULL",
        "of `robot` is stored as ended at never",
    ),
    (
        "UPDATE keys SET revoked_at = NULL WHERE operator_id = (SELECT id FROM operators WHERE name = 'Bo') AND revoked_at IS NOT NULL",
        "of `Bo` is stored as ended at never",
    ),
    ("DELETE FROM keys WHERE expires_at IS NOT NULL", "which it records, was removed"),
    (
        "UPDATE keys SET operator_id = (SELECT id FROM operators WHERE name = 'Root') WHERE expires_at IS NOT NULL",
        "of `Root` is stored as `Root: finance; until",
    ),
];

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn whoever_changes_an_operator_or_a_key_in_the_table_is_found_out(#[case] engine: Engine) {
    for (statement, words) in CASES {
        let app = grown(engine).await;
        assert_eq!(audit(&app).await.problem, None, "what waits for its place counts too");
        app.app.ledger.checkpoint().await.unwrap();
        assert_eq!(audit(&app).await.problem, None);
        change(&app, statement).await;
        let report = audit(&app).await;
        let problem = report.problem.unwrap_or_default();
        assert!(problem.contains(words), "{statement}: {problem}");
        let added = problem.contains("has no entry") || problem.contains("another name");
        assert_eq!(report.first_bad.is_none(), added, "{statement}: it names the entry: {problem}");
    }
    // Another key in the place of one that was given out.
    let app = grown(engine).await;
    let hash = match engine {
        Engine::Sqlite => "zeroblob(32)",
        Engine::Postgres => "decode(repeat('00', 32), 'hex')",
    };
    change(&app, &format!("UPDATE keys SET hash = {hash} WHERE expires_at IS NOT NULL")).await;
    let problem = audit(&app).await.problem.unwrap_or_default();
    assert!(problem.contains(&format!("SHA-256 {}`, sealed `robot: finance; until", "0".repeat(64))), "{problem}");
}

/// What operators did ends by a period of its own: what the facts say still counts.
#[tokio::test]
async fn what_retention_has_left_of_the_entries_is_compared_still() {
    let app = grown(Engine::Sqlite).await;
    app.app.ledger.checkpoint().await.unwrap();
    app.advance(Duration::from_secs(86_400 * 366 * 4));
    app.purge(false).await;
    let left = "SELECT COUNT(*) FROM ledger_openings WHERE event = 'operated' AND person IS NOT NULL AND at < $1";
    let purged = app.app.context.clock.now_ms() - 86_400_000;
    let mut conn = app.app.context.store.read().await.unwrap();
    let left: i64 = sqlx::query_scalar(left).bind(purged).fetch_one(&mut *conn).await.unwrap();
    assert_eq!(left, 0, "the words are gone");
    drop(conn);
    assert_eq!(audit(&app).await.problem, None);
    change(&app, "UPDATE operators SET disabled_at = NULL WHERE name = 'Eva'").await;
    let problem = audit(&app).await.problem.unwrap_or_default();
    assert!(problem.contains("the operator `Eva` is stored as ended at never"), "{problem}");
}
