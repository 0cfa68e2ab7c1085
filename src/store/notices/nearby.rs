//! Notices that are near another one in time: released shortly before it, or about a window at the same time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Kept, kept};
use crate::domain::category::Category;
use crate::store::engine::dialect::{among, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A notice that was released shortly before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    /// Its id.
    pub id: Uuid,
    /// Its category.
    pub category: Category,
    /// When it was released.
    pub released_at: Timestamp,
}

/// The notices that were released since a time and are not of a matter, at most `limit` of each category, the newest first. Those to
/// which recipients are added are left out: each addresses its own.
pub async fn released_since(conn: &mut Conn, since: Timestamp, but: Option<Uuid>, limit: u32) -> Result<Vec<Recent>> {
    let mut found = Vec::new();
    // One by one, so that each reads its part of the index.
    for category in Category::ALL {
        let sql = "SELECT id, released_at FROM notices WHERE category = $1 AND released_at >= $2
               AND standing IS NULL AND ($3 IS NULL OR matter_id <> $3) ORDER BY released_at DESC LIMIT $4";
        let rows = query!(sql, category.as_str(), since, but, limit).rows(&mut *conn).await?;
        for row in &rows {
            let row = Row::of("notices", row);
            found.push(Recent { id: row.id("id")?, category: *category, released_at: row.time("released_at")? });
        }
    }
    Ok(found)
}

/// The released maintenances with a window that overlaps another one and that are neither over nor moved since, but those of a matter,
/// at most `limit`.
pub async fn windows(
    conn: &mut Conn,
    (start, end): (Timestamp, Timestamp),
    but: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Kept>> {
    let sql = super::select!(
        "WHERE window_end > $1 AND window_start < $2 AND speaks = 1 AND ($3 IS NULL OR matter_id <> $3)
           AND phase IN ('announced', 'rescheduled', 'started') AND NOT EXISTS (SELECT 1 FROM notices later
             WHERE later.matter_id = notices.matter_id AND later.sequence > notices.sequence AND later.speaks = 1)
         ORDER BY window_end LIMIT $4"
    );
    query!(sql, start, end, but, limit).all(conn, kept).await
}

/// How many of some customers each of some notices went to, or will, if there are any.
pub async fn addressed(conn: &mut Conn, accounts: &[&str], notices: &[Uuid]) -> Result<BTreeMap<Uuid, u64>> {
    let sql = among!(
        conn,
        "SELECT notice_id, COUNT(DISTINCT account_id) AS n FROM deliveries WHERE account_id", in "$1",
        " AND notice_id", in "$2",
        " AND state IN ('queued', 'deferred', 'accepted', 'delivered', 'bounced', 'uncertain')
         GROUP BY notice_id"
    );
    let notices: Vec<String> = notices.iter().map(Uuid::to_string).collect();
    query!(sql, json(accounts), json(&notices))
        .all(conn, |row| {
            let row = Row::of("deliveries", row);
            Ok((row.id("notice_id")?, row.count("n")?))
        })
        .await
}
