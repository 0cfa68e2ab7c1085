//! Keys of programs, by their SHA-256.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::operator::{OperatorKind, OperatorName, Roles};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A key as it is stored, with the operator whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Id.
    pub id: Uuid,
    /// The operator's id.
    pub operator_id: Uuid,
    /// The operator's name.
    pub operator: OperatorName,
    /// Whether the operator is a person or a machine.
    pub kind: OperatorKind,
    /// The operator's roles now.
    pub held: Roles,
    /// Since when the operator may not act any more.
    pub disabled_at: Option<Timestamp>,
    /// The SHA-256 of the key.
    pub hash: [u8; 32],
    /// The roles for which the key was made.
    pub roles: Roles,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, within a minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A key to be stored.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    /// Id.
    pub id: Uuid,
    /// The operator's id.
    pub operator_id: Uuid,
    /// The SHA-256 of the key.
    pub hash: &'a [u8; 32],
    /// The roles for which it is made.
    pub roles: Roles,
    /// When it is made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT k.id, k.operator_id, o.name, o.kind, o.roles AS held, o.disabled_at, k.hash, k.roles, k.created_at, k.expires_at,
               k.last_used_at, k.revoked_at
             FROM keys k JOIN operators o ON o.id = k.operator_id ",
            $rest
        )
    };
}

/// Adds a key.
pub async fn insert(conn: &mut Conn, key: &New<'_>) -> Result<()> {
    let sql = "INSERT INTO keys (id, operator_id, hash, roles, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
    query!(sql, key.id, key.operator_id, key.hash.as_slice(), key.roles.to_string(), key.created_at, key.expires_at)
        .run(conn)
        .await
}

/// The key with this SHA-256, in whatever state.
pub async fn with_hash(conn: &mut Conn, hash: &[u8; 32]) -> Result<Option<Kept>> {
    query!(select!("WHERE k.hash = $1"), hash.as_slice()).first(conn, read).await
}

/// The key with this id.
pub async fn find(conn: &mut Conn, id: Uuid) -> Result<Option<Kept>> {
    query!(select!("WHERE k.id = $1"), id).first(conn, read).await
}

/// A page of keys by id, after `after`; those of one operator, if one is named.
pub async fn list(conn: &mut Conn, operator_id: Option<Uuid>, after: Option<Uuid>, limit: u32) -> Result<Vec<Kept>> {
    let sql = select!("WHERE k.id > $1 AND ($2 IS NULL OR k.operator_id = $2) ORDER BY k.id LIMIT $3");
    query!(sql, after.unwrap_or(Uuid::nil()), operator_id, limit).all(conn, read).await
}

/// Notes that a key was used, unless that was noted since `before`.
pub async fn touch(conn: &mut Conn, id: Uuid, before: Timestamp, at: Timestamp) -> Result<()> {
    let sql = "UPDATE keys SET last_used_at = $3 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $2)";
    query!(sql, id, before, at).run(conn).await
}

/// Revokes a key. Returns false if it was revoked already.
pub async fn revoke(conn: &mut Conn, id: Uuid, at: Timestamp) -> Result<bool> {
    let sql = "UPDATE keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
    query!(sql, id, at).changed_one(conn).await
}

/// Revokes every key of an operator that is not revoked yet.
pub async fn revoke_all(conn: &mut Conn, operator_id: Uuid, at: Timestamp) -> Result<()> {
    let sql = "UPDATE keys SET revoked_at = $2 WHERE operator_id = $1 AND revoked_at IS NULL";
    query!(sql, operator_id, at).run(conn).await
}

fn read(row: &sqlx::any::AnyRow) -> Result<Kept> {
    let row = Row::of("keys", row);
    Ok(Kept {
        id: row.id("id")?,
        operator_id: row.id("operator_id")?,
        operator: row.parse("name")?,
        kind: row.parse("kind")?,
        held: row.parse("held")?,
        disabled_at: row.maybe_time("disabled_at")?,
        hash: row.bytes("hash")?,
        roles: row.parse("roles")?,
        created_at: row.time("created_at")?,
        expires_at: row.maybe_time("expires_at")?,
        last_used_at: row.maybe_time("last_used_at")?,
        revoked_at: row.maybe_time("revoked_at")?,
    })
}
