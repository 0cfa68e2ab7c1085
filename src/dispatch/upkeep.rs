//! What a dispatcher does beside sending: it seals twice a second, and once an hour looks whether persons' time is over and a
//! checkpoint is to be mailed. None of it is ever in the way of sending; what fails is told and tried again.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::ledger::{Ledger, Sealed};
use crate::privacy::Privacy;
use crate::retention::Retention;

/// How often to seal.
const SEALING: Duration = Duration::from_millis(500);

/// How long to wait after sealing failed or was found stopped.
const SEALING_PAUSE: Duration = Duration::from_secs(5);

/// Rounds of sealing between two looks at what has time.
const ROUNDS: u32 = 7200;

/// The keepers at work.
#[derive(Clone)]
pub struct Upkeep {
    /// Seals.
    pub ledger: Ledger,
    /// Carries out tombstones that a restored database does not know.
    pub privacy: Privacy,
    /// Deletes persons whose time is over.
    pub retention: Retention,
}

impl Upkeep {
    /// Before anything is sent: whoever was erased stays so in a restored copy.
    pub async fn begin(&self) {
        match self.privacy.replay().await {
            Ok(0) => {}
            Ok(count) => {
                tracing::warn!(count, "this database is a restored copy: persons erased since then were erased again")
            }
            Err(error) => {
                tracing::error!(%error, "erased persons in this database could not be erased again, trying again")
            }
        }
    }

    /// Works until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut round = 0;
        loop {
            if round % ROUNDS == 0 {
                self.look_at_what_has_time().await;
            }
            round = (round + 1) % ROUNDS;
            let pause = match self.ledger.seal().await {
                Ok(Sealed::Upto(_)) => SEALING,
                // Told when it stopped; a person lets it go on.
                Ok(Sealed::Stopped(_)) => SEALING_PAUSE,
                Err(error) => {
                    tracing::error!(%error, "entries could not be sealed, trying again");
                    SEALING_PAUSE
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn look_at_what_has_time(&self) {
        self.begin().await;
        match self.retention.run(false).await {
            Ok(purged) => {
                for notice in purged {
                    tracing::info!(notice = %notice.notice_id, persons = notice.persons, "retention is over: persons were deleted");
                }
            }
            Err(error) => tracing::error!(%error, "persons whose time is over could not be deleted, trying again"),
        }
        match self.ledger.mail_checkpoint().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "mailed the checkpoint"),
            Err(error) => tracing::error!(%error, "the checkpoint could not be mailed, trying again"),
        }
    }
}
