//! Invitations to set a password, by the SHA-256 of their token. An operator has one at most: a new one takes the place of the last.

use jiff::Timestamp;
use uuid::Uuid;

use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The operator's id.
    pub operator_id: Uuid,
    /// The SHA-256 of its token.
    pub hash: [u8; 32],
    /// True if it takes the second factor off.
    pub resets: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is valid.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

/// Stores an invitation in place of the operator's last one.
pub async fn put(conn: &mut Conn, invitation: &Invitation) -> Result<()> {
    let sql = "INSERT INTO invitations (operator_id, hash, resets, created_at, expires_at, used_at) VALUES ($1, $2, $3, $4, $5, NULL)
         ON CONFLICT (operator_id) DO UPDATE SET hash = excluded.hash, resets = excluded.resets, created_at = excluded.created_at,
           expires_at = excluded.expires_at, used_at = NULL";
    query!(
        sql,
        invitation.operator_id,
        invitation.hash.as_slice(),
        invitation.resets,
        invitation.created_at,
        invitation.expires_at
    )
    .run(conn)
    .await
}

/// The invitation whose token has this SHA-256, in whatever state.
pub async fn with_hash(conn: &mut Conn, hash: &[u8; 32]) -> Result<Option<Invitation>> {
    let sql = "SELECT operator_id, hash, resets, created_at, expires_at, used_at FROM invitations WHERE hash = $1";
    query!(sql, hash.as_slice()).first(conn, read).await
}

/// Marks an invitation as used. Returns false if it was used before: two that open it at the same time set one password.
pub async fn consume(conn: &mut Conn, hash: &[u8; 32], at: Timestamp) -> Result<bool> {
    let sql = "UPDATE invitations SET used_at = $2 WHERE hash = $1 AND used_at IS NULL";
    query!(sql, hash.as_slice(), at).changed_one(conn).await
}

/// Deletes the invitation of an operator.
pub async fn withdraw(conn: &mut Conn, operator_id: Uuid) -> Result<()> {
    query!("DELETE FROM invitations WHERE operator_id = $1", operator_id).run(conn).await
}

fn read(row: &sqlx::any::AnyRow) -> Result<Invitation> {
    let row = Row::of("invitations", row);
    Ok(Invitation {
        operator_id: row.id("operator_id")?,
        hash: row.bytes("hash")?,
        resets: row.get::<i64>("resets")? != 0,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        used_at: row.maybe_time("used_at")?,
    })
}
