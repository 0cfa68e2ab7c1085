//! The record of what actors did: an `operated` entry for each change of state that a person or a program made. The fact holds
//! the action and its object; the person part names the actor, the address or account concerned, and the reason.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::actor::{Action, Actor};
use crate::domain::address::Address;
use crate::domain::category::Category;
use crate::domain::entry::{Detail, Entry, Event, Fact, Person};
use crate::domain::random::Random;
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
    let fact = Fact {
        notice: operation.notice,
        ordinal: operation.delivery.map(|(_, ordinal)| ordinal),
        detail: Detail::Operated { action: operation.action, object: operation.object },
        ..Fact::new(Event::Operated, at)
    };
    let person = Person {
        account_id: operation.account_id.to_owned(),
        address: operation.address.map(|address| address.as_str().to_owned()).unwrap_or_default(),
        role: actor.to_string(),
        reply: operation.reason.to_owned(),
        ..Person::default()
    };
    let entry = Entry::new(&fact, Some(&person), random);
    let opening = Opening {
        entry: &entry,
        notice_id: operation.notice.map(|(id, _, _)| id),
        delivery_id: operation.delivery.map(|(id, _)| id),
        subject: operation.address.filter(|_| operation.delivery.is_none()).map(Address::key),
        at,
        message: None,
    };
    ledger::append(conn, &[opening]).await?;
    let object = operation.object.or(operation.delivery.map(|(id, _)| id)).or(operation.notice.map(|(id, ..)| id));
    note(conn, actor, object, at).await
}

/// Notes the request that an actor carries out, if it may come twice, in the transaction that does so: for what has no entry.
///
/// # Errors
/// If another try of the request came first, or the database fails.
pub async fn note(conn: &mut Conn, actor: &Actor, object: Option<Uuid>, at: Timestamp) -> Result<(), StoreError> {
    let Some(request) = actor.request() else { return Ok(()) };
    if requests::note(conn, request, object, at).await? { Ok(()) } else { Err(StoreError::Repeated) }
}
