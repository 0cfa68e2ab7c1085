//! What was not sent for a reason of our own, in this run: counted for the exit code, and logged once for each notice.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// Notices remembered as logged; beyond that, the memory starts over.
const MOST: usize = 10_000;

/// What was not sent for a reason of our own.
#[derive(Debug, Default)]
pub struct Unsent {
    count: AtomicU64,
    logged: Mutex<HashSet<Uuid>>,
}

impl Unsent {
    /// Counts a delivery.
    pub fn count(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Deliveries so far.
    pub fn so_far(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// True if nothing was logged about this notice yet.
    pub fn complain(&self, notice: Uuid) -> bool {
        // A single insertion: nothing can be half done.
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() >= MOST {
            logged.clear();
        }
        logged.insert(notice)
    }
}
