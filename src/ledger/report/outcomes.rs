//! What became of each recipient, as the entries say, in words that claim no more than they do.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::actor::Action;
use crate::domain::delivery::{Level, Outcome};
use crate::domain::entry::{Detail, Event, Fact, Person};
use crate::domain::evidence::{Evidence, Proven, Subject};

/// A recipient and the last that was recorded of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told<'a> {
    /// Account and address, if the file opens them.
    pub(super) who: Option<(&'a str, &'a str)>,
    pub(super) last: Option<&'a Proven>,
}

/// Every recipient that the file knows of, by ordinal.
pub(super) fn recipients(evidence: &Evidence) -> BTreeMap<u64, Told<'_>> {
    let mut recipients: BTreeMap<u64, Told<'_>> = BTreeMap::new();
    for entry in &evidence.entries {
        let Some(ordinal) = entry.fact.ordinal else { continue };
        let told = recipients.entry(ordinal).or_default();
        if let Some(person) = person(entry) {
            told.who = Some((&person.account_id, &person.address));
        }
        // Entries are in the order they were recorded. An attempt that was under way when the delivery ended changes nothing; what a
        // person found out does.
        let next = entry.fact.event.outcome().filter(|_| !entry.fact.is_finding());
        let outcomes = told.last.and_then(|last| last.fact.event.outcome()).zip(next);
        if !outcomes.is_some_and(|(last, next)| last.state().outlasts(next)) {
            told.last = Some(entry);
        }
    }
    for recipient in &evidence.recipients {
        recipients.entry(recipient.ordinal).or_default().who = Some((&recipient.account_id, &recipient.address));
    }
    recipients
}

/// How many recipients there are by what was last recorded of them.
pub(super) fn counts<'a>(told: impl Iterator<Item = &'a Told<'a>>) -> Vec<(&'static str, usize)> {
    let mut counts: BTreeMap<(Option<Event>, &'static str), usize> = BTreeMap::new();
    for told in told {
        let words = told.last.map_or(NOTHING, |last| said(&last.fact));
        *counts.entry((told.last.map(Proven::event), words)).or_default() += 1;
    }
    counts.into_iter().map(|((_, words), count)| (words, count)).collect()
}

/// Of a recipient without an entry.
pub(super) const NOTHING: &str = "no outcome in the file";

/// The person of an entry, if the file opens it.
pub(super) fn person(entry: &Proven) -> Option<&Person> {
    if let Subject::Person(person) = &entry.subject { Some(person) } else { None }
}

/// True of what a mail server answered, or a report about a message that one took.
pub(super) fn is_answer(fact: &Fact) -> bool {
    use Event::{Accepted, Bounced, Deferred, Delivered, Expired, Rejected, Uncertain};
    matches!(fact.event, Accepted | Deferred | Rejected | Expired | Uncertain | Bounced | Delivered)
        && !fact.is_finding()
        && fact.reason().is_none()
        && !is_unanswered(fact)
}

/// True of an attempt, or the last of several, that no server answered.
fn is_unanswered(fact: &Fact) -> bool {
    matches!(fact.event, Event::Deferred | Event::Expired) && fact.status_class.is_none()
}

/// What happened, in words: what an operator found is told as that, and as no server's answer.
pub(super) fn said(fact: &Fact) -> &'static str {
    if let Some(reason) = fact.reason() {
        return reason.describe();
    }
    if let Detail::Operated { action, .. } = fact.detail {
        return step(action);
    }
    match fact.event.outcome() {
        Some(_) if fact.withdrawn().is_some() => {
            "a finding withdrawn by an operator: the outcome before it counts again"
        }
        Some(outcome) if fact.is_finding() => outcome.state().describe_at(fact.level),
        Some(Outcome::Deferred) if is_unanswered(fact) => "not answered by the mail server",
        _ => phrase(fact.event),
    }
}

/// What an operator did to the notice, in words.
const fn step(action: Action) -> &'static str {
    match action {
        Action::Create => "notice written",
        Action::Edit => "notice edited",
        Action::Submit => "notice submitted for approval",
        Action::Approve => "notice approved",
        Action::Schedule => "release scheduled",
        Action::Release => "notice released",
        _ => "an operator's step",
    }
}

/// What an event is, in words.
fn phrase(event: Event) -> &'static str {
    match event {
        // Whether it was tried again is what later entries say.
        Event::Deferred => "deferred by the mail server",
        Event::Manifest => "audience fixed",
        Event::Resent => "sent again, as an operator decided",
        Event::Reported => "a report came that changed nothing",
        Event::Attested => "stated to have been informed in another way",
        Event::PreferenceChanged => "opt-out set or withdrawn",
        Event::Addressed => "more recipients addressed",
        Event::Closed => "notice closed",
        Event::Restricted => "processing restricted, or no longer",
        Event::Rectified => "address corrected",
        Event::Erased => "person erased",
        Event::Purged => "persons deleted at the end of their retention",
        Event::KeyRotated => "ledger's key exchanged",
        Event::Continued => "sealing resumed",
        Event::Operated => "an operator's step",
        _ => {
            let outcome = Outcome::ALL.iter().find(|outcome| Event::from(**outcome) == event);
            outcome.map_or(event.as_str(), |outcome| outcome.state().describe())
        }
    }
}

/// How strong the evidence is, as it is recorded and in words.
pub(super) fn level(level: Level) -> String {
    format!("{level}: {}", level.describe())
}

/// A time in UTC, for a column that says so.
pub(super) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A time as it is shown in text.
pub(super) fn shown(at: Timestamp) -> String {
    utc(at) + " UTC"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_event_has_words_of_its_own_that_claim_neither_reading_nor_receipt() {
        let phrases: BTreeSet<_> = Event::ALL.iter().map(|event| phrase(*event)).collect();
        assert_eq!(phrases.len(), Event::ALL.len());
        assert!(phrases.iter().all(|phrase| !phrase.contains("received") && !phrase.contains(" read")));
        assert_eq!(phrase(Event::Accepted), "accepted by the mail server");
        assert_eq!(phrase(Event::Rejected), "refused by the mail server");
    }
}
