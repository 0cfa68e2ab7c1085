//! Periods by both clocks: the monotonic one stops while the machine is suspended, the other one can be set back.

use std::time::Duration;

use tokio::time::Instant;

/// Work that is due after each period by either clock, and at once if the wall clock was set back.
#[derive(Debug)]
pub struct Every {
    period_ms: i64,
    last: Option<(Instant, i64)>,
}

impl Every {
    /// Work that is due now, and then after each period, in milliseconds.
    pub const fn new(period_ms: i64) -> Self {
        Self { period_ms, last: None }
    }

    /// True if the work is due.
    pub fn is_due(&self, now_ms: i64) -> bool {
        let Some((at, at_ms)) = self.last else { return true };
        let period = Duration::from_millis(self.period_ms.unsigned_abs());
        at.elapsed() >= period || now_ms >= at_ms.saturating_add(self.period_ms) || now_ms < at_ms
    }

    /// Records that the work is done.
    pub fn done(&mut self, now_ms: i64) {
        self.last = Some((Instant::now(), now_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_delays_nothing() {
        let mut every = Every::new(10_000);
        assert!(every.is_due(0));
        every.done(3_600_000);
        assert!(!every.is_due(3_600_001));
        assert!(every.is_due(3_610_000), "the machine was suspended");
        assert!(every.is_due(1), "the clock was set back");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(every.is_due(3_600_001), "the clock stands still");
    }
}
