//! The circuit of a relay: closed, open, or half-open while one worker probes.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::dispatch::recorder::claims::Avoid;
use crate::dispatch::relay::{Relay, Trouble};
use crate::domain::reply::Stage;
use crate::mail::smtp::Failed;
use crate::metrics::Circuit as State;

/// First pause after a failure; it doubles up to [`LONGEST_PAUSE`].
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Pause after a refused AUTH: a wrong password stays wrong, and servers lock out clients that keep trying.
pub(super) const AUTH_PAUSE: Duration = Duration::from_secs(300);

/// The longest pause of a relay that takes messages and does not answer: each probe may leave one that arrives twice.
const LOST_PAUSE: Duration = Duration::from_secs(300);

/// A failure that comes back so soon after the relay was healthy is the same outage.
const SAME_OUTAGE: Duration = Duration::from_secs(60);

/// How much longer than the pause a delivery waits that met the failure.
const VICTIM_EXTRA: Duration = Duration::from_secs(5);

/// Failed probes after which a run with an end gives up on the relay.
const HOPELESS: u32 = 3;

/// Deliveries remembered that wait for the relay; others wait for their time.
const MOST_WAITING: usize = 10_000;

/// A relay that stays unhealthy is logged again after so many failed probes: some ten minutes.
const REMINDER: u32 = 10;

#[derive(Debug, Default)]
pub(super) struct Circuit {
    open_until: Option<Instant>,
    /// Failures since the circuit last closed.
    failures: u32,
    /// The number of the running probe.
    probing: Option<u64>,
    /// Probes so far.
    probes: u64,
    trouble: Option<Trouble>,
    /// What was wrong with it before it was healthy again, and since when it is.
    before: Option<(Trouble, Instant)>,
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

impl Standing {
    /// Without the time that is left.
    #[must_use]
    pub const fn shown(self) -> State {
        match self {
            Self::Closed => State::Closed,
            Self::Open(_) => State::Open,
            Self::HalfOpen => State::HalfOpen,
        }
    }
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
    /// stand close together there. One probe in three avoids nothing and takes what waits last: that was refused a while ago, and
    /// may pass now as it would not when it was new.
    #[must_use]
    pub fn avoids(&self) -> Avoid {
        match self.number % 3 {
            0 => Avoid { from_back: true, ..Avoid::default() },
            n => Avoid { from_back: n == 2, ..self.relay.avoided() },
        }
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
            circuit.before = circuit.trouble.take().map(|trouble| (trouble, Instant::now()));
            (circuit.open_until, circuit.failures, circuit.probing) = (None, 0, None);
            self.show(&circuit);
            self.refusals().forget_refusals();
            tracing::info!(relay = self.config.name, "relay is healthy again");
            return std::mem::take(&mut circuit.waiting);
        }
        Vec::new()
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
        let lately = circuit.before.as_ref().filter(|(_, healthy)| now - *healthy < SAME_OUTAGE);
        let before = circuit.trouble.as_ref().or(lately.map(|(before, _)| before));
        let is_news = before.is_none_or(|before| before.cause != trouble.cause || before.stage != trouble.stage);
        let doubled = FIRST_PAUSE * 2_u32.pow(circuit.failures.min(10) - 1);
        let longest = if trouble.stage == Stage::Dot && !trouble.answered { LOST_PAUSE } else { LONGEST_PAUSE };
        let wrong_password = trouble.stage == Stage::Auth && trouble.refused;
        let pause = if wrong_password { AUTH_PAUSE } else { doubled.min(longest) };
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
        self.metrics.circuit(circuit.standing().shown());
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
