//! The ledger's Merkle tree: RFC 6962 section 2.1 (RFC 9162 section 2.1) over SHA-256.
//!
//! Three parts that share only the two hash functions, so that one cannot hide the faults of another:
//!
//! - [`Frontier`] and [`Tree`] grow a tree: the first keeps what the next append needs, the second every hash.
//! - [`root_at`], [`inclusion_proof`] and [`consistency_proof`] make proofs from hashes of complete subtrees, wherever those
//!   are kept. Which ones they ask for depends on the sizes alone: a caller who must fetch them all at once runs the prover
//!   first with a source that only notes the [`Node`]s.
//! - [`verify_inclusion`] and [`verify_consistency`] follow RFC 9162 sections 2.1.3.2 and 2.1.4.2 to the letter and know
//!   nothing of the other two. They take any input: no sizes overflow, no proof makes them panic.

use std::ops::{Range, RangeInclusive};

use thiserror::Error;

use crate::domain::digest::{sha256, sha256_of};

/// A SHA-256 hash: of a leaf, of an inner node, or a root.
pub type Hash = [u8; 32];

/// The hash of a leaf. Its prefix differs from an inner node's, so that neither can be passed off as the other.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    sha256_of(&[&[0x00], leaf])
}

/// The hash of an inner node.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256_of(&[&[0x01], left, right])
}

/// The root of the tree without leaves: the hash of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// The address of a complete subtree: the `index`-th from the left of those with 2^`level` leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// Height above the leaves, which are at 0; at most 63.
    pub level: u8,
    /// Place among the subtrees of this level, counted from 0.
    pub index: u64,
}

impl Node {
    /// The indexes of the leaves below it. A [`Frontier`] over their hashes has this node's hash as its root.
    #[must_use]
    pub fn leaves(self) -> RangeInclusive<u64> {
        let level = self.level.min(63);
        let first = self.index << level;
        first..=first | ((1 << level) - 1)
    }

    /// True if it is stored: the roots of the subtrees with 256^n leaves, n >= 1, from which with the leaves every proof is cheap.
    #[must_use]
    pub const fn is_stored(self) -> bool {
        self.level > 0 && self.level.is_multiple_of(8)
    }
}

/// All that is needed to append to a tree and know its root: its size and its peaks.
///
/// The peaks are the roots of the complete subtrees that the tree consists of, from left (the largest) to right: one for
/// each one bit of the size, thus never more than 64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The largest size that can be taken up again: what a signed column holds, and what no tree grows to leaf by leaf.
    pub const MAX_SIZE: u64 = u64::MAX >> 1;

    /// The empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes up a stored state again; `None` if there are not as many peaks as a tree of this size has.
    #[must_use]
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        let fits = size <= Self::MAX_SIZE && usize::try_from(size.count_ones()) == Ok(peaks.len());
        fits.then_some(Self { size, peaks })
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_with(leaf, |_, _| ());
    }

    /// Appends a leaf by its hash, and shows each subtree that it completes, from the leaf itself upwards: what must be
    /// stored for proofs to be cheap.
    pub fn push_with(&mut self, leaf: Hash, mut completed: impl FnMut(Node, &Hash)) {
        let mut node = Node { level: 0, index: self.size };
        let mut hash = leaf;
        completed(node, &hash);
        // There is a peak for each one bit of the size, so a node of odd index finds its left sibling as the last of them.
        while node.index & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = node_hash(&left, &hash);
            node = Node { level: node.level + 1, index: node.index >> 1 };
            completed(node, &hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, left to right.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let from_the_right = self.peaks.iter().rev().copied();
        from_the_right.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }
}

/// A whole tree in memory: the hash of every complete subtree, about 64 bytes a leaf.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    frontier: Frontier,
    /// The hashes by level, each from left to right.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// The tree over these leaf hashes, in this order.
    pub fn from_leaves(leaves: impl IntoIterator<Item = Hash>) -> Self {
        let mut tree = Self::default();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let levels = &mut self.levels;
        self.frontier.push_with(leaf, |node, hash| {
            let level = usize::from(node.level);
            if level == levels.len() {
                levels.push(Vec::new());
            }
            levels[level].push(*hash);
        });
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The hash of a complete subtree, if the tree has it.
    #[must_use]
    pub fn node(&self, node: Node) -> Option<Hash> {
        self.levels.get(usize::from(node.level))?.get(usize::try_from(node.index).ok()?).copied()
    }

    /// The inclusion proof of a leaf, from its sibling up; `None` if there is no such leaf.
    #[must_use]
    pub fn inclusion_path(&self, index: u64) -> Option<Vec<Hash>> {
        inclusion_proof(index, self.size(), |node| self.node(node).ok_or(())).ok().flatten()
    }
}

/// The root that the tree had at a size, from the hashes of complete subtrees.
///
/// # Errors
/// Those of `source`.
pub fn root_at<E>(size: u64, mut source: impl FnMut(Node) -> Result<Hash, E>) -> Result<Hash, E> {
    range_root(0..size, &mut source)
}

/// Proves that leaf `index` is in the tree of `size` leaves (RFC 6962 section 2.1.1): the siblings on the way from the leaf
/// to the root. `None` if the tree has no such leaf.
///
/// # Errors
/// Those of `source`.
pub fn inclusion_proof<E>(
    index: u64,
    size: u64,
    mut source: impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Option<Vec<Hash>>, E> {
    if index >= size {
        return Ok(None);
    }
    let (_, proof) = descend(index, size, |subtree| subtree.end - subtree.start == 1, &mut source)?;
    Ok(Some(proof))
}

/// Proves that the tree of `new` leaves begins with the tree of `old` leaves (RFC 6962 section 2.1.2). It is empty if the
/// old tree is, or if the two are the same. `None` if the old tree is the larger.
///
/// # Errors
/// Those of `source`.
pub fn consistency_proof<E>(
    old: u64,
    new: u64,
    mut source: impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Option<Vec<Hash>>, E> {
    if old > new {
        return Ok(None);
    }
    let Some(last) = old.checked_sub(1) else { return Ok(Some(Vec::new())) };
    let (subtree, mut proof) = descend(last, new, |subtree| subtree.end == old, &mut source)?;
    // From 0 on that subtree is the old tree itself, whose root the verifier has.
    if subtree.start != 0 {
        proof.insert(0, range_root(subtree, &mut source)?);
    }
    Ok(Some(proof))
}

/// Halves the tree of `size` leaves towards a leaf until it is `there`. Returns the subtree reached, and the roots of the
/// halves left aside, from below.
fn descend<E>(
    leaf: u64,
    size: u64,
    there: impl Fn(&Range<u64>) -> bool,
    source: &mut impl FnMut(Node) -> Result<Hash, E>,
) -> Result<(Range<u64>, Vec<Hash>), E> {
    let mut subtree = 0..size;
    let mut aside = Vec::new();
    while !there(&subtree) {
        let middle = subtree.start + split(subtree.end - subtree.start);
        let (left, right) = (subtree.start..middle, middle..subtree.end);
        let (on_the_way, other) = if leaf < middle { (left, right) } else { (right, left) };
        aside.push(range_root(other, source)?);
        subtree = on_the_way;
    }
    aside.reverse();
    Ok((subtree, aside))
}

/// The place at which RFC 6962 divides a tree of `size` >= 2 leaves: at the largest power of two below its size.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The root of a range of leaves that is the whole tree or what [`split`] led to: its start is then a multiple of every power
/// of two up to its length, and it falls into complete subtrees as its length does into bits.
fn range_root<E>(leaves: Range<u64>, source: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Hash, E> {
    let mut end = leaves.end;
    let mut root = None;
    // From the right: the smallest subtree is there.
    while end != leaves.start {
        let level = (end - leaves.start).trailing_zeros();
        end -= 1 << level;
        let left = source(Node { level: level.try_into().expect("a level is below 64"), index: end >> level })?;
        root = Some(root.map_or(left, |right| node_hash(&left, &right)));
    }
    Ok(root.unwrap_or_else(empty_root))
}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The index is not below the size.
    #[error("a tree of {size} leaves has no leaf {index}")]
    NoSuchLeaf {
        /// Index asked for.
        index: u64,
        /// Size of the tree.
        size: u64,
    },
    /// The second tree is not a later state of the first.
    #[error("the tree of {old} leaves cannot have become one of {new}")]
    Shrunk {
        /// Size of the first tree.
        old: u64,
        /// Size of the second tree.
        new: u64,
    },
    /// It ends before the root is reached.
    #[error("the proof has too few hashes")]
    TooShort,
    /// It goes on beyond the root.
    #[error("the proof has too many hashes")]
    TooLong,
    /// It leads to a root other than the one given.
    #[error("the proof leads to another root")]
    OtherRoot,
    /// It leads to an older root other than the one given.
    #[error("the proof leads to another root of the older tree")]
    OtherOldRoot,
}

/// Checks that the leaf with this hash is at `index` in the tree of `size` leaves with this root (RFC 9162 section 2.1.3.2).
///
/// # Errors
/// Says why the proof does not hold.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    ensure(index < size, ProofError::NoSuchLeaf { index, size })?;
    let mut climb = Climb { node: index, last: size - 1 };
    let mut hash = *leaf;
    for sibling in proof {
        hash = match climb.step()? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    climb.finish()?;
    ensure(hash == *root, ProofError::OtherRoot)
}

/// Checks that the tree of `new_size` leaves with `new_root` begins with the tree of `old_size` leaves with `old_root` (RFC
/// 9162 section 2.1.4.2). Every tree begins with the empty one and with itself; the proof of either is empty.
///
/// # Errors
/// Says why the proof does not hold.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    ensure(old_size <= new_size, ProofError::Shrunk { old: old_size, new: new_size })?;
    ensure(old_size > 0 || *old_root == empty_root(), ProofError::OtherOldRoot)?;
    if old_size == 0 || old_size == new_size {
        ensure(proof.is_empty(), ProofError::TooLong)?;
        return ensure(old_size < new_size || old_root == new_root, ProofError::OtherRoot);
    }
    let (first, rest) = match proof {
        [] => return Err(ProofError::TooShort),
        // A tree of a power of two is a node of the later one: the climb starts at its root, which need not be sent.
        _ if old_size.is_power_of_two() => (old_root, proof),
        [first, rest @ ..] => (first, rest),
    };
    let mut climb = Climb { node: old_size - 1, last: new_size - 1 };
    climb.rise(climb.node.trailing_ones());
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        match climb.step()? {
            Side::Left => {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
            }
            Side::Right => new_hash = node_hash(&new_hash, sibling),
        }
    }
    climb.finish()?;
    ensure(old_hash == *old_root, ProofError::OtherOldRoot)?;
    ensure(new_hash == *new_root, ProofError::OtherRoot)
}

/// The way from a node to the root, as both verification algorithms go it: `node` and `last` are the RFC's fn and sn, the
/// node's place in its level and that of the level's last node.
struct Climb {
    node: u64,
    last: u64,
}

/// The side of the next sibling of the proof.
enum Side {
    Left,
    Right,
}

impl Climb {
    /// Goes on to the next node that has a sibling, then to its parent.
    fn step(&mut self) -> Result<Side, ProofError> {
        ensure(self.last != 0, ProofError::TooLong)?;
        let left = self.node & 1 == 1 || self.node == self.last;
        if left {
            // The last node of a level may have no sibling there; it is then its own parent. It is not 0, as `last` is not.
            self.rise(self.node.trailing_zeros());
        }
        self.rise(1);
        Ok(if left { Side::Left } else { Side::Right })
    }

    /// Goes up some levels.
    fn rise(&mut self, levels: u32) {
        self.node >>= levels;
        self.last >>= levels;
    }

    /// The proof is at its end: it must have led to the root.
    fn finish(&self) -> Result<(), ProofError> {
        ensure(self.last == 0, ProofError::TooShort)
    }
}

/// Goes on if what must hold does.
fn ensure(holds: bool, otherwise: ProofError) -> Result<(), ProofError> {
    if holds { Ok(()) } else { Err(otherwise) }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// The leaves and roots that Certificate Transparency's implementations have published as a reference.
    const LEAVES: [&[u8]; 8] = [b"", b"\0", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn published_roots() {
        let mut frontier = Frontier::new();
        assert_eq!(HEXLOWER.encode(&frontier.root()), ROOTS[0]);
        for (leaf, root) in LEAVES.iter().zip(&ROOTS[1..]) {
            frontier.push(leaf_hash(leaf));
            assert_eq!(HEXLOWER.encode(&frontier.root()), *root);
        }
    }
}
