//! Notices that somebody works on: those that are being sent, those that wait for a person or for their time; and what a customer was
//! addressed by.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Kept, kept, select};
use crate::store::engine::query::query;
use crate::store::visible::Visible;
use crate::store::{Conn, Result};

/// Visible notices that are being released, or released and have something in the queue: those that go first, first.
pub async fn sending(conn: &mut Conn, limit: u32, visible: Visible) -> Result<Vec<Kept>> {
    let sql = select!(
        "WHERE state IN ('released', 'scheduled', 'releasing', 'cancelled') AND closed_at IS NULL
           AND (state = 'releasing' OR state = 'released' AND EXISTS (SELECT 1 FROM queue q WHERE q.notice_id = notices.id))
           AND $3 LIKE '%,' || category || ',%'
           AND ($2 = 1 OR released_at IS NOT NULL OR category <> 'security_breach')
         ORDER BY lane, COALESCE(released_at, 0), id LIMIT $1"
    );
    first(conn, sql, limit, visible).await
}

/// Visible notices that are approved or scheduled and have a time, the next one first.
pub async fn scheduled(conn: &mut Conn, limit: u32, visible: Visible) -> Result<Vec<Kept>> {
    let sql = select!(
        "WHERE state IN ('approved', 'scheduled') AND send_at IS NOT NULL
           AND $3 LIKE '%,' || category || ',%' AND ($2 = 1 OR category <> 'security_breach')
         ORDER BY send_at, id LIMIT $1"
    );
    first(conn, sql, limit, visible).await
}

async fn first(conn: &mut Conn, sql: &'static str, limit: u32, visible: Visible) -> Result<Vec<Kept>> {
    let (sealed, categories) = (i64::from(visible.sealed), visible.words());
    query!(sql, limit, sealed, categories).all(conn, kept).await
}

/// Visible notices that were submitted and not decided about, the oldest first, after this one.
pub async fn submitted(conn: &mut Conn, after: Option<Uuid>, limit: u32, visible: Visible) -> Result<Vec<Kept>> {
    let sql = select!(
        "WHERE state = 'submitted' AND id > $4
           AND $3 LIKE '%,' || category || ',%' AND ($2 = 1 OR category <> 'security_breach')
         ORDER BY id LIMIT $1"
    );
    query!(sql, limit, visible.sealed, visible.words(), after.map(|id| id.to_string()).unwrap_or_default())
        .all(conn, kept)
        .await
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
    query!(sql, account_id, at, id, limit).all(conn, kept).await
}
