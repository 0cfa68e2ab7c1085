//! Messages that cannot be recorded: they stop no other, and are recorded later.

use std::time::Duration;

use besked::domain::delivery::State;
use besked::ledger::audit::Verdict as Audit;
use besked::store::inbound;
use rstest::rstest;
use uuid::Uuid;

use super::{Dsn, notified, return_path, take, to_c2};
use crate::app::TestApp;
use crate::audit::audit;
use crate::database::Engine;

async fn sql(app: &TestApp, statement: String) {
    let mut tx = app.app.context.store.write().await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// Has the database refuse some new rows of a table.
pub async fn refuse(app: &TestApp, engine: Engine, table: &str, condition: &str) {
    if engine == Engine::Sqlite {
        let trigger = format!("BEFORE INSERT ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, 'odd'); END");
        sql(app, format!("CREATE TRIGGER odd {trigger}")).await;
    } else {
        let body = "BEGIN RAISE EXCEPTION 'odd'; END";
        sql(app, format!("CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")).await;
        let trigger = format!("BEFORE INSERT ON {table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION odd()");
        sql(app, format!("CREATE TRIGGER odd {trigger}")).await;
    }
}

/// Ends what [`refuse`] began.
pub async fn refuse_no_more(app: &TestApp, engine: Engine, table: &str) {
    let on = if engine == Engine::Sqlite { String::new() } else { format!(" ON {table}") };
    sql(app, format!("DROP TRIGGER odd{on}")).await;
}

/// Takes a failure report about a delivery, and returns the id of the message.
async fn failed(app: &TestApp, delivery: Uuid, id: &str) -> Uuid {
    let path = return_path(app, delivery);
    take(app, Some(&path), Dsn { to: &path, id, ..Dsn::default() }.bytes()).await;
    let mut conn = app.app.context.store.read().await.unwrap();
    inbound::list(&mut conn, false, None, 1).await.unwrap()[0].id
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_the_database_refuses_or_damaged_stops_no_other_and_is_recorded_later(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (id, delivery) = notified(&app).await;
    let other = app.informed("C1", id).await.notices[0].deliveries[0].id;
    // The oldest come first.
    let empty = failed(&app, delivery.id, "1@mx").await;
    let damaged = failed(&app, delivery.id, "2@mx").await;
    let refused = failed(&app, other, "3@mx").await;
    failed(&app, delivery.id, "4@mx").await;
    sql(&app, format!("UPDATE inbound SET raw = NULL WHERE id = '{empty}'")).await;
    let bytes = if engine == Engine::Sqlite { "x'00'" } else { "'\\x00'::bytea" };
    sql(&app, format!("UPDATE inbound SET raw = {bytes} WHERE id = '{damaged}'")).await;
    refuse(&app, engine, "reports", &format!("NEW.inbound_id = '{refused}'")).await;
    let worked = app.app.inbound.work_once().await.unwrap();
    assert_eq!((worked.recorded, worked.unmatched, worked.waiting), (1, 0, 0));
    assert_eq!(to_c2(&app, id).await.state, State::Bounced);
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Bounced, 1)].into());

    refuse_no_more(&app, engine, "reports").await;
    assert!(app.app.inbound.work_once().await.unwrap().is_nothing(), "not before a minute is over");
    app.advance(Duration::from_secs(61));
    assert_eq!(app.app.inbound.work_once().await.unwrap().recorded, 1);
    let to_c1 = async || app.informed("C1", id).await.notices[0].deliveries[0].reports.len();
    assert_eq!(to_c1().await, 1, "what was refused is recorded");
    app.advance(Duration::from_secs(61));
    assert_eq!(app.app.inbound.work_once().await.unwrap().recorded, 0);
    assert_eq!(to_c1().await, 1, "and once");
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
}
