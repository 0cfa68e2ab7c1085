//! What a message is: report parts first, then the formats without one, then the marks of machines (RFC 3834), then people.

use crate::domain::report::MessageKind;
use crate::inbound::reader::codes;
use crate::inbound::reader::letter::Letter;
use crate::inbound::reader::phrases::{SIGNS, fold};

/// Decides what a message is.
#[must_use]
pub fn of(letter: &Letter<'_>) -> MessageKind {
    let counts = !is_passed_on(letter);
    if letter.feedback.is_some() && counts {
        MessageKind::Arf
    } else if letter.status.is_some() && counts {
        MessageKind::Dsn
    } else if letter.disposition.is_some() && counts {
        MessageKind::Mdn
    } else if is_other_report(letter) {
        MessageKind::Unknown
    } else if is_complaint(letter) {
        MessageKind::Arf
    } else if is_report(letter) {
        MessageKind::Dsn
    } else if is_receipt(letter) {
        MessageKind::Mdn
    } else if is_automatic(letter) {
        MessageKind::AutoReply
    } else if is_reply(letter) {
        MessageKind::Reply
    } else {
        MessageKind::Unknown
    }
}

/// A report that a person passes on: mail programs attach its parts one by one to what they call a forward.
fn is_passed_on(letter: &Letter<'_>) -> bool {
    let whole = letter.content.is("multipart", Some("report"));
    !whole && letter.has_reply_subject() && !letter.sender.null && !letter.sender.is_daemon()
}

/// A report for machines about something else, such as TLS (RFC 8460).
fn is_other_report(letter: &Letter<'_>) -> bool {
    let known = ["delivery-status", "feedback-report", "disposition-notification"];
    let report = letter.content.report.as_deref().unwrap_or_default();
    letter.content.is("multipart", Some("report"))
        && !report.is_empty()
        && !known.iter().any(|known| report.ends_with(known))
}

/// A report of a feedback loop without a report part: Microsoft's JMRP before it used one, and flattened reports.
fn is_complaint(letter: &Letter<'_>) -> bool {
    if letter.has_reply_subject() {
        return false;
    }
    let fields =
        ["feedback-type:", "user-agent:", "version:", "source-ip:", "original-rcpt-to:", "original-mail-from:"];
    let found: Vec<bool> = fields.iter().map(|field| has_line(&letter.text, field)).collect();
    let flattened = found[0] && found.iter().filter(|found| **found).count() >= 3;
    let attached = letter.attached.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    let from_jmrp = has_line(&attached, "x-hmxmroriginalrecipient:");
    flattened || from_jmrp || letter.attached.is_some() && SIGNS.says("complaint-subject", &letter.subject)
}

fn has_line(text: &str, start: &str) -> bool {
    text.lines().take(1_000).any(|line| line.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start)))
}

/// A report about a delivery in a format without a machine part. No single mark is enough: people quote reports, and
/// absence notes speak of mailboxes.
fn is_report(letter: &Letter<'_>) -> bool {
    if letter.headers.raw("x-failed-recipients").is_some() {
        return true;
    }
    let opening: String = letter.human.report.chars().take(4_000).collect();
    let subject = SIGNS.search(&fold(&letter.subject));
    let body = SIGNS.search(&fold(&opening));
    let daemon = letter.sender.is_daemon();
    let in_subject = SIGNS.has(subject, "bounce-subject");
    let in_body = SIGNS.has(body, "bounce-body");
    let fields = has_line(&letter.text, "final-recipient:") || has_line(&letter.text, "original-recipient:");
    let mut score = 0;
    score += if daemon { 3 } else { 0 };
    score += i32::from(!daemon && SIGNS.says("system-sender", &letter.sender.called));
    score += i32::from(letter.sender.null);
    score += if in_subject { 2 } else { 0 };
    score += if in_body { 2 } else { 0 };
    score += if fields { 2 } else { 0 };
    score += i32::from(letter.has_returned());
    score += i32::from(codes::find(&opening, None).reply.is_some());
    score -= match (letter.has_reply_subject(), daemon) {
        (true, true) => 1, // a few servers answer with `Re:`
        (true, false) => 3,
        (false, _) => 0,
    };
    score -= if SIGNS.has(subject, "auto-subject") && !in_subject { 3 } else { 0 };
    score -= if !daemon && SIGNS.says("auto-body", &letter.opening()) { 2 } else { 0 };
    // A person's answer has one of ours in front of it; a server that names the message does not begin with `Re:`.
    (in_subject || in_body || fields) && score >= 5
}

/// A receipt in the style of Outlook, without a report part.
fn is_receipt(letter: &Letter<'_>) -> bool {
    let by_type = letter.content.report.as_deref() == Some("disposition-notification");
    by_type || letter.sender.null && SIGNS.begins("read-subject", &letter.subject)
}

/// An answer of a machine (RFC 3834), by its headers, then by the habits of mail programs.
fn is_automatic(letter: &Letter<'_>) -> bool {
    let in_subject = SIGNS.says("auto-subject", &letter.subject);
    let in_body = SIGNS.says("auto-body", &letter.opening());
    let answers = letter.answers() || letter.has_reply_subject();
    match submitted(letter) {
        // Also what no message called for is submitted so: notices, as ours are, and reports of any program.
        Some("auto-generated") => return in_subject || in_body || letter.answers(),
        Some(_) => return true,
        None => {}
    }
    if has_mark(letter)
        || SIGNS.says("challenge", &letter.opening())
        || suppresses(letter) && (letter.sender.null || in_subject)
    {
        return true;
    }
    let bulk = letter.headers.get("precedence").is_some_and(|value| {
        let value = value.to_lowercase();
        value.contains("auto") || answers && (value.contains("bulk") || value.contains("junk"))
    });
    if bulk
        || in_subject && !letter.has_reply_subject()
        || letter.sender.null && (in_body || in_subject || letter.answers())
    {
        return true;
    }
    in_body && !letter.has_reply_subject() && !is_quoting(letter)
}

/// The first word of `Auto-Submitted` (RFC 3834 section 5), unless it is `no`.
fn submitted(letter: &Letter<'_>) -> Option<&'static str> {
    let value = letter.headers.get("auto-submitted")?.to_lowercase();
    match value.split(|c: char| c.is_whitespace() || matches!(c, ';' | '(')).next()? {
        "no" | "" => None,
        "auto-generated" => Some("auto-generated"),
        _ => Some("auto-replied"),
    }
}

/// Headers that only answers of machines have.
const MARKS: &[&str] = &[
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-auto-reply",
    "x-autoreply-from",
    "x-mail-autoreply",
    "x-autogenerated",
    "x-autoresponse",
    "x-fc-machinegenerated",
    "x-vacation",
    "x-ms-exchange-inbox-rules-loop",
    "x-ms-exchange-generated-message-source",
    "x-cron-env",
    "x-ebay-mailtracker-autoreply",
    "x-otrs-loop",
    "x-zendesk-auto-reply",
];

fn has_mark(letter: &Letter<'_>) -> bool {
    MARKS.iter().any(|name| letter.headers.get(name).is_some_and(|value| !value.eq_ignore_ascii_case("no")))
}

/// Exchange asks for silence in this header; it stands in reports and automatic answers, rarely in a person's mail.
fn suppresses(letter: &Letter<'_>) -> bool {
    letter.headers.raw("x-auto-response-suppress").is_some()
}

/// True if the text quotes the message that it answers.
fn is_quoting(letter: &Letter<'_>) -> bool {
    letter.text.lines().take(1_000).any(|line| line.starts_with('>'))
}

/// A person's answer, or what a person passes on.
fn is_reply(letter: &Letter<'_>) -> bool {
    let from_somebody = letter.sender.address.is_some();
    let evidence = letter.answers()
        || letter.has_reply_subject()
        || letter.has_returned()
        || letter.calendar
        || is_quoting(letter);
    from_somebody && evidence
}
