//! Operators: who they are, with which roles and keys. While there is none, every name at the command line may do everything; from
//! the first one on, only an active operator acts, in the roles that they have.

mod attempts;
pub mod audit;
pub mod forms;
pub mod keys;
pub mod provider;
pub mod requests;
pub mod sign_ins;
pub mod uploads;

use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::actor::{Action, Actor, Via};
use crate::domain::address::Address;
use crate::domain::kind::Kind;
use crate::domain::operator::{NameError, OperatorKind, OperatorName, Role, Roles, described};
use crate::domain::page::{CursorError, Page, PageRequest};
use crate::domain::right::{Forbidden, Right};
use crate::ledger::operated::{Operation, record};
use crate::store::operators::{self, forms as begun_forms, invitations, keys as stored_keys, sessions};
use crate::store::proof::tree;
use crate::store::{Conn, StoreError};

pub use crate::store::operators::Operator;

/// Why operators or keys could not be shown or changed.
#[derive(Debug, Error)]
pub enum OperatorError {
    /// The database failed; nothing was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The cursor is not one of this list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The name is not one.
    #[error("the name of an operator {0}")]
    Name(#[from] NameError),
    /// Who acts is no operator.
    #[error("`{}` is not an operator", .0.escape_debug())]
    NobodyKnown(String),
    /// Who acts was disabled.
    #[error("the operator `{0}` is disabled and may not act")]
    Disabled(OperatorName),
    /// There is no such operator.
    #[error("there is no operator `{}`", .0.escape_debug())]
    Unknown(String),
    /// There is an operator with this name, or one that can be taken for it.
    #[error("the name `{name}` {}", if name == other { "is taken".to_owned() } else { format!("looks like that of the operator `{other}`") })]
    Taken {
        /// The name.
        name: OperatorName,
        /// The operator's.
        other: OperatorName,
    },
    /// Nobody could add a second operator.
    #[error(
        "the first operator must be a person with the role `admin`: without one, nobody could add or change operators"
    )]
    FirstAdmin,
    /// Nobody could change operators any more.
    #[error("`{0}` is the last person with the role `admin`: without one, nobody could add or change operators")]
    LastAdmin(OperatorName),
    /// An operator needs a role.
    #[error("no role is named: without a role, an operator may do nothing")]
    NoRole,
    /// Somebody else changed the operator since it was read.
    #[error("`{0}` was changed meanwhile: look at it as it is now, and change it then")]
    Altered(OperatorName),
    /// A key is for some of its operator's roles.
    #[error("`{operator}` does not have these roles: {roles}")]
    NotHeld {
        /// The operator.
        operator: OperatorName,
        /// The roles that they lack.
        roles: Roles,
    },
    /// A key may not make one that may do more.
    #[error("the key that asks does not have these roles: {0}")]
    MoreThanOwn(Roles),
    /// A machine does not sign in.
    #[error("`{0}` is a machine, and only a person signs in: programs have keys")]
    NoSignIn(OperatorName),
    /// The operator was disabled.
    #[error("the operator `{0}` is disabled")]
    NotActive(OperatorName),
    /// The end of a key lies in the past.
    #[error("a key that ends at {0} would have ended before it is made")]
    Ended(Timestamp),
    /// There is no such key.
    #[error("there is no key `{0}`")]
    UnknownKey(Uuid),
}

impl OperatorError {
    /// What the error means to a caller.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Forbidden(_) | Self::MoreThanOwn(_) => Kind::Forbidden,
            Self::NobodyKnown(_) | Self::Disabled(_) => Kind::Unauthenticated,
            Self::Cursor(_) | Self::Name(_) | Self::NoRole | Self::NotHeld { .. } | Self::Ended(_) => Kind::Invalid,
            Self::Unknown(_) | Self::UnknownKey(_) => Kind::NotFound,
            Self::Taken { .. } | Self::Altered(_) => Kind::Conflict,
            Self::NoSignIn(_) | Self::NotActive(_) | Self::FirstAdmin | Self::LastAdmin(_) => Kind::Refused,
        }
    }
}

/// An operator as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = operator::Operator)]
pub struct Shown {
    /// Name.
    #[schema(value_type = String)]
    pub name: OperatorName,
    /// Person or machine.
    pub kind: OperatorKind,
    /// Roles.
    #[schema(value_type = Vec<crate::domain::operator::Role>)]
    pub roles: Roles,
    /// `active` or `disabled`.
    pub state: &'static str,
    /// Address, if there is one.
    pub email: Option<String>,
    /// When the operator was added.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Since when the operator may not act any more.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub disabled_at: Option<Timestamp>,
}

impl From<Operator> for Shown {
    fn from(it: Operator) -> Self {
        let state = if it.disabled_at.is_none() { "active" } else { "disabled" };
        let Operator { name, kind, roles, email, created_at, disabled_at, .. } = it;
        Self { name, kind, roles, state, email, created_at, disabled_at }
    }
}

/// An operator to be added.
#[derive(Clone, Debug)]
pub struct NewOperator<'a> {
    /// Name.
    pub name: &'a str,
    /// Person or machine.
    pub kind: OperatorKind,
    /// Roles.
    pub roles: Roles,
    /// Address, if there is one.
    pub email: Option<&'a Address>,
}

/// What an operator is to be.
#[derive(Clone, Copy, Debug)]
pub struct SetOperator<'a> {
    /// Roles.
    pub roles: Roles,
    /// Address; without one, the operator has none.
    pub email: Option<&'a Address>,
    /// The roles that the operator had when they were read.
    pub read_roles: Roles,
    /// The address that the operator had then.
    pub read_email: Option<&'a str>,
}

/// The service for operators. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Operators {
    context: Context,
}

impl Operators {
    /// The service over a database.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Who acts at the command line: the operator `named` there, else the one with the name of the user of the operating system. While
    /// there is no operator, any name.
    ///
    /// # Errors
    /// If there are operators and this is none of those who may act, or the database fails.
    pub async fn at_command_line(&self, named: Option<&str>, os_user: &str) -> Result<Actor, OperatorError> {
        let mut conn = self.context.store.read().await?;
        let name = named.unwrap_or(os_user);
        if !operators::any(&mut conn).await? {
            return Ok(Actor::cli(name, os_user)?);
        }
        let unknown = || OperatorError::NobodyKnown(name.to_owned());
        let likeness = OperatorName::parse(name).map_err(|_| unknown())?.likeness();
        let operator = operators::named(&mut conn, &likeness).await?.ok_or_else(unknown)?;
        if operator.disabled_at.is_some() {
            return Err(OperatorError::Disabled(operator.name));
        }
        let via = Via::Cli { os_user: os_user.to_owned() };
        Ok(Actor::operator(&operator.name, operator.kind, operator.roles, via))
    }

    /// Adds an operator. The first one is a person with the role `admin`.
    ///
    /// # Errors
    /// If the actor may not, the name is taken or looks like another, or the database fails.
    pub async fn add(&self, actor: &Actor, new: &NewOperator<'_>) -> Result<Shown, OperatorError> {
        actor.may_at_all(Right::Operators)?;
        let mut tx = self.context.store.write().await?;
        operators::lock(&mut tx).await?;
        let added = self.add_in(&mut tx, actor, new).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(added.into())
    }

    /// The same in a transaction that has the lock of operators.
    async fn add_in(&self, tx: &mut Conn, actor: &Actor, new: &NewOperator<'_>) -> Result<Operator, OperatorError> {
        actor.may_at_all(Right::Operators)?;
        let name = OperatorName::parse(new.name)?;
        if new.roles.is_empty() {
            return Err(OperatorError::NoRole);
        }
        if !operators::any(tx).await? {
            if new.kind == OperatorKind::Machine || !new.roles.contains(Role::Admin) {
                return Err(OperatorError::FirstAdmin);
            }
        } else if actor.roles().is_none() && matches!(actor.via(), Via::Cli { .. }) {
            // Somebody added the first one meanwhile.
            return Err(OperatorError::NobodyKnown(actor.name().to_owned()));
        }
        if let Some(other) = operators::named(tx, &name.likeness()).await? {
            return Err(OperatorError::Taken { name, other: other.name });
        }
        let created_at = self.context.clock.now();
        let id = self.context.random.id(created_at);
        let email = new.email.map(|address| address.as_str().to_owned());
        let (kind, roles) = (new.kind, new.roles);
        let (locale, time_zone, disabled_at) = (None, None, None);
        let operator = Operator { id, name, kind, roles, email, locale, time_zone, created_at, disabled_at };
        operators::insert(tx, &operator).await?;
        self.record(tx, actor, (Action::AddOperator, created_at), &operator).await?;
        Ok(operator)
    }

    /// Gives an operator these roles instead of those they have, and another address if one is named. Keys for roles that they lose do
    /// not have them any more either.
    ///
    /// # Errors
    /// If the actor may not, there is no such operator, nobody would be left with the role `admin`, or the database fails.
    pub async fn set(
        &self,
        actor: &Actor,
        name: &str,
        roles: Roles,
        email: Option<&Address>,
    ) -> Result<Shown, OperatorError> {
        if roles.is_empty() {
            return Err(OperatorError::NoRole);
        }
        let change = |operator: &mut Operator, _| {
            operator.roles = roles;
            if let Some(email) = email {
                operator.email = Some(email.as_str().to_owned());
            }
            Ok(())
        };
        self.change(actor, name, Action::SetOperator, change).await
    }

    /// The same for a caller who has read what the operator was, and sets all of it.
    ///
    /// # Errors
    /// If somebody else has changed the operator since, or as above.
    pub async fn set_read(&self, actor: &Actor, name: &str, to: &SetOperator<'_>) -> Result<Shown, OperatorError> {
        if to.roles.is_empty() {
            return Err(OperatorError::NoRole);
        }
        let change = |operator: &mut Operator, _| {
            if operator.roles != to.read_roles || operator.email.as_deref() != to.read_email {
                return Err(OperatorError::Altered(operator.name.clone()));
            }
            operator.roles = to.roles;
            operator.email = to.email.map(|email| email.as_str().to_owned());
            Ok(())
        };
        self.change(actor, name, Action::SetOperator, change).await
    }

    /// Lets an operator act no more, revokes their keys for good and ends their sessions at once.
    ///
    /// # Errors
    /// If the actor may not, there is no such operator, nobody would be left with the role `admin`, or the database fails.
    pub async fn disable(&self, actor: &Actor, name: &str) -> Result<Shown, OperatorError> {
        let disable = |it: &mut Operator, now| {
            it.disabled_at = it.disabled_at.or(Some(now));
            Ok(())
        };
        self.change(actor, name, Action::DisableOperator, disable).await
    }

    /// Lets a disabled operator act again, without the keys that they had.
    ///
    /// # Errors
    /// If the actor may not, there is no such operator, or the database fails.
    pub async fn enable(&self, actor: &Actor, name: &str) -> Result<Shown, OperatorError> {
        let enable = |it: &mut Operator, _| {
            it.disabled_at = None;
            Ok(())
        };
        self.change(actor, name, Action::EnableOperator, enable).await
    }

    async fn change(
        &self,
        actor: &Actor,
        name: &str,
        action: Action,
        change: impl FnOnce(&mut Operator, Timestamp) -> Result<(), OperatorError>,
    ) -> Result<Shown, OperatorError> {
        actor.may_at_all(Right::Operators)?;
        let mut tx = self.context.store.write().await?;
        operators::lock(&mut tx).await?;
        let before = find(&mut tx, name).await?;
        let after = self.change_in(&mut tx, actor, before, (action, change)).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(after.into())
    }

    /// The same in a transaction that has the lock of operators.
    async fn change_in(
        &self,
        tx: &mut Conn,
        actor: &Actor,
        before: Operator,
        (action, change): (Action, impl FnOnce(&mut Operator, Timestamp) -> Result<(), OperatorError>),
    ) -> Result<Operator, OperatorError> {
        actor.may_at_all(Right::Operators)?;
        let now = self.context.clock.now();
        let mut operator = before.clone();
        change(&mut operator, now)?;
        if operator == before {
            return Ok(before);
        }
        if is_admin(&before) && !is_admin(&operator) {
            let all = operators::list(tx, None, u32::MAX).await?;
            if !all.iter().any(|it| it.id != before.id && is_admin(it)) {
                return Err(OperatorError::LastAdmin(before.name));
            }
        }
        if operator.disabled_at.is_some() {
            // What is deleted is marked in it, and it is locked before all others.
            tree::lock_head(tx).await?;
        }
        operators::update(tx, &operator).await?;
        if operator.disabled_at.is_some() {
            stored_keys::revoke_all(tx, operator.id, now).await?;
            sessions::end_all(tx, operator.id, None).await?;
            invitations::withdraw(tx, operator.id).await?;
            begun_forms::delete_of(tx, operator.id).await?;
            uploads::delete_of(tx, operator.id, now).await?;
        }
        self.record(tx, actor, (action, now), &operator).await?;
        Ok(operator)
    }

    /// A page of operators, in the order in which they were added.
    ///
    /// # Errors
    /// If the actor may not, the cursor is not one of this list, or the database fails.
    pub async fn list(&self, actor: &Actor, request: &PageRequest) -> Result<Page<Shown>, OperatorError> {
        actor.may_at_all(Right::ReadOperators)?;
        let after = request.key::<Uuid>()?;
        let rows = operators::list(&mut *self.context.store.read().await?, after, request.to_read()).await?;
        Ok(Page::of(rows, request, |operator| operator.id.to_string()).map(Shown::from))
    }

    /// An operator by name. Everybody may look at their own entry.
    ///
    /// # Errors
    /// If the actor may not, there is no such operator, or the database fails.
    pub async fn show(&self, actor: &Actor, name: &str) -> Result<Shown, OperatorError> {
        if !actor.is_named(name) {
            actor.may_at_all(Right::ReadOperators)?;
        }
        Ok(find(&mut *self.context.store.read().await?, name).await?.into())
    }

    async fn record(
        &self,
        conn: &mut Conn,
        actor: &Actor,
        (action, at): (Action, Timestamp),
        operator: &Operator,
    ) -> Result<(), StoreError> {
        let what = described(&operator.name, operator.kind, operator.roles);
        let operation = Operation::new(action).object(operator.id).reason(&what);
        record(conn, actor, &operation, at, &self.context.random).await
    }
}

/// True for an active person who may change operators: a machine does not count, since only its key acts for it.
fn is_admin(operator: &Operator) -> bool {
    operator.kind == OperatorKind::Person && operator.disabled_at.is_none() && operator.roles.contains(Role::Admin)
}

/// The operator with a name in any spelling.
async fn find(conn: &mut Conn, name: &str) -> Result<Operator, OperatorError> {
    let unknown = || OperatorError::Unknown(name.to_owned());
    let likeness = OperatorName::parse(name).map_err(|_| unknown())?.likeness();
    operators::named(conn, &likeness).await?.ok_or_else(unknown)
}
