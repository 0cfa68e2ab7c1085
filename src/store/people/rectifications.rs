//! Rectifications: corrected addresses, so that the next import does not undo a correction, and a person is found by both addresses.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::address::{Address, AddressKey};
use crate::store::engine::query::query;
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
    let sql = "UPDATE rectifications SET new_key = $2, new_email = $3, at = $4 WHERE new_key IN ($1, $2)";
    query!(sql, old_key.as_str(), new_key.as_str(), new.as_str(), at).run(&mut *conn).await?;
    let sql = "INSERT INTO rectifications (old_key, old_email, new_key, new_email, at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (old_key) DO UPDATE SET new_key = excluded.new_key, new_email = excluded.new_email, at = excluded.at";
    query!(sql, old_key.as_str(), old.as_str(), new_key.as_str(), new.as_str(), at).run(&mut *conn).await?;
    // A correction that was taken back is none.
    let sql = "DELETE FROM rectifications WHERE old_email = new_email AND old_key = new_key OR old_key = $1 AND new_key <> $1";
    query!(sql, new_key.as_str()).run(conn).await
}

/// A page of rectifications by the key of the old address, after `after`.
pub async fn page(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<Rectification>> {
    let sql =
        "SELECT old_key, old_email, new_email, at FROM rectifications WHERE old_key > $1 ORDER BY old_key LIMIT $2";
    query!(sql, after, limit).all(conn, read).await
}

/// The rectifications of a person: those from or to the address, and those to the address that replaced it.
pub async fn of_address(conn: &mut Conn, key: &AddressKey) -> Result<Vec<Rectification>> {
    let sql = "SELECT old_key, old_email, new_email, at FROM rectifications WHERE old_key = $1 OR new_key = $1
           OR new_key IN (SELECT new_key FROM rectifications WHERE old_key = $1) ORDER BY old_key";
    query!(sql, key.as_str()).all(conn, read).await
}

/// Deletes the rectifications from and to an address.
pub async fn delete(conn: &mut Conn, key: &AddressKey) -> Result<()> {
    let sql = "DELETE FROM rectifications WHERE old_key = $1 OR new_key = $1";
    query!(sql, key.as_str()).run(conn).await
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
