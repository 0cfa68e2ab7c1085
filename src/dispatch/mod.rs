//! Dispatch: everything that happens to deliveries between release and outcome.
//!
//! ```text
//!            +-- worker -- SMTP session --+
//! recorder --+-- worker -- SMTP session --+-- relay     housekeeping: close finished notices, take over orphaned claims
//!    |       +-- worker -- SMTP session --+             errands: release what is due, finish cancellations
//!    |                                                  leases: renew what is held
//!    |                                                  upkeep: seal the ledger, delete persons after retention
//! database                                              nodes: send the heartbeat, count the others, share rates
//! ```
//!
//! | folder | what it is |
//! | --- | --- |
//! | `recorder/` | the one task that claims and settles: claims by lane, leases, and what is recorded of a trial |
//! | `sending/` | workers: one connection each, one delivery after the other, from attempt to outcome |
//! | `relay/` | a relay's circuit, whose fault its refusals are, how fast it takes mail, and which categories it carries |
//! | `domains/` | how many deliveries at a time a recipient domain gets, and its pauses |
//! | `rates/` | rates, and this node's share of them |
//! | `node/` | the node's lock, heartbeat, sign of life and clock, and what it reports of relays |
//! | `house/` | rounds of housekeeping, errands, upkeep, and the end of a run |
//! | `context.rs` | what all of them share, each field with its owner |
//! | `finished.rs` | how a run ends, and what it leaves |
//!
//! Lease, commit, send, settle: a claim is committed before a byte is sent, no transaction is open across the network, and
//! the outcome, the exact bytes and the ledger's entry are committed together by the owner of the claim's token.

mod context;
pub mod domains;
mod finished;
pub mod house;
pub mod node;
mod rates;
mod recorder;
mod relay;
mod sending;

use std::sync::Arc;
use std::sync::atomic::AtomicU16;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::domain::clock::Clock;
use crate::domain::random::Random;
use crate::mail::token::TokenKey;
use crate::metrics::Metrics;
use crate::notices::{NoticeError, Notices};
use crate::store::{Dialect, Store};
pub use context::{Context, Observer, Settled};
use domains::pace::Pace;
pub use finished::{Finished, Left, RunError, Until};
use house::ending::{Ending, before};
use house::errands::Errands;
pub use house::errands::Undone;
use house::upkeep::{Begun, Upkeep};
use node::beat::Beating;
use node::pulse::Pulse;
use rates::share::Share;
use recorder::lanes::{Due, Seat};
use recorder::leases::Leases;
use recorder::outage::Outage;
use recorder::unreadable::Unreadable;
use recorder::unsent::Unsent;
use recorder::{Recorder, Request};
use relay::Relay;
pub use relay::Trouble;
use relay::streams::Streams;
use sending::late::Late;
use sending::worker::Worker;

/// How often to look for what has become due.
const TICK: Duration = Duration::from_millis(500);

/// How long to wait before the tombstone journal is read again.
const UNREADABLE: Duration = Duration::from_secs(5);

/// How long the database may be silent while there is housekeeping to do.
const SILENCE: Duration = Duration::from_secs(60);

/// Sends what is released.
pub struct Dispatcher {
    context: Arc<Context>,
    notices: Notices,
    upkeep: Upkeep,
    pulse: Pulse,
    relays: Vec<Arc<Relay>>,
    streams: Arc<Streams>,
}

/// The parts of a dispatcher.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The configuration.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Clock,
    /// Salts, ids and jitter.
    pub random: Random,
    /// The key behind return paths and links.
    pub key: TokenKey,
    /// The life of notices.
    pub notices: Notices,
    /// The work beside the sending.
    pub upkeep: Upkeep,
    /// Called with each recorded outcome.
    pub observer: Option<Observer>,
    /// The metrics.
    pub metrics: Metrics,
    /// Its sign of life.
    pub pulse: Pulse,
}

impl Dispatcher {
    /// A dispatcher that has not started. On SQLite its caller holds the [`lock`].
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let share = Arc::new(match parts.store.dialect {
            Dialect::Sqlite => Share::sole(parts.clock.clone()),
            Dialect::Postgres => Share::of_many(parts.clock.clone()),
        });
        let relays = parts.config.relays.iter().cloned();
        let relays: Vec<_> = relays.map(|relay| Arc::new(Relay::new(relay, &share, &parts.metrics))).collect();
        let streams = Arc::new(Streams::new(&parts.config, &relays));
        let owner = parts.random.id(parts.clock.now()).to_string();
        let nothing = Arc::new(Notify::new());
        let context = Context {
            pace: Arc::new(Pace::new(&parts.config.limits, &share, nothing.clone())),
            share,
            store: parts.store,
            config: parts.config,
            clock: parts.clock,
            random: parts.random,
            key: parts.key,
            owner,
            observer: parts.observer,
            outage: Outage::none(parts.metrics.writable().clone()),
            metrics: parts.metrics,
            leases: Leases::default(),
            unreadable: Unreadable::default(),
            unsent: Unsent::default(),
            nothing,
            found_nothing: AtomicU16::new(0),
        };
        let (notices, pulse) = (parts.notices, parts.pulse);
        let upkeep = Upkeep {
            ledger: parts.upkeep.ledger.of_node(&context.owner),
            webhooks: parts.upkeep.webhooks.of_node(&context.owner),
            ..parts.upkeep
        };
        Self { context: Arc::new(context), notices, upkeep, pulse, relays, streams }
    }

    /// Sends until `shutdown`, or with `until` until there is nothing to do.
    ///
    /// # Errors
    /// If a part of it panicked, which is then not restarted. With `until` also if the database cannot be used at the start, or
    /// later for a minute; without, such a failure is logged and waited out.
    pub async fn run(&self, shutdown: CancellationToken, until: Option<Until>) -> Result<Finished, RunError> {
        let mut beating = Beating::new(self.context.clone(), self.relays.clone());
        if let Some(finished) = self.begin(&mut beating, &shutdown, until).await? {
            return Ok(finished);
        }
        let (gone, broken) = (CancellationToken::new(), CancellationToken::new());
        let beating = tokio::spawn(noticed(&broken, beating.run(gone.clone())));
        let (recorder, requests) = Recorder::new(self.context.clone());
        let given_up = CancellationToken::new();
        let dialect = self.context.store.dialect;
        let recorder = tokio::task::spawn_blocking({
            let (given_up, broken) = (given_up.clone(), broken.clone());
            move || {
                let recording = async move { given_up.run_until_cancelled(recorder.run()).await };
                on_a_thread_of_its_own(dialect, noticed(&broken, recording))
            }
        });
        let (due, _) = watch::channel(Due::default());
        let stop = shutdown.child_token();
        let ending = Ending::after(stop.clone(), self.context.config.dispatch.drain);
        let recorded = CancellationToken::new();
        // Dropping this run drops everything that it owns: nothing is recorded once another dispatcher may have taken over.
        let _ended = [&gone, &given_up, &stop, &recorded].map(|token| token.clone().drop_guard());
        let mut workers = self.spawn_workers(&due, &requests, &stop);
        drop(requests);
        let upkeep = tokio::spawn(noticed(&broken, self.upkeep.clone().run(stop.clone())));
        let leases = recorder::leases::keep(self.context.clone(), recorded.clone());
        let leases = tokio::spawn(noticed(&broken, leases));
        let mut errands = Errands::new(self.context.store.clone(), self.notices.clone());
        let is_well = || {
            let ended = [recorder.is_finished(), upkeep.is_finished(), leases.is_finished(), beating.is_finished()];
            stop.is_cancelled() || !ended.contains(&true)
        };
        // On the heap: this is the largest future of a run, and would be moved with every part of it.
        let house = Box::pin(self.keep_house((&shutdown, &ending.flight), until, &due, &mut errands));
        let finished = tokio::select! {
            biased;
            finished = self.pulse.beating(is_well, house) => finished.map_err(RunError::from),
            () = breaks(&broken, &shutdown) => {
                tracing::error!("a part of the dispatcher panicked: it ends, and what it held is taken over by the next one");
                Err(RunError::Broken)
            }
        };
        stop.cancel();
        Self::drain(&ending.flight, &mut workers, &mut errands).await;
        // Undecided deliveries return to the queue: the next dispatcher finds out whose fault their refusals are.
        self.relays.iter().for_each(|relay| drop(relay.take_undecided()));
        Self::finish_recording(&ending.end, recorder, &given_up).await;
        recorded.cancel();
        ending.finish(leases, "renewing leases failed: those that were held expire by themselves").await;
        gone.cancel();
        ending.finish(beating, "the heartbeat failed: this node counts for some seconds more").await;
        ending.finish(upkeep, "the upkeep was aborted: the next dispatcher seals the remaining entries").await;
        // What was recorded until now is sealed too; if that fails, the next start does it.
        if matches!(finished, Ok(Finished::Stopped | Finished::Left(_))) {
            let _ = before(&ending.end, self.upkeep.ledger.seal()).await;
        }
        finished
    }

    /// Starts a worker for each connection of each relay.
    fn spawn_workers(
        &self,
        due: &watch::Sender<Due>,
        recorder: &UnboundedSender<Request>,
        stop: &CancellationToken,
    ) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        for relay in &self.relays {
            let turns = self.streams.turns(relay);
            for seat in Seat::of(relay.config.connections, turns.carried()) {
                let worker = Worker {
                    late: Late::default(),
                    context: self.context.clone(),
                    relay: relay.clone(),
                    streams: self.streams.clone(),
                    turns: turns.clone(),
                    seat,
                    due: due.subscribe(),
                    recorder: recorder.clone(),
                };
                workers.spawn(supervised(worker, stop.clone()));
            }
        }
        workers
    }

    /// Lets deliveries in flight and errands finish, and aborts them once the time to drain is over.
    async fn drain(flight: &CancellationToken, workers: &mut JoinSet<()>, errands: &mut Errands) {
        if before(flight, async { while workers.join_next().await.is_some() {} }).await.is_none() {
            tracing::warn!("deliveries in flight did not finish in time and are aborted");
            workers.shutdown().await;
        }
        if before(flight, errands.finish()).await.is_none() {
            tracing::warn!("a release or a cancellation did not finish in time: the next dispatcher resumes it");
            errands.break_off().await;
        }
    }

    /// Runs before anything is sent: takes over what earlier dispatchers left, joins the live nodes, and erases again who was
    /// erased before this database was restored. Returns how the run ended, if it ended meanwhile.
    async fn begin(
        &self,
        beating: &mut Beating,
        shutdown: &CancellationToken,
        until: Option<Until>,
    ) -> Result<Option<Finished>, NoticeError> {
        // Each step of it is a transaction: a shutdown does not wait for a database that may be silent.
        let begun = shutdown.run_until_cancelled(self.begin_in_time(beating, until)).await;
        begun.unwrap_or(Ok(Some(Finished::Stopped)))
    }

    async fn begin_in_time(
        &self,
        beating: &mut Beating,
        until: Option<Until>,
    ) -> Result<Option<Finished>, NoticeError> {
        let every = self.context.store.dialect == Dialect::Sqlite;
        loop {
            let begun = async {
                self.take_over(every).await?;
                self.notices.requeue_all_lost().await?;
                Ok::<_, NoticeError>(beating.beat().await?)
            };
            match self.context.store.watched(SILENCE, begun).await {
                Ok(()) => break,
                Err(error) if until.is_some() => return Err(error),
                Err(error) => {
                    self.context.outage.log("claims of earlier dispatchers cannot be taken over", &error.for_logs())
                }
            }
            tokio::time::sleep(TICK).await;
        }
        loop {
            let again = match self.upkeep.begin().await {
                // Whether this database is a restored copy is known before anything is sent.
                Begun::Ready if self.upkeep.is_examined().await => return Ok(None),
                Begun::Ready => TICK,
                // Another node sends to an erased person at this moment: its lease ends soon.
                Begun::Sending => TICK,
                Begun::NotErased(reason) if until.is_some() => return Ok(Some(Finished::NotErased(reason))),
                Begun::NotErased(_) => UNREADABLE,
            };
            tokio::time::sleep(again).await;
        }
    }

    /// With the workers gone the recorder commits what they left and ends; during an outage the wait for it is bounded.
    async fn finish_recording(
        end: &CancellationToken,
        mut recorder: JoinHandle<Option<()>>,
        given_up: &CancellationToken,
    ) {
        match before(end, &mut recorder).await {
            Some(Ok(_)) => {}
            Some(Err(_)) => tracing::error!("the recorder failed: leases that it held expire by themselves"),
            None => {
                given_up.cancel();
                tracing::error!("the last outcomes could not be recorded: the next dispatcher finds them uncertain");
            }
        }
    }
}

/// Runs a part of the dispatcher, whose end is noticed at once, also by a panic.
fn noticed<T, F: Future<Output = T>>(broken: &CancellationToken, part: F) -> impl Future<Output = T> + use<T, F> {
    let ended = broken.clone().drop_guard();
    async move {
        let _ended = ended;
        part.await
    }
}

/// Returns once a part has ended that was not asked to.
async fn breaks(broken: &CancellationToken, shutdown: &CancellationToken) {
    broken.cancelled().await;
    if shutdown.is_cancelled() {
        std::future::pending::<()>().await;
    }
}

/// Runs the recorder on a thread of its own, where it does not queue behind workers that compose: all of them wait for it. Beside
/// SQLite, which has no sockets, it is woken without asking the kernel for events.
fn on_a_thread_of_its_own<T>(dialect: Dialect, task: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    if dialect == Dialect::Postgres {
        runtime.enable_io();
    }
    runtime.enable_time().build().expect("a runtime can be made where one is running").block_on(task)
}

/// How long to wait before a worker that panicked is restarted.
const PANIC_PAUSE: Duration = Duration::from_secs(1);

/// Runs a worker, and again if it panicked: one delivery never stops the others.
async fn supervised(worker: Worker, stop: CancellationToken) {
    let mut task = JoinSet::new();
    task.spawn(worker.clone().run(stop.clone()));
    while let Some(ended) = task.join_next().await {
        match ended {
            Err(error) if error.is_panic() && !stop.is_cancelled() => {
                tracing::error!("a worker panicked and is restarted");
                tokio::time::sleep(PANIC_PAUSE).await;
                task.spawn(worker.clone().run(stop.clone()));
            }
            _ => return,
        }
    }
}
