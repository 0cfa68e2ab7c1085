//! Proofs from what is stored: hashes of complete subtrees, read by the tile (C2SP tlog-tiles: 256 hashes of one level).

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;

use uuid::Uuid;

use crate::domain::checkpoint::Tile;
use crate::domain::merkle::{self, Hash, Node, Tree, leaf_hash};
use crate::store::proof::{commitments, tree};
use crate::store::{Conn, StoreError};

/// Levels of the tree that a tile spans.
const HEIGHT: u8 = 8;

/// Tiles kept in memory at most, about 16 kB each.
const KEPT: usize = 512;

/// The complete subtrees of a tree that does not change, as within a snapshot. The default is the ledger's tree.
#[derive(Default)]
pub struct Subtrees {
    of: Of,
    tiles: HashMap<(u8, u64), Tree>,
}

/// What the leaves of a tree are.
#[derive(Clone, Copy, Default)]
enum Of {
    /// The entries of the ledger.
    #[default]
    Ledger,
    /// The recipients that one entry of a notice commits to.
    Recipients {
        notice_id: Uuid,
        /// Ordinal of the first.
        first: u64,
        count: u64,
    },
}

impl Subtrees {
    /// Those over the recipients of a notice that one entry commits to: `count` of them, the first of which has the ordinal `first`.
    #[must_use]
    pub fn of_recipients(notice_id: Uuid, first: u64, count: u64) -> Self {
        Self { of: Of::Recipients { notice_id, first, count }, tiles: HashMap::new() }
    }

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
            let hashes = self.of.hashes(conn, level, index * u64::from(Tile::FULL)).await?;
            self.tiles.insert((level, index), Tree::from_leaves(hashes));
        }
        Ok(())
    }

    fn get(&self, node: Node) -> Result<Hash, StoreError> {
        let (level, index) = tile_of(node);
        let height = node.level % HEIGHT;
        let within = Node { level: height, index: node.index - (index << (HEIGHT - height)) };
        let found = self.tiles.get(&(level, index)).and_then(|tile| tile.node(within));
        let (table, column) = match (self.of, level) {
            (Of::Ledger, 0) => ("ledger_entries", "idx"),
            (Of::Ledger, _) => ("ledger_nodes", "idx"),
            (Of::Recipients { .. }, 0) => ("deliveries", "ordinal"),
            (Of::Recipients { .. }, _) => ("recipient_nodes", "idx"),
        };
        found.ok_or_else(|| StoreError::Inconsistent {
            table,
            column,
            row: (index * u64::from(Tile::FULL)).to_string(),
            problem: format!("the subtree of level {} and index {} is not all there", node.level, node.index),
        })
    }
}

impl Of {
    /// The hashes of a tile: those of the leaves, or those stored for a level above them, from the one of index `from` on.
    async fn hashes(self, conn: &mut Conn, level: u8, from: u64) -> Result<Vec<Hash>, StoreError> {
        let full = u32::from(Tile::FULL);
        match (self, level) {
            (Self::Ledger, 0) => Ok(tree::leaves(conn, from, full).await?.iter().map(|leaf| leaf_hash(leaf)).collect()),
            (Self::Ledger, _) => tree::nodes(conn, level * HEIGHT, from, full).await,
            (Self::Recipients { notice_id, first, count }, 0) => {
                let limit = u32::try_from(count.saturating_sub(from)).unwrap_or(full).min(full);
                let page = commitments::committed(conn, notice_id, first + from, limit).await?;
                (first + from..).zip(&page).map(|(ordinal, recipient)| recipient.leaf(ordinal)).collect()
            }
            (Self::Recipients { notice_id, first, .. }, _) => {
                commitments::nodes(conn, (notice_id, first), level * HEIGHT, from, full).await
            }
        }
    }
}

/// The tile that a node's hash is in or can be computed from: its level and index.
fn tile_of(node: Node) -> (u8, u64) {
    (node.level / HEIGHT, node.index >> (HEIGHT - node.level % HEIGHT))
}
