//! A worker: one connection to one relay, over which deliveries go one after the other.
//!
//! The next delivery is claimed while the present one is being sent, so that the wire does not wait for the database: at any
//! time a worker has at most two deliveries claimed and unsettled.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Context;
use super::attempt::{Ended, attempt};
use super::job::Job;
use super::outcome::settlement;
use super::recorder::{End, Request};
use super::relay::{Permit, Relay};
use crate::domain::reply::Verdict;
use crate::mail::smtp::{Failed, Session};

/// How long a connection without work is kept.
const IDLE: Duration = Duration::from_secs(5);

/// How often a worker of a later relay looks whether the ones before it are down.
const RELAY_TICK: Duration = Duration::from_millis(250);

/// How long a delivery waits whose sender the relay refused, in milliseconds: long enough for others to show whether the
/// relay refuses them too, so that a probe is not its last victim.
const REFUSED_MS: i64 = 10_000;

/// Sends over one connection of one relay.
pub struct Worker {
    /// What all workers share.
    pub context: Arc<Context>,
    /// The relay.
    pub relay: Arc<Relay>,
    /// The relays that are tried before this one.
    pub before: Vec<Arc<Relay>>,
    /// Its place among the relay's workers: with little to do, the first ones do it.
    pub index: u64,
    /// How many deliveries could be claimed, as far as it was counted.
    pub due: watch::Receiver<u64>,
    /// The recorder.
    pub recorder: UnboundedSender<Request>,
}

type Ahead = Option<oneshot::Receiver<Option<Job>>>;

impl Worker {
    /// Works until `shutdown`; the delivery in hand is finished first.
    pub async fn run(mut self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let probing = tokio::select! {
                () = shutdown.cancelled() => return,
                probing = self.turn() => probing,
            };
            match Session::open(&self.relay.config, &self.context.config.smtp).await {
                Ok(session) => {
                    self.relay.is_well(false);
                    self.serve(session, probing, &shutdown).await;
                    self.relay.end_probe();
                }
                Err(failed) => self.relay.is_down(&failed),
            }
        }
    }

    /// Waits until there is something to do for this worker and its relay may be used; true where it is to probe the relay.
    async fn turn(&mut self) -> bool {
        loop {
            let index = self.index;
            self.context.outage.over().await;
            // The sender lives as long as the dispatcher, which ends its workers first.
            let _ = self.due.wait_for(|due| *due > index).await;
            if !self.is_next() {
                sleep(RELAY_TICK).await;
                continue;
            }
            match self.relay.permit() {
                Permit::Go => return false,
                Permit::Probe => return true,
                Permit::Wait(until) => sleep_until(until).await,
            }
        }
    }

    /// True where all relays before this one are down.
    fn is_next(&self) -> bool {
        self.before.iter().all(|relay| relay.trouble().is_some())
    }

    /// Sends over a session until it ends or there is nothing to do.
    async fn serve(&mut self, mut session: Session, probing: bool, shutdown: &CancellationToken) {
        let mut job = self.next(None).await;
        // The one after it, claimed while the present one is being sent.
        let mut ahead = if probing { None } else { self.claim_ahead() };
        loop {
            let Some(mut current) = job else {
                // There may be one by now for whoever asked last.
                if ahead.is_none() && !self.wait_for_work(shutdown).await {
                    break;
                }
                job = self.next(ahead.take()).await;
                continue;
            };
            let end = attempt(&self.context, &self.relay.config.name, &mut session, &mut current).await;
            let end = self.end(&current, end);
            let goes_on =
                session.is_usable() && !shutdown.is_cancelled() && self.is_next() && self.relay.allows(probing);
            let upcoming = ahead.take();
            let claim = if goes_on && self.relay.try_rate() { Some(oneshot::channel()) } else { None };
            let (reply, claimed) = claim.unzip();
            if self.recorder.send(Request { end: Some(end), claim: reply }).is_ok() {
                current.finish();
            }
            if !goes_on {
                // What was claimed ahead and is not wanted any more goes back by itself.
                break;
            }
            (job, ahead) = match (upcoming, claimed) {
                (Some(upcoming), claimed) => (self.next(Some(upcoming)).await, claimed),
                (None, claimed) => (self.next(claimed).await, None),
            };
        }
        session.quit().await;
    }

    /// The job that was claimed, or one claimed now; a token of the rate is in hand before a claim.
    async fn next(&self, claimed: Ahead) -> Option<Job> {
        let claimed = match claimed {
            Some(claimed) => claimed,
            None => {
                self.relay.wait_for_rate().await;
                self.claim()?
            }
        };
        claimed.await.ok().flatten()
    }

    /// Claims ahead, unless the rate does not allow it yet.
    fn claim_ahead(&self) -> Ahead {
        if self.relay.try_rate() { self.claim() } else { None }
    }

    fn claim(&self) -> Ahead {
        let (reply, claim) = oneshot::channel();
        self.recorder.send(Request { end: None, claim: Some(reply) }).ok()?;
        Some(claim)
    }

    /// Waits for work with the connection open. False where there was none for a while, or none can be claimed.
    async fn wait_for_work(&mut self, shutdown: &CancellationToken) -> bool {
        if self.context.outage.is_on() {
            return false;
        }
        self.context.found_nothing();
        self.due.mark_unchanged();
        let index = self.index;
        let due = &mut self.due;
        let work = async {
            // Whatever was counted before we found nothing does not count any more.
            let _ = due.changed().await;
            let _ = due.wait_for(|due| *due > index).await;
        };
        tokio::select! {
            () = shutdown.cancelled() => false,
            () = sleep(IDLE) => false,
            () = work => true,
        }
    }

    /// What the recorder is to do about the end of an attempt.
    fn end(&self, job: &Job, ended: Ended) -> End {
        let now = self.context.clock.now();
        let give_back = |due_at: i64| End::GiveBack { claimed: job.claimed.clone(), due_at };
        match ended {
            Ended::Settled(outcome) => {
                if outcome.transaction.is_some() {
                    self.relay.is_well(true);
                }
                let parts = (&job.claimed, &*job.sending, &job.to);
                let settlement = settlement(&self.context.config.retry, &self.context.random, now, parts, *outcome);
                End::Settle { settlement: Box::new(settlement), domain: job.claimed.domain.clone() }
            }
            Ended::GivenBack(at) => give_back(at.as_millisecond()),
            Ended::RelayTrouble(verdict, failed) => {
                let wait = self.relay_trouble(job, verdict, &failed).unwrap_or(0);
                give_back(now.as_millisecond().saturating_add(wait))
            }
        }
    }

    /// Takes note of trouble with the relay; gives how long the delivery has to wait for it.
    fn relay_trouble(&self, job: &Job, verdict: Verdict, failed: &Failed) -> Option<i64> {
        match verdict {
            Verdict::SenderRefused => {
                self.relay.refused_sender(job.to.id, failed);
                Some(REFUSED_MS)
            }
            Verdict::RelayDown => {
                self.relay.is_down(failed);
                None
            }
            _ => None,
        }
    }
}
