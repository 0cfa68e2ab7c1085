//! What a dispatcher does beside sending: it seals twice a second; once a second it looks for customers who are not informed; once an hour it exchanges tombstones with the journal, deletes
//! what retention has ended for and what was uploaded and not imported, and mails the checkpoint; at night it rewrites the file from which it deleted. Only the first exchange delays the sending. What fails is logged and
//! retried.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::actor::Actor;
use crate::domain::reply::for_logs;
use crate::escalation::Escalation;
use crate::inbound::Inbound;
use crate::ledger::{Ledger, LedgerError, Sealed};
use crate::metrics::repeats::Repeats;
use crate::operators::uploads::Uploads;
use crate::people::directory::{Directory, Synced};
use crate::people::retention::Retention;
use crate::people::subjects::{SubjectError, Subjects};
use crate::store::Store;
use crate::webhooks::{Sender, Webhooks};

/// How often to seal.
const SEALING: Duration = Duration::from_millis(500);

/// How long to wait after sealing failed or was found stopped.
const SEALING_PAUSE: Duration = Duration::from_secs(5);

/// How often to look for customers who are not informed.
const ESCALATING: Duration = Duration::from_secs(1);

/// How long to wait after that failed.
const ESCALATING_PAUSE: Duration = Duration::from_secs(5);

/// How often to look whether the directory is due.
const FETCHING: Duration = Duration::from_secs(5);

/// How often to look whether webhooks are to be called.
const CALLING: Duration = Duration::from_secs(1);

/// How long to wait after that failed.
const CALLING_PAUSE: Duration = Duration::from_secs(5);

/// How long the last calls of a run may take: what a run by hand or by cron did is known at its end.
const LAST_CALLS: Duration = Duration::from_secs(3);

/// How often to do the hourly work.
const HOUR: Duration = Duration::from_secs(3600);

/// How long to wait after the hourly work failed.
const HOUR_FAILED: Duration = Duration::from_secs(60);

/// How long the database may be silent: the VACUUM of a table that persons were deleted from takes less.
const SILENCE: Duration = Duration::from_secs(180);

/// The same while the file is rewritten: a SQLite file of many gigabytes takes longer.
const SCRUB_SILENCE: Duration = Duration::from_secs(3600);

/// The services at work.
#[derive(Clone)]
pub struct Upkeep {
    /// The database.
    pub store: Store,
    /// Seals entries.
    pub ledger: Ledger,
    /// Erases again who was erased before the database was restored.
    pub subjects: Subjects,
    /// Deletes what retention has ended for.
    pub retention: Retention,
    /// Records what came back by mail.
    pub inbound: Inbound,
    /// Addresses others where a customer is not informed.
    pub escalation: Escalation,
    /// Fetches customers.
    pub directory: Directory,
    /// Deletes what they uploaded and did not import.
    pub uploads: Uploads,
    /// Calls other systems.
    pub webhooks: Webhooks,
}

/// Whether sending may begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Everybody who was erased is erased in this database.
    Ready,
    /// A message to an erased person is being sent by another node.
    Sending,
    /// Erased persons may be in this database, with the reason why that is not known.
    NotErased(String),
}

impl Upkeep {
    /// Exchanges tombstones with the journal of this node, and logs what was found. Nothing may be sent before it was read.
    pub async fn begin(&self) -> Begun {
        let actor = Actor::system("restore");
        let exchanged = match self.store.watched(SILENCE, self.subjects.exchange(&actor)).await {
            Ok(exchanged) => exchanged,
            Err(SubjectError::Sending) => return Begun::Sending,
            Err(error) => {
                let reason = error.for_logs();
                tracing::error!(
                    reason,
                    "erased persons may be back in this database, so nothing is sent: make the tombstone journal of `[privacy]` \
                     readable, or restore it with its key; retrying"
                );
                return Begun::NotErased(reason);
            }
        };
        if exchanged.erased > 0 {
            let count = exchanged.erased;
            tracing::warn!(count, "this database is a restored copy: persons erased since then were erased again");
        }
        if let Some(error) = exchanged.unwritten {
            tracing::error!(%error, "the tombstone journal of this node lacks erasures: a restored copy may bring persons back");
        }
        Begun::Ready
    }

    /// Seals once: that finds out whether this database is a restored copy, of which optional mail waits for an operator. Returns
    /// false if the database failed; a key or a state that cannot be read stops no sending.
    pub async fn is_examined(&self) -> bool {
        match self.store.watched(SILENCE, self.ledger.seal()).await {
            Ok(_) => true,
            Err(LedgerError::Store(error)) => {
                tracing::error!(
                    error = error.for_logs(),
                    "whether the database is a restored copy is not known yet, retrying"
                );
                false
            }
            Err(error) => {
                tracing::error!(%error, "entries cannot be sealed");
                true
            }
        }
    }

    /// Works until `stop`. Sealing, the hourly work and inbound mail do not wait for each other.
    pub async fn run(self, stop: CancellationToken) {
        // On the heap: what is moved into a task should be small, and together they are not.
        tokio::join!(
            Box::pin(self.seal(&stop)),
            Box::pin(self.look(&stop)),
            Box::pin(self.inbound.work(&stop)),
            Box::pin(self.escalate(&stop)),
            Box::pin(self.fetch(&stop)),
            Box::pin(self.call(&stop))
        );
    }

    async fn escalate(&self, stop: &CancellationToken) {
        let repeats = Repeats::default();
        while !stop.is_cancelled() {
            // Each step is a transaction: what is interrupted here is done by the next round.
            let round = self.store.watched(SILENCE, self.escalation.round());
            let pause = match stop.run_until_cancelled(round).await {
                Some(Err(error)) => {
                    repeats.log("customers who are not informed cannot be escalated", &error.for_logs());
                    ESCALATING_PAUSE
                }
                _ => ESCALATING,
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        // Without it, another node would wait until the hold has run out.
        let _ = self.escalation.let_go().await;
    }

    /// Calls webhooks. What is sent runs beside the steps, in tasks of its own.
    async fn call(&self, stop: &CancellationToken) {
        let repeats = Repeats::default();
        let mut sender = Sender::new(self.webhooks.clone());
        while !stop.is_cancelled() {
            // Each step is transactions: what is interrupted here is done by the next one.
            let pause = match stop.run_until_cancelled(self.store.watched(SILENCE, sender.step())).await {
                Some(Err(error)) => {
                    repeats.log("webhooks cannot be called", &error.for_logs());
                    CALLING_PAUSE
                }
                _ => CALLING,
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        let _ = tokio::time::timeout(LAST_CALLS, sender.finish()).await;
        let _ = sender.break_off().await;
    }

    /// Fetches customers when it is due.
    async fn fetch(&self, stop: &CancellationToken) {
        let repeats = Repeats::default();
        while !stop.is_cancelled() {
            // What is interrupted here changed nothing; another node or the next start takes it up.
            match stop.run_until_cancelled(self.directory.sync_when_due()).await {
                Some(Err(error)) => repeats.log("customers cannot be fetched from the directory", &error.for_logs()),
                Some(Ok(Some(Synced::Imported(imported)))) => {
                    let (customers, contacts) = (imported.customers, imported.contacts);
                    tracing::info!(customers, contacts, "imported the customers of the directory");
                }
                _ => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(FETCHING) => {}
            }
        }
    }

    async fn seal(&self, stop: &CancellationToken) {
        let repeats = Repeats::default();
        loop {
            let pause = match self.store.watched(SILENCE, self.ledger.seal()).await {
                Ok(Sealed::Upto(_)) => SEALING,
                // Logged when it stopped; an operator continues it.
                Ok(Sealed::Stopped(_)) => SEALING_PAUSE,
                Err(error) => {
                    repeats.log("entries cannot be sealed", &error);
                    SEALING_PAUSE
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn look(&self, stop: &CancellationToken) {
        loop {
            // Each step is a transaction: what is interrupted here is done by the next start.
            let pause = tokio::select! {
                () = stop.cancelled() => return,
                done = self.hourly() => if done { HOUR } else { HOUR_FAILED },
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Does the hourly work; returns true if all of it was done.
    async fn hourly(&self) -> bool {
        let mut done = self.begin().await == Begun::Ready;
        match self.store.watched(SILENCE, self.retention.purge(&Actor::system("retention"), false)).await {
            Ok(report) => {
                for notice in report.notices {
                    tracing::info!(notice = %notice.notice_id, persons = notice.persons, "retention has ended: persons were deleted");
                }
                for (kind, count) in report.records.into_iter().filter(|(_, count)| *count > 0) {
                    tracing::info!(%kind, count, "retention has ended: records were deleted");
                }
            }
            Err(error) => {
                done = false;
                let error = error.for_logs();
                tracing::error!(error, "persons whose retention has ended could not be deleted, retrying");
            }
        }
        if let Err(error) = self.store.watched(SILENCE, self.uploads.sweep()).await {
            done = false;
            let error = error.for_logs();
            tracing::error!(error, "files that nobody has imported could not be deleted, retrying");
        }
        match self.store.watched(SCRUB_SILENCE, self.retention.scrub_when_calm()).await {
            Ok(true) => tracing::info!("the database file was rewritten without what was deleted"),
            Ok(false) => {}
            Err(error) => {
                let error = error.for_logs();
                tracing::error!(
                    error,
                    "what was deleted may still be in the database file: it could not be rewritten, retrying tomorrow"
                );
            }
        }
        match self.ledger.mail_checkpoint().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "mailed the checkpoint"),
            Err(error) => {
                done = false;
                let error = for_logs(&error.to_string());
                tracing::error!(error, "the checkpoint could not be mailed, retrying");
            }
        }
        done
    }
}
