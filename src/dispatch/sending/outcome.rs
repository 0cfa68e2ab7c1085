//! The outcome of an attempt: what the relay and the domain learn from it, and what the recorder has to do.

use crate::dispatch::Context;
use crate::dispatch::recorder::How;
use crate::dispatch::recorder::job::Job;
use crate::dispatch::recorder::settlement::{MOST_COPIES, Trial, settlement};
use crate::dispatch::relay::Relay;
use crate::dispatch::relay::refusals::Undecided;
use crate::domain::delivery::Outcome;

impl Context {
    /// Records a trial with its relay and the domain's pace; returns what the recorder has to do.
    pub(in crate::dispatch) fn settle(&self, relay: &Relay, job: &Job, trial: Trial) -> How {
        let (domain, now) = (&job.claimed.domain, self.clock.now());
        if trial.transaction.is_some() {
            relay.tally.count(trial.outcome, now.as_millisecond());
        }
        if trial.asks_for_pause {
            let code = trial.transaction.as_ref().and_then(|transaction| transaction.code);
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
