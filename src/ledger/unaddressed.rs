//! The customers of an audience with nobody to address: the manifest commits to them all, so that none of them can drop out of
//! the coverage unnoticed.

use uuid::Uuid;

use crate::domain::entry::commitment;
use crate::domain::merkle::{Frontier, Hash, leaf_hash};
use crate::store::sending::deliveries;
use crate::store::{Conn, StoreError};

/// Customers read at once.
const PAGE: u32 = 5000;

/// Returns how many customers of a notice have nobody to address, and the root of the tree over the commitments to them.
///
/// # Errors
/// If the database fails.
pub async fn commit(conn: &mut Conn, notice_id: Uuid, salt: &[u8; 32]) -> Result<(u64, Hash), StoreError> {
    let mut tree = Frontier::new();
    let mut after = String::new();
    loop {
        let page = deliveries::unaddressed_after(conn, notice_id, &after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok((tree.size(), tree.root())) };
        after.clone_from(last);
        for (account_id, _) in &page {
            tree.push(leaf_hash(&commitment(salt, account_id, "")));
        }
    }
}
