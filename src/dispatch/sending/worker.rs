//! A worker: one connection to one relay, over which deliveries go one after the other.
//!
//! The next delivery is claimed while the present one is being sent, so that the connection does not wait for the database: a
//! worker has at most two deliveries claimed and unsettled at any time; three if the next one's transaction is begun behind the
//! present one's message, which `pipeline_messages` of the relay allows.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::dispatch::Context;
use crate::dispatch::rates::tokens::Token;
use crate::dispatch::recorder::job::Job;
use crate::dispatch::recorder::lanes::{Due, Seat};
use crate::dispatch::recorder::{Ahead, Claim, Request};
use crate::dispatch::relay::streams::{Streams, Turns};
use crate::dispatch::relay::{Connection, Permit, Probe, Reached, Relay};
use crate::dispatch::sending::attempt::{Ended, Prepared, attempt, begin, finish, is_at_hand, prepare, prepare_behind};
use crate::dispatch::sending::late::Late;
use crate::dispatch::sending::verdict::Decided;
use crate::domain::category_set::CategorySet;
use crate::mail::smtp::{Group, Session};

/// How long an idle connection is kept open.
const IDLE: Duration = Duration::from_secs(5);

/// How long one delivery may take before the one claimed ahead is returned, for others to send: it must not wait behind a
/// server that hangs.
const SLOW: Duration = Duration::from_secs(2);

/// How long a delivery waits for a free connection of another relay, before it returns to the queue.
const BUSY: Duration = Duration::from_secs(1);

/// How long it stays there, in milliseconds.
const BUSY_PAUSE_MS: i64 = 1_000;

/// How often a worker checks whether the relays before its own are unhealthy, while what it may then take is due.
const RELAY_TICK: Duration = Duration::from_millis(250);

/// Sends over one connection of one relay.
#[derive(Clone)]
pub struct Worker {
    /// What all workers share.
    pub context: Arc<Context>,
    /// The relay.
    pub relay: Arc<Relay>,
    /// Which relays carry which categories.
    pub streams: Arc<Streams>,
    /// When its relay takes which categories.
    pub turns: Turns,
    /// Its seat among the relay's workers, and the seat's number.
    pub seat: (Seat, u64),
    /// How many deliveries could be claimed.
    pub due: watch::Receiver<Due>,
    /// The recorder.
    pub recorder: UnboundedSender<Request>,
    /// Whether an answer came too late for what was begun behind a message.
    pub late: Late,
}

/// An open connection, and what is claimed for it.
struct Line {
    session: Session,
    /// While the connection is there to find out whether the relay is healthy.
    probe: Option<Probe>,
    /// Deliveries that are claimed and not begun, first to last. Dropping them returns them.
    claims: VecDeque<Ahead>,
    /// The delivery whose commands were written behind the message of the one before. Dropping it returns it.
    begun: Option<Begun>,
    _connection: Connection,
}

/// A delivery whose transaction is begun, and whose turn has not come.
struct Begun {
    job: Job,
    prepared: Prepared,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It took one delivery as far as it could go now, and the connection may take another.
    Done,
    /// It found nothing to send.
    Nothing,
    /// It took one delivery as far as it could go now, after which the connection may not be used further.
    Last,
}

impl Worker {
    /// Works until `shutdown`; the delivery it owns is finished first.
    pub async fn run(mut self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            if let Some(mut line) = self.open(&shutdown).await {
                while self.goes_on(&mut line, &shutdown).await {}
                drop((line.claims, line.begun));
                line.session.quit().await;
            }
        }
    }

    /// Does a step. Waits for work if there is none. Returns false once the connection has to end.
    async fn goes_on(&mut self, line: &mut Line, shutdown: &CancellationToken) -> bool {
        match self.step(line, shutdown).await {
            Step::Done => true,
            Step::Last => false,
            // There may be work by now for the claim that came last.
            Step::Nothing if !line.claims.is_empty() => true,
            Step::Nothing => self.wait_for_work(shutdown).await && self.may_go_on(line.probe.is_some()),
        }
    }

    /// Opens a connection once there is work and the relay may be used; `None` if that fails, or at a shutdown.
    async fn open(&mut self, shutdown: &CancellationToken) -> Option<Line> {
        // Nothing is claimed yet: a shutdown need not wait for a server that does not answer.
        shutdown.run_until_cancelled(self.open_line()).await.flatten()
    }

    async fn open_line(&mut self) -> Option<Line> {
        let probe = self.turn().await;
        // Before the connection is opened: a server ends one that is silent for long.
        let token = self.relay.tokens.take().await;
        let connection = self.relay.connection().await;
        match Session::open_timed(&self.relay.config, &self.context.config.smtp, self.relay.steps()).await {
            Ok(session) => {
                self.reached(&self.relay, Reached::Connection);
                let claims = self.claim(probe.as_ref(), token).into_iter().collect();
                Some(Line { session, probe, claims, begun: None, _connection: connection })
            }
            Err(failed) => {
                drop(token);
                self.relay.is_down(&failed, probe.is_some());
                None
            }
        }
    }

    /// Waits until there is work for this worker and its relay may be used; returns the right to probe it, if that is the
    /// work.
    async fn turn(&mut self) -> Option<Probe> {
        let (seat, carried) = (self.seat, self.turns.carried());
        loop {
            self.context.outage.over().await;
            // The sender lives as long as the dispatcher, which ends its workers first.
            let _ = self.due.wait_for(|due| due.is_work_for(seat, carried)).await;
            let now = self.turns.now();
            if !self.due.borrow().is_work_for(seat, now) {
                sleep(RELAY_TICK).await;
                continue;
            }
            match self.relay.permit() {
                Permit::Go => return None,
                Permit::Probe(probe) => return Some(probe),
                Permit::Wait(until) => sleep_until(until).await,
            }
        }
    }

    /// True if an open connection may be used further: the relays before this one may be healthy again, this one may be down.
    fn may_go_on(&self, probing: bool) -> bool {
        !self.turns.now().is_empty() && self.relay.allows(probing)
    }

    /// Takes one delivery as far as it can go now: sends it, and reports how that ended together with the claim for another.
    async fn step(&mut self, line: &mut Line, shutdown: &CancellationToken) -> Step {
        let (mut job, prepared) = match line.begun.take() {
            Some(Begun { job, prepared }) => (job, Some(prepared)),
            None => match self.next(line, shutdown).await {
                Some(job) => (job, None),
                None => return Step::Nothing,
            },
        };
        let decided = if let Some(other) = self.elsewhere(&job) {
            line.claims.clear();
            if line.session.is_ahead() {
                line.session.abandon();
            }
            let Ok(connection) = timeout(BUSY, other.connection()).await else {
                // Our own connection ends as well: workers of two relays could wait for each other's.
                let due_at = self.context.clock.now_ms().saturating_add(BUSY_PAUSE_MS);
                self.report(Decided::give_back(job, Some(due_at)), None);
                return Step::Last;
            };
            self.send_by(other, connection, job).await
        } else {
            if line.probe.is_none() {
                self.claim_ahead(&mut line.claims);
            }
            let ended = self.send(line, (&mut job, prepared), shutdown).await;
            let past_mail = ended.came_past_mail();
            let decided = self.decide(&self.relay, job, ended, line.probe.is_some());
            // One message was enough to see that the relay is healthy: from now on this is an ordinary connection.
            line.probe = line.probe.take().filter(|_| !past_mail);
            decided
        };
        if line.session.is_ahead() && line.begun.is_none() {
            // An answer did not come in time. The server may wait for a message that nobody sends.
            line.session.abandon();
            self.late.note();
        }
        let goes_on = line.session.is_usable() && !shutdown.is_cancelled() && self.may_go_on(line.probe.is_some());
        let token = if goes_on { self.relay.tokens.try_take() } else { None };
        let (claim, ahead) = token.map(|token| Claim::new((self.seat.0, self.turns.now()), None, token)).unzip();
        line.claims.extend(ahead);
        self.report(decided, claim);
        if goes_on { Step::Done } else { Step::Last }
    }

    /// Sends over a connection. What was claimed ahead is returned if that takes long, also if its transaction is begun.
    async fn send(&self, line: &mut Line, job: (&mut Job, Option<Prepared>), shutdown: &CancellationToken) -> Ended {
        let ((job, prepared), mut slow) = (job, pin!(sleep(SLOW)));
        let Line { session, claims, begun, probe, .. } = line;
        let is_behind = prepared.is_some();
        let beginning = async {
            let prepared = match prepared {
                Some(prepared) => prepared,
                None => prepare(&self.context, &self.relay.config.name, session, job).await?,
            };
            begin(&self.context, session, job, prepared).await
        };
        let prepared = match unless_slow(slow.as_mut(), beginning, || claims.clear()).await {
            Ok(prepared) => prepared,
            Err(ended) => {
                if session.is_ahead() {
                    self.relay.heard_behind(false);
                }
                return ended;
            }
        };
        if is_behind {
            self.relay.heard_behind(true);
        }
        let may_begin = probe.is_none() && !shutdown.is_cancelled() && self.begins_behind(session);
        let behind = if may_begin { self.begin_next(session, claims).await } else { None };
        let (next, group) = behind.unzip();
        *begun = next;
        if let Some(begun) = begun {
            // The relay sees its sender with the message before it; if it does not come to that, a token too many is spent.
            begun.job.end_token(true);
        }
        let finishing = finish(&self.context, session, job, prepared, group.as_ref());
        let take_back = || {
            claims.clear();
            *begun = None;
        };
        unless_slow(slow, finishing, take_back).await
    }

    /// True if a transaction may begin behind the message of another on this connection now.
    fn begins_behind(&self, session: &Session) -> bool {
        let offered = self.relay.config.pipeline_messages && session.extensions().pipelining;
        offered && !self.late.is_recent() && self.may_go_on(false)
    }

    /// Prepares the delivery claimed ahead, to begin its transaction behind the message that is about to be written: only if it
    /// is there and can be prepared at once.
    async fn begin_next(&self, session: &mut Session, claims: &mut VecDeque<Ahead>) -> Option<(Begun, Group)> {
        let claimed = match claims.front_mut()?.job.try_recv() {
            Err(TryRecvError::Empty) => return None,
            claimed => claimed.ok(),
        };
        let categories = claims.pop_front()?.categories;
        let mut job = self.found(categories, claimed)?;
        let may = is_at_hand(&self.context, &job) && self.elsewhere(&job).is_none();
        if !may || !job.try_begin_slot(self.context.clock.now_ms()) {
            let (reply, again) = oneshot::channel();
            // The receiver is here.
            let _ = reply.send(Some(job));
            claims.push_front(Ahead { categories, job: again });
            return None;
        }
        match prepare_behind(&self.context, &self.relay.config.name, session, &mut job).await {
            Ok((prepared, group)) => {
                self.claim_ahead(claims);
                Some((Begun { job, prepared }, group))
            }
            Err(ended) => {
                self.report(self.decide(&self.relay, job, ended, false), None);
                None
            }
        }
    }

    /// A relay of the same stream that can be used, if ours refuses us for this delivery, or loses its answers.
    fn elsewhere(&self, job: &Job) -> Option<&Arc<Relay>> {
        let id = job.to.id;
        let mut others = self.others(&self.relay, job).filter(|_| self.relay.refuses(id) || self.relay.loses(id));
        others.find(|other| other.may_take(id))
    }

    /// Sends one delivery by another relay, over a connection for it alone.
    async fn send_by(&self, other: &Arc<Relay>, _connection: Connection, mut job: Job) -> Decided {
        // No message of it goes through our relay.
        job.end_token(false);
        match timeout(IDLE, other.tokens.take()).await {
            Ok(token) => job.change_token(token),
            Err(_) => return Decided::give_back(job, None),
        }
        let ended = match Session::open_timed(&other.config, &self.context.config.smtp, other.steps()).await {
            Ok(mut session) => {
                self.reached(other, Reached::Connection);
                let ended = attempt(&self.context, &other.config.name, &mut session, &mut job).await;
                session.quit().await;
                ended
            }
            Err(failed) => {
                job.end_token(false);
                Ended::RelayDown(failed)
            }
        };
        self.decide(other, job, ended, false)
    }

    /// The job that was claimed first, or one claimed now, with a rate token in hand.
    async fn next(&self, line: &mut Line, shutdown: &CancellationToken) -> Option<Job> {
        let claimed = match line.claims.pop_front() {
            Some(claimed) => claimed,
            None => {
                let token = timeout(IDLE, self.relay.tokens.take());
                let token = shutdown.run_until_cancelled(token).await?.ok()?;
                self.claim(line.probe.as_ref(), token)?
            }
        };
        let Ahead { categories, job } = claimed;
        self.found(categories, job.await.ok())
    }

    /// What a claim found; `None` if it was dropped, since its commit failed: it did not look for anything.
    fn found(&self, categories: CategorySet, claimed: Option<Option<Job>>) -> Option<Job> {
        if matches!(claimed, Some(None)) && self.seat.0 == Seat::Open {
            self.context.found_nothing.fetch_or(categories.bits(), Ordering::Relaxed);
        }
        claimed.flatten()
    }

    /// Claims a delivery for when the present one is done, unless one is claimed or the rate does not allow it yet.
    fn claim_ahead(&self, claims: &mut VecDeque<Ahead>) {
        if claims.is_empty() {
            claims.extend(self.relay.tokens.try_take().and_then(|token| self.claim(None, token)));
        }
    }

    fn claim(&self, probe: Option<&Probe>, token: Token) -> Option<Ahead> {
        let (claim, ahead) = Claim::new((self.seat.0, self.turns.now()), probe.map(Probe::avoids), token);
        self.recorder.send(Request { claim: Some(claim), ..Request::default() }).ok()?;
        Some(ahead)
    }

    /// Waits for work with the connection open. Returns false if there was none for a while, or none can be claimed.
    async fn wait_for_work(&mut self, shutdown: &CancellationToken) -> bool {
        if self.context.outage.is_on() {
            return false;
        }
        self.context.wants_work();
        self.due.mark_unchanged();
        let (seat, turns) = (self.seat, &self.turns);
        let due = &mut self.due;
        let work = async {
            // What was counted before nothing was found no longer counts.
            let _ = due.changed().await;
            let _ = due.wait_for(|due| due.is_work_for(seat, turns.now())).await;
        };
        tokio::select! {
            () = shutdown.cancelled() => false,
            () = sleep(IDLE) => false,
            () = work => true,
        }
    }

    /// Reports to the recorder how a job ended, if that is decided, and what to claim next.
    pub(super) fn report(&self, decided: Decided, claim: Option<Claim>) {
        let end = decided.0.and_then(|(job, how)| job.ended(how));
        // At the end of a run the recorder is gone last: what it does not get is taken over.
        let _ = self.recorder.send(Request { end, claim, ..Request::default() });
    }

    /// Records how far a session came. What waited for a relay that is healthy again goes next.
    pub(super) fn reached(&self, relay: &Relay, reached: Reached) {
        let hasten = relay.reached(reached);
        if !hasten.is_empty() {
            // At a shutdown it waits for its time.
            let _ = self.recorder.send(Request { hasten, ..Request::default() });
        }
    }

    /// The relays beside this one that carry a delivery's category.
    pub(super) fn others<'a>(&'a self, relay: &'a Relay, job: &Job) -> impl Iterator<Item = &'a Arc<Relay>> + use<'a> {
        self.streams.others(relay, job.sending.kept.category)
    }
}

/// The result of some work; `take_back` is called if `slow` goes off before it, or went off before.
async fn unless_slow<T>(slow: Pin<&mut Sleep>, work: impl Future<Output = T>, take_back: impl FnOnce()) -> T {
    let mut work = pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = slow => take_back(),
    }
    work.await
}
