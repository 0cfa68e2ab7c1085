//! Optional mail after a database was restored from a copy: what the lost time sent is not known, and nobody wants a newsletter
//! twice. It waits until an operator has decided.

use uuid::Uuid;

use super::{Deliveries, DeliveryError};
use crate::domain::actor::Actor;
use crate::domain::entry::{Entry, Event, Fact};
use crate::domain::right::Right;
use crate::ledger::{Ledger, Signed};
use crate::people::subjects::SubjectError;
use crate::store::notices as kept;
use crate::store::sending::{queue, recipients, settle, uncertain};

/// Deliveries that one transaction takes out of the queue.
const CHUNK: u32 = 500;

/// What becomes of optional mail that waits when sealing resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It is sent: some may get it twice.
    Send,
    /// It is left uncertain: an operator decides later.
    LeaveUncertain,
}

/// What resuming did.
#[derive(Debug)]
pub struct Resumed {
    /// The checkpoint that was signed.
    pub signed: Signed,
    /// Deliveries that were left uncertain.
    pub left: u64,
    /// Persons who were erased since the copy was made, and were erased again; or why that is not known. Sealing goes on then, too, and
    /// a dispatcher exchanges the tombstones once more.
    pub erased: Result<usize, SubjectError>,
}

impl Deliveries {
    /// Resumes sealing after it stopped, and decides what becomes of optional mail that waits. Nothing is decided unless sealing has
    /// stopped and this machine can resume it.
    ///
    /// # Errors
    /// If nothing stopped it or this machine cannot sign, the reason is not one line of text, or optional mail waits and `waiting`
    /// is absent.
    pub async fn resume(
        &self,
        actor: &Actor,
        reason: &str,
        waiting: Option<Waiting>,
    ) -> Result<Resumed, DeliveryError> {
        actor.may_at_all(Right::ContinueLedger)?;
        let ledger = Ledger::new(self.context.clone());
        ledger.may_resume(reason).await?;
        // Before sealing resumes: from then on it is sent.
        let left = match (waiting, self.perhaps_sent().await?) {
            (Some(Waiting::Send), _) | (_, 0) => 0,
            (Some(Waiting::LeaveUncertain), _) => self.leave_uncertain(actor).await?,
            (None, waiting) => return Err(DeliveryError::Undecided(waiting)),
        };
        let signed = ledger.resume(actor, reason).await?;
        // A restored copy may name persons who were erased since.
        let erased = self.subjects.exchange(actor).await.map(|exchanged| exchanged.erased);
        if let Err(error) = &erased {
            let error = error.for_logs();
            tracing::error!(error, "sealing goes on, and persons who were erased may be in this database");
        }
        Ok(Resumed { signed, left, erased })
    }

    /// How many deliveries of optional categories wait, and may have been sent already if this database is a restored copy.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn perhaps_sent(&self) -> Result<u64, DeliveryError> {
        let waiting = uncertain::optional_waiting(&mut *self.context.store.read().await?).await?;
        Ok(waiting.iter().map(|(_, count)| count).sum())
    }

    /// Leaves all waiting deliveries of optional categories uncertain, each with an entry that says why and by whom. Returns how
    /// many. `deliveries uncertain` decides about them later.
    ///
    /// # Errors
    /// If the database fails; what was left uncertain by then stays so.
    pub async fn leave_uncertain(&self, actor: &Actor) -> Result<u64, DeliveryError> {
        let waiting = uncertain::optional_waiting(&mut *self.context.store.read().await?).await?;
        let mut left = 0;
        for (notice_id, _) in waiting {
            while let more @ 1.. = self.leave_some_uncertain(actor, notice_id).await? {
                left += more;
            }
        }
        Ok(left)
    }

    async fn leave_some_uncertain(&self, actor: &Actor, notice_id: Uuid) -> Result<u64, DeliveryError> {
        let mut tx = self.context.store.write().await?;
        let ids = queue::unclaimed(&mut tx, notice_id, CHUNK).await?;
        let Some(notice) = kept::find(&mut tx, notice_id).await? else { return Ok(0) };
        let texts: Vec<String> = ids.iter().map(Uuid::to_string).collect();
        let at = self.context.clock.now();
        let why = format!("the database was restored from a copy, left uncertain by {actor}");
        let mut entries = Vec::with_capacity(ids.len());
        for recipient in recipients::find(&mut tx, &texts).await? {
            let fact = Fact { ordinal: Some(recipient.ordinal), ..notice.fact(Event::Uncertain, at) };
            let id = recipient.id;
            let mut person = recipient.into_person();
            person.reply.clone_from(&why);
            entries.push((id, Entry::new(&fact, Some(&person), &self.context.random)));
        }
        settle::leave_uncertain(&mut tx, notice_id, at, &why, &entries).await?;
        tx.commit().await?;
        Ok(ids.len() as u64)
    }
}
