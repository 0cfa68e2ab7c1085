//! What a dispatcher does beside sending: it seals twice a second, and once an hour looks whether persons' time is over and a
//! checkpoint is to be mailed. None of it is ever in the way of sending; what fails is told and tried again.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::outage::Told;
use crate::domain::reply::for_logs;
use crate::ledger::{Ledger, Sealed};
use crate::people::retention::Retention;
use crate::people::subjects::Privacy;
use crate::store::Store;

/// How often to seal.
const SEALING: Duration = Duration::from_millis(500);

/// How long to wait after sealing failed or was found stopped.
const SEALING_PAUSE: Duration = Duration::from_secs(5);

/// How often to look for what has time.
const HOUR: Duration = Duration::from_secs(3600);

/// How long to wait after that failed.
const HOUR_FAILED: Duration = Duration::from_secs(60);

/// How long the database may say nothing: a table that persons were deleted from is vacuumed by then.
const SILENCE: Duration = Duration::from_secs(180);

/// The keepers at work.
#[derive(Clone)]
pub struct Upkeep {
    /// Where everything is kept.
    pub store: Store,
    /// Seals.
    pub ledger: Ledger,
    /// Carries out tombstones that a restored database does not know.
    pub privacy: Privacy,
    /// Deletes persons whose time is over.
    pub retention: Retention,
}

impl Upkeep {
    /// Before anything is sent: whoever was erased stays so in a restored copy. False where that could not be made sure.
    pub async fn begin(&self) -> bool {
        match self.store.watched(SILENCE, self.privacy.replay()).await {
            Ok(0) => true,
            Ok(count) => {
                tracing::warn!(count, "this database is a restored copy: persons erased since then were erased again");
                true
            }
            Err(error) => {
                tracing::error!(%error, "whoever was erased may be back in this database, trying again");
                false
            }
        }
    }

    /// Works until `stop`. Sealing and the rest do not wait for each other.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(self.seal(&stop), self.look(&stop));
    }

    async fn seal(&self, stop: &CancellationToken) {
        let told = Told::default();
        loop {
            let pause = match self.store.watched(SILENCE, self.ledger.seal()).await {
                Ok(Sealed::Upto(_)) => SEALING,
                // Told when it stopped; a person lets it go on.
                Ok(Sealed::Stopped(_)) => SEALING_PAUSE,
                Err(error) => {
                    told.tell("entries cannot be sealed", &error);
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
            // What is broken off by the end is done again by the next start: each step is a transaction.
            let pause = tokio::select! {
                () = stop.cancelled() => return,
                done = self.look_at_what_has_time() => if done { HOUR } else { HOUR_FAILED },
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// True where all of it was done.
    async fn look_at_what_has_time(&self) -> bool {
        let mut done = self.begin().await;
        match self.store.watched(SILENCE, self.retention.run(false)).await {
            Ok(purged) => {
                for notice in purged {
                    tracing::info!(notice = %notice.notice_id, persons = notice.persons, "retention is over: persons were deleted");
                }
            }
            Err(error) => {
                done = false;
                tracing::error!(%error, "persons whose time is over could not be deleted, trying again");
            }
        }
        match self.ledger.mail_checkpoint().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "mailed the checkpoint"),
            Err(error) => {
                done = false;
                let error = for_logs(&error.to_string());
                tracing::error!(error, "the checkpoint could not be mailed, trying again");
            }
        }
        done
    }
}
