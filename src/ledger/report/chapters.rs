//! What the report says, chapter by chapter.

use std::collections::BTreeSet;

use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use uuid::Uuid;

use super::flow::{CELL, CELL_CODE, Column, Flow, Style};
use super::outcomes::{self, Told, said, shown, utc};
use super::{Report, sealed};
use crate::domain::actor::Action;
use crate::domain::digest::sha256;
use crate::domain::entry::{Detail, Event, Person};
use crate::domain::evidence::{Proven, Subject};
use crate::domain::reply::is_answer;
use crate::domain::words::count;

/// How many rows a table shows. The file has them all.
const SHOWN: usize = 200;

/// Writes all chapters.
pub(super) fn tell(flow: &mut Flow<'_>, report: &Report<'_>) {
    answer(flow, report);
    who_and_when(flow, report);
    servers(flow, report);
    words(flow, report);
    claims(flow, report);
    checking(flow, report);
}

fn answer(flow: &mut Flow<'_>, report: &Report<'_>) {
    let notice = report.notice;
    flow.title(match report.account {
        Some(_) => "Evidence of notification",
        None => "Evidence of notification: notice to all recipients",
    });
    flow.paragraph(&format!("{} {} {}", addressed(report), summary(report), proved(report)));
    let sealed = sealed(report.evidence);
    let released = sealed.map_or_else(|| "not released".to_owned(), |sealed| shown(sealed.at));
    let mut facts = vec![("Subject", notice.subject.clone(), CELL), ("Category", category(report), CELL)];
    facts.extend(notice.reference.clone().map(|reference| ("Reference", reference, CELL)));
    facts.push(("Notice", notice.id.to_string(), CELL_CODE));
    facts.push(("SHA-256 of its content", HEXLOWER.encode(&notice.digest), CELL_CODE));
    facts.extend(authors(report));
    facts.push(("Released at", released, CELL));
    if let Some(count) = report.evidence.recipients_in_manifest {
        facts.push((
            "Recipients",
            format!("{count} in all, of {}", counted(sealed.map_or(0, |sealed| sealed.manifest.customers), "customer")),
            CELL,
        ));
    }
    facts.push(("This report made at", shown(report.made_at), CELL));
    flow.pairs(None, &facts);
}

/// Who wrote, approved and released what was sent, as far as the file says so. Each is named once for a fact, with the last time.
fn authors(report: &Report<'_>) -> Vec<(&'static str, String, Style)> {
    let mut facts = Vec::new();
    for (name, actions) in [
        ("Written by", &[Action::Create, Action::Edit][..]),
        ("Approved by", &[Action::Approve]),
        ("Scheduled by", &[Action::Schedule]),
        ("Released by", &[Action::Release]),
    ] {
        let mut done: Vec<(&str, Timestamp)> = Vec::new();
        for entry in &report.evidence.entries {
            let Detail::Operated { action, .. } = entry.fact.detail else { continue };
            if actions.contains(&action) {
                let who = outcomes::person(entry).map_or("not named in the file", |person| person.role.as_str());
                done.retain(|(known, _)| *known != who);
                done.push((who, entry.at()));
            }
        }
        let said: Vec<String> = done.iter().map(|(who, at)| format!("{who}, at {}", shown(*at))).collect();
        if !said.is_empty() {
            facts.push((name, said.join("; "), CELL));
        }
    }
    facts
}

/// Who addressed whom with which notice, as far as the file says so.
fn addressed(report: &Report<'_>) -> String {
    let notice = report.notice;
    let reference = notice.reference.as_ref().map_or_else(String::new, |reference| format!(", reference {reference}"));
    let released =
        sealed(report.evidence).map_or_else(String::new, |sealed| format!(", released at {}", shown(sealed.at)));
    let notice = format!(
        "the notice \u{201c}{}\u{201d} (category {}{reference}, id {}{released})",
        notice.subject,
        category(report),
        notice.id
    );
    let sender = &report.organisation.name;
    let Some(account) = report.account else { return format!("{sender} addressed its customers with {notice}.") };
    if !names(report, account) {
        return format!(
            "The file names no recipient with account {account}: it does not prove that this customer was addressed with {notice}."
        );
    }
    let sealed = customer_name(report, account);
    let customer = sealed.map_or_else(String::new, |name| format!("customer {name}, "));
    let renamed = report.customer_name.filter(|today| sealed.is_some_and(|sealed| sealed != *today));
    let today =
        renamed.map_or_else(String::new, |today| format!(" The customer with this account is called {today} today."));
    format!("{sender} addressed {customer}account {account}, with {notice}.{today}")
}

/// True if the file opens a recipient of a customer.
fn names(report: &Report<'_>, account: &str) -> bool {
    outcomes::recipients(report.evidence).values().any(|told| told.who.is_some_and(|(whose, _)| whose == account))
}

/// The name that a customer had at the release, as the entries have it.
fn customer_name<'a>(report: &Report<'a>, account: &str) -> Option<&'a str> {
    let persons = report.evidence.entries.iter().filter_map(outcomes::person);
    let mut names = persons.filter(|it| it.account_id == account && !it.customer_name.is_empty());
    names.next().map(|it| it.customer_name.as_str())
}

/// What came of it, by recipients.
fn summary(report: &Report<'_>) -> String {
    let recipients = outcomes::recipients(report.evidence);
    let counts: Vec<String> =
        outcomes::counts(recipients.values()).iter().map(|(words, n)| format!("{n} {words}")).collect();
    let said = match recipients.len() {
        0 => "The evidence names no recipient.".to_owned(),
        n => format!("By what was last recorded, of {}: {}.", counted(n as u64, "recipient"), counts.join("; ")),
    };
    match attested(report).len() {
        0 => said,
        n => format!("{said} There {} that a customer was informed in another way.", statements(n)),
    }
}

fn proved(report: &Report<'_>) -> String {
    let checkpoint = &report.evidence.checkpoint;
    format!(
        "This is proved by the file {} in this PDF, as of the checkpoint of the ledger {} with {}.",
        report.file_name,
        checkpoint.origin(),
        entries(checkpoint.size())
    )
}

fn who_and_when(flow: &mut Flow<'_>, report: &Report<'_>) {
    flow.heading("Who and when");
    let recipients = outcomes::recipients(report.evidence);
    flow.paragraph(
        "Each recipient with the last that was recorded of it. The ordinal is the recipient\u{2019}s place in the notice\u{2019}s \
         manifest, which was fixed before anything was sent; it counts from 0.",
    );
    if let Some(first) = first_added(report) {
        flow.paragraph(&format!(
            "Those from ordinal {first} on are not in the manifest: they were added after the release, each before anything was sent to it."
        ));
    }
    if report.account.is_none() && !report.evidence.is_complete() {
        let all = report.evidence.recipients_in_manifest.unwrap_or(0);
        let named = report.evidence.recipients.len();
        flow.paragraph(&format!("The file opens {named} of {}.", count(all, "recipient", "recipients")));
    }
    let rows: Vec<Vec<String>> =
        recipients.iter().take(SHOWN).map(|(ordinal, told)| recipient(*ordinal, told)).collect();
    let columns =
        [("Ordinal", 0.09), ("Account", 0.15), ("Address", 0.31), ("Last recorded", 0.25), ("Time (UTC)", 0.2)];
    flow.table(&columns.map(column), &rows);
    more(flow, recipients.len(), "recipients");
    told_otherwise(flow, report);
}

/// The ordinal of the first recipient that was added after the release, if one was.
fn first_added(report: &Report<'_>) -> Option<u64> {
    let mut batches = report.evidence.entries.iter().filter_map(|entry| match &entry.fact.detail {
        Detail::Addressed(batch) => Some(batch.first),
        _ => None,
    });
    batches.next()
}

fn recipient(ordinal: u64, told: &Told<'_>) -> Vec<String> {
    let (account, address) = told.who.unwrap_or(("", "not opened in the file"));
    let (last, at) = told.last.map_or((outcomes::NOTHING, String::new()), |last| (said(&last.fact), utc(last.at())));
    vec![ordinal.to_string(), account.to_owned(), address.to_owned(), last.to_owned(), at]
}

/// What persons stated, which no server answered.
fn told_otherwise(flow: &mut Flow<'_>, report: &Report<'_>) {
    let attested = attested(report);
    if attested.is_empty() {
        return;
    }
    flow.subheading("Informed in another way, as a person stated");
    let row = |(entry, person): &(&Proven, &Person)| {
        let told_at = match entry.fact.detail {
            Detail::Attested { told_at: Some(told_at), .. } => told_at,
            _ => entry.at(),
        };
        vec![person.account_id.clone(), person.role.clone(), person.reply.clone(), utc(told_at), utc(entry.at())]
    };
    let rows: Vec<Vec<String>> = attested.iter().take(SHOWN).map(row).collect();
    let columns = [
        ("Account", 0.14),
        ("Channel: witness", 0.22),
        ("Note", 0.28),
        ("Informed at (UTC)", 0.18),
        ("Recorded at (UTC)", 0.18),
    ];
    flow.table(&columns.map(column), &rows);
    more(flow, attested.len(), "statements");
}

/// The statements that stand: those that were withdrawn do not.
fn attested<'a>(report: &Report<'a>) -> Vec<(&'a Proven, &'a Person)> {
    let about = |told: bool| {
        let attested = report.evidence.entries.iter().filter(|entry| entry.event() == Event::Attested);
        attested.filter_map(move |entry| match entry.fact.detail {
            Detail::Attested { id, told_at } if told_at.is_some() == told => Some((id, entry)),
            _ => None,
        })
    };
    let withdrawn: BTreeSet<Uuid> = about(false).map(|(id, _)| id).collect();
    let standing = about(true).filter(|(id, _)| !withdrawn.contains(id));
    standing.filter_map(|(_, entry)| Some((entry, outcomes::person(entry)?))).collect()
}

fn servers(flow: &mut Flow<'_>, report: &Report<'_>) {
    flow.heading("Which server answered what");
    let answers: Vec<&Proven> = report.evidence.entries.iter().filter(|it| outcomes::is_answer(&it.fact)).collect();
    if answers.is_empty() {
        flow.paragraph("The file has no answer of a mail server.");
    }
    for entry in answers.iter().take(SHOWN) {
        flow.pairs(Some(&title(entry)), &answered(entry));
    }
    more(flow, answers.len(), "answers");
    findings(flow, report);
}

/// What operators found out about doubts, which no server answered.
fn findings(flow: &mut Flow<'_>, report: &Report<'_>) {
    let findings: Vec<&Proven> = report.evidence.entries.iter().filter(|it| it.fact.is_finding()).collect();
    if findings.is_empty() {
        return;
    }
    flow.subheading("What no server answered, and an operator found");
    for entry in findings.iter().take(SHOWN) {
        let mut pairs = answered(entry);
        if let Some((name, ..)) = pairs.iter_mut().find(|(name, ..)| matches!(*name, "Reply" | "No reply")) {
            *name = "Finding";
        }
        flow.pairs(Some(&title(entry)), &pairs);
    }
    more(flow, findings.len(), "findings");
}

fn title(entry: &Proven) -> String {
    format!("{}, {}", shown(entry.at()), said(&entry.fact))
}

/// The particulars of an answer, as far as there are any.
fn answered(entry: &Proven) -> Vec<(&'static str, String, Style)> {
    let number = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
    let ordinal = entry.fact.ordinal.map_or_else(String::new, |ordinal| format!(", ordinal {ordinal}"));
    let mut pairs = vec![
        ("Entry", format!("{}, event {}", entry.index, entry.event()), CELL_CODE),
        ("Level", entry.fact.level.map_or_else(String::new, outcomes::level), CELL),
        ("Attempt", number(entry.fact.attempt), CELL_CODE),
    ];
    match &entry.subject {
        Subject::Person(person) => {
            let whom = format!("{}, account {}{ordinal}", person.address, person.account_id);
            pairs.insert(1, ("Recipient", whom, CELL));
            pairs.extend(particulars(person));
        }
        _ => pairs.insert(1, ("Recipient", format!("not opened in the file{ordinal}"), CELL)),
    }
    pairs.retain(|(_, value, _)| !value.is_empty());
    pairs
}

fn particulars(person: &Person) -> [(&'static str, String, Style); 6] {
    let tls = if person.tls.is_empty() && !person.host.is_empty() { "without TLS" } else { &person.tls };
    let sha256 = person.sha256.map_or_else(String::new, |sha256| HEXLOWER.encode(&sha256));
    [
        ("Relay", person.relay.clone(), CELL_CODE),
        ("Host", person.host.clone(), CELL_CODE),
        ("TLS", tls.to_owned(), CELL_CODE),
        (if is_answer(&person.reply) { "Reply" } else { "No reply" }, person.reply.clone(), CELL_CODE),
        ("Message-ID", person.message_id.clone(), CELL_CODE),
        ("SHA-256 of the message", sha256, CELL_CODE),
    ]
}

fn words(flow: &mut Flow<'_>, report: &Report<'_>) {
    flow.heading("Which words");
    let held = counted(report.evidence.messages.len() as u64, "message");
    flow.paragraph(&match (report.words, report.account) {
        ([], _) => format!("There are no words to show. The file holds {held}."),
        (_, Some(_)) => format!(
            "The text of the messages as they were sent. The file holds {held}, byte for byte; the entry of each has its SHA-256."
        ),
        (_, None) => format!(
            "The source of the notice, from which each recipient\u{2019}s message was made. The file holds {held}, byte for byte."
        ),
    });
    for words in report.words {
        flow.subheading(&words.title);
        flow.quote(&words.text);
    }
    flow.paragraph(
        "Characters that this report\u{2019}s fonts lack, and those that have no shape, appear as their Unicode number in brackets.",
    );
}

fn claims(flow: &mut Flow<'_>, report: &Report<'_>) {
    flow.heading("What each entry proves, and what it does not");
    let row = |entry: &Proven| {
        let (proves, not) = (entry.claim.proves.clone(), entry.claim.does_not_prove.clone());
        vec![entry.index.to_string(), said(&entry.fact).to_owned(), utc(entry.at()), proves, not]
    };
    let entries = &report.evidence.entries;
    let rows: Vec<Vec<String>> = entries.iter().take(SHOWN).map(row).collect();
    let columns =
        [("Entry", 0.085), ("What happened", 0.15), ("Time (UTC)", 0.135), ("Proves", 0.36), ("Does not prove", 0.27)];
    flow.table(&columns.map(column), &rows);
    more(flow, entries.len(), "entries");
}

fn checking(flow: &mut Flow<'_>, report: &Report<'_>) {
    let checkpoint = &report.evidence.checkpoint;
    let name = &report.organisation.name;
    flow.heading("How to check this");
    flow.paragraph(&format!(
        "The file {} is embedded in this PDF; a PDF viewer shows it among the attachments. The file is what proves, this report \
         only shows it. Save it, and check it with the program besked:",
        report.file_name
    ));
    flow.command(&[
        format!("besked verify {} \\", argument(report.file_name)),
        format!("    --key {}", argument(report.verifier_key)),
    ]);
    flow.pairs(
        None,
        &[
            ("Verifier key", report.verifier_key.to_owned(), CELL_CODE),
            ("Checkpoint of", checkpoint.origin().to_owned(), CELL_CODE),
            ("Size", entries(checkpoint.size()), CELL_CODE),
            ("Root", BASE64.encode(&checkpoint.root()), CELL_CODE),
            ("SHA-256 of the file", HEXLOWER.encode(&sha256(report.file)), CELL_CODE),
        ],
    );
    flow.paragraph(
        "Each entry is a leaf of a Merkle tree (RFC 6962). For each entry the file has the hashes that lead from it to the \
         tree\u{2019}s root, and the root is part of a checkpoint, which is a C2SP signed note: it was signed with the key that \
         belongs to the verifier key above. To change, remove or insert an entry changes the root.",
    );
    flow.paragraph(&format!(
        "Anybody can check that, also with other tools and without {name}: tree, checkpoint and signature follow public \
         specifications. Compare the verifier key with one that you have from elsewhere, and the checkpoint with one that \
         somebody else kept.",
    ));
    flow.paragraph(&format!(
        "What the proof cannot show: what happened before something was recorded, and whether it was recorded truly. That an \
         entry is in the ledger as the file has it is mathematics. That it was true when it was recorded rests on how {name} \
         operates its systems, not on mathematics.",
    ));
}

fn column((title, share): (&'static str, f32)) -> Column {
    Column { title, share, style: CELL }
}

/// Says what the file has beyond what is shown.
fn more(flow: &mut Flow<'_>, count: usize, what: &str) {
    if count > SHOWN {
        let left = count - SHOWN;
        flow.paragraph(&format!(
            "These are the first {SHOWN} of {count} {what}. The file in this PDF has the {left} others."
        ));
    }
}

fn category(report: &Report<'_>) -> String {
    report.notice.category.as_str().replace('_', " ")
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn entries(count: u64) -> String {
    crate::domain::words::count(count, "entry", "entries")
}

fn statements(count: usize) -> String {
    if count == 1 { "is 1 statement of a person".to_owned() } else { format!("are {count} statements of persons") }
}

/// An argument as a shell takes it.
fn argument(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+/=:".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
