//! Suppressions: addresses with a reason against mailing them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::address::{Address, AddressKey};
use crate::domain::preference::Reason;
use crate::store::engine::dialect::{among, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// An address and a reason against mailing it.
#[derive(Clone, Debug, Serialize)]
pub struct Suppression {
    /// The key of the address.
    #[serde(skip)]
    pub key: AddressKey,
    /// The address.
    pub email: String,
    /// The reason.
    pub reason: Reason,
    /// When it was added.
    pub since: Timestamp,
}

/// Adds a reason for an address; an older one of the same kind stays, and the result is false.
pub async fn add(conn: &mut Conn, address: &Address, reason: Reason, now: Timestamp) -> Result<bool> {
    let sql = "INSERT INTO suppressions (email_key, email, reason, since) VALUES ($1, $2, $3, $4)
         ON CONFLICT (email_key, reason) DO NOTHING";
    query!(sql, address.key().as_str(), address.as_str(), reason.as_str(), now).changed_one(conn).await
}

/// Removes the reasons against an address, except a restriction: only its own command lifts that. Returns how many.
pub async fn remove(conn: &mut Conn, key: &AddressKey) -> Result<u64> {
    let sql = "DELETE FROM suppressions WHERE email_key = $1 AND reason <> 'restricted'";
    query!(sql, key.as_str()).changed(conn).await
}

/// The reasons against an address.
pub async fn reasons(conn: &mut Conn, key: &AddressKey) -> Result<Vec<Suppression>> {
    let sql = "SELECT email_key, email, reason, since FROM suppressions WHERE email_key = $1 ORDER BY reason";
    query!(sql, key.as_str()).all(conn, read).await
}

/// Those of some addresses that are dead.
pub async fn dead(conn: &mut Conn, keys: &[&str]) -> Result<BTreeSet<AddressKey>> {
    let sql = among!(
        conn,
        "SELECT email_key FROM suppressions WHERE email_key", in "$1",
        " AND reason = 'dead'"
    );
    query!(sql, json(keys))
        .all(conn, |row| Ok(AddressKey::stored(Row::of("suppressions", row).get("email_key")?)))
        .await
}

fn read(row: &sqlx::any::AnyRow) -> Result<Suppression> {
    let row = Row::of("suppressions", row);
    Ok(Suppression {
        key: AddressKey::stored(row.get("email_key")?),
        email: row.get("email")?,
        reason: row.parse("reason")?,
        since: row.time("since")?,
    })
}

/// A page of suppressions in the order of their addresses and reasons, after one of them.
pub async fn list(conn: &mut Conn, after: Option<&(AddressKey, Reason)>, limit: u32) -> Result<Vec<Suppression>> {
    let sql = "SELECT email_key, email, reason, since FROM suppressions WHERE (email_key, reason) > ($1, $2)
         ORDER BY email_key, reason LIMIT $3";
    query!(sql, after.map_or("", |(key, _)| key.as_str()), after.map_or("", |(_, reason)| reason.as_str()), limit)
        .all(conn, read)
        .await
}
