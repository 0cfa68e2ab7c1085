//! The sequencer: assigns indexes to pending entries, and the next size to the tree.
//!
//! Any node may do it. Everything of a step is in one transaction that holds the head's row and replaces the size it read, so
//! that a step is done whole or not at all, and twice by nobody.

use crate::domain::merkle::leaf_hash;
use crate::store::proof::tree::{self, Head};
use crate::store::{Conn, StoreError};

/// Entries that one step takes at most: what a transaction may hold others up for.
pub const STEP: u32 = 1000;

/// Sequences up to [`STEP`] entries, and returns how many. While sealing is stopped it takes none.
///
/// # Errors
/// If the database fails.
pub async fn step(conn: &mut Conn) -> Result<usize, StoreError> {
    let head = tree::lock_head(conn).await?;
    if head.stopped.is_some() { Ok(0) } else { append(conn, head).await }
}

/// Sequences everything there is, also while sealing is stopped: an erasure can name its entries by their indexes only, and is
/// not to wait. What is sequenced then is signed once a person let sealing go on.
///
/// # Errors
/// If the database fails.
pub async fn all(conn: &mut Conn) -> Result<(), StoreError> {
    loop {
        let head = tree::lock_head(conn).await?;
        if append(conn, head).await? < STEP as usize {
            return Ok(());
        }
    }
}

async fn append(conn: &mut Conn, head: Head) -> Result<usize, StoreError> {
    let first = head.frontier.size();
    let leaves = tree::number_pending(conn, first, STEP).await?;
    if leaves.is_empty() {
        return Ok(0);
    }
    let mut frontier = head.frontier;
    let mut subtrees = Vec::new();
    for leaf in &leaves {
        frontier.push_with(leaf_hash(leaf), |node, hash| {
            if node.is_stored() {
                subtrees.push((node, *hash));
            }
        });
    }
    tree::insert_nodes(conn, &subtrees).await?;
    if !tree::advance(conn, first, &frontier).await? {
        // Cannot be while the row is held; the transaction is rolled back if it is all the same.
        return Err(StoreError::Inconsistent {
            table: "ledger_head",
            column: "size",
            row: "1".to_owned(),
            problem: format!("is no longer {first} though its row was held"),
        });
    }
    Ok(leaves.len())
}
