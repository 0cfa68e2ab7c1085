//! One message, read: its kind, what ties it to a delivery, what it says of each recipient.

use jiff::Timestamp;
use mail_parser::DateTime;

use crate::domain::report::{Action, Dkim, MessageKind, Report, Verdict};
use crate::inbound::reader::bounds::{Bounds, Excess};
use crate::inbound::reader::evidence::{Evidence, Ours};
use crate::inbound::reader::fields::Group;
use crate::inbound::reader::kind;
use crate::inbound::reader::letter::Letter;
use crate::inbound::reader::mime::headers::Headers;
use crate::inbound::reader::phrases::SIGNS;
use crate::inbound::reader::{delivery, feedback};

/// A message that came back, read. Nothing in it is trusted: the evidence says what may be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: MessageKind,
    /// Why it was not read, if it is over a bound. It is `unknown` then.
    pub excess: Option<Excess>,
    /// What ties it to a delivery; see [`decide`](crate::inbound::reader::evidence::decide).
    pub evidence: Evidence,
    /// What it says of each recipient. A report that names nobody has one entry without a recipient.
    pub reports: Vec<Report>,
    /// Its own Message-ID, without brackets.
    pub message_id: Option<String>,
    /// The address in `From`.
    pub from: Option<String>,
    /// Its subject.
    pub subject: String,
    /// True if its envelope sender is null: it is never answered or forwarded as a person's.
    pub null_sender: bool,
    /// True if our own header stands outside a returned part (a notice of ours that came back, a reply that was forwarded, or a
    /// machine that copies headers), or if it passed more servers than any mail does. It is never forwarded.
    pub looped: bool,
    /// True if its headers say that a machine wrote it, whatever its kind. It is never forwarded.
    pub from_machine: bool,
    /// `Feedback-Type` of a complaint, `Disposition` of a receipt.
    pub what: Option<String>,
    /// What an absence note says beside the absence.
    pub hint: Option<Hint>,
    /// When the copy that a report is about was with a server, the earliest that it names; by that server's clock.
    pub copy_at: Option<Timestamp>,
    /// What is known of its DKIM signature.
    pub dkim: Dkim,
}

/// What an automatic answer may say that a person should look at. Nothing is taken over unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The person has left.
    LeftCompany,
    /// The person has another address.
    NewAddress,
}

/// Reads a message. `recipient` is the envelope's, where the route knows it.
#[must_use]
pub fn read(bytes: &[u8], recipient: Option<&str>, ours: &Ours<'_>, bounds: &Bounds) -> Message {
    let message = Letter::read(bytes, bounds).and_then(|letter| match letter.wrapped(bounds) {
        Some(wrapped) => understand(&Letter::read(wrapped, bounds)?, &letter.headers, recipient, ours, bounds),
        None => understand(&letter, &letter.headers, recipient, ours, bounds),
    });
    message.unwrap_or_else(|excess| over(bytes, recipient, ours, bounds, excess))
}

/// A message over a bound: only its first headers are read, for its envelope.
fn over(bytes: &[u8], recipient: Option<&str>, ours: &Ours<'_>, bounds: &Bounds, excess: Excess) -> Message {
    let headers = Headers::of(bytes, bounds.headers);
    let evidence = Evidence::of_envelope(recipient, &headers, ours);
    Message { excess: Some(excess), ..Message::of(MessageKind::Unknown, &headers, evidence) }
}

/// Understands a message of which `outer` are the headers that came with the envelope.
fn understand(
    letter: &Letter<'_>,
    outer: &Headers<'_>,
    recipient: Option<&str>,
    ours: &Ours<'_>,
    bounds: &Bounds,
) -> Result<Message, Excess> {
    let kind = kind::of(letter);
    let mut evidence = Evidence::of_envelope(recipient, outer, ours);
    // A person's quotation below the text is no returned message.
    if letter.attached.is_some() || matches!(kind, MessageKind::Dsn | MessageKind::Arf) {
        evidence.add_returned(&letter.returned(bounds), ours);
    }
    let mut reports = Vec::new();
    let mut copy_at = None;
    let mut what = None;
    match kind {
        MessageKind::Dsn => {
            let delivery = delivery::read(letter, bounds)?;
            add_fields(&mut evidence, &delivery.groups, ours);
            evidence.add_text(&letter.human.report, ours);
            evidence.add_reports(&delivery.reports, &delivery.aliases);
            copy_at = copy_at_of(&delivery.groups, &letter.returned(bounds));
            reports = delivery.reports;
        }
        MessageKind::Arf | MessageKind::Mdn => {
            let read = if kind == MessageKind::Arf { feedback::complaint } else { feedback::receipt };
            let feedback = read(letter, bounds);
            add_fields(&mut evidence, &feedback.groups, ours);
            evidence.add_reports(&feedback.reports, &[]);
            (reports, what) = (feedback.reports, feedback.what);
        }
        MessageKind::AutoReply | MessageKind::Reply | MessageKind::Unknown => {}
    }
    let hint = if kind == MessageKind::AutoReply { hint(letter) } else { None };
    Ok(Message { reports, what, hint, copy_at, ..Message::of(kind, outer, evidence) })
}

fn add_fields(evidence: &mut Evidence, groups: &[Group], ours: &Ours<'_>) {
    for (name, value) in groups.iter().flat_map(Group::iter) {
        evidence.add_field(name, value, ours);
    }
}

/// When the first server had what is returned: the lowest of the marks that servers leave on their way is our own relay's, whose clock
/// is near ours. Without one, the report's field (RFC 3464 section 2.2.5).
fn copy_at_of(groups: &[Group], returned: &Headers<'_>) -> Option<Timestamp> {
    let arrival = groups.iter().find_map(|group| group.get("arrival-date")).map(str::to_owned);
    let received = returned.all("received").last().and_then(|it| it.rsplit_once(';').map(|(_, date)| date.to_owned()));
    let date = |text: String| {
        let date = DateTime::parse_rfc822(&format!("{}\n", text.trim())).filter(DateTime::is_valid)?;
        Timestamp::from_second(date.to_timestamp()).ok()
    };
    received.and_then(date).or_else(|| arrival.and_then(date))
}

fn hint(letter: &Letter<'_>) -> Option<Hint> {
    let text = format!("{}\n{}", letter.subject, letter.opening());
    if SIGNS.says("left-company", &text) {
        Some(Hint::LeftCompany)
    } else {
        SIGNS.says("new-address", &text).then_some(Hint::NewAddress)
    }
}

/// More servers than any mail passes (RFC 5321 section 6.3 asks for 100 at least, but mail from people has some ten).
const MOST_HOPS: usize = 50;

fn has_looped(headers: &Headers<'_>) -> bool {
    let hops = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"received")).count();
    hops > MOST_HOPS || OWN.iter().any(|name| headers.raw(name).is_some())
}

/// Headers that only our own mail has.
const OWN: &[&str] = &["x-besked-delivery", "x-besked-loop"];

fn is_from_machine(headers: &Headers<'_>) -> bool {
    let says = |name: &str, words: &[&str]| {
        let value = headers.get(name).unwrap_or_default().to_lowercase();
        words.contains(&value.split([';', ' ', '(']).next().unwrap_or_default())
    };
    says("auto-submitted", &["auto-generated", "auto-replied", "auto-notified"])
        || says("precedence", &["bulk", "junk", "auto_reply"])
        || says("content-type", &["multipart/report"])
}

impl Message {
    /// A message at which the reader failed. The address that it came to still says which delivery it is about.
    #[must_use]
    pub fn unread(recipient: Option<&str>, ours: &Ours<'_>) -> Self {
        let headers = Headers::default();
        let evidence = Evidence::of_envelope(recipient, &headers, ours);
        Self { excess: Some(Excess::Fault), ..Self::of(MessageKind::Unknown, &headers, evidence) }
    }

    fn of(kind: MessageKind, headers: &Headers<'_>, evidence: Evidence) -> Self {
        let id = headers
            .get("message-id")
            .map(|id| id.trim_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>')).to_owned());
        let from =
            headers.get("from").and_then(|from| crate::inbound::reader::address::first(&from).map(str::to_owned));
        let null_sender = headers.get("return-path").is_some_and(|path| path.trim() == "<>");
        Self {
            kind,
            excess: None,
            evidence,
            reports: Vec::new(),
            message_id: id.filter(|id| !id.is_empty()),
            from,
            subject: headers.get("subject").unwrap_or_default(),
            null_sender,
            looped: has_looped(headers),
            from_machine: is_from_machine(headers),
            what: None,
            hint: None,
            copy_at: None,
            dkim: if headers.raw("dkim-signature").is_some() { Dkim::NotChecked } else { Dkim::Unsigned },
        }
    }

    /// The only or the worst report, which stands for the message where it is shown in one line.
    #[must_use]
    pub fn worst(&self) -> Option<&Report> {
        self.reports.iter().min_by_key(|report| (report.action != Action::Failed, report.verdict))
    }

    /// The action of the worst report.
    #[must_use]
    pub fn action(&self) -> Action {
        self.worst().map_or(Action::None, |report| report.action)
    }

    /// The verdict of the worst report.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.worst().map_or(Verdict::None, |report| report.verdict)
    }
}

#[cfg(test)]
mod tests;
