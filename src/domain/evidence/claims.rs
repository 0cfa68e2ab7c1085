//! What an entry proves, and what it does not: in words, derived from its event, its level and what the file opens of it.
//!
//! All entries share one limit: that they are in the ledger, and since when, is mathematics; that what our own host wrote into
//! them was true rests on how it is operated.

mod operated;

use super::Subject;
use crate::domain::clock::shown;
use crate::domain::delivery::{Level, Reason};
use crate::domain::entry::{Detail, Event, Fact, Person, Run};
use crate::domain::report::{Action, MessageKind, Statement};
use crate::domain::words::count;

/// What an entry proves, and what it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What it proves.
    pub proves: String,
    /// What it does not.
    pub does_not_prove: String,
}

/// The limit that all entries share.
const OPERATION: &str = "that what our host recorded was true";

/// Returns what an entry proves and does not prove.
#[must_use]
pub fn of(fact: &Fact, subject: &Subject) -> Claim {
    let (said, not) = match fact.event {
        Event::Manifest => manifest(fact),
        Event::Addressed => addressed(fact),
        Event::Closed => closed(fact),
        _ if fact.is_finding() => found(fact, subject),
        Event::Bounced | Event::Delivered | Event::Reported if let Some(said) = fact.statement() => {
            reported(said, subject)
        }
        Event::Accepted => accepted(fact, subject),
        Event::Attested => attested(fact, subject),
        Event::PreferenceChanged => preference(fact, subject),
        Event::Restricted => restricted(fact, subject),
        Event::Rectified => rectified(fact, subject),
        Event::Erased => (cleared(fact, "a person was erased"), "whom they named: that is deleted"),
        Event::Purged => (cleared(fact, "persons were deleted at the end of their retention"), "whom they named"),
        Event::KeyRotated => key_rotated(fact),
        Event::Continued => continued(fact),
        Event::Operated => operated::operated(fact, subject),
        Event::Rejected if fact.reason().is_some() => not_sent(fact, subject),
        Event::Deferred | Event::Expired if fact.status_class.is_none() => unanswered(fact.event, subject),
        event => delivery(event, subject),
    };
    let proves = format!("Recorded at {}: {said}.", shown(fact.at));
    Claim { proves, does_not_prove: format!("It does not prove {not}; nor {OPERATION}.") }
}

/// What became of a delivery, apart from an acceptance.
fn delivery(event: Event, subject: &Subject) -> (String, &'static str) {
    let whom = whom(subject);
    match event {
        Event::Delivered => (
            format!("a delivery report said that the message to {whom} reached its mailbox"),
            "that the report was genuine, or that anybody read the message",
        ),
        Event::Bounced => (
            format!("the message to {whom} was returned as undeliverable"),
            "that the person did not learn of it in another way, or why it was returned beyond what the report says",
        ),
        Event::Rejected => (
            format!("{} refused the message to {whom}{}", server(subject), reply(subject)),
            "that the address is wrong for good, or that nobody there was informed in another way",
        ),
        Event::Deferred => (
            format!("{} deferred the message to {whom}{}", server(subject), reply(subject)),
            "what came of it: later entries say that, and further deferrals have no entry of their own",
        ),
        Event::Expired => (
            format!("the message to {whom} was deferred for longer than we retry, and dropped{}", reply(subject)),
            "that no copy reached the person: a server may have accepted one without saying so",
        ),
        Event::Uncertain => (
            format!("a message to {whom} may have been sent, and whether the server accepted it is unknown"),
            "that it arrived, nor that it did not",
        ),
        Event::Resent => (
            format!("an operator decided to send the message to {whom} again{}", words(subject)),
            "that it was sent again: later entries say what came of it",
        ),
        Event::Suppressed => (
            format!("nothing more was sent to {whom}, as the address was suppressed"),
            "that the suppression was right",
        ),
        Event::OptedOut => (
            format!("nothing more was sent to {whom}, as the person had opted out of the category"),
            "that the opt-out was the person's own wish",
        ),
        Event::Cancelled => (
            format!("nothing more was sent to {whom}, as the delivery was cancelled"),
            "that no earlier attempt reached the person",
        ),
        other => (format!("{other} of {whom}"), "more than that"),
    }
}

/// What a report says that came by mail. Who sent it is not known: a token shows that the sender saw the message.
fn reported(said: &Statement, subject: &Subject) -> (String, &'static str) {
    let whom = whom(subject);
    let status = said.status.map_or_else(String::new, |status| format!(", status {status}"));
    let kind = match said.kind {
        MessageKind::Dsn => "a delivery report",
        MessageKind::Arf => "a report of a complaint",
        MessageKind::AutoReply => "an automatic answer",
        MessageKind::Mdn => "a receipt of a mail program",
        MessageKind::Reply => "a reply",
        MessageKind::Unknown => "a message that could not be read",
    };
    let outcome = match said.action {
        Action::Failed => format!(" that says it could not be delivered ({}{status})", said.verdict),
        Action::Delivered => format!(" that says it reached the mailbox{status}"),
        Action::Delayed => format!(" that says it is still being tried{status}"),
        Action::Relayed => " that says it went on to a server which sends no reports".to_owned(),
        Action::Expanded => " that says it went on to the members of a list or an alias".to_owned(),
        Action::None => String::new(),
    };
    let (tie, digest) = (said.tie.describe(), hex(&said.digest));
    let text = format!(
        "{kind}{outcome} came about the message to {whom}{}; {tie} ties it to that message; SHA-256 of the report: {digest}",
        reply(subject)
    );
    (text, not_proved_by(said))
}

/// What a report does not prove.
const fn not_proved_by(said: &Statement) -> &'static str {
    if !said.tie.is_proof() {
        return "that the report is genuine: whoever got the message can make one, so it changed nothing";
    }
    match said.action {
        Action::Failed => {
            "that the report is genuine: the recipient of this message could have made it, and nobody else; or that the person did \
             not learn of it in another way"
        }
        Action::Delivered => {
            "that the report is genuine: the recipient of this message could have made it, and nobody else; or that anybody read \
             the message"
        }
        _ => "that the message reached the person, or that it did not",
    }
}

/// A message that no server answered: what is recorded of it are our own words.
fn unanswered(event: Event, subject: &Subject) -> (String, &'static str) {
    let (whom, server, ours) = (whom(subject), server(subject), words(subject));
    if event == Event::Expired {
        return (
            format!(
                "the message to {whom} was tried for as long as we retry, and dropped; {server} gave no answer to the last attempt{ours}"
            ),
            "that no copy reached the person: a server may have accepted one without saying so",
        );
    }
    (
        format!("{server} gave no answer to the message to {whom}, which is tried again{ours}"),
        "that the server saw or refused the message; later entries say what came of it, and further attempts without success \
         have no entry of their own",
    )
}

/// A message that was not sent, for a reason of our own: no server was asked.
fn not_sent(fact: &Fact, subject: &Subject) -> (String, &'static str) {
    let why = match fact.reason() {
        Some(Reason::NotComposed) => "it could not be composed",
        Some(Reason::NotCarried) | None => "none of our relays could carry it",
    };
    let said = format!("the message to {} was not sent, as {why}", whom(subject));
    (
        said,
        "that any mail server refused it: none was asked to take it; or that nobody there was informed in another way",
    )
}

fn restricted(fact: &Fact, subject: &Subject) -> (String, &'static str) {
    let no_longer = if matches!(fact.detail, Detail::Flag(true)) { "" } else { "no longer " };
    (format!("the processing of the data of {} was {no_longer}restricted", whom(subject)), "who asked for it")
}

fn rectified(fact: &Fact, subject: &Subject) -> (String, &'static str) {
    let how = if matches!(fact.detail, Detail::Flag(true)) { "replaced another" } else { "was replaced by another" };
    (format!("{} {how} address", whom(subject)), "which of the two was right")
}

fn key_rotated(fact: &Fact) -> (String, &'static str) {
    let Detail::Keys { old, new } = &fact.detail else {
        return ("the ledger's key was exchanged".to_owned(), "which keys");
    };
    let said = format!("the ledger's key was exchanged: {old} until then, {new} from then on");
    (said, "that the old key was not misused before")
}

fn manifest(fact: &Fact) -> (String, &'static str) {
    let (number, customers, unaddressed) = match fact.detail {
        Detail::Manifest(it) => (it.count, it.customers, it.unaddressed),
        _ => (0, 0, 0),
    };
    let (recipients, of) = (count(number, "recipient", "recipients"), count(customers, "customer", "customers"));
    let (notice, category) = match &fact.notice {
        Some((id, category, digest)) => {
            (format!("notice {id} with the content of digest {}", hex(digest)), category.as_str())
        }
        None => ("a notice".to_owned(), "unknown"),
    };
    (
        format!(
            "{notice} (category {category}) was meant for exactly {recipients} of {of}, fixed before \
             anything was sent; {unaddressed} of these customers had nobody to address"
        ),
        "that anything was sent to them, or that the audience was chosen rightly",
    )
}

fn addressed(fact: &Fact) -> (String, &'static str) {
    let added = if let Detail::Addressed(batch) = fact.detail { batch.count } else { 0 };
    let notice = fact.notice.map_or_else(|| "a notice".to_owned(), |(id, ..)| format!("notice {id}"));
    (
        format!(
            "exactly {} added to {notice} after its release, before anything was sent to them",
            count(added, "recipient was", "recipients were")
        ),
        "that anything was sent to them, or that they were added rightly",
    )
}

fn closed(fact: &Fact) -> (String, &'static str) {
    let counts = match &fact.detail {
        Detail::Closed(counts) => {
            counts.iter().map(|(outcome, n)| format!("{n} {outcome}")).collect::<Vec<_>>().join(", ")
        }
        _ => String::new(),
    };
    (
        format!("every recipient in the notice's manifest had an outcome: {counts}"),
        "what came later: a message that was accepted may still have been returned",
    )
}

fn accepted(fact: &Fact, subject: &Subject) -> (String, &'static str) {
    let said =
        format!("{} took responsibility for the message to {}{}", server(subject), whom(subject), reply(subject));
    let not = match fact.level {
        Some(Level::AcceptedByMx) => {
            "that it reached a mailbox or was read; a later return is not excluded by a file that does not show one"
        }
        _ => {
            "that the recipient's own mail server got it, that it reached a mailbox or was read; a later return is not excluded \
             by a file that does not show one"
        }
    };
    (said, not)
}

/// What an operator found out about a delivery.
fn found(fact: &Fact, subject: &Subject) -> (String, &'static str) {
    if let Some(withdrawn) = fact.withdrawn() {
        let (whom, words) = (whom(subject), words(subject));
        let said = format!(
            "withdrawn by an operator: the finding that the message to {whom} was {withdrawn}; {} counts again, which an earlier entry \
             records{words}",
            fact.event
        );
        return (said, "that the finding was wrong: its withdrawal is a person's word, too");
    }
    let (what, not) = match fact.event {
        Event::Accepted => (
            "the mail server accepted it",
            "that the finding is right: it is a person's word, and no answer of the server is known; nor that the message \
             reached a mailbox or was read",
        ),
        Event::Delivered => (
            "it was delivered",
            "that the finding is right: it is a person's word, and no delivery report is known; nor that the message was read",
        ),
        Event::Bounced => (
            "it was returned as undeliverable",
            "that the finding is right: it is a person's word, and no delivery report is known",
        ),
        _ => (
            "the mail server did not accept it",
            "that the finding is right: it is a person's word, and no answer of the server is known",
        ),
    };
    (format!("found by an operator about the message to {}: {what}{}", whom(subject), words(subject)), not)
}

fn attested(fact: &Fact, subject: &Subject) -> (String, &'static str) {
    let (customer, how, words) = match subject {
        Subject::Person(person) => (
            format!("customer {}", one_line(&person.account_id)),
            format!(" ({})", one_line(&person.role)),
            format!(": {}", one_line(&person.reply)),
        ),
        _ => ("a customer".to_owned(), String::new(), String::new()),
    };
    let told_at = match fact.detail {
        Detail::Attested { told_at: None, .. } => {
            let said = format!("the statement that {customer} was informed in another way{how} was withdrawn{words}");
            return (said, "that the statement was wrong: its withdrawal is a person's word, too");
        }
        Detail::Attested { told_at: Some(told_at), .. } => format!(" at {}", shown(told_at)),
        _ => String::new(),
    };
    let said = format!("somebody stated that {customer} was informed in another way{told_at}{how}{words}");
    (said, "that the statement is true: it is a person's word")
}

fn preference(fact: &Fact, subject: &Subject) -> (String, &'static str) {
    let said = match fact.detail {
        Detail::Preference { category, opted_out: true } => format!("{} opted out of {category}", whom(subject)),
        Detail::Preference { category, opted_out: false } => {
            format!("{} no longer opted out of {category}", whom(subject))
        }
        _ => format!("{} changed a preference", whom(subject)),
    };
    (said, "that the person did it: anybody with the link or the right to change it could")
}

fn cleared(fact: &Fact, what: &str) -> String {
    let Detail::Cleared { ground, entries } = &fact.detail else { return what.to_owned() };
    let cleared = entries.iter().map(|run| run.count).fold(0, u64::saturating_add);
    let cleared = count(cleared, "entry", "entries");
    let runs: Vec<String> = entries.iter().take(20).map(run).collect();
    let more = if entries.len() > 20 { ", ..." } else { "" };
    format!("{what} from {cleared} ({}{more}) on the ground: {}", runs.join(", "), one_line(ground))
}

fn run(run: &Run) -> String {
    match run.count {
        1 => run.first.to_string(),
        count => format!("{} to {}", run.first, run.first.saturating_add(count - 1)),
    }
}

fn continued(fact: &Fact) -> (String, &'static str) {
    let said = match &fact.detail {
        Detail::Continued { reason, size, .. } => {
            format!(
                "a person resumed sealing after a checkpoint of {}, for the reason: {}",
                count(*size, "entry", "entries"),
                one_line(reason)
            )
        }
        _ => "a person resumed sealing after it had stopped".to_owned(),
    };
    (said, "that nothing was lost between that checkpoint and this entry: the owner of that checkpoint can find out")
}

/// The person that an entry is about, in words.
fn whom(subject: &Subject) -> String {
    match subject {
        Subject::Person(person) if person.account_id.is_empty() => one_line(&person.address),
        Subject::Person(person) => {
            format!("{} of customer {}", one_line(&person.address), one_line(&person.account_id))
        }
        Subject::Nobody => "nobody in particular".to_owned(),
        Subject::Withheld => "a person whom this file does not name".to_owned(),
    }
}

fn server(subject: &Subject) -> String {
    match subject {
        Subject::Person(person) if !person.host.is_empty() => {
            format!("the mail server {} (relay `{}`{})", one_line(&person.host), one_line(&person.relay), tls(person))
        }
        _ => "the mail server".to_owned(),
    }
}

fn tls(person: &Person) -> String {
    if person.tls.is_empty() { ", without TLS".to_owned() } else { format!(", {}", one_line(&person.tls)) }
}

fn reply(subject: &Subject) -> String {
    match subject {
        Subject::Person(person) if !person.reply.is_empty() => {
            format!(", with the answer \"{}\"", one_line(&person.reply))
        }
        _ => String::new(),
    }
}

/// The words of an operator.
fn words(subject: &Subject) -> String {
    match subject {
        Subject::Person(person) if !person.reply.is_empty() => format!(": {}", one_line(&person.reply)),
        _ => String::new(),
    }
}

/// A text from outside, which must neither end a line nor control a terminal.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::clock::from_millis;

    #[test]
    fn every_event_claims_something_of_its_own() {
        let claims: Vec<Claim> =
            Event::ALL.iter().map(|event| of(&Fact::new(*event, from_millis(0)), &Subject::Withheld)).collect();
        let proves: BTreeSet<_> = claims.iter().map(|claim| &claim.proves).collect();
        let not: BTreeSet<_> = claims.iter().map(|claim| &claim.does_not_prove).collect();
        assert_eq!((proves.len(), not.len()), (Event::ALL.len(), Event::ALL.len()));
    }

    #[test]
    fn no_answer_is_claimed_where_none_came() {
        let reply = "the server closed the connection before replying";
        let person = Person { address: "a@x.example".into(), reply: reply.into(), ..Person::default() };
        let subject = Subject::Person(Box::new(person));
        for event in [Event::Deferred, Event::Expired] {
            let claim = |status_class| of(&Fact { status_class, ..Fact::new(event, from_millis(0)) }, &subject).proves;
            let (unanswered, answered) = (claim(None), claim(Some(4)));
            assert!(unanswered.contains("gave no answer") && unanswered.contains(reply), "{unanswered}");
            assert!(!unanswered.contains("deferred") && !unanswered.contains("with the answer"), "{unanswered}");
            assert!(answered.contains("with the answer"), "{answered}");
        }
    }

    #[test]
    fn an_operators_finding_is_named_as_one() {
        let person =
            Person { address: "a@x.example".into(), reply: "stated by Bo: in the log".into(), ..Person::default() };
        let subject = Subject::Person(Box::new(person));
        let level = Some(Level::OperatorFound);
        let claim = |event| of(&Fact { level, ..Fact::new(event, from_millis(0)) }, &subject);
        let claims = [Event::Accepted, Event::Rejected, Event::Delivered, Event::Bounced].map(claim);
        assert!(
            claims[0].proves.contains("the mail server accepted it: stated by Bo: in the log"),
            "{}",
            claims[0].proves
        );
        assert!(claims[1].proves.contains("did not accept it"), "{}", claims[1].proves);
        for claim in claims {
            assert!(claim.proves.contains("found by an operator"), "{}", claim.proves);
            assert!(claim.does_not_prove.contains("a person's word"), "{}", claim.does_not_prove);
        }
    }

    #[test]
    fn an_acceptance_claims_no_more_than_its_level() {
        let person =
            Person { address: "a@x.example".into(), account_id: "C1".into(), host: "mx".into(), ..Person::default() };
        let subject = Subject::Person(Box::new(person));
        let fact = |level| Fact { level, attempt: Some(1), ..Fact::new(Event::Accepted, from_millis(0)) };
        let relayed = of(&fact(Some(Level::Relayed)), &subject);
        let by_mx = of(&fact(Some(Level::AcceptedByMx)), &subject);
        assert!(
            relayed.does_not_prove.contains("own mail server") && !by_mx.does_not_prove.contains("own mail server")
        );
        for claim in [relayed, by_mx] {
            assert!(claim.proves.contains("a@x.example of customer C1") && claim.does_not_prove.contains("read"));
            assert!(!claim.proves.contains("received"));
        }
    }
}
