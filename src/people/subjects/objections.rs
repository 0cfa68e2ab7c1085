//! Objections to mandatory notices (GDPR Art. 21(1)): somebody has to decide about each, and to answer the person.
//!
//! They are kept in the ledger's entries about the address; beside these is only which entries they are, and which are decided. An
//! erasure and retention delete both.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{SubjectError, Subjects, is_text};
use crate::domain::actor::{Action, Actor};
use crate::domain::address::Address;
use crate::domain::category::{Category, Class};
use crate::domain::entry::{Detail, Fact, Person};
use crate::domain::page::{Page, PageRequest};
use crate::domain::right::Right;
use crate::domain::words::words;
use crate::ledger::operated::Operation;
use crate::people::mask::{Mask, mask_words};
use crate::store::Conn;
use crate::store::StoreError;
use crate::store::people::objections;
use crate::store::proof::ledger::{self, StoredOpening};

/// What was decided about an objection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The person's grounds prevail: these notices are not to be sent to the address any more.
    Upheld,
    /// Compelling grounds to send them prevail.
    Declined,
}

words!(Decision, "a decision", {
    Upheld => "upheld",
    Declined => "declined",
});

/// A decision about an objection, with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// Why.
    pub reason: String,
    /// Who decided, and how they came.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// An objection to mandatory categories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Objected {
    /// Its id.
    pub id: Uuid,
    /// The address; masked in lists if its data is restricted.
    pub email: String,
    /// The mandatory categories.
    pub categories: Vec<Category>,
    /// The person's grounds.
    pub grounds: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// What was decided, if somebody has.
    pub decided: Option<Decided>,
}

impl Subjects {
    /// A page of the objections to mandatory notices: those that wait for a decision, oldest first, or all, newest first. Restricted
    /// addresses are masked.
    ///
    /// # Errors
    /// If the cursor is not one of the list, or the database fails.
    pub async fn objections(
        &self,
        actor: &Actor,
        waiting: bool,
        request: &PageRequest,
    ) -> Result<Page<Objected>, SubjectError> {
        actor.may_at_all(Right::Subjects)?;
        let after = request.key::<Uuid>()?;
        let mut conn = self.context.store.snapshot().await?;
        let rows = objections::page(&mut conn, waiting, after, request.to_read()).await?;
        let page = Page::of(rows, request, |(entry, _)| entry.to_string());
        let mut found = Vec::with_capacity(page.items.len());
        for (entry, is_decided) in page.items {
            found.extend(recorded(&mut conn, entry, is_decided).await?);
        }
        let emails: Vec<&str> = found.iter().map(|it| it.email.as_str()).collect();
        let mask = Mask::of(&mut conn, true, emails).await?;
        found.iter_mut().for_each(|it| it.email = mask.address(&it.email));
        let mut words: Vec<&mut String> = Vec::new();
        for it in &mut found {
            words.push(&mut it.grounds);
            words.extend(it.decided.as_mut().map(|decided| &mut decided.reason));
        }
        mask_words(&mut conn, true, words).await?;
        Ok(Page { items: found, next: page.next })
    }

    /// Records the decision about an objection. What the person gets does not change by it: that is done with the contact.
    ///
    /// # Errors
    /// If there is no such objection, it is decided already, or the reason is not one line.
    pub async fn decide(
        &self,
        actor: &Actor,
        id: Uuid,
        decision: Decision,
        reason: &str,
    ) -> Result<Objected, SubjectError> {
        actor.may_at_all(Right::Subjects)?;
        if !is_text(reason) {
            return Err(SubjectError::Note);
        }
        let mut tx = self.context.store.write().await?;
        crate::store::proof::tree::lock_head(&mut tx).await?;
        let found = match objections::find(&mut tx, id).await? {
            Some(entry) => recorded(&mut tx, entry, true).await?,
            None => None,
        };
        let objected = found.ok_or(SubjectError::NoObjection(id))?;
        if let Some(decided) = &objected.decided {
            return Err(SubjectError::Decided { id, decision: decided.decision });
        }
        let address = Address::parse(&objected.email).map_err(|_| SubjectError::NoObjection(id))?;
        let words = format!("{decision}: {reason}");
        let operation = Operation::on_address(Action::Decide, &address).object(id).reason(&words);
        self.record(&mut tx, actor, operation).await?;
        objections::set_decided(&mut tx, id).await?;
        tx.commit().await.map_err(StoreError::from)?;
        let (by, at) = (actor.to_string(), self.context.clock.now());
        Ok(Objected { decided: Some(Decided { decision, reason: reason.to_owned(), by, at }), ..objected })
    }
}

/// The objection of an address to these categories that nobody has decided yet.
pub(super) async fn undecided(
    conn: &mut Conn,
    address: &Address,
    categories: &[Category],
) -> Result<Option<Uuid>, StoreError> {
    let own = ledger::of_address(conn, &address.key()).await?;
    let open = read(&own).into_iter().find(|it| it.decided.is_none() && it.categories == categories);
    Ok(open.map(|it| it.id))
}

/// Notes which entry of an address records an objection.
pub(super) async fn note(conn: &mut Conn, address: &Address, id: Uuid) -> Result<(), StoreError> {
    let own = ledger::of_address(conn, &address.key()).await?;
    let entry = own.iter().rev().find(|it| of(it) == Some((Action::Object, id)));
    match entry {
        Some(entry) => objections::insert(conn, id, entry.entry_id).await,
        None => Ok(()),
    }
}

/// What an entry records of an objection, and what the address's other entries say of the decision if it is decided.
async fn recorded(conn: &mut Conn, entry: Uuid, is_decided: bool) -> Result<Option<Objected>, StoreError> {
    let own = ledger::find(conn, &[entry]).await?;
    let objected = read(&own).pop();
    let Some(objected) = objected else { return Ok(None) };
    if !is_decided {
        return Ok(Some(objected));
    }
    let Ok(address) = Address::parse(&objected.email) else { return Ok(Some(objected)) };
    let all = read(&ledger::of_address(conn, &address.key()).await?);
    Ok(all.into_iter().find(|it| it.id == objected.id))
}

/// What an entry says of an objection: the action and its id.
fn of(opening: &StoredOpening) -> Option<(Action, Uuid)> {
    match Fact::read(&opening.fact).ok()?.detail {
        Detail::Operated { action: action @ (Action::Object | Action::Decide), object: Some(id) } => Some((action, id)),
        _ => None,
    }
}

fn read(openings: &[StoredOpening]) -> Vec<Objected> {
    let mut objections: BTreeMap<Uuid, Objected> = BTreeMap::new();
    for opening in openings {
        let Some((action, id)) = of(opening) else { continue };
        let Some(person) = opening.person.as_deref().and_then(|it| Person::from_cbor(it).ok()) else { continue };
        let (first, words) = person.reply.split_once(": ").unwrap_or((person.reply.as_str(), ""));
        if action == Action::Object {
            let categories = first.split(", ").filter_map(|name| name.parse::<Category>().ok());
            let objected = Objected {
                id,
                email: person.address.clone(),
                categories: categories.filter(|it| it.class() == Class::Mandatory).collect(),
                grounds: words.to_owned(),
                at: opening.at,
                decided: None,
            };
            objections.insert(id, objected);
        } else if let (Some(objected), Ok(decision)) = (objections.get_mut(&id), first.parse()) {
            let reason = words.to_owned();
            objected.decided = Some(Decided { decision, reason, by: person.role.clone(), at: opening.at });
        }
    }
    let mut objections: Vec<Objected> = objections.into_values().collect();
    objections.sort_by_key(|it| (it.at, it.id));
    objections
}
