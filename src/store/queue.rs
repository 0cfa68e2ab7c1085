//! The queue: unfinished deliveries, claimed under a lease with a fencing token.
//!
//! A claim commits the lease's owner and end and a higher token before a byte is sent; whoever settles must hold that token.
//! Lease times come from the caller's clock on SQLite, where one dispatcher holds a file lock, and from the database's clock
//! on PostgreSQL, where nodes' clocks may disagree.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::customers::json;
use super::dialect::{Dialect, bulk};
use super::row::Row;
use super::{Conn, Result};

/// How long a lease lasts, in milliseconds. Living nodes renew theirs every third of it.
pub const LEASE_MS: i64 = 30_000;

/// A claimed delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The delivery.
    pub delivery_id: Uuid,
    /// The recipient's domain.
    pub domain: String,
    /// What settling it takes.
    pub token: i64,
    /// Transactions so far that came past MAIL FROM.
    pub attempts: u32,
    /// Back-off so far, in milliseconds.
    pub waited: i64,
}

/// Claims up to `limit` due deliveries of one notice, oldest first, none to a domain in `skip`; nothing of a notice that is
/// paused or no longer released.
pub async fn claim(
    conn: &mut Conn,
    notice_id: Uuid,
    owner: &str,
    now: Timestamp,
    skip: &[String],
    limit: usize,
) -> Result<Vec<Claimed>> {
    let sql = Dialect::of(conn).pick(
        "UPDATE queue SET lease_owner = $1, lease_until = $2 + $6, token = token + 1 WHERE delivery_id IN (
           SELECT delivery_id FROM queue WHERE notice_id = $3 AND lease_owner IS NULL AND due_at <= $2
             AND EXISTS (SELECT 1 FROM notices n WHERE n.id = $3 AND n.state = 'released' AND n.paused_at IS NULL)
             AND ($4 = '[]' OR domain NOT IN (SELECT value FROM json_each($4)))
           ORDER BY due_at, delivery_id LIMIT $5)
         RETURNING delivery_id, domain, token, attempts, waited",
        // A CTE, which is read once: a subquery in IN is run again for each row under some plans, and then LIMIT limits nothing.
        "WITH due AS (
           SELECT delivery_id FROM queue WHERE notice_id = $3 AND lease_owner IS NULL AND due_at <= $2
             AND EXISTS (SELECT 1 FROM notices n WHERE n.id = $3 AND n.state = 'released' AND n.paused_at IS NULL)
             AND ($4 = '[]' OR domain NOT IN (SELECT jsonb_array_elements_text($4::jsonb)))
           ORDER BY due_at, delivery_id LIMIT $5 FOR UPDATE SKIP LOCKED)
         UPDATE queue q SET lease_owner = $1, token = token + 1,
           lease_until = CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + $6
         FROM due WHERE q.delivery_id = due.delivery_id
         RETURNING q.delivery_id, q.domain, q.token, q.attempts, q.waited",
    );
    let rows = sqlx::query(sql)
        .bind(owner)
        .bind(now.as_millisecond())
        .bind(notice_id.to_string())
        .bind(json(skip))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(LEASE_MS)
        .fetch_all(conn)
        .await?;
    let mut claimed = rows
        .iter()
        .map(|row| {
            let row = Row::of("queue", row);
            Ok(Claimed {
                delivery_id: row.id("delivery_id")?,
                domain: row.get("domain")?,
                token: row.get("token")?,
                attempts: u32::try_from(row.count("attempts")?).unwrap_or(u32::MAX),
                waited: row.get("waited")?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    // RETURNING promises no order.
    claimed.sort_by_key(|claimed| claimed.delivery_id);
    Ok(claimed)
}

/// A claim to give back.
#[derive(Clone, Debug, Serialize)]
pub struct GiveBack {
    /// The delivery.
    pub id: String,
    /// The token it was claimed with.
    pub token: i64,
    /// When it may be claimed again.
    pub due_at: i64,
}

/// Gives claims back untried: no attempt is used up.
pub async fn give_back(conn: &mut Conn, claims: &[GiveBack]) -> Result<()> {
    let sql = bulk!(
        Dialect::of(conn),
        "UPDATE queue SET lease_owner = NULL, lease_until = NULL, due_at = r.due_at FROM (
           SELECT value ->> 'id' AS id, CAST(value ->> 'token' AS BIGINT) AS token,
             CAST(value ->> 'due_at' AS BIGINT) AS due_at FROM",
        rows,
        ") AS r WHERE queue.delivery_id = r.id AND queue.token = r.token AND queue.lease_owner IS NOT NULL"
    );
    sqlx::query(sql).bind(json(claims)).execute(conn).await?;
    Ok(())
}

/// Extends the leases of a living node.
pub async fn renew(conn: &mut Conn, owner: &str, now: Timestamp) -> Result<()> {
    let sql = Dialect::of(conn).pick(
        "UPDATE queue SET lease_until = $2 + $3 WHERE lease_owner = $1",
        "UPDATE queue SET lease_until = CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + $3
         WHERE lease_owner = $1 AND $2 >= 0",
    );
    sqlx::query(sql).bind(owner).bind(now.as_millisecond()).bind(LEASE_MS).execute(conn).await?;
    Ok(())
}

/// A claim whose node is gone: whether its message was taken, nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The delivery.
    pub delivery_id: Uuid,
    /// Its notice.
    pub notice_id: Uuid,
    /// Token of the stale claim.
    pub token: i64,
    /// Transactions so far that came past MAIL FROM.
    pub attempts: u32,
}

/// Takes over up to `limit` claims of other nodes: all of them with `every` (on SQLite at start, where there can be no other
/// living dispatcher), else those whose lease has run out. They are leased to `owner` then, under a higher token.
pub async fn take_over(conn: &mut Conn, owner: &str, now: Timestamp, every: bool, limit: u32) -> Result<Vec<Stale>> {
    let sql = Dialect::of(conn).pick(
        "UPDATE queue SET lease_owner = $1, lease_until = $2 + $5, token = token + 1 WHERE delivery_id IN (
           SELECT delivery_id FROM queue WHERE lease_owner IS NOT NULL AND lease_owner <> $1
             AND ($3 = 1 OR lease_until < $2) LIMIT $4)
         RETURNING delivery_id, notice_id, token, attempts",
        "WITH stale AS (
           SELECT delivery_id FROM queue WHERE lease_owner IS NOT NULL AND lease_owner <> $1 AND $2 >= 0
             AND ($3 = 1 OR lease_until < CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT))
           LIMIT $4 FOR UPDATE SKIP LOCKED)
         UPDATE queue q SET lease_owner = $1, token = token + 1,
           lease_until = CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + $5
         FROM stale WHERE q.delivery_id = stale.delivery_id
         RETURNING q.delivery_id, q.notice_id, q.token, q.attempts",
    );
    let rows = sqlx::query(sql)
        .bind(owner)
        .bind(now.as_millisecond())
        .bind(i64::from(every))
        .bind(i64::from(limit))
        .bind(LEASE_MS)
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let row = Row::of("queue", row);
            Ok(Stale {
                delivery_id: row.id("delivery_id")?,
                notice_id: row.id("notice_id")?,
                token: row.get("token")?,
                attempts: u32::try_from(row.count("attempts")?).unwrap_or(u32::MAX),
            })
        })
        .collect()
}

/// True while a claim may still be sent: it is ours, and its notice is neither paused nor cancelled; with the opt-out and
/// suppression of its address as they are now.
pub async fn still_ours(conn: &mut Conn, delivery_id: Uuid, token: i64) -> Result<bool> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS n FROM queue q JOIN notices n ON n.id = q.notice_id
         WHERE q.delivery_id = $1 AND q.token = $2 AND n.state = 'released' AND n.paused_at IS NULL",
    )
    .bind(delivery_id.to_string())
    .bind(token)
    .fetch_one(conn)
    .await?;
    Ok(Row::of("queue", &row).count("n")? == 1)
}

/// Unclaimed deliveries of a notice, to be cancelled: ids in order.
pub async fn unclaimed(conn: &mut Conn, notice_id: Uuid, limit: u32) -> Result<Vec<Uuid>> {
    let sql = Dialect::of(conn).pick(
        "SELECT delivery_id FROM queue WHERE notice_id = $1 AND lease_owner IS NULL
         ORDER BY due_at, delivery_id LIMIT $2",
        "SELECT delivery_id FROM queue WHERE notice_id = $1 AND lease_owner IS NULL
         ORDER BY due_at, delivery_id LIMIT $2 FOR UPDATE SKIP LOCKED",
    );
    let rows = sqlx::query(sql).bind(notice_id.to_string()).bind(i64::from(limit)).fetch_all(conn).await?;
    rows.iter().map(|row| Row::of("queue", row).id("delivery_id")).collect()
}

/// True while anything of a notice is unfinished.
pub async fn holds(conn: &mut Conn, notice_id: Uuid) -> Result<bool> {
    let row = sqlx::query("SELECT delivery_id FROM queue WHERE notice_id = $1 LIMIT 1")
        .bind(notice_id.to_string())
        .fetch_optional(conn)
        .await?;
    Ok(row.is_some())
}

/// How many deliveries of a notice could be claimed now, counted up to `limit`: a count of all would take time.
pub async fn due(conn: &mut Conn, notice_id: Uuid, now: Timestamp, limit: usize) -> Result<u64> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS n FROM (SELECT delivery_id FROM queue
           WHERE notice_id = $1 AND lease_owner IS NULL AND due_at <= $2 LIMIT $3) AS first",
    )
    .bind(notice_id.to_string())
    .bind(now.as_millisecond())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_one(conn)
    .await?;
    Row::of("queue", &row).count("n")
}

/// What waits, for those who ask whether there is anything to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Deliveries that a worker holds.
    pub leased: u64,
    /// Deliveries that could be sent now.
    pub due: u64,
    /// Deliveries that wait for their time.
    pub later: u64,
    /// When the first of those is due.
    pub next_due: Option<Timestamp>,
}

/// What waits of the notices that may be sent; of one of them, where named.
pub async fn depth(conn: &mut Conn, notice_id: Option<Uuid>, now: Timestamp) -> Result<Depth> {
    let row = sqlx::query(
        "SELECT COUNT(CASE WHEN lease_owner IS NOT NULL THEN 1 END) AS leased,
           COUNT(CASE WHEN lease_owner IS NULL AND due_at <= $1 THEN 1 END) AS due,
           COUNT(CASE WHEN lease_owner IS NULL AND due_at > $1 THEN 1 END) AS later,
           MIN(CASE WHEN lease_owner IS NULL AND due_at > $1 THEN due_at END) AS next_due
         FROM queue WHERE ($2 IS NULL OR notice_id = $2) AND notice_id IN
           (SELECT id FROM notices WHERE state IN ('released', 'cancelled') AND released_at IS NOT NULL
             AND closed_at IS NULL AND paused_at IS NULL)",
    )
    .bind(now.as_millisecond())
    .bind(notice_id.map(|id| id.to_string()))
    .fetch_one(conn)
    .await?;
    let row = Row::of("queue", &row);
    Ok(Depth {
        leased: row.count("leased")?,
        due: row.count("due")?,
        later: row.count("later")?,
        next_due: row.maybe_time("next_due")?,
    })
}
