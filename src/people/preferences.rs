//! Preferences: a person's opt-outs, each change of which is recorded in the ledger. They hold at every customer.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;

use crate::context::Context;
use crate::domain::actor::{Action, Actor};
use crate::domain::address::Address;
use crate::domain::category::Category;
use crate::domain::entry::{Detail, Entry, Event, Fact, Person};
use crate::domain::kind::Kind;
use crate::domain::preference::{Source, Wish};
use crate::domain::right::{Forbidden, Right};
use crate::ledger::operated::{Operation, record};
use crate::people::addresses;
use crate::people::reads::note_read;
use crate::store::people::preferences;
pub use crate::store::people::preferences::OptOut;
use crate::store::proof::ledger::{self, Opening, StoredOpening};
use crate::store::{Conn, StoreError};

/// Why preferences could not be shown or changed.
#[derive(Debug, Error)]
pub enum PreferenceError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The same category is to be opted out of and opted in to.
    #[error("`{0}` is both opted out of and opted in to")]
    Contradiction(Category),
    /// There is nothing to change.
    #[error("name at least one category")]
    Nothing,
    /// The database failed; nothing was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PreferenceError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Contradiction(_) | Self::Nothing => Kind::Invalid,
            Self::Store(error) => error.kind(),
        }
    }
}

/// The preferences of an address.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = preference::Shown)]
pub struct Shown {
    /// The address, as the caller wrote it.
    pub email: String,
    /// What it opted out of.
    pub opt_outs: Vec<OptOut>,
    /// Who entered each of them, if the ledger still says so.
    pub by: BTreeMap<Category, String>,
}

/// The service for a person's opt-outs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Preferences {
    context: Context,
}

impl Preferences {
    /// The service over a database.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// The opt-outs of an address. If its data is restricted, the view is logged.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn show(&self, actor: &Actor, address: &Address) -> Result<Shown, PreferenceError> {
        actor.may_at_all(Right::Preferences)?;
        let key = address.key();
        note_read(&self.context, actor, &key, "preferences show").await?;
        let mut conn = self.context.store.read().await?;
        let opt_outs = preferences::of_address(&mut conn, &key).await?;
        let by = entered_by(&ledger::of_address(&mut conn, &key).await?, &opt_outs);
        Ok(Shown { email: address.as_str().to_owned(), opt_outs, by })
    }

    /// Sets and withdraws opt-outs of an address, all in one transaction. What is so already is not recorded again.
    ///
    /// # Errors
    /// If there is no wish, two wishes contradict each other, or the database fails.
    pub async fn set(&self, actor: &Actor, address: &Address, wishes: &[Wish]) -> Result<(), PreferenceError> {
        self.set_from(actor, address, wishes, Source::of(actor)).await
    }

    /// The same for a wish that did not come in the actor's usual way, such as an objection that an operator enters.
    ///
    /// # Errors
    /// See [`Preferences::set`].
    pub async fn set_from(
        &self,
        actor: &Actor,
        address: &Address,
        wishes: &[Wish],
        source: Source,
    ) -> Result<(), PreferenceError> {
        actor.may_at_all(Right::Preferences)?;
        check(wishes)?;
        let mut tx = self.context.store.write().await?;
        apply(&self.context, &mut tx, actor, address, wishes, source).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }
}

/// The actors of the opt-outs, by the entries about the address: the one of an opt-out has its time and names its category.
fn entered_by(openings: &[StoredOpening], opt_outs: &[OptOut]) -> BTreeMap<Category, String> {
    let mut by = BTreeMap::new();
    for opening in openings.iter().filter(|opening| opening.event == Event::Operated) {
        let Some(detail) = Fact::from_cbor(&opening.fact).ok().map(|fact| fact.detail) else { continue };
        let Some(person) = opening.person.as_deref().and_then(|it| Person::from_cbor(it).ok()) else { continue };
        if !matches!(detail, Detail::Operated { action: Action::OptOut, .. }) {
            continue;
        }
        let names = person.reply.split_once(": ").map_or("", |(names, _)| names);
        let entered =
            |it: &&OptOut| it.since == opening.at && names.split(", ").any(|name| name == it.category.as_str());
        by.extend(opt_outs.iter().filter(entered).map(|it| (it.category, person.role.clone())));
    }
    by
}

/// Refuses no wishes, and wishes that contradict each other.
fn check(wishes: &[Wish]) -> Result<(), PreferenceError> {
    if wishes.is_empty() {
        return Err(PreferenceError::Nothing);
    }
    let contradicted = |wish: &Wish| {
        wishes.iter().any(|other| other.category() == wish.category() && other.opted_out() != wish.opted_out())
    };
    match wishes.iter().find(|wish| contradicted(wish)) {
        Some(wish) => Err(PreferenceError::Contradiction(wish.category())),
        None => Ok(()),
    }
}

/// Carries wishes out for all addresses of a person and records them, in the transaction of the caller. Returns how many changed
/// anything.
pub(crate) async fn apply(
    context: &Context,
    conn: &mut Conn,
    actor: &Actor,
    address: &Address,
    wishes: &[Wish],
    source: Source,
) -> Result<usize, StoreError> {
    let at = context.clock.now();
    let mut count = 0;
    for address in addresses::of_person(conn, address).await? {
        let mut changed: Vec<Wish> = Vec::new();
        for wish in wishes {
            if store(conn, &address, *wish, (source, at)).await? {
                let entry = changed_entry(context, &address, *wish, (source, at));
                ledger::append(conn, &[Opening::of_address(&entry, address.key(), at)]).await?;
                changed.push(*wish);
            }
        }
        for (action, opted_out) in [(Action::OptOut, true), (Action::OptIn, false)] {
            let of_action = changed.iter().filter(|wish| wish.opted_out() == opted_out);
            let names: Vec<&str> = of_action.map(|wish| wish.category().as_str()).collect();
            if !names.is_empty() {
                let reason = format!("{}: {source}", names.join(", "));
                let operation = Operation::on_address(action, &address).reason(&reason);
                record(conn, actor, &operation, at, &context.random).await?;
            }
        }
        count += changed.len();
    }
    Ok(count)
}

/// Stores a wish. Returns false if it was so already.
async fn store(
    conn: &mut Conn,
    address: &Address,
    wish: Wish,
    (source, at): (Source, Timestamp),
) -> Result<bool, StoreError> {
    if wish.opted_out() {
        preferences::opt_out(conn, address, wish.category(), at, source.as_str()).await
    } else {
        preferences::opt_in(conn, &address.key(), wish.category()).await
    }
}

/// The entry of a wish that was stored.
fn changed_entry(context: &Context, address: &Address, wish: Wish, (source, at): (Source, Timestamp)) -> Entry {
    let detail = Detail::Preference { category: wish.category(), opted_out: wish.opted_out() };
    let fact = Fact { detail, ..Fact::new(Event::PreferenceChanged, at) };
    let person = Person { address: address.as_str().to_owned(), role: source.as_str().to_owned(), ..Person::default() };
    Entry::new(&fact, Some(&person), &context.random)
}
