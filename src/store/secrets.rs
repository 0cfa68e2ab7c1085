//! Keys that all nodes share and nobody types: stored in the database, never shown.

use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// Stores `value` under a name unless there is one already, and returns the stored one.
pub async fn get_or_insert(conn: &mut Conn, name: &str, value: &[u8; 32]) -> Result<[u8; 32]> {
    let sql = "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    query!(sql, name, value.to_vec()).run(&mut *conn).await?;
    find(conn, name).await?.ok_or_else(|| sqlx::Error::RowNotFound.into())
}

/// The value under a name.
pub async fn find(conn: &mut Conn, name: &str) -> Result<Option<[u8; 32]>> {
    query!("SELECT name, value FROM secrets WHERE name = $1", name)
        .first(conn, |row| Row::of("secrets", row).bytes("value"))
        .await
}

/// Changes a value that nobody reads, to find out if the database can be written. It has to become another one: SQLite writes
/// nothing for an update to the same value, and a full disk goes unnoticed.
pub async fn touch(conn: &mut Conn) -> Result<()> {
    let sql = "INSERT INTO secrets (name, value) VALUES ('touched', $1)
         ON CONFLICT (name) DO UPDATE SET value = CASE WHEN secrets.value = $1 THEN $2 ELSE $1 END";
    query!(sql, vec![0_u8; 32], vec![1_u8; 32]).run(conn).await
}
