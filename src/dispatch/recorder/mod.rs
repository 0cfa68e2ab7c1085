//! The recorder: the one task of a node that claims and settles.
//!
//! Group commit without a timer: everything that waits when the recorder's transaction has begun goes into it, settlements and
//! claims together. While the database cannot be written nothing is claimed, so that no new SMTP transaction starts; outcomes
//! wait here and are retried until they are recorded.

pub mod abandoned;
mod apart;
pub mod claims;
pub mod every;
pub mod hold;
pub mod job;
pub mod lanes;
pub mod leases;
pub mod load;
pub mod logged;
pub mod outage;
pub mod settlement;
pub mod unreadable;
pub mod unsent;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::dispatch::rates::tokens::Token;
use crate::dispatch::recorder::abandoned::{Abandoned, Panics};
use crate::dispatch::recorder::claims::{Avoid, Claims, Ready, Wanted};
use crate::dispatch::recorder::hold::Hold;
use crate::dispatch::recorder::job::Job;
use crate::dispatch::recorder::lanes::Seat;
use crate::dispatch::{Context, Settled};
use crate::domain::category_set::CategorySet;
use crate::store::sending::leases::Held;
use crate::store::sending::queue::GiveBack;
use crate::store::sending::settle::{Fenced, Settlement, Written};
use crate::store::sending::{leases as held, queue, settle};
use crate::store::{StoreError, Writer, secrets};

/// A place in the line for a delivery to send.
pub struct Claim {
    seat: Seat,
    /// The categories that its relay takes now.
    categories: CategorySet,
    /// What it avoids, if it is for the probe of a relay.
    avoid: Option<Avoid>,
    /// What the message may use. It returns with a claim that is dropped.
    token: Token,
    reply: oneshot::Sender<Option<Job>>,
}

/// A delivery that is being claimed.
pub struct Ahead {
    /// The categories that were asked for.
    pub categories: CategorySet,
    /// Receives the delivery, or `None` if nothing is due; an error if the claim was dropped, since its commit failed. What is
    /// claimed for a receiver that was dropped returns by itself.
    pub job: oneshot::Receiver<Option<Job>>,
}

impl Claim {
    /// A claim for a seat, of some categories, and the channel for its delivery.
    #[must_use]
    pub fn new((seat, categories): (Seat, CategorySet), avoid: Option<Avoid>, token: Token) -> (Self, Ahead) {
        let (reply, job) = oneshot::channel();
        (Self { seat, categories, avoid, token, reply }, Ahead { categories, job })
    }
}

/// A request of a worker: record the outcome of one delivery and claim another, in one transaction.
#[derive(Default)]
pub struct Request {
    /// How a delivery ended.
    pub end: Option<End>,
    /// The claim for another one.
    pub claim: Option<Claim>,
    /// Deliveries that waited for a relay which is healthy again.
    pub hasten: Vec<Uuid>,
    /// A claim whose delivery a relay refused, before it is clear whose fault that is.
    pub refused: Option<Held>,
}

/// The end of a claimed delivery.
pub struct End {
    /// How it ended.
    pub how: How,
    /// What it holds until that is committed.
    pub hold: Hold,
}

/// How a claimed delivery ended.
pub enum How {
    /// With an outcome to record.
    Settle(Box<Written>),
    /// Untried: when it may be claimed again; `None` keeps its place in the queue.
    GiveBack(Option<i64>),
    /// Its worker is gone.
    Abandon(Box<Abandoned>),
}

/// The most requests that one transaction takes.
const MAX_GROUP: usize = 512;

/// How long a delivery waits whose outcome is impossible, in milliseconds.
const UNRECORDED_MS: i64 = 60_000;

/// How long to wait after the database failed.
const PAUSE: Duration = Duration::from_millis(250);

/// After how many failures in a row what waits is committed one by one: one part of it may be what fails.
const FAILURES: u32 = 3;

/// How long a transaction may take: it is aborted well before the leases that it begins expire.
const DEADLINE: Duration = Duration::from_secs(15);

/// The recorder's state.
pub struct Recorder {
    context: Arc<Context>,
    requests: UnboundedReceiver<Request>,
    /// For jobs that return; weak, so that the channel closes when the workers are gone.
    back: WeakUnboundedSender<Request>,
    claims: Claims,
    /// A commit was not answered: what it claimed may be leased to this node without an owner inside it.
    unclear: bool,
    /// Deliveries whose worker panicked.
    panics: Panics,
    /// Deliveries of which nothing can be recorded. They stay leased, so that nobody sends them again, until this run ends: the
    /// next dispatcher finds them uncertain.
    stuck: Vec<Hold>,
}

/// What waits to be committed.
#[derive(Default)]
struct Group {
    /// Claims by the categories that they may take: usually all are alike.
    claims: BTreeMap<CategorySet, Vec<Claim>>,
    /// Claims for the probes of relays.
    probes: Vec<Claim>,
    settlements: Vec<Written>,
    given_back: Vec<GiveBack>,
    /// What both of them hold, free once they are committed.
    holds: Vec<Hold>,
    hastened: Vec<Uuid>,
    refused: Vec<Held>,
}

/// The result of a commit.
#[derive(Default)]
struct Committed {
    /// What was claimed, by the categories that were asked for.
    ready: BTreeMap<CategorySet, Vec<Ready>>,
    /// What was claimed for each probe.
    probes: Vec<Option<Ready>>,
    /// Deliveries whose outcome was not recorded, by id and token: another node owns them.
    lost: HashSet<(Uuid, i64)>,
}

impl Recorder {
    /// A recorder, and the channel to it.
    #[must_use]
    pub fn new(context: Arc<Context>) -> (Self, UnboundedSender<Request>) {
        let (sender, requests) = unbounded_channel();
        let back = sender.downgrade();
        let claims = Claims::new(context.clone());
        let (panics, stuck) = (Panics::default(), Vec::new());
        (Self { context, requests, back, claims, unclear: false, panics, stuck }, sender)
    }

    /// Serves requests until every possible sender is gone and everything is recorded.
    pub async fn run(mut self) {
        let mut group = Group::default();
        let mut writer = self.context.store.writer();
        let metrics = self.context.metrics.clone();
        let mut failures = 0;
        loop {
            if group.is_empty() {
                let Some(request) = self.next_request(&mut writer).await else { return writer.close().await };
                self.add(&mut group, request);
            }
            let context = self.context.clone();
            let committed = context.store.within(DEADLINE, self.commit(&mut writer, &mut group, MAX_GROUP));
            match metrics.committing(committed).await {
                Ok(committed) => {
                    metrics.observe_group(group.len());
                    context.outage.end();
                    failures = 0;
                    self.done(&mut group, committed);
                }
                Err(error) => {
                    // Before the workers learn that there is nothing for them.
                    context.outage.begin(&error.for_logs());
                    self.take_waiting(&mut group, usize::MAX);
                    group.claims.clear();
                    group.probes.clear();
                    failures = if error.is_refusal() { failures + 1 } else { 0 };
                    if failures >= FAILURES && self.commit_apart(&mut writer, &mut group).await {
                        failures = 0;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// The next request. During an outage workers make none: the recorder then checks from time to time whether it is over.
    async fn next_request(&mut self, writer: &mut Writer) -> Option<Request> {
        while self.context.outage.is_on() {
            tokio::select! {
                request = self.requests.recv() => return request,
                () = tokio::time::sleep(PAUSE) => {}
            }
            self.can_write(writer).await;
        }
        self.requests.recv().await
    }

    /// Finds out whether the database can be written.
    async fn can_write(&self, writer: &mut Writer) -> bool {
        match self.context.store.within(DEADLINE, write_something(writer)).await {
            Ok(()) => self.context.outage.end(),
            Err(error) => self.context.outage.begin(&error.for_logs()),
        }
        !self.context.outage.is_on()
    }

    fn add(&mut self, group: &mut Group, request: Request) {
        group.hastened.extend(request.hasten);
        group.refused.extend(request.refused);
        match request.claim {
            Some(claim) if claim.avoid.is_some() => group.probes.push(claim),
            Some(claim) => group.claims.entry(claim.categories).or_default().push(claim),
            None => {}
        }
        if let Some(End { how, hold }) = request.end {
            self.put(group, how, hold);
        }
    }

    fn put(&mut self, group: &mut Group, how: How, hold: Hold) {
        match how {
            How::Settle(settlement) => group.settle(*settlement, hold),
            How::GiveBack(due_at) => group.give_back(hold, due_at),
            How::Abandon(abandoned) => {
                let how = abandoned.ends(&self.context, &mut self.panics);
                self.put(group, how, hold);
            }
        }
    }

    /// Adds the requests that wait to a group of fewer than `most`.
    fn take_waiting(&mut self, group: &mut Group, most: usize) {
        while group.len() < most
            && let Ok(request) = self.requests.try_recv()
        {
            self.add(group, request);
        }
    }

    /// Does everything in one transaction, with the requests that wait once it has begun, if the group has fewer than `most`.
    async fn commit(&mut self, writer: &mut Writer, group: &mut Group, most: usize) -> Result<Committed, StoreError> {
        let mut done = Committed::default();
        let mut tx = writer.begin().await?;
        // Others may have been writing until now: what came meanwhile need not wait for the next transaction.
        self.take_waiting(group, most);
        let unclear = self.unclear;
        if unclear {
            let (context, now) = (&self.context, self.context.clock.now());
            held::give_back_unheld(&mut tx, &context.owner, now, &context.leases.held(), true).await?;
        }
        if unclear || !settle::settle_at_once(&mut tx, &group.settlements).await? {
            if !unclear {
                tx.rollback().await?;
                tx = writer.begin().await?;
            }
            for Fenced { delivery_id, token, recorded } in settle::settle(&mut tx, &group.settlements).await? {
                if unclear {
                    tracing::debug!(delivery = %delivery_id, "its outcome was recorded by the commit that was not answered");
                } else {
                    tracing::warn!(delivery = %delivery_id, "the lease was lost before the outcome could be recorded");
                    done.lost.extend((!recorded).then_some((delivery_id, token)));
                }
            }
        }
        if !group.given_back.is_empty() {
            queue::give_back(&mut tx, &group.given_back).await?;
        }
        if !group.refused.is_empty() {
            held::note_refused(&mut tx, &group.refused).await?;
        }
        if !group.hastened.is_empty() {
            queue::hasten(&mut tx, &group.hastened, self.context.clock.now()).await?;
        }
        for probe in &group.probes {
            let avoid = probe.avoid.as_ref().expect("a probe's claim says what it avoids");
            done.probes.push(self.claims.claim_for_probe(&mut tx, (probe.seat, probe.categories), avoid).await?);
        }
        for (categories, claims) in &group.claims {
            let ready = done.ready.entry(*categories).or_default();
            self.claims.claim(&mut tx, wanted(*categories, claims), ready).await?;
        }
        // Until there is an answer it is unknown whether the commit succeeded.
        self.unclear = true;
        tx.commit().await?;
        self.unclear = false;
        Ok(done)
    }

    /// After the commit: frees what was held, passes jobs on, reports what was settled.
    fn done(&mut self, group: &mut Group, Committed { ready, probes, lost }: Committed) {
        group.hastened.clear();
        group.refused.clear();
        group.given_back.clear();
        group.holds.clear();
        for Written { settlement, .. } in group.settlements.drain(..) {
            if lost.contains(&(settlement.delivery_id, settlement.token)) {
                continue;
            }
            let notice = self.claims.notice(settlement.notice_id);
            self.context.count(notice.map(|sending| sending.kept.category), &settlement);
            self.context.settled(&Settled {
                notice_id: settlement.notice_id,
                outcome: settlement.outcome,
                last: settlement.again.is_none(),
            });
        }
        self.pass_on(group, ready, probes);
    }

    /// Passes on what was claimed; what nobody takes returns.
    fn pass_on(&self, group: &mut Group, mut ready: BTreeMap<CategorySet, Vec<Ready>>, probes: Vec<Option<Ready>>) {
        let claims = std::mem::take(&mut group.claims);
        let Some(back) = self.back.upgrade() else {
            // The workers are gone: nobody takes these jobs.
            let ready = ready.into_values().flatten().chain(probes.into_iter().flatten());
            ready.for_each(|it| group.give_back(it.hold, None));
            return;
        };
        // A worker that is gone drops the job, which returns by itself.
        let pass_on = |claim: Claim, ready: Option<Ready>| {
            let job = ready.map(|ready| Job::new(ready, claim.token, back.clone()));
            let _ = claim.reply.send(job);
        };
        std::mem::take(&mut group.probes).into_iter().zip(probes).for_each(|(claim, ready)| pass_on(claim, ready));
        for (categories, mut claims) in claims {
            let mut ready = ready.remove(&categories).unwrap_or_default();
            // Critical deliveries go to the seats that take nothing else.
            ready.sort_by_key(|ready| !ready.is_critical());
            claims.sort_by_key(|claim| claim.seat);
            let mut ready = ready.into_iter().peekable();
            for claim in claims {
                let next = ready.next_if(|ready| claim.seat == Seat::Open || ready.is_critical());
                pass_on(claim, next);
            }
            ready.for_each(|ready| group.give_back(ready.hold, None));
        }
    }
}

impl Context {
    /// What the recorder has to do to record a settlement. One that is impossible must not stop the others: it is logged, and the
    /// delivery waits.
    pub(in crate::dispatch) fn recorded(&self, settlement: Settlement) -> How {
        match Written::try_from(settlement) {
            Ok(written) => How::Settle(Box::new(written)),
            Err(error) => {
                tracing::error!(%error, "an outcome cannot be recorded: the delivery is tried again");
                How::GiveBack(Some(self.clock.now_ms().saturating_add(UNRECORDED_MS)))
            }
        }
    }
}

impl Group {
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        let claims: usize = self.claims.values().map(Vec::len).sum();
        claims
            + self.probes.len()
            + self.settlements.len()
            + self.given_back.len()
            + self.refused.len()
            + self.hastened.len()
    }

    fn settle(&mut self, settlement: Written, hold: Hold) {
        self.settlements.push(settlement);
        self.holds.push(hold);
    }

    fn give_back(&mut self, hold: Hold, due_at: Option<i64>) {
        self.given_back.push(hold.give_back(due_at));
        self.holds.push(hold);
    }
}

fn wanted(categories: CategorySet, claims: &[Claim]) -> Wanted {
    let reserved = claims.iter().filter(|claim| claim.seat == Seat::Reserved).count();
    Wanted { categories, reserved, open: claims.len() - reserved }
}

async fn write_something(writer: &mut Writer) -> Result<(), StoreError> {
    let mut tx = writer.begin().await?;
    secrets::touch(&mut tx).await?;
    Ok(tx.commit().await?)
}
