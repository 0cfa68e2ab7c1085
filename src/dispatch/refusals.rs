//! Refusals at one relay: whose fault they are.
//!
//! No answer that a relay gives to everybody may end a delivery. What a reply says is not enough to know: so a refused
//! delivery stays undecided until the relay takes another message (then the refusal was the recipient's), refuses several
//! domains with the same answer (then it is the relay's), or has nothing else to show.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::job::Job;
use super::outcome::Trial;
use super::relay::{Reached, Relay};
use crate::domain::reply::{Failure, Stage, for_logs};
use crate::mail::smtp::Failed;

/// Domains that a relay must refuse with one answer, and nothing taken in between, before that is its own fault.
const DOMAINS: usize = 3;

/// The same for addresses that do not exist: a list may be full of them.
const DOMAINS_OF_THE_DEAD: usize = 10;

/// Deliveries that a relay must refuse because of us, or refusals of one, before that is its own fault.
const REFUSALS: usize = 3;

/// Deliveries remembered for that; beyond it, those that have others to blame are forgotten.
const REMEMBERED: usize = 1000;

/// Answers remembered at a time.
const ANSWERS: usize = 100;

/// Undecided deliveries at a time; beyond it, the oldest is the recipient's fault.
const UNDECIDED: usize = 64;

/// How long a delivery stays undecided at most.
const LONGEST: Duration = Duration::from_secs(10);

/// The shortest wait of a delivery for which we were refused: long enough for others to show whether they are refused too.
pub const VICTIM_WAIT: Duration = Duration::from_secs(10);

/// What follows when the relay refuses us for a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The delivery waits this long, untried.
    Waits(Duration),
    /// The delivery's own fault: the refusal counts.
    Own,
}

/// A refused delivery that may be the relay's fault.
pub struct Undecided {
    /// The delivery.
    pub job: Job,
    /// What to record if the refusal is the recipient's fault.
    pub trial: Box<Trial>,
    since: Instant,
}

/// What the relay refused since it last took a message, and what it refused because of us.
#[derive(Default)]
pub struct Refusals {
    /// Domains by answer.
    answers: BTreeMap<String, BTreeSet<String>>,
    undecided: Vec<Undecided>,
    /// Deliveries refused because of us, and how often.
    ours: BTreeMap<Uuid, usize>,
    /// Deliveries that were ever refused because of us.
    known: HashMap<Uuid, Known>,
}

/// A delivery that the relay refused because of us.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    times: usize,
    /// Others passed meanwhile: it says nothing about the relay.
    own: bool,
}

/// Whose fault a refusal because of us is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// It is not clear yet; `first` for the first refusal of this delivery.
    Unclear {
        /// The first refusal of this delivery.
        first: bool,
    },
    /// The relay's.
    Relay,
    /// This delivery's: others pass.
    Delivery,
}

impl Refusals {
    /// The relay took a message: returns the deliveries whose refusals were the recipients' fault.
    pub fn taken(&mut self) -> Vec<Undecided> {
        self.answers.clear();
        self.ours.clear();
        std::mem::take(&mut self.undecided)
    }

    /// Records the answer to a delivery. Returns true if the relay gives it to everybody.
    pub fn is_for_everybody(&mut self, gist: String, domain: &str, dead: bool) -> bool {
        if self.answers.len() >= ANSWERS && !self.answers.contains_key(&gist) {
            self.answers.clear();
        }
        let domains = self.answers.entry(gist).or_default();
        let most = if dead { DOMAINS_OF_THE_DEAD } else { DOMAINS };
        if domains.len() < most {
            domains.insert(domain.to_owned());
        }
        domains.len() >= most
    }

    /// Keeps a refused delivery undecided. Returns one that can wait no longer.
    pub fn keep(&mut self, mut job: Job, trial: Box<Trial>) -> Option<Undecided> {
        // The reply was clear: the server does not have the message.
        *job.in_doubt.get_mut() = false;
        self.undecided.push(Undecided { job, trial, since: Instant::now() });
        (self.undecided.len() > UNDECIDED).then(|| self.undecided.remove(0))
    }

    /// How many deliveries are undecided.
    pub fn undecided(&self) -> usize {
        self.undecided.len()
    }

    /// All undecided deliveries.
    pub fn give_up(&mut self) -> Vec<Undecided> {
        std::mem::take(&mut self.undecided)
    }

    /// The deliveries that have been undecided for too long.
    pub fn overdue(&mut self) -> Vec<Undecided> {
        self.undecided.extract_if(.., |it| it.since.elapsed() > LONGEST).collect()
    }

    /// Records that a delivery was refused because of us. `open` says that the relay is known to be unhealthy.
    pub fn refused_us(&mut self, delivery: Uuid, open: bool) -> Whose {
        if self.known.len() >= REMEMBERED && !self.known.contains_key(&delivery) {
            self.known.retain(|_, known| known.own);
            if self.known.len() >= REMEMBERED {
                self.known.clear();
            }
        }
        let known = self.known.entry(delivery).or_default();
        // While the relay is unhealthy, a refusal says nothing about the delivery.
        if open {
            return Whose::Relay;
        }
        known.times += 1;
        if known.own {
            return Whose::Delivery;
        }
        let Known { times, .. } = *known;
        let since = self.ours.entry(delivery).or_default();
        *since += 1;
        if *since >= REFUSALS || self.ours.len() >= REFUSALS {
            self.forget_refusals();
            return Whose::Relay;
        }
        if times >= REFUSALS {
            self.ours.remove(&delivery);
            self.known.insert(delivery, Known { times, own: true });
            return Whose::Delivery;
        }
        Whose::Unclear { first: times == 1 }
    }

    /// Forgets how often it refused us: what was counted was the relay's fault.
    pub fn forget_refusals(&mut self) {
        for delivery in std::mem::take(&mut self.ours).into_keys() {
            if let Some(known) = self.known.get_mut(&delivery) {
                known.times = 0;
            }
        }
    }

    /// True if the relay refused us for a delivery: another relay may not.
    pub fn knows(&self, delivery: Uuid) -> bool {
        self.known.contains_key(&delivery)
    }
}

impl Relay {
    /// Records that the relay accepted a message. Returns the deliveries whose refusals were their recipients' fault.
    #[must_use]
    pub fn accepted(&self) -> Vec<Undecided> {
        self.reached(Reached::Accepted);
        self.throttle().took(Instant::now());
        self.refusals().taken()
    }

    /// Weighs a refusal of a delivery to `domain`. If the relay refuses everybody so, its circuit opens: returns how long the
    /// delivery waits.
    pub fn weigh(&self, domain: &str, failed: &Failed, dead: bool, probing: bool) -> Option<Duration> {
        let Failure::Replied(reply) = &failed.failure else { return None };
        let for_everybody = self.refusals().is_for_everybody(reply.gist(), domain, dead);
        let unhealthy = self.trouble().is_some_and(|trouble| trouble.stage > Stage::Mail);
        (for_everybody || unhealthy).then(|| self.is_down(failed, probing))
    }

    /// Keeps a refused delivery until it is clear whose fault that is. Returns one that can wait no longer.
    #[must_use]
    pub fn keep_undecided(&self, job: Job, trial: Box<Trial>) -> Option<Undecided> {
        self.refusals().keep(job, trial)
    }

    /// How many deliveries are undecided.
    #[must_use]
    pub fn undecided(&self) -> usize {
        self.refusals().undecided()
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
        let whose = self.refusals().refused_us(delivery, open);
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

    /// True if it has refused us for a delivery: another relay may not.
    #[must_use]
    pub fn refuses(&self, delivery: Uuid) -> bool {
        self.refusals().knows(delivery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_three_domains_in_a_row_is_the_relays() {
        let mut refusals = Refusals::default();
        let mut hear = |gist: &str, domain: &str, dead| refusals.is_for_everybody(gist.to_owned(), domain, dead);
        assert!(!hear("550 no", "a.example", false));
        assert!(!hear("550 no", "a.example", false), "one domain may refuse as often as it likes");
        assert!(!hear("550 no", "b.example", false));
        assert!(!hear("550 other", "c.example", false));
        assert!(hear("550 no", "c.example", false));
        refusals.taken();
        assert!(!refusals.is_for_everybody("550 no".to_owned(), "d.example", false), "it took a message in between");
        let mut dead = |n: usize| refusals.is_for_everybody("550 5.1.1 no".to_owned(), &format!("d{n}.example"), true);
        assert_eq!((0..10).filter(|n| dead(*n)).count(), 1, "dead addresses are often many");
    }

    #[test]
    fn a_delivery_that_is_refused_while_others_pass_is_not_the_relays_fault() {
        let (mut refusals, odd) = (Refusals::default(), Uuid::from_u128(1));
        let mut came = Vec::new();
        for _ in 0..4 {
            came.push(refusals.refused_us(odd, false));
            refusals.taken();
        }
        let unclear = |first| Whose::Unclear { first };
        assert_eq!(came, [unclear(true), unclear(false), Whose::Delivery, Whose::Delivery]);
        let mut alone = Refusals::default();
        let came: Vec<_> = (0..3).map(|_| alone.refused_us(odd, false)).collect();
        assert_eq!(came, [unclear(true), unclear(false), Whose::Relay], "nothing was taken in between");
    }
}
