//! Calls of webhooks that have not succeeded yet. A call leaves when it does, or when its time is over.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::webhook::HookEvent;
use crate::store::engine::dialect::{Dialect, bulk, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Id: the receiver knows by it what it has had before.
    pub id: Uuid,
    /// The webhook.
    pub webhook_id: Uuid,
    /// What it is made for.
    pub event: HookEvent,
    /// What is sent, the same at each attempt.
    pub body: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Attempts that failed.
    pub attempts: u32,
    /// When the first of them failed.
    pub first_at: Option<Timestamp>,
}

/// Queues calls, which are due at once.
pub async fn insert(conn: &mut Conn, calls: &[Call]) -> Result<()> {
    #[derive(Serialize)]
    struct Stored<'a> {
        id: Uuid,
        webhook_id: Uuid,
        event: &'static str,
        body: &'a str,
        created_at: i64,
    }
    let stored = calls.iter().map(|call| Stored {
        id: call.id,
        webhook_id: call.webhook_id,
        event: call.event.as_str(),
        body: &call.body,
        created_at: call.created_at.as_millisecond(),
    });
    let rows: Vec<_> = stored.collect();
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO webhook_calls (id, webhook_id, event, body, created_at, due_at)
         SELECT value ->> 'id', value ->> 'webhook_id', value ->> 'event', value ->> 'body',
           CAST(value ->> 'created_at' AS BIGINT), CAST(value ->> 'created_at' AS BIGINT) FROM",
        rows
    );
    query!(sql, json(&rows)).run(conn).await
}

/// How many calls of a webhook have not succeeded yet.
pub async fn count(conn: &mut Conn, webhook_id: Uuid) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM webhook_calls WHERE webhook_id = $1";
    query!(sql, webhook_id).count(conn, "webhook_calls").await
}

/// The words of events that this version knows, each between commas. A call with another one is left to a node of the newer version.
fn known() -> String {
    HookEvent::ALL.iter().fold(",".to_owned(), |all, event| all + event.as_str() + ",")
}

/// The webhooks with a call that is due, at most one of each.
pub async fn due(conn: &mut Conn, now: Timestamp) -> Result<Vec<Uuid>> {
    let sql = "SELECT w.id FROM webhooks w WHERE w.disabled_at IS NULL AND (w.retry_at IS NULL OR w.retry_at <= $1)
           AND EXISTS (SELECT 1 FROM webhook_calls c WHERE c.webhook_id = w.id AND c.due_at <= $1
             AND $2 LIKE '%,' || c.event || ',%') ORDER BY w.id";
    query!(sql, now, known()).all(conn, |row| Row::of("webhooks", row).id("id")).await
}

/// The calls of a webhook that are due, those that wait longest first.
pub async fn next(conn: &mut Conn, webhook_id: Uuid, now: Timestamp, limit: u32) -> Result<Vec<Call>> {
    let sql = "SELECT id, webhook_id, event, body, created_at, attempts, first_at FROM webhook_calls
         WHERE webhook_id = $1 AND due_at <= $2 AND $4 LIKE '%,' || event || ',%' ORDER BY due_at, id LIMIT $3";
    query!(sql, webhook_id, now, limit, known()).all(conn, read).await
}

/// Deletes a call: it succeeded, or its time is over. Returns false if it is not there any more.
pub async fn delete(conn: &mut Conn, id: Uuid) -> Result<bool> {
    query!("DELETE FROM webhook_calls WHERE id = $1", id).changed_one(conn).await
}

/// Notes that a call failed, and when it is due again.
pub async fn failed(conn: &mut Conn, id: Uuid, at: Timestamp, due_at: Timestamp) -> Result<()> {
    let sql = "UPDATE webhook_calls SET attempts = attempts + 1, first_at = COALESCE(first_at, $2), due_at = $3 WHERE id = $1";
    query!(sql, id, at, due_at).run(conn).await
}

/// Makes all calls of a webhook due now, with their whole time before them.
pub async fn begin_again(conn: &mut Conn, webhook_id: Uuid, now: Timestamp) -> Result<()> {
    let sql = "UPDATE webhook_calls SET due_at = $2, first_at = NULL WHERE webhook_id = $1";
    query!(sql, webhook_id, now).run(conn).await
}

/// How many calls of disabled webhooks were made before this time.
pub async fn count_left(conn: &mut Conn, before: Timestamp) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM webhooks w JOIN webhook_calls c ON c.webhook_id = w.id
         WHERE w.disabled_at IS NOT NULL AND c.created_at < $1";
    query!(sql, before).count(conn, "webhook_calls").await
}

/// Deletes calls of disabled webhooks that were made before this time: nobody waits for them any more.
pub async fn delete_left(conn: &mut Conn, before: Timestamp) -> Result<u64> {
    let sql = "DELETE FROM webhook_calls WHERE created_at < $1
           AND webhook_id IN (SELECT id FROM webhooks WHERE disabled_at IS NOT NULL)";
    query!(sql, before).changed(conn).await
}

fn read(row: &sqlx::any::AnyRow) -> Result<Call> {
    let row = Row::of("webhook_calls", row);
    Ok(Call {
        id: row.id("id")?,
        webhook_id: row.id("webhook_id")?,
        event: row.parse("event")?,
        body: row.get("body")?,
        created_at: row.time("created_at")?,
        attempts: u32::try_from(row.count("attempts")?).unwrap_or(u32::MAX),
        first_at: row.maybe_time("first_at")?,
    })
}
