//! What a relay decides about its refusals: whose fault each is, and which deliveries wait for what.

use tokio::time::Instant;
use uuid::Uuid;

use super::{Judgement, LOST, Refusal, Undecided, VICTIM_WAIT, Whose};
use crate::dispatch::recorder::claims::Avoid;
use crate::dispatch::recorder::job::Job;
use crate::dispatch::recorder::settlement::Trial;
use crate::dispatch::relay::patterns::{Answer, Reading};
use crate::dispatch::relay::{Relay, Trouble};
use crate::domain::delivery::Outcome;
use crate::domain::reply::{Failure, Stage, for_logs};
use crate::mail::smtp::Failed;

fn key(job: &Job) -> (Uuid, Uuid, String) {
    (job.to.id, job.sending.kept.id, job.claimed.domain.clone())
}

impl Relay {
    /// Records that the relay accepted a message for a recipient at `domain`. Returns the deliveries whose refusals were their
    /// recipients' fault.
    #[must_use]
    pub fn accepted(&self, delivery: Uuid, domain: &str) -> Vec<Undecided> {
        self.tokens.took(domain);
        self.refusals().taken(delivery)
    }

    /// Judges the refusal of a delivery. If the relay refuses everybody so, its circuit opens, and all undecided deliveries are
    /// its victims: see [`Self::take_undecided`].
    pub fn judge(&self, job: &Job, failed: &Failed, trial: &Trial, probing: bool) -> Judgement {
        let (id, domain, gist) = (job.to.id, &job.claimed.domain, failed.failure.gist(job.to.email.as_str()));
        // No recipient's domain ends our connection: each delivery that it ends for counts.
        let who = if matches!(failed.failure, Failure::Replied(_)) { domain.clone() } else { id.to_string() };
        let unhealthy = self.trouble().is_some_and(|trouble| trouble.stage > Stage::Mail);
        let mut refusals = self.refusals();
        if trial.outcome == Outcome::Rejected && !trial.dead {
            let answer = Answer::of(&gist);
            refusals.patterns.met(answer, id, Instant::now());
            refusals.know(id).answer = Some(answer);
        }
        let refused_before = refusals.known.get(&id).and_then(|known| known.victim);
        let was_looked_at = refusals.known.get(&id).is_some_and(|known| known.looks > 0 && known.answer.is_some());
        if refused_before.is_some_and(|taken| taken < refusals.taken) || (was_looked_at && !unhealthy) {
            // Others were taken since it was first refused.
            refusals.know(id).victim = None;
            return refusals.meets_again(id);
        }
        if !refusals.is_for_everybody(gist, &who, trial.dead) && !unhealthy {
            let known = refusals.known.get(&id).and_then(|known| known.answer);
            let is_limit = known.is_some_and(|answer| refusals.patterns.reading(answer) == Reading::Limit);
            return if is_limit { Judgement::Limit } else { Judgement::Undecided };
        }
        let victims: Vec<_> = refusals.undecided.iter().map(|it| key(&it.job)).collect();
        for (delivery, notice, domain) in victims.into_iter().chain([key(job)]) {
            refusals.remember(delivery, notice, &domain);
        }
        let is_known = refused_before.is_some() && refusals.taken > 0;
        drop(refusals);
        let wait = self.is_down(failed, probing);
        if is_known && probing { Judgement::Unknown(wait) } else { Judgement::Relay(wait) }
    }

    /// What a probe avoids: what the relay refused since it last took a message.
    #[must_use]
    pub fn avoided(&self) -> Avoid {
        self.refusals().avoided.clone()
    }

    /// True if it has taken a message in this run.
    #[must_use]
    pub fn has_taken(&self) -> bool {
        self.refusals().taken > 0
    }

    /// True if nothing was taken since it refused several domains: then even an answer that names the address proves nothing.
    #[must_use]
    pub fn refuses_several(&self) -> bool {
        self.refusals().refuses_several()
    }

    /// Keeps a refused delivery until it is clear whose fault that is, or until it is tried again if its refusal is to be looked
    /// at again. Returns one that can wait no longer.
    #[must_use]
    pub fn keep_undecided(&self, job: Job, trial: Box<Trial>, look: bool) -> Option<Undecided> {
        let mut refusals = self.refusals();
        let late = refusals.keep(job, trial, look)?;
        refusals.look(late)
    }

    /// Decides about an undecided delivery with nothing to compare it with; `None` if it is to be tried again.
    #[must_use]
    pub fn look(&self, undecided: Undecided) -> Option<Undecided> {
        self.refusals().look(undecided)
    }

    /// Takes the deliveries that are to be tried again now.
    #[must_use]
    pub fn take_due(&self) -> Vec<Undecided> {
        self.refusals().due()
    }

    /// Records that the answer to the final dot of a delivery was lost: the second delivery in a row is the relay's failure. One
    /// that meets it again is better left to another relay, see [`Relay::loses`].
    pub fn lost(&self, delivery: Uuid, failed: &Failed, probing: bool) {
        let many = {
            let mut refusals = self.refusals();
            refusals.know(delivery).lost += 1;
            if refusals.lost.len() < LOST && !refusals.lost.contains(&delivery) {
                refusals.lost.push(delivery);
            }
            refusals.lost.len() >= LOST
        };
        if many || self.trouble().is_some() {
            self.is_down(failed, probing);
        }
    }

    /// Remembers that it refused a delivery which another relay may take.
    pub fn leave_to_others(&self, delivery: Uuid) {
        self.refusals().know(delivery).ours = true;
    }

    /// How many deliveries are undecided.
    #[must_use]
    pub fn undecided(&self) -> usize {
        self.refusals().undecided()
    }

    /// Lets the undecided deliveries wait from now on: for a while nothing could show whose fault their refusals are.
    pub fn wait_longer(&self) {
        self.refusals().wait_longer();
    }

    /// Takes all undecided deliveries.
    #[must_use]
    pub fn take_undecided(&self) -> Vec<Undecided> {
        self.refusals().give_up()
    }

    /// Takes the deliveries that have been undecided for too long.
    #[must_use]
    pub fn take_overdue(&self) -> Vec<Undecided> {
        self.refusals().overdue()
    }

    /// Records that the relay refused us for a delivery: decides whose fault that is, and what becomes of the delivery.
    pub fn refused_us(&self, delivery: Uuid, failed: &Failed, probing: bool) -> Refusal {
        let open = self.trouble().is_some();
        let whose = {
            let mut refusals = self.refusals();
            refusals.unresolved = Some(Trouble::of(failed));
            refusals.refused_us(delivery, open)
        };
        match whose {
            Whose::Delivery => Refusal::Own,
            Whose::Relay => Refusal::Waits(self.is_down(failed, probing).max(VICTIM_WAIT)),
            Whose::Unclear { first } => {
                if first {
                    let (relay, text) = (&self.config.name, for_logs(&failed.failure.text()));
                    tracing::warn!(relay, %delivery, "the relay refuses us for a delivery, retrying: {text}");
                }
                Refusal::Waits(VICTIM_WAIT)
            }
        }
    }

    /// What keeps deliveries from being sent through it: its failure, or that it refused us and took nothing since.
    #[must_use]
    pub fn objection(&self) -> Option<Trouble> {
        self.trouble().or_else(|| self.refusals().unresolved.clone())
    }

    /// True if it is healthy and has not refused this delivery.
    #[must_use]
    pub fn may_take(&self, delivery: Uuid) -> bool {
        self.trouble().is_none() && !self.refuses(delivery)
    }

    /// True if it has refused us for a delivery: another relay may not.
    #[must_use]
    pub fn refuses(&self, delivery: Uuid) -> bool {
        self.refusals().knows(delivery)
    }

    /// True if it lost the answer to a delivery's final dot more than once. It does not refuse that delivery: it may have taken it.
    #[must_use]
    pub fn loses(&self, delivery: Uuid) -> bool {
        self.refusals().loses(delivery)
    }
}
