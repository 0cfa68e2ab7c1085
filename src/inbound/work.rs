//! Reads the messages that wait, one after another, and records what they say.

use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;

use super::Inbound;
use super::settle::Settled;
use crate::domain::inbound::Disposition;
use crate::metrics::repeats::Repeats;
use crate::store::StoreError;
use crate::store::inbound::{self, Waiting};

/// Messages that are read from the database at once.
const AT_ONCE: u32 = 20;

/// How often to look for messages.
const PAUSE: Duration = Duration::from_millis(500);

/// How often to look while the database fails.
const PAUSE_FAILED: Duration = Duration::from_secs(5);

/// What was done with messages that waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worked {
    /// Recorded with a delivery.
    pub recorded: u64,
    /// About no delivery that is known.
    pub unmatched: u64,
    /// Left for later: their deliveries are not finished.
    pub waiting: u64,
}

impl Worked {
    /// True if no message was due.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl Inbound {
    /// Works until `ended`. Several processes may do so at once.
    pub async fn work(&self, ended: &CancellationToken) {
        let repeats = Repeats::default();
        loop {
            // Each message is a transaction: what is interrupted here is done by the next start.
            let Some(worked) = ended.run_until_cancelled(self.work_once()).await else { return };
            let pause = match worked {
                Ok(_) => PAUSE,
                Err(error) => {
                    repeats.log("inbound mail cannot be recorded", &error);
                    PAUSE_FAILED
                }
            };
            tokio::select! {
                () = ended.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }

    /// Reads and records every message that is due.
    ///
    /// # Errors
    /// If the database fails; what was recorded until then stays recorded.
    pub async fn work_once(&self) -> Result<Worked, StoreError> {
        let mut worked = Worked::default();
        loop {
            let now = self.context.clock.now();
            let page = inbound::waiting(&mut *self.context.store.read().await?, now, AT_ONCE).await?;
            if page.is_empty() {
                return Ok(worked);
            }
            for waiting in page {
                match self.record_one(&waiting).await {
                    Ok(Settled::Done(Disposition::Recorded, _)) => worked.recorded += 1,
                    Ok(Settled::Done(..)) => worked.unmatched += 1,
                    Ok(Settled::Waits) => worked.waiting += 1,
                    Ok(Settled::Gone) => {}
                    Err(error) if !error.is_refusal() => return Err(error),
                    Err(error) => self.set_aside(&waiting, &error).await?,
                }
            }
        }
    }

    /// Reads a message and records it, in a transaction of its own.
    async fn record_one(&self, waiting: &Waiting) -> Result<Settled, StoreError> {
        let bytes = waiting.bytes()?;
        let message = self.read(bytes.clone(), waiting.recipient.clone()).await;
        let mut tx = self.context.store.write().await?;
        let kind = message.kind;
        let settled = self.settle(&mut tx, waiting, &bytes, message).await?;
        tx.commit().await?;
        if let Settled::Done(_, verdicts) = &settled {
            verdicts.iter().for_each(|verdict| self.metrics.reported(kind, *verdict));
        }
        Ok(settled)
    }

    /// Leaves a message for later that cannot be recorded, so that the others go on.
    async fn set_aside(&self, waiting: &Waiting, error: &StoreError) -> Result<(), StoreError> {
        let error = error.for_logs();
        tracing::error!(inbound = %waiting.id, error, "an inbound message cannot be recorded, retrying in a minute");
        let later = self.context.clock.now() + jiff::SignedDuration::from_secs(60);
        let mut tx = self.context.store.write().await?;
        inbound::postpone(&mut tx, waiting.id, later).await?;
        tx.commit().await?;
        Ok(())
    }
}
