//! Legal holds: what is under a hold is neither erased nor purged until somebody lifts the hold.

use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::actor::{Action, Actor};
use crate::domain::kind::Kind;
use crate::domain::notice::reference::{Meant, Purpose};
use crate::domain::page::{CursorError, Page, PageRequest};
use crate::domain::problem::is_line;
use crate::domain::right::{Forbidden, Right};
use crate::ledger::operated::{Operation, record};
use crate::people::mask::mask_words;
use crate::store::notices::references;
use crate::store::people::{customers, holds};
use crate::store::proof::tree;
use crate::store::{Conn, StoreError, notices};

pub use crate::store::people::holds::Hold;

/// The longest reason, in bytes.
const LONGEST_REASON: usize = 1000;

/// Why a hold could not be placed or lifted.
#[derive(Debug, Error)]
pub enum HoldError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The reason is not a usable text.
    #[error("the reason must be one line of at most {LONGEST_REASON} bytes")]
    Reason,
    /// There is no such notice.
    #[error("there is no notice `{0}`")]
    NoNotice(String),
    /// Several notices with the reference are meant equally.
    #[error("{} notices have the reference `{reference}`: {}", .ids.len(), .ids.iter().take(20).map(Uuid::to_string).collect::<Vec<_>>().join(", "))]
    Ambiguous {
        /// The reference.
        reference: String,
        /// The notices.
        ids: Vec<Uuid>,
    },
    /// There is no such customer.
    #[error("there is no customer `{0}`")]
    NoCustomer(String),
    /// There is no such hold.
    #[error("there is no hold `{0}`")]
    Unknown(Uuid),
    /// It was placed by an earlier try of the same request, and lifted since.
    #[error("hold {0} was placed by an earlier request, and lifted since")]
    Lifted(Uuid),
    /// The cursor is not one of this list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
}

impl HoldError {
    /// What the error means to the caller.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Store(error) => error.kind(),
            Self::Reason | Self::Ambiguous { .. } | Self::Cursor(_) => Kind::Invalid,
            Self::Lifted(_) => Kind::Conflict,
            Self::NoNotice(_) | Self::NoCustomer(_) | Self::Unknown(_) => Kind::NotFound,
        }
    }
}

/// What a hold is placed on.
#[derive(Clone, Copy, Debug)]
pub enum On<'a> {
    /// A notice, by id or reference.
    Notice(&'a str),
    /// A customer.
    Account(&'a str),
}

/// A hold that is in force.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = hold::Placed)]
pub struct Placed {
    /// The hold.
    #[serde(flatten)]
    pub hold: Hold,
    /// It was in force before, and no second one was placed.
    pub already: bool,
}

/// A hold that was lifted.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = hold::Removed)]
pub struct Removed {
    /// Its id.
    pub id: Uuid,
    /// Always true.
    pub removed: bool,
}

/// Legal holds: a cheap handle, cloned freely.
#[derive(Clone)]
pub struct Holds {
    context: Context,
}

impl Holds {
    /// The service over a database.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Places a hold, unless one on the same for the same reason is in force already. A customer may be a former one, of which only the
    /// record in notices is stored.
    ///
    /// # Errors
    /// If there is no such notice or customer, or the reason is unusable.
    pub async fn add(&self, actor: &Actor, on: On<'_>, reason: &str) -> Result<Placed, HoldError> {
        actor.may_at_all(Right::Holds)?;
        if !is_line(reason) || reason.len() > LONGEST_REASON {
            return Err(HoldError::Reason);
        }
        let since = self.context.clock.now();
        let mut tx = self.context.store.write().await?;
        // A purge and an erasure hold the head while they look for holds and delete: this hold comes before or after them.
        tree::lock_head(&mut tx).await?;
        let (notice_id, account_id) = match on {
            On::Notice(name) => (Some(notice(&mut tx, actor, name).await?), None),
            On::Account(account) => (None, Some(customer(&mut tx, account).await?)),
        };
        let (accounts, notices) = (account_id.clone().into_iter().collect::<Vec<_>>(), notice_id.as_slice());
        let standing = holds::on(&mut tx, &accounts, notices).await?.into_iter().find(|it| it.reason == reason);
        if let Some(hold) = standing {
            return Ok(Placed { hold, already: true });
        }
        let (id, reason) = (self.context.random.id(since), reason.to_owned());
        let hold = Hold { id, notice_id, account_id, reason, operator: actor.name().to_owned(), since };
        holds::insert(&mut tx, &hold).await?;
        self.record(&mut tx, actor, Action::Hold, &hold, &hold.reason).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Placed { hold, already: false })
    }

    /// The hold that an earlier try of a request placed.
    ///
    /// # Errors
    /// If it was lifted since: it is not placed once more.
    pub async fn placed(&self, actor: &Actor, on: On<'_>, id: Uuid) -> Result<Hold, HoldError> {
        actor.may_at_all(Right::Holds)?;
        let mut conn = self.context.store.read().await?;
        let (notice_id, account_id) = match on {
            On::Notice(name) => (Some(notice(&mut conn, actor, name).await?), None),
            On::Account(account) => (None, Some(account.to_owned())),
        };
        let (accounts, notices) = (account_id.into_iter().collect::<Vec<_>>(), notice_id.as_slice());
        let standing = holds::on(&mut conn, &accounts, notices).await?.into_iter().find(|hold| hold.id == id);
        standing.ok_or(HoldError::Lifted(id))
    }

    /// A page of holds, oldest first. Restricted addresses in their reasons are masked.
    ///
    /// # Errors
    /// If the cursor is not one of this list, or the database fails.
    pub async fn list(&self, actor: &Actor, request: &PageRequest) -> Result<Page<Hold>, HoldError> {
        actor.may_at_all(Right::Holds)?;
        let after = request.key::<Uuid>()?;
        let mut conn = self.context.store.read().await?;
        let mut rows = holds::list(&mut conn, after, request.to_read()).await?;
        mask_words(&mut conn, true, rows.iter_mut().map(|hold| &mut hold.reason)).await?;
        Ok(Page::of(rows, request, |hold| hold.id.to_string()))
    }

    /// Lifts a hold. The ledger keeps that it existed, who lifted it, and the reason if there is one.
    ///
    /// # Errors
    /// If there is no such hold, or the reason is unusable.
    pub async fn remove(&self, actor: &Actor, id: Uuid, reason: Option<&str>) -> Result<Hold, HoldError> {
        actor.may_at_all(Right::Holds)?;
        if reason.is_some_and(|reason| !is_line(reason) || reason.len() > LONGEST_REASON) {
            return Err(HoldError::Reason);
        }
        let mut tx = self.context.store.write().await?;
        let hold = holds::remove(&mut tx, id).await?.ok_or(HoldError::Unknown(id))?;
        self.record(&mut tx, actor, Action::LiftHold, &hold, reason.unwrap_or_default()).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(hold)
    }

    async fn record(
        &self,
        conn: &mut Conn,
        actor: &Actor,
        action: Action,
        hold: &Hold,
        reason: &str,
    ) -> Result<(), StoreError> {
        let kept = match hold.notice_id {
            Some(id) => notices::find(conn, id).await?,
            None => None,
        };
        let operation = kept.as_ref().map_or(Operation::new(action), |kept| Operation::on_notice(action, kept));
        let account = hold.account_id.as_deref().unwrap_or_default();
        let operation = operation.object(hold.id).account(account).reason(reason);
        record(conn, actor, &operation, self.context.clock.now(), &self.context.random).await
    }
}

async fn notice(conn: &mut Conn, actor: &Actor, name: &str) -> Result<Uuid, HoldError> {
    match references::named(conn, actor, name, Purpose::Read, None).await? {
        Meant::None => Err(HoldError::NoNotice(name.to_owned())),
        Meant::One { id, .. } => Ok(id),
        Meant::Several(ids) => Err(HoldError::Ambiguous { reference: name.to_owned(), ids }),
    }
}

async fn customer(conn: &mut Conn, account: &str) -> Result<String, HoldError> {
    let is_known = customers::find(conn, account).await?.is_some() || holds::is_recorded(conn, account).await?;
    if is_known { Ok(account.to_owned()) } else { Err(HoldError::NoCustomer(account.to_owned())) }
}
