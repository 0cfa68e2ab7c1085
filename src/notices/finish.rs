//! What becomes of notices without an operator: released when their time comes, cancelled to the last delivery, closed.

use uuid::Uuid;

use super::{NoticeError, Notices, is_due};
use crate::audience::AudienceError;
use crate::domain::category::Lane;
use crate::domain::delivery::{Outcome, State as DeliveryState};
use crate::domain::entry::{Detail, Entry, Event, Fact};
use crate::domain::notice::State;
use crate::store::ledger::Opening;
use crate::store::notices::{self as kept, Kept, Open};
use crate::store::{deliveries, ledger, queue, recipients, releases, settle, uncertain};

/// Deliveries cancelled in one transaction.
const CHUNK: u32 = 2000;

/// Something to be done for a notice that may take long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errand {
    /// The notice.
    pub notice: Uuid,
    /// Its lane.
    pub lane: Lane,
    /// What is to be done.
    pub task: Task,
}

/// What may take long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// To release a notice that is due, or whose release was broken off.
    Release,
    /// To cancel its deliveries to the last one.
    Cancel,
}

/// How an errand ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It is done.
    Out,
    /// Another process is at it, or held it when it was killed: half a minute later it is taken up. Or workers hold the last
    /// deliveries.
    NotYet,
}

impl Notices {
    /// What is to be done for open notices that may take long: those that go first, first.
    #[must_use]
    pub fn errands(&self, open: &[Open]) -> Vec<Errand> {
        let now = self.clock.now();
        let errand = |notice: &Open| {
            let task = match notice.state {
                State::Scheduled | State::Releasing if is_due(notice.send_at, now) => Task::Release,
                State::Cancelled => Task::Cancel,
                _ => return None,
            };
            Some(Errand { notice: notice.id, lane: notice.category.lane(), task })
        };
        open.iter().filter_map(errand).collect()
    }

    /// Carries an errand out.
    ///
    /// # Errors
    /// Where the database fails, and where a release is refused.
    pub async fn carry_out(&self, errand: Errand) -> Result<Carried, NoticeError> {
        match errand.task {
            Task::Release => self.release_due(errand.notice).await,
            Task::Cancel => {
                if let Some(notice) = kept::find(&mut *self.store.read().await?, errand.notice).await? {
                    self.finish_cancellation(&notice).await?;
                }
                Ok(if self.close(errand.notice).await? { Carried::Out } else { Carried::NotYet })
            }
        }
    }

    /// Closes those of the open notices with nothing left to do.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn close_done(&self, open: &[Open]) -> Result<(), NoticeError> {
        for notice in open {
            match notice.state {
                State::Released => drop(self.close(notice.id).await?),
                State::Closed => self.end_resending(notice.id).await?,
                _ => {}
            }
        }
        Ok(())
    }

    /// What was sent again of a closed notice has come to its end; its closed entry stays as it was.
    async fn end_resending(&self, id: Uuid) -> Result<(), NoticeError> {
        if queue::holds(&mut *self.store.read().await?, id).await? {
            return Ok(());
        }
        let mut tx = self.store.write().await?;
        uncertain::end_resending(&mut tx, id).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn release_due(&self, id: Uuid) -> Result<Carried, NoticeError> {
        let Some(notice) = kept::find(&mut *self.store.read().await?, id).await? else { return Ok(Carried::NotYet) };
        if notice.approved_digest != Some(notice.digest) {
            return Err(NoticeError::ApprovalVoid);
        }
        match self.freeze(&notice, "besked", None, &|_| {}).await {
            Ok(_) => Ok(Carried::Out),
            Err(NoticeError::Conflict | NoticeError::Audience(AudienceError::Lost)) => Ok(Carried::NotYet),
            Err(error) => Err(error),
        }
    }

    /// Ends what a cancelled notice has in the queue. Of one that was not released that is what a release left which was
    /// broken off: nobody was promised anything by it, and it goes without a trace.
    pub(super) async fn finish_cancellation(&self, notice: &Kept) -> Result<(), NoticeError> {
        if notice.released_at.is_some() {
            return self.cancel_queued(notice).await;
        }
        loop {
            let mut tx = self.store.write().await?;
            let discarded = releases::discard(&mut tx, notice.id, CHUNK).await?;
            tx.commit().await?;
            if discarded == 0 {
                return Ok(());
            }
        }
    }

    /// Cancels what waits in the queue, in chunks; what a worker holds is finished by it.
    async fn cancel_queued(&self, notice: &Kept) -> Result<(), NoticeError> {
        loop {
            let mut tx = self.store.write().await?;
            let ids = queue::unclaimed(&mut tx, notice.id, CHUNK).await?;
            if ids.is_empty() {
                return Ok(());
            }
            let at = self.clock.now();
            let texts: Vec<String> = ids.iter().map(Uuid::to_string).collect();
            let mut cancelled = Vec::with_capacity(ids.len());
            for recipient in recipients::find(&mut tx, &texts).await? {
                let fact = Fact {
                    notice: Some((notice.id, notice.category, notice.digest)),
                    ordinal: Some(recipient.ordinal),
                    ..Fact::new(Event::Cancelled, at)
                };
                let id = recipient.id;
                cancelled.push((id, Entry::new(&fact, Some(&recipient.into_person()), &self.random)));
            }
            settle::cancel(&mut tx, notice.id, at, &cancelled).await?;
            tx.commit().await?;
        }
    }

    /// Closes a notice with nothing left to do: one entry with the count of each outcome.
    pub(super) async fn close(&self, id: Uuid) -> Result<bool, NoticeError> {
        if queue::holds(&mut *self.store.read().await?, id).await? {
            return Ok(false);
        }
        let at = self.clock.now();
        let mut tx = self.store.write().await?;
        // Whoever puts a delivery back into the queue holds the row: what it queued is seen by the next statement.
        kept::lock(&mut tx, id).await?;
        if !kept::set_closed(&mut tx, id, at).await? {
            return Ok(false);
        }
        let Some(notice) = kept::find(&mut tx, id).await? else { return Ok(false) };
        let counts = deliveries::counts(&mut tx, id).await?;
        let of = |outcome: &Outcome| counts.get(&outcome.state()).map(|count| (*outcome, *count));
        debug_assert!(counts.keys().all(|state| !DeliveryState::is_open(*state)));
        let fact = Fact {
            notice: Some((id, notice.category, notice.digest)),
            detail: Detail::Closed(Outcome::ALL.iter().filter_map(of).collect()),
            ..Fact::new(Event::Closed, at)
        };
        let entry = Entry::new(&fact, None, &self.random);
        ledger::append(&mut tx, &[Opening::of_notice(&entry, id, at)]).await?;
        tx.commit().await?;
        tracing::info!(notice = %id, "closed: every delivery has its outcome");
        Ok(true)
    }
}
