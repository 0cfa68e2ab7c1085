//! Promises: when customers are to hear of a matter again. A disruption has the time of its next update, a maintenance the end of its
//! window, a breach the stages of the law.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::domain::clock::{from_millis, millis};
use crate::domain::words::words;

/// What was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PromiseKind {
    /// The next update of a disruption, at the time that the last one named.
    Update,
    /// That a maintenance is done, by the end of its window.
    Completion,
    /// The next information about a breach, at a stage that the configuration names.
    Stage,
}

words!(PromiseKind, "a kind of promise", {
    Update => "update",
    Completion => "completion",
    Stage => "stage",
});

/// How far a promise is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its time is still to come, and it is not kept.
    Open,
    /// Its time has passed, and it is not kept.
    Overdue,
    /// A notice kept it, or replaced it by another one.
    Kept,
    /// A person settled it with a note.
    Settled,
}

words!(State, "a state of a promise", {
    Open => "open",
    Overdue => "overdue",
    Kept => "kept",
    Settled => "settled",
});

impl State {
    /// True if customers still wait.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Overdue)
    }
}

/// When a person is warned: some time before, but not before the promise was made.
#[must_use]
pub fn warn_at(due_at: Timestamp, before: Duration, made_at: Timestamp) -> Timestamp {
    let before = SignedDuration::from_millis(millis(before));
    due_at.checked_sub(before).unwrap_or(due_at).max(made_at).min(due_at)
}

/// The times of the stages of a breach.
#[must_use]
pub fn stages(discovered_at: Timestamp, stages: &[Duration]) -> Vec<Timestamp> {
    let at = |stage: &Duration| from_millis(discovered_at.as_millisecond().saturating_add(millis(*stage)));
    stages.iter().map(at).collect()
}

/// Which of the open stages of a breach a notice keeps that is released at a time: all that have passed, and otherwise the next one.
/// The last notice of a breach keeps them all.
#[must_use]
pub fn kept_stages(open: &[Timestamp], at: Timestamp, is_last: bool) -> Vec<Timestamp> {
    if is_last {
        return open.to_vec();
    }
    let passed: Vec<Timestamp> = open.iter().copied().filter(|due| *due <= at).collect();
    if passed.is_empty() { open.iter().copied().min().into_iter().collect() } else { passed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_about_a_breach_keeps_the_next_stage_or_all_that_have_passed() {
        let at = |hours: i64| from_millis(hours * 3_600_000);
        let open = [at(24), at(72), at(720)];
        assert_eq!(kept_stages(&open, at(2), false), [at(24)]);
        assert_eq!(kept_stages(&open, at(80), false), [at(24), at(72)]);
        assert_eq!(kept_stages(&open, at(2), true), open);
        assert!(kept_stages(&[], at(2), false).is_empty());
    }

    #[test]
    fn a_warning_comes_before_the_time_and_not_before_the_promise() {
        let at = |minutes: i64| from_millis(minutes * 60_000);
        let quarter = Duration::from_secs(15 * 60);
        assert_eq!(warn_at(at(60), quarter, at(0)), at(45));
        assert_eq!(warn_at(at(60), quarter, at(50)), at(50));
        assert_eq!(warn_at(at(60), quarter, at(70)), at(60));
    }
}
