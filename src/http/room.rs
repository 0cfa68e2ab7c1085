//! Room for connections: how many there are at once, and which of them goes when another one comes.
//!
//! A connection *waits* while there is no whole request on it: it is new, idle, or sends slowly. One that waits costs its peer
//! nothing, so that a single peer could take all places. If there is no place left, the connection that has waited longest is
//! closed for the new one, as nginx does with its idle ones: a client that sends its request at once is answered however many
//! others only wait. If every connection is being served, the new one stays where it is until one of them is done: it is
//! answered late, while a 503 at once would have a mail program drop an unsubscription.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The connections of a listener.
#[derive(Debug)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    /// The longest waiting first.
    tokens: BTreeMap<u64, CancellationToken>,
}

/// A place for a connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Room>,
    /// Cancelled if the connection must go.
    dismissed: CancellationToken,
    /// Where it stands among those that wait, if it does.
    turn: Mutex<Option<u64>>,
    _permit: OwnedSemaphorePermit,
}

impl Room {
    /// Room for this many connections.
    pub(super) fn new(connections: usize) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS)));
        Arc::new(Self { places, waiting: Mutex::default() })
    }

    /// A place for a new connection; closes another one if it has to.
    pub(super) async fn place(self: &Arc<Self>) -> Place {
        if self.is_full()
            && let Some((_, longest)) = self.waiting().tokens.pop_first()
        {
            longest.cancel();
        }
        let permit = self.places.clone().acquire_owned().await.expect("it is never closed");
        let (dismissed, turn) = (CancellationToken::new(), Mutex::default());
        let place = Place { room: self.clone(), dismissed, turn, _permit: permit };
        place.wait();
        place
    }

    /// True if there is no place left. A connection that was served then ends.
    pub(super) fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }

    /// Closes all that wait.
    pub(super) fn dismiss(&self) {
        for token in std::mem::take(&mut self.waiting().tokens).into_values() {
            token.cancel();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Each change is a few assignments.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Records that there is no whole request on the connection.
    pub(super) fn wait(&self) {
        let mut turn = self.turn();
        let mut waiting = self.room.waiting();
        let next = waiting.next;
        waiting.next += 1;
        waiting.tokens.insert(next, self.dismissed.clone());
        let last = turn.replace(next);
        last.map(|last| waiting.tokens.remove(&last));
    }

    /// Records that there is one.
    pub(super) fn serve(&self) {
        if let Some(turn) = self.turn().take() {
            self.room.waiting().tokens.remove(&turn);
        }
    }

    /// Returns when the connection must go.
    pub(super) async fn dismissed(&self) {
        self.dismissed.cancelled().await;
    }

    /// True if the connection has to end after this answer.
    pub(super) fn is_wanted(&self) -> bool {
        self.room.is_full()
    }

    fn turn(&self) -> MutexGuard<'_, Option<u64>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.serve();
    }
}
