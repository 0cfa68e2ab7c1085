//! The results of a relay since its dispatcher started.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use jiff::Timestamp;

use crate::domain::clock::from_millis;
use crate::domain::delivery::Outcome;

/// Counts of one relay.
#[derive(Debug, Default)]
pub struct Tally {
    sent: AtomicU64,
    deferred: AtomicU64,
    refused: AtomicU64,
    /// In milliseconds; 0 for never.
    last_success: AtomicI64,
}

/// Counts as they were at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Messages accepted.
    pub sent: u64,
    /// Transactions to be retried, uncertain ones included.
    pub deferred: u64,
    /// Messages and recipients refused for good.
    pub refused: u64,
    /// When a message was last accepted.
    pub last_success: Option<Timestamp>,
}

impl Tally {
    /// Counts a transaction.
    pub fn count(&self, outcome: Outcome, now_ms: i64) {
        let counter = match outcome {
            Outcome::Accepted => {
                self.last_success.store(now_ms, Relaxed);
                &self.sent
            }
            Outcome::Rejected => &self.refused,
            _ => &self.deferred,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// The counts now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let last_success = self.last_success.load(Relaxed);
        Counts {
            sent: self.sent.load(Relaxed),
            deferred: self.deferred.load(Relaxed),
            refused: self.refused.load(Relaxed),
            last_success: (last_success != 0).then(|| from_millis(last_success)),
        }
    }
}
