//! How operators sign in: the hash of the password, the secret of the second factor, and recovery codes.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::second_factor::{SECRET, Secret};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// How an operator signs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignIn {
    /// The password as it is kept, if there is one.
    pub password: Option<String>,
    /// The secret of the second factor, if it is set up.
    pub secret: Option<Secret>,
    /// When that was.
    pub secret_at: Option<Timestamp>,
    /// The step of the last code that was taken.
    pub last_step: Option<i64>,
}

/// How an operator signs in; with nothing of it, if nothing is stored.
pub async fn find(conn: &mut Conn, operator_id: Uuid) -> Result<SignIn> {
    let sql = "SELECT operator_id, password, secret, secret_at, last_step FROM sign_ins WHERE operator_id = $1";
    let row = query!(sql, operator_id).first_row(conn).await?;
    row.as_ref().map_or_else(|| Ok(SignIn::default()), read)
}

/// Stores a password.
pub async fn set_password(conn: &mut Conn, operator_id: Uuid, password: &str) -> Result<()> {
    let sql = "INSERT INTO sign_ins (operator_id, password) VALUES ($1, $2)
         ON CONFLICT (operator_id) DO UPDATE SET password = excluded.password";
    query!(sql, operator_id, password).run(conn).await
}

/// Keeps a password from being changed until the transaction ends. Returns false if it is not the present one any more.
pub async fn hold_password(conn: &mut Conn, operator_id: Uuid, password: &str) -> Result<bool> {
    replace_password(conn, operator_id, password, password).await
}

/// Stores another password in place of this one. Returns false if that is not the present one any more: of two that change it at the same
/// time one is refused.
pub async fn replace_password(conn: &mut Conn, operator_id: Uuid, former: &str, new: &str) -> Result<bool> {
    let sql = "UPDATE sign_ins SET password = $3 WHERE operator_id = $1 AND password = $2";
    query!(sql, operator_id, former, new).changed_one(conn).await
}

/// Puts a secret into force, with the step of the code that proved it.
pub async fn set_secret(conn: &mut Conn, operator_id: Uuid, secret: &Secret, step: i64, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO sign_ins (operator_id, secret, secret_at, last_step) VALUES ($1, $2, $3, $4)
         ON CONFLICT (operator_id) DO UPDATE SET secret = excluded.secret, secret_at = excluded.secret_at,
           last_step = excluded.last_step";
    query!(sql, operator_id, secret.bytes().as_slice(), at, step).run(conn).await
}

/// Notes that a code of a step was taken. Returns false if one of this step or a later one was: of two that come with the same code at
/// the same time one is refused.
pub async fn take_step(conn: &mut Conn, operator_id: Uuid, step: i64) -> Result<bool> {
    let sql = "UPDATE sign_ins SET last_step = $2 WHERE operator_id = $1 AND (last_step IS NULL OR last_step < $2)";
    query!(sql, operator_id, step).changed_one(conn).await
}

/// Takes the second factor off, with its recovery codes.
pub async fn reset(conn: &mut Conn, operator_id: Uuid) -> Result<()> {
    let id = operator_id.to_string();
    let sql = "UPDATE sign_ins SET secret = NULL, secret_at = NULL, last_step = NULL WHERE operator_id = $1";
    query!(sql, &id).run(&mut *conn).await?;
    query!("DELETE FROM recovery_codes WHERE operator_id = $1", &id).run(conn).await
}

/// Stores new recovery codes in place of the former ones.
pub async fn set_codes(conn: &mut Conn, operator_id: Uuid, hashes: &[[u8; 32]]) -> Result<()> {
    let id = operator_id.to_string();
    query!("DELETE FROM recovery_codes WHERE operator_id = $1", &id).run(&mut *conn).await?;
    for hash in hashes {
        let sql = "INSERT INTO recovery_codes (operator_id, hash) VALUES ($1, $2)";
        query!(sql, &id, hash.as_slice()).run(&mut *conn).await?;
    }
    Ok(())
}

/// Uses a recovery code. Returns false if the operator has no such code, or it was used before.
pub async fn take_code(conn: &mut Conn, operator_id: Uuid, hash: &[u8; 32], at: Timestamp) -> Result<bool> {
    let sql = "UPDATE recovery_codes SET used_at = $3 WHERE operator_id = $1 AND hash = $2 AND used_at IS NULL";
    query!(sql, operator_id, hash.as_slice(), at).changed_one(conn).await
}

/// How many recovery codes an operator has left.
pub async fn codes_left(conn: &mut Conn, operator_id: Uuid) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS codes FROM recovery_codes WHERE operator_id = $1 AND used_at IS NULL";
    query!(sql, operator_id).one(conn, |row| Row::of("recovery_codes", row).count("codes")).await
}

fn read(row: &sqlx::any::AnyRow) -> Result<SignIn> {
    let row = Row::of("sign_ins", row);
    Ok(SignIn {
        password: row.get("password")?,
        secret: row.maybe_bytes::<SECRET>("secret")?.map(Secret::stored),
        secret_at: row.maybe_time("secret_at")?,
        last_step: row.get("last_step")?,
    })
}
