//! Promises: when customers are to hear of a matter again, and whether they did.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::promise::{PromiseKind, State};
use crate::store::engine::dialect::{Dialect, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Promise {
    /// The matter.
    pub matter_id: Uuid,
    /// What was promised.
    pub kind: PromiseKind,
    /// By when.
    pub due_at: Timestamp,
    /// The notice that promised it.
    pub notice_id: Uuid,
    /// How far it is.
    pub state: State,
}

/// Records a promise, which is looked at first at `look_at`. One of the same kind and time that is there already stays as it is, unless
/// it was kept: then it is made again.
pub async fn make(conn: &mut Conn, promise: &Promise, look_at: Timestamp) -> Result<()> {
    let sql =
        "INSERT INTO promises (matter_id, kind, due_at, notice_id, state, look_at) VALUES ($1, $2, $3, $4, 'open', $5)
         ON CONFLICT (matter_id, kind, due_at) DO UPDATE
         SET state = 'open', look_at = excluded.look_at, notice_id = excluded.notice_id WHERE promises.state = 'kept'";
    query!(sql, promise.matter_id, promise.kind.as_str(), promise.due_at, promise.notice_id, look_at).run(conn).await
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT matter_id, kind, due_at, notice_id, state FROM promises ", $rest)
    };
}

/// All promises of a matter, in the order of their times.
pub async fn of_matter(conn: &mut Conn, matter_id: Uuid) -> Result<Vec<Promise>> {
    let sql = select!("WHERE matter_id = $1 ORDER BY due_at, kind");
    query!(sql, matter_id).all(conn, read).await
}

/// The promises of some matters, in the order of their times.
pub async fn of_matters(conn: &mut Conn, matters: &[Uuid]) -> Result<Vec<Promise>> {
    let sql = Dialect::of(conn).pick(
        select!("WHERE matter_id IN (SELECT value FROM json_each($1)) ORDER BY due_at, kind"),
        select!("WHERE matter_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) ORDER BY due_at, kind"),
    );
    let matters: Vec<String> = matters.iter().map(Uuid::to_string).collect();
    query!(sql, json(&matters)).all(conn, read).await
}

/// The promises that customers wait for, the first due first: also those that are overdue.
pub async fn ahead(conn: &mut Conn, limit: u32) -> Result<Vec<Promise>> {
    let sql = select!("WHERE state IN ('open', 'overdue') ORDER BY due_at LIMIT $1");
    query!(sql, limit).all(conn, read).await
}

/// A promise that is to be looked at now.
pub async fn due(conn: &mut Conn, now: Timestamp) -> Result<Option<Promise>> {
    let sql = select!("WHERE look_at <= $1 ORDER BY look_at LIMIT 1");
    query!(sql, now).first(conn, read).await
}

/// Moves a promise on from the state that it was read in, to be looked at again at `look_at`. Returns false if it is not in that state
/// any more.
pub async fn set_state(conn: &mut Conn, promise: &Promise, to: State, look_at: Option<Timestamp>) -> Result<bool> {
    let sql = "UPDATE promises SET state = $5, look_at = $6 WHERE matter_id = $1 AND kind = $2 AND due_at = $3 AND state = $4";
    query!(sql, promise.matter_id, promise.kind.as_str(), promise.due_at, promise.state.as_str(), to.as_str(), look_at)
        .changed_one(conn)
        .await
}

/// Ends a promise that a notice has kept, whether its time had come or not. Returns false if customers wait for it no more.
pub async fn keep(conn: &mut Conn, promise: &Promise) -> Result<bool> {
    let sql = "UPDATE promises SET state = 'kept', look_at = NULL
         WHERE matter_id = $1 AND kind = $2 AND due_at = $3 AND state IN ('open', 'overdue')";
    query!(sql, promise.matter_id, promise.kind.as_str(), promise.due_at).changed_one(conn).await
}

/// Deletes a promise that nobody got.
pub async fn remove(conn: &mut Conn, promise: &Promise) -> Result<()> {
    let sql = "DELETE FROM promises WHERE matter_id = $1 AND kind = $2 AND due_at = $3";
    query!(sql, promise.matter_id, promise.kind.as_str(), promise.due_at).run(conn).await
}

/// Has a promise looked at later, since it cannot be now.
pub async fn put_off(conn: &mut Conn, promise: &Promise, until: Timestamp) -> Result<()> {
    let sql =
        "UPDATE promises SET look_at = $4 WHERE matter_id = $1 AND kind = $2 AND due_at = $3 AND look_at IS NOT NULL";
    query!(sql, promise.matter_id, promise.kind.as_str(), promise.due_at, until).run(conn).await
}

/// Settles what a notice promised for a time: a person said what was done instead.
pub async fn settle(conn: &mut Conn, notice_id: Uuid, matter_id: Uuid, due_at: Timestamp) -> Result<()> {
    let sql = "UPDATE promises SET state = 'settled', look_at = NULL
         WHERE matter_id = $1 AND notice_id = $2 AND due_at = $3 AND state IN ('open', 'overdue')";
    query!(sql, matter_id, notice_id, due_at).run(conn).await
}

/// How many promises are overdue.
pub async fn overdue(conn: &mut Conn) -> Result<u64> {
    query!("SELECT COUNT(*) AS n FROM promises WHERE state = 'overdue'").count(conn, "promises").await
}

fn read(row: &sqlx::any::AnyRow) -> Result<Promise> {
    let row = Row::of("promises", row);
    Ok(Promise {
        matter_id: row.id("matter_id")?,
        kind: row.parse("kind")?,
        due_at: row.time("due_at")?,
        notice_id: row.id("notice_id")?,
        state: row.parse("state")?,
    })
}
