//! A worker: one connection to one relay, over which deliveries go one after the other.
//!
//! The next delivery is claimed while the present one is being sent, so that the connection does not wait for the database: a
//! worker has at most two deliveries claimed and unsettled at any time.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::dispatch::Context;
use crate::dispatch::recorder::job::Job;
use crate::dispatch::recorder::lanes::{Due, Seat};
use crate::dispatch::recorder::settlement::Trial;
use crate::dispatch::recorder::{Ahead, Claim, End, Request};
use crate::dispatch::relay::refusals::{Judgement, Refusal, VICTIM_WAIT};
use crate::dispatch::relay::streams::{Streams, Turns};
use crate::dispatch::relay::{Permit, Probe, Reached, Relay};
use crate::dispatch::sending::attempt::{Ended, attempt};
use crate::domain::clock::millis;
use crate::domain::delivery::{Outcome, Reason};
use crate::mail::smtp::{Failed, Session};

/// How long an idle connection is kept open.
const IDLE: Duration = Duration::from_secs(5);

/// How long one delivery may take before the one claimed ahead is returned, for others to send: it must not wait behind a
/// server that hangs.
const SLOW: Duration = Duration::from_secs(2);

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
}

impl Worker {
    /// Works until `shutdown`; the delivery it owns is finished first.
    pub async fn run(mut self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let probe = tokio::select! {
                () = shutdown.cancelled() => return,
                probe = self.turn() => probe,
            };
            let relay = self.relay.clone();
            // Before the connection is opened: a server ends one that is silent for long.
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = relay.wait_for_rate() => {}
            }
            let _in_use = relay.connection();
            // Nothing is claimed yet: a shutdown need not wait for a server that does not answer.
            let opened = tokio::select! {
                () = shutdown.cancelled() => return relay.return_rate(),
                opened = Session::open_timed(&relay.config, &self.context.config.smtp, relay.steps()) => opened,
            };
            match opened {
                Ok(session) => {
                    self.reached(&relay, Reached::Connection);
                    self.serve(session, probe, &shutdown).await;
                }
                Err(failed) => {
                    relay.return_rate();
                    relay.is_down(&failed, probe.is_some());
                }
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

    /// Sends over a session until it ends or there is nothing left.
    async fn serve(&mut self, mut session: Session, mut probe: Option<Probe>, shutdown: &CancellationToken) {
        // A rate token was taken before the session was opened.
        let mut job = match self.claim(probe.as_ref()) {
            Some(claimed) => self.next(Some(claimed), None, shutdown).await,
            None => None,
        };
        // The one after it, claimed while the present one is being sent.
        let mut ahead = None;
        loop {
            let Some(mut current) = job else {
                // There may be work by now for the worker that asked last.
                if ahead.is_none() && !(self.wait_for_work(shutdown).await && self.may_go_on(probe.is_some())) {
                    break;
                }
                job = self.next(ahead.take(), probe.as_ref(), shutdown).await;
                continue;
            };
            let ended = if let Some(other) = self.elsewhere(&current) {
                self.drop_claim(ahead.take());
                self.send_by(other, current).await
            } else {
                if ahead.is_none() && probe.is_none() {
                    ahead = self.claim_ahead();
                }
                let ended = self.send(&mut session, &mut current, &mut ahead).await;
                let past_mail = ended.came_past_mail();
                let ended = self.end(&self.relay, current, ended, probe.is_some());
                // One message was enough to see that the relay is healthy: from now on this is an ordinary connection.
                probe = probe.filter(|_| !past_mail);
                ended
            };
            let goes_on = session.is_usable() && !shutdown.is_cancelled() && self.may_go_on(probe.is_some());
            let upcoming = ahead.take();
            let (claim, claimed) = if goes_on && self.relay.try_rate() {
                Claim::new((self.seat.0, self.turns.now()), None)
            } else {
                (None, None)
            };
            self.report(ended, claim);
            if !goes_on {
                self.drop_claim(upcoming);
                break;
            }
            (job, ahead) = match (upcoming, claimed) {
                (Some(upcoming), claimed) => (self.next(Some(upcoming), None, shutdown).await, claimed),
                (None, claimed) => (self.next(claimed, probe.as_ref(), shutdown).await, None),
            };
        }
        session.quit().await;
    }

    /// Sends over a session. What was claimed ahead is returned if that takes long.
    async fn send(&self, session: &mut Session, job: &mut Job, ahead: &mut Ahead) -> Ended {
        let mut attempt = pin!(attempt(&self.context, &self.relay.config.name, session, job));
        tokio::select! {
            ended = &mut attempt => ended,
            () = sleep(SLOW) => {
                self.drop_claim(ahead.take());
                attempt.await
            }
        }
    }

    /// A relay of the same stream that can be used, if ours refuses us for this delivery.
    fn elsewhere(&self, job: &Job) -> Option<&Arc<Relay>> {
        let id = job.to.id;
        let mut others = self.others(&self.relay, job).filter(|_| self.relay.refuses(id));
        others.find(|other| other.may_take(id))
    }

    /// Sends one delivery by another relay, over a connection for it alone.
    async fn send_by(&self, other: &Arc<Relay>, mut job: Job) -> Option<(End, Job)> {
        // In place of the token that was taken for its claim.
        self.relay.return_rate();
        if timeout(IDLE, other.wait_for_rate()).await.is_err() {
            return Some((give_back(&job, None), job));
        }
        let _in_use = other.connection();
        match Session::open_timed(&other.config, &self.context.config.smtp, other.steps()).await {
            Ok(mut session) => {
                self.reached(other, Reached::Connection);
                let ended = attempt(&self.context, &other.config.name, &mut session, &mut job).await;
                session.quit().await;
                self.end(other, job, ended, false)
            }
            Err(failed) => {
                other.return_rate();
                self.end(other, job, Ended::RelayDown(failed), false)
            }
        }
    }

    /// The job that was claimed ahead, or one claimed now; a rate token is taken before a claim.
    async fn next(&self, claimed: Ahead, probe: Option<&Probe>, shutdown: &CancellationToken) -> Option<Job> {
        let claimed = match claimed {
            Some(claimed) => claimed,
            None => {
                tokio::select! {
                    () = shutdown.cancelled() => return None,
                    taken = timeout(IDLE, self.relay.wait_for_rate()) => {
                        taken.ok()?;
                        self.claim(probe)?
                    }
                }
            }
        };
        let job = claimed.await.ok().flatten();
        if job.is_none() {
            self.relay.return_rate();
            if self.seat.0 == Seat::Open {
                self.context.found_nothing.fetch_or(self.turns.now().bits(), Ordering::Relaxed);
            }
        }
        job
    }

    /// What was claimed ahead and is no longer wanted returns by itself; so does its rate token.
    fn drop_claim(&self, ahead: Ahead) {
        if ahead.is_some() {
            self.relay.return_rate();
        }
    }

    /// Claims ahead, unless the rate does not allow it yet.
    fn claim_ahead(&self) -> Ahead {
        if self.relay.try_rate() { self.claim(None) } else { None }
    }

    fn claim(&self, probe: Option<&Probe>) -> Ahead {
        let (claim, claimed) = Claim::new((self.seat.0, self.turns.now()), probe.map(Probe::avoids));
        self.recorder.send(Request { claim, ..Request::default() }).ok()?;
        claimed
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

    /// Tells the recorder how a job ended, if that is decided, and what to claim next.
    fn report(&self, ended: Option<(End, Job)>, claim: Option<Claim>) {
        let (end, job) = ended.unzip();
        if self.recorder.send(Request { end, claim, ..Request::default() }).is_ok()
            && let Some(mut job) = job
        {
            job.finish();
        }
    }

    /// What the recorder has to do about the end of an attempt; `None` while the refusal of a delivery is undecided.
    fn end(&self, relay: &Arc<Relay>, job: Job, ended: Ended, probing: bool) -> Option<(End, Job)> {
        if ended.came_past_mail() {
            self.reached(relay, Reached::PastMail);
        }
        let context = &self.context;
        let end = match ended {
            Ended::Settled(trial) => {
                if trial.outcome == Outcome::Accepted {
                    self.reached(relay, Reached::Accepted);
                    relay.accepted(&job.claimed.domain).into_iter().for_each(|it| context.decide(relay, it));
                }
                context.settle(relay, &job, *trial)
            }
            Ended::Refused(failed, trial) => return self.judge(relay, job, (&failed, trial), probing),
            Ended::NotCarried(what) => self.not_carried(relay, &job, &what),
            Ended::GivenBack(at) => {
                relay.return_rate();
                give_back(&job, at.map(Timestamp::as_millisecond))
            }
            Ended::RelayRefuses(failed, own) => match relay.refused_us(job.to.id, &failed, probing) {
                Refusal::Waits(wait) => self.give_back_after(relay, &job, wait),
                Refusal::Own => context.settle(relay, &job, *own),
            },
            Ended::Throttled(failed, own) => {
                let domain = own.asks_for_pause.then_some(job.claimed.domain.as_str());
                if probing {
                    return Some((self.give_back_after(relay, &job, relay.is_down(&failed, true)), job));
                }
                if !relay.asked_for_less(job.to.id, domain, &failed) {
                    return self.judge(relay, job, (&failed, own), probing);
                }
                give_back(&job, None)
            }
            Ended::RelayDown(failed) => self.give_back_after(relay, &job, relay.is_down(&failed, probing)),
            Ended::HungUp => {
                relay.return_rate();
                give_back(&job, None)
            }
        };
        Some((end, job))
    }

    /// Judges a refused delivery: keeps it until it is clear whose fault that is. If it is the relay's, returns it with all
    /// others.
    fn judge(
        &self,
        relay: &Arc<Relay>,
        job: Job,
        (failed, trial): (&Failed, Box<Trial>),
        probing: bool,
    ) -> Option<(End, Job)> {
        let context = &self.context;
        let end = match relay.judge(&job, failed, trial.dead, probing) {
            Judgement::Undecided => {
                let late = relay.keep_undecided(job, trial);
                late.into_iter().for_each(|it| context.decide(relay, it));
                return None;
            }
            Judgement::Recipient => context.settle(relay, &job, *trial),
            Judgement::Unknown(_) if !self.others(relay, &job).any(|other| other.may_take(job.to.id)) => {
                context.settle(relay, &job, trial.by_schedule())
            }
            Judgement::Unknown(wait) | Judgement::Relay(wait) => {
                for undecided in relay.take_undecided() {
                    let end = self.give_back_after(relay, &undecided.job, wait);
                    self.report(Some((end, undecided.job)), None);
                }
                self.give_back_after(relay, &job, wait)
            }
        };
        Some((end, job))
    }

    /// Records how far a session came. What waited for a relay that is healthy again goes next.
    fn reached(&self, relay: &Relay, reached: Reached) {
        let hasten = relay.reached(reached);
        if !hasten.is_empty() {
            // At a shutdown it waits for its time.
            let _ = self.recorder.send(Request { hasten, ..Request::default() });
        }
    }

    /// The relays beside this one that carry a delivery's category.
    fn others<'a>(&'a self, relay: &'a Relay, job: &Job) -> impl Iterator<Item = &'a Arc<Relay>> + use<'a> {
        self.streams.others(relay, job.sending.kept.category)
    }

    /// Leaves a delivery that a relay cannot carry to another one, if one is left that may.
    fn not_carried(&self, relay: &Relay, job: &Job, what: &str) -> End {
        let (delivery, notice, name) = (job.to.id, job.sending.kept.id, &relay.config.name);
        relay.leave_to_others(delivery);
        relay.return_rate();
        if self.others(relay, job).any(|other| other.may_take(delivery)) {
            tracing::debug!(relay = name, %delivery, "left to another relay: {what}");
            return give_back(job, None);
        }
        if self.others(relay, job).any(|other| !other.refuses(delivery)) {
            let later = self.context.clock.now_ms().saturating_add(millis(VICTIM_WAIT));
            return give_back(job, Some(later));
        }
        if self.context.unsent.complain(notice) {
            tracing::error!(
                relay = name, %notice, %delivery,
                "no relay can carry messages of this notice, they are not sent: add a relay that can, then `besked deliveries \
                 resend --notice {notice} --state not_carried`: {what}"
            );
        }
        self.context.settle(relay, job, Trial::not_sent(Reason::NotCarried))
    }

    /// Returns a delivery that a relay did not take: at once if another relay can be used, else after a while, so that a probe
    /// does not meet its last victim again.
    fn give_back_after(&self, relay: &Relay, job: &Job, wait: Duration) -> End {
        let now = self.context.clock.now_ms();
        if self.others(relay, job).any(|other| other.may_take(job.to.id)) {
            relay.leave_to_others(job.to.id);
            return give_back(job, None);
        }
        if relay.trouble().is_some() {
            relay.is_awaited_by(job.to.id);
        }
        give_back(job, Some(now.saturating_add(millis(wait))))
    }
}

fn give_back(job: &Job, due_at: Option<i64>) -> End {
    End::GiveBack { claimed: job.claimed.clone(), due_at }
}
