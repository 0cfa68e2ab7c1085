//! The signer: whether the ledger may be signed, and the signing.
//!
//! Only a committed root is signed, and only if the tree begins with the one that was signed last; what is signed is on disk
//! before anybody is told. What speaks against it is a [`Fault`]: sealing stops then until a person lets it go on.

use std::fs;
use std::path::Path;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use thiserror::Error;

use super::LedgerError;
use super::state::{self, Last, Signing};
use super::subtrees::Subtrees;
use crate::config;
use crate::domain::checkpoint::Checkpoint;
use crate::domain::merkle::verify_consistency;
use crate::domain::note::{Signer, VerifierKey};
use crate::store::tree::{self, Head};
use crate::store::{Conn, StoreError};

/// What speaks against signing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The tree is smaller than what was signed.
    #[error(
        "the database has {found} entries, but {signed} were signed: it was restored from an older copy, or it is another database"
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
    /// The state is gone.
    #[error("the ledger was signed before, but the state file is missing")]
    NoState,
    /// The key is another.
    #[error("the key is not the one that signed last, which was {0}")]
    OtherKey(String),
}

/// The ledger's key; `None` where this machine has none, and thus does not sign.
///
/// # Errors
/// Where there is a key file, but no key in it.
pub fn load_key(config: &config::Ledger) -> Result<Option<Signer>, LedgerError> {
    let path: &Path = &config.key_file;
    let failed = |problem: String| LedgerError::Key { path: path.to_owned(), problem };
    let pem = match fs::read_to_string(path) {
        Ok(pem) => pem,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
    };
    let key = SigningKey::from_pkcs8_pem(&pem)
        .map_err(|_| failed("it does not hold an Ed25519 private key as PKCS#8 PEM".to_owned()))?;
    let signer = Signer::new(&config.origin, key).map_err(|error| failed(error.to_string()))?;
    Ok(Some(signer))
}

/// What speaks against signing the tree as it stands.
///
/// # Errors
/// Where the database fails.
pub async fn fault(
    conn: &mut Conn,
    key: &VerifierKey,
    last: Option<&Last>,
    head: &Head,
) -> Result<Option<Fault>, StoreError> {
    let Some(last) = last else {
        let signed_before = tree::last_checkpoint(conn).await?.is_some();
        return Ok(signed_before.then_some(Fault::NoState));
    };
    let (signed, found) = (last.checkpoint.size(), head.frontier.size());
    if last.key != *key {
        return Ok(Some(Fault::OtherKey(last.key.to_string())));
    }
    if found < signed {
        return Ok(Some(Fault::Shrunk { signed, found }));
    }
    let consistent = follows(conn, &last.checkpoint, head).await?;
    Ok((!consistent).then_some(Fault::OtherHistory(signed)))
}

/// Whether the tree begins with the one that was signed: proved from what is stored, and the proof verified.
async fn follows(conn: &mut Conn, signed: &Checkpoint, head: &Head) -> Result<bool, StoreError> {
    let (old, new) = (signed.size(), head.frontier.size());
    let proof = match Subtrees::default().consistency(conn, old, new).await {
        Ok(proof) => proof,
        // Hashes that are gone prove nothing.
        Err(StoreError::Inconsistent { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(verify_consistency(old, &signed.root(), new, &head.root, &proof).is_ok())
}

/// Signs the tree as it stands, which nothing may speak against.
///
/// # Errors
/// Where the state cannot be written.
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

/// The last checkpoint that was signed, as this machine's state file has it.
///
/// # Errors
/// Where there is a state file, but not to be read.
pub fn last_signed(config: &config::Ledger) -> Result<Option<Last>, LedgerError> {
    Ok(state::read(&config.state_file)?)
}
