//! Tombstones: the database's copy of the record of erasures.

use serde::Serialize;

use crate::domain::tombstone::Tombstone;
use crate::store::engine::dialect::{Dialect, bulk, json};
use crate::store::engine::query::query;
use crate::store::engine::row::{Row, hex};
use crate::store::{Conn, Result};

/// Adds tombstones, and returns how many are new; those that are stored already are left as they are.
pub async fn insert(conn: &mut Conn, tombstones: &[Tombstone]) -> Result<u64> {
    #[derive(Serialize)]
    struct TombstoneRow {
        id: String,
        mark: &'static str,
        hash: String,
        at: i64,
    }
    if tombstones.is_empty() {
        return Ok(0);
    }
    let rows = tombstones.iter().map(|it| TombstoneRow {
        id: it.id.to_string(),
        mark: it.mark.as_str(),
        hash: hex(&it.hash),
        at: it.at.as_millisecond(),
    });
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO tombstones (id, mark, hash, at)
         SELECT value ->> 'id', value ->> 'mark', unhex(value ->> 'hash'), CAST(value ->> 'at' AS BIGINT) FROM",
        rows,
        "WHERE true ON CONFLICT (id) DO NOTHING"
    );
    query!(sql, json(&rows.collect::<Vec<_>>())).changed(conn).await
}

/// A page of tombstones by id, after `after`.
pub async fn page(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<Tombstone>> {
    let sql = "SELECT id, mark, hash, at FROM tombstones WHERE id > $1 ORDER BY id LIMIT $2";
    query!(sql, after, limit).all(conn, read).await
}

fn read(row: &sqlx::any::AnyRow) -> Result<Tombstone> {
    let row = Row::of("tombstones", row);
    Ok(Tombstone { id: row.id("id")?, mark: row.parse("mark")?, hash: row.bytes("hash")?, at: row.time("at")? })
}

/// The tombstone that counts of an address, by its hash.
pub async fn last(conn: &mut Conn, hash: &[u8; 32]) -> Result<Option<Tombstone>> {
    let sql = "SELECT id, mark, hash, at FROM tombstones WHERE hash = $1 ORDER BY id DESC LIMIT 1";
    query!(sql, hash.as_slice()).first(conn, read).await
}

/// The number of tombstones. A transaction that holds the ledger's head and finds the number as it was before knows that nobody
/// was erased in between.
pub async fn count(conn: &mut Conn) -> Result<u64> {
    query!("SELECT COUNT(*) AS n FROM tombstones").count(conn, "tombstones").await
}
