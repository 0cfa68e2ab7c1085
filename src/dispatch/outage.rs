//! Outages: whether the database can be written, as the recorder found it last, and telling of trouble at a bearable rate.
//!
//! While it cannot, workers start nothing and keep no connections open; what they had in hand waits in the recorder.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// How often the same trouble is told.
const TOLD: Duration = Duration::from_secs(30);

/// Whether there is an outage.
#[derive(Debug)]
pub struct Outage {
    /// Since when.
    since: watch::Sender<Option<Instant>>,
    told: Told,
}

/// Troubles that were told, so that the log stays readable when they last.
#[derive(Debug, Default)]
pub struct Told(Mutex<HashMap<&'static str, Instant>>);

impl Outage {
    /// There is none.
    #[must_use]
    pub fn none() -> Self {
        Self { since: watch::channel(None).0, told: Told::default() }
    }

    /// The database could not be written.
    pub fn begin(&self, error: &dyn Display) {
        self.since.send_if_modified(|since| since.is_none() && since.replace(Instant::now()).is_none());
        self.tell("the database cannot be written: nothing is sent, and outcomes wait", error);
    }

    /// It could be written.
    pub fn end(&self) {
        if let Some(since) = self.since.send_replace(None) {
            tracing::warn!(seconds = since.elapsed().as_secs(), "the database can be written again: sending goes on");
        }
    }

    /// True while it cannot be written.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.since.borrow().is_some()
    }

    /// How long it could not be written; zero where it can.
    #[must_use]
    pub fn lasts_for(&self) -> Duration {
        self.since.borrow().map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Waits until it can be written.
    pub async fn over(&self) {
        // The sender lives as long as this.
        let _ = self.since.subscribe().wait_for(Option::is_none).await;
    }

    /// Tells of trouble, unless it was told just now.
    pub fn tell(&self, what: &'static str, error: &dyn Display) {
        self.told.tell(what, error);
    }
}

impl Told {
    /// Tells of trouble, unless it was told just now.
    pub fn tell(&self, what: &'static str, error: &dyn Display) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(what).is_none_or(|at| at.elapsed() >= TOLD) {
            told.insert(what, Instant::now());
            tracing::error!(%error, "{what}, trying again");
        }
    }
}
