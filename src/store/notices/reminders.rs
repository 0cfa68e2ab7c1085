//! Reminders of maintenances: planned when a window is announced, made once, and over when the window begins.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::clock::from_millis;
use crate::domain::reminder::{Before, State};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reminder {
    /// The matter.
    pub matter_id: Uuid,
    /// The start of the window that it reminds of.
    pub window_start: Timestamp,
    /// How long before the window it is sent.
    pub before: Before,
    /// The notice that announced the window.
    pub notice_id: Uuid,
    /// How far it is.
    pub state: State,
    /// Its own notice, once that is made.
    pub reminder_id: Option<Uuid>,
}

/// Plans a reminder. One of the same window that was made is not made again; one that was dropped before it was made is.
pub async fn plan(conn: &mut Conn, reminder: &Reminder) -> Result<()> {
    let sql = "INSERT INTO reminders (matter_id, window_start, before_ms, notice_id, state, look_at)
         VALUES ($1, $2, $3, $4, 'planned', $5) ON CONFLICT (matter_id, window_start, before_ms) DO UPDATE
         SET state = 'planned', look_at = excluded.look_at, notice_id = excluded.notice_id
         WHERE reminders.state IN ('planned', 'dropped') AND reminders.reminder_id IS NULL";
    query!(
        sql,
        reminder.matter_id,
        reminder.window_start,
        reminder.before.millis(),
        reminder.notice_id,
        reminder.before.due(reminder.window_start)
    )
    .run(conn)
    .await
}

/// Drops the planned reminders of a matter. Returns how many there were.
pub async fn drop_planned(conn: &mut Conn, matter_id: Uuid) -> Result<u64> {
    let sql = "UPDATE reminders SET state = 'dropped', look_at = NULL WHERE matter_id = $1 AND state = 'planned'";
    query!(sql, matter_id).changed(conn).await
}

/// The notices that were made as reminders of a matter, but those of one window, and may still have something to send.
pub async fn under_way(conn: &mut Conn, matter_id: Uuid, but: Option<Timestamp>) -> Result<Vec<Uuid>> {
    let sql = "SELECT reminder_id FROM reminders WHERE matter_id = $1 AND state = 'made' AND ($2 IS NULL OR window_start <> $2)
         ORDER BY reminder_id";
    query!(sql, matter_id, but).all(conn, |row| Row::of("reminders", row).id("reminder_id")).await
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT matter_id, window_start, before_ms, notice_id, state, reminder_id FROM reminders ", $rest)
    };
}

/// The reminders that are to be looked at now, the first first, at most `limit`.
pub async fn due(conn: &mut Conn, now: Timestamp, limit: u32) -> Result<Vec<Reminder>> {
    let sql = select!("WHERE look_at <= $1 ORDER BY look_at LIMIT $2");
    query!(sql, now, limit).all(conn, read).await
}

/// The reminders of a matter that are still to come, the first first.
pub async fn planned(conn: &mut Conn, matter_id: Uuid) -> Result<Vec<Reminder>> {
    let sql = select!("WHERE matter_id = $1 AND state = 'planned' ORDER BY look_at");
    query!(sql, matter_id).all(conn, read).await
}

/// The reminder that a notice was made as.
pub async fn of_notice(conn: &mut Conn, reminder_id: Uuid) -> Result<Option<Reminder>> {
    query!(select!("WHERE reminder_id = $1"), reminder_id).first(conn, read).await
}

/// Moves a reminder on from the state that it was read in. Returns false if it is not in that state any more. One that is made has its
/// notice, and is looked at when the window begins.
pub async fn set_state(conn: &mut Conn, reminder: &Reminder, to: State, reminder_id: Option<Uuid>) -> Result<bool> {
    let look_at = (to == State::Made).then(|| reminder.window_start.as_millisecond());
    let sql = "UPDATE reminders SET state = $5, look_at = $6, reminder_id = COALESCE($7, reminder_id)
         WHERE matter_id = $1 AND window_start = $2 AND before_ms = $3 AND state = $4";
    query!(
        sql,
        reminder.matter_id,
        reminder.window_start,
        reminder.before.millis(),
        reminder.state.as_str(),
        to.as_str(),
        look_at,
        reminder_id
    )
    .changed_one(conn)
    .await
}

fn read(row: &sqlx::any::AnyRow) -> Result<Reminder> {
    let row = Row::of("reminders", row);
    Ok(Reminder {
        matter_id: row.id("matter_id")?,
        window_start: from_millis(row.get("window_start")?),
        before: Before(Duration::from_millis(row.count("before_ms")?)),
        notice_id: row.id("notice_id")?,
        state: row.parse("state")?,
        reminder_id: row.maybe("reminder_id")?,
    })
}
