//! Proofs from what is stored: hashes of complete subtrees, read by the tile (C2SP tlog-tiles: 256 hashes of one level).

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;

use crate::domain::checkpoint::Tile;
use crate::domain::merkle::{self, Hash, Node, Tree, leaf_hash};
use crate::store::proof::tree;
use crate::store::{Conn, StoreError};

/// Levels of the tree that a tile spans.
const HEIGHT: u8 = 8;

/// Tiles kept in memory at most, about 16 kB each.
const KEPT: usize = 512;

/// The complete subtrees of a tree that does not change, as within a snapshot.
#[derive(Default)]
pub struct Subtrees {
    tiles: HashMap<(u8, u64), Tree>,
}

impl Subtrees {
    /// The root that the tree had at a size.
    ///
    /// # Errors
    /// If the database fails, or has fewer entries than that.
    pub async fn root_at(&mut self, conn: &mut Conn, size: u64) -> Result<Hash, StoreError> {
        self.load(conn, |note| merkle::root_at(size, note).map(|_| ())).await?;
        merkle::root_at(size, |node| self.get(node))
    }

    /// Proves that leaf `index` is in the tree of `size` leaves.
    ///
    /// # Errors
    /// If the database fails, or has fewer entries than that.
    pub async fn inclusion(&mut self, conn: &mut Conn, index: u64, size: u64) -> Result<Vec<Hash>, StoreError> {
        self.load(conn, |note| merkle::inclusion_proof(index, size, note).map(|_| ())).await?;
        Ok(merkle::inclusion_proof(index, size, |node| self.get(node))?.unwrap_or_default())
    }

    /// Proves that the tree of `new` leaves begins with that of `old` leaves.
    ///
    /// # Errors
    /// If the database fails, or has fewer entries than that.
    pub async fn consistency(&mut self, conn: &mut Conn, old: u64, new: u64) -> Result<Vec<Hash>, StoreError> {
        self.load(conn, |note| merkle::consistency_proof(old, new, note).map(|_| ())).await?;
        Ok(merkle::consistency_proof(old, new, |node| self.get(node))?.unwrap_or_default())
    }

    /// Loads the tiles that a prover asks for. Which ones depends on sizes alone, so it runs on a source that only notes them.
    async fn load(
        &mut self,
        conn: &mut Conn,
        prover: impl FnOnce(&mut dyn FnMut(Node) -> Result<Hash, Infallible>) -> Result<(), Infallible>,
    ) -> Result<(), StoreError> {
        let mut wanted = BTreeSet::new();
        let Ok(()) = prover(&mut |node| {
            wanted.insert(tile_of(node));
            Ok([0; 32])
        });
        if self.tiles.len() + wanted.len() > KEPT {
            self.tiles.clear();
        }
        wanted.retain(|tile| !self.tiles.contains_key(tile));
        for (level, index) in wanted {
            let first = index * u64::from(Tile::FULL);
            let hashes: Vec<Hash> = if level == 0 {
                let leaves = tree::leaves(conn, first, u32::from(Tile::FULL)).await?;
                leaves.iter().map(|leaf| leaf_hash(leaf)).collect()
            } else {
                tree::nodes(conn, level * HEIGHT, first, u32::from(Tile::FULL)).await?
            };
            self.tiles.insert((level, index), Tree::from_leaves(hashes));
        }
        Ok(())
    }

    fn get(&self, node: Node) -> Result<Hash, StoreError> {
        let (level, index) = tile_of(node);
        let height = node.level % HEIGHT;
        let within = Node { level: height, index: node.index - (index << (HEIGHT - height)) };
        let found = self.tiles.get(&(level, index)).and_then(|tile| tile.node(within));
        found.ok_or_else(|| StoreError::Inconsistent {
            table: if level == 0 { "ledger_entries" } else { "ledger_nodes" },
            column: "idx",
            row: (index * u64::from(Tile::FULL)).to_string(),
            problem: format!("the subtree of level {} and index {} is not all there", node.level, node.index),
        })
    }
}

/// The tile that a node's hash is in or can be computed from: its level and index.
fn tile_of(node: Node) -> (u8, u64) {
    (node.level / HEIGHT, node.index >> (HEIGHT - node.level % HEIGHT))
}
