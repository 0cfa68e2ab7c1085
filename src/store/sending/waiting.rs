//! How much of the queue waits.

use jiff::Timestamp;
use uuid::Uuid;

use super::sendable::under_way;
use crate::domain::category::Category;
use crate::domain::category_set::CategorySet;
use crate::store::engine::dialect::{json, json_ids};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Dialect, Result};

/// How many deliveries of a notice could be claimed from the front of its queue now, counted up to `limit`: a count of all
/// would take time.
pub async fn due(conn: &mut Conn, notice_id: Uuid, now: Timestamp, limit: usize) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM (SELECT delivery_id FROM queue
           WHERE notice_id = $1 AND aside = 0 AND lease_owner IS NULL AND due_at <= $2
           ORDER BY due_at, delivery_id LIMIT $3) AS front";
    Ok(query!(sql, notice_id, now, limit).count(conn, "queue").await?.min(limit as u64))
}

/// What of a notice can be claimed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Deliveries at the front of its queue.
    pub front: bool,
    /// Deliveries that were set aside.
    pub aside: bool,
}

/// The notices that have deliveries due and unclaimed. Reads one row of each open notice, however much waits.
pub async fn with_due(conn: &mut Conn, now: Timestamp) -> Result<Vec<(Uuid, Waiting)>> {
    let sql = concat!(
        "SELECT id, front, aside FROM (
           SELECT n.id AS id,
             CASE WHEN EXISTS (SELECT 1 FROM queue q
               WHERE q.notice_id = n.id AND q.aside = 0 AND q.due_at <= $1 AND q.lease_owner IS NULL)
             THEN 1 ELSE 0 END AS front,
             CASE WHEN EXISTS (SELECT 1 FROM queue q
               WHERE q.notice_id = n.id AND q.aside = 1 AND q.due_at <= $1 AND q.lease_owner IS NULL)
             THEN 1 ELSE 0 END AS aside
           FROM notices n WHERE ",
        under_way!(),
        ") AS w
         WHERE front = 1 OR aside = 1"
    );
    query!(sql, now)
        .all(conn, |row| {
            let row = Row::of("notices", row);
            Ok((row.id("id")?, Waiting { front: row.count("front")? == 1, aside: row.count("aside")? == 1 }))
        })
        .await
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
    /// Those of them that wait for their schedule or for the end of quiet hours: nothing failed.
    pub scheduled: u64,
    /// When the first of the later ones is due.
    pub next_due: Option<Timestamp>,
}

impl Depth {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            leased: row.count("leased")?,
            due: row.count("due")?,
            later: row.count("later")?,
            scheduled: row.count("scheduled")?,
            next_due: row.maybe_time("next_due")?,
        })
    }

    /// This and another together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            leased: self.leased + other.leased,
            due: self.due + other.due,
            later: self.later + other.later,
            scheduled: self.scheduled + other.scheduled,
            next_due: self.next_due.into_iter().chain(other.next_due).min(),
        }
    }
}

/// True if a delivery is held by a worker or could be claimed now, of the notices that may be sent or of one of them; what could be
/// claimed of the categories or the notices in `but` does not count. Reads no more than one row of each notice, however much waits.
pub async fn is_busy(
    conn: &mut Conn,
    notice_id: Option<Uuid>,
    (but, unreadable): (CategorySet, &[Uuid]),
    now: Timestamp,
) -> Result<bool> {
    let sql = Dialect::of(conn).pick(
        busy_sql!("SELECT value FROM json_each($3)", "SELECT value FROM json_each($4)"),
        busy_sql!("SELECT jsonb_array_elements_text($3::jsonb)", "SELECT jsonb_array_elements_text($4::jsonb)"),
    );
    let but: Vec<&str> = but.iter().map(Category::as_str).collect();
    Ok(query!(sql, now, notice_id, json(&but), json_ids(unreadable))
        .one(conn, |row| Row::of("queue", row).count("busy"))
        .await?
        == 1)
}

/// Whether anything is leased or can be claimed, but of the categories listed as `$3` and the notices listed as `$4`.
macro_rules! busy_sql {
    ($listed:literal, $notices:literal) => {
        concat!(
            "SELECT (CASE WHEN EXISTS (SELECT 1 FROM queue
             WHERE lease_owner IS NOT NULL AND ($2 IS NULL OR notice_id = $2))
           OR EXISTS (SELECT 1 FROM notices n WHERE ($2 IS NULL OR n.id = $2)
             AND ",
            under_way!(),
            " AND ($3 = '[]' OR n.category NOT IN (",
            $listed,
            "))
             AND ($4 = '[]' OR n.id NOT IN (",
            $notices,
            "))
             AND (EXISTS (SELECT 1 FROM queue q
                 WHERE q.notice_id = n.id AND q.aside = 0 AND q.due_at <= $1 AND q.lease_owner IS NULL)
               OR EXISTS (SELECT 1 FROM queue q
                 WHERE q.notice_id = n.id AND q.aside = 1 AND q.due_at <= $1 AND q.lease_owner IS NULL)))
           THEN 1 ELSE 0 END) AS busy"
        )
    };
}
use busy_sql;

/// What waits of the notices that may be sent, by category; of one of them, if named.
pub async fn depth_by_category(
    conn: &mut Conn,
    notice_id: Option<Uuid>,
    now: Timestamp,
) -> Result<Vec<(Category, Depth)>> {
    let sql = concat!(
        "SELECT n.category AS category, COUNT(CASE WHEN q.lease_owner IS NOT NULL THEN 1 END) AS leased,
           COUNT(CASE WHEN q.lease_owner IS NULL AND q.due_at <= $1 THEN 1 END) AS due,
           COUNT(CASE WHEN q.lease_owner IS NULL AND q.due_at > $1 THEN 1 END) AS later,
           COUNT(CASE WHEN q.lease_owner IS NULL AND q.due_at > $1 AND q.not_before = q.due_at THEN 1 END) AS scheduled,
           MIN(CASE WHEN q.lease_owner IS NULL AND q.due_at > $1 THEN q.due_at END) AS next_due
         FROM queue q JOIN notices n ON n.id = q.notice_id WHERE ($2 IS NULL OR q.notice_id = $2)
           AND ",
        under_way!(),
        " GROUP BY n.category"
    );
    query!(sql, now, notice_id)
        .all(conn, |row| {
            let row = Row::of("queue", row);
            Ok((row.parse("category")?, Depth::read(&row)?))
        })
        .await
}

/// How many deliveries of a notice wait for their schedule, or for the end of quiet hours, and when the first of them is due.
pub async fn scheduled(conn: &mut Conn, notice_id: Uuid, now: Timestamp) -> Result<(u64, Option<Timestamp>)> {
    let sql = "SELECT COUNT(*) AS n, MIN(not_before) AS first FROM queue
         WHERE notice_id = $1 AND not_before IS NOT NULL AND not_before > $2";
    query!(sql, notice_id, now)
        .one(conn, |row| {
            let row = Row::of("queue", row);
            Ok((row.count("n")?, row.maybe_time("first")?))
        })
        .await
}

/// When the next of a notice's deliveries is due that are not due yet. Reads two entries of an index, however much waits.
pub async fn next_due(conn: &mut Conn, notice_id: Uuid, now: Timestamp) -> Result<Option<Timestamp>> {
    let sql = "SELECT MIN(due_at) AS first FROM (
           SELECT MIN(due_at) AS due_at FROM queue WHERE notice_id = $1 AND aside = 0 AND due_at > $2
           UNION ALL SELECT MIN(due_at) FROM queue WHERE notice_id = $1 AND aside = 1 AND due_at > $2) AS ends";
    query!(sql, notice_id, now).one(conn, |row| Row::of("queue", row).maybe_time("first")).await
}

/// What waits of the notices that may be sent; of one of them, if named.
pub async fn depth(conn: &mut Conn, notice_id: Option<Uuid>, now: Timestamp) -> Result<Depth> {
    let depths = depth_by_category(conn, notice_id, now).await?;
    Ok(depths.into_iter().fold(Depth::default(), |all, (_, depth)| all.and(depth)))
}
