//! The ledger's tree and its notes, held against other people's implementations: `tlog_tiles`, `ct-merkle` and `signed_note`.
//!
//! Every size from 0 to [`EVERY`] is compared in full, larger ones by sample; and nothing altered may pass.

use std::cell::RefCell;
use std::convert::Infallible;

use besked::domain::checkpoint::{Checkpoint, Tile, TileContent, TlogProof};
use besked::domain::merkle::{
    Frontier, Hash, Node, ProofError, Tree, consistency_proof, empty_root, inclusion_proof, leaf_hash, node_hash,
    root_at, verify_consistency, verify_inclusion,
};
use besked::domain::note::{self, Signer, VerifierKey};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sha2::Sha256;
use tlog_tiles::{HashReader, check_record, check_tree, prove_record, prove_tree, stored_hashes, tree_hash};

/// The size up to which nothing is left to chance.
const EVERY: u64 = 300;

/// The hashes as `tlog_tiles` keeps them, in its own order.
#[derive(Default)]
struct Tlog(Vec<tlog_tiles::Hash>);

impl HashReader for Tlog {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|&index| self.0[usize::try_from(index).unwrap()]).collect())
    }
}

/// One log in the keeping of each implementation.
#[derive(Default)]
struct Logs {
    ours: Tree,
    frontier: Frontier,
    tlog: Tlog,
    ct: MemoryBackedTree<Sha256, Vec<u8>>,
}

impl Logs {
    fn of(size: u64) -> Self {
        let mut logs = Self::default();
        (0..size).for_each(|_| logs.push());
        logs
    }

    fn push(&mut self) {
        let index = self.ours.size();
        let leaf = leaf(index);
        self.ours.push(leaf_hash(&leaf));
        self.frontier.push(leaf_hash(&leaf));
        let stored = stored_hashes(index, &leaf, &self.tlog).unwrap();
        self.tlog.0.extend(stored);
        self.ct.push(leaf);
    }

    fn source(&self, node: Node) -> Result<Hash, Node> {
        self.ours.node(node).ok_or(node)
    }

    /// Our roots, at the size the logs have.
    fn root(&self) -> Hash {
        let root = self.ours.root();
        assert_eq!(self.frontier.root(), root);
        assert_eq!(root_at(self.ours.size(), |node| self.source(node)), Ok(root));
        root
    }

    fn check_root(&self) {
        assert_eq!(tree_hash(self.ours.size(), &self.tlog).unwrap().0, self.root());
        assert_eq!(self.ct.root().as_bytes().as_slice(), self.root());
    }

    fn check_inclusion(&self, index: u64, root: &Hash) {
        let size = self.ours.size();
        let proof = self.ours.inclusion_path(index).unwrap();
        assert_eq!(hashes(&prove_record(size, index, &self.tlog).unwrap()), proof, "leaf {index} of {size}");
        assert_eq!(self.ct.prove_inclusion(usize::try_from(index).unwrap()).as_bytes(), proof.concat());
        assert_eq!(verify_inclusion(&leaf_hash(&leaf(index)), index, size, &proof, root), Ok(()));
    }

    fn check_consistency(&self, old: u64) {
        let new = self.ours.size();
        let proof = consistency_proof(old, new, |node| self.source(node)).unwrap().unwrap();
        assert_eq!(hashes(&prove_tree(new, old, &self.tlog).unwrap()), proof, "{old} to {new}");
        assert_eq!(self.ct.prove_consistency(usize::try_from(new - old).unwrap()).as_bytes(), proof.concat());
        let old_root = root_at(old, |node| self.source(node)).unwrap();
        assert_eq!(verify_consistency(old, &old_root, new, &self.ours.root(), &proof), Ok(()));
    }
}

fn leaf(index: u64) -> Vec<u8> {
    index.to_be_bytes().to_vec()
}

fn hashes(theirs: &[tlog_tiles::Hash]) -> Vec<Hash> {
    theirs.iter().map(|hash| hash.0).collect()
}

#[test]
fn every_root_and_inclusion_proof_is_theirs() {
    let mut logs = Logs::default();
    logs.check_root();
    for _ in 0..EVERY {
        logs.push();
        logs.check_root();
        let root = logs.root();
        (0..logs.ours.size()).for_each(|index| logs.check_inclusion(index, &root));
        assert_eq!(logs.ours.inclusion_path(logs.ours.size()), None);
    }
}

#[test]
fn every_consistency_proof_is_theirs() {
    let mut logs = Logs::default();
    let mut random = StdRng::seed_from_u64(1);
    for new in 1..=EVERY {
        logs.push();
        match new {
            ..=64 => (1..=new).for_each(|old| logs.check_consistency(old)),
            _ => (0..8).for_each(|_| logs.check_consistency(random.random_range(1..=new))),
        }
        assert_eq!(consistency_proof(0, new, |node| logs.source(node)), Ok(Some(vec![])));
        assert_eq!(verify_consistency(0, &empty_root(), new, &logs.root(), &[]), Ok(()));
        assert_eq!(consistency_proof(new + 1, new, |node| logs.source(node)), Ok(None));
    }
}

#[test]
fn larger_trees_are_theirs() {
    let mut random = StdRng::seed_from_u64(2);
    for _ in 0..4 {
        let logs = Logs::of(random.random_range(EVERY..4_000));
        logs.check_root();
        for _ in 0..40 {
            logs.check_inclusion(random.random_range(0..logs.ours.size()), &logs.root());
            logs.check_consistency(random.random_range(1..=logs.ours.size()));
        }
    }
}

/// The source of a tree whose leaves are all the same, which can have any size: so is the hash of a node at each level.
fn uniform() -> impl Fn(Node) -> Result<Hash, Infallible> {
    let mut levels = vec![leaf_hash(b"")];
    (1..64).for_each(|level| levels.push(node_hash(&levels[level - 1], &levels[level - 1])));
    move |node| Ok(levels[usize::from(node.level)])
}

#[test]
fn the_largest_sizes_are_provable() {
    let source = uniform();
    let leaf = leaf_hash(b"");
    for size in [u64::MAX, u64::MAX - 1, (1 << 63) + 1, 1 << 63, (1 << 62) - 1, (1 << 40) + 1] {
        let Ok(root) = root_at(size, &source);
        for other in [1, 2, 3, 1 << 20, (1 << 40) - 1, size / 3, size / 2, size / 2 + 1, size - 1] {
            let Ok(Some(proof)) = inclusion_proof(other, size, &source) else { panic!("{other} of {size}") };
            assert_eq!(verify_inclusion(&leaf, other, size, &proof, &root), Ok(()), "{other} of {size}");
            let (theirs, theirs_root) = (proof.iter().copied().map(tlog_tiles::Hash).collect(), tlog_tiles::Hash(root));
            if size < 1 << 62 {
                check_record(&theirs, size, theirs_root, other, tlog_tiles::Hash(leaf)).unwrap();
            }
            let Ok(Some(proof)) = consistency_proof(other, size, &source) else { panic!("{other} to {size}") };
            let Ok(old_root) = root_at(other, &source);
            assert_eq!(verify_consistency(other, &old_root, size, &root, &proof), Ok(()), "{other} to {size}");
            if size < 1 << 62 {
                let theirs = proof.iter().copied().map(tlog_tiles::Hash).collect();
                check_tree(&theirs, size, theirs_root, other, tlog_tiles::Hash(old_root)).unwrap();
            }
        }
    }
}

#[test]
fn published_proofs_are_ours() {
    // The reference leaves of Certificate Transparency's implementations and proofs over them.
    let leaves: [&[u8]; 8] = [b"", b"\0", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];
    let tree = Tree::from_leaves(leaves.map(leaf_hash));
    let source = |node| tree.node(node).ok_or(());
    let hex = |proof: Option<Vec<Hash>>| proof.unwrap().iter().map(|hash| HEXLOWER.encode(hash)).collect::<Vec<_>>();
    let of_two = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
    let of_four = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7";
    let third_pair = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
    let fourth_pair = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
    let fifth = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
    let second_pair = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
    assert_eq!(hex(tree.inclusion_path(5)), [fifth, fourth_pair, of_four]);
    assert_eq!(hex(inclusion_proof(2, 3, source).unwrap()), [of_two]);
    assert_eq!(hex(consistency_proof(6, 8, source).unwrap()), [third_pair, fourth_pair, of_four]);
    assert_eq!(hex(consistency_proof(2, 5, source).unwrap()), [second_pair, fifth]);
}

#[test]
fn a_proof_of_anything_else_is_refused_and_says_why() {
    let logs = Logs::of(7);
    let (leaf, root) = (leaf_hash(&leaf(4)), logs.root());
    let proof = logs.ours.inclusion_path(4).unwrap();
    let longer = [proof.as_slice(), &[root]].concat();
    let verify = |index, size, proof: &[Hash]| verify_inclusion(&leaf, index, size, proof, &root);
    assert_eq!(verify(7, 7, &proof), Err(ProofError::NoSuchLeaf { index: 7, size: 7 }));
    assert_eq!(verify(0, 0, &[]), Err(ProofError::NoSuchLeaf { index: 0, size: 0 }));
    assert_eq!(verify(5, 7, &proof), Err(ProofError::OtherRoot));
    assert_eq!(verify(4, 7, &proof[1..]), Err(ProofError::TooShort));
    assert_eq!(verify(4, 7, &longer), Err(ProofError::TooLong));
    assert_eq!(verify(4, u64::MAX, &proof), Err(ProofError::TooShort));

    let old_root = root_at(6, |node| logs.source(node)).unwrap();
    let proof = consistency_proof(6, 7, |node| logs.source(node)).unwrap().unwrap();
    let longer = [proof.as_slice(), &[root]].concat();
    let verify = |old, new, proof: &[Hash]| verify_consistency(old, &old_root, new, &root, proof);
    assert_eq!(verify(8, 7, &proof), Err(ProofError::Shrunk { old: 8, new: 7 }));
    assert_eq!(verify(6, 7, &[]), Err(ProofError::TooShort));
    assert_eq!(verify(6, 7, &proof[..2]), Err(ProofError::TooShort));
    assert_eq!(verify(6, 7, &longer), Err(ProofError::TooLong));
    assert_eq!(verify(7, 7, &proof), Err(ProofError::TooLong));
    assert_eq!(verify(7, 7, &[]), Err(ProofError::OtherRoot));
    assert_eq!(verify(0, 7, &[]), Err(ProofError::OtherOldRoot));
    assert_eq!(verify_consistency(6, &root, 7, &root, &proof), Err(ProofError::OtherOldRoot));
    assert_eq!(verify_consistency(6, &old_root, 7, &old_root, &proof), Err(ProofError::OtherRoot));
    assert_eq!(verify_consistency(0, &empty_root(), 7, &root, &proof), Err(ProofError::TooLong));
}

#[test]
fn a_stored_log_is_taken_up_again() {
    let logs = Logs::of(EVERY);
    // What a database would hold: the peaks in one row, and the subtrees as they were completed.
    let (mut size, mut peaks) = (0, Vec::new());
    let mut stored = std::collections::HashMap::new();
    for index in 0..EVERY {
        let mut frontier = Frontier::from_peaks(size, peaks).unwrap();
        frontier.push_with(leaf_hash(&leaf(index)), |node, hash| assert_eq!(stored.insert(node, *hash), None));
        (size, peaks) = (frontier.size(), frontier.peaks().to_vec());
    }
    assert_eq!(root_at(EVERY, |node| stored.get(&node).copied().ok_or(node)), Ok(logs.root()));
    for (node, hash) in stored {
        let leaves = node.leaves().map(|index| leaf_hash(&leaf(index)));
        assert_eq!(Tree::from_leaves(leaves).root(), hash, "{node:?}");
    }
    assert_eq!(Frontier::from_peaks(6, vec![[0; 32]; 3]), None);
    assert_eq!(Frontier::from_peaks(u64::MAX, vec![[0; 32]; 64]), None);
    assert_eq!(Node { level: 63, index: 1 }.leaves(), 1 << 63..=u64::MAX);
}

#[test]
fn what_a_prover_asks_for_depends_on_the_sizes_alone() {
    let logs = Logs::of(EVERY);
    let asked = RefCell::new(Vec::new());
    let note = |node| {
        asked.borrow_mut().push(node);
        Ok::<_, Node>([0; 32])
    };
    inclusion_proof(77, EVERY, note).unwrap();
    let mut fetched = asked.borrow().iter().map(|&node| logs.source(node).unwrap()).collect::<Vec<_>>().into_iter();
    let proof = inclusion_proof(77, EVERY, |_| fetched.next().ok_or(()));
    assert_eq!(proof, Ok(logs.ours.inclusion_path(77)));
    assert_eq!(inclusion_proof(3, EVERY + 1, |node| logs.source(node)), Err(Node { level: 0, index: EVERY }));
}

#[test]
fn tile_paths_are_theirs() {
    let mut random = StdRng::seed_from_u64(3);
    for _ in 0..1000 {
        let index = random.random::<u64>() >> random.random_range(0..64);
        let (level, width) = (random.random_range(0..64), random.random_range(1..=Tile::FULL));
        // Theirs states the height as well, as Go's module database does.
        let theirs = tlog_tiles::Tile::new(8, level, index, width.into(), false).path();
        let ours = Tile { content: TileContent::Hashes(level), index, width };
        assert_eq!(format!("tile/8/{ours}"), theirs);
        assert_eq!(Tile::parse(&ours.to_string()), Some(ours));
    }
}

const NAME: &str = "example.com/besked";

fn signer() -> Signer {
    Signer::new(NAME, SigningKey::from_bytes(&[1; 32])).unwrap()
}

/// The same key as [`signer`], as `signed_note` has it.
fn their_signer() -> signed_note::StandardSigner {
    let key = [&[1], [1; 32].as_slice()].concat();
    let public = [&[1], SigningKey::from_bytes(&[1; 32]).verifying_key().as_bytes().as_slice()].concat();
    let id = signed_note::key_id(NAME, &public);
    signed_note::StandardSigner::new(&format!("PRIVATE+KEY+{NAME}+{id:08x}+{}", BASE64.encode(&key))).unwrap()
}

fn their_verify(note: &str) -> Result<String, signed_note::NoteError> {
    let verifier = signed_note::StandardVerifier::new(&signer().verifier_key().to_string()).unwrap();
    let note = signed_note::Note::from_bytes(note.as_bytes())?;
    note.verify(&signed_note::VerifierList::new(vec![Box::new(verifier)]))?;
    Ok(String::from_utf8(note.text().to_vec()).unwrap())
}

fn their_sign(text: &str, by: &[&dyn signed_note::Signer]) -> String {
    let mut note = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(by).unwrap();
    String::from_utf8(note.to_bytes()).unwrap()
}

#[test]
fn notes_and_checkpoints_are_theirs() {
    let witness = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    let witness = signed_note::StandardSigner::new(witness).unwrap();
    for (size, root) in [(0, empty_root()), (109_482, [7; 32]), (u64::MAX, [255; 32])] {
        let checkpoint = Checkpoint::new(NAME, size, root).unwrap();
        let text = checkpoint.to_text();
        let theirs = tlog_tiles::Checkpoint::new(NAME, size, tlog_tiles::Hash(root), "").unwrap();
        assert_eq!(text.as_bytes(), theirs.to_bytes());

        let note = signer().sign(&text).unwrap();
        assert_eq!(their_sign(&text, &[&their_signer()]), note);
        assert_eq!(their_verify(&note).unwrap(), text);
        let witnessed = their_sign(&text, &[&witness, &their_signer()]);
        assert_eq!(Checkpoint::open(&witnessed, signer().verifier_key()), Ok(checkpoint));
        assert!(note::verify(&their_sign(&text, &[&witness]), signer().verifier_key()).is_err());
    }
}

fn flip(hash: &Hash, bit: u8) -> Hash {
    let mut hash = *hash;
    hash[usize::from(bit / 8)] ^= 1 << (bit % 8);
    hash
}

/// A text made of the pieces that the parsers look for, so that chance leads them further than noise would.
fn pieces() -> impl Strategy<Value = String> {
    let key = signer().verifier_key().to_string();
    let note = signer().sign(&Checkpoint::new(NAME, 3, [3; 32]).unwrap().to_text()).unwrap();
    let pieces =
        ["\n", "\n\n", "\u{2014} ", " ", "+", "0", "17", "AAAAAAA=", "extra ", "index ", "tile/", "x001/", ".p/"];
    let pieces =
        pieces.map(String::from).into_iter().chain(["c2sp.org/tlog-proof@v1\n".into(), NAME.into(), key, note]);
    let piece = prop_oneof![proptest::sample::select(pieces.collect::<Vec<_>>()), ".{0,4}"];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_bit_off_is_refused(size in 1..EVERY, place: u64, which: u16, bit: u8) {
        let tree = Tree::from_leaves((0..size).map(|index| leaf_hash(&leaf(index))));
        let index = place % size;
        let (leaf, root) = (leaf_hash(&leaf(index)), tree.root());
        let mut proof = tree.inclusion_path(index).unwrap();
        prop_assert!(verify_inclusion(&flip(&leaf, bit), index, size, &proof, &root).is_err());
        prop_assert!(verify_inclusion(&leaf, index, size, &proof, &flip(&root, bit)).is_err());
        prop_assert!(verify_inclusion(&leaf, (index + 1) % size.max(2), size, &proof, &root).is_err());

        let old = index + 1;
        let source = |node| tree.node(node).ok_or(());
        let (old_root, mut between) = (root_at(old, source).unwrap(), consistency_proof(old, size, source).unwrap().unwrap());
        prop_assert!(verify_consistency(old, &flip(&old_root, bit), size, &root, &between).is_err());
        prop_assert!(verify_consistency(old, &old_root, size, &flip(&root, bit), &between).is_err());
        for proof in [&mut proof, &mut between] {
            let length = proof.len().max(1);
            if let Some(hash) = proof.get_mut(usize::from(which) % length) {
                *hash = flip(hash, bit);
            }
        }
        prop_assert!(proof.is_empty() || verify_inclusion(&leaf, index, size, &proof, &root).is_err());
        prop_assert!(between.is_empty() || verify_consistency(old, &old_root, size, &root, &between).is_err());
    }

    #[test]
    fn verifiers_survive_any_input(a: u64, b: u64, shift in 0..64u32, proof in proptest::collection::vec(any::<Hash>(), 0..70)) {
        let (a, b) = (a >> shift, b >> shift);
        for (a, b) in [(a, b), (a, a), (a, a.wrapping_add(1)), (a, u64::MAX)] {
            let _ = verify_inclusion(&[0; 32], a, b, &proof, &[0; 32]);
            let _ = verify_consistency(a, &[0; 32], b, &[1; 32], &proof);
        }
    }

    #[test]
    fn parsers_survive_any_text(text in prop_oneof![pieces(), ".*", "(?s).{0,64}"]) {
        // What is accepted has one spelling.
        if let Ok(key) = VerifierKey::parse(&text) {
            prop_assert_eq!(key.to_string(), text.as_str());
        }
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert_eq!(checkpoint.to_text(), text.as_str());
        }
        if let Ok(proof) = TlogProof::parse(&text) {
            prop_assert_eq!(proof.to_text(), text.as_str());
        }
        if let Some(tile) = Tile::parse(&text) {
            prop_assert_eq!(tile.to_string(), text.as_str());
        }
        let ours = note::verify(&text, signer().verifier_key()).map(str::to_owned);
        if let Ok(text_of_note) = &ours {
            prop_assert_eq!(&their_verify(&text).unwrap(), text_of_note);
        }
        let _ = Checkpoint::open(&text, signer().verifier_key());
    }

    #[test]
    fn notes_are_what_was_signed(text in "([^\\x00-\\x1f]{0,20}\n){1,4}") {
        let note = signer().sign(&text).unwrap();
        prop_assert_eq!(note::verify(&note, signer().verifier_key()), Ok(text.as_str()));
        prop_assert_eq!(their_verify(&note).unwrap(), text);
    }

    #[test]
    fn an_altered_note_is_refused(at: proptest::sample::Index, to: char) {
        let mut note: Vec<char> = signer().sign("a\n\nb\n").unwrap().chars().collect();
        let at = at.index(note.len());
        prop_assume!(note[at] != to);
        note[at] = to;
        let note: String = note.into_iter().collect();
        prop_assert!(note::verify(&note, signer().verifier_key()).is_err());
        prop_assert!(their_verify(&note).is_err());
    }

    #[test]
    fn proofs_are_what_was_written(
        index: u64,
        path: Vec<Hash>,
        checkpoint: String,
        extra: Option<Vec<u8>>,
    ) {
        let path = path.into_iter().take(64).collect();
        let proof = TlogProof { index, path, checkpoint, extra };
        prop_assert_eq!(TlogProof::parse(&proof.to_text()), Ok(proof));
    }
}
