//! Notices that this version cannot read, because another one may have written them: nothing of them is claimed for a while.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// The notices, and until when each is left alone, in milliseconds. They are few: each is logged once, as an error.
#[derive(Debug, Default)]
pub struct Unreadable(Mutex<HashMap<Uuid, i64>>);

impl Unreadable {
    /// Records an unreadable notice. Returns true the first time.
    pub fn note(&self, notice: Uuid, until_ms: i64) -> bool {
        self.notices().insert(notice, until_ms).is_none()
    }

    /// The notices that are left alone now.
    pub fn now(&self, now_ms: i64) -> HashSet<Uuid> {
        self.notices().iter().filter(|(_, until)| now_ms < **until).map(|(notice, _)| *notice).collect()
    }

    fn notices(&self) -> MutexGuard<'_, HashMap<Uuid, i64>> {
        // Each change is a single insertion.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
