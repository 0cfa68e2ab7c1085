//! Deliveries that lost their place in the queue. Nothing that this program does loses one: a row that was deleted by hand, or a table
//! that was restored alone, must not leave somebody uninformed without a word.

use jiff::Timestamp;
use uuid::Uuid;

use crate::store::engine::dialect::Dialect;
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// True for a delivery `d` that is unfinished and has no place in the queue.
macro_rules! is_lost {
    () => {
        "d.state IN ('queued', 'deferred') AND d.email <> '' AND NOT EXISTS (SELECT 1 FROM queue q WHERE q.delivery_id = d.id)"
    };
}

/// How many deliveries of a released notice are unfinished without a place in the queue, and the first of them.
pub async fn count(conn: &mut Conn, notice_id: Uuid) -> Result<(u64, Option<Uuid>)> {
    let sql = concat!(
        "SELECT COUNT(*) AS n, MIN(d.id) AS first FROM deliveries d JOIN notices n ON n.id = d.notice_id
         WHERE d.notice_id = $1 AND n.released_at IS NOT NULL AND ",
        is_lost!()
    );
    query!(sql, notice_id)
        .one(conn, |row| {
            let row = Row::of("deliveries", row);
            Ok((row.count("n")?, row.maybe("first")?))
        })
        .await
}

/// The open notices with fewer deliveries in the queue than are unfinished, by the counts that the database maintains: no delivery
/// is read.
pub async fn notices(conn: &mut Conn) -> Result<Vec<Uuid>> {
    let sql = "SELECT n.id FROM notices n WHERE n.state IN ('released', 'scheduled', 'releasing', 'cancelled') AND n.closed_at IS NULL
           AND n.released_at IS NOT NULL AND n.recipients >
           (SELECT COUNT(*) FROM queue q WHERE q.notice_id = n.id
              AND NOT EXISTS (SELECT 1 FROM doubts u WHERE u.notice_id = n.id AND u.delivery_id = q.delivery_id))
           + COALESCE((SELECT CAST(SUM(c.n) AS BIGINT) FROM delivery_counts c
              WHERE c.notice_id = n.id AND c.state NOT IN ('queued', 'deferred')), 0)
         ORDER BY n.lane, n.released_at, n.id";
    query!(sql).all(conn, |row| Row::of("notices", row).id("id")).await
}

/// Puts the unfinished deliveries of a notice that lost their place back into the queue; returns how many. They are due at once, and
/// their tokens are far above all that earlier claims can have had.
pub async fn requeue(conn: &mut Conn, notice_id: Uuid, now: Timestamp) -> Result<u64> {
    let sql = Dialect::of(conn).pick(
        concat!(
            "INSERT INTO queue (delivery_id, notice_id, lane, domain, due_at, attempts, waited, token, first_at)
             SELECT d.id, d.notice_id, n.lane, substr(d.email, instr(d.email, '@') + 1), $2, d.attempts, 0, $2, d.first_at
             FROM deliveries d JOIN notices n ON n.id = d.notice_id
             WHERE d.notice_id = $1 AND n.released_at IS NOT NULL AND ",
            is_lost!(),
            ""
        ),
        concat!(
            "INSERT INTO queue (delivery_id, notice_id, lane, domain, due_at, attempts, waited, token, first_at)
             SELECT d.id, d.notice_id, n.lane, substr(d.email, strpos(d.email, '@') + 1), $2, d.attempts, 0, $2, d.first_at
             FROM deliveries d JOIN notices n ON n.id = d.notice_id
             WHERE d.notice_id = $1 AND n.released_at IS NOT NULL AND ",
            is_lost!(),
            " ON CONFLICT (delivery_id) DO NOTHING"
        ),
    );
    query!(sql, notice_id, now).changed(conn).await
}
