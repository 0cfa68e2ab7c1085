//! The outcome of an attempt: what the relay and the domain learn from it, and what the recorder has to do.

use crate::dispatch::Context;
use crate::dispatch::recorder::End;
use crate::dispatch::recorder::job::Job;
use crate::dispatch::recorder::settlement::{Trial, settlement};
use crate::dispatch::relay::Relay;
use crate::dispatch::relay::refusals::Undecided;

impl Context {
    /// Records a trial with its relay and the domain's pace; returns what the recorder has to do.
    pub(in crate::dispatch) fn settle(&self, relay: &Relay, job: &Job, trial: Trial) -> End {
        let (domain, now) = (&job.claimed.domain, self.clock.now());
        if trial.transaction.is_some() {
            relay.tally.count(trial.outcome, now.as_millisecond());
        }
        self.pace.heard(domain, &relay.config.name, &trial, now.as_millisecond(), &self.random);
        let parts = (&job.claimed, &*job.sending, &job.to);
        let settlement = settlement(&self.config.retry, &self.random, now, parts, trial);
        End::Settle { settlement: Box::new(settlement.into()), domain: domain.clone() }
    }

    /// Settles a refused delivery: the refusal is its recipient's.
    pub(in crate::dispatch) fn decide(&self, relay: &Relay, Undecided { job, trial, .. }: Undecided) {
        let end = self.settle(relay, &job, *trial);
        job.end(end);
    }
}
