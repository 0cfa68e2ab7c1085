//! A relay as the dispatcher sees it: whether it can be used, at which rate, and with which results.
//!
//! The circuit opens on the relay's own failures only (connect, greeting, TLS, AUTH, and refusals that it gives to everybody:
//! [`crate::dispatch::relay::refusals`]), never on a recipient's. While it is open no attempt is made; after a while a single worker probes. The
//! probe does not use the delivery that failed while anything else is due: that delivery waits longer than the pause.

pub mod refusals;
pub mod streams;
pub mod tally;
pub mod trouble;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::config::Relay as RelayConfig;
use crate::dispatch::rates::share::Share;
use crate::dispatch::rates::throttle::{Asked, Asker};
use crate::dispatch::rates::tokens::Tokens;
use crate::dispatch::recorder::claims::Avoid;
use crate::dispatch::relay::refusals::Refusals;
use crate::dispatch::relay::tally::Tally;
pub use crate::dispatch::relay::trouble::Trouble;
use crate::domain::reply::{Failure, Stage, asks_for_less, for_logs};
use crate::mail::smtp::{Failed, Steps};
use crate::metrics::{Circuit as State, InUse, Metrics, RelayMetrics};

/// First pause after a failure; it doubles up to [`LONGEST_PAUSE`].
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Pause after a refused AUTH: a wrong password stays wrong, and servers lock out clients that keep trying.
const AUTH_PAUSE: Duration = Duration::from_secs(300);

/// How much longer than the pause a delivery waits that met the failure.
const VICTIM_EXTRA: Duration = Duration::from_secs(5);

/// Failed probes after which a run with an end gives up on the relay.
const HOPELESS: u32 = 3;

/// Deliveries remembered that wait for the relay; others wait for their time.
const MOST_WAITING: usize = 10_000;

/// A relay that stays unhealthy is logged again after so many failed probes: some ten minutes.
const REMINDER: u32 = 10;

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
}

#[derive(Debug, Default)]
struct Circuit {
    open_until: Option<Instant>,
    /// Failures since the circuit last closed.
    failures: u32,
    /// The number of the running probe.
    probing: Option<u64>,
    /// Probes so far.
    probes: u64,
    trouble: Option<Trouble>,
    /// Deliveries that wait until it is healthy again.
    waiting: Vec<Uuid>,
}

/// How far a session came: what it shows to be healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// A connection was opened.
    Connection,
    /// A transaction got past MAIL.
    PastMail,
    /// A message was accepted.
    Accepted,
}

/// The state of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The relay is used.
    Closed,
    /// The relay is not used, for this long.
    Open(Duration),
    /// One worker probes whether it is healthy again, or will as soon as there is something to send.
    HalfOpen,
}

/// Whether a worker may use the relay.
pub enum Permit {
    /// Yes.
    Go,
    /// Yes, this worker alone, as a probe.
    Probe(Probe),
    /// Not before this time.
    Wait(Instant),
}

/// The right to probe a relay. It ends when it is dropped, however the probe ended.
pub struct Probe {
    relay: Arc<Relay>,
    number: u64,
}

impl Probe {
    /// What the relay refused lately, and whether to look at the end of the queue in place of its front: what it refused may
    /// stand close together there.
    #[must_use]
    pub fn avoids(&self) -> Avoid {
        Avoid { from_back: self.number.is_multiple_of(2), ..self.relay.avoided() }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let mut circuit = self.relay.circuit();
        // Another probe may be running, if the circuit has closed and opened since this one began.
        if circuit.probing == Some(self.number) {
            circuit.probing = None;
        }
    }
}

impl Relay {
    /// A relay that is assumed to be healthy.
    #[must_use]
    pub fn new(config: RelayConfig, share: &Arc<Share>, metrics: &Metrics) -> Self {
        let metrics = metrics.relay(&config.name);
        metrics.circuit(State::Closed);
        let tokens = Tokens::new(config.rate_per_second, share);
        let (circuit, refusals) = (Mutex::default(), Mutex::default());
        Self { tally: Tally::default(), circuit, refusals, tokens, config, metrics }
    }

    /// The recorder of how long the steps of its sessions take.
    #[must_use]
    pub fn steps(&self) -> Steps {
        let metrics = self.metrics.clone();
        Steps::new(move |stage, took| metrics.step(stage, took))
    }

    /// Counts a connection as in use, from before it is opened until the returned guard is dropped.
    #[must_use]
    pub fn connection(&self) -> InUse {
        self.metrics.connection()
    }

    /// Connections in use.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.metrics.connections()
    }

    /// Asks to use the relay.
    #[must_use]
    pub fn permit(self: &Arc<Self>) -> Permit {
        let mut circuit = self.circuit();
        match circuit.open_until {
            None => Permit::Go,
            Some(until) if Instant::now() < until => Permit::Wait(until),
            Some(_) if circuit.probing.is_some() => Permit::Wait(Instant::now() + FIRST_PAUSE),
            Some(_) => {
                circuit.probes += 1;
                circuit.probing = Some(circuit.probes);
                self.show(&circuit);
                Permit::Probe(Probe { relay: self.clone(), number: circuit.probes })
            }
        }
    }

    /// Remembers a delivery that waits until the relay is healthy again.
    pub fn is_awaited_by(&self, delivery: Uuid) {
        let mut circuit = self.circuit();
        if circuit.waiting.len() < MOST_WAITING {
            circuit.waiting.push(delivery);
        }
    }

    /// Records how far a session came: the circuit closes if it came past what had failed. Returns the deliveries that waited
    /// for that.
    #[must_use]
    pub fn reached(&self, reached: Reached) -> Vec<Uuid> {
        let mut circuit = self.circuit();
        let cured = circuit.trouble.as_ref().is_some_and(|trouble| match trouble.stage {
            Stage::Connect | Stage::Greeting | Stage::StartTls | Stage::Auth => true,
            Stage::Mail => reached >= Reached::PastMail,
            Stage::Rcpt | Stage::Data | Stage::Body | Stage::Dot => reached == Reached::Accepted,
        });
        if circuit.open_until.is_some() && cured {
            if circuit.failures > HOPELESS {
                self.refusals().forget_victims();
            }
            (circuit.open_until, circuit.failures, circuit.probing, circuit.trouble) = (None, 0, None, None);
            self.show(&circuit);
            self.refusals().forget_refusals();
            tracing::info!(relay = self.config.name, "relay is healthy again");
            return std::mem::take(&mut circuit.waiting);
        }
        Vec::new()
    }

    /// Records that the relay asked for fewer messages; `domain` if it may have passed on that domain's request. Returns false if it is not about the relay's rate; if true, the delivery goes back to the queue, untried.
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

    /// Records a failure of the relay: its circuit opens. Returns how long the delivery that met it waits.
    pub fn is_down(&self, failed: &Failed, probing: bool) -> Duration {
        let mut circuit = self.circuit();
        let now = Instant::now();
        if let Some(until) = circuit.open_until
            && !probing
        {
            // The same failure, met by another worker at the same time.
            return until.saturating_duration_since(now) + VICTIM_EXTRA;
        }
        circuit.failures += 1;
        let trouble = Trouble::of(failed);
        let is_news = circuit
            .trouble
            .as_ref()
            .is_none_or(|before| before.cause != trouble.cause || before.stage != trouble.stage);
        let doubled = FIRST_PAUSE * 2_u32.pow(circuit.failures.min(7) - 1);
        let wrong_password = trouble.stage == Stage::Auth && trouble.refused;
        let pause = if wrong_password { AUTH_PAUSE } else { doubled.min(LONGEST_PAUSE) };
        circuit.open_until = Some(now + pause);
        self.show(&circuit);
        trouble.log(&self.config.name, pause, is_news || circuit.failures.is_multiple_of(REMINDER));
        circuit.trouble = Some(trouble);
        pause + VICTIM_EXTRA
    }

    /// Its failure, while its circuit is open.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        let circuit = self.circuit();
        circuit.open_until.and(circuit.trouble.clone())
    }

    /// The state of its circuit.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.circuit().standing()
    }

    /// Publishes the state of its circuit: a pause ends by itself.
    pub fn measure(&self) {
        self.show(&self.circuit());
    }

    fn show(&self, circuit: &Circuit) {
        self.metrics.circuit(match circuit.standing() {
            Standing::Closed => State::Closed,
            Standing::Open(_) => State::Open,
            Standing::HalfOpen => State::HalfOpen,
        });
    }

    /// True if waiting for it is pointless: it failed several times in a row, or our password is wrong.
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        let circuit = self.circuit();
        let refused = circuit.trouble.as_ref().is_some_and(|trouble| trouble.refused && trouble.stage <= Stage::Mail);
        circuit.open_until.is_some() && (refused || circuit.failures >= HOPELESS)
    }

    /// True if an open session may continue: while the circuit is closed, or for the session that probes.
    #[must_use]
    pub fn allows(&self, probing: bool) -> bool {
        let circuit = self.circuit();
        let open = circuit.open_until.is_some_and(|until| Instant::now() < until);
        circuit.open_until.is_none() || (probing && !open)
    }

    pub(in crate::dispatch) fn refusals(&self) -> MutexGuard<'_, Refusals> {
        // Each change is complete before anything can panic.
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        // No panic can happen between the changes that belong together.
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Circuit {
    fn standing(&self) -> Standing {
        match self.open_until.map(|until| until.saturating_duration_since(Instant::now())) {
            None => Standing::Closed,
            Some(Duration::ZERO) => Standing::HalfOpen,
            Some(left) => Standing::Open(left),
        }
    }
}

#[cfg(test)]
mod tests;
