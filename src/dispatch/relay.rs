//! A relay as the dispatcher sees it: whether it can be used, and how fast.
//!
//! The circuit opens on the relay's own trouble only (connect, greeting, TLS, AUTH, and a sender refused for three distinct
//! deliveries), never on a recipient's. While it is open no attempt is made; after a while one worker probes.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::Instant;
use uuid::Uuid;

use crate::config::Relay as RelayConfig;
use crate::domain::reply::{Stage, for_logs};
use crate::mail::smtp::{Failed, Steps};
use crate::metrics::{Circuit as State, Metrics, RelayMetrics};

/// First pause after trouble; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Pause after a refused AUTH: a wrong password does not mend itself, and servers lock those out who keep trying.
const AUTH_PAUSE: Duration = Duration::from_secs(300);

/// Deliveries whose sender must be refused before that is the relay's trouble.
const SENDER_REFUSALS: usize = 3;

/// Failed probes after which a run that is to end gives up on the relay.
const HOPELESS: u32 = 3;

/// A relay, its circuit and its rate.
pub struct Relay {
    /// Its configuration.
    pub config: RelayConfig,
    /// Its numbers.
    pub metrics: RelayMetrics,
    circuit: Mutex<Circuit>,
    rate: Option<DefaultDirectRateLimiter>,
}

#[derive(Debug, Default)]
struct Circuit {
    open_until: Option<Instant>,
    /// Failures since the circuit last closed.
    failures: u32,
    probing: bool,
    refused_at_mail: BTreeSet<Uuid>,
    trouble: Option<Trouble>,
}

/// What is wrong with a relay.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// The step that failed.
    pub stage: Stage,
    /// What the server said, or why there was nothing.
    pub text: String,
}

/// Whether a worker may use the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Yes.
    Go,
    /// Yes, this worker alone, to see whether it is well again.
    Probe,
    /// Not before this time.
    Wait(Instant),
}

impl Relay {
    /// A relay that is thought to be well.
    #[must_use]
    pub fn new(config: RelayConfig, metrics: &Metrics) -> Self {
        let metrics = metrics.relay(&config.name);
        metrics.circuit(State::Closed);
        Self { rate: limiter(config.rate_per_second), circuit: Mutex::default(), config, metrics }
    }

    /// To be told how long the steps of its conversations take.
    #[must_use]
    pub fn steps(&self) -> Steps {
        let metrics = self.metrics.clone();
        Steps::new(move |stage, took| metrics.step(stage, took))
    }

    /// Asks for the use of the relay.
    #[must_use]
    pub fn permit(&self) -> Permit {
        let mut circuit = self.circuit();
        match circuit.open_until {
            None => Permit::Go,
            Some(until) if Instant::now() < until => Permit::Wait(until),
            Some(_) if circuit.probing => Permit::Wait(Instant::now() + FIRST_PAUSE),
            Some(_) => {
                circuit.probing = true;
                self.metrics.circuit(State::HalfOpen);
                Permit::Probe
            }
        }
    }

    /// Waits for a token of the rate.
    pub async fn wait_for_rate(&self) {
        if let Some(rate) = &self.rate {
            rate.until_ready().await;
        }
    }

    /// Takes a token of the rate if there is one now.
    #[must_use]
    pub fn try_rate(&self) -> bool {
        self.rate.as_ref().is_none_or(|rate| rate.check().is_ok())
    }

    /// A connection was opened, or a transaction came past MAIL: the relay is well.
    pub fn is_well(&self, past_mail: bool) {
        let mut circuit = self.circuit();
        if past_mail {
            circuit.refused_at_mail.clear();
        }
        // A probe has to come past MAIL where that was the trouble.
        let cured = past_mail || circuit.trouble.as_ref().is_some_and(|trouble| trouble.stage != Stage::Mail);
        if circuit.open_until.is_some() && cured {
            let refused = std::mem::take(&mut circuit.refused_at_mail);
            *circuit = Circuit { refused_at_mail: refused, ..Circuit::default() };
            self.metrics.circuit(State::Closed);
            tracing::info!(relay = self.config.name, "relay is well again");
        }
    }

    /// The relay is in trouble: its circuit opens.
    pub fn is_down(&self, failed: &Failed) {
        let mut circuit = self.circuit();
        if circuit.open_until.is_some() && !circuit.probing {
            return; // The same trouble, met by another worker at the same time.
        }
        circuit.failures += 1;
        circuit.probing = false;
        let doubled = FIRST_PAUSE * 2_u32.pow(circuit.failures.min(7) - 1);
        let pause = if failed.stage == Stage::Auth { AUTH_PAUSE } else { doubled.min(LONGEST_PAUSE) };
        circuit.open_until = Some(Instant::now() + pause);
        self.metrics.circuit(State::Open);
        let text = failed.failure.text();
        let (pause_s, said) = (pause.as_secs(), for_logs(&text));
        tracing::warn!(relay = self.config.name, stage = %failed.stage, pause_s, "relay is down: {said}");
        circuit.trouble = Some(Trouble { stage: failed.stage, text });
    }

    /// The relay refused our sender for a delivery; true where that makes it the relay's trouble.
    pub fn refused_sender(&self, delivery: Uuid, failed: &Failed) -> bool {
        let mut circuit = self.circuit();
        circuit.refused_at_mail.insert(delivery);
        let trouble = circuit.refused_at_mail.len() >= SENDER_REFUSALS || circuit.open_until.is_some();
        drop(circuit);
        if trouble {
            self.is_down(failed);
        }
        trouble
    }

    /// A probe that came to nothing either way, as when there was nothing to send.
    pub fn end_probe(&self) {
        let mut circuit = self.circuit();
        circuit.probing = false;
        if circuit.open_until.is_some() {
            self.metrics.circuit(State::Open);
        }
    }

    /// What is wrong with it, while its circuit is open.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        let circuit = self.circuit();
        circuit.open_until.and(circuit.trouble.clone())
    }

    /// True where it is not worth waiting for: it failed several times in a row, or our password is wrong.
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        let circuit = self.circuit();
        let refused =
            circuit.trouble.as_ref().is_some_and(|trouble| matches!(trouble.stage, Stage::Auth | Stage::Mail));
        circuit.open_until.is_some() && (refused || circuit.failures >= HOPELESS)
    }

    /// Whether a session that is open may go on: while the circuit is closed, or for the one that probes.
    #[must_use]
    pub fn allows(&self, probing: bool) -> bool {
        let circuit = self.circuit();
        circuit.open_until.is_none() || (probing && circuit.probing)
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        // No panic can happen between the changes that belong together.
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A limiter for a rate per second, with a burst of a tenth of it; none for 0.
#[must_use]
pub fn limiter(per_second: f64) -> Option<DefaultDirectRateLimiter> {
    quota(per_second).map(RateLimiter::direct)
}

/// A quota for a rate per second, with a burst of a tenth of it; none for 0.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
pub fn quota(per_second: f64) -> Option<Quota> {
    let period = Duration::try_from_secs_f64(1.0 / per_second).ok()?;
    let burst = NonZeroU32::new((per_second / 10.0) as u32).unwrap_or(NonZeroU32::MIN);
    Some(Quota::with_period(period)?.allow_burst(burst))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reply::{Failure, Reply};

    fn relay() -> Relay {
        Relay::new(toml::from_str("name = \"r\"\nurl = \"smtp://r.example\"").unwrap(), &Metrics::new())
    }

    fn failed(stage: Stage) -> Failed {
        let reply = Reply { code: 550, text: "no".to_owned() };
        Failed { stage, failure: Failure::Replied(reply), reused: false }
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_circuit_lets_one_probe_through_after_its_pause() {
        let relay = relay();
        relay.is_down(&failed(Stage::Connect));
        assert!(matches!(relay.permit(), Permit::Wait(_)));
        tokio::time::advance(FIRST_PAUSE).await;
        assert_eq!(relay.permit(), Permit::Probe);
        assert!(matches!(relay.permit(), Permit::Wait(_)), "a second worker waits for the first one's probe");
        relay.is_well(false);
        assert_eq!(relay.permit(), Permit::Go);
    }

    #[tokio::test(start_paused = true)]
    async fn it_takes_three_deliveries_to_blame_the_relay_for_a_refused_sender() {
        let relay = relay();
        let id = |n| Uuid::from_u128(n);
        for n in [1, 1, 1, 2] {
            assert!(!relay.refused_sender(id(n), &failed(Stage::Mail)), "delivery {n}");
        }
        assert!(relay.refused_sender(id(3), &failed(Stage::Mail)));
        tokio::time::advance(FIRST_PAUSE).await;
        assert_eq!(relay.permit(), Permit::Probe);
        relay.is_well(false);
        assert!(relay.trouble().is_some(), "a connection alone does not cure a refused sender");
        relay.is_well(true);
        assert!(relay.trouble().is_none());
    }

    #[test]
    fn a_rate_has_a_burst_of_a_tenth() {
        assert!(quota(0.0).is_none());
        assert_eq!(quota(0.5).unwrap().burst_size().get(), 1);
        assert_eq!(quota(200.0).unwrap().burst_size().get(), 20);
    }
}
