//! The recipients' commitments, which the root of a manifest is made of, and the hashes of the subtrees over them.

use serde::Serialize;
use uuid::Uuid;

use crate::domain::entry::commitment;
use crate::domain::merkle::{Hash, leaf_hash};
use crate::store::engine::dialect::{Dialect, bulk, json};
use crate::store::engine::query::query;
use crate::store::engine::row::{Row, hex};
use crate::store::proof::tree::{Subtree, signed};
use crate::store::{Conn, Result, StoreError};

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

    /// This recipient, if it is the one with this ordinal.
    ///
    /// # Errors
    /// If it is another one: then that one is missing.
    pub fn at(&self, ordinal: u64) -> Result<&Self> {
        if self.ordinal == ordinal { Ok(self) } else { Err(missing(ordinal)) }
    }

    /// The leaf of the tree over the commitments, of the recipient that must be the one with this ordinal.
    ///
    /// # Errors
    /// If it is another recipient, or nothing is left of its commitment.
    pub fn leaf(&self, ordinal: u64) -> Result<Hash> {
        let committed = self.at(ordinal)?.commitment();
        committed.map(|it| leaf_hash(&it)).ok_or_else(|| inconsistent(ordinal, "has neither salt nor commitment"))
    }
}

/// A recipient that a manifest commits to is not there.
#[must_use]
pub fn missing(ordinal: u64) -> StoreError {
    inconsistent(ordinal, "is missing")
}

fn inconsistent(ordinal: u64, problem: &str) -> StoreError {
    StoreError::Inconsistent {
        table: "deliveries",
        column: "ordinal",
        row: ordinal.to_string(),
        problem: problem.to_owned(),
    }
}

/// A page of a notice's recipients in manifest order, from `ordinal` on.
pub async fn committed(conn: &mut Conn, notice_id: Uuid, ordinal: u64, limit: u32) -> Result<Vec<Committed>> {
    let sql = "SELECT id, ordinal, account_id, email, salt, commitment FROM deliveries
         WHERE notice_id = $1 AND ordinal >= $2 ORDER BY ordinal LIMIT $3";
    query!(sql, notice_id, ordinal, limit).all(conn, read_committed).await
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

/// Stores roots of complete subtrees over the recipients from ordinal `first` on.
pub async fn insert_nodes(conn: &mut Conn, notice_id: Uuid, first: u64, subtrees: &[Subtree]) -> Result<()> {
    #[derive(Serialize)]
    struct NodeRow {
        notice_id: Uuid,
        first: u64,
        level: u8,
        idx: u64,
        hash: String,
    }
    let row =
        |(node, hash): &Subtree| NodeRow { notice_id, first, level: node.level, idx: node.index, hash: hex(hash) };
    let rows: Vec<_> = subtrees.iter().map(row).collect();
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO recipient_nodes (notice_id, first, level, idx, hash)
         SELECT value ->> 'notice_id', CAST(value ->> 'first' AS BIGINT), CAST(value ->> 'level' AS BIGINT),
           CAST(value ->> 'idx' AS BIGINT), unhex(value ->> 'hash') FROM",
        rows
    );
    if !rows.is_empty() {
        query!(sql, json(&rows)).run(conn).await?;
    }
    Ok(())
}

/// Up to `limit` roots of complete subtrees of a level over the recipients from ordinal `first` on, from the subtree `index` on.
pub async fn nodes(
    conn: &mut Conn,
    (notice_id, first): (Uuid, u64),
    level: u8,
    index: u64,
    limit: u32,
) -> Result<Vec<Hash>> {
    let sql = "SELECT idx, hash FROM recipient_nodes WHERE notice_id = $1 AND first = $2 AND level = $3 AND idx >= $4
         ORDER BY idx LIMIT $5";
    query!(sql, notice_id, signed(first), level, signed(index), limit)
        .all(conn, |row| Row::of("recipient_nodes", row).bytes("hash"))
        .await
}
