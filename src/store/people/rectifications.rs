//! Rectifications: corrected addresses, so that the next import does not undo a correction, and a person is found by both addresses.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::address::{Address, AddressKey};
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A corrected address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rectification {
    /// The key of the old address.
    #[serde(skip)]
    pub old_key: AddressKey,
    /// The old address.
    pub old: String,
    /// The new address.
    #[serde(serialize_with = "as_text")]
    pub new: Address,
    /// When it was corrected last.
    pub at: Timestamp,
}

fn as_text<S: serde::Serializer>(address: &Address, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(address.as_str())
}

/// Records that `new` replaces `old`, and every address that `old` replaced before. If only the spelling differs, the row has the
/// same key on both sides: an import that has the old spelling stores the new one.
pub async fn insert(conn: &mut Conn, old: &Address, new: &Address, at: Timestamp) -> Result<()> {
    let (old_key, new_key) = (old.key(), new.key());
    sqlx::query("UPDATE rectifications SET new_key = $2, new_email = $3, at = $4 WHERE new_key IN ($1, $2)")
        .bind(old_key.as_str())
        .bind(new_key.as_str())
        .bind(new.as_str())
        .bind(at.as_millisecond())
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "INSERT INTO rectifications (old_key, old_email, new_key, new_email, at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (old_key) DO UPDATE SET new_key = excluded.new_key, new_email = excluded.new_email, at = excluded.at",
    )
    .bind(old_key.as_str())
    .bind(old.as_str())
    .bind(new_key.as_str())
    .bind(new.as_str())
    .bind(at.as_millisecond())
    .execute(&mut *conn)
    .await?;
    // A correction that was taken back is none.
    sqlx::query(
        "DELETE FROM rectifications WHERE old_email = new_email AND old_key = new_key OR old_key = $1 AND new_key <> $1",
    )
        .bind(new_key.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// A page of rectifications by the key of the old address, after `after`.
pub async fn page(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<Rectification>> {
    let rows = sqlx::query(
        "SELECT old_key, old_email, new_email, at FROM rectifications WHERE old_key > $1 ORDER BY old_key LIMIT $2",
    )
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// The rectifications of a person: those from or to the address, and those to the address that replaced it.
pub async fn of_address(conn: &mut Conn, key: &AddressKey) -> Result<Vec<Rectification>> {
    let rows = sqlx::query(
        "SELECT old_key, old_email, new_email, at FROM rectifications WHERE old_key = $1 OR new_key = $1
           OR new_key IN (SELECT new_key FROM rectifications WHERE old_key = $1) ORDER BY old_key",
    )
    .bind(key.as_str())
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// Deletes the rectifications from and to an address.
pub async fn delete(conn: &mut Conn, key: &AddressKey) -> Result<()> {
    let sql = "DELETE FROM rectifications WHERE old_key = $1 OR new_key = $1";
    sqlx::query(sql).bind(key.as_str()).execute(conn).await?;
    Ok(())
}

fn read(row: &sqlx::any::AnyRow) -> Result<Rectification> {
    let row = Row::of("rectifications", row);
    Ok(Rectification {
        old_key: AddressKey::stored(row.get("old_key")?),
        old: row.get("old_email")?,
        new: row.parse_with("new_email", Address::parse)?,
        at: row.time("at")?,
    })
}
