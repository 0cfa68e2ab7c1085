//! Customers: the accounts that are served, with their contacts.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;

use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::category::Role;
use crate::domain::customer::AccountId;
use crate::domain::kind::Kind;
use crate::domain::page::{CursorError, Page, PageRequest};
use crate::domain::right::{Forbidden, Right};
use crate::people::import::{ImportError, ImportOptions, Imported, import};
use crate::people::mask::{Mask, mask_words};
use crate::people::subjects::Subjects;
pub use crate::store::people::customers::Listed;
use crate::store::people::{contacts, customers};
use crate::store::tasks::Task;
use crate::store::{StoreError, tasks};

/// Why customers could not be shown.
#[derive(Debug, Error)]
pub enum CustomerError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such customer.
    #[error("there is no customer `{}`", .0.escape_debug())]
    Unknown(String),
    /// The cursor is not one of the list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CustomerError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Unknown(_) => Kind::NotFound,
            Self::Cursor(_) => Kind::Invalid,
            Self::Store(error) => error.kind(),
        }
    }
}

/// A customer with its contacts.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = customer::Shown)]
pub struct Shown {
    /// Account id.
    pub account_id: String,
    /// Name.
    pub name: String,
    /// `active` or `left`.
    pub status: String,
    /// Attributes.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// When an import changed it last.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Its contacts that are in use, in the order of the file; of a customer that left, those it had then.
    pub contacts: Vec<ShownContact>,
    /// What a person still has to do about it.
    pub tasks: Vec<Task>,
}

/// A contact; address and name are masked if its data is restricted.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = customer::Contact)]
pub struct ShownContact {
    /// The address.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The person's language, if known.
    pub locale: Option<String>,
    /// The person's time zone, if known.
    pub time_zone: Option<String>,
    /// The customer left, and nothing is sent to this contact unless a notice includes those that left.
    pub former: bool,
}

/// The service for customers. Cheap to clone.
#[derive(Clone)]
pub struct Customers {
    context: Context,
    subjects: Subjects,
}

impl Customers {
    /// The service over a database; imports ask `subjects` who was erased.
    #[must_use]
    pub const fn new(context: Context, subjects: Subjects) -> Self {
        Self { context, subjects }
    }

    /// A page of the active customers, in the order of their account ids.
    ///
    /// # Errors
    /// If the cursor is not an account id, or the database fails.
    pub async fn list(&self, actor: &Actor, request: &PageRequest) -> Result<Page<Listed>, CustomerError> {
        actor.may_at_all(Right::ReadCustomers)?;
        let after = request.key::<AccountId>()?;
        let mut conn = self.context.store.read().await?;
        let rows = customers::list(&mut conn, after.as_ref().map(AccountId::as_str), request.to_read()).await?;
        Ok(Page::of(rows, request, |customer| customer.account_id.clone()))
    }

    /// What it works with.
    pub(super) const fn context(&self) -> &Context {
        &self.context
    }

    /// One customer, also if it has left.
    ///
    /// # Errors
    /// If there is no such customer, or the database fails.
    pub async fn show(&self, actor: &Actor, account_id: &str) -> Result<Shown, CustomerError> {
        actor.may_at_all(Right::ReadCustomers)?;
        let seen = self.seen(actor);
        let mut conn = self.context.store.read().await?;
        let found = customers::find(&mut conn, account_id).await?;
        let found = found.ok_or_else(|| CustomerError::Unknown(account_id.to_owned()))?;
        let former = found.status == "left";
        let mut contacts = if former {
            contacts::of_left(&mut conn, &[account_id]).await?
        } else {
            contacts::of_customers(&mut conn, &[account_id]).await?
        };
        let contacts = contacts.remove(account_id).unwrap_or_default();
        let blind = Mask::of(&mut conn, false, []).await?;
        let mask = Mask::of(&mut conn, true, contacts.iter().map(|it| it.email.as_str())).await?;
        let shown = |it: crate::domain::customer::Contact| {
            let mask = if seen.contains(&it.role) { &mask } else { &blind };
            ShownContact {
                email: mask.address(it.email.as_str()),
                name: mask.name(it.email.as_str(), &it.name),
                role: it.role,
                locale: it.locale.map(|locale| locale.as_str().to_owned()),
                time_zone: it.time_zone.map(|zone| zone.as_str().to_owned()),
                former,
            }
        };
        let mut tasks = tasks::of_customer(&mut conn, account_id).await?;
        let notes = tasks.iter_mut().filter_map(|task| task.note.as_mut());
        mask_words(&mut conn, actor.has(Right::SeeOneCustomer), notes).await?;
        Ok(Shown {
            account_id: found.account_id,
            name: found.name,
            status: found.status,
            attributes: found.attributes,
            updated_at: found.updated_at,
            contacts: contacts.into_iter().map(shown).collect(),
            tasks,
        })
    }

    /// The roles of contacts whose addresses the actor may see: those that the actor's categories address.
    pub(super) fn seen(&self, actor: &Actor) -> BTreeSet<Role> {
        if actor.has(Right::SeeOneCustomer) {
            return Role::ALL.iter().copied().collect();
        }
        let addressing = actor.categories(Right::SeeAddresses).iter().map(|it| self.context.config.addressing(it));
        addressing.flat_map(|it| it.roles.into_iter().chain(it.or_else)).collect()
    }

    /// Imports a customers file; see [`import`].
    ///
    /// # Errors
    /// See [`ImportError`].
    pub async fn import(
        &self,
        actor: &Actor,
        reader: impl Read + Send,
        options: &ImportOptions,
        progress: &(dyn Fn(f64) + Sync),
    ) -> Result<Imported, ImportError> {
        import((&self.context, &self.subjects), actor, reader, options, progress).await
    }
}
