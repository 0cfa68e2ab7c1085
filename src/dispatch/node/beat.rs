//! This dispatcher as one node among others: it sends its heartbeat, counts the others, and publishes the state of its relays.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::config::host_name;
use crate::dispatch::Context;
use crate::dispatch::domains::pause::Paused;
use crate::dispatch::node::clocks;
use crate::dispatch::rates::share::BEAT;
use crate::dispatch::relay::{Relay, Standing};
use crate::domain::reply::Stage;
use crate::metrics::Circuit;
use crate::store::sending::nodes::{self, Node, RelayState};
use crate::store::{Result, StoreError};

/// The most paused domains that a report names.
const NAMED: usize = 20;

/// How often a dispatcher that is alone by its lock sends a heartbeat when it has nothing to publish: nobody divides a rate
/// by it.
const SOLE_BEAT: Duration = Duration::from_secs(3);

/// How long a heartbeat may take.
const BEAT_LIMIT: Duration = Duration::from_secs(3);

/// How long signing off may take: the other nodes notice without it.
const LEAVE: Duration = Duration::from_secs(5);

/// Heartbeats between two removals of nodes that are gone.
const TIDY_EVERY: u64 = 60;

/// The state of a relay at a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = relay::Report)]
pub struct Report {
    /// Host and port.
    pub address: String,
    /// `implicit`, `required`, `opportunistic` or `none`.
    pub tls: String,
    /// The circuit.
    pub state: Circuit,
    /// The step that failed, while the circuit is not closed.
    pub stage: Option<Stage>,
    /// What the server replied to it.
    pub reply: Option<String>,
    /// When the relay is tried again.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Connections in use.
    pub connections: u64,
    /// This node's share of the rate, per second; 0 while it waits until the others count it; `None` without a limit.
    pub rate_per_second: Option<f64>,
    /// The rate to which the node slowed the relay down since it asked for fewer messages, per second.
    #[serde(default)]
    pub throttled_to: Option<f64>,
    /// Messages accepted since the node started.
    pub sent: u64,
    /// Transactions that are to be retried.
    pub deferred: u64,
    /// Messages and recipients refused for good.
    pub refused: u64,
    /// When a message was last accepted.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_success_at: Option<Timestamp>,
    /// Paused domains for which the relay passed a request on; the longest pauses first.
    pub paused_domains: Vec<Paused>,
    /// How many more there are.
    pub more_paused: usize,
}

impl Report {
    fn of(relay: &Relay, context: &Context) -> Self {
        let now = context.clock.now();
        let standing = relay.standing();
        let trouble = if standing == Standing::Closed { None } else { relay.trouble() };
        let counts = relay.tally.counts();
        let mut paused_domains = context.pace.paused_by(&relay.config.name, now.as_millisecond());
        let more_paused = paused_domains.len().saturating_sub(NAMED);
        paused_domains.truncate(NAMED);
        Self {
            address: relay.config.url.address(),
            tls: relay.config.url.tls.as_str().to_owned(),
            state: standing.shown(),
            stage: trouble.as_ref().map(|trouble| trouble.stage),
            reply: trouble.map(|trouble| trouble.text),
            until: match standing {
                Standing::Open(left) => SignedDuration::try_from(left).ok().and_then(|left| now.checked_add(left).ok()),
                Standing::Closed | Standing::HalfOpen => None,
            },
            connections: relay.connections(),
            rate_per_second: relay.tokens.share(),
            throttled_to: relay.tokens.throttled_to().map(|rate| (rate * 10.0).round() / 10.0),
            sent: counts.sent,
            deferred: counts.deferred,
            refused: counts.refused,
            last_success_at: counts.last_success,
            paused_domains,
            more_paused,
        }
    }

    /// True if nothing changed except by the passage of time.
    fn says_the_same_as(&self, other: &Self) -> bool {
        let until_the_second = |it: &Self| it.until.map(|until| (until.as_millisecond() + 500) / 1000);
        let without = |it: &Self| Self { until: None, ..it.clone() };
        until_the_second(self) == until_the_second(other) && without(self) == without(other)
    }
}

/// The heartbeat of one dispatcher.
pub struct Beating {
    context: Arc<Context>,
    relays: Vec<Arc<Relay>>,
    node: Node,
    joined_at: Option<Timestamp>,
    published: HashMap<String, Report>,
    beats: u64,
    /// It was logged that the clocks differ.
    clock_logged: bool,
    last: Option<Instant>,
}

impl Beating {
    /// A node that no other knows yet.
    #[must_use]
    pub fn new(context: Arc<Context>, relays: Vec<Arc<Relay>>) -> Self {
        let node = Node {
            id: context.owner.clone(),
            name: name(&context.config.dispatch.node),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: None,
            seen_at: None,
        };
        Self {
            context,
            relays,
            node,
            joined_at: None,
            published: HashMap::new(),
            beats: 0,
            clock_logged: false,
            last: None,
        }
    }

    /// Sends heartbeats until `stop`, then signs off.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beats.tick().await;
        let mut failing = false;
        let store = self.context.store.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = beats.tick() => {}
            }
            self.relays.iter().for_each(|relay| relay.measure());
            if self.may_rest() {
                continue;
            }
            match store.within(BEAT_LIMIT, self.beat()).await {
                Ok(()) => failing = false,
                Err(error) if failing => tracing::debug!(%error, "the heartbeat of this node still fails"),
                Err(error) => {
                    failing = true;
                    tracing::warn!(%error, "the heartbeat of this node fails, retrying");
                }
            }
        }
        if let Err(error) = store.within(LEAVE, self.leave()).await {
            tracing::warn!(%error, "this node could not sign off: it counts for some seconds more");
        }
    }

    fn may_rest(&self) -> bool {
        let fresh = self.last.is_some_and(|at| at.elapsed() < SOLE_BEAT);
        self.context.share.is_sole() && fresh && self.news().is_empty()
    }

    /// One heartbeat: a statement, and a second one if a relay has something new to publish.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn beat(&mut self) -> Result<()> {
        // Read before the statement: what it publishes is at least as fresh.
        let begun = (Instant::now(), self.context.clock.now_ms());
        let mut tx = self.context.store.write().await?;
        let beat = nodes::beat(&mut tx, &self.node, self.context.clock.now()).await?;
        let answered_ms = self.context.clock.now_ms();
        if self.joined_at != Some(beat.joined_at) {
            // What was published before may have been removed.
            self.published.clear();
        }
        let reports = self.news();
        if !reports.is_empty() {
            let states = reports.iter().map(|(relay, report)| self.state(relay, report)).collect::<Vec<_>>();
            nodes::publish(&mut tx, &states).await?;
        }
        if self.beats.is_multiple_of(TIDY_EVERY) {
            nodes::forget_gone(&mut tx, self.context.clock.now()).await?;
        }
        tx.commit().await?;
        let (dialect, at_ms) = (self.context.store.dialect, beat.at.as_millisecond());
        clocks::compare(dialect, at_ms, (begun.1, answered_ms), &mut self.clock_logged);
        self.context.share.counted(begun, &beat);
        self.node.started_at = Some(beat.started_at);
        self.joined_at = Some(beat.joined_at);
        self.published.extend(reports);
        self.beats += 1;
        self.last = Some(begun.0);
        Ok(())
    }

    /// What relays have to publish.
    fn news(&self) -> Vec<(String, Report)> {
        let reports = self.relays.iter().map(|relay| (relay.config.name.clone(), Report::of(relay, &self.context)));
        reports
            .filter(|(relay, report)| {
                self.published.get(relay).is_none_or(|published| !report.says_the_same_as(published))
            })
            .collect()
    }

    fn state(&self, relay: &str, report: &Report) -> RelayState {
        RelayState {
            node_id: self.node.id.clone(),
            relay: relay.to_owned(),
            state: serde_json::to_string(report).expect("a report has string keys only"),
        }
    }

    async fn leave(&self) -> Result<()> {
        let mut tx = self.context.store.write().await?;
        nodes::leave(&mut tx, &self.node.id).await?;
        tx.commit().await.map_err(StoreError::from)
    }
}

/// The name of this node: the configured one, else the host name and the process id.
fn name(configured: &str) -> String {
    if !configured.is_empty() {
        return configured.to_owned();
    }
    format!("{}:{}", host_name().unwrap_or_else(|| "node".to_owned()), std::process::id())
}
