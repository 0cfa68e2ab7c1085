//! Sessions of operators in the console, by the SHA-256 of their token.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::second_factor::{SECRET, Secret};
use crate::domain::session::Proof;
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Id.
    pub id: Uuid,
    /// The operator's id.
    pub operator_id: Uuid,
    /// The SHA-256 of its token.
    pub hash: [u8; 32],
    /// What was proved when it began.
    pub proof: Proof,
    /// From which address it began.
    pub address: String,
    /// With which browser, in a few words.
    pub agent: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last, within a minute.
    pub seen_at: Timestamp,
    /// When it ends at the latest.
    pub ends_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, operator_id, hash, proof, address, agent, created_at, seen_at, ends_at FROM sessions ",
            $rest
        )
    };
}

/// Adds a session.
pub async fn insert(conn: &mut Conn, session: &Session) -> Result<()> {
    let sql = "INSERT INTO sessions (id, operator_id, hash, proof, address, agent, created_at, seen_at, ends_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    query!(
        sql,
        session.id,
        session.operator_id,
        session.hash.as_slice(),
        session.proof.as_str(),
        &session.address,
        &session.agent,
        session.created_at,
        session.seen_at,
        session.ends_at
    )
    .run(conn)
    .await
}

/// The session whose token has this SHA-256.
pub async fn with_hash(conn: &mut Conn, hash: &[u8; 32]) -> Result<Option<Session>> {
    query!(select!("WHERE hash = $1"), hash.as_slice()).first(conn, read).await
}

/// The session with this id.
pub async fn find(conn: &mut Conn, id: Uuid) -> Result<Option<Session>> {
    query!(select!("WHERE id = $1"), id).first(conn, read).await
}

/// The sessions of an operator, the newest first.
pub async fn list(conn: &mut Conn, operator_id: Uuid, limit: u32) -> Result<Vec<Session>> {
    let sql = select!("WHERE operator_id = $1 ORDER BY id DESC LIMIT $2");
    query!(sql, operator_id, limit).all(conn, read).await
}

/// Notes that a session was used, unless that was noted since `before`.
pub async fn touch(conn: &mut Conn, id: Uuid, before: Timestamp, at: Timestamp) -> Result<()> {
    let sql = "UPDATE sessions SET seen_at = $3 WHERE id = $1 AND seen_at <= $2";
    query!(sql, id, before, at).run(conn).await
}

/// The secret of the second factor that is being set up in a session.
pub async fn pending(conn: &mut Conn, id: Uuid) -> Result<Option<Secret>> {
    let row = query!("SELECT pending FROM sessions WHERE id = $1", id).first_row(conn).await?;
    let secret = row.map(|row| Row::of("sessions", &row).maybe_bytes::<SECRET>("pending")).transpose()?;
    Ok(secret.flatten().map(Secret::stored))
}

/// Stores the secret that is being set up in a session, unless there is one: the picture stays the same if the page is loaded again.
pub async fn set_pending(conn: &mut Conn, id: Uuid, secret: &Secret) -> Result<()> {
    let sql = "UPDATE sessions SET pending = $2 WHERE id = $1 AND pending IS NULL";
    query!(sql, id, secret.bytes().as_slice()).run(conn).await
}

/// Drops what is being set up in the sessions of an operator.
pub async fn drop_pending(conn: &mut Conn, operator_id: Uuid) -> Result<()> {
    let sql = "UPDATE sessions SET pending = NULL WHERE operator_id = $1 AND pending IS NOT NULL";
    query!(sql, operator_id).run(conn).await
}

/// Ends one session of an operator. Returns false if there is none.
pub async fn end(conn: &mut Conn, operator_id: Uuid, id: Uuid) -> Result<bool> {
    query!("DELETE FROM sessions WHERE id = $1 AND operator_id = $2", id, operator_id).changed_one(conn).await
}

/// Ends the sessions of an operator, except one if it is named.
pub async fn end_all(conn: &mut Conn, operator_id: Uuid, except: Option<Uuid>) -> Result<u64> {
    let sql = "DELETE FROM sessions WHERE operator_id = $1 AND id <> $2";
    query!(sql, operator_id, except.unwrap_or(Uuid::nil())).changed(conn).await
}

/// Deletes some of the sessions that ended before a time.
pub async fn delete_before(conn: &mut Conn, before: Timestamp, limit: u32) -> Result<u64> {
    let sql = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE ends_at < $1 ORDER BY ends_at LIMIT $2)";
    query!(sql, before, limit).changed(conn).await
}

fn read(row: &sqlx::any::AnyRow) -> Result<Session> {
    let row = Row::of("sessions", row);
    Ok(Session {
        id: row.id("id")?,
        operator_id: row.id("operator_id")?,
        hash: row.bytes("hash")?,
        proof: row.parse("proof")?,
        address: row.get("address")?,
        agent: row.get("agent")?,
        created_at: row.time("created_at")?,
        seen_at: row.time("seen_at")?,
        ends_at: row.time("ends_at")?,
    })
}
