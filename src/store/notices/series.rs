//! Series of maintenances: which notice the next draft is copied from, for which window, and when it is made; and the notices that
//! belong to them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::clock::millis;
use crate::store::engine::dialect::{among, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// The id of the notice that it began with.
    pub id: Uuid,
    /// The last released notice of it: what the next draft is copied from.
    pub notice_id: Uuid,
    /// The next window that has no draft; `None` once the series is over.
    pub next: Option<Next>,
}

/// The next window of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// When it begins.
    pub start: Timestamp,
    /// When its draft is made.
    pub look_at: Timestamp,
}

impl Next {
    /// The window that begins at a time, and whose draft is made so long before.
    #[must_use]
    pub fn before(start: Timestamp, ahead: Duration) -> Self {
        let ahead = SignedDuration::from_millis(millis(ahead));
        Self { start, look_at: start.checked_sub(ahead).unwrap_or(Timestamp::MIN) }
    }
}

/// Begins a series with its first notice, which has a window with this start. False if it has begun already.
pub async fn begin(conn: &mut Conn, series: &Series, window_start: Timestamp) -> Result<bool> {
    let sql =
        "INSERT INTO series (id, notice_id, next_start, look_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";
    let done = query!(
        sql,
        series.id,
        series.notice_id,
        series.next.map(|next| next.start.as_millisecond()),
        series.next.map(|next| next.look_at.as_millisecond())
    )
    .changed(&mut *conn)
    .await?;
    if done == 1 {
        add(conn, series.id, series.notice_id, window_start).await?;
    }
    Ok(done == 1)
}

/// Adds a notice to a series. One for a window that has a notice already is refused by the database.
pub async fn add(conn: &mut Conn, series_id: Uuid, notice_id: Uuid, window_start: Timestamp) -> Result<()> {
    let sql = "INSERT INTO series_notices (notice_id, series_id, window_start) VALUES ($1, $2, $3)";
    query!(sql, notice_id, series_id, window_start).run(conn).await
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT s.id, s.notice_id, s.next_start, s.look_at FROM series s ", $rest)
    };
}

/// The series whose next draft is to be made now, the first first, at most `limit`.
pub async fn due(conn: &mut Conn, now: Timestamp, limit: u32) -> Result<Vec<Series>> {
    let sql = select!("WHERE s.look_at <= $1 ORDER BY s.look_at LIMIT $2");
    query!(sql, now, limit).all(conn, |row| read(&Row::of("series", row))).await
}

/// The series that a notice belongs to.
pub async fn of_notice(conn: &mut Conn, notice_id: Uuid) -> Result<Option<Series>> {
    let sql = select!("JOIN series_notices n ON n.series_id = s.id WHERE n.notice_id = $1");
    query!(sql, notice_id).first(conn, |row| read(&Row::of("series", row))).await
}

/// Locks the series that a notice belongs to, if it belongs to one, until the transaction ends.
pub async fn lock(conn: &mut Conn, notice_id: Uuid) -> Result<()> {
    let sql = "UPDATE series SET notice_id = notice_id
         WHERE id = (SELECT series_id FROM series_notices WHERE series_notices.notice_id = $1)";
    query!(sql, notice_id).run(conn).await
}

/// The series of some notices, by notice.
pub async fn of_notices(conn: &mut Conn, notices: &[Uuid]) -> Result<BTreeMap<Uuid, Series>> {
    let sql = among!(
        conn,
        "SELECT n.notice_id AS member_id, s.id, s.notice_id, s.next_start, s.look_at
         FROM series_notices n JOIN series s ON s.id = n.series_id
         WHERE n.notice_id", in "$1"
    );
    let notices: Vec<String> = notices.iter().map(Uuid::to_string).collect();
    query!(sql, json(&notices))
        .all(conn, |row| {
            let row = Row::of("series", row);
            Ok((row.id("member_id")?, read(&row)?))
        })
        .await
}

/// The start of the last window of a series that has a notice.
pub async fn last_start(conn: &mut Conn, series_id: Uuid) -> Result<Option<Timestamp>> {
    let sql = "SELECT MAX(window_start) AS last FROM series_notices WHERE series_id = $1";
    query!(sql, series_id).one(conn, |row| Row::of("series_notices", row).maybe_time("last")).await
}

/// Moves a series on from what was read of it. False if it was moved on or ended meanwhile.
pub async fn advance(conn: &mut Conn, read: &Series, notice_id: Uuid, next: Option<Next>) -> Result<bool> {
    let sql = "UPDATE series SET notice_id = $4, next_start = $5, look_at = $6
         WHERE id = $1 AND notice_id = $2 AND next_start = $3";
    query!(
        sql,
        read.id,
        read.notice_id,
        read.next.map(|next| next.start.as_millisecond()),
        notice_id,
        next.map(|next| next.start.as_millisecond()),
        next.map(|next| next.look_at.as_millisecond())
    )
    .changed_one(conn)
    .await
}

/// Ends a series: no draft is made any more. False if it is over already.
pub async fn end(conn: &mut Conn, id: Uuid) -> Result<bool> {
    let sql = "UPDATE series SET next_start = NULL, look_at = NULL WHERE id = $1 AND look_at IS NOT NULL";
    query!(sql, id).changed_one(conn).await
}

fn read(row: &Row<'_>) -> Result<Series> {
    let next = row.maybe_time("next_start")?.zip(row.maybe_time("look_at")?);
    Ok(Series {
        id: row.id("id")?,
        notice_id: row.id("notice_id")?,
        next: next.map(|(start, look_at)| Next { start, look_at }),
    })
}
