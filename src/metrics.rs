//! Metrics: numbers about the work, as OpenMetrics text for Prometheus and compatible tools. One [`Metrics`] for each process,
//! passed to the parts that count; nothing is global.
//!
//! Names begin with `besked_` and end in their unit; units are base units. No label ever holds an address, a domain or an
//! account: labels are names of relays and words of closed lists. What needs the database is collected by [`standing`].

pub mod repeats;
mod standing;
pub mod writable;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::domain::category::Category;
use crate::domain::clock::Clock;
use crate::domain::delivery::Outcome;
use crate::domain::reply::Stage;
use crate::domain::report::{MessageKind, Verdict};
use crate::store::Store;
use standing::Standing;
use writable::Writable;

/// The media type of [`Metrics::scrape`] (OpenMetrics 1.0).
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds for the steps of a session, in seconds: from a relay on loopback to the longest deadline.
const STEP_SECONDS: [f64; 14] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 180.0, 600.0];

/// Upper bounds for commits, in seconds.
const COMMIT_SECONDS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Upper bounds for the size of a commit.
const GROUP_SIZES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// In place of a relay's name if nothing was sent.
const NO_RELAY: &str = "none";

/// In place of a class or a lane if the notice was gone before its outcome came.
const UNKNOWN: &str = "unknown";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    relay: String,
    class: &'static str,
    lane: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReply {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStep {
    relay: String,
    step: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRelay {
    relay: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReport {
    kind: &'static str,
    verdict: &'static str,
}

/// Whether a relay is used, as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = relay::Circuit)]
pub enum Circuit {
    /// The relay is used.
    Closed = 0,
    /// One connection probes whether it is healthy again.
    HalfOpen = 1,
    /// The relay is not used for a while.
    Open = 2,
}

/// All numbers of a process: a cheap handle, cloned freely.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    outcomes: Family<OfOutcome, Counter>,
    steps: Family<OfStep, Histogram, fn() -> Histogram>,
    circuits: Family<OfRelay, Gauge>,
    connections: Family<OfRelay, Gauge>,
    commits: Histogram,
    groups: Histogram,
    failed: Counter,
    reports: Family<OfReport, Counter>,
    replies: Family<OfReply, Counter>,
    standing: Arc<Standing>,
    writable: Writable,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    /// Gives the numbers of this process their names.
    fn register(&self, registry: &mut Registry) {
        registry.register(
            "outcomes",
            "Outcomes recorded; a deferral counts each time, relay none stands for nothing sent",
            self.outcomes.clone(),
        );
        registry.register_with_unit(
            "smtp_step_duration",
            "Steps of SMTP conversations, whatever came of them; greeting counts each EHLO too",
            Unit::Seconds,
            self.steps.clone(),
        );
        registry.register(
            "relay_circuit_state",
            "Whether a relay is used: 0 closed (it is), 1 half-open (a probe), 2 open (it is left alone)",
            self.circuits.clone(),
        );
        registry.register(
            "relay_connections",
            "Connections to a relay in use, those being opened among them",
            self.connections.clone(),
        );
        registry.register_with_unit(
            "recorder_commit_duration",
            "Commits of outcomes and claims, from the wait for the writer's turn to the disk",
            Unit::Seconds,
            self.commits.clone(),
        );
        registry.register("recorder_group_size", "Outcomes and claims that one commit took", self.groups.clone());
        registry.register(
            "recorder_commit_failures",
            "Commits that failed and were tried again: nothing new is sent meanwhile",
            self.failed.clone(),
        );
        registry.register(
            "reports",
            "What came back by mail about deliveries, recorded; a wave of policy or relay-or-sender is our own trouble",
            self.reports.clone(),
        );
        registry.register(
            "replies",
            "Replies of persons on their way to support; a deferral counts each time",
            self.replies.clone(),
        );
    }
}

impl Metrics {
    /// All numbers at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("besked");
        let info = Info::new([("version", env!("CARGO_PKG_VERSION"))].to_vec());
        registry.register("build", "This program", info);
        let steps: fn() -> Histogram = || Histogram::new(STEP_SECONDS);
        let inner = Inner {
            outcomes: Family::default(),
            steps: Family::new_with_constructor(steps),
            circuits: Family::default(),
            connections: Family::default(),
            commits: Histogram::new(COMMIT_SECONDS),
            groups: Histogram::new(GROUP_SIZES),
            failed: Counter::default(),
            reports: Family::default(),
            replies: Family::default(),
            standing: Arc::new(Standing::register(&mut registry)),
            writable: Writable::default(),
            registry: Registry::default(),
        };
        inner.register(&mut registry);
        Self(Arc::new(Inner { registry, ..inner }))
    }

    /// Counts a recorded outcome: through which relay, if one was used, and of which category, if known.
    pub fn recorded(&self, relay: Option<&str>, category: Option<Category>, outcome: Outcome) {
        let labels = OfOutcome {
            relay: relay.unwrap_or(NO_RELAY).to_owned(),
            class: category.map_or(UNKNOWN, |category| category.class().as_str()),
            lane: category.map_or(UNKNOWN, |category| category.lane().as_str()),
            outcome: outcome.as_str(),
        };
        self.0.outcomes.get_or_create(&labels).inc();
    }

    /// Counts a report about a delivery that is recorded.
    pub fn reported(&self, kind: MessageKind, verdict: Verdict) {
        self.0.reports.get_or_create(&OfReport { kind: kind.as_str(), verdict: verdict.as_str() }).inc();
    }

    /// Counts what became of a person's reply: a word of [`State`](crate::domain::forward::State), or `deferred`.
    pub fn reply(&self, outcome: &'static str) {
        self.0.replies.get_or_create(&OfReply { outcome }).inc();
    }

    /// Times a commit.
    ///
    /// # Errors
    /// The errors of the commit.
    pub async fn committing<T, E>(&self, commit: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let began = Instant::now();
        let result = commit.await;
        if result.is_ok() {
            self.0.commits.observe(began.elapsed().as_secs_f64());
        } else {
            self.0.failed.inc();
        }
        result
    }

    /// Counts the outcomes and claims that one commit took.
    pub fn observe_group(&self, size: usize) {
        self.0.groups.observe(f64::from(u32::try_from(size).unwrap_or(u32::MAX)));
    }

    /// The metrics of a relay, all of them present from now on.
    #[must_use]
    pub fn relay(&self, name: &str) -> RelayMetrics {
        let relay = OfRelay { relay: name.to_owned() };
        let step = |stage: &Stage| {
            let labels = OfStep { relay: name.to_owned(), step: stage.as_str() };
            (*stage, self.0.steps.get_or_create_owned(&labels))
        };
        RelayMetrics {
            circuit: self.0.circuits.get_or_create_owned(&relay),
            connections: self.0.connections.get_or_create_owned(&relay),
            steps: Arc::new(Stage::ALL.iter().map(step).collect()),
        }
    }

    /// Whether the database can be written.
    #[must_use]
    pub fn writable(&self) -> &Writable {
        &self.0.writable
    }

    /// Everything as OpenMetrics text. What waits in the database is at most a few seconds old; if the database does not answer,
    /// it is as old as the last answer.
    pub async fn scrape(&self, store: &Store, clock: &Clock) -> String {
        self.0.standing.refresh(store, clock, &self.0.writable).await;
        let mut text = String::new();
        encode(&mut text, &self.0.registry).expect("writing to memory does not fail");
        text
    }
}

/// The metrics of one relay.
#[derive(Clone, Debug)]
pub struct RelayMetrics {
    circuit: Gauge,
    connections: Gauge,
    steps: Arc<BTreeMap<Stage, Histogram>>,
}

impl RelayMetrics {
    /// Sets the state of its circuit.
    pub fn circuit(&self, circuit: Circuit) {
        self.circuit.set(circuit as i64);
    }

    /// Counts a connection as in use until the returned guard is dropped.
    #[must_use]
    pub fn connection(&self) -> InUse {
        self.connections.inc();
        InUse(self.connections.clone())
    }

    /// Connections in use.
    #[must_use]
    pub fn connections(&self) -> u64 {
        u64::try_from(self.connections.get()).unwrap_or(0)
    }

    /// Records how long a step of a session took.
    pub fn step(&self, stage: Stage, took: Duration) {
        if let Some(step) = self.steps.get(&stage) {
            step.observe(took.as_secs_f64());
        }
    }
}

/// Counts a connection as in use while it lives.
#[derive(Debug)]
pub struct InUse(Gauge);

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A gauge of seconds.
type Seconds = Gauge<f64, AtomicU64>;
