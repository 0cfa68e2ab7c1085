//! Delivery reports: what came back after a mail server took a message (RFC 3464). Each adds an entry to the ledger and changes
//! what is known; what was recorded before stays.

use thiserror::Error;
use uuid::Uuid;

use crate::domain::clock::Clock;
use crate::domain::delivery::{Event as DeliveryEvent, Level, Outcome, State};
use crate::domain::entry::{Entry, Event, Fact, Person};
use crate::domain::random::Random;
use crate::mail::message::message_id;
use crate::store::{Store, StoreError, deliveries, notices, settle};

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
    let delivery = deliveries::find(&mut tx, delivery_id).await?.ok_or(ReportError::Unknown(delivery_id))?;
    let notice = notices::find(&mut tx, delivery.notice_id).await?.ok_or(ReportError::Unknown(delivery_id))?;
    notices::lock(&mut tx, notice.id).await?;
    let impossible = || ReportError::Impossible { state: delivery.state, outcome };
    let state = delivery.state.after(DeliveryEvent::Outcome(outcome)).ok_or_else(impossible)?;
    let level = (outcome == Outcome::Delivered).then_some(Level::DsnDelivered);
    let at = clock.now();
    let fact = Fact {
        notice: Some((notice.id, notice.category, notice.digest)),
        ordinal: Some(delivery.ordinal),
        level,
        ..Fact::new(Event::from(outcome), at)
    };
    // Whoever was erased stays so: the report counts, and names nobody.
    let person = (!delivery.email.is_empty()).then(|| Person {
        account_id: delivery.account_id.clone(),
        address: delivery.email.clone(),
        role: delivery.role.as_str().to_owned(),
        message_id: message_id(delivery.id, &notice.message_domain),
        reply: text.to_owned(),
        ..Person::default()
    });
    let entry = Entry::new(&fact, person.as_ref(), random);
    let reply = person.is_some().then_some(text);
    settle::report(&mut tx, &settle::Reported { delivery_id, notice_id: notice.id, state, level, reply, at }, &entry)
        .await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(state)
}
