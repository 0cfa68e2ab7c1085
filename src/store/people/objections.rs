//! Which entries of the ledger are objections to mandatory notices, and which of these are decided: all else about them is in the
//! entries, and goes with them.

use uuid::Uuid;

use crate::store::engine::dialect::{among, json_ids};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// Notes an objection with the entry that records it.
pub async fn insert(conn: &mut Conn, id: Uuid, entry_id: Uuid) -> Result<()> {
    let sql = "INSERT INTO objections (id, entry_id, decided) VALUES ($1, $2, 0)";
    query!(sql, id, entry_id).run(conn).await
}

/// Notes that an objection is decided.
pub async fn set_decided(conn: &mut Conn, id: Uuid) -> Result<()> {
    query!("UPDATE objections SET decided = 1 WHERE id = $1", id).run(conn).await
}

/// The entry that records an objection.
pub async fn find(conn: &mut Conn, id: Uuid) -> Result<Option<Uuid>> {
    query!("SELECT entry_id FROM objections WHERE id = $1", id)
        .first_row(conn)
        .await?
        .map(|row| Row::of("objections", &row).id("entry_id"))
        .transpose()
}

/// A page of the entries that record objections, each with whether it is decided: those that wait for a decision, oldest first, or all,
/// newest first.
pub async fn page(conn: &mut Conn, waiting: bool, after: Option<Uuid>, limit: u32) -> Result<Vec<(Uuid, bool)>> {
    let sql = if waiting {
        "SELECT entry_id, decided FROM objections WHERE decided = 0 AND entry_id > $1 ORDER BY entry_id LIMIT $2"
    } else {
        "SELECT entry_id, decided FROM objections WHERE entry_id < $1 ORDER BY entry_id DESC LIMIT $2"
    };
    let first = if waiting { Uuid::nil() } else { Uuid::max() };
    let rows = query!(sql, after.unwrap_or(first).to_string(), limit).rows(conn).await?;
    let read = |row| {
        let row = Row::of("objections", row);
        Ok((row.id("entry_id")?, row.count("decided")? == 1))
    };
    rows.iter().map(read).collect()
}

/// Deletes the objections that some entries record.
pub async fn delete(conn: &mut Conn, entries: &[Uuid]) -> Result<()> {
    let sql = among!(conn, "DELETE FROM objections WHERE entry_id", in "$1");
    query!(sql, json_ids(entries)).run(conn).await
}
