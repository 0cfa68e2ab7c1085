//! Notices that this version cannot read, because another one may have written them: nothing of them is claimed for a while.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::dispatch::recorder::logged::Logged;

/// The notices, and until when each is left alone, in milliseconds. They are few.
#[derive(Debug, Default)]
pub struct Unreadable {
    until: Mutex<HashMap<Uuid, i64>>,
    logged: Logged<Uuid>,
}

impl Unreadable {
    /// Records an unreadable notice.
    pub fn note(&self, notice: Uuid, until_ms: i64) {
        self.notices().insert(notice, until_ms);
    }

    /// The notices that are left alone now.
    pub fn now(&self, now_ms: i64) -> HashSet<Uuid> {
        self.notices().iter().filter(|(_, until)| now_ms < **until).map(|(notice, _)| *notice).collect()
    }

    /// Logs an unreadable notice, once.
    pub fn log(&self, notice: Uuid, why: &str) {
        if self.logged.is_news(notice) {
            tracing::error!(%notice, why, "a notice cannot be read and waits; others are sent");
        }
    }

    fn notices(&self) -> MutexGuard<'_, HashMap<Uuid, i64>> {
        // Each change is a single insertion.
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
