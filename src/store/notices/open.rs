//! Notices that the dispatcher has something to do for.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::category::Category;
use crate::domain::notice::{Standing, State};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// What the dispatcher needs to know of a notice that is not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Id.
    pub id: Uuid,
    /// State: `scheduled`, `releasing`, `released`, `cancelled`, or `closed` while deliveries of it are being sent again.
    pub state: State,
    /// True while paused.
    pub paused: bool,
    /// When it is to be released.
    pub send_at: Option<Timestamp>,
    /// When it was released.
    pub released_at: Option<Timestamp>,
    /// Its category.
    pub category: Category,
    /// Recipients may be added to it: it is not closed by itself.
    pub standing: bool,
    /// Contacts may have changed since its queue was compared with them: deliveries to those that are gone wait until they are
    /// replaced.
    pub stale: bool,
}

impl Open {
    /// True where its deliveries may be claimed. A closed notice cannot be resumed, so that a pause ends with it.
    #[must_use]
    pub fn is_sendable(&self) -> bool {
        (self.state == State::Released && !self.paused) || self.state == State::Closed
    }
}

/// The notices that are scheduled, being released, released, or cancelled with something left to do, and not closed, and the
/// closed ones of which deliveries are being sent again: those that go first, first.
pub async fn list(conn: &mut Conn) -> Result<Vec<Open>> {
    // Two halves, each of which has its index.
    let sql = "SELECT id, state, paused_at, send_at, category, lane, released_at, standing,
           CASE WHEN contacts_revision < (SELECT customers_revision FROM ledger_head WHERE id = 1) THEN 1 ELSE 0 END AS stale
         FROM notices WHERE state IN ('released', 'scheduled', 'releasing', 'cancelled') AND closed_at IS NULL
           AND (state <> 'cancelled' OR released_at IS NOT NULL
             OR EXISTS (SELECT 1 FROM queue WHERE queue.notice_id = notices.id))
         UNION ALL SELECT id, state, paused_at, send_at, category, lane, released_at, NULL AS standing, 0 AS stale FROM notices
         WHERE resent_at IS NOT NULL AND closed_at IS NOT NULL ORDER BY lane, released_at, id";
    query!(sql)
        .all(conn, |row| {
            let row = Row::of("notices", row);
            Ok(Open {
                id: row.id("id")?,
                state: row.parse("state")?,
                paused: row.maybe_time("paused_at")?.is_some(),
                send_at: row.maybe_time("send_at")?,
                released_at: row.maybe_time("released_at")?,
                category: row.parse("category")?,
                standing: row.maybe::<Standing>("standing")? == Some(Standing::Open),
                stale: row.count("stale")? > 0,
            })
        })
        .await
}
