//! Waiting with a limit, by the time that this process ran.
//!
//! A process that was stopped for a while, by a signal or with its whole machine, has missed every deadline when it continues,
//! although nothing was slow: what it waits for may arrive a moment later. So only time counts in which it could have looked.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// The most that a stop adds to the time waited.
const TICK: Duration = Duration::from_millis(250);

/// The result of work; `None` if it took longer than `limit`.
pub(in crate::store) async fn wait<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut ticks = interval_at(Instant::now() + TICK, TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut left = limit;
    while !left.is_zero() {
        tokio::select! {
            biased;
            done = &mut work => return Some(done),
            _ = ticks.tick() => left = left.saturating_sub(TICK),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot;
    use tokio::task::yield_now;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_never_comes_is_waited_for_as_long_as_was_said() {
        let began = Instant::now();
        assert_eq!(wait(Duration::from_secs(5), pending::<()>()).await, None);
        assert_eq!(began.elapsed(), Duration::from_secs(5));
        assert_eq!(wait(Duration::from_secs(5), async { 7 }).await, Some(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_counts_as_a_moment() {
        let (send, receive) = oneshot::channel();
        let waiting = tokio::spawn(wait(Duration::from_secs(5), receive));
        yield_now().await;
        advance(Duration::from_secs(3600)).await;
        assert!(!waiting.is_finished(), "nothing ran for an hour");
        send.send(7).unwrap();
        assert_eq!(waiting.await.unwrap(), Some(Ok(7)));
    }
}
