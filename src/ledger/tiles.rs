//! The log in tiles, as C2SP tlog-tiles has them: up to 256 hashes or entries each. A tile with so many never changes.

use super::{Ledger, LedgerError, Signed};
use crate::domain::checkpoint::{Tile, TileContent};
use crate::domain::merkle::{Hash, leaf_hash};
use crate::store::proof::tree;
use crate::store::{Conn, StoreError};

impl Ledger {
    /// The last checkpoint that was signed, if there is one. Nothing is sealed for it: anybody may ask.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn published(&self) -> Result<Option<Signed>, LedgerError> {
        Ok(tree::last_checkpoint(&mut *self.context.store.read().await?).await?)
    }

    /// The bytes of a tile, if the last checkpoint covers all of it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, LedgerError> {
        let mut conn = self.context.store.snapshot().await?;
        let size = tree::last_checkpoint(&mut conn).await?.map_or(0, |signed| signed.size);
        if tile.nodes(size).is_none() {
            return Ok(None);
        }
        Ok(Some(read(&mut conn, tile).await?))
    }
}

/// The bytes of a tile that the log has.
async fn read(conn: &mut Conn, tile: Tile) -> Result<Vec<u8>, StoreError> {
    let (first, width) = (tile.index * u64::from(Tile::FULL), u32::from(tile.width));
    Ok(match tile.content {
        TileContent::Entries => bundle(&tree::leaves(conn, first, width).await?),
        TileContent::Hashes(0) => hashes(&tree::leaves(conn, first, width).await?),
        TileContent::Hashes(level) => tree::nodes(conn, level * 8, first, width).await?.concat(),
    })
}

/// The hashes of leaves, as a tile has them.
pub(super) fn hashes(leaves: &[Vec<u8>]) -> Vec<u8> {
    leaves.iter().map(|leaf| leaf_hash(leaf)).collect::<Vec<Hash>>().concat()
}

/// Leaves as a tile has them: each after its length.
pub(super) fn bundle(leaves: &[Vec<u8>]) -> Vec<u8> {
    let mut bundle = Vec::new();
    for leaf in leaves {
        let length = u16::try_from(leaf.len()).expect("a leaf has 70 bytes");
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(leaf);
    }
    bundle
}
