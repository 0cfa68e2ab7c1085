//! How many customers of a notice are informed, counted beside the request that asks: with a million deliveries that takes seconds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use uuid::Uuid;

use super::{Coverage, CoverageError, Covering, Totals};
use crate::domain::actor::Actor;

/// How long what was counted is shown again.
const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// How long a request waits for its count: that of a small notice is over by then.
const SOON: Duration = Duration::from_millis(30);

/// A count of the customers of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It goes on.
    Counting,
    /// What was counted, and when that was complete.
    Done(Timestamp, Totals),
}

/// The counts of this process, by notice. One is made at a time.
#[derive(Clone)]
pub(super) struct Counts {
    known: Arc<Mutex<BTreeMap<Uuid, Counted>>>,
    turn: Arc<Semaphore>,
}

impl Default for Counts {
    fn default() -> Self {
        Self { known: Arc::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Counts {
    fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<Uuid, Counted>) -> T) -> T {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The count of a notice, if it goes on or is fresh. Otherwise it is noted as going on.
    fn begun(&self, id: Uuid, now: Timestamp) -> Option<Counted> {
        self.with(|known| {
            known.retain(|_, it| !matches!(it, Counted::Done(at, _) if now.duration_since(*at) >= FRESH));
            let found = known.get(&id).copied();
            known.entry(id).or_insert(Counted::Counting);
            found
        })
    }
}

/// A count that goes on. However it ends, none is noted as going on then.
struct Going(Counts, Uuid);

impl Drop for Going {
    fn drop(&mut self) {
        self.0.with(|known| {
            if known.get(&self.1) == Some(&Counted::Counting) {
                known.remove(&self.1);
            }
        });
    }
}

impl Coverage {
    /// Returns how many customers of a released notice are informed, if that was counted within a minute, or can be at once; else begins to
    /// count unless that goes on.
    ///
    /// # Errors
    /// If there is no such notice, it is not released, or the database fails.
    pub async fn counted(&self, actor: &Actor, notice: &str) -> Result<Counted, CoverageError> {
        let covering = self.coverage(actor, notice).await?;
        let id = covering.notice.id;
        if let Some(found) = self.counts.begun(id, self.context.clock.now()) {
            return Ok(found);
        }
        let going = Going(self.counts.clone(), id);
        let count = tokio::spawn(self.clone().count(covering, going));
        // Beyond that time it goes on by itself.
        let _ = timeout(SOON, count).await;
        Ok(self.counts.with(|known| known.get(&id).copied()).unwrap_or(Counted::Counting))
    }

    async fn count(self, mut covering: Covering, going: Going) {
        let Ok(_turn) = self.counts.turn.acquire().await else { return };
        loop {
            match covering.next().await {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    let error = match error {
                        CoverageError::Store(error) => error.for_logs(),
                        other => other.to_string(),
                    };
                    tracing::warn!(error, "the customers of a notice could not be counted");
                    return;
                }
            }
        }
        let done = Counted::Done(self.context.clock.now(), covering.totals());
        self.counts.with(|known| known.insert(going.1, done));
    }
}
