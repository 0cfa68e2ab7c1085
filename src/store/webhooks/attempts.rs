//! The last attempts to call each webhook, for the operator who looks why nothing comes.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::webhook::HookEvent;
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// How many attempts of a webhook are kept.
pub const KEPT: u32 = 100;

/// An attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = webhook::Attempt)]
pub struct Attempt {
    /// Id.
    #[serde(skip)]
    pub id: Uuid,
    /// The call: its `webhook-id`.
    #[serde(rename = "call")]
    pub call_id: Uuid,
    /// What the call was made for.
    pub event: HookEvent,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Its number, from 1.
    pub attempt: u32,
    /// What the receiver answered.
    pub status: Option<u16>,
    /// How long that took, in milliseconds.
    pub took_ms: u64,
    /// Why it did not succeed.
    pub problem: Option<String>,
}

/// Adds an attempt of a webhook, in place of the oldest.
pub async fn insert(conn: &mut Conn, webhook_id: Uuid, attempt: &Attempt) -> Result<()> {
    let sql = "INSERT INTO webhook_attempts (id, webhook_id, call_id, event, at, attempt, status, took_ms, problem)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    query!(
        sql,
        attempt.id,
        webhook_id,
        attempt.call_id,
        attempt.event.as_str(),
        attempt.at,
        attempt.attempt,
        attempt.status.map(i64::from),
        attempt.took_ms,
        attempt.problem.as_deref()
    )
    .run(&mut *conn)
    .await?;
    let sql = "DELETE FROM webhook_attempts WHERE webhook_id = $1 AND id <= (SELECT id FROM webhook_attempts
           WHERE webhook_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
    query!(sql, webhook_id, KEPT).run(conn).await
}

/// The last attempts of a webhook, the newest first.
pub async fn list(conn: &mut Conn, webhook_id: Uuid) -> Result<Vec<Attempt>> {
    let sql = "SELECT id, call_id, event, at, attempt, status, took_ms, problem FROM webhook_attempts
         WHERE webhook_id = $1 ORDER BY id DESC LIMIT $2";
    let rows = query!(sql, webhook_id, KEPT).rows(conn).await?;
    rows.iter()
        .map(|row| {
            let row = Row::of("webhook_attempts", row);
            // A node of a newer version may have called for what this one does not know.
            let Some(event) = row.known("event")? else { return Ok(None) };
            Ok(Some(Attempt {
                id: row.id("id")?,
                call_id: row.id("call_id")?,
                event,
                at: row.time("at")?,
                attempt: u32::try_from(row.count("attempt")?).unwrap_or(u32::MAX),
                status: row.maybe_count("status")?.and_then(|status| u16::try_from(status).ok()),
                took_ms: row.count("took_ms")?,
                problem: row.get("problem")?,
            }))
        })
        .filter_map(Result::transpose)
        .collect()
}
