//! What this version cannot read or make ready, because another one may have written it: nothing of it is claimed for a while.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::dispatch::recorder::logged::Logged;

/// How long it waits, in milliseconds.
pub const PAUSE_MS: i64 = 60_000;

/// Deliveries remembered at most: beyond that, not all are counted.
const MOST: usize = 10_000;

/// A pause by both clocks: one stops while the machine is suspended, the other can be set. It is over when either says so.
#[derive(Clone, Copy, Debug)]
struct Since {
    at: Instant,
    at_ms: i64,
}

impl Since {
    fn now(now_ms: i64) -> Self {
        Self { at: Instant::now(), at_ms: now_ms }
    }

    fn is_over(self, now_ms: i64) -> bool {
        now_ms >= self.at_ms.saturating_add(PAUSE_MS)
            || self.at.elapsed() >= Duration::from_millis(PAUSE_MS.unsigned_abs())
    }
}

/// The notices and deliveries that wait.
#[derive(Debug, Default)]
pub struct Unreadable {
    waiting: Mutex<Waiting>,
    /// Notices that were logged.
    logged: Logged<Uuid>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// They are few.
    notices: HashMap<Uuid, Since>,
    /// By their id as it is stored, each with its notice.
    deliveries: HashMap<String, (Uuid, Since)>,
}

impl Unreadable {
    /// Records an unreadable notice.
    pub fn note(&self, notice: Uuid, now_ms: i64) {
        self.waiting().notices.insert(notice, Since::now(now_ms));
    }

    /// Records a delivery that cannot be read or made ready.
    pub fn note_delivery(&self, notice: Uuid, delivery: String, now_ms: i64) {
        let deliveries = &mut self.waiting().deliveries;
        if deliveries.len() >= MOST {
            deliveries.retain(|_, (_, since)| !since.is_over(now_ms));
        }
        if deliveries.len() < MOST {
            deliveries.insert(delivery, (notice, Since::now(now_ms)));
        }
    }

    /// The notices that wait now.
    pub fn now(&self, now_ms: i64) -> HashSet<Uuid> {
        let waiting = self.waiting();
        waiting.notices.iter().filter(|(_, since)| !since.is_over(now_ms)).map(|(notice, _)| *notice).collect()
    }

    /// Logs an unreadable notice, once.
    pub fn log(&self, notice: Uuid, why: &str) {
        if self.logged.is_news(notice) {
            tracing::error!(%notice, why, "a notice cannot be read and waits; others are sent");
        }
    }

    /// How many deliveries wait now, without those of unreadable notices; of one notice, if named.
    pub fn deliveries(&self, of: Option<Uuid>, now_ms: i64) -> u64 {
        let waiting = self.waiting();
        let waits = |(notice, since): &&(Uuid, Since)| of.is_none_or(|of| of == *notice) && !since.is_over(now_ms);
        waiting.deliveries.values().filter(waits).count() as u64
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Each change is a single insertion.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_keeps_nothing_waiting() {
        let (unreadable, notice, day) = (Unreadable::default(), Uuid::from_u128(1), 86_400_000);
        unreadable.note(notice, day);
        unreadable.note_delivery(Uuid::from_u128(2), "a".to_owned(), day);
        let waits = |now_ms| (unreadable.now(now_ms).len(), unreadable.deliveries(None, now_ms));
        assert_eq!(waits(day + PAUSE_MS - 1), (1, 1));
        assert_eq!(waits(day + PAUSE_MS), (0, 0), "the machine was suspended");
        assert_eq!(waits(0), (1, 1), "the clock was set back");
        assert_eq!(unreadable.deliveries(Some(notice), 0), 0, "it is of another notice");
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(waits(0), (0, 0), "a minute is over, whatever the clock says");
    }
}
