//! Log lines about a failure that lasts.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a failure is not logged again.
const PAUSE: Duration = Duration::from_secs(30);

/// Failures that were logged, so that the log stays readable while they last.
#[derive(Debug, Default)]
pub struct Repeats(Mutex<HashMap<&'static str, Instant>>);

impl Repeats {
    /// Logs a failure, unless it was logged just now.
    pub fn log(&self, what: &'static str, error: &dyn Display) {
        if self.is_due(what) {
            tracing::error!(%error, "{what}, retrying");
        }
    }

    /// True if something was not logged just now. It counts as logged then.
    pub fn is_due(&self, what: &'static str) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = logged.get(what).is_none_or(|at| at.elapsed() >= PAUSE);
        if is_due {
            logged.insert(what, Instant::now());
        }
        is_due
    }
}
