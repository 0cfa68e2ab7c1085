//! Leases: what a node has claimed is its own while it renews them; what a node that is gone had claimed is taken over.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::queue::LEASE_MS;
use super::sendable::sendable;
use crate::store::engine::dialect::{Dialect, bulk, json, json_ids};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A claim that its node holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The delivery.
    pub id: Uuid,
    /// The token it was claimed with.
    pub token: i64,
}

/// Extends the leases that a live node holds; returns those that were still its own.
pub async fn renew(conn: &mut Conn, owner: &str, now: Timestamp, held: &[Held]) -> Result<Vec<Held>> {
    let sql = Dialect::of(conn).pick(
        "UPDATE queue SET lease_until = $3 + $4 FROM (
           SELECT value ->> 'id' AS id, CAST(value ->> 'token' AS BIGINT) AS token FROM json_each($1)) AS r
         WHERE queue.delivery_id = r.id AND queue.token = r.token AND queue.lease_owner = $2
         RETURNING delivery_id, queue.token AS token",
        // A claim that is being settled needs no renewal, and waiting for it while holding others would be a deadlock.
        "WITH held AS MATERIALIZED (
           SELECT q.delivery_id FROM queue q JOIN (
             SELECT value ->> 'id' AS id, CAST(value ->> 'token' AS BIGINT) AS token
             FROM jsonb_array_elements($1::jsonb)) AS r ON q.delivery_id = r.id AND q.token = r.token
           WHERE q.lease_owner = $2 AND $3 >= 0 FOR UPDATE OF q SKIP LOCKED)
         UPDATE queue SET lease_until = CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + $4
         FROM held WHERE queue.delivery_id = held.delivery_id
         RETURNING queue.delivery_id AS delivery_id, queue.token AS token",
    );
    query!(sql, json(held), owner, now, LEASE_MS)
        .all(conn, |row| {
            let row = Row::of("queue", row);
            Ok(Held { id: row.id("delivery_id")?, token: row.get("token")? })
        })
        .await
}

/// Returns to the queue what is leased to a live node without an owner inside it: claims whose commit succeeded and was never
/// answered. They were not tried. With `every`, all of them: for the claiming task, which knows what is held; else those whose
/// lease has expired.
pub async fn give_back_unheld(conn: &mut Conn, owner: &str, now: Timestamp, held: &[Held], every: bool) -> Result<u64> {
    let sql = Dialect::of(conn).pick(
        "UPDATE queue SET lease_owner = NULL, lease_until = NULL, first_at = CASE WHEN attempts > 0 THEN first_at
           ELSE (SELECT d.first_at FROM deliveries d WHERE d.id = queue.delivery_id) END
         WHERE lease_owner = $2 AND ($4 = 1 OR lease_until < $3) AND NOT EXISTS (
           SELECT 1 FROM json_each($1) WHERE value ->> 'id' = queue.delivery_id AND value ->> 'token' = queue.token)",
        "UPDATE queue SET lease_owner = NULL, lease_until = NULL, first_at = CASE WHEN attempts > 0 THEN first_at
           ELSE (SELECT d.first_at FROM deliveries d WHERE d.id = queue.delivery_id) END
         WHERE lease_owner = $2 AND $3 >= 0
           AND ($4 = 1 OR lease_until < CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)) AND NOT EXISTS (
             SELECT 1 FROM jsonb_array_elements($1::jsonb)
             WHERE value ->> 'id' = queue.delivery_id AND CAST(value ->> 'token' AS BIGINT) = queue.token)",
    );
    query!(sql, json(held), owner, now, every).changed(conn).await
}

/// A claim whose node is gone: whether its message was accepted is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The delivery.
    pub delivery_id: Uuid,
    /// Its notice.
    pub notice_id: Uuid,
    /// Token of the stale claim.
    pub token: i64,
    /// Transactions so far that got past MAIL FROM.
    pub attempts: u32,
    /// When it was claimed for its first attempt.
    pub first_at: Option<Timestamp>,
    /// How long it has waited between its attempts, in milliseconds.
    pub waited: i64,
}

/// Notes of claims that a relay refused their deliveries, so that no server has the messages. Whoever takes such a claim over need
/// not doubt it.
pub async fn note_refused(conn: &mut Conn, claims: &[Held]) -> Result<()> {
    let sql = bulk!(
        Dialect::of(conn),
        "UPDATE queue SET refused_token = r.token FROM (
           SELECT value ->> 'id' AS id, CAST(value ->> 'token' AS BIGINT) AS token FROM",
        rows,
        ") AS r WHERE queue.delivery_id = r.id AND queue.token = r.token AND queue.lease_owner IS NOT NULL"
    );
    query!(sql, json(claims)).run(conn).await
}

/// Returns the claims of other nodes to the queue whose deliveries were refused ([`note_refused`]), where [`take_over`] would take
/// them over. Returns how many.
pub async fn give_back_refused(conn: &mut Conn, owner: &str, now: Timestamp, every: bool) -> Result<u64> {
    let sql = Dialect::of(conn).pick(
        "UPDATE queue SET lease_owner = NULL, lease_until = NULL, first_at = CASE WHEN attempts > 0 THEN first_at
           ELSE (SELECT d.first_at FROM deliveries d WHERE d.id = queue.delivery_id) END
         WHERE lease_owner IS NOT NULL AND lease_owner <> $1 AND ($3 = 1 OR lease_until < $2) AND refused_token = token",
        "UPDATE queue SET lease_owner = NULL, lease_until = NULL, first_at = CASE WHEN attempts > 0 THEN first_at
           ELSE (SELECT d.first_at FROM deliveries d WHERE d.id = queue.delivery_id) END
         WHERE lease_owner IS NOT NULL AND lease_owner <> $1 AND $2 >= 0 AND refused_token = token
           AND ($3 = 1 OR lease_until < CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT))",
    );
    query!(sql, owner, now, every).changed(conn).await
}

/// Takes over up to `limit` claims of other nodes: all of them with `every` (on SQLite at start, when there can be no other
/// live dispatcher), else those whose lease has expired; none of the notices in `but`. They are then leased to `owner`, under a higher
/// token.
pub async fn take_over(
    conn: &mut Conn,
    (owner, now): (&str, Timestamp),
    every: bool,
    but: &[Uuid],
    limit: u32,
) -> Result<Vec<Stale>> {
    let sql = Dialect::of(conn).pick(
        "UPDATE queue SET lease_owner = $1, lease_until = $2 + $5, token = token + 1 WHERE delivery_id IN (
           SELECT delivery_id FROM queue WHERE lease_owner IS NOT NULL AND lease_owner <> $1
             AND ($3 = 1 OR lease_until < $2) AND notice_id NOT IN (SELECT value FROM json_each($6)) LIMIT $4)
         RETURNING delivery_id, notice_id, token, attempts, first_at, waited",
        "WITH stale AS (
           SELECT delivery_id FROM queue WHERE lease_owner IS NOT NULL AND lease_owner <> $1 AND $2 >= 0
             AND ($3 = 1 OR lease_until < CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT))
             AND notice_id <> ALL (ARRAY(SELECT jsonb_array_elements_text($6::jsonb)))
           LIMIT $4 FOR UPDATE SKIP LOCKED)
         UPDATE queue q SET lease_owner = $1, token = token + 1,
           lease_until = CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + $5
         FROM stale WHERE q.delivery_id = stale.delivery_id
         RETURNING q.delivery_id, q.notice_id, q.token, q.attempts, q.first_at, q.waited",
    );
    query!(sql, owner, now, every, limit, LEASE_MS, json_ids(but))
        .all(conn, |row| {
            let row = Row::of("queue", row);
            Ok(Stale {
                delivery_id: row.id("delivery_id")?,
                notice_id: row.id("notice_id")?,
                token: row.get("token")?,
                attempts: u32::try_from(row.count("attempts")?).unwrap_or(u32::MAX),
                first_at: row.maybe_time("first_at")?,
                waited: row.get("waited")?,
            })
        })
        .await
}

/// True while a claim may still be sent: it is ours, and its notice is neither paused nor cancelled. Opt-outs and suppressions
/// are checked elsewhere.
pub async fn still_ours(conn: &mut Conn, delivery_id: Uuid, token: i64) -> Result<bool> {
    let sql = concat!(
        "SELECT COUNT(*) AS n FROM queue q JOIN notices n ON n.id = q.notice_id
         WHERE q.delivery_id = $1 AND q.token = $2 AND q.lease_owner IS NOT NULL
           AND ",
        sendable!(),
        ""
    );
    Ok(query!(sql, delivery_id, token).count(conn, "queue").await? == 1)
}
