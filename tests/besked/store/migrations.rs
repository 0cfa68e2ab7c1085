//! Migrations beside nodes that work.

use sqlx::Executor as _;

use super::Fixture;
use crate::database::Engine;

/// The tables as they were before deliveries in doubt had one of their own.
const BEFORE_DOUBTS: &str =
    "DROP TRIGGER deliveries_doubted ON deliveries; DROP TRIGGER deliveries_settled ON deliveries;
    DROP TRIGGER deliveries_gone ON deliveries; DROP FUNCTION note_doubt; DROP FUNCTION forget_doubt; DROP TABLE doubts;
    CREATE INDEX deliveries_uncertain ON deliveries (notice_id, id) WHERE state = 'uncertain';
    ALTER TABLE queue DROP COLUMN aside; CREATE INDEX queue_by_notice ON queue (notice_id, due_at, delivery_id);
    CREATE INDEX queue_by_domain ON queue (notice_id, domain, due_at, delivery_id) WHERE lease_owner IS NULL;
    DROP INDEX customer_attributes_by_value; ALTER TABLE ledger_head DROP COLUMN customers_revision;
    DELETE FROM _sqlx_migrations WHERE version >= 4";

#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_that_comes_while_doubts_get_their_table_is_in_it() {
    let fixture = Fixture::new(Engine::Postgres).await;
    let mut tx = fixture.store.write().await.unwrap();
    fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    tx.commit().await.unwrap();
    fixture.store.read().await.unwrap().execute(BEFORE_DOUBTS).await.unwrap();
    let doubt = async |email: &'static str| {
        let mut tx = fixture.store.write().await.unwrap();
        let sql = "UPDATE deliveries SET state = 'uncertain' WHERE email = $1";
        sqlx::query(sql).bind(email).execute(&mut *tx).await.unwrap();
        tx
    };
    doubt("a@x.example").await.commit().await.unwrap();
    let node = doubt("b@x.example").await;
    let mut conn = fixture.store.read().await.unwrap();
    let ends = async {
        let waits = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND relation = 'deliveries'::regclass";
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut *conn).await.unwrap() == 0 {}
        node.commit().await.unwrap();
    };
    let (migrated, ()) = tokio::join!(fixture.store.migrate(), ends);
    migrated.unwrap();
    let doubts: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM doubts").fetch_one(&mut *conn).await.unwrap();
    assert_eq!(doubts, 2);
}
