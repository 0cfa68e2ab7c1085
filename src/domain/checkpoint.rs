//! What a log publishes, as text that other people's tools read: checkpoints (C2SP tlog-checkpoint v1), proofs that stand
//! alone (tlog-proof v1) and the paths of its tiles (tlog-tiles v1).
//!
//! Each has one spelling: whatever is parsed here is written again byte for byte.

use std::fmt::{self, Write as _};

use data_encoding::BASE64;
use thiserror::Error;

use crate::domain::merkle::{self, Hash, Node};
use crate::domain::note::{self, NoteError, VerifierKey, decode_array};

/// The first line of a proof.
const PROOF_HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The hashes that a proof may have: the height of the largest tree whose size can be written.
const MAX_PATH: usize = 64;

/// Why a checkpoint or a proof is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// The note is not signed as it must be.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The origin does not fit on a line of its own.
    #[error("`{}` is not an origin: it must be one line that is not empty", .0.escape_debug())]
    Origin(String),
    /// It has not the three lines of a checkpoint.
    #[error("not a checkpoint: it must have an origin, a size and a root, each on a line that ends")]
    Lines,
    /// The size is not a number as it is written there.
    #[error("`{}` is not a tree size: it must be a decimal number without leading zeros", .0.escape_debug())]
    Size(String),
    /// The root is not a hash as it is written there.
    #[error("`{}` is not a root: it must be 32 bytes in base64", .0.escape_debug())]
    Root(String),
    /// There is an empty line below the three.
    #[error("the checkpoint has an empty line")]
    EmptyLine,
    /// It is a checkpoint of another log.
    #[error("the checkpoint is of `{}`, not of `{expected}`", found.escape_debug())]
    OtherLog {
        /// The log whose key verified it.
        expected: String,
        /// The origin it states.
        found: String,
    },
    /// The first line is another.
    #[error("not a proof: the first line must be `{PROOF_HEADER}`")]
    ProofHeader,
    /// The extra data is not base64.
    #[error("the proof's extra data is not base64")]
    ProofExtra,
    /// The index is missing or not a number.
    #[error("the proof has no line `index N`, where N is a decimal number without leading zeros")]
    ProofIndex,
    /// A hash is not one; which, counted from 1.
    #[error("hash {0} of the proof is not 32 bytes in base64")]
    ProofHash(usize),
    /// There are more hashes than any tree is high.
    #[error("the proof has more than {MAX_PATH} hashes")]
    ProofTooLong,
    /// There is no empty line, thus no checkpoint.
    #[error("the proof has no checkpoint: there is no empty line that divides it from the hashes")]
    ProofEnd,
    /// The path does not lead from the leaf to the checkpoint's root.
    #[error(transparent)]
    Inclusion(#[from] merkle::ProofError),
}

/// The state of a log: so many entries, with this root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    /// Lines that other logs may add, each with its newline. Ours adds none, as no monitor could check them.
    extension: String,
}

impl Checkpoint {
    /// The state of the log `origin`.
    ///
    /// # Errors
    /// The origin is not one line.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        if origin.is_empty() || origin.chars().any(|c| c < ' ') {
            return Err(CheckpointError::Origin(origin.into()));
        }
        Ok(Self { origin: origin.into(), size, root, extension: String::new() })
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree over them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The text to be signed.
    #[must_use]
    pub fn to_text(&self) -> String {
        let Self { origin, size, root, extension } = self;
        format!("{origin}\n{size}\n{}\n{extension}", BASE64.encode(root))
    }

    /// Reads the text of a checkpoint: what is signed, without the signatures.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.splitn(4, '\n');
        let (Some(origin), Some(size), Some(root), Some(extension)) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Lines);
        };
        let size = decimal(size).ok_or_else(|| CheckpointError::Size(size.into()))?;
        let root = parse_hash(root).ok_or_else(|| CheckpointError::Root(root.into()))?;
        if extension.starts_with('\n') || extension.contains("\n\n") {
            return Err(CheckpointError::EmptyLine);
        }
        if !extension.is_empty() && !extension.ends_with('\n') {
            return Err(CheckpointError::Lines);
        }
        Ok(Self { extension: extension.into(), ..Self::new(origin, size, root)? })
    }

    /// Reads a signed checkpoint without verifying it: to be held against what one has computed, never to be believed.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn unverified(note: &str) -> Result<Self, CheckpointError> {
        let (text, _) = note.split_once("\n\n").ok_or(CheckpointError::Lines)?;
        Self::parse(&format!("{text}\n"))
    }

    /// Verifies a signed checkpoint and reads it. Its origin must be the name of the key, so that a key that serves two logs
    /// cannot lend one the other's checkpoints.
    ///
    /// # Errors
    /// Says why it is not to be believed.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, CheckpointError> {
        let checkpoint = Self::parse(note::verify(note, key)?)?;
        if checkpoint.origin != key.name() {
            return Err(CheckpointError::OtherLog { expected: key.name().into(), found: checkpoint.origin });
        }
        Ok(checkpoint)
    }
}

/// A proof that an entry is in a log, which needs the log's key to be checked and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// The entry's index.
    pub index: u64,
    /// The inclusion proof, from the leaf's sibling up.
    pub path: Vec<Hash>,
    /// The signed checkpoint, as the log gave it out.
    pub checkpoint: String,
    /// Data that came along, which nothing vouches for.
    pub extra: Option<Vec<u8>>,
}

impl TlogProof {
    /// The text that goes into a file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{PROOF_HEADER}\n");
        // Writing to a string cannot fail.
        if let Some(extra) = &self.extra {
            let _ = writeln!(text, "extra {}", BASE64.encode(extra));
        }
        let _ = writeln!(text, "index {}", self.index);
        for hash in &self.path {
            let _ = writeln!(text, "{}", BASE64.encode(hash));
        }
        text + "\n" + &self.checkpoint
    }

    /// Reads such a text. The checkpoint in it is not looked at; [`TlogProof::verify`] does.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(CheckpointError::ProofEnd)?;
        let mut lines = head.split('\n');
        if lines.next() != Some(PROOF_HEADER) {
            return Err(CheckpointError::ProofHeader);
        }
        let mut line = lines.next();
        let mut extra = None;
        if let Some(base64) = line.and_then(|line| line.strip_prefix("extra ")) {
            extra = Some(BASE64.decode(base64.as_bytes()).map_err(|_| CheckpointError::ProofExtra)?);
            line = lines.next();
        }
        let index = line.and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or(CheckpointError::ProofIndex)?;
        let path: Vec<Hash> = (1..)
            .zip(lines)
            .map(|(number, line)| match parse_hash(line) {
                _ if number > MAX_PATH => Err(CheckpointError::ProofTooLong),
                hash => hash.ok_or(CheckpointError::ProofHash(number)),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { index, path, checkpoint: checkpoint.into(), extra })
    }

    /// Verifies that the leaf with this hash is in the log whose key this is. Returns the checkpoint that says so.
    ///
    /// # Errors
    /// Says why it does not prove that.
    pub fn verify(&self, leaf: &Hash, key: &VerifierKey) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, key)?;
        merkle::verify_inclusion(leaf, self.index, checkpoint.size, &self.path, &checkpoint.root)?;
        Ok(checkpoint)
    }
}

/// A piece of the log that is served as one file: up to 256 entries, or hashes of one level. Its text is the path below
/// `tile/`: `0/x001/x234/067` when full, with `.p/WIDTH` at its end when not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// What it holds.
    pub content: TileContent,
    /// Its place among those of its kind, counted from 0.
    pub index: u64,
    /// How many it holds, from 1 to [`Tile::FULL`].
    pub width: u16,
}

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileContent {
    /// The entries themselves.
    Entries,
    /// The hashes of the complete subtrees with 256^level leaves; the level is at most 63.
    Hashes(u8),
}

impl Tile {
    /// The width of a full tile.
    pub const FULL: u16 = 256;

    /// Reads the path below `tile/`; `None` for whatever is not the one spelling of a tile.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (content, rest) = path.split_once('/')?;
        let content = match content {
            "entries" => TileContent::Entries,
            level => TileContent::Hashes(level.parse().ok().filter(|level| *level < 64)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, Self::FULL),
            Some((index, width)) => (index, width.parse().ok().filter(|width| (1..Self::FULL).contains(width))?),
        };
        let index: String = index.split('/').map(|group| group.trim_start_matches('x')).collect();
        let tile = Self { content, index: index.parse().ok()?, width };
        // What was read too generously, such as a leading zero or a missing x, would be written otherwise.
        (tile.to_string() == path).then_some(tile)
    }

    /// The nodes whose hashes (or leaves whose entries) it holds, if a log of `size` entries has it.
    #[must_use]
    pub fn nodes(self, size: u64) -> Option<impl Iterator<Item = Node>> {
        let level = match self.content {
            TileContent::Entries => 0,
            TileContent::Hashes(level) => level.checked_mul(8)?,
        };
        let complete = size.checked_shr(level.into())?;
        let first = self.index.checked_mul(Self::FULL.into())?;
        let end = first.checked_add(self.width.into())?;
        (end <= complete).then(|| (first..end).map(move |index| Node { level, index }))
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            TileContent::Entries => f.write_str("entries/")?,
            TileContent::Hashes(level) => write!(f, "{level}/")?,
        }
        // An x marks what has more below it, so that no name is that of a folder and a file.
        let digits = self.index.to_string();
        let groups = digits.len().div_ceil(3);
        let padded = format!("{digits:0>width$}", width = groups * 3);
        for group in 0..groups {
            let (mark, end) = if group + 1 < groups { ("x", "/") } else { ("", "") };
            write!(f, "{mark}{}{end}", &padded[group * 3..][..3])?;
        }
        if self.width == Self::FULL { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// A number that is written as we would write it.
fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// A hash in base64.
fn parse_hash(text: &str) -> Option<Hash> {
    decode_array(BASE64.decode(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::domain::note::Signer;

    /// The example of the specification.
    const TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    fn signer() -> Signer {
        Signer::new("example.com/behind-the-sofa", SigningKey::from_bytes(&[7; 32])).unwrap()
    }

    #[test]
    fn checkpoints_are_strict() {
        let checkpoint = Checkpoint::parse(TEXT).unwrap();
        assert_eq!((checkpoint.origin(), checkpoint.size()), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(Checkpoint::new(checkpoint.origin(), checkpoint.size(), checkpoint.root()), Ok(checkpoint));
        let extended = format!("{TEXT}more\nlines\n");
        assert_eq!(Checkpoint::parse(&extended).unwrap().to_text(), extended);
        let refused = [
            (String::new(), CheckpointError::Lines),
            (TEXT.trim_end().into(), CheckpointError::Lines),
            (format!("{TEXT}more"), CheckpointError::Lines),
            (format!("{TEXT}\n"), CheckpointError::EmptyLine),
            (format!("{TEXT}more\n\nlines\n"), CheckpointError::EmptyLine),
            (TEXT.replace("example.com/behind-the-sofa", ""), CheckpointError::Origin(String::new())),
            (TEXT.replace("20852163", "020852163"), CheckpointError::Size("020852163".into())),
            (TEXT.replace("20852163", "+1"), CheckpointError::Size("+1".into())),
            (TEXT.replace("20852163", "18446744073709551616"), CheckpointError::Size("18446744073709551616".into())),
            (
                TEXT.replace("q2I=", "q2J="),
                CheckpointError::Root("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=".into()),
            ),
            (TEXT.replace("q2I=", "q2I"), CheckpointError::Root("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I".into())),
        ];
        for (text, error) in refused {
            assert_eq!(Checkpoint::parse(&text), Err(error), "{text}");
        }
        assert!(Checkpoint::new("two\nlines", 0, [0; 32]).is_err());
    }

    #[test]
    fn a_proof_needs_the_key_and_nothing_else() {
        let (leaf, sibling) = (merkle::leaf_hash(b"a"), merkle::leaf_hash(b"b"));
        let name = signer().verifier_key().name().to_owned();
        let checkpoint = Checkpoint::new(&name, 2, merkle::node_hash(&leaf, &sibling)).unwrap();
        let note = signer().sign(&checkpoint.to_text()).unwrap();
        let proof = TlogProof { index: 0, path: vec![sibling], checkpoint: note.clone(), extra: Some(b"x".into()) };
        let hash = BASE64.encode(&sibling);
        let text = format!("c2sp.org/tlog-proof@v1\nextra eA==\nindex 0\n{hash}\n\n{note}");
        assert_eq!(proof.to_text(), text);
        assert_eq!(TlogProof::parse(&text), Ok(proof.clone()));
        assert_eq!(proof.verify(&leaf, signer().verifier_key()), Ok(checkpoint.clone()));
        let error = proof.verify(&sibling, signer().verifier_key());
        assert_eq!(error, Err(CheckpointError::Inclusion(merkle::ProofError::OtherRoot)));

        let other = Checkpoint { origin: "example.com/other".into(), ..checkpoint };
        let note = signer().sign(&other.to_text()).unwrap();
        let expected = CheckpointError::OtherLog { expected: name, found: other.origin };
        assert_eq!(Checkpoint::open(&note, signer().verifier_key()), Err(expected));

        let refused = [
            (text.replace("v1", "v2"), CheckpointError::ProofHeader),
            (text.replace("eA==", "eA="), CheckpointError::ProofExtra),
            (text.replace("extra ", "extra extra "), CheckpointError::ProofExtra),
            (text.replace("index 0", "index 00"), CheckpointError::ProofIndex),
            (text.replace("index 0\n", ""), CheckpointError::ProofIndex),
            (text.replace(&hash, &hash[4..]), CheckpointError::ProofHash(1)),
            (text.replace(&hash, &format!("{hash}\n").repeat(64).trim_end().repeat(2)), CheckpointError::ProofHash(64)),
            (text.replace(&hash, format!("{hash}\n").repeat(65).trim_end()), CheckpointError::ProofTooLong),
            (text.replace("\n\n", "\n"), CheckpointError::ProofEnd),
        ];
        for (text, error) in refused {
            assert_eq!(TlogProof::parse(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn tiles_have_one_path() {
        let full = |index| Tile { content: TileContent::Hashes(0), index, width: Tile::FULL };
        assert_eq!(full(1_234_067).to_string(), "0/x001/x234/067");
        assert_eq!(full(0).to_string(), "0/000");
        assert_eq!(full(u64::MAX).to_string(), "0/x018/x446/x744/x073/x709/x551/615");
        let entries = Tile { content: TileContent::Entries, index: 273, width: 112 };
        assert_eq!(entries.to_string(), "entries/273.p/112");
        for path in ["0/x001/x234/067", "63/000.p/1", "entries/273.p/112", "0/x018/x446/x744/x073/x709/x551/615"] {
            assert_eq!(Tile::parse(path).unwrap().to_string(), path);
        }
        let refused = [
            "",
            "0",
            "0/",
            "00/000",
            "64/000",
            "0/0",
            "0/1000",
            "0/x000/001",
            "0/001/002",
            "0/x001",
            "0/xx01/002",
            "+0/000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/",
            "0/000/",
            "a/000",
            "0/x018/x446/x744/x073/x709/x551/616",
        ];
        for path in refused {
            assert_eq!(Tile::parse(path), None, "{path}");
        }
    }

    #[test]
    fn a_tree_has_the_tiles_of_the_specification() {
        // Its example: 70,000 entries are 273 full tiles and one of 112, then a full one and one of 17, then one of 1.
        let has = |path: &str| Tile::parse(path).unwrap().nodes(70_000).is_some();
        let there =
            ["0/000", "0/272", "0/273.p/112", "0/273.p/111", "1/000", "1/001.p/17", "2/000.p/1", "entries/273.p/112"];
        let not_there =
            ["0/273", "0/273.p/113", "1/001.p/18", "1/001", "2/000.p/2", "3/000.p/1", "8/000.p/1", "63/000"];
        assert!(there.into_iter().all(has) && !not_there.into_iter().any(has));
        let nodes: Vec<_> = Tile::parse("1/001.p/17").unwrap().nodes(70_000).unwrap().collect();
        assert_eq!((nodes[0], nodes.len()), (Node { level: 8, index: 256 }, 17));
    }
}
