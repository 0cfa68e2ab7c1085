//! The queue: unfinished deliveries, claimed under a lease with a fencing token.
//!
//! A claim commits the owner and end of a lease and a higher token before a byte is sent; settling requires that token.
//! Lease times come from the caller's clock on SQLite, where one dispatcher holds a file lock, and from the database's clock
//! on PostgreSQL, where nodes' clocks may disagree.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::sendable::under_way;
use crate::store::engine::dialect::{Dialect, bulk, json, json_ids};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// How long a lease lasts, in milliseconds. Live nodes renew theirs after each third of it.
pub const LEASE_MS: i64 = 30_000;

/// A claim to return.
#[derive(Clone, Debug, Serialize)]
pub struct GiveBack {
    /// The delivery.
    pub id: Uuid,
    /// The token it was claimed with.
    pub token: i64,
    /// When it may be claimed again; `None` keeps its place in the queue.
    pub due_at: Option<i64>,
    /// The end of the quiet hours that it waits for, which is `due_at` then.
    pub not_before: Option<i64>,
}

/// Returns claims untried: no attempt is used up, and the first attempt is still to come unless there was one before.
pub async fn give_back(conn: &mut Conn, claims: &[GiveBack]) -> Result<()> {
    let sql = bulk!(
        Dialect::of(conn),
        "UPDATE queue SET lease_owner = NULL, lease_until = NULL, due_at = COALESCE(r.due_at, queue.due_at),
           not_before = COALESCE(r.not_before, queue.not_before), first_at = CASE WHEN queue.attempts > 0 THEN queue.first_at
             ELSE (SELECT d.first_at FROM deliveries d WHERE d.id = queue.delivery_id) END FROM (
           SELECT value ->> 'id' AS id, CAST(value ->> 'token' AS BIGINT) AS token,
             CAST(value ->> 'due_at' AS BIGINT) AS due_at, CAST(value ->> 'not_before' AS BIGINT) AS not_before FROM",
        rows,
        ") AS r WHERE queue.delivery_id = r.id AND queue.token = r.token AND queue.lease_owner IS NOT NULL"
    );
    query!(sql, json(claims)).run(conn).await
}

/// Domains to which nothing may be sent before a time.
#[derive(Clone, Debug, Serialize)]
pub struct PutOff {
    /// The domain.
    pub domain: String,
    /// When its deliveries are due.
    pub until: i64,
}

/// Postpones up to `limit` deliveries of a notice that were set aside for some domains; those with fewer attempts then go first.
/// Returns how many.
pub async fn put_off(conn: &mut Conn, notice_id: Uuid, domains: &[PutOff], limit: usize) -> Result<u64> {
    let sql = Dialect::of(conn).pick(
        "UPDATE queue SET aside = 0, due_at = attempts + (SELECT CAST(value ->> 'until' AS BIGINT) FROM json_each($1)
           WHERE value ->> 'domain' = queue.domain)
         WHERE delivery_id IN (SELECT delivery_id FROM queue
           WHERE notice_id = $2 AND aside = 1 AND domain IN (SELECT value ->> 'domain' FROM json_each($1)) LIMIT $3)",
        "WITH held AS (
           SELECT q.delivery_id, r.until FROM queue q JOIN
             (SELECT value ->> 'domain' AS domain, CAST(value ->> 'until' AS BIGINT) AS until
              FROM jsonb_array_elements($1::jsonb)) AS r ON r.domain = q.domain
           WHERE q.notice_id = $2 AND q.aside = 1 LIMIT $3 FOR UPDATE OF q SKIP LOCKED)
         UPDATE queue SET aside = 0, due_at = held.until + queue.attempts FROM held WHERE queue.delivery_id = held.delivery_id",
    );
    query!(sql, json(domains), notice_id, limit).changed(conn).await
}

/// Makes deliveries due that wait and are unclaimed, since what they waited for is over. They go before what was released after
/// them, as if they had not waited. Those that wait for their schedule still do.
pub async fn hasten(conn: &mut Conn, ids: &[Uuid], now: Timestamp) -> Result<()> {
    let sql = Dialect::of(conn).pick(
        "UPDATE queue SET due_at = MIN($2, COALESCE((SELECT n.released_at FROM notices n WHERE n.id = notice_id), $2))
         WHERE lease_owner IS NULL AND due_at > $2 AND (not_before IS NULL OR not_before <> due_at)
           AND delivery_id IN (SELECT value FROM json_each($1))",
        "UPDATE queue q SET due_at = LEAST($2, COALESCE(n.released_at, $2))
         FROM jsonb_array_elements_text($1::jsonb) AS ids (id), notices n
         WHERE q.delivery_id = ids.id AND n.id = q.notice_id AND q.lease_owner IS NULL AND q.due_at > $2
           AND (q.not_before IS NULL OR q.not_before <> q.due_at)",
    );
    query!(sql, json_ids(ids), now).run(conn).await
}

/// The open notices whose last delivery is due after `latest`, in milliseconds: later than anything is put off, unless a schedule
/// does it. Reads one row of each notice: behind deliveries that wait for their schedule, others may wait as long as those.
pub async fn due_after(conn: &mut Conn, latest: i64) -> Result<Vec<Uuid>> {
    let sql = concat!(
        "SELECT n.id FROM notices n WHERE ",
        under_way!(),
        " AND (SELECT CASE WHEN q.not_before = q.due_at THEN 0 ELSE 1 END FROM queue q
             WHERE q.notice_id = n.id AND q.aside = 0 AND q.due_at > $1 AND q.lease_owner IS NULL
             ORDER BY q.due_at DESC, q.delivery_id DESC LIMIT 1) = 1"
    );
    query!(sql, latest).all(conn, |row| Row::of("notices", row).id("id")).await
}

/// Makes some deliveries of a notice due that are due after `latest`, in milliseconds, or exactly at its release, if that is ahead
/// of `now`. Those that wait for their schedule still do: it names a time, which no clock that differs has set. Returns how many.
pub async fn bring_forward(
    conn: &mut Conn,
    notice_id: Uuid,
    now: Timestamp,
    (latest, released): (i64, Option<Timestamp>),
    limit: usize,
) -> Result<u64> {
    let sql = Dialect::of(conn).pick(
        "UPDATE queue SET due_at = $2 WHERE delivery_id IN (
           SELECT delivery_id FROM queue WHERE notice_id = $1 AND aside = 0 AND lease_owner IS NULL AND due_at > $2
             AND (due_at > $3 OR due_at = $4) AND (not_before IS NULL OR not_before <> due_at)
           ORDER BY due_at, delivery_id LIMIT $5 + 0)",
        "WITH early AS MATERIALIZED (
           SELECT delivery_id FROM queue WHERE notice_id = $1 AND aside = 0 AND lease_owner IS NULL AND due_at > $2
             AND (due_at > $3 OR due_at = $4) AND (not_before IS NULL OR not_before <> due_at)
           ORDER BY due_at, delivery_id LIMIT $5 FOR UPDATE SKIP LOCKED)
         UPDATE queue q SET due_at = $2 FROM early WHERE q.delivery_id = early.delivery_id",
    );
    query!(sql, notice_id, now, latest, released, limit).changed(conn).await
}

/// Unclaimed deliveries of a notice, to be cancelled: ids in order.
pub async fn unclaimed(conn: &mut Conn, notice_id: Uuid, limit: u32) -> Result<Vec<Uuid>> {
    let sql = Dialect::of(conn).pick(
        "SELECT delivery_id FROM queue WHERE notice_id = $1 AND lease_owner IS NULL
         ORDER BY aside, due_at, delivery_id LIMIT $2",
        "SELECT delivery_id FROM queue WHERE notice_id = $1 AND lease_owner IS NULL
         ORDER BY aside, due_at, delivery_id LIMIT $2 FOR UPDATE SKIP LOCKED",
    );
    query!(sql, notice_id, limit).all(conn, |row| Row::of("queue", row).id("delivery_id")).await
}

/// True while a delivery of a notice is unfinished.
pub async fn holds(conn: &mut Conn, notice_id: Uuid) -> Result<bool> {
    let sql = "SELECT delivery_id FROM queue WHERE notice_id = $1 ORDER BY aside, due_at, delivery_id LIMIT 1";
    query!(sql, notice_id).exists(conn).await
}
