//! Reports about deliveries: what became of each recipient, from the machine part (RFC 3464) or from the text.

use std::collections::{HashMap, HashSet};

use crate::domain::report::{Action, Report, Verdict};
use crate::inbound::reader::address;
use crate::inbound::reader::bounds::{Bounds, Excess};
use crate::inbound::reader::cause::{self, Cause, Failure};
use crate::inbound::reader::codes;
use crate::inbound::reader::evidence::{addresses, received_for};
use crate::inbound::reader::fields::{self, Group, Recipient};
use crate::inbound::reader::letter::Letter;
use crate::inbound::reader::phrases::{CAUSES, LAYOUT, SIGNS, fold};
use crate::inbound::reader::plain::{self, Named, Names, SURE};

/// What a report says.
#[derive(Default)]
pub struct Delivery {
    /// For each recipient.
    pub reports: Vec<Report>,
    /// The groups of the machine part.
    pub groups: Vec<Group>,
    /// Addresses that led to a recipient.
    pub aliases: Vec<String>,
}

/// Longest diagnostic that is kept.
const LONGEST: usize = 1_000;

/// Reads a report.
///
/// # Errors
/// If it reports on more recipients than the bounds allow.
pub fn read(letter: &Letter<'_>, bounds: &Bounds) -> Result<Delivery, Excess> {
    let machine = letter.status.as_deref().unwrap_or(&letter.text);
    let groups = fields::groups(machine, bounds.recipients);
    let of_machine: Vec<Recipient> = groups.iter().filter_map(fields::recipient).filter(says_something).collect();
    let strangers = strangers(letter);
    let strangers: Vec<&str> = strangers.iter().map(String::as_str).collect();
    let names = plain::names(&letter.human.report, &strangers);
    if of_machine.len() > bounds.recipients || names.recipients.len() > bounds.recipients {
        return Err(Excess::Recipients(bounds.recipients));
    }
    let mut aliases = names.aliases.clone();
    aliases.extend(failed_recipients(letter));
    if of_machine.is_empty() && names.recipients.iter().all(|named| named.score < SURE) {
        aliases.extend(letter.returned(bounds).all("to").flat_map(|value| addresses(&value)));
    }
    let mut reports = if of_machine.is_empty() {
        let said = letter.status.as_ref().and_then(|_| fields::outcome(&groups)).or_else(|| action_of_text(letter));
        // A machine part that says nothing was cut off. A report without one is about a failure, unless it says otherwise.
        let action = said.unwrap_or(if letter.status.is_some() { Action::None } else { Action::Failed });
        of_text(letter, &names, bounds, action)
    } else {
        let around = Around::of(letter, &names, of_machine.len() == 1);
        of_machine.into_iter().map(|recipient| of_group(recipient, &around)).collect()
    };
    let mut seen = HashSet::new();
    reports.retain(|report| seen.insert(format!("{report:?}").to_lowercase()));
    Ok(Delivery { reports, groups, aliases })
}

fn says_something(recipient: &Recipient) -> bool {
    recipient.action.is_some() || recipient.status.is_some() || recipient.diagnostic.is_some()
}

/// Addresses that are recipients only if nothing else is: whom the report is for, and who sent it.
fn strangers(letter: &Letter<'_>) -> Vec<String> {
    let to = ["to", "delivered-to", "x-original-to", "envelope-to"].iter().flat_map(|name| letter.headers.all(name));
    let to = to.flat_map(|value| addresses(&value));
    to.chain(letter.sender.address.clone()).take(20).collect()
}

fn failed_recipients(letter: &Letter<'_>) -> Vec<String> {
    letter.headers.all("x-failed-recipients").flat_map(|value| addresses(&value)).collect()
}

/// What is the same for each recipient of a machine part, found once: there may be a thousand.
struct Around<'a> {
    /// The text for people.
    text: &'a str,
    /// The same without the subject of the returned message.
    whole: String,
    /// Where the text names each recipient, by its address in lower case.
    named: HashMap<String, &'a Named>,
    /// What the text says that happened, if it says so.
    action: Option<Action>,
    /// The text speaks of the end of a transaction.
    at_data: bool,
    /// There is one recipient: all of the text is about it.
    only: bool,
}

impl<'a> Around<'a> {
    fn of(letter: &'a Letter<'_>, names: &'a Names, only: bool) -> Self {
        let text = letter.human.report.as_str();
        let whole = without_subject(text);
        let by_address = |named: &'a Named| (spelling(&named.address), named);
        Self {
            text,
            at_data: CAUSES.says("at-data", &whole),
            whole,
            // The first place of each.
            named: names.recipients.iter().rev().map(by_address).collect(),
            action: action_of_text(letter),
            only,
        }
    }
}

/// An address as a key to look it up.
fn spelling(address: &str) -> String {
    address::key(address).map_or_else(|| address.to_lowercase(), |key| key.as_str().to_owned())
}

/// The report on a recipient of the machine part. If its fields say nothing certain, the text about it is asked.
fn of_group(recipient: Recipient, around: &Around<'_>) -> Report {
    let section = around.named.get(&spelling(&recipient.address)).and_then(|it| around.text.get(it.section.clone()));
    let nearest = section.map(paragraph).unwrap_or_default();
    let diagnostic = recipient.diagnostic.as_deref().unwrap_or_default();
    let mut texts = vec![diagnostic, nearest.as_str()];
    // A code that names a cause is more than what stands farther off, down to the footers.
    let section = section.map(without_subject);
    if recipient.status.is_none_or(|status| cause::by_status(status).is_none()) {
        texts.extend(section.as_deref());
        texts.extend(around.only.then_some(around.whole.as_str()));
    }
    let action = recipient.action.unwrap_or_else(|| match recipient.status.map(|status| status.class) {
        // Without the action nobody knows whether it reached a mailbox, unless the text says so.
        Some(2) => match around.action {
            Some(said @ (Action::Delivered | Action::Relayed | Action::Expanded)) => said,
            _ => Action::None,
        },
        Some(4) if recipient.retries || around.action == Some(Action::Delayed) => Action::Delayed,
        Some(_) => Action::Failed,
        // A server's words without a code are those of a refusal.
        None => around.action.unwrap_or(Action::Failed),
    });
    let failure = Failure { field: recipient.status, texts: &texts };
    let mut cause = judge(action, &failure);
    let contradicted = recipient.status.is_some_and(|status| status.subject > 1) && !cause::has_dead_code(&failure);
    if cause.verdict == Verdict::AddressDead && contradicted && around.at_data {
        cause.verdict = Verdict::None; // telephone companies say "unknown user" for what the user filters
    }
    Report {
        recipient: Some(recipient.address),
        original_recipient: recipient.original,
        action,
        status: cause.status,
        verdict: cause.verdict,
        diagnostic: recipient
            .diagnostic
            .or_else(|| Some(nearest.clone()).filter(|text| !text.is_empty()))
            .map(|text| shortened(&text)),
        remote_mta: recipient.remote_mta.map(|text| shortened(&text)),
    }
}

/// The verdict goes by the action first: only a failure says something about an address.
fn judge(action: Action, failure: &Failure<'_>) -> Cause {
    let cause = cause::of(failure);
    match action {
        Action::Failed => cause,
        Action::Delayed => Cause { verdict: Verdict::Temporary, ..cause },
        Action::Delivered | Action::Relayed | Action::Expanded => {
            Cause { verdict: Verdict::Success, status: failure.field.or(cause.status) }
        }
        Action::None => Cause { verdict: Verdict::None, ..cause },
    }
}

/// The reports of a text for people.
fn of_text(letter: &Letter<'_>, names: &Names, bounds: &Bounds, action: Action) -> Vec<Report> {
    let found = recipients(letter, names, bounds);
    let whole = letter.human.report.as_str();
    let all = without_subject(whole);
    if found.is_empty() {
        let cause = judge(action, &Failure { field: None, texts: &[&all] });
        return vec![Report { action, verdict: cause.verdict, status: cause.status, ..Report::on(None) }];
    }
    let only = found.len() == 1;
    let first = found.iter().map(|named| named.section.start).min().unwrap_or_default();
    let report = |named: &Named| {
        let section = without_subject(whole.get(named.section.clone()).unwrap_or_default());
        let nearest = paragraph(&section);
        // With one recipient everything is about it; with more, only what stands before them all.
        let before = without_subject(whole.get(..first).unwrap_or_default());
        let texts = [nearest.as_str(), &section, if only { &all } else { &before }];
        let cause = judge(action, &Failure { field: None, texts: &texts });
        Report {
            action,
            verdict: cause.verdict,
            status: cause.status.filter(|status| action != Action::Delayed || status.class == 4),
            diagnostic: Some(shortened(if nearest.trim().is_empty() { &section } else { &nearest }))
                .filter(|text| !text.is_empty()),
            ..Report::on(Some(named.address.clone()))
        }
    };
    found.iter().map(report).collect()
}

/// The recipients: those that Exim names in its header, else the sure ones of the text, else the alias that led to
/// one, else the one to whom the returned message went or is addressed, else the only address there is.
fn recipients(letter: &Letter<'_>, names: &Names, bounds: &Bounds) -> Vec<Named> {
    let whole = 0..letter.human.report.len();
    let place = |address: String| {
        let named = names.recipients.iter().find(|named| address::same(&named.address, &address));
        named.cloned().unwrap_or(Named { address, section: whole.clone(), score: 0 })
    };
    let failed = failed_recipients(letter);
    if !failed.is_empty() {
        return failed.into_iter().take(bounds.recipients).map(place).collect();
    }
    let sure: Vec<Named> = names.recipients.iter().filter(|named| named.score >= SURE).cloned().collect();
    if !sure.is_empty() {
        return sure;
    }
    if let Some(alias) = names.aliases.first() {
        return vec![place(alias.clone())]; // "an undisclosed address (generated from a@x.example)"
    }
    let returned = letter.returned(bounds);
    let last_hop = returned.get("received").and_then(|value| received_for(&value));
    let to: Vec<String> = returned.all("to").flat_map(|value| addresses(&value)).collect();
    match (last_hop, to.as_slice(), names.recipients.as_slice()) {
        (Some(last_hop), ..) => vec![place(last_hop)],
        (_, [to], _) => vec![place(to.clone())],
        (_, _, [named]) if named.score > 0 => vec![named.clone()],
        _ => Vec::new(),
    }
}

/// What a text says that happened, if it says so.
fn action_of_text(letter: &Letter<'_>) -> Option<Action> {
    let text = fold(&format!("{}\n{}", letter.subject, letter.human.report));
    let found = SIGNS.search(&text);
    let says = |group| SIGNS.has(found, group);
    if says("delay-sure") {
        return Some(Action::Delayed);
    }
    if says("final") {
        return Some(Action::Failed);
    }
    if says("delay") {
        return Some(Action::Delayed);
    }
    let refused = codes::find(&letter.human.report, None).reply.is_some();
    match (refused, says("expanded"), says("relayed"), says("delivered")) {
        (true, ..) => Some(Action::Failed),
        (_, true, ..) => Some(Action::Expanded),
        (_, _, true, _) => Some(Action::Relayed),
        (_, _, _, true) => Some(Action::Delivered),
        _ => None,
    }
}

/// A text without the lines that show the subject of the returned message, which may hold any words and numbers.
fn without_subject(text: &str) -> String {
    let others = text.split_inclusive('\n').filter(|line| !LAYOUT.begins("subject-label", line));
    others.collect()
}

/// The lines up to the first blank one.
fn paragraph(section: &str) -> String {
    let lines: Vec<&str> = section.lines().take_while(|line| !line.trim().is_empty()).take(20).collect();
    lines.join("\n")
}

fn shortened(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}
