//! `[retry]`: when a deferred delivery is tried again, and for how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;

/// `[retry]`: when a deferred delivery is tried again, and for how long.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Waits before the second, third, ... attempt; the last one repeats.
    #[serde(with = "duration::list")]
    pub schedule: Vec<Duration>,
    /// The total wait after which a delivery expires. Time in which no relay or no dispatcher is up does not count.
    #[serde(with = "duration")]
    pub give_up_after: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self { schedule: [1, 5, 15, 30, 60].map(minutes).to_vec(), give_up_after: minutes(5 * 24 * 60) }
    }
}

impl Retry {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let is_wrong = self.schedule.is_empty() || self.schedule.iter().any(Duration::is_zero);
        let problem = || "`retry.schedule` must have at least one wait, none of them zero".to_owned();
        let is_short = self.schedule.first().is_some_and(|first| self.give_up_after < *first);
        let short = || "`retry.give_up_after` must be at least the first wait of `retry.schedule`: nothing would be tried twice";
        is_wrong.then(problem).into_iter().chain(is_short.then(|| short().to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deferred_is_tried_twice_at_least() {
        let problems = |give_up_after| Retry { give_up_after, ..Retry::default() }.problems();
        assert!(Retry::default().problems().is_empty() && problems(Duration::from_secs(60)).is_empty());
        for short in [0, 59] {
            let found = problems(Duration::from_secs(short));
            assert!(found.len() == 1 && found[0].starts_with("`retry.give_up_after` must be at least"), "{found:?}");
        }
    }
}
