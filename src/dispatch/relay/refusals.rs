//! Refusals at one relay: whose fault they are.
//!
//! No answer that a relay gives to everybody may end a delivery. What a reply says is not enough to know: so a refused
//! delivery stays undecided until the relay takes another message (then the refusal was the recipient's), refuses several
//! domains with the same answer, or many whatever its words (then it is the relay's), or has nothing else to show.
//!
//! The deliveries that an unhealthy relay refused are its victims. They go to another relay, or back to the queue; the probe
//! uses others. If the relay soon takes one of those, it never refused everybody: a victim that it refuses again is refused as
//! a recipient, unless a limit may be the reason: see [`crate::dispatch::relay::patterns`]. That no answer comes is an answer like
//! another, and one that no recipient gives. If it took mail once and now takes nothing from anybody, nobody knows whose fault that is: a victim that meets
//! the probe again, since nothing else is left, goes by its own schedule.

mod judge;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::dispatch::recorder::claims::Avoid;
use crate::dispatch::recorder::job::Job;
use crate::dispatch::recorder::settlement::Trial;
use crate::dispatch::relay::Trouble;
use crate::dispatch::relay::patterns::{Answer, LOOK, LOOKS, Patterns, Reading};

/// Domains that a relay must refuse with one answer, and nothing taken in between, before that is its own fault.
const DOMAINS: usize = 3;

/// The same for addresses that do not exist, since a list may be full of them, and for refusals in different words.
const MANY_DOMAINS: usize = 10;

/// Deliveries that a relay must refuse because of us, or refusals of one, before that is its own fault.
const REFUSALS: usize = 3;

/// Deliveries in a row whose answers to the final dot are lost before that is the relay's fault: each leaves a message that may
/// arrive twice. One alone says nothing about the relay, however often it is tried.
const LOST: usize = 2;

/// Deliveries remembered; beyond that, only those are whose own fault it was.
const REMEMBERED: usize = 10_000;

/// Answers remembered at a time.
const ANSWERS: usize = 100;

/// Undecided deliveries at a time; beyond it, the oldest is the recipient's fault.
const UNDECIDED: usize = 256;

/// How long a delivery stays undecided at most: a slow relay takes a while to show what it does with others.
const LONGEST: Duration = Duration::from_secs(60);

/// How long refusals in unknown words are compared before one is decided.
const MOMENT: Duration = Duration::from_secs(1);

/// Domains and notices of victims that a probe avoids.
const AVOIDED: usize = 100;

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
    /// When it is tried again, if its refusal seems to be its recipient's and may be a limit's.
    look_at: Option<Instant>,
    /// Another delivery was taken since it was refused.
    pub cleared: bool,
}

impl Undecided {
    /// True if no server answered it.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        self.trial.transaction.as_ref().is_some_and(|transaction| transaction.attempt.code.is_none())
    }
}

/// Whose fault the refusal of a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is not clear yet.
    Undecided,
    /// The relay's: the delivery waits this long, untried.
    Relay(Duration),
    /// The recipient's: others were taken since it was first refused.
    Recipient,
    /// Nobody knows: it was refused again, and nothing was taken in between. It waits this long, if it is not tried by its own
    /// schedule.
    Unknown(Duration),
    /// It is the recipient's or a limit's: it is tried again.
    Look,
    /// The relay's limit.
    Limit,
}

/// What the relay refused since it last took a message, and what it refused because of us.
#[derive(Default)]
pub struct Refusals {
    /// Messages taken so far.
    taken: u64,
    /// Domains by answer.
    answers: BTreeMap<String, BTreeSet<String>>,
    /// Domains refused, whatever the words.
    refused: BTreeSet<String>,
    undecided: Vec<Undecided>,
    /// What a probe avoids while the relay is unhealthy.
    avoided: Avoid,
    /// Deliveries refused because of us, and how often.
    ours: BTreeMap<Uuid, usize>,
    /// The last such refusal, until the relay takes a message.
    unresolved: Option<Trouble>,
    /// Deliveries that were refused.
    known: HashMap<Uuid, Known>,
    /// What its answers mean.
    patterns: Patterns,
    /// Deliveries whose answers to the final dot were lost since it last took a message.
    lost: Vec<Uuid>,
}

/// A delivery that the relay refused.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// It was refused because of us, or left to other relays: one of them may take it.
    ours: bool,
    /// How often it was refused because of us.
    times: usize,
    /// How often the answer to its final dot was lost.
    lost: usize,
    /// Others passed meanwhile: it says nothing about the relay.
    own: bool,
    /// It was refused while the relay seemed to refuse everybody: how many messages it had taken by then.
    victim: Option<u64>,
    /// What it was answered last, if that is a refusal that a limit may be the reason of.
    answer: Option<Answer>,
    /// How often it met that while others were taken.
    looks: u32,
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
    pub fn taken(&mut self, delivery: Uuid) -> Vec<Undecided> {
        if let Some(answer) = self.known.get_mut(&delivery).and_then(|known| known.answer.take()) {
            self.patterns.passed(answer);
        }
        self.taken += 1;
        self.lost.clear();
        self.answers.clear();
        self.refused.clear();
        self.ours.clear();
        self.unresolved = None;
        self.avoided = Avoid::default();
        std::mem::take(&mut self.undecided).into_iter().filter_map(|it| self.clear(it)).collect()
    }

    /// Decides about a refused delivery after another was taken. That one may have been under way when this was refused: the
    /// refusals of a moment are compared first.
    fn clear(&mut self, mut undecided: Undecided) -> Option<Undecided> {
        let answer = self.known.get(&undecided.job.to.id).and_then(|known| known.answer);
        let is_single = answer.is_some_and(|answer| self.patterns.reading(answer) == Reading::Single);
        if is_single && undecided.since.elapsed() < MOMENT {
            undecided.cleared = true;
            self.undecided.push(undecided);
            return None;
        }
        self.look(undecided)
    }

    /// Decides about a delivery whose refusal seems to be its recipient's; `None` if it is to be tried again.
    pub fn look(&mut self, mut undecided: Undecided) -> Option<Undecided> {
        if undecided.look_at.is_none() {
            match self.meets_again(undecided.job.to.id) {
                Judgement::Look => undecided.look_at = Some(Instant::now() + self.wait(undecided.job.to.id)),
                Judgement::Limit => undecided.look_at = Some(Instant::now()),
                _ => return Some(undecided),
            }
        }
        // What is dropped returns to the queue at once.
        if self.undecided.len() < UNDECIDED {
            self.undecided.push(undecided);
        }
        None
    }

    /// Whose fault it is that a delivery was refused while others were taken.
    fn meets_again(&mut self, delivery: Uuid) -> Judgement {
        let Some(answer) = self.known.get(&delivery).and_then(|known| known.answer) else {
            return Judgement::Recipient;
        };
        match self.patterns.reading(answer) {
            Reading::Single | Reading::Recipients => Judgement::Recipient,
            Reading::Limit => Judgement::Limit,
            Reading::Suspect => {
                let known = self.know(delivery);
                known.looks += 1;
                if known.looks < LOOKS {
                    return Judgement::Look;
                }
                self.patterns.stood(answer);
                Judgement::Recipient
            }
        }
    }

    fn wait(&self, delivery: Uuid) -> Duration {
        LOOK * self.known.get(&delivery).map_or(1, |known| known.looks)
    }

    /// Records the answer to a delivery. Returns true if the relay gives it to everybody.
    fn is_for_everybody(&mut self, gist: String, domain: &str, dead: bool) -> bool {
        if self.answers.len() >= ANSWERS && !self.answers.contains_key(&gist) {
            self.answers.clear();
        }
        let domains = self.answers.entry(gist).or_default();
        let most = if dead { MANY_DOMAINS } else { DOMAINS };
        for (domains, most) in [(&mut *domains, most), (&mut self.refused, MANY_DOMAINS)] {
            if domains.len() < most {
                domains.insert(domain.to_owned());
            }
        }
        domains.len() >= most || self.refused.len() >= MANY_DOMAINS
    }

    /// True if the relay has refused several domains since it last took a message.
    fn refuses_several(&self) -> bool {
        self.refused.len() >= DOMAINS
    }

    /// Forgets the victims: the relay did refuse everybody.
    pub fn forget_victims(&mut self) {
        self.known.values_mut().for_each(|known| known.victim = None);
        self.known.retain(|_, known| known.ours || known.lost > 0);
    }

    /// Remembers a victim of the relay.
    fn remember(&mut self, delivery: Uuid, notice: Uuid, domain: &str) {
        let taken = self.taken;
        self.know(delivery).victim.get_or_insert(taken);
        if self.avoided.notices.len() < AVOIDED {
            self.avoided.notices.insert(notice);
        }
        if self.avoided.domains.len() < AVOIDED {
            self.avoided.domains.insert(domain.to_owned());
        }
    }

    /// Keeps a refused delivery undecided. Returns one that can wait no longer.
    pub fn keep(&mut self, mut job: Job, trial: Box<Trial>, look: bool) -> Option<Undecided> {
        // The reply was clear, or the final dot was not sent: the server does not have the message.
        *job.in_doubt.get_mut() = false;
        let now = Instant::now();
        let look_at = look.then(|| now + self.wait(job.to.id));
        self.undecided.push(Undecided { job, trial, since: now, look_at, cleared: false });
        (self.undecided.len() > UNDECIDED).then(|| self.undecided.remove(0))
    }

    /// How many deliveries are undecided.
    pub fn undecided(&self) -> usize {
        self.undecided.len()
    }

    /// Lets the undecided deliveries wait from now on.
    pub fn wait_longer(&mut self) {
        self.undecided.iter_mut().for_each(|it| it.since = Instant::now());
    }

    /// All undecided deliveries.
    pub fn give_up(&mut self) -> Vec<Undecided> {
        std::mem::take(&mut self.undecided)
    }

    /// The deliveries that have been undecided for too long.
    pub fn overdue(&mut self) -> Vec<Undecided> {
        self.undecided.extract_if(.., |it| it.look_at.is_none() && it.since.elapsed() > LONGEST).collect()
    }

    /// The deliveries that are to be tried again now.
    pub fn due(&mut self) -> Vec<Undecided> {
        let now = Instant::now();
        self.undecided.extract_if(.., |it| it.look_at.is_some_and(|at| at <= now)).collect()
    }

    fn know(&mut self, delivery: Uuid) -> &mut Known {
        if self.known.len() >= REMEMBERED && !self.known.contains_key(&delivery) {
            self.known.retain(|_, known| known.own);
            if self.known.len() >= REMEMBERED {
                self.known.clear();
            }
        }
        self.known.entry(delivery).or_default()
    }

    /// Records that a delivery was refused because of us. `open` says that the relay is known to be unhealthy.
    pub fn refused_us(&mut self, delivery: Uuid, open: bool) -> Whose {
        let known = self.know(delivery);
        known.ours = true;
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
            self.know(delivery).own = true;
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
        self.known.get(&delivery).is_some_and(|known| known.ours)
    }

    /// True if the answer to a delivery's final dot was lost more than once.
    fn loses(&self, delivery: Uuid) -> bool {
        self.known.get(&delivery).is_some_and(|known| known.lost > 1)
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
        refusals.taken(Uuid::nil());
        assert!(!refusals.is_for_everybody("550 no".to_owned(), "d.example", false), "it took a message in between");
        refusals.taken(Uuid::nil());
        let mut dead = |n: usize| refusals.is_for_everybody("550 5.1.1 no".to_owned(), &format!("d{n}.example"), true);
        assert_eq!((0..10).filter(|n| dead(*n)).count(), 1, "dead addresses are often many");
        refusals.taken(Uuid::nil());
        let mut words = |n: usize| refusals.is_for_everybody(format!("550 words {n}"), &format!("d{n}.example"), false);
        assert_eq!((0..10).filter(|n| words(*n)).count(), 1, "whatever the words");
    }

    #[test]
    fn a_delivery_that_is_refused_while_others_pass_is_not_the_relays_fault() {
        let (mut refusals, odd) = (Refusals::default(), Uuid::from_u128(1));
        let mut came = Vec::new();
        for _ in 0..4 {
            came.push(refusals.refused_us(odd, false));
            refusals.taken(Uuid::nil());
        }
        let unclear = |first| Whose::Unclear { first };
        assert_eq!(came, [unclear(true), unclear(false), Whose::Delivery, Whose::Delivery]);
        let mut alone = Refusals::default();
        let came: Vec<_> = (0..3).map(|_| alone.refused_us(odd, false)).collect();
        assert_eq!(came, [unclear(true), unclear(false), Whose::Relay], "nothing was taken in between");
    }
}
