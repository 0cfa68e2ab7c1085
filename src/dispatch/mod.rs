//! Dispatch: everything that happens to deliveries between release and outcome.
//!
//! ```text
//!            +-- worker -- SMTP session --+
//! recorder --+-- worker -- SMTP session --+-- relay     housekeeping: release what is due, close what is done,
//!    |       +-- worker -- SMTP session --+             take over claims of the dead
//!    |                                                  leases: renew what is held
//! database                                              upkeep: seal the ledger, delete persons whose time is over
//! ```
//!
//! Lease, commit, send, settle: a claim is committed before a byte is sent, no transaction is open across the network, and
//! the outcome, the exact bytes and the ledger's entry are committed together by whoever holds the claim's token.

mod attempt;
mod job;
mod leases;
pub mod lock;
pub mod notice;
pub mod outage;
mod outcome;
mod pace;
mod recorder;
pub mod relay;
pub mod upkeep;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Config;
use crate::domain::clock::Clock;
use crate::domain::delivery::Outcome;
use crate::domain::notice::State;
use crate::domain::random::Random;
use crate::ledger::Sealed;
use crate::mail::token::TokenKey;
use crate::notices::{NoticeError, Notices};
use crate::store::queue::{Depth, LEASE_MS, Stale};
use crate::store::{Dialect, Store, StoreError, deliveries, notices as kept, queue, settle};
use leases::Leases;
use outage::Outage;
use outcome::{Trial, settlement};
use pace::Pace;
use recorder::Recorder;
use relay::{Relay, Trouble};
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
    pace: Pace,
    observer: Option<Observer>,
    leases: Leases,
    outage: Outage,
    /// Woken when a worker found nothing to claim.
    nothing: Notify,
}

impl Context {
    fn settled(&self, settled: &Settled) {
        if let Some(observer) = &self.observer {
            observer(settled);
        }
    }

    fn found_nothing(&self) {
        self.nothing.notify_one();
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

/// How long the database may say nothing while there is housekeeping to do.
const SILENCE: Duration = Duration::from_secs(60);

/// How long a run that is to end by itself waits for the database.
const PATIENCE: Duration = Duration::from_secs(60);

/// Deliveries counted as due at most: more make no difference to how many workers are woken.
const COUNTED: usize = 1000;

/// Sends what is released.
pub struct Dispatcher {
    context: Arc<Context>,
    notices: Notices,
    upkeep: Upkeep,
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
}

impl Dispatcher {
    /// A dispatcher that has not begun. On SQLite its caller holds the [`lock`].
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let relays = parts.config.relays.iter().cloned().map(|relay| Arc::new(Relay::new(relay))).collect();
        let owner = parts.random.id(parts.clock.now()).to_string();
        let context = Context {
            pace: Pace::new(&parts.config.limits),
            store: parts.store,
            config: parts.config,
            clock: parts.clock,
            random: parts.random,
            key: parts.key,
            owner,
            observer: parts.observer,
            leases: Leases::default(),
            outage: Outage::none(),
            nothing: Notify::new(),
        };
        Self { context: Arc::new(context), notices: parts.notices, upkeep: parts.upkeep, relays }
    }

    /// Sends until `shutdown`, or with `until` until there is nothing to do.
    ///
    /// # Errors
    /// Only with `until`: where the database cannot be used at the start, or later for a minute. Without, all trouble is told
    /// and waited out.
    pub async fn run(&self, shutdown: CancellationToken, until: Option<Until>) -> Result<Finished, NoticeError> {
        if !self.begin(&shutdown, until).await? {
            return Ok(Finished::Stopped);
        }
        let (recorder, requests) = Recorder::new(self.context.clone());
        let recorder = tokio::spawn(recorder.run());
        let (due, _) = watch::channel(0);
        let stop = CancellationToken::new();
        let mut workers = JoinSet::new();
        for (place, relay) in self.relays.iter().enumerate() {
            for index in 0..u64::from(relay.config.connections) {
                let worker = Worker {
                    context: self.context.clone(),
                    relay: relay.clone(),
                    before: self.relays[..place].to_vec(),
                    index,
                    due: due.subscribe(),
                    recorder: requests.clone(),
                };
                workers.spawn(supervised(worker, stop.clone()));
            }
        }
        drop(requests);
        let mut upkeep = JoinSet::new();
        upkeep.spawn(self.upkeep.clone().run(stop.clone()));
        let recorded = CancellationToken::new();
        let leases = tokio::spawn(leases::keep(self.context.clone(), recorded.clone()));
        let finished = self.keep_house(&shutdown, until, &due).await;
        stop.cancel();
        let drain = self.context.config.dispatch.drain;
        let until = tokio::time::Instant::now() + drain;
        let drained = timeout(drain, async { while workers.join_next().await.is_some() {} });
        if drained.await.is_err() {
            tracing::warn!("deliveries under way did not finish in time and are given up");
            workers.shutdown().await;
        }
        self.finish_recording(recorder).await;
        recorded.cancel();
        if leases.await.is_err() {
            tracing::error!("renewing leases failed: those that were held run out by themselves");
        }
        // It may wait for a database that is away; broken off, it is done again by the next one.
        if !matches!(timeout_at(until, upkeep.join_next()).await, Ok(Some(Ok(())))) {
            tracing::error!("the upkeep did not end well: entries may wait to be sealed by the next one");
        }
        upkeep.shutdown().await;
        // What the drain recorded is sealed too; where that fails, the next start does it.
        if matches!(finished, Ok(Finished::Stopped)) {
            let sealed = self.upkeep.ledger.seal();
            let _ = timeout(self.context.config.dispatch.drain, sealed).await;
        }
        finished
    }

    /// Before anything is sent: takes over what earlier dispatchers left. False where it was told to stop meanwhile.
    async fn begin(&self, shutdown: &CancellationToken, until: Option<Until>) -> Result<bool, NoticeError> {
        let every = self.context.store.dialect == Dialect::Sqlite;
        loop {
            match self.context.store.watched(SILENCE, self.take_over(every)).await {
                Ok(()) => break,
                Err(error) if until.is_some() => return Err(error),
                Err(error) => self.context.outage.tell("claims of earlier dispatchers cannot be taken over", &error),
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(false),
                () = tokio::time::sleep(TICK) => {}
            }
        }
        self.upkeep.begin().await;
        Ok(true)
    }

    /// With the workers gone the recorder commits what they left and ends; during an outage it is not waited for without end.
    async fn finish_recording(&self, mut recorder: JoinHandle<()>) {
        match timeout(self.context.config.dispatch.drain, &mut recorder).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::error!("the recorder failed: leases that it held run out by themselves"),
            Err(_) => {
                recorder.abort();
                tracing::error!("the last outcomes could not be recorded: the next dispatcher finds them in doubt");
            }
        }
    }

    /// Housekeeping: what has to be done from time to time, beside the sending.
    async fn keep_house(
        &self,
        shutdown: &CancellationToken,
        until: Option<Until>,
        due: &watch::Sender<u64>,
    ) -> Result<Finished, NoticeError> {
        let mut next_look = 0;
        let mut failing: Option<Instant> = None;
        let given_up = async {
            shutdown.cancelled().await;
            tokio::time::sleep(self.context.config.dispatch.drain).await;
        };
        let mut given_up = std::pin::pin!(given_up);
        loop {
            let round = self.context.store.watched(SILENCE, self.round(&mut next_look, due, until));
            let done = tokio::select! {
                // Only where it takes long: what a round does is best finished.
                () = &mut given_up => return Ok(Finished::Stopped),
                done = round => done,
            };
            match done {
                Ok(Some(finished)) => return Ok(finished),
                Ok(None) => failing = None,
                Err(error) => {
                    let since = *failing.get_or_insert_with(Instant::now);
                    let passes = matches!(&error, NoticeError::Store(error) if error.may_pass());
                    if until.is_some() && !(passes && since.elapsed() < PATIENCE) {
                        return Err(error);
                    }
                    self.context.outage.tell("housekeeping failed", &error);
                }
            }
            if until.is_some() && self.context.outage.lasts_for() > PATIENCE {
                return Err(StoreError::Unwritable.into());
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(Finished::Stopped),
                () = self.context.nothing.notified() => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// One round; what there is to say where the run is to end.
    async fn round(
        &self,
        next_look: &mut i64,
        due: &watch::Sender<u64>,
        until: Option<Until>,
    ) -> Result<Option<Finished>, NoticeError> {
        let now = self.context.clock.now_ms();
        if now >= *next_look {
            self.take_over(false).await?;
            *next_look = now + LEASE_MS / 3;
        }
        self.notices.advance().await?;
        due.send_replace(self.count_due().await?);
        match until {
            Some(Until::Idle(notice)) => self.is_idle(notice).await,
            None => Ok(None),
        }
    }

    /// How many deliveries could be claimed now, counted up to [`COUNTED`].
    async fn count_due(&self) -> Result<u64, StoreError> {
        let mut conn = self.context.store.read().await?;
        let mut count = 0;
        for notice in kept::open(&mut conn).await? {
            if notice.state == State::Released && !notice.paused && count < COUNTED as u64 {
                count += queue::due(&mut conn, notice.id, self.context.clock.now(), COUNTED).await?;
            }
        }
        Ok(count)
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
            let mut settlements = Vec::with_capacity(count);
            for claim in stale {
                settlements.extend(self.doubt(&mut tx, claim).await?);
            }
            settle::settle(&mut tx, &settlements).await?;
            tx.commit().await?;
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
    ) -> Result<Option<settle::Settlement>, StoreError> {
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
        Ok(Some(settlement))
    }
}

/// Runs a worker, and again where it panicked: one delivery's trouble never stops the others.
async fn supervised(worker: Worker, stop: CancellationToken) {
    let make = || Worker {
        context: worker.context.clone(),
        relay: worker.relay.clone(),
        before: worker.before.clone(),
        index: worker.index,
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
