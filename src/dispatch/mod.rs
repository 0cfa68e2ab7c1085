//! Dispatch: everything that happens to deliveries between release and outcome.
//!
//! ```text
//!            +-- worker -- SMTP session --+
//! recorder --+-- worker -- SMTP session --+-- relay     housekeeping: release what is due, close what is done,
//!    |       +-- worker -- SMTP session --+             renew leases, take over those of the dead
//!    |                                                  upkeep: seal the ledger, delete persons whose time is over
//! database                                              nodes: tell that this one lives, count the others, share the rates
//! ```
//!
//! Lease, commit, send, settle: a claim is committed before a byte is sent, no transaction is open across the network, and
//! the outcome, the exact bytes and the ledger's entry are committed together by whoever holds the claim's token.

mod attempt;
mod job;
mod lanes;
pub mod lock;
pub mod nodes;
pub mod notice;
mod outcome;
mod pace;
pub mod pause;
pub mod pulse;
mod rate;
mod recorder;
pub mod relay;
mod share;
mod tally;
pub mod upkeep;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Config;
use crate::domain::category::Lane;
use crate::domain::clock::Clock;
use crate::domain::delivery::Outcome;
use crate::domain::random::Random;
use crate::ledger::Sealed;
use crate::mail::token::TokenKey;
use crate::metrics::Metrics;
use crate::notices::{NoticeError, Notices};
use crate::store::queue::{Depth, LEASE_MS, Stale};
use crate::store::settle::Settlement;
use crate::store::{Dialect, Store, StoreError, deliveries, notices as kept, queue, settle};
use lanes::{Due, Seat};
use nodes::Beating;
use notice::Sending;
use outcome::{Trial, settlement};
use pace::Pace;
use pulse::Pulse;
use recorder::Recorder;
use relay::{Relay, Trouble};
use share::Share;
use upkeep::Upkeep;
use worker::Worker;

/// What was recorded of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    /// The notice.
    pub notice_id: Uuid,
    /// The outcome.
    pub outcome: Outcome,
    /// False where another attempt follows.
    pub last: bool,
}

/// Is told what was recorded.
pub type Observer = Arc<dyn Fn(&Settled) + Send + Sync>;

/// What all parts of a dispatcher share.
pub struct Context {
    store: Store,
    config: Arc<Config>,
    clock: Clock,
    random: Random,
    key: TokenKey,
    owner: String,
    share: Arc<Share>,
    pace: Pace,
    observer: Option<Observer>,
    metrics: Metrics,
    renewed_at: AtomicI64,
    /// Woken when a worker found nothing to claim.
    nothing: Notify,
}

impl Context {
    fn settled(&self, settled: &Settled) {
        if let Some(observer) = &self.observer {
            observer(settled);
        }
    }

    /// Counts an outcome that was recorded.
    fn count(&self, sending: Option<&Arc<Sending>>, settlement: &Settlement) {
        let relay = settlement.attempt.as_ref().map(|attempt| attempt.relay.as_str());
        self.metrics.recorded(relay, sending.map(|sending| sending.kept.category), settlement.outcome);
        let (notice, delivery) = (settlement.notice_id, settlement.delivery_id);
        tracing::debug!(%notice, %delivery, relay, outcome = %settlement.outcome, "recorded");
    }

    fn found_nothing(&self) {
        self.nothing.notify_one();
    }

    fn renewed_at(&self) -> i64 {
        self.renewed_at.load(Ordering::Relaxed)
    }
}

/// When a run is to end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Once nothing can be done now, for any notice or for one.
    Idle(Option<Uuid>),
}

/// How a run trial.
#[derive(Clone, Debug)]
pub enum Finished {
    /// It was told to stop.
    Stopped,
    /// Nothing can be done now; some deliveries may be due later.
    Idle(Depth),
    /// Deliveries wait, but no relay can be used: name and trouble of each.
    NoRelay(Vec<(String, Trouble)>, Depth),
    /// Nothing more can be sent now, but entries wait to be sealed, and why.
    Unsealed(String, Depth),
}

/// How often to look for what has become due.
const TICK: Duration = Duration::from_millis(500);

/// How soon to look again at most, where workers find nothing to claim: a domain's limit may hold up what is due.
const SHORTEST_TICK: Duration = Duration::from_millis(20);

/// Deliveries to domains on pause that are put off in one transaction.
const PUT_OFF: usize = 2000;

/// Deliveries counted as due at most: more make no difference to how many workers are woken.
const COUNTED: usize = 1000;

/// Sends what is released.
pub struct Dispatcher {
    context: Arc<Context>,
    notices: Notices,
    upkeep: Upkeep,
    pulse: Pulse,
    relays: Vec<Arc<Relay>>,
}

/// What a dispatcher is made of.
pub struct Parts {
    /// Where everything is kept.
    pub store: Store,
    /// How to do it.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Clock,
    /// Salts, ids and jitter.
    pub random: Random,
    /// The key behind return paths and links.
    pub key: TokenKey,
    /// The life of notices.
    pub notices: Notices,
    /// What is done beside the sending.
    pub upkeep: Upkeep,
    /// Is told what was recorded.
    pub observer: Option<Observer>,
    /// Counts.
    pub metrics: Metrics,
    /// Shows that it is alive.
    pub pulse: Pulse,
}

impl Dispatcher {
    /// A dispatcher that has not begun. On SQLite its caller holds the [`lock`].
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let share = Arc::new(match parts.store.dialect {
            Dialect::Sqlite => Share::sole(parts.clock.clone()),
            Dialect::Postgres => Share::of_many(parts.clock.clone()),
        });
        let relays = parts.config.relays.iter().cloned();
        let relays = relays.map(|relay| Arc::new(Relay::new(relay, &share, &parts.metrics))).collect();
        let owner = parts.random.id(parts.clock.now()).to_string();
        let context = Context {
            pace: Pace::new(&parts.config.limits, &share),
            share,
            store: parts.store,
            config: parts.config,
            clock: parts.clock,
            random: parts.random,
            key: parts.key,
            owner,
            observer: parts.observer,
            metrics: parts.metrics,
            renewed_at: AtomicI64::new(0),
            nothing: Notify::new(),
        };
        Self { context: Arc::new(context), notices: parts.notices, upkeep: parts.upkeep, pulse: parts.pulse, relays }
    }

    /// Sends until `shutdown`, or with `until` until there is nothing to do.
    ///
    /// # Errors
    /// Where the database cannot be used at the start; later trouble is logged and waited out.
    pub async fn run(&self, shutdown: CancellationToken, until: Option<Until>) -> Result<Finished, NoticeError> {
        self.take_over(self.context.store.dialect == Dialect::Sqlite).await?;
        self.upkeep.begin().await;
        let mut beating = Beating::new(self.context.clone(), self.relays.clone());
        beating.beat().await?;
        let gone = CancellationToken::new();
        let beating = tokio::spawn(beating.run(gone.clone()));
        let (recorder, requests) = Recorder::new(self.context.clone());
        let recorder = tokio::task::spawn_blocking(|| on_a_thread_of_its_own(recorder.run()));
        let (due, _) = watch::channel(Due::default());
        let stop = CancellationToken::new();
        let mut workers = JoinSet::new();
        for (place, relay) in self.relays.iter().enumerate() {
            for seat in Seat::of(relay.config.connections) {
                let worker = Worker {
                    context: self.context.clone(),
                    relay: relay.clone(),
                    before: self.relays[..place].to_vec(),
                    seat,
                    due: due.subscribe(),
                    recorder: requests.clone(),
                };
                workers.spawn(supervised(worker, stop.clone()));
            }
        }
        drop(requests);
        let upkeep = tokio::spawn(self.upkeep.clone().run(stop.clone()));
        let is_well = || !recorder.is_finished() && !upkeep.is_finished();
        let finished = self.pulse.beating(is_well, self.keep_house(&shutdown, until, &due)).await;
        stop.cancel();
        let drained =
            timeout(self.context.config.dispatch.drain, async { while workers.join_next().await.is_some() {} });
        if drained.await.is_err() {
            tracing::warn!("deliveries under way did not finish in time and are given up");
            workers.shutdown().await;
        }
        // With the workers gone the recorder commits what they left and ends.
        if recorder.await.is_err() {
            tracing::error!("the recorder failed: leases that it held run out by themselves");
        }
        gone.cancel();
        if beating.await.is_err() {
            tracing::error!("the heartbeat failed: this node counts for some seconds more");
        }
        if upkeep.await.is_err() {
            tracing::error!("the upkeep failed: entries wait to be sealed by the next one");
        }
        // What the drain recorded is sealed too; where that fails, the next start does it.
        if matches!(finished, Ok(Finished::Stopped)) {
            let _ = self.upkeep.ledger.seal().await;
        }
        finished
    }

    /// Housekeeping: what has to be done from time to time, beside the sending.
    async fn keep_house(
        &self,
        shutdown: &CancellationToken,
        until: Option<Until>,
        due: &watch::Sender<Due>,
    ) -> Result<Finished, NoticeError> {
        let mut next_renewal = 0;
        loop {
            match self.round(&mut next_renewal, due).await {
                Ok(()) => {
                    if let Some(Until::Idle(notice)) = until
                        && let Some(finished) = self.is_idle(notice).await?
                    {
                        return Ok(finished);
                    }
                }
                Err(error) if until.is_some() => return Err(error),
                Err(error) => tracing::error!(%error, "housekeeping failed, trying again"),
            }
            self.pulse.turned();
            tokio::select! {
                () = shutdown.cancelled() => return Ok(Finished::Stopped),
                () = self.looks_again() => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// Returns when a worker found nothing to claim, though not at once: it may be held up by a limit.
    async fn looks_again(&self) {
        self.context.nothing.notified().await;
        tokio::time::sleep(SHORTEST_TICK).await;
    }

    async fn round(&self, next_renewal: &mut i64, due: &watch::Sender<Due>) -> Result<(), NoticeError> {
        let now = self.context.clock.now();
        if now.as_millisecond() >= *next_renewal {
            let mut tx = self.context.store.write().await?;
            queue::renew(&mut tx, &self.context.owner, now).await?;
            tx.commit().await?;
            self.context.renewed_at.store(now.as_millisecond(), Ordering::Relaxed);
            *next_renewal = now.as_millisecond() + LEASE_MS / 3;
            self.take_over(false).await?;
        }
        self.notices.advance().await?;
        let mut count = self.count_due().await?;
        if count.all > 0 && self.put_off().await? {
            count = self.count_due().await?;
        }
        due.send_replace(count);
        Ok(())
    }

    /// Puts off what is due to domains to which nothing may be sent for a while, so that the claim need not step over it. False
    /// where there is none.
    async fn put_off(&self) -> Result<bool, StoreError> {
        let now = self.context.clock.now();
        let held = self.context.pace.held(now.as_millisecond());
        let later = held.into_iter().filter(|held| held.until_ms > now.as_millisecond());
        let domains: Vec<_> = later.map(|held| queue::PutOff { domain: held.domain, until: held.until_ms }).collect();
        if domains.is_empty() {
            return Ok(false);
        }
        for notice in kept::open(&mut *self.context.store.read().await?).await? {
            if !notice.is_sendable() {
                continue;
            }
            loop {
                let mut tx = self.context.store.write().await?;
                let count = queue::put_off(&mut tx, notice.id, &domains, now, PUT_OFF).await?;
                tx.commit().await?;
                if count < PUT_OFF as u64 {
                    break;
                }
            }
        }
        Ok(true)
    }

    /// How many deliveries could be claimed now, counted up to [`COUNTED`]: those that go first, first.
    async fn count_due(&self) -> Result<Due, StoreError> {
        let mut conn = self.context.store.read().await?;
        let mut due = Due::default();
        for notice in kept::open(&mut conn).await? {
            if notice.is_sendable() && due.all < COUNTED as u64 {
                let count = queue::due(&mut conn, notice.id, self.context.clock.now(), COUNTED).await?;
                due.all += count;
                if notice.category.lane() == Lane::Critical {
                    due.critical += count;
                }
            }
        }
        Ok(due)
    }

    /// Whether there is nothing that could be done now.
    async fn is_idle(&self, notice: Option<Uuid>) -> Result<Option<Finished>, NoticeError> {
        let depth = self.depth(notice).await?;
        if depth.leased == 0 && depth.due == 0 {
            // What ended since this round began may have been the last of a notice.
            if self.notices.advance().await?.released > 0 {
                return Ok(None);
            }
            return Ok(Some(match self.upkeep.ledger.seal().await {
                Ok(Sealed::Upto(_)) => Finished::Idle(depth),
                Ok(Sealed::Stopped(reason)) => Finished::Unsealed(reason, depth),
                Err(error) => Finished::Unsealed(error.to_string(), depth),
            }));
        }
        let hopeless = self.relays.iter().all(|relay| relay.is_hopeless());
        if hopeless && depth.leased == 0 {
            let troubles = self.relays.iter().filter_map(|it| Some((it.config.name.clone(), it.trouble()?)));
            return Ok(Some(Finished::NoRelay(troubles.collect(), depth)));
        }
        Ok(None)
    }

    /// What waits; of one notice, where named.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn depth(&self, notice: Option<Uuid>) -> Result<Depth, StoreError> {
        queue::depth(&mut *self.context.store.read().await?, notice, self.context.clock.now()).await
    }

    /// Takes over claims of dispatchers that are gone: nobody knows whether their messages were taken.
    async fn take_over(&self, every: bool) -> Result<(), NoticeError> {
        loop {
            let mut tx = self.context.store.write().await?;
            let now = self.context.clock.now();
            let stale = queue::take_over(&mut tx, &self.context.owner, now, every, 200).await?;
            let count = stale.len();
            let mut doubts = Vec::with_capacity(count);
            for claim in stale {
                doubts.extend(self.doubt(&mut tx, claim).await?);
            }
            let (sendings, settlements): (Vec<_>, Vec<_>) = doubts.into_iter().unzip();
            settle::settle(&mut tx, &settlements).await?;
            tx.commit().await?;
            sendings.iter().zip(&settlements).for_each(|(sending, it)| self.context.count(Some(sending), it));
            if count == 0 {
                return Ok(());
            }
            tracing::warn!(count, "took over deliveries of a dispatcher that is gone: they may have been sent");
        }
    }

    async fn doubt(
        &self,
        conn: &mut crate::store::Conn,
        stale: Stale,
    ) -> Result<Option<(Arc<Sending>, Settlement)>, StoreError> {
        let Some(sending) = recorder::load(conn, stale.notice_id).await? else { return Ok(None) };
        let ids = [stale.delivery_id.to_string()];
        let Some(to) = deliveries::to_send(conn, sending.kept.category.as_str(), &ids).await?.pop() else {
            return Ok(None);
        };
        let claimed = queue::Claimed {
            delivery_id: stale.delivery_id,
            domain: to.email.domain().to_owned(),
            token: stale.token,
            attempts: stale.attempts,
            waited: 0,
        };
        let trial = Trial {
            reply: Some("the dispatcher stopped while it held this delivery".to_owned()),
            ..Trial::untried(Outcome::Uncertain)
        };
        let now = self.context.clock.now();
        let mut settlement =
            settlement(&self.context.config.retry, &self.context.random, now, (&claimed, &sending, &to), trial);
        // The doubt is not the recipient's fault: a mandatory notice is sent again at once.
        settlement.again = settlement.again.map(|_| (now, 0));
        Ok(Some((sending, settlement)))
    }
}

/// Runs the recorder where it need not queue behind workers that make messages: all of them wait for it.
fn on_a_thread_of_its_own(task: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made where one is running").block_on(task);
}

/// Runs a worker, and again where it panicked: one delivery's trouble never stops the others.
async fn supervised(worker: Worker, stop: CancellationToken) {
    let make = || Worker {
        context: worker.context.clone(),
        relay: worker.relay.clone(),
        before: worker.before.clone(),
        seat: worker.seat,
        due: worker.due.clone(),
        recorder: worker.recorder.clone(),
    };
    let mut task = JoinSet::new();
    task.spawn(make().run(stop.clone()));
    while let Some(ended) = task.join_next().await {
        match ended {
            Err(error) if error.is_panic() && !stop.is_cancelled() => {
                tracing::error!("a worker panicked and is started again");
                task.spawn(make().run(stop.clone()));
            }
            _ => return,
        }
    }
}
