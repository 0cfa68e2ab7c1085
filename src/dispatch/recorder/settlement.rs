//! From a trial on the wire to what is recorded: the outcome, the time of the next attempt, and the ledger's entry.

use std::time::Duration;

use jiff::Timestamp;

use crate::config::Retry;
use crate::domain::category::Class;
use crate::domain::clock::{from_millis, millis};
use crate::domain::delivery::{Level, Outcome, Reason, State};
use crate::domain::entry::{Detail, Entry, Event, Fact, Person};
use crate::domain::preference::{Permission, permission};
use crate::domain::random::Random;
use crate::mail::compose::composer::{Composed, Composer};
use crate::mail::compose::message::message_id;
use crate::store::notices::Kept;
use crate::store::sending::claims::Claimed;
use crate::store::sending::deliveries::ToSend;
use crate::store::sending::leases::Stale;
use crate::store::sending::recipients::Recipient;
use crate::store::sending::settle::{Attempt, Settlement};

/// The result of trying a delivery.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The outcome; a deferral may turn out to be the last one.
    pub outcome: Outcome,
    /// The reply, or why there was none.
    pub reply: Option<String>,
    /// Why a rejected message was not sent, if no server refused it.
    pub reason: Option<Reason>,
    /// The transaction, if there was one.
    pub transaction: Option<Transaction>,
    /// Mark the address as dead.
    pub dead: bool,
    /// The recipient's domain asks for fewer messages.
    pub asks_for_pause: bool,
    /// How many messages the servers may have, if the outcome is uncertain and a relay was tried.
    pub copies: usize,
}

/// A transaction that used up an attempt.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// The attempt, as it is recorded.
    pub attempt: Attempt,
    /// The envelope sender.
    pub envelope_sender: String,
    /// The message.
    pub composed: Composed,
}

impl Trial {
    /// The trial of a delivery that was not tried.
    #[must_use]
    pub const fn untried(outcome: Outcome) -> Self {
        Self { outcome, reply: None, reason: None, transaction: None, dead: false, asks_for_pause: false, copies: 0 }
    }

    /// The trial of a delivery whose message cannot be sent.
    #[must_use]
    pub fn not_sent(reason: Reason) -> Self {
        Self { reason: Some(reason), ..Self::untried(Outcome::Rejected) }
    }

    /// This trial, if nobody knows whether the recipient or the relay refuses: another follows by the schedule.
    #[must_use]
    pub fn by_schedule(self) -> Self {
        Self { outcome: Outcome::Deferred, dead: false, ..self }
    }
}

/// How often a message is sent again whose answer is lost each time.
pub const MOST_COPIES: usize = 3;

/// The wait before the next attempt: the step of the schedule for this attempt (the last one repeats), with 20 % jitter.
#[must_use]
pub fn back_off(retry: &Retry, attempts: u32, random: &Random) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX).min(retry.schedule.len() - 1);
    retry.schedule[index].mul_f64(random.jitter(0.2))
}

/// What to record for a claimed delivery after this trial.
#[must_use]
pub fn settlement(
    retry: &Retry,
    random: &Random,
    at: Timestamp,
    (claimed, sending, to): (&Claimed, &Composer, &ToSend),
    trial: Trial,
) -> Settlement {
    let attempts = claimed.attempts + u32::from(trial.transaction.is_some());
    let (outcome, mut again) = next(retry, random, at, claimed, sending, to, trial.outcome, attempts);
    if outcome == Outcome::Uncertain && trial.copies >= MOST_COPIES {
        // Nobody is to find many copies of a notice: an operator decides.
        again = None;
    }
    let dead = trial.dead.then(|| to.email.clone());
    let parts = (claimed.token, attempts, &sending.kept, to.recipient());
    let mut settlement = recorded(random, at, parts, Trial { outcome, ..trial });
    // Repeated deferrals are one fact: the first is recorded, `attempts` has them all.
    if outcome == Outcome::Deferred && to.state == State::Deferred && settlement.message.is_none() {
        settlement.entry = None;
    }
    Settlement { again, dead, first_at: dated(&settlement, Some(claimed.first_at)), ..settlement }
}

/// What to record for a claim whose dispatcher is gone: whether its message was accepted is unknown. That is not the
/// recipient's fault, and a mandatory notice is sent again at once; how long it has waited still counts. It needs only the notice's row: another version may have
/// sent what this version cannot.
#[must_use]
pub fn doubt(random: &Random, at: Timestamp, (stale, notice, recipient): (&Stale, &Kept, Recipient)) -> Settlement {
    let why = "the dispatcher stopped while it held this delivery".to_owned();
    let trial = Trial { reply: Some(why), ..Trial::untried(Outcome::Uncertain) };
    let again = (notice.category.class() == Class::Mandatory).then_some((at, stale.waited));
    let settlement = recorded(random, at, (stale.token, stale.attempts, notice, recipient), trial);
    Settlement { again, first_at: dated(&settlement, stale.first_at), ..settlement }
}

/// The date to keep of a delivery that may have been sent, if no entry has its message.
fn dated(settlement: &Settlement, first_at: Option<Timestamp>) -> Option<Timestamp> {
    first_at.filter(|_| settlement.outcome == Outcome::Uncertain && settlement.attempts == 0)
}

/// The most of a reply that is kept, in bytes: it stands in the delivery, the attempt and the ledger. RFC 5321 section
/// 4.5.3.1.5 allows 512 for a line.
const REPLY: usize = 2048;

/// The beginning of a reply, marked as such if there is more.
fn shortened(reply: &str) -> String {
    const MARK: &str = " [...]";
    if reply.len() <= REPLY {
        return reply.to_owned();
    }
    reply[..reply.floor_char_boundary(REPLY - MARK.len())].to_owned() + MARK
}

/// What to record of a trial with this final outcome, under the claim's token and with this number of attempts.
fn recorded(
    random: &Random,
    at: Timestamp,
    (token, attempts, notice, recipient): (i64, u32, &Kept, Recipient),
    mut trial: Trial,
) -> Settlement {
    // PostgreSQL refuses text with a NUL: a reply must not block the recording of everything else.
    trial.reply = trial.reply.map(|reply| shortened(&reply.replace('\0', "\u{fffd}")));
    let (outcome, delivery_id) = (trial.outcome, recipient.id);
    let level = (outcome == Outcome::Accepted).then_some(Level::Relayed);
    let attempt = trial.transaction.as_ref().map(|transaction| transaction.attempt.clone());
    let code = attempt.as_ref().and_then(|attempt| attempt.code);
    let fact = Fact {
        ordinal: Some(recipient.ordinal),
        level,
        attempt: attempt.as_ref().map(|attempt| attempt.number),
        status_class: code.and_then(|code| u8::try_from(code / 100).ok()),
        detail: trial.reason.map_or(Detail::None, Detail::NotSent),
        ..notice.fact(Event::from(outcome), at)
    };
    let entry = Entry::new(&fact, Some(&person(notice, recipient, &trial)), random);
    Settlement {
        delivery_id,
        notice_id: notice.id,
        token,
        outcome,
        level,
        at,
        again: None,
        attempt,
        attempts,
        message: trial.transaction.and_then(|transaction| transaction.composed.keep),
        entry: Some(entry),
        first_at: None,
        dead: None,
        reply: trial.reply,
        reason: trial.reason,
    }
}

/// The final outcome, and when the next attempt is due with the back-off until then.
#[expect(clippy::too_many_arguments, reason = "private, and each is a different thing")]
fn next(
    retry: &Retry,
    random: &Random,
    at: Timestamp,
    claimed: &Claimed,
    sending: &Composer,
    to: &ToSend,
    outcome: Outcome,
    attempts: u32,
) -> (Outcome, Option<(Timestamp, i64)>) {
    let wait = millis(back_off(retry, attempts, random));
    let waited = claimed.waited.saturating_add(wait);
    let again = Some((from_millis(at.as_millisecond().saturating_add(wait)), waited));
    let patient = waited <= millis(retry.give_up_after);
    match outcome {
        Outcome::Deferred => {
            let once = permission(sending.class(), to.opted_out, to.suppression) == Permission::SendOnce;
            if once || !patient { (Outcome::Expired, None) } else { (Outcome::Deferred, again) }
        }
        // A mandatory notice is sent again, though not for ever; for an optional one an operator decides.
        Outcome::Uncertain if sending.class() == Class::Mandatory && patient => (Outcome::Uncertain, again),
        other => (other, None),
    }
}

fn person(notice: &Kept, recipient: Recipient, trial: &Trial) -> Person {
    let delivery_id = recipient.id;
    let mut person = recipient.into_person();
    person.reply = trial.reply.clone().unwrap_or_default();
    if let Some(transaction) = &trial.transaction {
        person.sha256 = Some(transaction.composed.sha256);
        person.message_id = message_id(delivery_id, &notice.message_domain);
        person.envelope_sender.clone_from(&transaction.envelope_sender);
        person.relay.clone_from(&transaction.attempt.relay);
        person.host.clone_from(&transaction.attempt.host);
        person.tls.clone_from(&transaction.attempt.tls);
    }
    person
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_of_the_schedule_repeats_with_jitter() {
        let (retry, random) = (Retry::default(), Random::seeded(3));
        for (attempts, minutes) in [(1, 1.0), (2, 5.0), (5, 60.0), (50, 60.0)] {
            let wait = back_off(&retry, attempts, &random).as_secs_f64() / 60.0;
            assert!((minutes * 0.8..=minutes * 1.2).contains(&wait), "attempt {attempts}: {wait} minutes");
        }
        let waits: Vec<_> = (0..20).map(|_| back_off(&retry, 5, &random)).collect();
        assert!(waits.iter().any(|wait| *wait != waits[0]));
    }

    #[test]
    fn a_long_reply_is_stored_up_to_two_kilobytes() {
        let whole = "450 4.2.0 ".to_owned() + &"å".repeat(1019);
        assert_eq!(whole.len(), REPLY);
        assert_eq!(shortened(&whole), whole);
        // The end falls within a letter of two bytes.
        for more in ["x", "xy", &"å".repeat(32_000)] {
            let cut = shortened(&format!("{whole}{more}"));
            let (begin, mark) = cut.split_at(cut.len() - 6);
            assert!(cut.len() <= REPLY && cut.len() > REPLY - 2, "{}", cut.len());
            assert!(whole.starts_with(begin) && mark == " [...]");
        }
    }
}
