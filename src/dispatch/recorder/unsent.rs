//! What was not sent for a reason of our own, in this run: counted for the exit code, and logged once for each notice.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::dispatch::recorder::logged::Logged;

/// What was not sent for a reason of our own.
#[derive(Debug, Default)]
pub struct Unsent {
    count: AtomicU64,
    uninformed: AtomicU64,
    /// Notices of which that was logged.
    pub logged: Logged<Uuid>,
    /// Notices of which it was logged that messages wait for an operator.
    pub doubts: Logged<Uuid>,
}

impl Unsent {
    /// Counts a delivery.
    pub fn count(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a delivery that expired, or that waits for an operator since nobody knows whether it was taken.
    pub fn count_uninformed(&self) {
        self.uninformed.fetch_add(1, Ordering::Relaxed);
    }

    /// Such deliveries so far.
    pub fn uninformed(&self) -> u64 {
        self.uninformed.load(Ordering::Relaxed)
    }

    /// Deliveries so far.
    pub fn so_far(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}
