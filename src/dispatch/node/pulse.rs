//! Whether the dispatcher is alive: its tasks exist and its loops turn. A database that does not answer, or a relay that is
//! down, is no reason to end the process.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often the pulse beats while all is well.
const BEAT: Duration = Duration::from_secs(1);

/// Without a beat for this long, a task is gone or blocks the others.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Without a round of the housekeeping for this long, it hangs: postponing a million deliveries takes less.
const LONGEST_TURN: Duration = Duration::from_secs(5 * 60);

/// The pulse of a process's dispatcher: a cheap handle, cloned freely.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<Mutex<Option<Signs>>>);

#[derive(Clone, Copy, Debug)]
struct Signs {
    beat: Instant,
    turn: Instant,
}

impl Pulse {
    /// True while the dispatcher is alive, or none runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.signs().is_none_or(|signs| signs.beat.elapsed() < LONGEST_PAUSE && signs.turn.elapsed() < LONGEST_TURN)
    }

    /// Records a round of the housekeeping.
    pub fn turned(&self) {
        if let Some(signs) = self.signs().as_mut() {
            signs.turn = Instant::now();
        }
    }

    /// Does the work, and beats meanwhile for as long as `is_well` returns true.
    pub async fn beating<T>(&self, is_well: impl Fn() -> bool, work: impl Future<Output = T>) -> T {
        let now = Instant::now();
        *self.signs() = Some(Signs { beat: now, turn: now });
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(work);
        let done = loop {
            tokio::select! {
                biased;
                done = &mut work => break done,
                _ = beats.tick() => {
                    if let Some(signs) = self.signs().as_mut().filter(|_| is_well()) {
                        signs.beat = Instant::now();
                    }
                }
            }
        };
        *self.signs() = None;
        done
    }

    fn signs(&self) -> MutexGuard<'_, Option<Signs>> {
        // Each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a dispatcher of a certain kind is alive after a while.
    async fn alive(after: Duration, is_well: bool, turns: bool) -> bool {
        let pulse = Pulse::default();
        assert!(pulse.is_alive(), "none runs");
        let own = pulse.clone();
        let work = async move {
            loop {
                tokio::time::sleep(BEAT).await;
                if turns {
                    own.turned();
                }
            }
        };
        tokio::select! {
            () = pulse.beating(|| is_well, work) => false,
            () = tokio::time::sleep(after) => pulse.is_alive(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_lives_while_its_tasks_are_there_and_its_loop_turns() {
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        assert!(alive(hour, true, true).await);
        assert!(!alive(minute, false, true).await, "a task is gone");
        assert!(alive(minute, true, false).await, "a long turn");
        assert!(!alive(hour, true, false).await, "it hangs");
    }
}
