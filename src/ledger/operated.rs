//! The record of what actors did: an `operated` entry for each change of state that a person or a program made. The fact holds
//! the action and its object; the person part names the actor, the address or account concerned, and the reason.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::actor::{Action, Actor};
use crate::domain::address::Address;
use crate::domain::category::Category;
use crate::domain::entry::{Detail, Entry, Event, Fact, Person};
use crate::domain::random::Random;
use crate::domain::request::Request;
use crate::store::notices::Kept;
use crate::store::operators::requests;
use crate::store::proof::ledger::{self, Opening};
use crate::store::{Conn, StoreError};

/// What was done, and to what.
#[derive(Clone, Debug)]
pub struct Operation<'a> {
    action: Action,
    notice: Option<(Uuid, Category, [u8; 32])>,
    delivery: Option<(Uuid, u64)>,
    object: Option<Uuid>,
    account_id: &'a str,
    address: Option<&'a Address>,
    reason: &'a str,
}

impl<'a> Operation<'a> {
    /// An action on nothing in particular.
    #[must_use]
    pub const fn new(action: Action) -> Self {
        Self { action, notice: None, delivery: None, object: None, account_id: "", address: None, reason: "" }
    }

    /// An action on a notice, bound to the digest of its present content.
    #[must_use]
    pub const fn on_notice(action: Action, notice: &Kept) -> Self {
        let notice = Some((notice.id, notice.category, notice.digest));
        Self { notice, ..Self::new(action) }
    }

    /// An action on an address.
    #[must_use]
    pub const fn on_address(action: Action, address: &'a Address) -> Self {
        Self { address: Some(address), ..Self::new(action) }
    }

    /// With the delivery of the notice that it concerns, by id and ordinal.
    #[must_use]
    pub const fn delivery(self, id: Uuid, ordinal: u64) -> Self {
        Self { delivery: Some((id, ordinal)), ..self }
    }

    /// With the object it concerns, such as a hold or an import.
    #[must_use]
    pub const fn object(self, id: Uuid) -> Self {
        Self { object: Some(id), ..self }
    }

    /// With the customer it concerns.
    #[must_use]
    pub const fn account(self, account_id: &'a str) -> Self {
        Self { account_id, ..self }
    }

    /// With the words of the operator.
    #[must_use]
    pub const fn reason(self, reason: &'a str) -> Self {
        Self { reason, ..self }
    }

    fn entry(&self, actor: &Actor, at: Timestamp, random: &Random) -> Entry {
        let fact = Fact {
            notice: self.notice,
            ordinal: self.delivery.map(|(_, ordinal)| ordinal),
            detail: Detail::Operated { action: self.action, object: self.object },
            ..Fact::new(Event::Operated, at)
        };
        let person = Person {
            account_id: self.account_id.to_owned(),
            address: self.address.map(|address| address.as_str().to_owned()).unwrap_or_default(),
            role: actor.to_string(),
            reply: self.reason.to_owned(),
            ..Person::default()
        };
        Entry::new(&fact, Some(&person), random)
    }

    fn opening<'e>(&self, entry: &'e Entry, at: Timestamp) -> Opening<'e> {
        Opening {
            entry,
            notice_id: self.notice.map(|(id, _, _)| id),
            delivery_id: self.delivery.map(|(id, _)| id),
            subject: self.address.filter(|_| self.delivery.is_none()).map(Address::key),
            at,
            message: None,
        }
    }
}

/// Appends the `operated` entry of an operation, in the transaction that carries the operation out; and notes the request that asked
/// for it, if that may come twice: whatever happens after the commit, the next try of it finds that it was done.
///
/// # Errors
/// If another try of the request came first, or the database fails.
pub async fn record(
    conn: &mut Conn,
    actor: &Actor,
    operation: &Operation<'_>,
    at: Timestamp,
    random: &Random,
) -> Result<(), StoreError> {
    record_all(conn, &[(actor, operation.clone())], at, random).await
}

/// Records several operations, each with who carries it out, as [`record`] does.
///
/// # Errors
/// If another try of one of the requests came first, or the database fails.
pub async fn record_all(
    conn: &mut Conn,
    operations: &[(&Actor, Operation<'_>)],
    at: Timestamp,
    random: &Random,
) -> Result<(), StoreError> {
    let entries: Vec<Entry> = operations.iter().map(|(actor, it)| it.entry(actor, at, random)).collect();
    let openings: Vec<_> = operations.iter().zip(&entries).map(|((_, it), entry)| it.opening(entry, at)).collect();
    ledger::append(conn, &openings).await?;
    let object = |it: &Operation<'_>| it.object.or(it.delivery.map(|(id, _)| id)).or(it.notice.map(|(id, ..)| id));
    let noted = operations.iter().filter_map(|(actor, it)| Some((actor.request()?, object(it))));
    note_all(conn, &noted.collect::<Vec<_>>(), at).await
}

/// Notes the request that an actor carries out, if it may come twice, in the transaction that does so: for what has no entry.
///
/// # Errors
/// If another try of the request came first, or the database fails.
pub async fn note(conn: &mut Conn, actor: &Actor, object: Option<Uuid>, at: Timestamp) -> Result<(), StoreError> {
    note_all(conn, &actor.request().map(|request| (request, object)).into_iter().collect::<Vec<_>>(), at).await
}

async fn note_all(conn: &mut Conn, noted: &[(&Request, Option<Uuid>)], at: Timestamp) -> Result<(), StoreError> {
    if requests::note(conn, noted, at).await? { Ok(()) } else { Err(StoreError::Repeated) }
}
