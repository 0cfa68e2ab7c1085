//! Why a call of the ledger failed.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::state::StateError;
use crate::domain::kind::Kind;
use crate::domain::right::Forbidden;
use crate::domain::words::cause;
use crate::store::StoreError;

/// Why a call of the ledger failed.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The key file cannot be used.
    #[error("cannot use the ledger's key file `{path}`: {problem}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A checkpoint that cannot be signed.
    #[error("the checkpoint cannot be signed: {0}")]
    Unsignable(String),
    /// Sealing has stopped.
    #[error("sealing has stopped: {0}")]
    Stopped(String),
    /// Sealing has not stopped.
    #[error("sealing has not stopped: there is nothing to continue")]
    NotStopped,
    /// This machine does not have the key.
    #[error("there is no key at `{0}`, and no checkpoint was signed yet")]
    NoKey(PathBuf),
    /// The checkpoint could not be sent to anybody.
    #[error("the checkpoint could not be mailed: {troubles}")]
    NotMailed {
        /// Why not, relay by relay.
        troubles: String,
        /// What an operator can do about it.
        advice: String,
    },
    /// A file without a checkpoint of this ledger.
    #[error("it has no checkpoint of the ledger {origin} that one of its keys signed{}", .problem.as_ref().map(|it| format!(": {it}")).unwrap_or_default())]
    NoCheckpoint {
        /// The ledger.
        origin: String,
        /// What is wrong with the one that is there.
        problem: Option<String>,
    },
    /// A temporary file cannot be used.
    #[error("cannot use a temporary file: {}", cause(.0))]
    Spool(io::Error),
    /// A reason that is not one line of text.
    #[error("a reason must be one line of text")]
    Reason,
}

impl LedgerError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Store(error) => error.kind(),
            Self::Reason | Self::NoCheckpoint { .. } => Kind::Invalid,
            Self::NotStopped => Kind::Conflict,
            Self::State(_)
            | Self::Spool(_)
            | Self::Key { .. }
            | Self::Unsignable(_)
            | Self::Stopped(_)
            | Self::NoKey(_)
            | Self::NotMailed { .. } => Kind::Failed,
        }
    }
}
