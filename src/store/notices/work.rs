//! Notices that somebody works on: those that are being sent, those that wait for a person or for their time; and what a customer was
//! addressed by.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Kept, kept, select};
use crate::store::{Conn, Result};

/// Notices that are scheduled, being released or released, and not closed: those that go first, first.
pub async fn under_way(conn: &mut Conn, limit: u32) -> Result<Vec<Kept>> {
    let sql = select!(
        "WHERE state IN ('released', 'scheduled', 'releasing', 'cancelled') AND closed_at IS NULL AND state <> 'cancelled'
         ORDER BY lane, released_at, id LIMIT $1"
    );
    let rows = sqlx::query(sql).bind(i64::from(limit)).fetch_all(conn).await?;
    rows.iter().map(kept).collect()
}

/// Notices that were submitted, or approved and not released yet: the oldest first.
pub async fn awaiting(conn: &mut Conn, limit: u32) -> Result<Vec<Kept>> {
    let sql = select!("WHERE state IN ('submitted', 'approved') ORDER BY id LIMIT $1");
    let rows = sqlx::query(sql).bind(i64::from(limit)).fetch_all(conn).await?;
    rows.iter().map(kept).collect()
}

/// A page of the released notices that address a customer, the last one first: those released before `before`.
pub async fn to_customer(
    conn: &mut Conn,
    account_id: &str,
    before: Option<(Timestamp, Uuid)>,
    limit: u32,
) -> Result<Vec<Kept>> {
    let sql = select!(
        "WHERE id IN (SELECT d.notice_id FROM deliveries d WHERE d.account_id = $1
             UNION SELECT u.notice_id FROM unaddressed u WHERE u.account_id = $1)
           AND released_at IS NOT NULL AND state <> 'releasing'
           AND (released_at < $2 OR released_at = $2 AND id < $3)
         ORDER BY released_at DESC, id DESC LIMIT $4"
    );
    let (at, id) = before.map_or((i64::MAX, Uuid::max()), |(at, id)| (at.as_millisecond(), id));
    let rows =
        sqlx::query(sql).bind(account_id).bind(at).bind(id.to_string()).bind(i64::from(limit)).fetch_all(conn).await?;
    rows.iter().map(kept).collect()
}
