//! Numbers from the database, collected on demand and at most every few seconds.
//!
//! The collection is a task of its own, one at a time: a scrape waits a while for it and then reports what is known, so that no
//! query is aborted half-way and no scrape holds a connection for longer. It reads, and never waits for a writer; whether the database
//! can be written is found out beside it ([`Writable`]).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::Seconds;
use super::writable::Writable;
use crate::domain::category::Lane;
use crate::domain::clock::{Clock, millis};
use crate::domain::task::TaskKind;
use crate::store::inbound::forwards;
use crate::store::proof::figures::{self, Sealing, Waiting};
use crate::store::sending::uncertain::{self, Doubts};
use crate::store::{Store, StoreError, escalations, promises, tasks};

/// How long a collection is fresh, at least.
const FRESH: Duration = Duration::from_secs(5);

/// It is fresh for this many times as long as it took: on a long queue scrapes cost at most a twentieth of one reader.
const TIMES: u32 = 20;

/// How long a scrape waits for the collection.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLane {
    lane: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDoubt {
    awaits: &'static str,
}

/// What was collected.
#[derive(Clone, Debug)]
struct Figures {
    waiting: Vec<Waiting>,
    doubts: Doubts,
    sealing: Sealing,
    replies: u64,
    tasks: Vec<(TaskKind, u64)>,
    overdue: u64,
    promises: u64,
}

#[derive(Default)]
struct State {
    known: Option<Figures>,
    up: bool,
    /// By the clock in milliseconds: when it was last collected, and until when that is fresh.
    fresh: Option<(i64, i64)>,
    /// Closes when the running collection ends.
    under_way: Option<watch::Receiver<()>>,
}

/// The gauges of what the database holds.
pub(super) struct Standing {
    state: Mutex<State>,
    up: Gauge,
    depth: Family<OfLane, Gauge>,
    oldest: Family<OfLane, Seconds>,
    released: Family<OfLane, Seconds>,
    uncertain: Family<OfDoubt, Gauge>,
    tasks: Family<OfKind, Gauge>,
    overdue: Gauge,
    promises: Gauge,
    entries: Gauge,
    pending: Gauge,
    lag: Seconds,
    stopped: Gauge,
    replies: Gauge,
}

impl Standing {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let standing = Self {
            state: Mutex::default(),
            up: Gauge::default(),
            depth: Family::default(),
            oldest: Family::default(),
            released: Family::default(),
            uncertain: Family::default(),
            tasks: Family::default(),
            overdue: Gauge::default(),
            promises: Gauge::default(),
            entries: Gauge::default(),
            pending: Gauge::default(),
            lag: Seconds::default(),
            stopped: Gauge::default(),
            replies: Gauge::default(),
        };
        registry.register(
            "database_up",
            "1 if the database answered and could be written; at 0 its other metrics may be as last known",
            standing.up.clone(),
        );
        registry.register(
            "queue_deliveries",
            "Deliveries that are not done, those of paused notices included",
            standing.depth.clone(),
        );
        registry.register_with_unit(
            "queue_oldest_age",
            "Since when the delivery that waits longest has been due; paused notices do not count",
            Unit::Seconds,
            standing.oldest.clone(),
        );
        registry.register_with_unit(
            "queue_oldest_release_age",
            "Since when the oldest notice with an unfinished delivery has been released; paused notices do not count",
            Unit::Seconds,
            standing.released.clone(),
        );
        registry.register(
            "deliveries_uncertain",
            "Deliveries in doubt: those that await an operator, and those that are sent again by themselves",
            standing.uncertain.clone(),
        );
        standing.register_duties(registry);
        registry.register("ledger_entries", "Entries of the ledger that have their place", standing.entries.clone());
        registry.register("ledger_pending_entries", "Entries that wait for theirs", standing.pending.clone());
        registry.register_with_unit(
            "ledger_seal_lag",
            "Age of the oldest entry that waits to be sealed",
            Unit::Seconds,
            standing.lag.clone(),
        );
        registry.register(
            "ledger_sealing_stopped",
            "1 where sealing has stopped until a person lets it go on",
            standing.stopped.clone(),
        );
        standing
    }

    fn register_duties(&self, registry: &mut Registry) {
        registry.register("replies_waiting", "Replies that are to be forwarded to support", self.replies.clone());
        registry.register("tasks_open", "Tasks that a person still has to do", self.tasks.clone());
        registry.register(
            "overdue_customers",
            "Customers who are not informed past the deadline of a notice, as of the last look at it",
            self.overdue.clone(),
        );
        registry.register(
            "promises_overdue",
            "Promised news of a matter whose time has passed: an update, the end of a maintenance, a stage of a breach",
            self.promises.clone(),
        );
    }

    /// Updates the gauges, if the database answers in time.
    pub(super) async fn refresh(self: &Arc<Self>, store: &Store, clock: &Clock, writable: &Writable) {
        let (written, ()) = tokio::join!(writable.now(store), self.collect(store, clock));
        self.show(clock.now_ms(), written);
    }

    async fn collect(self: &Arc<Self>, store: &Store, clock: &Clock) {
        if let Some(mut under_way) = self.begin(store, clock) {
            // Whether it finished or was aborted: it ends by being dropped.
            if timeout(PATIENCE, under_way.changed()).await.is_err() {
                self.state().up = false;
            }
        }
    }

    /// The running collection, started if it is time for one.
    fn begin(self: &Arc<Self>, store: &Store, clock: &Clock) -> Option<watch::Receiver<()>> {
        let mut state = self.state();
        if let Some(under_way) = state.under_way.as_ref().filter(|it| it.has_changed().is_ok()) {
            return Some(under_way.clone());
        }
        let now = clock.now_ms();
        // A time before the last collection comes from a clock that was set back.
        if state.fresh.is_some_and(|(since, until)| (since..until).contains(&now)) {
            return None;
        }
        let (ends, under_way) = watch::channel(());
        state.under_way = Some(under_way.clone());
        drop(state);
        tokio::spawn(self.clone().gather(store.clone(), clock.clone(), ends));
        Some(under_way)
    }

    async fn gather(self: Arc<Self>, store: Store, clock: Clock, ends: watch::Sender<()>) {
        let began = Instant::now();
        let gathered = gathered(&store, clock.now()).await;
        let now = clock.now_ms();
        let mut state = self.state();
        state.fresh = Some((now, now.saturating_add(millis(FRESH.max(began.elapsed() * TIMES)))));
        state.up = gathered.is_ok();
        match gathered {
            Ok(figures) => state.known = Some(figures),
            Err(error) => {
                // The next scrape wants to know whether the database is back.
                state.fresh = None;
                tracing::debug!(%error, "the database does not tell how it stands");
            }
        }
        drop(state);
        drop(ends);
    }

    fn show(&self, now: i64, written: bool) {
        let state = self.state();
        self.up.set(i64::from(state.up && written));
        let Some(known) = &state.known else { return };
        let age = |since: Option<jiff::Timestamp>| {
            let since = since.map_or(now, jiff::Timestamp::as_millisecond);
            Duration::from_millis(u64::try_from(now.saturating_sub(since)).unwrap_or(0)).as_secs_f64()
        };
        for lane in Lane::ALL {
            let of = known.waiting.iter().find(|waiting| i64::try_from(waiting.lane) == Ok(lane.rank()));
            let labels = OfLane { lane: lane.as_str() };
            self.depth.get_or_create(&labels).set(gauge(of.map_or(0, |waiting| waiting.deliveries)));
            self.oldest.get_or_create(&labels).set(age(of.and_then(|waiting| waiting.due_at)));
            self.released.get_or_create(&labels).set(age(of.and_then(|waiting| waiting.released_at)));
        }
        for (awaits, doubts) in [("operator", known.doubts.operator), ("retry", known.doubts.again)] {
            self.uncertain.get_or_create(&OfDoubt { awaits }).set(gauge(doubts));
        }
        for kind in TaskKind::ALL {
            let open = known.tasks.iter().find(|(open, _)| open == kind).map_or(0, |(_, count)| *count);
            self.tasks.get_or_create(&OfKind { kind: kind.as_str() }).set(gauge(open));
        }
        self.overdue.set(gauge(known.overdue));
        self.promises.set(gauge(known.promises));
        self.entries.set(gauge(known.sealing.entries));
        self.pending.set(gauge(known.sealing.pending));
        self.lag.set(age(known.sealing.oldest));
        self.stopped.set(i64::from(known.sealing.stopped));
        self.replies.set(gauge(known.replies));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is a few assignments.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn gathered(store: &Store, now: jiff::Timestamp) -> Result<Figures, StoreError> {
    let mut conn = store.read().await?;
    Ok(Figures {
        waiting: figures::waiting(&mut conn, now).await?,
        doubts: uncertain::count(&mut conn).await?,
        sealing: figures::sealing(&mut conn).await?,
        replies: forwards::waiting(&mut conn).await?,
        tasks: tasks::open_by_kind(&mut conn).await?,
        overdue: escalations::overdue(&mut conn).await?,
        promises: promises::overdue(&mut conn).await?,
    })
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
