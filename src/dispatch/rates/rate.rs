//! Rates that all nodes keep together: each takes its share, which changes with the number of nodes.
//!
//! Not governor's limiter, for three reasons. Its quota cannot be changed in place, and a new limiter grants its burst again. With a
//! quota that stays, of the whole rate, of which a message costs as many cells as there are nodes (`check_n`), the burst would have
//! to hold that many cells, or no message could ever go: at a rate of 1 a second, six nodes need a burst of six, with which a node
//! alone sends six messages at once, and not a tenth of the rate (the last test below has this case). And a cell that no message
//! used cannot be returned.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::dispatch::rates::share::Share;

/// How long to wait before looking again: the share may have changed meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How long to wait while the number of nodes is unknown.
const UNKNOWN_WAIT: Duration = Duration::from_millis(100);

/// A rate per second, all nodes together, with a burst of a tenth of it.
#[derive(Debug)]
pub struct Rate {
    per_second: f64,
    share: Arc<Share>,
    /// When everything taken so far is paid for (the generic cell rate algorithm).
    paid_at: Mutex<Instant>,
}

impl Rate {
    /// A rate; `None` for 0.
    #[must_use]
    pub fn new(per_second: f64, share: &Arc<Share>) -> Option<Self> {
        (per_second > 0.0).then(|| Self { per_second, share: share.clone(), paid_at: Mutex::new(Instant::now()) })
    }

    /// Takes a token if there is one now.
    #[must_use]
    pub fn try_take(&self) -> bool {
        let mut paid_at = self.paid_at();
        match self.after_next(*paid_at) {
            Ok(after) => {
                *paid_at = after;
                true
            }
            Err(_) => false,
        }
    }

    /// Returns a token that was not used.
    pub fn give_back(&self) {
        let share = self.share();
        if share > 0.0 {
            let mut paid_at = self.paid_at();
            *paid_at = paid_at.checked_sub(seconds(1.0 / share)).unwrap_or(*paid_at);
        }
    }

    /// Takes a token as soon as there is one.
    pub async fn take(&self) {
        while !self.try_take() {
            sleep(self.wait().unwrap_or_default().min(LONGEST_WAIT)).await;
        }
    }

    /// How long there will be no token at the present share; `None` if there is one.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.after_next(*self.paid_at()).err()
    }

    /// This node's share of the rate, per second; 0 while it may not take part.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.share.nodes().map_or(0.0, |nodes| self.per_second / f64::from(nodes))
    }

    /// When everything will be paid for after one more token is taken now, or how long there is none.
    fn after_next(&self, paid_at: Instant) -> Result<Instant, Duration> {
        let share = self.share();
        if share <= 0.0 {
            return Err(UNKNOWN_WAIT);
        }
        let interval = seconds(1.0 / share);
        let burst = (share / 10.0).floor().max(1.0);
        let now = Instant::now();
        // A node that joins others brings no burst along: they may just have used theirs.
        let begun = self.share.joined_others_at().and_then(|at| at.checked_add(seconds(burst / share)));
        let paid_at = paid_at.max(now).max(begun.unwrap_or(now));
        let allowed = seconds((burst - 1.0) / share);
        let ahead = paid_at - now;
        if ahead > allowed { Err(ahead - allowed) } else { Ok(paid_at.checked_add(interval).unwrap_or(paid_at)) }
    }

    fn paid_at(&self) -> MutexGuard<'_, Instant> {
        self.paid_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A duration, no longer than a year.
fn seconds(seconds: f64) -> Duration {
    const YEAR: f64 = 365.0 * 86_400.0;
    Duration::try_from_secs_f64(seconds.clamp(0.0, YEAR)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::clock::Clock;
    use crate::store::sending::nodes::Beat;

    fn alone(per_second: f64) -> Rate {
        Rate::new(per_second, &Arc::new(Share::sole(Clock::System))).unwrap()
    }

    /// Tokens taken within a time, by a node that always wants more.
    async fn taken(rate: &Rate, within: Duration) -> usize {
        let end = Instant::now() + within;
        let mut count = 0;
        while tokio::time::timeout_at(end, rate.take()).await.is_ok() {
            count += 1;
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_has_a_burst_of_a_tenth() {
        let rate = alone(200.0);
        assert_eq!((0..100).filter(|_| rate.try_take()).count(), 20);
        tokio::time::advance(Duration::from_millis(50)).await;
        assert_eq!((0..100).filter(|_| rate.try_take()).count(), 10);
        let slow = alone(0.5);
        assert!(slow.try_take() && !slow.try_take());
        assert_eq!(slow.wait(), Some(Duration::from_secs(2)));
        assert!(Rate::new(0.0, &Arc::new(Share::sole(Clock::System))).is_none());
    }

    /// No burst that stays the same for any number of nodes does both.
    #[tokio::test(start_paused = true)]
    async fn a_low_rate_has_no_burst_alone_and_a_message_for_each_of_many_nodes() {
        let lonely = alone(1.0);
        assert_eq!((0..6).filter(|_| lonely.try_take()).count(), 1);
        let share = Arc::new(Share::of_many(Clock::System));
        let beat = |second: i64| Beat {
            started_at: Timestamp::UNIX_EPOCH,
            joined_at: Timestamp::UNIX_EPOCH,
            others: 5,
            unaware: 0,
            at: Timestamp::from_second(second).unwrap(),
        };
        for second in 0..2 {
            share.counted((Instant::now(), Clock::System.now_ms()), &beat(second));
        }
        let sixth = Rate::new(1.0, &share).unwrap();
        tokio::time::advance(Duration::from_millis(3_500)).await;
        assert_eq!((sixth.share.nodes(), sixth.try_take()), (Some(6), false));
        // It brings no burst along: its first message goes after its share of the rate.
        share.counted((Instant::now(), Clock::System.now_ms()), &beat(2));
        tokio::time::advance(Duration::from_millis(2_600)).await;
        assert!(sixth.try_take() && !sixth.try_take());
    }

    #[tokio::test(start_paused = true)]
    async fn over_time_the_rate_is_reached_and_not_passed() {
        let count = taken(&alone(50.0), Duration::from_secs(60)).await;
        assert!((2990..=3005).contains(&count), "{count}");
    }
}
