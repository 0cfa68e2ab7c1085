//! Why a question about coverage has no answer.

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::domain::clock::shown;
use crate::domain::kind::Kind;
use crate::domain::notice::State;
use crate::domain::page::CursorError;
use crate::domain::problem::LineError;
use crate::domain::right::Forbidden;
use crate::notices::NoticeError;
use crate::store::StoreError;

/// Why a question about coverage has no answer, or an attestation was not recorded.
#[derive(Debug, Error)]
pub enum CoverageError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The notice cannot be named.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// The notice has no audience yet.
    #[error("the notice is {}: {}", .0.describe(), nobody(*.0))]
    NotReleased(State),
    /// There is no such customer, and no delivery to one.
    #[error("there is no customer `{0}`")]
    UnknownCustomer(String),
    /// The customer was informed only in the future.
    #[error("the customer was informed at {}, which is in the future: it is {} now", shown(*.told_at), shown(*.now))]
    Future {
        /// When, as was said.
        told_at: Timestamp,
        /// The present time.
        now: Timestamp,
    },
    /// The customer was informed before there was anything to inform about.
    #[error("the customer was informed at {}, but {what} only at {}", shown(*.told_at), shown(*.earliest))]
    TooEarly {
        /// When, as was said.
        told_at: Timestamp,
        /// The first moment at which it is possible.
        earliest: Timestamp,
        /// What happened then.
        what: &'static str,
    },
    /// There is no such attestation for the notice and the customer.
    #[error("customer `{1}` has no attestation `{0}` for this notice")]
    NoAttestation(Uuid, String),
    /// The attestation is withdrawn already.
    #[error("the attestation `{0}` is withdrawn already")]
    Withdrawn(Uuid),
    /// The customer is not in the audience.
    #[error("customer `{0}` is not in the audience of this notice")]
    NotInAudience(String),
    /// The cursor is not one of the list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The period ends before it begins.
    #[error("`--until` is not after `--since`: no notice can be released in between")]
    Period,
    /// The operator's words cannot be recorded.
    #[error(transparent)]
    Words(#[from] LineError),
}

/// What a notice that is not released has done.
pub(super) const fn nobody(state: State) -> &'static str {
    match state {
        State::Cancelled | State::Declined => "it was never released and has addressed nobody",
        _ => "it has addressed nobody yet",
    }
}

impl CoverageError {
    /// What the error means to the caller.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Store(error) => error.kind(),
            Self::Notice(error) => error.kind(),
            Self::UnknownCustomer(_) | Self::NotInAudience(_) | Self::NoAttestation(..) => Kind::NotFound,
            Self::NotReleased(_) | Self::Withdrawn(_) => Kind::Conflict,
            Self::Words(_) | Self::Cursor(_) | Self::Period | Self::Future { .. } | Self::TooEarly { .. } => {
                Kind::Invalid
            }
        }
    }
}

impl From<sqlx::Error> for CoverageError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
