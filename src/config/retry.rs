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
    /// The total wait after which a delivery expires. Time in which no relay is up does not count.
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
        is_wrong.then(problem).into_iter().collect()
    }
}
