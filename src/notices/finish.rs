//! What happens to notices without an operator: they are released when they are due, cancelled to the last delivery, closed.

use uuid::Uuid;

use super::{NoticeError, Notices, Release, is_due};
use crate::audience::{self, AudienceError};
use crate::domain::actor::Actor;
use crate::domain::category::Lane;
use crate::domain::delivery::{Outcome, State as DeliveryState};
use crate::domain::entry::{Detail, Entry, Event, Fact};
use crate::domain::notice::State;
use crate::domain::webhook::HookEvent;
use crate::ledger::cancelled;
use crate::store::StoreError;
use crate::store::notices::open::Open;
use crate::store::notices::{self as kept, Kept, releases};
use crate::store::proof::ledger::Opening;
use crate::store::proof::{ledger, tree};
use crate::store::sending::{deliveries, lost, queue, uncertain};
use crate::store::webhooks::facts;

/// Deliveries cancelled in one transaction.
const CHUNK: u32 = 2000;

/// Work for a notice that may take long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errand {
    /// The notice.
    pub notice: Uuid,
    /// Its lane.
    pub lane: Lane,
    /// The work.
    pub task: Task,
}

/// Kinds of work that may take long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Release a notice that is due, or whose release was interrupted.
    Release,
    /// Cancel its deliveries to the last one.
    Cancel,
    /// Replace its queued deliveries to contacts that are no longer there.
    Readdress,
}

/// How an errand ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It is done.
    Out,
    /// Another process does it, or died while doing it: it is taken over half a minute later. Or workers hold the last
    /// deliveries.
    NotYet,
}

impl Notices {
    /// Lists the work for open notices that may take long, most urgent first.
    #[must_use]
    pub fn errands(&self, open: &[Open]) -> Vec<Errand> {
        let now = self.context.clock.now();
        let errand = |notice: &Open| {
            let task = match notice.state {
                State::Scheduled if is_due(notice.send_at, now) => Task::Release,
                // Begun, perhaps before its time: if its process died, it is taken over when the hold has run out.
                State::Releasing => Task::Release,
                State::Cancelled => Task::Cancel,
                State::Released if notice.stale => Task::Readdress,
                _ => return None,
            };
            Some(Errand { notice: notice.id, lane: notice.category.lane(), task })
        };
        open.iter().filter_map(errand).collect()
    }

    /// Carries an errand out.
    ///
    /// # Errors
    /// If the database fails, or a release is refused.
    pub async fn carry_out(&self, errand: Errand) -> Result<Carried, NoticeError> {
        match errand.task {
            Task::Release => self.release_due(errand.notice).await,
            Task::Readdress => self.readdress(errand.notice).await,
            Task::Cancel => {
                if let Some(notice) = kept::find(&mut *self.context.store.read().await?, errand.notice).await? {
                    self.finish_cancellation(&notice).await?;
                }
                Ok(if self.close(errand.notice).await? { Carried::Out } else { Carried::NotYet })
            }
        }
    }

    /// Closes the open notices with nothing left to do. Returns those that cannot be read: they stay open.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn close_done(&self, open: &[Open]) -> Result<Vec<Uuid>, NoticeError> {
        let mut unreadable = Vec::new();
        for notice in open {
            match notice.state {
                // Recipients may be added: an operator ends it.
                State::Released if notice.standing => {}
                State::Released => match self.close(notice.id).await {
                    Err(NoticeError::Store(StoreError::Inconsistent { .. })) => unreadable.push(notice.id),
                    closed => drop(closed?),
                },
                State::Closed => self.end_resending(notice.id).await?,
                _ => {}
            }
        }
        Ok(unreadable)
    }

    /// Ends the resending of a closed notice; its closed entry stays as it was.
    async fn end_resending(&self, id: Uuid) -> Result<(), NoticeError> {
        if queue::holds(&mut *self.context.store.read().await?, id).await? {
            return Ok(());
        }
        let mut tx = self.context.store.write().await?;
        uncertain::end_resending(&mut tx, id).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn release_due(&self, id: Uuid) -> Result<Carried, NoticeError> {
        let Some(notice) = kept::find(&mut *self.context.store.read().await?, id).await? else {
            return Ok(Carried::NotYet);
        };
        if notice.approved_digest != Some(notice.digest) {
            return Err(NoticeError::ApprovalVoid);
        }
        if self.ends_late_reminder(id).await? {
            return Ok(Carried::Out);
        }
        match self.freeze(&notice, &Actor::system("release"), Release::default(), &|_| {}).await {
            Ok(()) => Ok(Carried::Out),
            Err(NoticeError::Conflict | NoticeError::Audience(AudienceError::Lost)) => Ok(Carried::NotYet),
            Err(error) => Err(error),
        }
    }

    /// Removes what a cancelled notice has in the queue. If it was not released, that is what an interrupted release has left:
    /// no manifest names it, and it is deleted without a trace.
    pub(super) async fn finish_cancellation(&self, notice: &Kept) -> Result<(), NoticeError> {
        if notice.released_at.is_some() {
            return Ok(cancelled::cancel_queued(&self.context, notice).await?);
        }
        loop {
            let mut tx = self.context.store.write().await?;
            let discarded = releases::discard(&mut tx, notice.id, CHUNK).await?;
            tx.commit().await?;
            if discarded == 0 {
                return Ok(());
            }
        }
    }

    /// Queues again what is unfinished and lost its place in the queue, of every notice.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn requeue_all_lost(&self) -> Result<(), NoticeError> {
        let suspects = lost::notices(&mut *self.context.store.read().await?).await?;
        for id in suspects {
            self.requeue_lost(id).await?;
        }
        Ok(())
    }

    /// Queues again what of a notice is unfinished and lost its place in the queue.
    async fn requeue_lost(&self, id: Uuid) -> Result<(), NoticeError> {
        let mut tx = self.context.store.write().await?;
        // An erasure holds the head: it cancels what it finds in the queue.
        tree::lock_head(&mut tx).await?;
        kept::lock(&mut tx, id).await?;
        let requeued = lost::requeue(&mut tx, id, self.context.clock.now()).await?;
        tx.commit().await?;
        if requeued > 0 {
            tracing::error!(
                notice = %id, deliveries = requeued,
                "unfinished deliveries had lost their place in the queue, and are queued again: somebody has changed the database \
                 by hand, or restored a part of it"
            );
        }
        Ok(())
    }

    /// Closes a notice with nothing left to do, by one entry with the count of each outcome.
    pub(super) async fn close(&self, id: Uuid) -> Result<bool, NoticeError> {
        if queue::holds(&mut *self.context.store.read().await?, id).await? {
            return Ok(false);
        }
        // One that cannot be read stays open, and its deliveries are not counted each time it is looked at.
        let Some(found) = kept::find(&mut *self.context.store.read().await?, id).await? else { return Ok(false) };
        let at = self.context.clock.now();
        // All deliveries are counted before the transaction: with a million that takes seconds, in which nobody else could write.
        let counted = deliveries::counts(&mut *self.context.store.read().await?, id).await?;
        let mut tx = self.context.store.write().await?;
        if found.state == State::Cancelled {
            // First, as a release does: what the matter plans follows from all of its notices.
            kept::lock_matter(&mut tx, found.matter_id).await?;
        }
        // A process that puts a delivery back into the queue holds this row: the next statement sees what it queued.
        kept::lock(&mut tx, id).await?;
        if !kept::set_closed(&mut tx, id, at).await? {
            return Ok(false);
        }
        let Some(notice) = kept::find(&mut tx, id).await? else { return Ok(false) };
        let mut counts = deliveries::tally(&mut tx, id, notice.recipients).await?;
        if counts != counted {
            // A report came in between.
            counts = deliveries::counts(&mut tx, id).await?;
        }
        if counts.keys().any(|state| state.is_open()) {
            // Nothing is closed over somebody who was not sent to: what lost its place gets one again.
            drop(tx);
            self.requeue_lost(id).await?;
            return Ok(false);
        }
        deliveries::add_up(&mut tx, id).await?;
        if found.state == State::Cancelled {
            // A worker held some of it when it was cancelled, or took it at that moment: now it is known who got those.
            audience::recall(&self.context, &mut tx, &notice, at).await?;
        }
        let of = |outcome: &Outcome| counts.get(&outcome.state()).map(|count| (*outcome, *count));
        let detail = Detail::Closed(Outcome::ALL.iter().filter_map(of).collect());
        let fact = Fact { detail, ..notice.fact(Event::Closed, at) };
        let entry = Entry::new(&fact, None, &self.context.random);
        ledger::append(&mut tx, &[Opening::of_notice(&entry, id, at)]).await?;
        facts::note_notice(&mut tx, HookEvent::NoticeClosed, id, at).await?;
        tx.commit().await?;
        let of = |state| counts.get(&state).copied().unwrap_or_default();
        let (uncertain, expired) = (of(DeliveryState::Uncertain), of(DeliveryState::Expired));
        if uncertain + expired > 0 {
            tracing::error!(
                notice = %id, uncertain, expired,
                "closed, and not everybody is informed: `besked deliveries uncertain list --notice {id}` shows what may have been \
                 sent, `besked deliveries list {id} --state expired` what no server accepted in time"
            );
        } else {
            tracing::info!(notice = %id, "closed: every delivery has its outcome");
        }
        Ok(true)
    }
}
