//! Delivery reports: what came back after a mail server took a message (RFC 3464), and what operators found out about doubts.
//! Each adds an entry to the ledger and changes what is known; what was recorded before stays.

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::domain::clock::Clock;
use crate::domain::delivery::{Event as DeliveryEvent, Level, Outcome, State};
use crate::domain::entry::{Entry, Event, Fact, Person};
use crate::domain::random::Random;
use crate::mail::compose::message::message_id;
use crate::store::deliveries::Shown;
use crate::store::notices::Kept;
use crate::store::{Conn, Store, StoreError, deliveries, notices, settle, subjects, tree};

/// Why a report was not recorded.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such delivery.
    #[error("there is no delivery `{0}`")]
    Unknown(Uuid),
    /// Such a report cannot come for a delivery in this state.
    #[error("the delivery is {state}: it cannot have been {outcome}")]
    Impossible {
        /// Its state.
        state: State,
        /// What the report says.
        outcome: Outcome,
    },
    /// It is not in doubt.
    #[error("the delivery `{id}` is not in doubt: {}", .state.told(*.found))]
    NotUncertain {
        /// The delivery.
        id: Uuid,
        /// Its state.
        state: State,
        /// An operator found it out.
        found: bool,
    },
}

/// What an operator found out about a doubt.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'a> {
    /// Where it shows: one line.
    pub text: &'a str,
    /// Who found it out.
    pub by: &'a str,
}

/// Records that a message was returned ([`Outcome::Bounced`]) or reached its mailbox ([`Outcome::Delivered`]), in the words of
/// the report.
///
/// # Errors
/// See [`ReportError`]; nothing is recorded then.
pub async fn record(
    store: &Store,
    clock: &Clock,
    random: &Random,
    delivery_id: Uuid,
    outcome: Outcome,
    text: &str,
) -> Result<State, ReportError> {
    let mut tx = store.write().await?;
    let (delivery, notice) = held(&mut tx, delivery_id).await?;
    let impossible = || ReportError::Impossible { state: delivery.state, outcome };
    let state = delivery.state.after(DeliveryEvent::Outcome(outcome)).ok_or_else(impossible)?;
    let level = (outcome == Outcome::Delivered).then_some(Level::DsnDelivered);
    write(&mut tx, (&delivery, &notice), (outcome, level), text, clock.now(), random).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(state)
}

/// Records what an operator found out about a delivery in doubt: that the server took its message, or that it did not. It is
/// not sent again.
///
/// # Errors
/// See [`ReportError`]; nothing is recorded then.
pub async fn settle(
    store: &Store,
    clock: &Clock,
    random: &Random,
    delivery_id: Uuid,
    taken: bool,
    finding: &Finding<'_>,
) -> Result<State, ReportError> {
    let mut tx = store.write().await?;
    let (delivery, notice) = held(&mut tx, delivery_id).await?;
    let (outcome, level) = if taken { (Outcome::Accepted, Some(Level::Relayed)) } else { (Outcome::Rejected, None) };
    if delivery.state != State::Uncertain {
        return Err(ReportError::NotUncertain { id: delivery_id, state: delivery.state, found: delivery.found });
    }
    let text = format!("stated by {}: {}", finding.by, finding.text);
    write(&mut tx, (&delivery, &notice), (outcome, level), &text, clock.now(), random).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(outcome.state())
}

/// A delivery and its notice, held until the transaction ends, its place in the queue included: no erasure, which holds the
/// ledger's head first, no claim and no closing comes in between.
pub(crate) async fn held(conn: &mut Conn, delivery_id: Uuid) -> Result<(Shown, Kept), ReportError> {
    tree::lock_head(conn).await?;
    subjects::lock_queue(conn, &[delivery_id]).await?;
    let unknown = ReportError::Unknown(delivery_id);
    let Some(delivery) = deliveries::find(conn, delivery_id).await? else { return Err(unknown) };
    notices::lock(conn, delivery.notice_id).await?;
    // Once more: what a worker had in hand may have ended while this waited.
    let Some(delivery) = deliveries::find(conn, delivery_id).await? else { return Err(unknown) };
    let notice = notices::find(conn, delivery.notice_id).await?.ok_or(unknown)?;
    Ok((delivery, notice))
}

async fn write(
    conn: &mut Conn,
    (delivery, notice): (&Shown, &Kept),
    (outcome, level): (Outcome, Option<Level>),
    text: &str,
    at: Timestamp,
    random: &Random,
) -> Result<(), StoreError> {
    let person = person(delivery, notice, text);
    let entry = Entry::new(&fact(delivery, notice, Event::from(outcome), level, at), person.as_ref(), random);
    let reported = settle::Reported {
        delivery_id: delivery.id,
        notice_id: notice.id,
        state: outcome.state(),
        level,
        reply: person.is_some().then_some(text),
        at,
    };
    settle::report(conn, &reported, &entry).await
}

/// What happened to a delivery outside of an attempt.
pub(crate) fn fact(delivery: &Shown, notice: &Kept, event: Event, level: Option<Level>, at: Timestamp) -> Fact {
    Fact {
        notice: Some((notice.id, notice.category, notice.digest)),
        ordinal: Some(delivery.ordinal),
        level,
        ..Fact::new(event, at)
    }
}

/// Whom it happened to, with the words of whoever says so. Whoever was erased stays so: the report counts, and names nobody.
pub(crate) fn person(delivery: &Shown, notice: &Kept, text: &str) -> Option<Person> {
    (!delivery.email.is_empty()).then(|| Person {
        account_id: delivery.account_id.clone(),
        address: delivery.email.clone(),
        role: delivery.role.as_str().to_owned(),
        customer_name: delivery.customer_name.clone(),
        message_id: message_id(delivery.id, &notice.message_domain),
        reply: text.to_owned(),
        ..Person::default()
    })
}
