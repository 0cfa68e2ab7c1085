//! Reads the messages that wait, and records what they say: a page of them in one transaction.

use futures_util::future::join_all;
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Inbound;
use super::settle::Settled;
use super::tie::{Opened, Tied};
use crate::domain::inbound::Disposition;
use crate::metrics::repeats::Repeats;
use crate::store::StoreError;
use crate::store::inbound;
use crate::store::people::subjects;
use crate::store::proof::tree;

/// Messages that are read from the database and recorded at once.
const AT_ONCE: u32 = 50;

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

impl Worked {
    fn add(&mut self, settled: &Settled) {
        match settled {
            Settled::Done(Disposition::Recorded, _) => self.recorded += 1,
            Settled::Done(..) => self.unmatched += 1,
            Settled::Waits => self.waiting += 1,
            Settled::Gone => {}
        }
    }
}

impl Inbound {
    /// Works until `ended`. Several processes may do so at once.
    pub async fn work(&self, ended: &CancellationToken) {
        let repeats = Repeats::default();
        loop {
            // Each page is a transaction: what is interrupted here is done by the next start.
            let working = async {
                self.lull.wait().await;
                self.work_full_pages().await
            };
            let Some(worked) = ended.run_until_cancelled(working).await else { return };
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
        while self.work_page(&mut worked).await? > 0 {}
        Ok(worked)
    }

    /// Reads and records what is due until a page was not full. What comes meanwhile waits for others: many small transactions would
    /// hold up the senders, who wait for theirs.
    async fn work_full_pages(&self) -> Result<(), StoreError> {
        while self.work_page(&mut Worked::default()).await? == AT_ONCE as usize {}
        Ok(())
    }

    /// Reads and records the messages that have waited longest. Returns how many there were.
    ///
    /// # Errors
    /// If the database fails; then none of them is recorded.
    pub async fn work_page(&self, worked: &mut Worked) -> Result<usize, StoreError> {
        let now = self.context.clock.now();
        let page = inbound::waiting(&mut *self.context.store.read().await?, now, AT_ONCE).await?;
        let count = page.len();
        if count == 0 {
            return Ok(0);
        }
        let mut opened = Vec::with_capacity(page.len());
        let opening = page.into_iter().map(async |(id, waiting)| match waiting {
            Ok(waiting) => (id, self.open(waiting).await),
            Err(error) => (id, Err(error)),
        });
        for (id, read) in join_all(opening).await {
            match read {
                Ok(read) => opened.push(read),
                Err(error) => self.set_aside(id, &error).await?,
            }
        }
        match self.record_all(opened.clone()).await {
            Ok(settled) => settled.iter().for_each(|it| worked.add(it)),
            Err(error) if !error.is_refusal() => return Err(error),
            // One that the database refuses must not keep out the others.
            Err(_) => {
                for alone in opened {
                    let id = alone.waiting.id;
                    match self.record_all(vec![alone]).await {
                        Ok(settled) => settled.iter().for_each(|it| worked.add(it)),
                        Err(error) if !error.is_refusal() => return Err(error),
                        Err(error) => self.set_aside(id, &error).await?,
                    }
                }
            }
        }
        Ok(count)
    }

    /// Records messages that were read, all in one transaction.
    async fn record_all(&self, opened: Vec<Opened>) -> Result<Vec<Settled>, StoreError> {
        let mut settled = Vec::with_capacity(opened.len());
        let mut verdicts = Vec::new();
        let mut tx = self.context.store.write().await?;
        // All places in the queue before the first notice, as the lock order is.
        tree::lock_head(&mut tx).await?;
        let (stored, messages): (Vec<_>, _) =
            opened.into_iter().map(|Opened { waiting, digest, message }| ((waiting, digest), message)).unzip();
        let tied = self.tie(&mut tx, messages).await?;
        let mut deliveries: Vec<Uuid> = tied.iter().filter_map(Tied::delivery).collect();
        deliveries.sort_unstable();
        deliveries.dedup();
        subjects::lock_queue(&mut tx, &deliveries).await?;
        for ((waiting, digest), tied) in stored.iter().zip(&tied) {
            let kind = tied.message.kind;
            let done = self.settle(&mut tx, waiting, *digest, tied).await?;
            if let Settled::Done(_, of_it) = &done {
                verdicts.extend(of_it.iter().map(|verdict| (kind, *verdict)));
            }
            settled.push(done);
        }
        tx.commit().await?;
        verdicts.into_iter().for_each(|(kind, verdict)| self.metrics.reported(kind, verdict));
        Ok(settled)
    }

    /// Leaves a message for later that cannot be recorded, so that the others go on.
    async fn set_aside(&self, id: Uuid, error: &StoreError) -> Result<(), StoreError> {
        let error = error.for_logs();
        tracing::error!(inbound = %id, error, "an inbound message cannot be recorded, retrying in a minute");
        let later = self.context.clock.now() + jiff::SignedDuration::from_secs(60);
        let mut tx = self.context.store.write().await?;
        inbound::postpone(&mut tx, id, later).await?;
        tx.commit().await?;
        Ok(())
    }
}
