//! What follows from the end of an attempt: whose fault a refusal is, and whether the delivery has its outcome, waits, returns to
//! the queue or goes to another relay.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::dispatch::Context;
use crate::dispatch::recorder::job::Job;
use crate::dispatch::recorder::settlement::{MOST_COPIES, Trial, settlement};
use crate::dispatch::recorder::{How, Request};
use crate::dispatch::relay::refusals::{Judgement, Refusal, Undecided, VICTIM_WAIT};
use crate::dispatch::relay::{Reached, Relay};
use crate::dispatch::sending::attempt::Ended;
use crate::dispatch::sending::worker::Worker;
use crate::domain::clock::millis;
use crate::domain::delivery::{Outcome, Reason};
use crate::domain::reply::for_logs;
use crate::mail::smtp::Failed;
use crate::store::sending::leases::Held;

/// A job and what the recorder has to do about it; `None` while the refusal of the delivery is undecided. The job keeps its
/// delivery from being lost until the recorder has it.
pub struct Decided(pub Option<(Job, How)>);

impl Decided {
    /// A job that returns untried.
    pub const fn give_back(job: Job, due_at: Option<i64>) -> Self {
        Self(Some((job, How::GiveBack(due_at))))
    }
}

impl Worker {
    /// What the recorder has to do about the end of an attempt.
    pub(super) fn decide(&self, relay: &Arc<Relay>, mut job: Job, ended: Ended, probing: bool) -> Decided {
        job.end_token(ended.used_token());
        if ended.came_past_mail() {
            self.reached(relay, Reached::PastMail);
        }
        let context = &self.context;
        let how = match ended {
            Ended::Settled(trial) => {
                if trial.outcome == Outcome::Accepted {
                    self.reached(relay, Reached::Accepted);
                    let decided = relay.accepted(job.to.id, &job.claimed.domain);
                    decided.into_iter().for_each(|it| self.decide_refused(relay, it));
                }
                context.settle(relay, &job, *trial)
            }
            Ended::Lost(failed, trial) => {
                relay.lost(job.to.id, &failed, probing);
                context.settle(relay, &job, *trial)
            }
            Ended::Refused(failed, trial) => return self.judge(relay, job, (&failed, trial), probing),
            Ended::MessageRefused(failed, trial) => {
                if !self.may_go_by_another(relay, &job) {
                    return self.judge(relay, job, (&failed, trial), probing);
                }
                self.leave(relay, &job, &for_logs(&failed.failure.text()))
            }
            Ended::NotCarried(what) => self.not_carried(relay, &job, &what),
            Ended::GivenBack(at) => How::GiveBack(at.map(Timestamp::as_millisecond)),
            Ended::RelayRefuses(failed, own) => match relay.refused_us(job.to.id, &failed, probing) {
                Refusal::Waits(wait) => self.give_back_after(relay, &job, wait),
                Refusal::Own => context.settle(relay, &job, *own),
            },
            Ended::Throttled(failed, _) if probing => self.give_back_after(relay, &job, relay.is_down(&failed, true)),
            Ended::Throttled(failed, own) => {
                let domain = own.asks_for_pause.then_some(job.claimed.domain.as_str());
                if !relay.asked_for_less(job.to.id, domain, &failed) {
                    return self.judge(relay, job, (&failed, own), probing);
                }
                How::GiveBack(None)
            }
            Ended::RelayDown(failed) => self.give_back_after(relay, &job, relay.is_down(&failed, probing)),
            Ended::HungUp => How::GiveBack(None),
        };
        Decided(Some((job, how)))
    }

    /// Judges a refused delivery: keeps it until it is clear whose fault that is. If it is the relay's, returns it with all
    /// others.
    fn judge(&self, relay: &Arc<Relay>, job: Job, (failed, trial): (&Failed, Box<Trial>), probing: bool) -> Decided {
        let context = &self.context;
        let how = match relay.judge(&job, failed, &trial, probing) {
            judgement @ (Judgement::Undecided | Judgement::Look) => {
                // Whoever takes over from this process need not doubt it: the server does not have the message.
                let claim = Held { id: job.to.id, token: job.claimed.token };
                let _ = self.recorder.send(Request { refused: Some(claim), ..Request::default() });
                let late = relay.keep_undecided(job, trial, judgement == Judgement::Look);
                late.into_iter().for_each(|it| self.decide_refused(relay, it));
                return Decided(None);
            }
            Judgement::Limit if relay.asked_for_less(job.to.id, None, failed) => How::GiveBack(None),
            Judgement::Limit => context.settle(relay, &job, trial.by_schedule()),
            Judgement::Recipient => context.settle(relay, &job, *trial),
            Judgement::Unknown(_) if !self.may_go_by_another(relay, &job) => {
                context.settle(relay, &job, trial.by_schedule())
            }
            Judgement::Unknown(wait) | Judgement::Relay(wait) => {
                for undecided in relay.take_undecided() {
                    let how = self.give_back_after(relay, &undecided.job, wait);
                    undecided.job.end(how);
                }
                self.give_back_after(relay, &job, wait)
            }
        };
        Decided(Some((job, how)))
    }

    /// Decides that a refusal is the delivery's. One for which the relay ends the connection is left to another relay, if there is
    /// one that may take it.
    fn decide_refused(&self, relay: &Relay, undecided: Undecided) {
        if undecided.is_unanswered() && self.may_go_by_another(relay, &undecided.job) {
            // What is dropped returns to the queue.
            relay.leave_to_others(undecided.job.to.id);
        } else {
            self.context.decide(relay, undecided);
        }
    }

    fn may_go_by_another(&self, relay: &Relay, job: &Job) -> bool {
        self.others(relay, job).any(|other| other.may_take(job.to.id))
    }

    /// Leaves a delivery to another relay.
    fn leave(&self, relay: &Relay, job: &Job, why: &str) -> How {
        relay.leave_to_others(job.to.id);
        tracing::debug!(relay = relay.config.name, delivery = %job.to.id, "left to another relay: {why}");
        How::GiveBack(None)
    }

    /// Leaves a delivery that a relay cannot carry to another one, if one is left that may.
    fn not_carried(&self, relay: &Relay, job: &Job, what: &str) -> How {
        let (delivery, notice, name) = (job.to.id, job.sending.kept.id, &relay.config.name);
        if self.may_go_by_another(relay, job) {
            return self.leave(relay, job, what);
        }
        relay.leave_to_others(delivery);
        if self.others(relay, job).any(|other| !other.refuses(delivery)) {
            return How::GiveBack(Some(self.context.clock.now_ms().saturating_add(millis(VICTIM_WAIT))));
        }
        if self.context.unsent.logged.is_news(notice) {
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
    fn give_back_after(&self, relay: &Relay, job: &Job, wait: Duration) -> How {
        let now = self.context.clock.now_ms();
        if self.may_go_by_another(relay, job) {
            relay.leave_to_others(job.to.id);
            return How::GiveBack(None);
        }
        if relay.trouble().is_some() {
            relay.is_awaited_by(job.to.id);
        }
        How::GiveBack(Some(now.saturating_add(millis(wait))))
    }
}

impl Context {
    /// Records a trial with its relay and the domain's pace; returns what the recorder has to do.
    pub(in crate::dispatch) fn settle(&self, relay: &Relay, job: &Job, trial: Trial) -> How {
        let (domain, now) = (&job.claimed.domain, self.clock.now());
        if trial.transaction.is_some() {
            relay.tally.count(trial.outcome, now.as_millisecond());
        }
        if trial.asks_for_pause {
            let code = trial.transaction.as_ref().and_then(|transaction| transaction.attempt.code);
            self.pace.asked(domain, (&relay.config.name, code), now.as_millisecond(), &self.random);
        } else if trial.outcome == Outcome::Accepted {
            self.pace.took(domain, now.as_millisecond());
        }
        let parts = (&job.claimed, &*job.sending, &job.to);
        let copies = trial.copies;
        let settlement = settlement(&self.config.retry, &self.random, now, parts, trial);
        let notice = job.sending.kept.id;
        if copies >= MOST_COPIES && settlement.again.is_none() && self.unsent.doubts.is_news(notice) {
            tracing::error!(
                relay = relay.config.name, %notice, copies,
                "messages of this notice were sent again and again without an answer to the final dot; they are not sent again \
                 by themselves: `besked deliveries uncertain list --notice {notice}` shows them"
            );
        }
        self.recorded(settlement)
    }

    /// Settles a refused delivery: the refusal is its recipient's.
    pub(in crate::dispatch) fn decide(&self, relay: &Relay, Undecided { job, trial, .. }: Undecided) {
        let how = self.settle(relay, &job, *trial);
        job.end(how);
    }
}
