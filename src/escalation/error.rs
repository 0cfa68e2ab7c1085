//! Why customers could not be escalated, or a task could not be shown or done.

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::coverage::CoverageError;
use crate::domain::clock::shown;
use crate::domain::kind::Kind;
use crate::domain::page::CursorError;
use crate::domain::problem::LineError;
use crate::domain::right::Forbidden;
use crate::notices::NoticeError;
use crate::store::StoreError;

/// Why customers could not be escalated.
#[derive(Debug, Error)]
pub enum EscalationError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The coverage of a notice could not be read.
    #[error(transparent)]
    Coverage(#[from] CoverageError),
}

impl EscalationError {
    /// The error of the database behind it, if there is one.
    const fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error)
            | Self::Coverage(CoverageError::Store(error) | CoverageError::Notice(NoticeError::Store(error))) => {
                Some(error)
            }
            Self::Coverage(_) => None,
        }
    }

    /// Returns true if it may pass without an operator.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.store().is_some_and(StoreError::may_pass)
    }

    /// The error without anything that may be personal data.
    #[must_use]
    pub fn for_logs(&self) -> String {
        self.store().map_or_else(|| "its coverage cannot be read".to_owned(), StoreError::for_logs)
    }

    /// The error as the database's, for whoever asks no more.
    #[must_use]
    pub fn into_store(self) -> Option<StoreError> {
        match self {
            Self::Store(error)
            | Self::Coverage(CoverageError::Store(error) | CoverageError::Notice(NoticeError::Store(error))) => {
                Some(error)
            }
            Self::Coverage(_) => None,
        }
    }
}

/// Why a task could not be shown or done.
#[derive(Debug, Error)]
pub enum TaskError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such task.
    #[error("there is no task `{0}`")]
    Unknown(Uuid),
    /// It is not open any more.
    #[error("the task `{id}` is done since {}, {}", shown(*.at), .by.as_ref().map_or_else(|| "by a fact".to_owned(), |by| format!("by {by}")))]
    Done {
        /// The task.
        id: Uuid,
        /// Since when.
        at: Timestamp,
        /// The person who closed it.
        by: Option<String>,
    },
    /// The note is not one line.
    #[error(transparent)]
    Words(#[from] LineError),
    /// The cursor is not one of this list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
}

impl TaskError {
    /// What the error means to the caller.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Store(error) => error.kind(),
            Self::Unknown(_) => Kind::NotFound,
            Self::Done { .. } => Kind::Conflict,
            Self::Words(_) | Self::Cursor(_) => Kind::Invalid,
        }
    }
}

impl From<sqlx::Error> for TaskError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
