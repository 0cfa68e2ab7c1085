//! The signer: whether the ledger may be signed, and the signing.
//!
//! Only a committed root is signed, and only if the tree begins with the one that was signed last; what is signed is on disk
//! before anybody sees it. A reason against signing is a [`Fault`]: sealing stops then until a person resumes it.

use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use thiserror::Error;

use super::LedgerError;
use super::state::{self, Last, Signing, StateError};
use super::subtrees::Subtrees;
use crate::config;
use crate::domain::checkpoint::Checkpoint;
use crate::domain::merkle::verify_consistency;
use crate::domain::note::{Signer, VerifierKey};
use crate::domain::words::{cause, count, grouped};
use crate::store::proof::tree::{self, Head};
use crate::store::{Conn, StoreError};

/// A reason against signing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The tree is smaller than what was signed.
    #[error(
        "the database has {}, but {} were signed: it was restored from an older copy, or it is another database", count(*.found, "entry", "entries"), grouped(*.signed)
    )]
    Shrunk {
        /// Entries that were signed.
        signed: u64,
        /// Entries there are.
        found: u64,
    },
    /// The tree does not begin with what was signed.
    #[error(
        "the first {0} entries are not those that were signed: the database was altered, or restored from an older copy and continued"
    )]
    OtherHistory(u64),
    /// The state file is missing.
    #[error("the ledger was signed before, but the state file `{}` is missing", .0.display())]
    NoState(PathBuf),
    /// The state cannot be read.
    #[error("{0}")]
    BadState(String),
    /// The key is not the one that signed last.
    #[error("the key is not the one that signed last, which was {0}")]
    OtherKey(String),
    /// The key is the same, and the ledger has another name.
    #[error(
        "`[ledger] origin` is `{now}` now, and the ledger was signed as `{before}`: set that again, or keep the new name with `besked \
         ledger continue --reason TEXT`"
    )]
    OtherOrigin {
        /// The name under which it was signed last.
        before: String,
        /// The name that is configured.
        now: String,
    },
}

/// Reads the ledger's key; `None` if this machine has none and therefore does not sign.
///
/// # Errors
/// If there is a key file without a key in it.
pub fn load_key(config: &config::Ledger) -> Result<Option<Signer>, LedgerError> {
    let path: &Path = &config.key_file;
    let failed = |problem: String| LedgerError::Key { path: path.to_owned(), problem };
    let pem = match config::read_pem(path) {
        Ok(pem) => pem,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(cause(&error))),
    };
    let key = SigningKey::from_pkcs8_pem(&pem)
        .map_err(|_| failed("it does not hold an Ed25519 private key as PKCS#8 PEM".to_owned()))?;
    let signer = Signer::new(&config.origin, key).map_err(|error| failed(error.to_string()))?;
    Ok(Some(signer))
}

/// What a signer knows of the last signing.
#[derive(Clone, Debug)]
pub enum Known {
    /// Nothing was signed yet, as far as this machine knows: there is no file at this path.
    Nothing(PathBuf),
    /// This was signed last.
    Last(Box<Last>),
    /// The state file is damaged, and how.
    Damaged(String),
}

impl Known {
    /// What a state file says.
    ///
    /// # Errors
    /// If it cannot be read at all.
    pub fn read(path: &Path) -> Result<Self, StateError> {
        match state::read(path) {
            Ok(None) => Ok(Self::Nothing(path.to_owned())),
            Ok(Some(last)) => Ok(Self::Last(Box::new(last))),
            Err(error @ StateError::Damaged { .. }) => Ok(Self::Damaged(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// What was signed last, if that is known.
    #[must_use]
    pub fn last(&self) -> Option<&Last> {
        if let Self::Last(last) = self { Some(last) } else { None }
    }
}

/// Every reason against signing the tree as it is.
///
/// # Errors
/// If the database fails.
pub async fn faults(conn: &mut Conn, key: &VerifierKey, known: &Known, head: &Head) -> Result<Vec<Fault>, StoreError> {
    let last = match known {
        Known::Damaged(problem) => return Ok(vec![Fault::BadState(problem.clone())]),
        Known::Nothing(path) => {
            let signed_before = tree::last_checkpoint(conn).await?.is_some();
            return Ok(if signed_before { vec![Fault::NoState(path.clone())] } else { Vec::new() });
        }
        Known::Last(last) => last,
    };
    let mut faults = Vec::new();
    let (signed, found) = (last.checkpoint.size(), head.frontier.size());
    // Both are checked: a new key must not hide an altered past.
    if found < signed {
        faults.push(Fault::Shrunk { signed, found });
    } else if !follows(conn, &last.checkpoint, head).await? {
        faults.push(Fault::OtherHistory(signed));
    }
    if key.is_renamed(&last.key) {
        faults.push(Fault::OtherOrigin { before: last.key.name().to_owned(), now: key.name().to_owned() });
    } else if last.key != *key {
        faults.push(Fault::OtherKey(last.key.to_string()));
    }
    Ok(faults)
}

/// Faults in one sentence.
#[must_use]
pub fn reason(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; and ")
}

/// Returns true if the tree begins with the one that was signed: proved from what is stored, and the proof verified.
async fn follows(conn: &mut Conn, signed: &Checkpoint, head: &Head) -> Result<bool, StoreError> {
    let (old, new) = (signed.size(), head.frontier.size());
    let proof = match Subtrees::default().consistency(conn, old, new).await {
        Ok(proof) => proof,
        // Missing hashes prove nothing.
        Err(StoreError::Inconsistent { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(verify_consistency(old, &signed.root(), new, &head.root, &proof).is_ok())
}

/// Signs the tree as it is; the caller has found no fault.
///
/// # Errors
/// If the state cannot be written.
pub fn sign(signing: &Signing, signer: &Signer, head: &Head) -> Result<Last, LedgerError> {
    let origin = signer.verifier_key().name();
    let unsignable = |problem: String| LedgerError::Unsignable(problem);
    let checkpoint =
        Checkpoint::new(origin, head.frontier.size(), head.root).map_err(|it| unsignable(it.to_string()))?;
    let note = signer.sign(&checkpoint.to_text()).map_err(|it| unsignable(it.to_string()))?;
    let last = Last { key: signer.verifier_key().clone(), checkpoint, note };
    signing.replace(&last)?;
    Ok(last)
}
