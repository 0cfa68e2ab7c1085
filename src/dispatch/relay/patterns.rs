//! Answers that a relay gives for several deliveries while it takes mail in between, be they to many domains or to one. They come from a
//! limiter that refuses what is above its rate, or from a list with many bad addresses: only another look shows which. So a delivery
//! that met such an answer is tried again a few times, some seconds apart. If one of them passes, the answer is a limit, and the relay
//! is slowed down whenever it comes. If several were refused at every look, it is about the recipients, or their domain.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

/// Deliveries that must have met an answer before it is looked at again.
const DELIVERIES: usize = 3;

/// How often a delivery must meet it before the refusal is its recipient's.
pub const LOOKS: u32 = 3;

/// The wait before the second look; it grows with each.
pub const LOOK: Duration = Duration::from_secs(2);

/// Deliveries that were refused at every look, and none that passed, before an answer is about recipients.
const STOOD: u32 = 3;

/// An answer that was not given for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// Answers remembered at a time.
const ANSWERS: usize = 1000;

/// An answer, by its gist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answer(u64);

impl Answer {
    /// The answer with this gist.
    #[must_use]
    pub fn of(gist: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        gist.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// What an answer means, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Few deliveries met it: a refusal is its recipient's.
    Single,
    /// Several deliveries met it: a refusal is looked at again.
    Suspect,
    /// A delivery that met it passed later: it is a limit of the relay's.
    Limit,
    /// Several deliveries met it at every look: a refusal is its recipient's.
    Recipients,
}

/// The answers of one relay.
#[derive(Debug, Default)]
pub struct Patterns(HashMap<Answer, Pattern>);

#[derive(Debug)]
struct Pattern {
    deliveries: BTreeSet<Uuid>,
    passed: bool,
    stood: u32,
    met: Instant,
}

impl Patterns {
    /// Records that a delivery met an answer.
    pub fn met(&mut self, answer: Answer, delivery: Uuid, now: Instant) {
        self.0.retain(|_, pattern| now - pattern.met < FORGOTTEN);
        if self.0.len() >= ANSWERS && !self.0.contains_key(&answer) {
            self.0.clear();
        }
        let new = || Pattern { deliveries: BTreeSet::new(), passed: false, stood: 0, met: now };
        let pattern = self.0.entry(answer).or_insert_with(new);
        pattern.met = now;
        if pattern.deliveries.len() < DELIVERIES {
            pattern.deliveries.insert(delivery);
        }
    }

    /// Records that the relay took a delivery which had met an answer.
    pub fn passed(&mut self, answer: Answer) {
        if let Some(pattern) = self.0.get_mut(&answer) {
            pattern.passed = true;
        }
    }

    /// Records that a delivery met an answer at every look.
    pub fn stood(&mut self, answer: Answer) {
        if let Some(pattern) = self.0.get_mut(&answer) {
            pattern.stood += 1;
        }
    }

    /// What an answer means.
    #[must_use]
    pub fn reading(&self, answer: Answer) -> Reading {
        match self.0.get(&answer) {
            Some(pattern) if pattern.passed => Reading::Limit,
            Some(pattern) if pattern.stood >= STOOD => Reading::Recipients,
            Some(pattern) if pattern.deliveries.len() >= DELIVERIES => Reading::Suspect,
            _ => Reading::Single,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn another_look_shows_whether_an_answer_is_a_limit_or_the_recipients() {
        let (mut patterns, answer) = (Patterns::default(), Answer::of("550 no"));
        let now = Instant::now();
        for (delivery, reading) in
            [(1, Reading::Single), (1, Reading::Single), (2, Reading::Single), (3, Reading::Suspect)]
        {
            patterns.met(answer, Uuid::from_u128(delivery), now);
            assert_eq!(patterns.reading(answer), reading);
        }
        assert_eq!(patterns.reading(Answer::of("550 other")), Reading::Single);
        (0..STOOD).for_each(|_| patterns.stood(answer));
        assert_eq!(patterns.reading(answer), Reading::Recipients);
        patterns.passed(answer);
        assert_eq!(patterns.reading(answer), Reading::Limit, "one that passed shows more than many that did not");
        patterns.met(Answer::of("550 other"), Uuid::nil(), now + FORGOTTEN);
        assert_eq!(patterns.reading(answer), Reading::Single, "it was not given for an hour");
    }
}
