//! Recipients that a notice commits to: each becomes a delivery and a leaf of a tree, whose root an entry of the ledger names.

use jiff::Timestamp;

use super::Recipient;
use crate::domain::entry::commitment;
use crate::domain::merkle::{Frontier, Hash, leaf_hash};
use crate::domain::random::Random;
use crate::store::notices::releases::NewDelivery;
use crate::store::proof::tree::Subtree;

/// The tree over the recipients so far.
#[derive(Clone, Debug)]
pub struct Committed {
    tree: Frontier,
    /// Complete subtrees of it that are stored: one for each 256 recipients.
    subtrees: Vec<Subtree>,
}

impl Default for Committed {
    fn default() -> Self {
        Self { tree: Frontier::new(), subtrees: Vec::new() }
    }
}

impl Committed {
    /// Commits to a recipient at this place in the manifest, and returns the delivery, which is not sent before a time.
    pub fn add(
        &mut self,
        recipient: Recipient,
        ordinal: u64,
        not_before: Option<Timestamp>,
        (at, random): (Timestamp, &Random),
    ) -> NewDelivery {
        let salt: [u8; 32] = random.bytes();
        let leaf = leaf_hash(&commitment(&salt, &recipient.account_id, recipient.email.as_str()));
        self.tree.push_with(leaf, |node, hash| {
            if node.is_stored() {
                self.subtrees.push((node, *hash));
            }
        });
        recipient.into_delivery(random.id(at).to_string(), ordinal, &salt, not_before)
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// The subtrees to store.
    #[must_use]
    pub fn subtrees(&self) -> &[Subtree] {
        &self.subtrees
    }
}
