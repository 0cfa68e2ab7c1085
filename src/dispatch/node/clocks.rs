//! Clocks that differ: nobody waits for them. What was released by a clock ahead of this one is due at once, and so is what would
//! wait longer than the longest back-off, as after a clock was set back.

use std::time::Duration;

use crate::config::Retry;
use crate::dispatch::Dispatcher;
use crate::dispatch::recorder::every::Every;
use crate::domain::clock::millis;
use crate::store::notices::open::Open;
use crate::store::sending::queue;
use crate::store::{Dialect, StoreError};

/// By how much clocks may differ before that is logged, in milliseconds.
const TOLERATED_MS: i64 = 5_000;

/// The longest that anything but a back-off puts a delivery off: the pause of a domain.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// How often to look for what would wait too long, in milliseconds.
pub const LOOK_MS: i64 = 10_000;

/// Deliveries that one transaction brings forward.
const AT_ONCE: usize = 2000;

/// The longest that a delivery may have to wait by this node's own clock.
fn longest(retry: &Retry) -> Duration {
    let step = retry.schedule.iter().max().copied().unwrap_or_default();
    step.mul_f64(1.2).max(LONGEST_PAUSE) + Duration::from_secs(60)
}

impl Dispatcher {
    /// Makes due what waits for a time that another clock has set. What waits too long is looked for at intervals: that reads the
    /// queue of each notice, and such a delivery has waited for long anyway.
    pub(in crate::dispatch) async fn bring_forward(&self, open: &[Open], look: &mut Every) -> Result<(), StoreError> {
        let now = self.context.clock.now();
        let latest = now.as_millisecond().saturating_add(millis(longest(&self.context.config.retry)));
        let far = if look.is_due(now.as_millisecond()) {
            look.done(now.as_millisecond());
            queue::due_after(&mut *self.context.store.read().await?, latest).await?
        } else {
            Vec::new()
        };
        for notice in open.iter().filter(|notice| notice.is_sendable()) {
            let ahead = notice.released_at.filter(|at| *at > now);
            if ahead.is_none() && !far.contains(&notice.id) {
                continue;
            }
            let mut brought = 0;
            loop {
                let mut tx = self.context.store.write().await?;
                let some = queue::bring_forward(&mut tx, notice.id, now, (latest, ahead), AT_ONCE).await?;
                tx.commit().await?;
                brought += some;
                if some < AT_ONCE as u64 {
                    break;
                }
            }
            let by_ms = ahead.map_or(0, |at| at.as_millisecond() - now.as_millisecond());
            if brought > 0 && (by_ms > TOLERATED_MS || ahead.is_none()) {
                tracing::warn!(
                    notice = %notice.id,
                    deliveries = brought,
                    "clocks differ: deliveries would have waited for a time that another clock set, and are sent now; check the clocks"
                );
            }
        }
        Ok(())
    }
}

/// Logs once that the database's clock, which said `at_ms`, is not this node's, which said `asked_ms` before and `answered_ms`
/// after it. A SQLite file has no clock: what it says is what this node said before it waited for its turn.
pub fn compare(dialect: Dialect, at_ms: i64, (asked_ms, answered_ms): (i64, i64), logged: &mut bool) {
    if dialect == Dialect::Sqlite {
        return;
    }
    let ahead_ms = (asked_ms - at_ms).max(0) - (at_ms - answered_ms).max(0);
    let differs = ahead_ms.abs() > TOLERATED_MS;
    if differs && !*logged {
        let (seconds, is) = (ahead_ms.abs() / 1000, if ahead_ms > 0 { "ahead of" } else { "behind" });
        tracing::warn!(seconds, "the clock of this machine is {is} the database's by so much: check both");
    }
    *logged = differs;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_clock_differs_and_not_by_the_wait_for_its_answer() {
        for (dialect, at_ms, differs) in [
            (Dialect::Postgres, 60_000, false),
            (Dialect::Postgres, 4_000, true),
            (Dialect::Postgres, 96_000, true),
            (Dialect::Sqlite, 4_000, false),
        ] {
            let mut logged = false;
            compare(dialect, at_ms, (10_000, 90_000), &mut logged);
            assert_eq!(logged, differs, "{dialect:?} {at_ms}");
        }
    }
}
