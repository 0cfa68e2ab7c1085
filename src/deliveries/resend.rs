//! Sending again on an operator's decision: what is uncertain, which may inform a person twice, and what failed of a mandatory
//! notice.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::findings::{fact, lock, operation, person};
use super::{Deliveries, DeliveryError};
use crate::domain::actor::{Action, Actor};
use crate::domain::category::Class;
use crate::domain::delivery::{Event as DeliveryEvent, Failure, State};
use crate::domain::entry::{Entry, Event};
use crate::domain::notice::State as NoticeState;
use crate::domain::page::PageRequest;
use crate::domain::preference::{Permission, permission};
use crate::domain::right::Right;
use crate::domain::words::count;
use crate::ledger::operated::{self, Operation};
use crate::notices::NoticeError;
use crate::store::notices::{Kept, releases};
use crate::store::people::subjects;
use crate::store::proof::ledger::{self, Opening};
use crate::store::proof::tree;
use crate::store::sending::deliveries::Shown;
use crate::store::sending::{deliveries, uncertain};
use crate::store::{Conn, notices};

/// A page of a notice's failed or uncertain deliveries, after they were put back into the queue.
#[derive(Clone, Debug, Serialize)]
pub struct Resent {
    /// Those that are sent again.
    pub resent: Vec<Uuid>,
    /// Those that are not.
    pub skipped: Vec<Skipped>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
}

/// A delivery that is not sent again.
#[derive(Clone, Debug, Serialize)]
pub struct Skipped {
    /// The delivery.
    pub id: Uuid,
    /// Why not.
    pub why: String,
}

impl Deliveries {
    /// Puts uncertain or failed deliveries back into the queue, all of them or none, each with its entries. An uncertain one
    /// stays uncertain until the next attempt says more; one that failed is queued. A closed notice stays closed. Returns how many
    /// are in each state now.
    ///
    /// # Errors
    /// The first delivery that cannot be sent again, and why.
    pub async fn resend(&self, actor: &Actor, ids: &[Uuid]) -> Result<BTreeMap<State, u64>, DeliveryError> {
        let mut states = BTreeMap::new();
        let mut tx = self.context.store.write().await?;
        // All places in the queue before the first notice.
        tree::lock_head(&mut tx).await?;
        subjects::lock_queue(&mut tx, ids).await?;
        for id in ids.iter().collect::<BTreeSet<_>>() {
            let (delivery, notice) = lock(&mut tx, *id).await?;
            actor.may(Right::Resend, notice.category)?;
            self.put_back(&mut tx, actor, &delivery, &notice).await?;
            *states.entry(delivery.state.after(DeliveryEvent::Resend).unwrap_or(delivery.state)).or_default() += 1;
            let operation = operation(Action::Resend, &delivery, &notice);
            operated::record(&mut tx, actor, &operation, self.context.clock.now(), &self.context.random).await?;
        }
        tx.commit().await?;
        Ok(states)
    }

    /// Puts a page of a mandatory notice's deliveries that failed in one way back into the queue, in one transaction. Call it
    /// with the cursor of the page before until there is none.
    ///
    /// # Errors
    /// If the notice is optional or not being sent, the cursor is not one of this list, or the database fails.
    pub async fn resend_failed(
        &self,
        actor: &Actor,
        notice: &str,
        failure: Failure,
        request: &PageRequest,
    ) -> Result<Resent, DeliveryError> {
        let notice = self.notices.named(actor, notice).await?;
        actor.may(Right::Resend, notice.category)?;
        let from = request.key::<u64>()?.map_or(0, |last| last.saturating_add(1));
        let mut tx = self.context.store.write().await?;
        let failed = deliveries::failed(&mut tx, notice.id, failure, from, request.limit).await?;
        let ids: Vec<Uuid> = failed.iter().map(|(id, _)| *id).collect();
        tree::lock_head(&mut tx).await?;
        subjects::lock_queue(&mut tx, &ids).await?;
        notices::lock(&mut tx, notice.id).await?;
        let Some(notice) = notices::find(&mut tx, notice.id).await? else {
            return Err(NoticeError::Unknown(notice.id.to_string()).into());
        };
        let full = failed.len() == request.limit as usize;
        let next = failed.last().filter(|_| full).map(|(_, ordinal)| ordinal.to_string());
        let mut page = Resent { resent: Vec::new(), skipped: Vec::new(), next };
        self.put_all_back(&mut tx, actor, (&notice, failure.as_str()), &ids, &mut page).await?;
        tx.commit().await?;
        Ok(page)
    }

    /// Puts locked deliveries of a locked notice back into the queue, and records that once. Those that cannot be sent again are skipped.
    pub(super) async fn put_all_back(
        &self,
        conn: &mut Conn,
        actor: &Actor,
        (notice, state): (&Kept, &str),
        ids: &[Uuid],
        page: &mut Resent,
    ) -> Result<(), DeliveryError> {
        for id in ids {
            let Some(delivery) = deliveries::find(conn, *id).await? else { continue };
            let is_uncertain = delivery.state == State::Uncertain;
            match self.put_back(conn, actor, &delivery, notice).await {
                Ok(()) => page.resent.push(*id),
                Err(
                    error @ (DeliveryError::Erased(_)
                    | DeliveryError::ContactGone(_)
                    | DeliveryError::NotFailed { .. }
                    | DeliveryError::InQueue(_)),
                ) => page.skipped.push(Skipped { id: *id, why: error.to_string() }),
                // What is uncertain of an optional notice may be sent again, though not to everybody.
                Err(error @ DeliveryError::Optional { .. }) if is_uncertain => {
                    page.skipped.push(Skipped { id: *id, why: error.to_string() });
                }
                Err(error) => return Err(error),
            }
        }
        if !page.resent.is_empty() {
            let resent = count(page.resent.len() as u64, "delivery that was", "deliveries that were");
            let words = format!("{resent} {state}");
            let operation = Operation::on_notice(Action::Resend, notice).reason(&words);
            operated::record(conn, actor, &operation, self.context.clock.now(), &self.context.random).await?;
        }
        Ok(())
    }

    /// Puts a locked delivery back into the queue, with its `resent` entry. If its contact was corrected or removed, it is replaced
    /// by deliveries to today's contacts as long as the notice is not closed.
    async fn put_back(
        &self,
        conn: &mut Conn,
        actor: &Actor,
        delivery: &Shown,
        notice: &Kept,
    ) -> Result<(), DeliveryError> {
        let id = delivery.id;
        if delivery.state.after(DeliveryEvent::Resend).is_none() {
            return Err(DeliveryError::NotFailed { id, state: delivery.state, level: delivery.level });
        }
        let class = notice.category.class();
        if delivery.state != State::Uncertain && class == Class::Optional {
            let why = "what failed is sent again of mandatory notices only";
            return Err(DeliveryError::Optional { id, why });
        }
        match notice.state {
            NoticeState::Released if notice.paused_at.is_some() => {
                return Err(DeliveryError::NoticeState { id, state: "paused" });
            }
            NoticeState::Released | NoticeState::Closed => {}
            state => return Err(DeliveryError::NoticeState { id, state: state.as_str() }),
        }
        let Some(to) = deliveries::to_send(conn, &[id.to_string()]).await?.pop() else {
            return Err(DeliveryError::Erased(id));
        };
        match permission(class, to.opted_out, to.suppression) {
            Permission::OptedOut => return Err(DeliveryError::Optional { id, why: "the person opted out of it" }),
            Permission::Suppressed => return Err(DeliveryError::Optional { id, why: "its address is suppressed" }),
            Permission::Send | Permission::SendOnce => {}
        }
        if !releases::gone_of(conn, &[id.to_string()], class == Class::Optional).await?.is_empty() {
            if class == Class::Optional || notice.state == NoticeState::Closed {
                return Err(DeliveryError::ContactGone(id));
            }
            // Nothing of the notice is claimed until its queue was compared with the contacts again.
            notices::set_contacts_revision(conn, notice.id, 0).await?;
        }
        let at = self.context.clock.now();
        if !uncertain::requeue(conn, id, to.email.domain(), at).await? {
            return Err(DeliveryError::InQueue(id));
        }
        let fact = fact(delivery, notice, Event::Resent, at);
        let person = person(delivery, notice, &format!("decided by {}", actor.name()));
        let entry = Entry::new(&fact, person.as_ref(), &self.context.random);
        ledger::append(conn, &[Opening::of_delivery(&entry, notice.id, id, at)]).await?;
        Ok(())
    }
}
