//! Keys that all nodes share and nobody types: stored in the database, never shown.

use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// Stores `value` under a name unless there is one already, and returns the stored one.
pub async fn get_or_insert(conn: &mut Conn, name: &str, value: &[u8; 32]) -> Result<[u8; 32]> {
    sqlx::query("INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
        .bind(name)
        .bind(value.to_vec())
        .execute(&mut *conn)
        .await?;
    find(conn, name).await?.ok_or_else(|| sqlx::Error::RowNotFound.into())
}

/// The value under a name.
pub async fn find(conn: &mut Conn, name: &str) -> Result<Option<[u8; 32]>> {
    let row = sqlx::query("SELECT name, value FROM secrets WHERE name = $1").bind(name).fetch_optional(conn).await?;
    row.map(|row| Row::of("secrets", &row).bytes("value")).transpose()
}

/// Changes a value that nobody reads, to find out if the database can be written. It has to become another one: SQLite writes
/// nothing for an update to the same value, and a full disk goes unnoticed.
pub async fn touch(conn: &mut Conn) -> Result<()> {
    sqlx::query(
        "INSERT INTO secrets (name, value) VALUES ('touched', $1)
         ON CONFLICT (name) DO UPDATE SET value = CASE WHEN secrets.value = $1 THEN $2 ELSE $1 END",
    )
    .bind(vec![0_u8; 32])
    .bind(vec![1_u8; 32])
    .execute(conn)
    .await?;
    Ok(())
}
