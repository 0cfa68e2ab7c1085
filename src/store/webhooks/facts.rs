//! What has happened that a webhook wants to know. Triggers write what happens to deliveries and tasks, so that every statement that
//! changes one is covered; [`note`] writes the rest. Nothing is written while no webhook wants it.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::delivery::State;
use crate::domain::webhook::HookEvent;
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What kind of thing has happened.
    pub event: HookEvent,
    /// To what: the id of a notice, a delivery or a task, or the name of a relay.
    pub object: String,
    /// The notice that it is about, if it is about one.
    pub notice_id: Option<Uuid>,
    /// The customer of a delivery.
    pub account_id: Option<String>,
    /// The state of a delivery.
    pub state: Option<State>,
    /// When.
    pub at: Timestamp,
}

/// Notes a fact about a notice, a relay or the ledger, if a webhook wants to know it.
pub async fn note(
    conn: &mut Conn,
    event: HookEvent,
    (object, notice_id): (&str, Option<Uuid>),
    at: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO webhook_facts (event, object, notice_id, at) SELECT $1, $2, $3, $4
         WHERE EXISTS (SELECT 1 FROM webhook_wants WHERE event = $1)";
    query!(sql, event.as_str(), object, notice_id, at).run(conn).await
}

/// Notes a fact about a notice.
pub async fn note_notice(conn: &mut Conn, event: HookEvent, notice_id: Uuid, at: Timestamp) -> Result<()> {
    note(conn, event, (&notice_id.to_string(), Some(notice_id)), at).await
}

/// True if there is a fact of which no call was made.
pub async fn any(conn: &mut Conn) -> Result<bool> {
    Ok(query!("SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM webhook_facts LIMIT 1) AS found")
        .count(conn, "webhook_facts")
        .await?
        > 0)
}

/// Takes up to `limit` facts, in the order in which they were noted.
pub async fn take(conn: &mut Conn, limit: u32) -> Result<Vec<Fact>> {
    // By the rows that were seen, not by their range: on PostgreSQL a lower number may commit later.
    let sql = "DELETE FROM webhook_facts WHERE seq IN (SELECT seq FROM webhook_facts ORDER BY seq LIMIT $1)
         RETURNING event, object, notice_id, account_id, state, at, seq";
    let rows = query!(sql, limit).rows(conn).await?;
    let mut taken = rows
        .iter()
        .map(|row| {
            let row = Row::of("webhook_facts", row);
            // A node of a newer version may note what this one does not know, and nobody here wants.
            let Some(event) = row.known("event")? else { return Ok(None) };
            let fact = Fact {
                event,
                object: row.get("object")?,
                notice_id: row.maybe("notice_id")?,
                account_id: row.get("account_id")?,
                state: row.maybe("state")?,
                at: row.time("at")?,
            };
            Ok(Some((row.count("seq")?, fact)))
        })
        .filter_map(Result::transpose)
        .collect::<Result<Vec<_>>>()?;
    // RETURNING promises no order.
    taken.sort_unstable_by_key(|(seq, _)| *seq);
    Ok(taken.into_iter().map(|(_, fact)| fact).collect())
}
