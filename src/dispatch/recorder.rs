//! The recorder: the one task of a node that claims and settles.
//!
//! Group commit without a timer: whatever waits when the recorder is free goes into one transaction, settlements and claims
//! together. While the database cannot be written nothing is claimed, so that no new SMTP transaction starts; outcomes wait
//! here and are tried again until they are recorded.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::job::Job;
use super::lanes::{Floor, Seat};
use super::notice::Sending;
use super::outcome::{Trial, settlement};
use super::{Context, Settled};
use crate::domain::category::Lane;
use crate::domain::delivery::Outcome;
use crate::store::deliveries::ToSend;
use crate::store::queue::{Claimed, GiveBack};
use crate::store::settle::Settlement;
use crate::store::{Conn, StoreError, Writer, deliveries, messages, notices, queue, secrets, settle};

/// A place in the line for a delivery to send.
pub struct Claim {
    seat: Seat,
    reply: oneshot::Sender<Option<Job>>,
}

/// Where the delivery arrives that was claimed, or nothing where none is due.
pub type Ahead = Option<oneshot::Receiver<Option<Job>>>;

impl Claim {
    /// A claim for a seat, and where its delivery arrives.
    #[must_use]
    pub fn new(seat: Seat) -> (Option<Self>, Ahead) {
        let (reply, ahead) = oneshot::channel();
        (Some(Self { seat, reply }), Some(ahead))
    }
}

/// What a worker asks of the recorder: to record the end of one delivery and to claim another, in one transaction.
#[derive(Default)]
pub struct Request {
    /// How a delivery trial.
    pub end: Option<End>,
    /// Where another one is wanted.
    pub claim: Option<Claim>,
}

/// How a claimed delivery trial.
pub enum End {
    /// An outcome to record.
    Settle {
        /// The outcome.
        settlement: Box<Settlement>,
        /// Domain of the recipient, whose slot is free then.
        domain: String,
    },
    /// A claim to give back untried.
    GiveBack {
        /// The claim.
        claimed: Claimed,
        /// When it may be claimed again.
        due_at: i64,
    },
    /// A job whose worker is gone.
    Abandon {
        /// The claim.
        claimed: Claimed,
        /// Its notice.
        sending: Arc<Sending>,
        /// Its recipient.
        to: Box<ToSend>,
        /// True where the server may have the message.
        in_doubt: bool,
    },
}

/// The most requests that one transaction takes.
const MAX_GROUP: usize = 512;

/// How long to wait after the database failed.
const PAUSE: Duration = Duration::from_millis(250);

/// How long a transaction may take: it is given up well before the leases that it begins run out.
const DEADLINE: Duration = Duration::from_secs(15);

/// For how long a delivery is put off that cannot be made ready, in milliseconds.
const UNREADY_PAUSE_MS: i64 = 60_000;

/// How long the list of open notices is taken for current while there is enough to claim. The claim itself looks at its
/// notice's state; the list only says where to look, and in which order.
const OPEN_FRESH: Duration = Duration::from_millis(250);

/// The recorder's state.
pub struct Recorder {
    context: Arc<Context>,
    requests: UnboundedReceiver<Request>,
    /// For jobs to come back through; weak, so that the channel closes when the workers are gone.
    back: WeakUnboundedSender<Request>,
    notices: HashMap<Uuid, Arc<Sending>>,
    dictionaries: HashSet<[u8; 32]>,
    open: Vec<(Lane, Uuid)>,
    open_at: Option<Instant>,
    floor: Floor,
    /// For each notice the domain behind which to look for others than those at their limit.
    beyond: HashMap<Uuid, String>,
    /// Domains whose slots the transaction under way has reserved: free again unless it commits.
    reserved: Vec<String>,
    /// A commit was not answered: what it claimed may be leased to us with nobody to hold it.
    unclear: bool,
}

/// What waits to be committed.
#[derive(Default)]
struct Group {
    claims: Vec<Claim>,
    settlements: Vec<Settlement>,
    domains: Vec<String>,
    given_back: Vec<GiveBack>,
}

/// A claimed delivery with all that a job needs.
struct Ready {
    claimed: Claimed,
    /// When it was claimed.
    at: Timestamp,
    sending: Arc<Sending>,
    to: ToSend,
}

impl Recorder {
    /// A recorder, and the way to ask it.
    #[must_use]
    pub fn new(context: Arc<Context>) -> (Self, UnboundedSender<Request>) {
        let (sender, requests) = unbounded_channel();
        let back = sender.downgrade();
        let recorder = Self {
            context,
            requests,
            back,
            notices: HashMap::new(),
            dictionaries: HashSet::new(),
            open: Vec::new(),
            open_at: None,
            floor: Floor::default(),
            beyond: HashMap::new(),
            reserved: Vec::new(),
            unclear: false,
        };
        (recorder, sender)
    }

    /// Serves requests until all who could make them are gone and everything is recorded.
    pub async fn run(mut self) {
        let mut group = Group::default();
        let mut writer = self.context.store.writer();
        let metrics = self.context.metrics.clone();
        loop {
            if group.is_empty() {
                let Some(request) = self.next_request().await else { return writer.close().await };
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
                Ok(ready) => {
                    context.outage.end();
                    self.done(&mut group, ready);
                }
                Err(error) => {
                    self.reserved.drain(..).for_each(|domain| context.pace.free(&domain));
                    // Before the workers are told that there is nothing for them.
                    context.outage.begin(&error);
                    group.claims.clear();
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// The next request. During an outage workers make none: then it is looked from time to time whether it is over.
    async fn next_request(&mut self) -> Option<Request> {
        while self.context.outage.is_on() {
            tokio::select! {
                request = self.requests.recv() => return request,
                () = tokio::time::sleep(PAUSE) => {}
            }
            match self.context.store.within(DEADLINE, self.write_something()).await {
                Ok(()) => self.context.outage.end(),
                Err(error) => self.context.outage.begin(&error),
            }
        }
        self.requests.recv().await
    }

    async fn write_something(&self) -> Result<(), StoreError> {
        let mut tx = self.context.store.write().await?;
        secrets::touch(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    fn add(&self, group: &mut Group, request: Request) {
        group.claims.extend(request.claim);
        match request.end {
            None => {}
            Some(End::Settle { settlement, domain }) => {
                group.settlements.push(*settlement);
                group.domains.push(domain);
            }
            Some(End::GiveBack { claimed, due_at }) => group.give_back(claimed, due_at),
            Some(End::Abandon { claimed, sending, to, in_doubt }) => {
                let now = self.context.clock.now();
                if in_doubt {
                    let trial = Trial {
                        reply: Some("the connection was given up before the server's answer".to_owned()),
                        ..Trial::untried(Outcome::Uncertain)
                    };
                    let context = &self.context;
                    let parts = (&claimed, &*sending, &*to);
                    group.settlements.push(settlement(&context.config.retry, &context.random, now, parts, trial));
                    group.domains.push(claimed.domain);
                } else {
                    group.give_back(claimed, now.as_millisecond());
                }
            }
        }
    }

    /// Everything in one transaction.
    async fn commit(&mut self, writer: &mut Writer, group: &Group) -> Result<Vec<Ready>, StoreError> {
        let mut tx = writer.begin().await?;
        let unclear = self.unclear;
        if unclear {
            let (context, now) = (&self.context, self.context.clock.now());
            queue::give_back_unheld(&mut tx, &context.owner, now, &context.leases.held(), true).await?;
        }
        if !group.settlements.is_empty() {
            for message in group.settlements.iter().filter_map(|settlement| settlement.message.as_ref()) {
                if let Some(dictionary) = &message.dictionary
                    && !self.dictionaries.contains(&dictionary.sha256)
                {
                    messages::insert_dictionary(&mut tx, dictionary).await?;
                }
            }
            for fenced in settle::settle(&mut tx, &group.settlements).await? {
                if unclear {
                    tracing::debug!(delivery = %fenced, "its outcome was recorded by the commit that was not answered");
                } else {
                    tracing::warn!(delivery = %fenced, "the lease was lost before the outcome could be recorded");
                }
            }
        }
        if !group.given_back.is_empty() {
            queue::give_back(&mut tx, &group.given_back).await?;
        }
        let mut ready = Vec::new();
        if !group.claims.is_empty() {
            self.claim(&mut tx, group.wanted(), &mut ready).await?;
        }
        // Until there is an answer nobody knows whether it was carried out.
        self.unclear = true;
        tx.commit().await?;
        self.unclear = false;
        Ok(ready)
    }

    /// Claims as many deliveries as are wanted, those that go first, first.
    async fn claim(&mut self, conn: &mut Conn, wanted: Wanted, ready: &mut Vec<Ready>) -> Result<(), StoreError> {
        if self.open_at.is_some_and(|at| at.elapsed() < OPEN_FRESH) {
            self.claim_listed(conn, wanted, ready).await?;
        }
        if ready.len() < wanted.reserved + wanted.open {
            let open = notices::open(conn).await?;
            self.notices.retain(|id, _| open.iter().any(|notice| notice.id == *id));
            let sendable = open.iter().filter(|notice| notice.is_sendable());
            self.open = sendable.map(|notice| (notice.category.lane(), notice.id)).collect();
            self.beyond.retain(|id, _| open.iter().any(|notice| notice.id == *id));
            self.open_at = Some(Instant::now());
            self.claim_listed(conn, wanted, ready).await?;
        }
        Ok(())
    }

    async fn claim_listed(
        &mut self,
        conn: &mut Conn,
        wanted: Wanted,
        ready: &mut Vec<Ready>,
    ) -> Result<(), StoreError> {
        self.claim_lane(conn, Lane::Critical, wanted.reserved + wanted.open, ready).await?;
        // What is critical sits in the reserved seats first.
        let places =
            |ready: &[Ready]| (wanted.reserved + wanted.open - ready.len().max(wanted.reserved)).min(wanted.open);
        for (step, (lane, most)) in self.floor.order(places(ready)).into_iter().enumerate() {
            let before = ready.len();
            let most = most.min(places(ready));
            self.claim_lane(conn, lane, before + most, ready).await?;
            if step == 0 {
                self.floor.took(ready.len() - before);
            }
        }
        Ok(())
    }

    /// Claims of a lane until `upto` are ready.
    async fn claim_lane(
        &mut self,
        conn: &mut Conn,
        lane: Lane,
        upto: usize,
        ready: &mut Vec<Ready>,
    ) -> Result<(), StoreError> {
        let now = self.context.clock.now();
        let notices: Vec<_> = self.open.iter().filter(|(its, _)| *its == lane).map(|(_, id)| *id).collect();
        for notice_id in notices {
            // Each round either fills the want, finds nothing, or saturates a domain that the next one skips.
            while ready.len() < upto {
                let held = self.context.pace.held(now.as_millisecond());
                let skip: Vec<String> = held.into_iter().map(|held| held.domain).collect();
                let limit = upto - ready.len();
                let mut claimed = queue::claim(conn, notice_id, &self.context.owner, now, &skip, limit).await?;
                if claimed.len() < limit && !skip.is_empty() {
                    claimed.extend(self.claim_beyond(conn, notice_id, now, &skip, limit - claimed.len()).await?);
                }
                let found = claimed.len();
                let (mine, over): (Vec<_>, Vec<_>) = claimed
                    .into_iter()
                    .partition(|claimed| self.context.pace.reserve(&claimed.domain, now.as_millisecond()));
                self.reserved.extend(mine.iter().map(|claimed| claimed.domain.clone()));
                if !over.is_empty() {
                    self.put_off(conn, &over, now.as_millisecond()).await?;
                }
                self.make_ready(conn, notice_id, (mine, now), ready).await?;
                if found < limit {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Claims from domains other than those to skip, whose deliveries may stand before all others: so it goes from domain to
    /// domain, a stretch of them each time.
    async fn claim_beyond(
        &mut self,
        conn: &mut Conn,
        notice_id: Uuid,
        now: Timestamp,
        skip: &[String],
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let after = self.beyond.remove(&notice_id).unwrap_or_default();
        let mut domains = queue::domains(conn, notice_id, &after).await?;
        domains.retain(|domain| !skip.contains(domain));
        domains.truncate(limit);
        // Behind the last one it begins again with the first.
        if let Some(last) = domains.last() {
            self.beyond.insert(notice_id, last.clone());
        }
        queue::claim_of(conn, notice_id, &self.context.owner, now, &domains).await
    }

    /// Gives back what its domain's limits do not allow now: to be claimed when a slot is free, or when its rate or its pause
    /// allows.
    async fn put_off(&self, conn: &mut Conn, over: &[Claimed], now: i64) -> Result<(), StoreError> {
        let held = self.context.pace.held(now);
        let due_at = |domain: &str| held.iter().find(|held| held.domain == domain).map_or(now, |held| held.until_ms);
        let back: Vec<_> = over.iter().map(|claimed| give_back(claimed, due_at(&claimed.domain))).collect();
        queue::give_back(conn, &back).await
    }

    async fn make_ready(
        &mut self,
        conn: &mut Conn,
        notice_id: Uuid,
        (claimed, at): (Vec<Claimed>, Timestamp),
        ready: &mut Vec<Ready>,
    ) -> Result<(), StoreError> {
        if claimed.is_empty() {
            return Ok(());
        }
        let Some(sending) = self.sending(conn, notice_id).await? else {
            return self.put_away(conn, &claimed).await;
        };
        let ids: Vec<String> = claimed.iter().map(|claimed| claimed.delivery_id.to_string()).collect();
        let to_send = deliveries::to_send(conn, sending.kept.category.as_str(), &ids).await?;
        let mut by_id: HashMap<Uuid, ToSend> = to_send.into_iter().map(|to| (to.id, to)).collect();
        let mut unready = Vec::new();
        for claimed in claimed {
            match by_id.remove(&claimed.delivery_id) {
                Some(to) => ready.push(Ready { claimed, at, sending: sending.clone(), to }),
                None => unready.push(claimed),
            }
        }
        self.put_away(conn, &unready).await
    }

    /// Gives back for a while what no job can be made of, and the slots reserved for it.
    async fn put_away(&mut self, conn: &mut Conn, unready: &[Claimed]) -> Result<(), StoreError> {
        if unready.is_empty() {
            return Ok(());
        }
        for claimed in unready {
            if let Some(at) = self.reserved.iter().position(|domain| *domain == claimed.domain) {
                self.context.pace.free(&self.reserved.swap_remove(at));
            }
        }
        let due_at = self.context.clock.now_ms().saturating_add(UNREADY_PAUSE_MS);
        let back: Vec<_> = unready.iter().map(|claimed| give_back(claimed, due_at)).collect();
        queue::give_back(conn, &back).await
    }

    async fn sending(&mut self, conn: &mut Conn, id: Uuid) -> Result<Option<Arc<Sending>>, StoreError> {
        if let Some(sending) = self.notices.get(&id) {
            return Ok(Some(sending.clone()));
        }
        let loaded = load(conn, id).await?;
        if let Some(sending) = &loaded {
            self.notices.insert(id, sending.clone());
        }
        Ok(loaded)
    }

    /// After the commit: frees slots, hands jobs out, tells what was settled.
    fn done(&mut self, group: &mut Group, ready: Vec<Ready>) {
        let now = self.context.clock.now();
        self.reserved.clear();
        for domain in group.domains.drain(..) {
            self.context.pace.free(&domain);
        }
        for ready in &ready {
            self.context.leases.begin(&ready.claimed, ready.at);
        }
        for given_back in group.given_back.drain(..) {
            self.context.leases.end(given_back.id, given_back.token);
        }
        for settlement in group.settlements.drain(..) {
            self.context.leases.end(settlement.delivery_id, settlement.token);
            if let Some(dictionary) = settlement.message.as_ref().and_then(|message| message.dictionary.as_ref()) {
                self.dictionaries.insert(dictionary.sha256);
            }
            self.context.count(self.notices.get(&settlement.notice_id), &settlement);
            self.context.settled(&Settled {
                notice_id: settlement.notice_id,
                outcome: settlement.outcome,
                last: settlement.again.is_none(),
            });
        }
        let mut claims = std::mem::take(&mut group.claims);
        // Critical ones were claimed first: they go to the seats that take nothing else.
        claims.sort_by_key(|claim| claim.seat);
        let critical = |ready: &Ready| ready.sending.kept.category.lane() == Lane::Critical;
        let Some(back) = self.back.upgrade() else {
            // The workers are gone: nobody takes these jobs.
            ready.into_iter().for_each(|ready| group.give_back(ready.claimed, now.as_millisecond()));
            return;
        };
        let mut ready = ready.into_iter().peekable();
        for claim in claims {
            let next = ready.next_if(|ready| claim.seat == Seat::Open || critical(ready));
            let job = next.map(|it| Job::new(it.claimed, it.sending, it.to, it.at, back.clone()));
            // A worker that is gone drops the job, which comes back by itself.
            let _ = claim.reply.send(job);
        }
    }
}

/// How many deliveries are wanted, by where they go.
#[derive(Clone, Copy)]
struct Wanted {
    reserved: usize,
    open: usize,
}

impl Group {
    fn wanted(&self) -> Wanted {
        let reserved = self.claims.iter().filter(|claim| claim.seat == Seat::Reserved).count();
        Wanted { reserved, open: self.claims.len() - reserved }
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.claims.len() + self.settlements.len() + self.given_back.len()
    }

    fn give_back(&mut self, claimed: Claimed, due_at: i64) {
        self.given_back.push(give_back(&claimed, due_at));
        self.domains.push(claimed.domain);
    }
}

fn give_back(claimed: &Claimed, due_at: i64) -> GiveBack {
    GiveBack { id: claimed.delivery_id, token: claimed.token, due_at }
}

/// Loads a notice to send.
///
/// # Errors
/// Where the database fails. A notice that is not valid any more is logged and left alone.
pub async fn load(conn: &mut Conn, id: Uuid) -> Result<Option<Arc<Sending>>, StoreError> {
    let Some(kept) = notices::find(conn, id).await? else { return Ok(None) };
    let follows_domain = match kept.follows_id {
        Some(follows) => notices::find(conn, follows).await?.map(|notice| notice.message_domain),
        None => None,
    };
    match Sending::new(kept, follows_domain) {
        Ok(sending) => Ok(Some(Arc::new(sending))),
        Err(problems) => {
            tracing::error!(notice = %id, %problems, "a stored notice is not valid any more and cannot be sent");
            Ok(None)
        }
    }
}
