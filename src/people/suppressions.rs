//! Suppressions: addresses with a reason against mailing them. Operators list, add and remove them here; a server's answer and a
//! person's restriction add them elsewhere.

use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;

use crate::context::Context;
use crate::domain::actor::{Action, Actor};
use crate::domain::address::{Address, AddressKey};
use crate::domain::kind::Kind;
use crate::domain::page::{CursorError, Page, PageRequest};
use crate::domain::preference::Reason;
use crate::domain::right::{Forbidden, Right};
use crate::ledger::operated::{Operation, record};
use crate::mail::token::TokenKey;
use crate::people::mask::Mask;
use crate::store::StoreError;
use crate::store::people::suppressions;

/// Why suppressions could not be shown or changed.
#[derive(Debug, Error)]
pub enum SuppressionError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The reason is not an operator's to add.
    #[error("`{0}` is not a reason that can be added")]
    Reason(Reason),
    /// The address has no suppression that can be removed.
    #[error("{0} is not suppressed")]
    NotSuppressed(Address),
    /// The address is restricted, which only `unrestrict` lifts.
    #[error("the data of {0} is restricted (GDPR Art. 18)")]
    Restricted(Address),
    /// The cursor is not one of this list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The database failed; nothing was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SuppressionError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Reason(_) | Self::Cursor(_) => Kind::Invalid,
            Self::NotSuppressed(_) => Kind::NotFound,
            Self::Restricted(_) => Kind::Refused,
            Self::Store(error) => error.kind(),
        }
    }
}

/// A suppression in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = suppression::Listed)]
pub struct Listed {
    /// The address; masked if its data is restricted.
    pub email: String,
    /// The reason.
    pub reason: Reason,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// An address that was suppressed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = suppression::Suppressed)]
pub struct Suppressed {
    /// The address.
    pub email: String,
    /// The reason.
    pub reason: Reason,
    /// False if it was suppressed for this reason already.
    pub added: bool,
}

/// An address whose suppression was lifted.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = suppression::Unsuppressed)]
pub struct Unsuppressed {
    /// The address.
    pub email: String,
    /// How many reasons there were.
    pub removed: usize,
    /// The reasons.
    pub reasons: Vec<Reason>,
}

/// The service for suppressions. Cheap to clone.
#[derive(Clone)]
pub struct Suppressions {
    context: Context,
    key: TokenKey,
}

impl Suppressions {
    /// The service over a database, with the key that hides addresses in cursors.
    #[must_use]
    pub const fn new(context: Context, key: TokenKey) -> Self {
        Self { context, key }
    }

    /// A page of suppressions in the order of their addresses, which are masked for who sees none. Cursors name no address.
    ///
    /// # Errors
    /// If the cursor is not one of this list, or the database fails.
    pub async fn list(&self, actor: &Actor, request: &PageRequest) -> Result<Page<Listed>, SuppressionError> {
        actor.may_at_all(Right::ReadSuppressions)?;
        let after = match &request.after {
            Some(cursor) => Some(self.read_cursor(cursor).ok_or_else(|| CursorError(cursor.clone()))?),
            None => None,
        };
        let mut conn = self.context.store.read().await?;
        let found = suppressions::list(&mut conn, after.as_ref(), request.to_read()).await?;
        let mask =
            Mask::of(&mut conn, actor.has(Right::SeeOneCustomer), found.iter().map(|it| it.email.as_str())).await?;
        Ok(Page::of(found, request, |last| self.cursor(last)).map(|it| Listed {
            email: mask.address(&it.email),
            reason: it.reason,
            since: it.since,
        }))
    }

    /// Suppresses an address. Returns false if it was suppressed for this reason already.
    ///
    /// # Errors
    /// If the reason is not an operator's to add, or the database fails.
    pub async fn add(&self, actor: &Actor, address: &Address, reason: Reason) -> Result<bool, SuppressionError> {
        actor.may_at_all(Right::Suppressions)?;
        if !Reason::ADDABLE.contains(&reason) {
            return Err(SuppressionError::Reason(reason));
        }
        let Context { store, clock, random, .. } = &self.context;
        let at = clock.now();
        let mut tx = store.write().await?;
        let added = suppressions::add(&mut tx, address, reason, at).await?;
        if added {
            let operation = Operation::on_address(Action::Suppress, address).reason(reason.as_str());
            record(&mut tx, actor, &operation, at, random).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
        Ok(added)
    }

    /// Removes all reasons against an address except a restriction. Returns them.
    ///
    /// # Errors
    /// If there is none, or the database fails.
    pub async fn remove(&self, actor: &Actor, address: &Address) -> Result<Vec<Reason>, SuppressionError> {
        actor.may_at_all(Right::Suppressions)?;
        let Context { store, clock, random, .. } = &self.context;
        let mut tx = store.write().await?;
        let found = suppressions::reasons(&mut tx, &address.key()).await?;
        let (restricted, removed): (Vec<_>, Vec<_>) =
            found.into_iter().map(|it| it.reason).partition(|reason| *reason == Reason::Restricted);
        if removed.is_empty() {
            return Err(if restricted.is_empty() {
                SuppressionError::NotSuppressed(address.clone())
            } else {
                SuppressionError::Restricted(address.clone())
            });
        }
        suppressions::remove(&mut tx, &address.key()).await?;
        let reasons = removed.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ");
        let operation = Operation::on_address(Action::Unsuppress, address).reason(&reasons);
        record(&mut tx, actor, &operation, clock.now(), random).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(removed)
    }

    fn cursor(&self, last: &suppressions::Suppression) -> String {
        self.key.cursor(&format!("{} {}", last.key.as_str(), last.reason))
    }

    fn read_cursor(&self, cursor: &str) -> Option<(AddressKey, Reason)> {
        let text = self.key.read_cursor(cursor)?;
        let (key, reason) = text.rsplit_once(' ')?;
        Some((AddressKey::stored(key.to_owned()), reason.parse().ok()?))
    }
}
