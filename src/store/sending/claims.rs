//! Claims: due deliveries of a notice, leased with a fencing token, oldest first, past the domains at their limit.

use jiff::Timestamp;
use uuid::Uuid;

use super::deliveries::packed;
use super::queue::LEASE_MS;
use super::sendable::sendable;
use crate::domain::clock::from_millis;
use crate::store::engine::dialect::{Dialect, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A claimed delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The delivery.
    pub delivery_id: Uuid,
    /// The recipient's domain.
    pub domain: String,
    /// What settling it needs.
    pub token: i64,
    /// Transactions so far that got past MAIL FROM.
    pub attempts: u32,
    /// Back-off so far, in milliseconds.
    pub waited: i64,
    /// When it was claimed for its first attempt: the Date of its message.
    pub first_at: Timestamp,
    /// Its recipient, for [`ToSend::unpack`](super::deliveries::ToSend::unpack); `None` if the person was erased.
    pub to: Option<String>,
}

/// What a claim returns of each row of `queue`. The recipient comes with it: another statement would be another way to the database
/// and back.
macro_rules! claimed {
    (sqlite) => {
        claimed!(with "json_array", " RETURNING delivery_id, CAST(json_array(domain, token, attempts, waited, first_at) AS TEXT)", "delivery_id")
    };
    (postgres) => {
        claimed!(with "json_build_array", " RETURNING q.delivery_id,
           CAST(json_build_array(q.domain, q.token, q.attempts, q.waited, q.first_at) AS TEXT)", "q.delivery_id")
    };
    (with $array:literal, $claim:literal, $id:literal) => {
        concat!($claim, " AS claim, (SELECT ", packed!($array), " FROM deliveries d JOIN notices n ON n.id = d.notice_id
           WHERE d.id = ", $id, " AND d.email <> '') AS recipient")
    };
}

/// How many deliveries a claim reads beyond those that it takes, to domains at their limit or locked by another
/// node: a claim costs the same however many of them precede the others.
const WINDOW: usize = 256;

/// The first window: such deliveries are rarely in front, and PostgreSQL reads the whole window each time.
const NEAR: usize = 16;

/// How many deliveries [`set_aside`] reads.
const ASIDE: usize = 1024;

/// How many domains [`domains`] reads.
const DOMAINS: u64 = 256;

/// Claims up to `limit` due deliveries of one notice, oldest first, none to a domain in `skip` and none that was set aside;
/// nothing of a notice that is paused or cancelled. What is queued of a closed one is sent again, as an operator decided. It may
/// find fewer than there are if many to the domains skipped precede the others: see [`set_aside`].
pub async fn claim(
    conn: &mut Conn,
    notice_id: Uuid,
    owner: &str,
    now: Timestamp,
    skip: &[String],
    limit: usize,
) -> Result<Vec<Claimed>> {
    let mut claimed = claim_among(conn, notice_id, owner, now, skip, (limit, limit + NEAR)).await?;
    let left = limit.saturating_sub(claimed.len());
    if left > 0 {
        claimed.extend(claim_among(conn, notice_id, owner, now, skip, (left, left + WINDOW)).await?);
    }
    Ok(claimed)
}

/// Claims the first or the last due delivery of a notice that is to no domain in `skip`, as [`claim`] does.
pub async fn claim_end(
    conn: &mut Conn,
    notice_id: Uuid,
    owner: &str,
    now: Timestamp,
    skip: &[String],
    last: bool,
) -> Result<Option<Claimed>> {
    let (sqlite, postgres) = if last {
        (claim_sql!(sqlite "DESC"), claim_sql!(postgres "DESC"))
    } else {
        (claim_sql!(sqlite "ASC"), claim_sql!(postgres "ASC"))
    };
    let sql = Dialect::of(conn).pick(sqlite, postgres);
    Ok(run_claim(conn, sql, notice_id, owner, now, skip, (1, WINDOW)).await?.pop())
}

/// Claims up to `limit` of the first `window`.
async fn claim_among(
    conn: &mut Conn,
    notice_id: Uuid,
    owner: &str,
    now: Timestamp,
    skip: &[String],
    (limit, window): (usize, usize),
) -> Result<Vec<Claimed>> {
    let sql = Dialect::of(conn).pick(claim_sql!(sqlite "ASC"), claim_sql!(postgres "ASC"));
    run_claim(conn, sql, notice_id, owner, now, skip, (limit, window)).await
}

/// The statement of a claim for each engine, from one end of a notice's queue.
macro_rules! claim_sql {
    // A bare parameter as LIMIT would be planned for its value, and the statement prepared again for the next one.
    (sqlite $order:literal) => {
        concat!(
            "UPDATE queue SET lease_owner = $1, lease_until = $2 + $6, token = token + 1,
           first_at = COALESCE(first_at, $2) WHERE delivery_id IN (
           SELECT delivery_id FROM (
             SELECT delivery_id, domain FROM queue
             WHERE notice_id = $3 AND aside = 0 AND lease_owner IS NULL AND due_at <= $2 AND EXISTS (SELECT 1 FROM notices n WHERE n.id = $3
                 AND ",
            sendable!(),
            ")
             ORDER BY due_at ",
            $order,
            ", delivery_id ",
            $order,
            " LIMIT $7 + 0)
           WHERE $4 = '[]' OR domain NOT IN (SELECT value FROM json_each($4)) LIMIT $5 + 0)",
            claimed!(sqlite)
        )
    };
    // A CTE is read once: some plans run a subquery in IN again for each row, and then LIMIT limits nothing.
    (postgres $order:literal) => {
        concat!(
            "WITH head AS MATERIALIZED (
           SELECT delivery_id, domain, due_at FROM queue
           WHERE notice_id = $3 AND aside = 0 AND lease_owner IS NULL AND due_at <= $2 AND EXISTS (SELECT 1 FROM notices n WHERE n.id = $3
                 AND ",
            sendable!(),
            ")
           ORDER BY due_at ",
            $order,
            ", delivery_id ",
            $order,
            " LIMIT $7),
         due AS MATERIALIZED (
           SELECT q.delivery_id FROM head JOIN queue q ON q.delivery_id = head.delivery_id
           WHERE q.aside = 0 AND q.lease_owner IS NULL AND q.due_at <= $2
             AND ($4 = '[]' OR q.domain NOT IN (SELECT jsonb_array_elements_text($4::jsonb)))
           ORDER BY head.due_at ",
            $order,
            ", head.delivery_id ",
            $order,
            " LIMIT $5 FOR UPDATE OF q SKIP LOCKED)
         UPDATE queue q SET lease_owner = $1, token = token + 1, first_at = COALESCE(q.first_at, $2),
           lease_until = CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + $6
         FROM due WHERE q.delivery_id = due.delivery_id",
            claimed!(postgres)
        )
    };
}
use claim_sql;

async fn run_claim(
    conn: &mut Conn,
    sql: &'static str,
    notice_id: Uuid,
    owner: &str,
    now: Timestamp,
    skip: &[String],
    (limit, window): (usize, usize),
) -> Result<Vec<Claimed>> {
    let rows = query!(sql, owner, now, notice_id, json(skip), limit, LEASE_MS, window).rows(conn).await?;
    read_claimed(&rows)
}

fn read_claimed(rows: &[sqlx::any::AnyRow]) -> Result<Vec<Claimed>> {
    let mut claimed = rows
        .iter()
        .map(|row| {
            let row = Row::of("queue", row);
            let (domain, token, attempts, waited, first_at) = row.json("claim")?;
            Ok(Claimed {
                delivery_id: row.id("delivery_id")?,
                domain,
                token,
                attempts,
                waited,
                first_at: from_millis(first_at),
                to: row.get("recipient")?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    // RETURNING promises no order.
    claimed.sort_by_key(|claimed| claimed.delivery_id);
    Ok(claimed)
}

/// Sets aside what a claim skips: of the first due deliveries those to a domain in `skip`, which would precede the others for
/// as long as their domain is at its limit. Each is skipped once, so that a claim costs the same however many there are;
/// from then on it is found by its domain. Returns how many.
pub async fn set_aside(conn: &mut Conn, notice_id: Uuid, now: Timestamp, skip: &[String]) -> Result<u64> {
    let sql = Dialect::of(conn).pick(
        "UPDATE queue SET aside = 1 WHERE delivery_id IN (
           SELECT delivery_id FROM (
             SELECT delivery_id, domain FROM queue
             WHERE notice_id = $1 AND aside = 0 AND lease_owner IS NULL AND due_at <= $2
             ORDER BY due_at, delivery_id LIMIT $4 + 0)
           WHERE domain IN (SELECT value FROM json_each($3)))",
        "WITH head AS MATERIALIZED (
           SELECT delivery_id, domain FROM queue
           WHERE notice_id = $1 AND aside = 0 AND lease_owner IS NULL AND due_at <= $2
           ORDER BY due_at, delivery_id LIMIT $4),
         over AS MATERIALIZED (
           SELECT q.delivery_id FROM head JOIN queue q ON q.delivery_id = head.delivery_id
           WHERE q.aside = 0 AND q.lease_owner IS NULL
             AND head.domain = ANY (ARRAY(SELECT jsonb_array_elements_text($3::jsonb))) FOR UPDATE OF q SKIP LOCKED)
         UPDATE queue q SET aside = 1 FROM over WHERE q.delivery_id = over.delivery_id",
    );
    query!(sql, notice_id, now, json(skip), ASIDE).changed(conn).await
}

/// A range of the domains for which deliveries of a notice were set aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// The domains in their order.
    pub domains: Vec<String>,
    /// The last one, if there may be more after the range.
    pub upto: Option<String>,
}

/// The domains after `after` for which deliveries of a notice were set aside, among the next [`DOMAINS`].
pub async fn domains(conn: &mut Conn, notice_id: Uuid, after: &str) -> Result<Stretch> {
    // From each domain to the next: what waits for any of them is not read.
    let sql = "WITH RECURSIVE d (domain, n) AS (
           SELECT (SELECT MIN(q.domain) FROM queue q WHERE q.notice_id = $1 AND q.aside = 1 AND q.domain > $2), 1
           UNION ALL
           SELECT (SELECT MIN(q.domain) FROM queue q
             WHERE q.notice_id = $1 AND q.aside = 1 AND q.domain > d.domain), d.n + 1
           FROM d WHERE d.domain IS NOT NULL AND d.n < $3)
         SELECT domain FROM d WHERE domain IS NOT NULL ORDER BY domain";
    let rows = query!(sql, notice_id, after, DOMAINS).rows(conn).await?;
    let domains: Vec<String> = rows.iter().map(|row| Row::of("queue", row).get("domain")).collect::<Result<_>>()?;
    let upto = domains.last().filter(|_| domains.len() as u64 == DOMAINS).cloned();
    Ok(Stretch { domains, upto })
}

/// Claims the oldest delivery of a notice that was set aside for each of these domains, as [`claim`] does.
pub async fn claim_of(
    conn: &mut Conn,
    notice_id: Uuid,
    owner: &str,
    now: Timestamp,
    domains: &[String],
) -> Result<Vec<Claimed>> {
    let sql = Dialect::of(conn).pick(
        concat!(
            "UPDATE queue SET lease_owner = $1, lease_until = $2 + $5, token = token + 1, aside = 0,
           first_at = COALESCE(first_at, $2) WHERE delivery_id IN (
           SELECT (SELECT q.delivery_id FROM queue q WHERE q.notice_id = $3 AND q.domain = skipped.value
             AND q.aside = 1 AND q.due_at <= $2 ORDER BY q.due_at, q.delivery_id LIMIT 1)
           FROM json_each($4) skipped
           WHERE EXISTS (SELECT 1 FROM notices n WHERE n.id = $3
             AND ",
            sendable!(),
            "))",
            claimed!(sqlite)
        ),
        concat!(
            "WITH first AS MATERIALIZED (
           SELECT (SELECT q.delivery_id FROM queue q WHERE q.notice_id = $3 AND q.domain = skipped.domain
             AND q.aside = 1 AND q.due_at <= $2 ORDER BY q.due_at, q.delivery_id LIMIT 1) AS delivery_id
           FROM jsonb_array_elements_text($4::jsonb) AS skipped (domain)
           WHERE EXISTS (SELECT 1 FROM notices n WHERE n.id = $3
             AND ",
            sendable!(),
            ")),
         due AS MATERIALIZED (
           SELECT q.delivery_id FROM first JOIN queue q ON q.delivery_id = first.delivery_id
           WHERE q.aside = 1 FOR UPDATE OF q SKIP LOCKED)
         UPDATE queue q SET lease_owner = $1, token = token + 1, aside = 0, first_at = COALESCE(q.first_at, $2),
           lease_until = CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + $5
         FROM due WHERE q.delivery_id = due.delivery_id",
            claimed!(postgres)
        ),
    );
    let rows = query!(sql, owner, now, notice_id, json(domains), LEASE_MS).rows(conn).await?;
    read_claimed(&rows)
}
