//! Why a question about coverage has no answer.

use thiserror::Error;

use crate::domain::kind::Kind;
use crate::domain::notice::State;
use crate::domain::problem::LineError;
use crate::notices::NoticeError;
use crate::store::StoreError;

/// Why a question about coverage has no answer, or an attestation was not recorded.
#[derive(Debug, Error)]
pub enum CoverageError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The notice cannot be named.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// The notice has no audience yet.
    #[error("the notice is {}: it has addressed nobody yet", .0.describe())]
    NotReleased(State),
    /// There is no such customer, and no delivery to one.
    #[error("there is no customer `{0}`")]
    UnknownCustomer(String),
    /// The customer is not in the audience.
    #[error("customer `{0}` is not in the audience of this notice")]
    NotInAudience(String),
    /// The period ends before it begins.
    #[error("`--until` is not after `--since`: no notice can be released in between")]
    Period,
    /// The operator's words cannot be recorded.
    #[error(transparent)]
    Words(#[from] LineError),
}

impl CoverageError {
    /// What the error means to the caller.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Notice(error) => error.kind(),
            Self::UnknownCustomer(_) | Self::NotInAudience(_) => Kind::NotFound,
            Self::NotReleased(_) => Kind::Conflict,
            Self::Words(_) | Self::Period => Kind::Invalid,
        }
    }
}

impl From<sqlx::Error> for CoverageError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
