//! Suppressions: addresses with a reason against mailing them.

use jiff::Timestamp;
use serde::Serialize;

use super::row::Row;
use super::{Conn, Result};
use crate::domain::preference::Reason;

/// An address and a reason.
#[derive(Clone, Debug, Serialize)]
pub struct Suppression {
    /// The address.
    pub email: String,
    /// The reason.
    pub reason: Reason,
    /// Since when.
    pub since: Timestamp,
}

/// Adds a reason for an address; an older one of the same kind stays.
pub async fn add(conn: &mut Conn, email: &str, reason: Reason, now: Timestamp) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO suppressions (email, reason, since) VALUES ($1, $2, $3) ON CONFLICT (email, reason) DO NOTHING",
    )
    .bind(email)
    .bind(reason.as_str())
    .bind(now.as_millisecond())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes the reasons against an address, a restriction excepted: only its own command lifts that. Gives how many.
pub async fn remove(conn: &mut Conn, email: &str) -> Result<u64> {
    let done = sqlx::query("DELETE FROM suppressions WHERE email = $1 AND reason <> 'restricted'")
        .bind(email)
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

/// The reasons against an address.
pub async fn reasons(conn: &mut Conn, email: &str) -> Result<Vec<Suppression>> {
    let rows = sqlx::query("SELECT email, reason, since FROM suppressions WHERE email = $1 ORDER BY reason")
        .bind(email)
        .fetch_all(conn)
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &sqlx::any::AnyRow) -> Result<Suppression> {
    let row = Row::of("suppressions", row);
    Ok(Suppression { email: row.get("email")?, reason: row.parse("reason")?, since: row.time("since")? })
}

/// A page of suppressions in the order of their addresses, after `after`: all reasons of up to `limit` addresses, so that the
/// next page can begin behind the last address of this one.
pub async fn list(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<Suppression>> {
    let rows = sqlx::query(
        "SELECT email, reason, since FROM suppressions WHERE email IN
           (SELECT DISTINCT email FROM suppressions WHERE email > $1 ORDER BY email LIMIT $2) ORDER BY email, reason",
    )
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}
