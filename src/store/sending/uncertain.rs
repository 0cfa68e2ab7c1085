//! Uncertain deliveries: it is unknown whether a server accepted their message. Those of mandatory notices wait in the queue to
//! be sent again, the others for an operator. And sending again what failed, which an operator decides.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::sending::states;
use crate::store::{Conn, Result, notices};

/// How many deliveries are uncertain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    /// Those that wait for an operator.
    pub operator: u64,
    /// Those that are sent again without an operator.
    pub again: u64,
}

/// Counts the uncertain deliveries.
pub async fn count(conn: &mut Conn) -> Result<Doubts> {
    let sql = "SELECT COUNT(*) AS doubts, COUNT(q.delivery_id) AS again
         FROM doubts u LEFT JOIN queue q ON q.delivery_id = u.delivery_id";
    let row = query!(sql).row(conn).await?;
    let row = Row::of("doubts", &row);
    let again = row.count("again")?;
    Ok(Doubts { operator: row.count("doubts")?.saturating_sub(again), again })
}

/// An uncertain delivery, for the operator who decides.
#[derive(Clone, Debug, Serialize)]
pub struct Doubt {
    /// The delivery.
    pub id: Uuid,
    /// Its notice.
    pub notice: Uuid,
    /// Account id.
    pub account_id: String,
    /// Address; empty once erased.
    pub email: String,
    /// Since when it is uncertain.
    pub at: Timestamp,
    /// The relay of the last attempt, if there was one.
    pub relay: Option<String>,
    /// Why it is uncertain.
    pub reply: Option<String>,
    /// When it is sent again without an operator; `None` if it waits for one.
    pub again_at: Option<Timestamp>,
}

/// A page of the uncertain deliveries, of all notices or of one, in the order of notice and delivery.
pub async fn list(
    conn: &mut Conn,
    notice_id: Option<Uuid>,
    after: Option<(Uuid, Uuid)>,
    limit: u32,
) -> Result<Vec<Doubt>> {
    // A range of the key: nothing before it and nothing after it is read.
    let from = notice_id.unwrap_or(Uuid::nil());
    let after = after.unwrap_or_default().max((from, Uuid::nil()));
    let sql = "SELECT d.id, d.notice_id, d.account_id, d.email, d.changed_at, d.reply, q.due_at,
           (SELECT a.relay FROM attempts a WHERE a.delivery_id = d.id ORDER BY a.attempt DESC LIMIT 1) AS relay
         FROM doubts u JOIN deliveries d ON d.id = u.delivery_id LEFT JOIN queue q ON q.delivery_id = u.delivery_id
         WHERE u.notice_id <= $1 AND (u.notice_id, u.delivery_id) > ($2, $3)
         ORDER BY u.notice_id, u.delivery_id LIMIT $4";
    query!(sql, notice_id.unwrap_or(Uuid::max()), after.0.to_string(), after.1.to_string(), limit)
        .all(conn, |row| {
            let row = Row::of("deliveries", row);
            Ok(Doubt {
                id: row.id("id")?,
                notice: row.id("notice_id")?,
                account_id: row.get("account_id")?,
                email: row.get("email")?,
                at: row.time("changed_at")?,
                relay: row.get("relay")?,
                reply: row.get("reply")?,
                again_at: row.maybe_time("due_at")?,
            })
        })
        .await
}

/// Puts an uncertain or failed delivery back into the queue, towards its address's domain. Returns false if it is neither any
/// more, its person was erased, or it is in the queue already. One that failed is `queued` from then on; an uncertain one stays
/// uncertain until the next attempt says more.
///
/// Its token starts far above all that its earlier claims can have had: a worker that was taken for dead must not settle the
/// new claim. The caller holds the ledger's head and the notice's row, so that no erasure and no closing comes in between.
pub async fn requeue(conn: &mut Conn, id: Uuid, domain: &str, now: Timestamp) -> Result<bool> {
    let sql = "INSERT INTO queue (delivery_id, notice_id, lane, domain, due_at, attempts, waited, token, first_at)
         SELECT d.id, d.notice_id, n.lane, $3, $2, d.attempts, 0, $2, d.first_at FROM deliveries d JOIN notices n ON n.id = d.notice_id
         WHERE d.id = $1 AND $4 LIKE '%,' || d.state || ',%' AND d.email <> '' ON CONFLICT (delivery_id) DO NOTHING";
    let done = query!(sql, id, now, domain, states::resendable()).changed(&mut *conn).await?;
    if done == 0 {
        return Ok(false);
    }
    states::resend(conn, id, now).await?;
    let sql = "UPDATE notices SET resent_at = $2, attempts_purged_at = NULL WHERE closed_at IS NOT NULL
           AND id = (SELECT notice_id FROM deliveries WHERE id = $1)";
    query!(sql, id, now).run(conn).await?;
    Ok(true)
}

/// Notes that nothing of a closed notice is being sent again; returns false if something still is, or nothing was.
pub async fn end_resending(conn: &mut Conn, notice_id: Uuid) -> Result<bool> {
    // Who puts a delivery of it into the queue holds this row. A statement that waits for it inside would see the queue as it was
    // before, and nobody would look at that delivery again.
    notices::lock(conn, notice_id).await?;
    let sql = "UPDATE notices SET resent_at = NULL WHERE id = $1 AND resent_at IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM queue WHERE queue.notice_id = notices.id)";
    query!(sql, notice_id).changed_one(conn).await
}

/// Open notices of optional categories of which deliveries wait, and how many: a restored copy does not know whether they were
/// sent after it was made.
pub async fn optional_waiting(conn: &mut Conn) -> Result<Vec<(Uuid, u64)>> {
    query!(
        "SELECT n.id, CAST(COUNT(q.delivery_id) AS BIGINT) AS waiting FROM notices n JOIN queue q ON q.notice_id = n.id
         WHERE n.lane = 2 AND n.released_at IS NOT NULL AND q.lease_owner IS NULL GROUP BY n.id ORDER BY n.id"
    )
    .all(conn, |row| {
        let row = Row::of("notices", row);
        Ok((row.id("id")?, row.count("waiting")?))
    })
    .await
}
