//! Who sends goes first: a burst of messages is stored as fast as it comes, and read once it is over or has lasted a while. Both need the
//! writer of the database, and a sender waits for its answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// So long nothing comes between two bursts.
const LULL: Duration = Duration::from_millis(100);

/// So long messages wait at most for the end of a burst.
const LONGEST: Duration = Duration::from_secs(10);

/// When this process stored a message of a client last. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Lull(Arc<Mutex<Option<Instant>>>);

impl Lull {
    /// Notes that a message was stored.
    pub(super) fn stored(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Waits until nothing comes any more, or long enough.
    pub(super) async fn wait(&self) {
        let longest = Instant::now() + LONGEST;
        loop {
            let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(until) = last.map(|last| (last + LULL).min(longest)).filter(|until| *until > Instant::now())
            else {
                return;
            };
            sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_waits_for_the_end_of_a_burst_and_not_for_one_without_an_end() {
        let (lull, began) = (Lull::default(), Instant::now());
        lull.wait().await;
        assert_eq!(began.elapsed(), Duration::ZERO, "nothing came");
        lull.stored();
        lull.wait().await;
        assert!((LULL..LULL * 2).contains(&began.elapsed()));
        let without_end = async {
            loop {
                lull.stored();
                advance(LULL / 2).await;
            }
        };
        lull.stored();
        let began = Instant::now();
        tokio::select! {
            () = lull.wait() => {}
            () = without_end => {}
        }
        assert!((LONGEST..=LONGEST + LULL).contains(&began.elapsed()), "{:?}", began.elapsed());
    }
}
