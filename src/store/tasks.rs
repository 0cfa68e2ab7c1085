//! Tasks: what a person must do. What a task says holds no address; the note of the person who closed it may, and goes with the
//! persons that it mentions.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::task::{State, TaskKind};
use crate::store::engine::dialect::{among, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

pub use crate::store::visible::Visible;

/// A task to be opened.
#[derive(Clone, Copy, Debug)]
pub struct NewTask<'a> {
    /// Id.
    pub id: Uuid,
    /// Why.
    pub kind: TaskKind,
    /// The notice that it is about, if it is about one.
    pub notice_id: Option<Uuid>,
    /// The customer that it is about, if it is about one.
    pub account_id: Option<&'a str>,
    /// The delivery that it is about, if it is about one.
    pub delivery_id: Option<Uuid>,
    /// The message that came back, if it is about one.
    pub inbound_id: Option<Uuid>,
    /// The reason in words, without an address.
    pub reason: &'a str,
    /// When.
    pub at: Timestamp,
    /// By when it must be done, if there is a deadline.
    pub deadline: Option<Timestamp>,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = task::Task)]
pub struct Task {
    /// Id.
    pub id: Uuid,
    /// Why it was opened.
    pub kind: TaskKind,
    /// The notice that it is about.
    #[serde(rename = "notice")]
    pub notice_id: Option<Uuid>,
    /// The customer that it is about.
    pub account_id: Option<String>,
    /// The delivery that it is about.
    #[serde(rename = "delivery")]
    pub delivery_id: Option<Uuid>,
    /// The message that came back.
    #[serde(rename = "inbound")]
    pub inbound_id: Option<Uuid>,
    /// The reason in words.
    pub reason: String,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// By when it must be done.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deadline: Option<Timestamp>,
    /// Whether it still has to be done.
    pub state: State,
    /// When it was closed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub done_at: Option<Timestamp>,
    /// Who closed it; `None` if a fact did.
    pub done_by: Option<String>,
    /// What that person did.
    pub note: Option<String>,
}

impl Task {
    /// Returns true if a person closed it with a note.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.done_by.is_some()
    }
}

/// A statement over all columns of a task.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, notice_id, account_id, delivery_id, inbound_id, reason, opened_at, deadline, state, done_at, \
             done_by, note FROM tasks ",
            $rest
        )
    };
}

/// Opens a task. Returns false if one of the same kind about the same notice, customer, delivery and message, with the same deadline, is
/// open.
pub async fn open(conn: &mut Conn, task: &NewTask<'_>) -> Result<bool> {
    let sql = "INSERT INTO tasks (id, kind, notice_id, account_id, delivery_id, inbound_id, reason, opened_at, deadline, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open') ON CONFLICT DO NOTHING";
    query!(
        sql,
        task.id,
        task.kind.as_str(),
        task.notice_id,
        task.account_id,
        task.delivery_id,
        task.inbound_id,
        task.reason,
        task.at,
        task.deadline
    )
    .changed_one(conn)
    .await
}

/// Closes the open tasks of a kind about a notice and some of its customers by a fact. Returns how many there were.
pub async fn close(conn: &mut Conn, kind: TaskKind, notice_id: Uuid, accounts: &[&str], at: Timestamp) -> Result<u64> {
    let sql = among!(
        conn,
        "UPDATE tasks SET state = 'done', done_at = $4 WHERE state = 'open' AND kind = $1 AND notice_id = $2
           AND account_id", in "$3"
    );
    query!(sql, kind.as_str(), notice_id, json(accounts), at).changed(conn).await
}

/// Closes the open tasks of a kind about a notice by a fact, whoever of its customers they are about. Returns how many there were.
pub async fn close_all(conn: &mut Conn, kind: TaskKind, notice_id: Uuid, at: Timestamp) -> Result<u64> {
    let sql = "UPDATE tasks SET state = 'done', done_at = $3 WHERE state = 'open' AND kind = $1 AND notice_id = $2";
    query!(sql, kind.as_str(), notice_id, at).changed(conn).await
}

/// Closes the open tasks of a kind about a notice with a deadline by a fact. Returns how many there were.
pub async fn close_due(
    conn: &mut Conn,
    kind: TaskKind,
    (notice_id, deadline): (Uuid, Timestamp),
    at: Timestamp,
) -> Result<u64> {
    let sql = "UPDATE tasks SET state = 'done', done_at = $4
         WHERE state = 'open' AND kind = $1 AND notice_id = $2 AND deadline = $3";
    query!(sql, kind.as_str(), notice_id, deadline, at).changed(conn).await
}

/// How many tasks of a kind are open about a delivery of a notice to a customer.
pub async fn open_about(
    conn: &mut Conn,
    kind: TaskKind,
    (notice_id, account_id, delivery_id): (Uuid, &str, Uuid),
) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM tasks
         WHERE state = 'open' AND kind = $1 AND notice_id = $2 AND account_id = $3 AND delivery_id = $4";
    query!(sql, kind.as_str(), notice_id, account_id, delivery_id).count(conn, "tasks").await
}

/// Closes the open tasks of a kind about a delivery of a notice to a customer by a fact. Returns how many there were.
pub async fn close_about(
    conn: &mut Conn,
    kind: TaskKind,
    (notice_id, account_id, delivery_id): (Uuid, &str, Uuid),
    at: Timestamp,
) -> Result<u64> {
    let sql = "UPDATE tasks SET state = 'done', done_at = $5
         WHERE state = 'open' AND kind = $1 AND notice_id = $2 AND account_id = $3 AND delivery_id = $4";
    query!(sql, kind.as_str(), notice_id, account_id, delivery_id, at).changed(conn).await
}

/// Closes the open tasks of a kind by a fact. Returns how many there were.
pub async fn close_kind(conn: &mut Conn, kind: TaskKind, at: Timestamp) -> Result<u64> {
    let sql = "UPDATE tasks SET state = 'done', done_at = $2 WHERE state = 'open' AND kind = $1";
    query!(sql, kind.as_str(), at).changed(conn).await
}

/// Closes a task by a person's note. Returns false if it is not open.
pub async fn done(conn: &mut Conn, id: Uuid, (by, note): (&str, &str), at: Timestamp) -> Result<bool> {
    let sql = "UPDATE tasks SET state = 'done', done_at = $2, done_by = $3, note = $4 WHERE id = $1 AND state = 'open'";
    query!(sql, id, at, by, note).changed_one(conn).await
}

/// The task with this id.
pub async fn find(conn: &mut Conn, id: Uuid) -> Result<Option<Task>> {
    query!(select!("WHERE id = $1"), id).first(conn, read).await
}

/// The open tasks with the next deadlines, those without one last. Those about no notice are always visible.
pub async fn next_due(conn: &mut Conn, limit: u32, visible: Visible) -> Result<Vec<Task>> {
    // The largest time stands for none, in the index too.
    let sql = select!(
        "WHERE state = 'open' AND (notice_id IS NULL OR NOT EXISTS (SELECT 1 FROM notices n WHERE n.id = notice_id
           AND ($3 NOT LIKE '%,' || n.category || ',%'
             OR ($2 = 0 AND n.category = 'security_breach' AND n.released_at IS NULL))))
         ORDER BY COALESCE(deadline, 9223372036854775807), id LIMIT $1"
    );
    let (sealed, categories) = (i64::from(visible.sealed), visible.words());
    query!(sql, limit, sealed, categories).all(conn, read).await
}

/// A page of tasks by id, the newest first, before this one; only open ones with `open`. Those about no notice are always visible.
pub async fn list(
    conn: &mut Conn,
    open: bool,
    before: Option<Uuid>,
    limit: u32,
    visible: Visible,
) -> Result<Vec<Task>> {
    // Two texts, so that each engine uses the index of what it lists.
    let sql = if open {
        select!(
            "WHERE state = 'open' AND id < $1 AND (notice_id IS NULL OR NOT EXISTS (SELECT 1 FROM notices n WHERE n.id = notice_id
               AND ($4 NOT LIKE '%,' || n.category || ',%'
                 OR ($3 = 0 AND n.category = 'security_breach' AND n.released_at IS NULL))))
             ORDER BY id DESC LIMIT $2"
        )
    } else {
        select!(
            "WHERE id < $1 AND (notice_id IS NULL OR NOT EXISTS (SELECT 1 FROM notices n WHERE n.id = notice_id
               AND ($4 NOT LIKE '%,' || n.category || ',%'
                 OR ($3 = 0 AND n.category = 'security_breach' AND n.released_at IS NULL))))
             ORDER BY id DESC LIMIT $2"
        )
    };
    let before = before.unwrap_or(Uuid::max()).to_string();
    let (sealed, categories) = (i64::from(visible.sealed), visible.words());
    let rows = query!(sql, before, limit, sealed, categories).rows(conn).await?;
    rows.iter().map(read).collect()
}

/// The last task of a kind about a notice as a whole.
pub async fn last(conn: &mut Conn, kind: TaskKind, notice_id: Uuid) -> Result<Option<Task>> {
    let sql = select!("WHERE notice_id = $1 AND account_id IS NULL AND kind = $2 ORDER BY id DESC LIMIT 1");
    query!(sql, notice_id, kind.as_str()).first(conn, read).await
}

/// The open tasks about a customer, the oldest first.
pub async fn of_customer(conn: &mut Conn, account_id: &str) -> Result<Vec<Task>> {
    let sql = select!("WHERE account_id = $1 AND state = 'open' ORDER BY id");
    query!(sql, account_id).all(conn, read).await
}

/// How many tasks of each kind are open about a notice.
pub async fn open_of_notice(conn: &mut Conn, notice_id: Uuid) -> Result<Vec<(TaskKind, u64)>> {
    let sql =
        "SELECT kind, COUNT(*) AS n FROM tasks WHERE notice_id = $1 AND state = 'open' GROUP BY kind ORDER BY kind";
    let rows = query!(sql, notice_id).rows(conn).await?;
    counted(&rows)
}

/// How many tasks of each kind are open.
pub async fn open_by_kind(conn: &mut Conn) -> Result<Vec<(TaskKind, u64)>> {
    let rows = query!("SELECT kind, COUNT(*) AS n FROM tasks WHERE state = 'open' GROUP BY kind ORDER BY kind")
        .rows(conn)
        .await?;
    counted(&rows)
}

fn counted(rows: &[sqlx::any::AnyRow]) -> Result<Vec<(TaskKind, u64)>> {
    rows.iter()
        .map(|row| {
            let row = Row::of("tasks", row);
            Ok((row.parse("kind")?, row.count("n")?))
        })
        .collect()
}

/// A page of tasks whose note contains an `@`, by id, after `after`.
pub async fn with_mentions(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<Task>> {
    let sql = select!("WHERE id > $1 AND note LIKE '%@%' ORDER BY id LIMIT $2");
    query!(sql, after, limit).all(conn, read).await
}

/// Empties the note of a task; who closed it and when stays.
pub async fn clear_note(conn: &mut Conn, id: Uuid) -> Result<()> {
    query!("UPDATE tasks SET note = '' WHERE id = $1", id).run(conn).await
}

fn read(row: &sqlx::any::AnyRow) -> Result<Task> {
    let row = Row::of("tasks", row);
    Ok(Task {
        id: row.id("id")?,
        kind: row.parse("kind")?,
        notice_id: row.maybe("notice_id")?,
        account_id: row.get("account_id")?,
        delivery_id: row.maybe("delivery_id")?,
        inbound_id: row.maybe("inbound_id")?,
        reason: row.get("reason")?,
        opened_at: row.time("opened_at")?,
        deadline: row.maybe_time("deadline")?,
        state: row.parse("state")?,
        done_at: row.maybe_time("done_at")?,
        done_by: row.get("done_by")?,
        note: row.get("note")?,
    })
}
