//! Figures for monitoring: what waits in the queue and for the ledger. Each is one pass over an index, which on a queue
//! of a million takes a fraction of a second; nothing is locked.

use jiff::Timestamp;

use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// What waits in one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The lane's rank.
    pub lane: u64,
    /// Deliveries in the queue, those of paused notices included.
    pub deliveries: u64,
    /// When the one that waits longest became due, or will be; of paused notices none counts.
    pub due_at: Option<Timestamp>,
    /// When the oldest notice was released, or sent again, of which any waits for something else than its schedule; of paused
    /// notices none counts. Unlike `due_at`, it stays when a delivery is put off.
    pub released_at: Option<Timestamp>,
}

/// What waits in each lane that has anything.
pub async fn waiting(conn: &mut Conn, now: Timestamp) -> Result<Vec<Waiting>> {
    // Grouped by notice first: that is the order of the queue's index, which holds all that is asked for.
    let sql = "SELECT n.lane, CAST(SUM(q.deliveries) AS BIGINT) AS deliveries, MIN(CASE WHEN n.state = 'closed'
           OR (n.state = 'released' AND n.paused_at IS NULL) THEN q.due_at END) AS due_at,
           MIN(CASE WHEN (n.state = 'closed' OR (n.state = 'released' AND n.paused_at IS NULL))
             AND q.deliveries > COALESCE(s.deliveries, 0) THEN COALESCE(n.resent_at, n.released_at) END) AS released_at
         FROM (SELECT notice_id, COUNT(*) AS deliveries, MIN(due_at) AS due_at FROM queue GROUP BY notice_id) AS q
         JOIN notices n ON n.id = q.notice_id
         LEFT JOIN (SELECT notice_id, COUNT(*) AS deliveries FROM queue WHERE not_before IS NOT NULL AND not_before > $1
           GROUP BY notice_id) AS s ON s.notice_id = q.notice_id
         WHERE n.state <> 'releasing' GROUP BY n.lane ORDER BY n.lane";
    query!(sql, now)
        .all(conn, |row| {
            let row = Row::of("queue", row);
            Ok(Waiting {
                lane: row.count("lane")?,
                deliveries: row.count("deliveries")?,
                due_at: row.maybe_time("due_at")?,
                released_at: row.maybe_time("released_at")?,
            })
        })
        .await
}

/// How far the ledger is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sealing {
    /// Entries with their index.
    pub entries: u64,
    /// Entries that wait for theirs.
    pub pending: u64,
    /// When the first of those was made.
    pub oldest: Option<Timestamp>,
    /// True if sealing has stopped until a person resumes it.
    pub stopped: bool,
}

/// How far the ledger is behind.
pub async fn sealing(conn: &mut Conn) -> Result<Sealing> {
    query!(
        "SELECT h.size, CASE WHEN h.stopped IS NULL THEN 0 ELSE 1 END AS stopped,
           (SELECT COUNT(*) FROM ledger_pending) AS pending,
           (SELECT o.at FROM ledger_openings o WHERE o.entry_id =
             (SELECT entry_id FROM ledger_pending ORDER BY seq LIMIT 1)) AS oldest
         FROM ledger_head h WHERE h.id = 1"
    )
    .one(conn, |row| {
        let row = Row::of("ledger_head", row);
        Ok(Sealing {
            entries: row.count("size")?,
            pending: row.count("pending")?,
            oldest: row.maybe_time("oldest")?,
            // PostgreSQL has it as a 32-bit integer.
            stopped: row.get::<i32>("stopped")? == 1,
        })
    })
    .await
}
