//! Outages: whether the database can be written, as the recorder last found, and rate-limited logging of failures.
//!
//! During an outage workers start nothing and keep no connection open; finished outcomes wait in the recorder.

use std::fmt::Display;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::metrics::repeats::Repeats;
use crate::metrics::writable::Writable;

/// Whether there is an outage.
#[derive(Debug)]
pub struct Outage {
    /// Since when.
    since: watch::Sender<Option<Instant>>,
    /// What readiness goes by.
    writable: Writable,
    repeats: Repeats,
}

impl Outage {
    /// No outage. `writable` learns of each one.
    #[must_use]
    pub fn none(writable: Writable) -> Self {
        Self { since: watch::channel(None).0, writable, repeats: Repeats::default() }
    }

    /// Records that the database could not be written.
    pub fn begin(&self, error: &dyn Display) {
        self.since.send_if_modified(|since| since.is_none() && since.replace(Instant::now()).is_none());
        self.writable.failed();
        self.log("the database cannot be written: nothing is sent, and outcomes wait", error);
    }

    /// Records that it could be written.
    pub fn end(&self) {
        self.writable.written();
        // While only one statement fails, there is an outage and an end of it every second.
        if let Some(since) = self.since.send_replace(None)
            && self.repeats.is_due("written again")
        {
            tracing::warn!(seconds = since.elapsed().as_secs(), "the database can be written again: sending continues");
        }
    }

    /// True while it cannot be written.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.since.borrow().is_some()
    }

    /// How long it could not be written; zero if it can.
    #[must_use]
    pub fn lasts_for(&self) -> Duration {
        self.since.borrow().map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Waits until it can be written.
    pub async fn over(&self) {
        // The sender lives as long as this.
        let _ = self.since.subscribe().wait_for(Option::is_none).await;
    }

    /// Logs a failure, unless it was logged just now.
    pub fn log(&self, what: &'static str, error: &dyn Display) {
        self.repeats.log(what, error);
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        self.writable.unknown();
    }
}
