//! Notices that this version cannot read, as another one may have written them: for a while nothing of them is claimed.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// The notices, and until when each is left alone, in milliseconds. They are few: each is told once, as an alarm.
#[derive(Debug, Default)]
pub struct Unreadable(Mutex<HashMap<Uuid, i64>>);

impl Unreadable {
    /// A notice was found unreadable. True for the first time.
    pub fn note(&self, notice: Uuid, until_ms: i64) -> bool {
        self.notices().insert(notice, until_ms).is_none()
    }

    /// Those that are left alone now.
    pub fn now(&self, now_ms: i64) -> HashSet<Uuid> {
        self.notices().iter().filter(|(_, until)| now_ms < **until).map(|(notice, _)| *notice).collect()
    }

    fn notices(&self) -> MutexGuard<'_, HashMap<Uuid, i64>> {
        // Each change is a single insertion.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
