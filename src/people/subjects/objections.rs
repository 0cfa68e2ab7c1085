//! Objections to mandatory notices (GDPR Art. 21(1)): somebody has to decide about each, and to answer the person.
//!
//! They are kept in the ledger's entries about the address, and nowhere else: an erasure and retention delete them with these.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{SubjectError, Subjects, is_text};
use crate::domain::actor::{Action, Actor};
use crate::domain::address::Address;
use crate::domain::category::{Category, Class};
use crate::domain::entry::{Detail, Event, Fact, Person};
use crate::domain::right::Right;
use crate::domain::words::words;
use crate::ledger::operated::Operation;
use crate::people::mask::{Mask, mask_words};
use crate::store::Conn;
use crate::store::StoreError;
use crate::store::proof::ledger::{self, StoredOpening};

/// Entries read at once.
const PAGE: u32 = 1000;

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
    /// The objections to mandatory notices, oldest first. Restricted addresses are masked.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn objections(&self, actor: &Actor) -> Result<Vec<Objected>, SubjectError> {
        actor.may_at_all(Right::Subjects)?;
        let mut conn = self.context.store.snapshot().await?;
        let mut all = all(&mut conn).await?;
        let emails: Vec<&str> = all.iter().map(|it| it.email.as_str()).collect();
        let mask = Mask::of(&mut conn, true, emails).await?;
        all.iter_mut().for_each(|it| it.email = mask.address(&it.email));
        let mut words: Vec<&mut String> = Vec::new();
        for it in &mut all {
            words.push(&mut it.grounds);
            words.extend(it.decided.as_mut().map(|decided| &mut decided.reason));
        }
        mask_words(&mut conn, true, words).await?;
        Ok(all)
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
        let found = all(&mut tx).await?.into_iter().find(|it| it.id == id);
        let objected = found.ok_or(SubjectError::NoObjection(id))?;
        if let Some(decided) = &objected.decided {
            return Err(SubjectError::Decided { id, decision: decided.decision });
        }
        let address = Address::parse(&objected.email).map_err(|_| SubjectError::NoObjection(id))?;
        let words = format!("{decision}: {reason}");
        let operation = Operation::on_address(Action::Decide, &address).object(id).reason(&words);
        self.record(&mut tx, actor, operation).await?;
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

/// All objections, oldest first.
async fn all(conn: &mut Conn) -> Result<Vec<Objected>, StoreError> {
    let (mut openings, mut after) = (Vec::new(), String::new());
    loop {
        let page = ledger::with_words(conn, &after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(read(&openings)) };
        after = last.entry_id.to_string();
        openings.extend(page.into_iter().filter(|it| it.event == Event::Operated && of(it).is_some()));
    }
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
