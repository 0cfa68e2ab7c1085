//! Why something was not done with a delivery.

use thiserror::Error;
use uuid::Uuid;

use crate::domain::delivery::{Level, Outcome, State};
use crate::domain::kind::Kind;
use crate::domain::page::CursorError;
use crate::domain::problem::LineError;
use crate::domain::right::Forbidden;
use crate::domain::words::count;
use crate::ledger::LedgerError;
use crate::notices::NoticeError;
use crate::store::StoreError;

/// Why something was not done with a delivery; nothing was recorded then.
#[derive(Debug, Error)]
pub enum DeliveryError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The notice cannot be named.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// Sealing cannot be resumed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Optional mail waits that may have been sent already, and nobody has decided about it.
    #[error("{} of news and surveys may have been sent already, if this database is a restored copy", count(*.0, "delivery", "deliveries"))]
    Undecided(u64),
    /// Nothing is named whose deliveries are wanted.
    #[error("name a notice, a customer or an address, whose deliveries are wanted")]
    Whose,
    /// There is no such delivery.
    #[error("there is no delivery `{0}`")]
    Unknown(Uuid),
    /// A page starts nowhere in the list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The operator's words cannot be recorded.
    #[error(transparent)]
    Words(#[from] LineError),
    /// No message was sent.
    #[error("nothing was sent for the delivery `{0}`")]
    NothingSent(Uuid),
    /// The outcome cannot follow the delivery's state.
    #[error("the delivery is {state}: it cannot have been {outcome}")]
    Impossible {
        /// Its state.
        state: State,
        /// What was found.
        outcome: Outcome,
    },
    /// It is not uncertain.
    #[error("the delivery `{id}` is not uncertain: {}", .state.describe_at(*.level))]
    NotUncertain {
        /// The delivery.
        id: Uuid,
        /// Its state.
        state: State,
        /// How strong the evidence is.
        level: Option<Level>,
    },
    /// Its state is no finding that can be withdrawn.
    #[error("the delivery `{id}` has no finding to withdraw: {}", .state.describe_at(*.level))]
    NoFinding {
        /// The delivery.
        id: Uuid,
        /// Its state.
        state: State,
        /// How strong the evidence is.
        level: Option<Level>,
    },
    /// It neither failed nor is uncertain.
    #[error("the delivery `{id}` cannot be sent again: {}", .state.describe_at(*.level))]
    NotFailed {
        /// The delivery.
        id: Uuid,
        /// Its state.
        state: State,
        /// How strong the evidence is.
        level: Option<Level>,
    },
    /// It waits in the queue.
    #[error("the delivery `{0}` is sent again without an operator")]
    InQueue(Uuid),
    /// There is nobody left to send it to.
    #[error("the person of the delivery `{0}` was erased")]
    Erased(Uuid),
    /// Its contact was corrected or removed, and no other delivery can take its place.
    #[error("the contact of the delivery `{0}` was corrected or removed: nothing is sent to its address")]
    ContactGone(Uuid),
    /// It is of an optional notice, which is not sent again in its state or to this person.
    #[error("the delivery `{id}` is of an optional notice, and {why}")]
    Optional {
        /// The delivery.
        id: Uuid,
        /// Why it is not sent again.
        why: &'static str,
    },
    /// Its notice is not being sent.
    #[error("the notice of the delivery `{id}` is {state}")]
    NoticeState {
        /// The delivery.
        id: Uuid,
        /// The notice's state.
        state: &'static str,
    },
}

impl DeliveryError {
    /// What the error means to the caller.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Store(error) => error.kind(),
            Self::Notice(error) => error.kind(),
            Self::Ledger(error) => error.kind(),
            Self::Unknown(_) | Self::NothingSent(_) => Kind::NotFound,
            Self::Cursor(_) | Self::Words(_) | Self::Undecided(_) | Self::Whose => Kind::Invalid,
            Self::Impossible { .. }
            | Self::NotUncertain { .. }
            | Self::NotFailed { .. }
            | Self::NoFinding { .. }
            | Self::InQueue(_)
            | Self::NoticeState { .. } => Kind::Conflict,
            Self::Erased(_) | Self::ContactGone(_) | Self::Optional { .. } => Kind::Refused,
        }
    }
}

impl From<sqlx::Error> for DeliveryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
