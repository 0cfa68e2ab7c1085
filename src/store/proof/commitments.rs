//! The recipients' commitments, which the root of a manifest is made of.

use uuid::Uuid;

use crate::domain::entry::commitment;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A recipient's commitment in the manifest.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Place in the manifest.
    pub ordinal: u64,
    /// Account id.
    pub account_id: String,
    /// Address; empty once erased.
    pub email: String,
    /// Salt of the commitment; deleted with the person.
    pub salt: Option<[u8; 32]>,
    /// The commitment itself, once the salt is deleted.
    pub commitment: Option<[u8; 32]>,
}

impl Committed {
    /// The commitment; `None` where neither it nor its salt is there.
    #[must_use]
    pub fn commitment(&self) -> Option<[u8; 32]> {
        match &self.salt {
            Some(salt) => Some(commitment(salt, &self.account_id, &self.email)),
            None => self.commitment,
        }
    }
}

/// A page of a notice's recipients in manifest order, from `ordinal` on.
pub async fn committed(conn: &mut Conn, notice_id: Uuid, ordinal: u64, limit: u32) -> Result<Vec<Committed>> {
    let rows = sqlx::query(
        "SELECT id, ordinal, account_id, email, salt, commitment FROM deliveries
         WHERE notice_id = $1 AND ordinal >= $2 ORDER BY ordinal LIMIT $3",
    )
    .bind(notice_id.to_string())
    .bind(i64::try_from(ordinal).unwrap_or(i64::MAX))
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?;
    rows.iter().map(read_committed).collect()
}

fn read_committed(row: &sqlx::any::AnyRow) -> Result<Committed> {
    let row = Row::of("deliveries", row);
    Ok(Committed {
        ordinal: row.count("ordinal")?,
        account_id: row.get("account_id")?,
        email: row.get("email")?,
        salt: row.maybe_bytes("salt")?,
        commitment: row.maybe_bytes("commitment")?,
    })
}
