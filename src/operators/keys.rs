//! Keys of programs: made for some of their operator's roles, shown once, looked up at each use.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;

use super::{OperatorError, find};
use crate::context::Context;
use crate::domain::actor::{Action, Actor, Via};
use crate::domain::key::{Key, NotAKey, described};
use crate::domain::kind::Kind;
use crate::domain::operator::{OperatorName, Roles};
use crate::domain::page::{Page, PageRequest};
use crate::domain::right::Right;
use crate::ledger::operated::{Operation, record};
use crate::store::operators::keys::{self, Kept, New};
use crate::store::operators::{self, Operator};
use crate::store::{Conn, StoreError};

/// How often the use of a key is noted.
const TOUCH: SignedDuration = SignedDuration::from_mins(1);

/// Why a bearer is nobody.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The text is no key.
    #[error(transparent)]
    Malformed(#[from] NotAKey),
    /// There is no such key.
    #[error("this key is not known")]
    Unknown,
    /// Its time is over.
    #[error("this key ended at {0}")]
    Expired(Timestamp),
    /// It was revoked.
    #[error("this key was revoked at {0}")]
    Revoked(Timestamp),
    /// Its operator may not act any more.
    #[error("the operator of this key is disabled")]
    Disabled,
}

impl KeyError {
    /// What the error means to a caller.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            _ => Kind::Unauthenticated,
        }
    }
}

/// A key as it is shown: never the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = key::Key)]
pub struct Shown {
    /// Id.
    pub id: Uuid,
    /// Whose it is.
    #[schema(value_type = String)]
    pub operator: OperatorName,
    /// The roles that it has: those for which it was made and that its operator has now.
    #[schema(value_type = Vec<crate::domain::operator::Role>)]
    pub roles: Roles,
    /// `active`, `expired`, `revoked` or `disabled`.
    pub state: &'static str,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was used last, within a minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
}

/// A key that was just made.
#[derive(Clone, Debug)]
pub struct Made {
    /// How it is shown from now on.
    pub shown: Shown,
    /// The key itself, for the only time.
    pub key: Key,
}

/// A key after its revocation.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = key::Revoked)]
pub struct Revoked {
    /// Id.
    pub id: Uuid,
    /// False if it was revoked before.
    pub revoked: bool,
}

/// A key to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewKey<'a> {
    /// Whose it is.
    pub operator: &'a str,
    /// Some of their roles; all of them, if `None`.
    pub roles: Option<Roles>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// The service for keys. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Keys {
    context: Context,
    /// Keys whose use is being noted.
    noting: Arc<Mutex<BTreeSet<Uuid>>>,
}

impl Keys {
    /// The service over a database.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context, noting: Arc::default() }
    }

    /// Makes a key. What it returns is the only copy.
    ///
    /// # Errors
    /// If the actor may not, there is no such operator, they lack a role, or the actor's own key does.
    pub async fn add(&self, actor: &Actor, new: &NewKey<'_>) -> Result<Made, OperatorError> {
        actor.may_at_all(Right::Keys)?;
        let created_at = self.context.clock.now();
        if let Some(end) = new.expires_at.filter(|end| *end <= created_at) {
            return Err(OperatorError::Ended(end));
        }
        let mut tx = self.context.store.write().await?;
        // The operator may neither be disabled nor lose a role before this key can be found with theirs.
        operators::lock(&mut tx).await?;
        let operator = find(&mut tx, new.operator).await?;
        let roles = granted(actor, &operator, new.roles)?;
        let (id, key) = (self.context.random.id(created_at), Key::new(&self.context.random));
        let hash = key.hash();
        let row = New { id, operator_id: operator.id, hash: &hash, roles, created_at, expires_at: new.expires_at };
        keys::insert(&mut tx, &row).await?;
        let what = described(&operator.name, roles, new.expires_at, &hash);
        self.record(&mut tx, actor, (Action::AddKey, created_at), id, &what).await?;
        let kept = keys::find(&mut tx, id).await?.ok_or(OperatorError::UnknownKey(id))?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Made { shown: shown(kept, created_at), key })
    }

    /// A page of keys, in the order in which they were made; those of one operator, if one is named.
    ///
    /// # Errors
    /// If the actor may not, there is no such operator, or the cursor is not one of this list.
    pub async fn list(
        &self,
        actor: &Actor,
        operator: Option<&str>,
        request: &PageRequest,
    ) -> Result<Page<Shown>, OperatorError> {
        actor.may_at_all(Right::ReadOperators)?;
        let after = request.key::<Uuid>()?;
        let mut conn = self.context.store.read().await?;
        let operator = match operator {
            Some(name) => Some(find(&mut conn, name).await?.id),
            None => None,
        };
        let rows = keys::list(&mut conn, operator, after, request.to_read()).await?;
        let now = self.context.clock.now();
        Ok(Page::of(rows, request, |key| key.id.to_string()).map(|key| shown(key, now)))
    }

    /// Revokes a key, on all nodes at once.
    ///
    /// # Errors
    /// If the actor may not, or there is no such key.
    pub async fn revoke(&self, actor: &Actor, id: Uuid) -> Result<Revoked, OperatorError> {
        actor.may_at_all(Right::Keys)?;
        let mut tx = self.context.store.write().await?;
        let key = keys::find(&mut tx, id).await?.ok_or(OperatorError::UnknownKey(id))?;
        let now = self.context.clock.now();
        let revoked = keys::revoke(&mut tx, id, now).await?;
        if revoked {
            let what = format!("{}: {}", key.operator, key.roles);
            self.record(&mut tx, actor, (Action::RevokeKey, now), id, &what).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
        Ok(Revoked { id, revoked })
    }

    /// Who presents this text as a key. It is looked up at each use, so that a revocation counts at once on all nodes.
    ///
    /// # Errors
    /// If it is no key, or one that does not count any more, or the database fails.
    pub async fn authenticate(&self, bearer: &str) -> Result<Actor, KeyError> {
        let (actor, key) = self.present(bearer).await?;
        self.note_use(&key).await;
        Ok(actor)
    }

    /// The same for a caller who does not wait until the use of the key is noted: whoever only reads is answered also while another
    /// process writes.
    ///
    /// # Errors
    /// See [`Keys::authenticate`].
    pub async fn authenticate_now(&self, bearer: &str) -> Result<Actor, KeyError> {
        let (actor, key) = self.present(bearer).await?;
        if self.is_due(&key) && lock(&self.noting).insert(key.id) {
            let this = self.clone();
            tokio::spawn(async move {
                this.note_use(&key).await;
                lock(&this.noting).remove(&key.id);
            });
        }
        Ok(actor)
    }

    async fn present(&self, bearer: &str) -> Result<(Actor, Kept), KeyError> {
        let hash = Key::parse(bearer)?.hash();
        let found = keys::with_hash(&mut *self.context.store.read().await?, &hash).await?;
        let (key, now) = (found.ok_or(KeyError::Unknown)?, self.context.clock.now());
        match (key.revoked_at, key.expires_at) {
            (Some(at), _) => return Err(KeyError::Revoked(at)),
            (None, Some(end)) if end <= now => return Err(KeyError::Expired(end)),
            _ if key.disabled_at.is_some() => return Err(KeyError::Disabled),
            _ => {}
        }
        let via = Via::Key { id: key.id };
        Ok((Actor::operator(&key.operator, key.kind, key.roles.and(key.held), via), key))
    }

    /// Whose a key is that does not count any more, with its id: for the record of who presented it.
    pub async fn whose(&self, bearer: &str) -> Option<(OperatorName, Uuid)> {
        let hash = Key::parse(bearer).ok()?.hash();
        let found = keys::with_hash(&mut *self.context.store.read().await.ok()?, &hash).await.ok()??;
        Some((found.operator, found.id))
    }

    /// True if the use of a key is to be noted again.
    fn is_due(&self, key: &Kept) -> bool {
        let before = self.context.clock.now().saturating_sub(TOUCH).unwrap_or(Timestamp::MIN);
        key.last_used_at.is_none_or(|at| at <= before)
    }

    /// Notes the use of a key. A database that cannot be written now refuses nobody who only reads.
    async fn note_use(&self, key: &Kept) {
        if !self.is_due(key) {
            return;
        }
        let now = self.context.clock.now();
        let before = now.saturating_sub(TOUCH).unwrap_or(Timestamp::MIN);
        let noted = async {
            let mut tx = self.context.store.write().await?;
            keys::touch(&mut tx, key.id, before, now).await?;
            tx.commit().await.map_err(StoreError::from)
        };
        if let Err(error) = noted.await {
            tracing::warn!(key = %key.id, error = error.for_logs(), "the use of a key could not be noted");
        }
    }

    async fn record(
        &self,
        conn: &mut Conn,
        actor: &Actor,
        (action, at): (Action, Timestamp),
        id: Uuid,
        what: &str,
    ) -> Result<(), StoreError> {
        let operation = Operation::new(action).object(id).reason(what);
        record(conn, actor, &operation, at, &self.context.random).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one call.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The roles of a key to be made, if its operator and the one who asks may have it.
fn granted(actor: &Actor, operator: &Operator, wanted: Option<Roles>) -> Result<Roles, OperatorError> {
    if operator.disabled_at.is_some() {
        return Err(OperatorError::Disabled(operator.name.clone()));
    }
    let roles = wanted.unwrap_or(operator.roles);
    let lacking = roles.without(operator.roles);
    if roles.is_empty() {
        return Err(OperatorError::NoRole);
    }
    if !lacking.is_empty() {
        return Err(OperatorError::NotHeld { operator: operator.name.clone(), roles: lacking });
    }
    let own = match actor.via() {
        Via::Key { .. } => actor.roles().unwrap_or(Roles::NONE),
        _ => Roles::ALL,
    };
    let beyond = roles.without(own);
    if beyond.is_empty() { Ok(roles) } else { Err(OperatorError::MoreThanOwn(beyond)) }
}

fn shown(key: Kept, now: Timestamp) -> Shown {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(end)) if end <= now => "expired",
        _ if key.disabled_at.is_some() => "disabled",
        _ => "active",
    };
    Shown {
        id: key.id,
        operator: key.operator,
        roles: key.roles.and(key.held),
        state,
        created_at: key.created_at,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
        revoked_at: key.revoked_at,
    }
}
