//! A relay as the dispatcher sees it: whether it can be used, at which rate, and with which results.
//!
//! The circuit opens on the relay's own failures only (connect, greeting, TLS, AUTH, and refusals that it gives to everybody:
//! [`crate::dispatch::relay::refusals`]), never on a recipient's. While it is open no attempt is made; after a while a single worker probes. The
//! probe does not use the delivery that failed while anything else is due: that delivery waits longer than the pause.

pub mod circuit;
pub mod patterns;
pub mod refusals;
pub mod streams;
pub mod tally;
pub mod trouble;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::config::Relay as RelayConfig;
use crate::dispatch::rates::share::Share;
use crate::dispatch::rates::throttle::{Asked, Asker};
use crate::dispatch::rates::tokens::Tokens;
use crate::dispatch::relay::circuit::Circuit;
pub use crate::dispatch::relay::circuit::{Permit, Probe, Reached, Standing};
use crate::dispatch::relay::refusals::Refusals;
use crate::dispatch::relay::tally::Tally;
pub use crate::dispatch::relay::trouble::Trouble;
use crate::domain::reply::{Failure, asks_for_less, for_logs};
use crate::mail::smtp::{Failed, Steps};
use crate::metrics::{Circuit as State, InUse, Metrics, RelayMetrics};

/// A relay, its circuit and its rate.
pub struct Relay {
    /// Its configuration.
    pub config: RelayConfig,
    /// Its results so far.
    pub tally: Tally,
    /// Its metrics.
    metrics: RelayMetrics,
    circuit: Mutex<Circuit>,
    refusals: Mutex<Refusals>,
    /// Its rate tokens.
    pub tokens: Arc<Tokens>,
    /// The connections that it may have.
    lines: Arc<Semaphore>,
    /// True since it left commands unanswered that were written behind a message, until it answers some.
    deaf_behind: AtomicBool,
}

/// A connection to a relay, from before it is opened until this is dropped.
pub struct Connection {
    _in_use: InUse,
    _permit: OwnedSemaphorePermit,
}

impl Relay {
    /// A relay that is assumed to be healthy.
    #[must_use]
    pub fn new(config: RelayConfig, share: &Arc<Share>, metrics: &Metrics) -> Self {
        let metrics = metrics.relay(&config.name);
        metrics.circuit(State::Closed);
        let tokens = Tokens::new(config.rate_per_second, share);
        let (circuit, refusals) = (Mutex::default(), Mutex::default());
        let lines = Arc::new(Semaphore::new(config.connections as usize));
        let deaf_behind = AtomicBool::new(false);
        Self { tally: Tally::default(), circuit, refusals, tokens, lines, config, metrics, deaf_behind }
    }

    /// The recorder of how long the steps of its sessions take.
    #[must_use]
    pub fn steps(&self) -> Steps {
        let metrics = self.metrics.clone();
        Steps::new(move |stage, took| metrics.step(stage, took))
    }

    /// Waits until one of the connections that it may have is free.
    pub async fn connection(&self) -> Connection {
        let permit = self.lines.clone().acquire_owned().await.expect("it is never closed");
        Connection { _in_use: self.metrics.connection(), _permit: permit }
    }

    /// Connections in use.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.metrics.connections()
    }

    /// Records that the relay asked for fewer messages; `domain` if it may have passed on that domain's request. Returns false if
    /// it is not about the relay's rate; if true, the delivery goes back to the queue, untried.
    pub fn asked_for_less(&self, delivery: Uuid, domain: Option<&str>, failed: &Failed) -> bool {
        let of_rate = matches!(&failed.failure, Failure::Replied(reply) if asks_for_less(reply));
        let asker = domain.map(|domain| Asker { domain, of_rate });
        let asked = self.tokens.asked(delivery, asker);
        match asked {
            Asked::NotOfItsRate => false,
            Asked::Unclear => true,
            Asked::Slower { per_second, first } => {
                let (relay, per_second, text) =
                    (&self.config.name, format!("{per_second:.1}"), for_logs(&failed.failure.text()));
                if first {
                    tracing::warn!(
                        relay,
                        per_second,
                        "the relay asks for fewer messages: sending slows down by itself; `rate_per_second` of the relay \
                         avoids such refusals: {text}"
                    );
                } else {
                    tracing::debug!(relay, per_second, "the relay asks for fewer messages: {text}");
                }
                true
            }
        }
    }

    /// Records whether it answered commands that were written behind a message. Logs the first time that it did not.
    pub fn heard_behind(&self, answered: bool) {
        if !self.deaf_behind.swap(!answered, Ordering::Relaxed) && !answered {
            tracing::warn!(
                relay = self.config.name,
                "the relay answered a message, but not the commands that went right behind it: the next delivery is sent over \
                 another connection; if the relay or a firewall before it drops such commands, remove `pipeline_messages` from \
                 its `[[relay]]`"
            );
        }
    }

    pub(in crate::dispatch) fn refusals(&self) -> MutexGuard<'_, Refusals> {
        // Each change is complete before anything can panic.
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
