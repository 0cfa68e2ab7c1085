//! Replies on their way to support: columns of the message that came. A reply is claimed for a while before it is sent, so that two
//! nodes do not forward it both; what a node leaves behind is claimed again when that time is over.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::forward::{Reason, State};
use crate::store::engine::dialect::{among, json_ids};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// What became of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = inbound::Forward)]
pub struct Forward {
    /// The message that came.
    #[serde(rename = "inbound")]
    pub inbound_id: Uuid,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub came_at: Timestamp,
    /// What became of it.
    pub state: State,
    /// Why it is not forwarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Since when it is in this state: when it was forwarded.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A reply that this process forwards.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The message that came.
    pub inbound_id: Uuid,
    /// The delivery that it answers.
    pub delivery_id: Uuid,
    /// When it came.
    pub came_at: Timestamp,
    /// How often it was claimed, this time included: an outcome counts only while it is the same.
    pub claims: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Its bytes, compressed, unless they were deleted.
    pub raw: Option<Vec<u8>>,
}

/// Plans to forward a message.
pub async fn plan(conn: &mut Conn, id: Uuid, at: Timestamp) -> Result<()> {
    let sql = "UPDATE inbound SET forward = 'waiting', forward_at = $2, forward_due_at = $2 WHERE id = $1";
    query!(sql, id, at).run(conn).await
}

/// Records that a message is not forwarded.
pub async fn withhold(conn: &mut Conn, id: Uuid, reason: Reason, at: Timestamp) -> Result<()> {
    let sql = "UPDATE inbound SET forward = 'withheld', forward_reason = $2, forward_at = $3 WHERE id = $1";
    query!(sql, id, reason.as_str(), at).run(conn).await
}

/// How many replies to a delivery, of those that came since a time, were forwarded or are to be.
pub async fn count_since(conn: &mut Conn, delivery_id: Uuid, since: Timestamp) -> Result<u64> {
    let sql =
        "SELECT COUNT(*) AS n FROM inbound WHERE delivery_id = $1 AND at > $2 AND forward IN ('waiting', 'forwarded')";
    query!(sql, delivery_id, since).count(conn, "inbound").await
}

/// Claims the reply that has waited longest, if one is due, until a time.
pub async fn claim(conn: &mut Conn, now: Timestamp, until: Timestamp) -> Result<Option<Claimed>> {
    // Once more behind the subselect: on PostgreSQL another node may have claimed the row while this one waited for its lock.
    let sql = "UPDATE inbound SET forward_due_at = $2, forward_claims = forward_claims + 1
         WHERE id = (SELECT id FROM inbound WHERE forward = 'waiting' AND forward_due_at <= $1 ORDER BY forward_due_at, id LIMIT 1)
           AND forward = 'waiting' AND forward_due_at <= $1
         RETURNING id, delivery_id, at, forward_claims, size, raw";
    query!(sql, now, until)
        .first(conn, |row| {
            let row = Row::of("inbound", row);
            Ok(Claimed {
                inbound_id: row.id("id")?,
                delivery_id: row.id("delivery_id")?,
                came_at: row.time("at")?,
                claims: row.count("forward_claims")?,
                size: row.count("size")?,
                raw: row.get("raw")?,
            })
        })
        .await
}

/// Tries a claimed reply again at a later time. Returns false if another process has claimed it since.
pub async fn postpone(conn: &mut Conn, claimed: &Claimed, due_at: Timestamp) -> Result<bool> {
    let sql = "UPDATE inbound SET forward_due_at = $3 WHERE id = $1 AND forward = 'waiting' AND forward_claims = $2";
    query!(sql, claimed.inbound_id, claimed.claims, due_at).changed_one(conn).await
}

/// Records that a reply was forwarded, and deletes its bytes and envelope: support has it now. Returns false if it is recorded
/// already. Whoever claimed it since, it counts: it need not be sent once more.
pub async fn forwarded(conn: &mut Conn, id: Uuid, at: Timestamp) -> Result<bool> {
    let sql = "UPDATE inbound SET forward = 'forwarded', forward_at = $2, raw = NULL, recipient = NULL, sender = NULL
         WHERE id = $1 AND forward = 'waiting'";
    query!(sql, id, at).changed_one(conn).await
}

/// Records that a claimed reply could not be forwarded. Returns false if another process has claimed it since.
pub async fn fail(conn: &mut Conn, claimed: &Claimed, reason: Reason, at: Timestamp) -> Result<bool> {
    let sql = "UPDATE inbound SET forward = 'failed', forward_reason = $3, forward_at = $4
         WHERE id = $1 AND forward = 'waiting' AND forward_claims = $2";
    query!(sql, claimed.inbound_id, claimed.claims, reason.as_str(), at).changed_one(conn).await
}

/// The replies to a delivery, in the order of their arrival.
pub async fn of_delivery(conn: &mut Conn, delivery_id: Uuid) -> Result<Vec<Forward>> {
    let sql = "SELECT id, at, forward, forward_reason, forward_at FROM inbound
         WHERE delivery_id = $1 AND forward IS NOT NULL ORDER BY at, id";
    query!(sql, delivery_id).all(conn, read).await
}

/// What became of these messages; those that are no replies are left out.
pub async fn of_messages(conn: &mut Conn, ids: &[Uuid]) -> Result<BTreeMap<Uuid, Forward>> {
    let sql = among!(
        conn,
        "SELECT id, at, forward, forward_reason, forward_at FROM inbound WHERE id", in "$1",
        " AND forward IS NOT NULL"
    );
    query!(sql, json_ids(ids)).all(conn, |row| read(row).map(|forward| (forward.inbound_id, forward))).await
}

/// How many replies wait to be forwarded.
pub async fn waiting(conn: &mut Conn) -> Result<u64> {
    query!("SELECT COUNT(*) AS n FROM inbound WHERE forward = 'waiting'").count(conn, "inbound").await
}

fn read(row: &sqlx::any::AnyRow) -> Result<Forward> {
    let row = Row::of("inbound", row);
    Ok(Forward {
        inbound_id: row.id("id")?,
        came_at: row.time("at")?,
        state: row.parse("forward")?,
        reason: row.maybe("forward_reason")?,
        at: row.time("forward_at")?,
    })
}
