//! What a server's words and codes mean for the address: words win over codes, a reply over the status field.
//!
//! A doubt never makes an address dead: what may come back (a suspended account, a bare "rejected") is no verdict, and a
//! temporary code stays temporary however long it lasted.

use crate::domain::report::{Status, Verdict};
use crate::inbound::reader::codes::{self, Codes};
use crate::inbound::reader::phrases::{CAUSES, fold};

/// What is known about a failure, from the nearest words to the farthest.
pub struct Failure<'a> {
    /// The field `Status`.
    pub field: Option<Status>,
    /// The server's words; then, if these say nothing certain, those of the report.
    pub texts: &'a [&'a str],
}

/// What a failure means, and the most exact code for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// For the address.
    pub verdict: Verdict,
    /// The field, else what the words say.
    pub status: Option<Status>,
}

/// Decides about a failed delivery.
#[must_use]
pub fn of(failure: &Failure<'_>) -> Cause {
    let mut codes = Codes::default();
    let mut verdict = None;
    for text in failure.texts {
        let found = failures_only(codes::find(text, None));
        codes.reply = codes.reply.or(found.reply);
        codes.status = better(codes.status, found.status);
        verdict = verdict.or_else(|| judge(text, found, failure.field));
    }
    // A status code right in the words is more exact than one that a server derived from the reply.
    let verdict = verdict.or_else(|| by_code(codes, failure.field)).unwrap_or(Verdict::None);
    Cause { verdict, status: status(failure, codes) }
}

/// True if the field or a code in the words says that the address is dead.
#[must_use]
pub fn has_dead_code(failure: &Failure<'_>) -> bool {
    let in_words = failure.texts.iter().filter_map(|text| codes::find(text, None).status);
    in_words.chain(failure.field).any(is_dead)
}

/// The status to show: the field, unless it says nothing and the words of the same class say more.
fn status(failure: &Failure<'_>, codes: Codes) -> Option<Status> {
    let class = failure.field.map(|field| field.class);
    if failure.field.is_some_and(|field| !field.is_bare()) {
        return failure.field;
    }
    let exact = failure
        .texts
        .iter()
        .find_map(|text| failures_only(codes::find(text, class)).status.filter(|status| !status.is_bare()));
    exact.or(failure.field).or(codes.status)
}

/// A code of success in the words about a failure is the number of a version.
fn failures_only(codes: Codes) -> Codes {
    Codes { status: codes.status.filter(|status| status.class != 2), ..codes }
}

fn better(old: Option<Status>, new: Option<Status>) -> Option<Status> {
    match (old, new) {
        (Some(old), Some(new)) if old.detail == 0 && new.detail != 0 => Some(new),
        (None, new) => new,
        (old, _) => old,
    }
}

/// The verdict of one text: its words, and then its own codes. `None` if it says nothing certain.
fn judge(text: &str, found: Codes, field: Option<Status>) -> Option<Verdict> {
    let searched = CAUSES.search(&fold(text));
    let words = CAUSES.first(searched);
    let class =
        found.status.map(|status| status.class).or(found.reply.map(class_of)).or(field.map(|field| field.class));
    let temporary = class == Some(4) || field.is_some_and(|field| field.class == 4);
    let verdict = match words {
        Some("relay-or-sender") => Some(Verdict::RelayOrSender),
        Some("mailbox-full") => Some(Verdict::MailboxFull),
        Some("temporary-first") => Some(Verdict::Temporary),
        Some("content" | "spam") => Some(Verdict::Content),
        Some("policy" | "policy-other") => Some(Verdict::Policy),
        Some("uncertain-first" | "uncertain") => Some(if temporary { Verdict::Temporary } else { Verdict::None }),
        Some("dead") if temporary => Some(Verdict::Temporary),
        Some("dead") => Some(Verdict::AddressDead),
        // A code that names a cause is more than "try again later", which stands in many a footer.
        Some("temporary") => Some(named(found).unwrap_or(Verdict::Temporary)),
        // "Rejected" behind a bare 550: `Status: 5.1.1` is then a guess of the server that wrote the report.
        Some("vague") => named(found).or_else(|| {
            let guessed = found.reply.is_some() && found.status.is_none();
            (guessed && !temporary)
                .then(|| by_code(found, field.filter(|field| !is_dead(*field))).unwrap_or(Verdict::None))
        }),
        _ => named(found),
    };
    // At MAIL no recipient was named yet: what is said to be dead is the sender's domain.
    let at_mail = CAUSES.has(searched, "at-mail");
    verdict.map(|verdict| if at_mail && verdict == Verdict::AddressDead { Verdict::RelayOrSender } else { verdict })
}

/// The verdict of a code that names a cause.
fn named(found: Codes) -> Option<Verdict> {
    by_status(found.status?)
}

const fn class_of(reply: u16) -> u8 {
    if reply < 500 { 4 } else { 5 }
}

/// The verdict of codes alone: the reply's, then the field's.
fn by_code(codes: Codes, field: Option<Status>) -> Option<Verdict> {
    codes.status.and_then(by_status).or_else(|| codes.reply.and_then(by_reply)).or_else(|| field.and_then(by_status))
}

const fn by_reply(reply: u16) -> Option<Verdict> {
    match reply {
        400..=499 => Some(Verdict::Temporary),
        530 | 535 => Some(Verdict::RelayOrSender),
        552 => Some(Verdict::MailboxFull),
        _ => None,
    }
}

const fn is_dead(status: Status) -> bool {
    matches!(status, Status { class: 5, subject: 1, detail: 1 | 2 | 3 | 6 | 10 | 351 })
}

/// The verdict of a status code alone; `None` if it names no cause.
#[must_use]
pub const fn by_status(status: Status) -> Option<Verdict> {
    if is_dead(status) {
        return Some(Verdict::AddressDead);
    }
    match (status.class, status.subject, status.detail) {
        (_, 2, 2) => Some(Verdict::MailboxFull),
        (4, _, _) | (5, 4, 7 | 316) => Some(Verdict::Temporary),
        (5, 2, 3) | (5, 3, 4) | (5, 6, _) => Some(Verdict::Content),
        (5, 1, 7 | 8 | 90) | (5, 4, 5 | 6) | (5, 7, 27 | 54 | 57) => Some(Verdict::RelayOrSender),
        (5, 7, 17) => Some(Verdict::None),
        (5, 7, _) => Some(Verdict::Policy),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
