//! Deliveries in doubt, and what an operator decides about them: to send them again, which may tell a person twice. What was
//! found out about one is recorded by [`crate::deliveries::reports::settle`].

use std::collections::BTreeSet;

use thiserror::Error;
use uuid::Uuid;

use crate::deliveries::reports::{ReportError, fact, held, person};
use crate::domain::clock::Clock;
use crate::domain::delivery::Event as DeliveryEvent;
use crate::domain::entry::{Entry, Event};
use crate::domain::notice::State as NoticeState;
use crate::domain::preference::{Permission, permission};
use crate::domain::random::Random;
use crate::store::ledger::{self, Opening};
use crate::store::{Conn, Store, StoreError, deliveries, uncertain};

/// Why a delivery is not sent again.
#[derive(Debug, Error)]
pub enum ResendError {
    /// It is not there, or not in doubt.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// It waits in the queue.
    #[error("the delivery `{0}` is sent again by itself")]
    ByItself(Uuid),
    /// There is nobody left to send it to.
    #[error("the person of the delivery `{0}` was erased")]
    Erased(Uuid),
    /// The person does not want it, or must not get it.
    #[error("the delivery `{id}` is of an optional notice, and {why}")]
    Refused {
        /// The delivery.
        id: Uuid,
        /// Why not.
        why: &'static str,
    },
    /// Its notice is not being sent.
    #[error("the notice of the delivery `{id}` is {state}")]
    Notice {
        /// The delivery.
        id: Uuid,
        /// How the notice stands.
        state: &'static str,
    },
}

impl From<StoreError> for ResendError {
    fn from(error: StoreError) -> Self {
        Self::Report(error.into())
    }
}

/// Puts deliveries in doubt back into the queue, all of them or none, each with its entry. Its state stays `uncertain` until
/// the next attempt says more: nothing more is known yet. A closed notice stays closed.
///
/// # Errors
/// The first delivery that cannot be sent again, and why.
pub async fn resend(
    store: &Store,
    clock: &Clock,
    random: &Random,
    ids: &[Uuid],
    operator: &str,
) -> Result<(), ResendError> {
    let mut tx = store.write().await?;
    for id in ids.iter().collect::<BTreeSet<_>>() {
        resend_one(&mut tx, clock, random, *id, operator).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(())
}

async fn resend_one(
    conn: &mut Conn,
    clock: &Clock,
    random: &Random,
    id: Uuid,
    operator: &str,
) -> Result<(), ResendError> {
    let (delivery, notice) = held(conn, id).await?;
    if delivery.state.after(DeliveryEvent::Resend).is_none() {
        return Err(ReportError::NotUncertain { id, state: delivery.state, found: delivery.found }.into());
    }
    match notice.state {
        NoticeState::Released if notice.paused_at.is_some() => {
            return Err(ResendError::Notice { id, state: "paused" });
        }
        NoticeState::Released | NoticeState::Closed => {}
        state => return Err(ResendError::Notice { id, state: state.as_str() }),
    }
    let category = notice.category;
    let Some(to) = deliveries::to_send(conn, category.as_str(), &[id.to_string()]).await?.pop() else {
        return Err(ResendError::Erased(id));
    };
    match permission(category.class(), to.opted_out, to.suppression) {
        Permission::OptedOut => return Err(ResendError::Refused { id, why: "the person opted out of it" }),
        Permission::Suppressed => return Err(ResendError::Refused { id, why: "its address is suppressed" }),
        Permission::Send | Permission::SendOnce => {}
    }
    let at = clock.now();
    if !uncertain::requeue(conn, id, to.email.domain(), at).await? {
        return Err(ResendError::ByItself(id));
    }
    let fact = fact(&delivery, &notice, Event::Resent, None, at);
    let person = person(&delivery, &notice, &format!("decided by {operator}"));
    let entry = Entry::new(&fact, person.as_ref(), random);
    ledger::append(conn, &[Opening::of_delivery(&entry, notice.id, id, at)]).await?;
    Ok(())
}
