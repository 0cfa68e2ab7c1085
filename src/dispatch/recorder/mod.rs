//! The recorder: the one task of a node that claims and settles.
//!
//! Group commit without a timer: everything that waits when the recorder is free goes into one transaction, settlements and
//! claims together. While the database cannot be written nothing is claimed, so that no new SMTP transaction starts; outcomes
//! wait here and are retried until they are recorded.

pub mod claims;
pub mod every;
pub mod job;
pub mod lanes;
pub mod leases;
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

use crate::dispatch::recorder::claims::{Avoid, Claims, Ready, Wanted};
use crate::dispatch::recorder::job::Job;
use crate::dispatch::recorder::lanes::Seat;
use crate::dispatch::recorder::settlement::{Trial, settlement};
use crate::dispatch::{Context, Settled};
use crate::domain::category_set::CategorySet;
use crate::domain::delivery::Outcome;
use crate::mail::compose::composer::Composer;
use crate::store::sending::deliveries::ToSend;
use crate::store::sending::queue::{Claimed, GiveBack};
use crate::store::sending::settle::{Fenced, Written};
use crate::store::sending::{leases as held, queue, settle};
use crate::store::{Conn, StoreError, Writer, notices, secrets};

/// A place in the line for a delivery to send.
pub struct Claim {
    seat: Seat,
    /// The categories that its relay takes now.
    categories: CategorySet,
    /// What it avoids, if it is for the probe of a relay.
    avoid: Option<Avoid>,
    reply: oneshot::Sender<Option<Job>>,
}

/// Receives the claimed delivery, or `None` if nothing is due.
pub type Ahead = Option<oneshot::Receiver<Option<Job>>>;

impl Claim {
    /// A claim for a seat, of some categories, and the channel for its delivery.
    #[must_use]
    pub fn new((seat, categories): (Seat, CategorySet), avoid: Option<Avoid>) -> (Option<Self>, Ahead) {
        let (reply, ahead) = oneshot::channel();
        (Some(Self { seat, categories, avoid, reply }), Some(ahead))
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
}

/// How a claimed delivery ended.
pub enum End {
    /// An outcome to record.
    Settle {
        /// The outcome.
        settlement: Box<Written>,
        /// Domain of the recipient, whose slot is then free.
        domain: String,
    },
    /// A claim to return untried.
    GiveBack {
        /// The claim.
        claimed: Claimed,
        /// When it may be claimed again; `None` keeps its place in the queue.
        due_at: Option<i64>,
    },
    /// A job whose worker is gone.
    Abandon {
        /// The claim.
        claimed: Claimed,
        /// Its notice.
        sending: Arc<Composer>,
        /// Its recipient.
        to: Box<ToSend>,
        /// True if the server may have the message.
        in_doubt: bool,
        /// True if its worker panicked: perhaps over this delivery.
        panicked: bool,
    },
}

/// The most requests that one transaction takes.
const MAX_GROUP: usize = 512;

/// How long a delivery waits after its worker panicked, in milliseconds.
const PANIC_PAUSE_MS: i64 = 60_000;

/// How long to wait after the database failed.
const PAUSE: Duration = Duration::from_millis(250);

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
}

/// What waits to be committed.
#[derive(Default)]
struct Group {
    /// Claims by the categories that they may take: usually all are alike.
    claims: BTreeMap<CategorySet, Vec<Claim>>,
    /// Claims for the probes of relays.
    probes: Vec<Claim>,
    settlements: Vec<Written>,
    domains: Vec<String>,
    given_back: Vec<GiveBack>,
    hastened: Vec<Uuid>,
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
        let recorder = Self { claims: Claims::new(context.clone()), context, requests, back, unclear: false };
        (recorder, sender)
    }

    /// Serves requests until every possible sender is gone and everything is recorded.
    pub async fn run(mut self) {
        let mut group = Group::default();
        let mut writer = self.context.store.writer();
        let metrics = self.context.metrics.clone();
        loop {
            if group.is_empty() {
                let Some(request) = self.next_request(&mut writer).await else { return writer.close().await };
                self.add(&mut group, request);
            }
            while group.len() < MAX_GROUP
                && let Ok(request) = self.requests.try_recv()
            {
                self.add(&mut group, request);
            }
            let context = self.context.clone();
            let committed = context.store.within(DEADLINE, self.commit(&mut writer, &group));
            match metrics.committing(group.len(), committed).await {
                Ok(committed) => {
                    context.outage.end();
                    self.done(&mut group, committed);
                }
                Err(error) => {
                    self.claims.failed();
                    // Before the workers learn that there is nothing for them.
                    context.outage.begin(&error.for_logs());
                    group.claims.clear();
                    group.probes.clear();
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
            match self.context.store.within(DEADLINE, write_something(writer)).await {
                Ok(()) => self.context.outage.end(),
                Err(error) => self.context.outage.begin(&error.for_logs()),
            }
        }
        self.requests.recv().await
    }

    fn add(&self, group: &mut Group, request: Request) {
        group.hastened.extend(request.hasten);
        match request.claim {
            Some(claim) if claim.avoid.is_some() => group.probes.push(claim),
            Some(claim) => group.claims.entry(claim.categories).or_default().push(claim),
            None => {}
        }
        match request.end {
            None => {}
            Some(End::Settle { settlement, domain }) => {
                group.settlements.push(*settlement);
                group.domains.push(domain);
            }
            Some(End::GiveBack { claimed, due_at }) => group.give_back(claimed, due_at),
            Some(End::Abandon { claimed, sending, to, in_doubt, panicked }) => {
                let now = self.context.clock.now();
                if in_doubt {
                    let trial = Trial {
                        reply: Some("the connection was given up before the server's answer".to_owned()),
                        ..Trial::untried(Outcome::Uncertain)
                    };
                    let context = &self.context;
                    let parts = (&claimed, &*sending, &*to);
                    let settlement = settlement(&context.config.retry, &context.random, now, parts, trial);
                    group.settlements.push(settlement.into());
                    group.domains.push(claimed.domain);
                } else {
                    let later = panicked.then(|| now.as_millisecond().saturating_add(PANIC_PAUSE_MS));
                    group.give_back(claimed, later);
                }
            }
        }
    }

    /// Does everything in one transaction.
    async fn commit(&mut self, writer: &mut Writer, group: &Group) -> Result<Committed, StoreError> {
        let mut done = Committed::default();
        let mut tx = writer.begin().await?;
        let unclear = self.unclear;
        if unclear {
            let (context, now) = (&self.context, self.context.clock.now());
            held::give_back_unheld(&mut tx, &context.owner, now, &context.leases.held(), true).await?;
        }
        if !group.settlements.is_empty() {
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

    /// After the commit: frees slots, passes jobs on, reports what was settled.
    fn done(&mut self, group: &mut Group, Committed { ready, probes, lost }: Committed) {
        let now = self.context.clock.now();
        self.claims.committed();
        group.hastened.clear();
        let freed = group.domains.drain(..).filter(|domain| self.context.pace.free(domain)).count();
        if freed > 0 {
            // What was set aside for these domains can be claimed now.
            self.context.nothing.notify_one();
        }
        for ready in ready.values().flatten().chain(probes.iter().flatten()) {
            self.context.leases.begin(&ready.claimed, ready.at, now);
        }
        for given_back in group.given_back.drain(..) {
            self.context.leases.end(given_back.id, given_back.token);
        }
        for Written { settlement, .. } in group.settlements.drain(..) {
            self.context.leases.end(settlement.delivery_id, settlement.token);
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
            ready.for_each(|it| group.give_back(it.claimed, None));
            return;
        };
        // A worker that is gone drops the job, which returns by itself.
        let pass_on = |claim: Claim, ready: Option<Ready>| {
            let job = ready.map(|it| Job::new(it.claimed, it.sending, it.to, it.at, back.clone()));
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
            ready.for_each(|ready| group.give_back(ready.claimed, None));
        }
    }
}

impl Group {
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        let claims: usize = self.claims.values().map(Vec::len).sum();
        claims + self.probes.len() + self.settlements.len() + self.given_back.len() + self.hastened.len()
    }

    fn give_back(&mut self, claimed: Claimed, due_at: Option<i64>) {
        self.given_back.push(give_back(&claimed, due_at));
        self.domains.push(claimed.domain);
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

/// A claim as it is returned.
pub fn give_back(claimed: &Claimed, due_at: Option<i64>) -> GiveBack {
    GiveBack { id: claimed.delivery_id, token: claimed.token, due_at }
}

/// Loads a notice to send; if this version cannot read it, the reason.
///
/// # Errors
/// If the database fails.
pub async fn load(conn: &mut Conn, id: Uuid) -> Result<Option<Result<Arc<Composer>, String>>, StoreError> {
    let kept = match notices::find(conn, id).await {
        Err(error @ StoreError::Inconsistent { .. }) => return Ok(Some(Err(error.for_logs()))),
        found => found?,
    };
    let Some(kept) = kept else { return Ok(None) };
    let follows_domain = match kept.follows_id {
        Some(follows) => match notices::find(conn, follows).await {
            // Mail clients then do not show the two together; that must not keep anybody from being told.
            Err(StoreError::Inconsistent { .. }) => {
                tracing::error!(notice = %id, %follows, "the notice that this one follows cannot be read: sent without a thread");
                None
            }
            found => found?.map(|notice| notice.message_domain),
        },
        None => None,
    };
    let sending = Composer::new(kept, follows_domain);
    // Without the problem itself: it may quote the notice, and so an account.
    Ok(Some(sending.map(Arc::new).map_err(|problems| format!("{} problems in its text", problems.0.len()))))
}
