//! Whether the database can be written: it may answer every question while it is read-only, locked or out of disk space.
//!
//! Only a write says so. While the dispatcher works, it writes and says what came of it. Otherwise something is written when
//! somebody asks, at most once a second however many ask: neither a scraper nor a load balancer can make this process write
//! more than that.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::store::{Store, StoreError, secrets};

/// How long the result of a write holds.
const FRESH: Duration = Duration::from_secs(1);

/// How long a write may take until the database counts as not writable.
const PATIENCE: Duration = Duration::from_millis(1500);

/// How long it may take at all on PostgreSQL.
const DEADLINE: Duration = Duration::from_secs(15);

/// Whether the database can be written: a cheap handle, cloned freely.
#[derive(Clone, Debug, Default)]
pub struct Writable(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The dispatcher fails to write, and retries.
    outage: bool,
    /// The last result, and when it came.
    known: Option<(Instant, bool)>,
    /// When the write in progress began, and what closes when it ends.
    under_way: Option<(Instant, watch::Receiver<()>)>,
}

impl Writable {
    /// Records that the dispatcher failed to write, until it succeeds.
    pub fn failed(&self) {
        self.state().outage = true;
    }

    /// Records that the dispatcher has written.
    pub fn written(&self) {
        let mut state = self.state();
        state.outage = false;
        state.known = Some((Instant::now(), true));
    }

    /// Records that nobody writes regularly any more.
    pub fn unknown(&self) {
        let mut state = self.state();
        state.outage = false;
        state.known = None;
    }

    /// True if the database can be written now. Writes if that is not known.
    pub async fn now(&self, store: &Store) -> bool {
        let (began, mut under_way) = {
            let mut state = self.state();
            if state.outage {
                return false;
            }
            if let Some((_, written)) = state.known.filter(|(at, _)| at.elapsed() < FRESH) {
                return written;
            }
            match state.under_way.as_ref().filter(|(_, it)| it.has_changed().is_ok()) {
                Some(under_way) => under_way.clone(),
                None => self.begin(&mut state, store),
            }
        };
        // It ends by being dropped.
        if timeout_at(began + PATIENCE, under_way.changed()).await.is_err() {
            return false;
        }
        self.state().known.is_some_and(|(_, written)| written)
    }

    /// Begins a write, in a task of its own: on SQLite a write that waits for another process is not aborted halfway.
    fn begin(&self, state: &mut State, store: &Store) -> (Instant, watch::Receiver<()>) {
        let (ends, under_way) = watch::channel(());
        let begun = (Instant::now(), under_way);
        state.under_way = Some(begun.clone());
        let (writable, store) = (self.clone(), store.clone());
        tokio::spawn(async move {
            let written = store.within(DEADLINE, write(&store)).await;
            if let Err(error) = &written {
                tracing::debug!(error = error.for_logs(), "the database cannot be written");
            }
            writable.state().known = Some((Instant::now(), written.is_ok()));
            drop(ends);
        });
        begun
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is a few assignments.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes something that nobody reads.
///
/// # Errors
/// If the database cannot be written.
pub async fn write(store: &Store) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    secrets::touch(&mut tx).await?;
    Ok(tx.commit().await?)
}
