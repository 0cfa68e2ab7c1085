//! Why webhooks could not be shown, changed or tested.

use thiserror::Error;
use uuid::Uuid;

use crate::domain::kind::Kind;
use crate::domain::page::CursorError;
use crate::domain::right::Forbidden;
use crate::domain::webhook::TargetError;
use crate::store::StoreError;

/// Why webhooks could not be shown, changed or tested.
#[derive(Debug, Error)]
pub enum WebhookError {
    /// The database failed; nothing was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The cursor is not one of this list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// There is no such webhook.
    #[error("there is no webhook {0}")]
    Unknown(Uuid),
    /// The address is none that is called.
    #[error("the address {0}")]
    Target(#[from] TargetError),
    /// The name in the address leads to a place that is not called.
    #[error("the name in the address {0}")]
    Astray(String),
    /// It would be called for nothing.
    #[error("no event is named: a webhook is called for at least one")]
    NoEvent,
}

impl WebhookError {
    /// What the error means to a caller.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Unknown(_) => Kind::NotFound,
            Self::Cursor(_) | Self::Target(_) | Self::Astray(_) | Self::NoEvent => Kind::Invalid,
        }
    }
}
