//! What becomes of notices without an operator: released when their time comes, cancelled to the last delivery, closed.

use uuid::Uuid;

use super::{NoticeError, Notices, is_due};
use crate::domain::delivery::{Outcome, State as DeliveryState};
use crate::domain::entry::{Detail, Entry, Event, Fact};
use crate::domain::notice::State;
use crate::store::ledger::Opening;
use crate::store::notices::{self as kept, Kept};
use crate::store::{deliveries, ledger, queue, recipients, releases, settle, uncertain};

/// Deliveries cancelled in one transaction.
const CHUNK: u32 = 2000;

/// What was done by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Notices released.
    pub released: usize,
    /// Notices closed.
    pub closed: usize,
    /// Notices whose release failed; the log says why.
    pub failed: usize,
    /// Notices that another process is releasing, or held when it was killed: half a minute later they are taken up.
    pub held: Vec<Uuid>,
}

impl Notices {
    /// Releases what is due, takes up releases that were broken off, finishes cancellations, and closes what is done.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn advance(&self) -> Result<Progress, NoticeError> {
        let mut progress = Progress::default();
        let open = kept::open(&mut *self.store.read().await?).await?;
        for notice in open {
            match notice.state {
                State::Scheduled | State::Releasing if is_due(notice.send_at, self.clock.now()) => {
                    match self.release_due(notice.id).await {
                        Ok(true) => progress.released += 1,
                        Ok(false) => progress.held.push(notice.id),
                        Err(error) => {
                            progress.failed += 1;
                            tracing::error!(notice = %notice.id, %error, "a due notice could not be released");
                        }
                    }
                }
                State::Cancelled => {
                    if let Some(notice) = kept::find(&mut *self.store.read().await?, notice.id).await? {
                        self.finish_cancellation(&notice).await?;
                    }
                    progress.closed += usize::from(self.close(notice.id).await?);
                }
                State::Released => progress.closed += usize::from(self.close(notice.id).await?),
                State::Closed => self.end_resending(notice.id).await?,
                _ => {}
            }
        }
        Ok(progress)
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

    /// False where another process is at it.
    async fn release_due(&self, id: Uuid) -> Result<bool, NoticeError> {
        let Some(notice) = kept::find(&mut *self.store.read().await?, id).await? else { return Ok(false) };
        if notice.approved_digest != Some(notice.digest) {
            return Err(NoticeError::ApprovalVoid);
        }
        match self.freeze(&notice, "besked", None, &|_| {}).await {
            Err(NoticeError::Conflict) => Ok(false),
            other => other.map(|_| true),
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
