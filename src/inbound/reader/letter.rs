//! A message as far as it is read: its parts sorted by their use, its text, its sender and subject.

use crate::inbound::reader::address;
use crate::inbound::reader::bounds::{Bounds, Excess};
use crate::inbound::reader::human::{self, Human};
use crate::inbound::reader::mime::content::{self, ContentType};
use crate::inbound::reader::mime::headers::Headers;
use crate::inbound::reader::mime::{self, Part};
use crate::inbound::reader::phrases::SIGNS;

/// A message, sorted.
pub struct Letter<'a> {
    /// Its headers.
    pub headers: Headers<'a>,
    /// Its type.
    pub content: ContentType,
    /// `message/delivery-status`, decoded (RFC 3464, RFC 6533).
    pub status: Option<String>,
    /// `message/feedback-report`, decoded (RFC 5965).
    pub feedback: Option<String>,
    /// `message/disposition-notification`, decoded (RFC 8098).
    pub disposition: Option<String>,
    /// The returned or attached message, decoded as far as its headers may go.
    pub attached: Option<Vec<u8>>,
    /// The text for people, with a returned message that stands in it cut off.
    pub human: Human,
    /// The whole text.
    pub text: String,
    /// True if there is a calendar's answer.
    pub calendar: bool,
    /// The subject.
    pub subject: String,
    /// Who sent it.
    pub sender: Sender,
}

/// Who sent a message.
#[derive(Clone, Debug, Default)]
pub struct Sender {
    /// The address in `From`.
    pub address: Option<String>,
    /// The name in `From` and the local part: what a server calls itself.
    pub called: String,
    /// True if the envelope's sender is null (RFC 5321 section 4.5.5).
    pub null: bool,
}

impl<'a> Letter<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// The bound that it is over.
    pub fn read(bytes: &'a [u8], bounds: &Bounds) -> Result<Self, Excess> {
        let mime::Parts { headers, content, leaves } = mime::parts(bytes, bounds)?;
        let message = |subtypes: &[&str]| reports(&leaves, subtypes, bounds.text);
        let attached =
            leaves.iter().find(|leaf| leaf.content.is_returned()).map(|leaf| content::bytes(leaf, bounds.headers));
        let text = text(&leaves, bounds.text);
        let human = human::divide(&text);
        Ok(Self {
            status: message(&["delivery-status", "global-delivery-status"]),
            feedback: message(&["feedback-report", "x-feedback-report"]),
            disposition: message(&["disposition-notification", "global-disposition-notification"]),
            calendar: leaves.iter().any(|leaf| leaf.content.is("text", Some("calendar"))),
            subject: headers.get("subject").unwrap_or_default(),
            sender: Sender::of(&headers),
            attached,
            human,
            text,
            content,
            headers,
        })
    }

    /// The headers of the returned message: of the part, else of what stands below the report's text.
    #[must_use]
    pub fn returned(&self, bounds: &Bounds) -> Headers<'_> {
        match &self.attached {
            Some(attached) => Headers::of(attached, bounds.headers),
            None => self.human.headers(bounds.headers),
        }
    }

    /// The report that this message only wraps: gateways that scan mail pass a server's report on as an attachment, and add
    /// nothing but a notice of their own. What a person passes on is not such a report.
    #[must_use]
    pub fn wrapped(&self, bounds: &Bounds) -> Option<&[u8]> {
        let attached = self.attached.as_deref()?;
        let inner = ContentType::of(&Headers::of(attached, bounds.headers));
        let is_report = inner.is("multipart", Some("report")) && inner.report.as_deref() == Some("delivery-status");
        let says_nothing = self.status.is_none() && !SIGNS.says("bounce-body", &self.human.report);
        (is_report && says_nothing && self.sender.is_daemon() && !self.has_reply_subject()).then_some(attached)
    }

    /// True if a message is returned or attached.
    #[must_use]
    pub const fn has_returned(&self) -> bool {
        self.attached.is_some() || !self.human.returned.is_empty()
    }

    /// True if the subject begins as that of an answer or a message that is passed on.
    #[must_use]
    pub fn has_reply_subject(&self) -> bool {
        SIGNS.begins("reply-subject", &self.subject)
    }

    /// True if a header names a message that this one answers.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.headers.raw("in-reply-to").is_some() || self.headers.raw("references").is_some()
    }

    /// The beginning of the text, without what is quoted.
    #[must_use]
    pub fn opening(&self) -> String {
        let own = self.human.report.lines().filter(|line| !line.trim_start().starts_with('>'));
        own.flat_map(|line| line.chars().chain(['\n'])).take(1_000).collect()
    }
}

impl Sender {
    /// True for a mail server by its own name, or by having none.
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        SIGNS.says("daemon-sender", &self.called) || self.null && self.address.is_none()
    }

    fn of(headers: &Headers<'_>) -> Self {
        let from = headers.get("from").unwrap_or_default();
        let address = address::first(&from).map(str::to_owned);
        let local = address.as_deref().and_then(|address| address.split('@').next()).unwrap_or_default();
        let name = from.split('<').next().unwrap_or_default();
        let path = headers.get("return-path");
        Self {
            called: format!("{name} {local}").replace(['@', '.', '_'], " "),
            null: path.is_some_and(|path| matches!(path.trim(), "<>" | "")),
            address,
        }
    }
}

/// The parts with one of these subtypes, decoded; some servers write one for each recipient.
fn reports(leaves: &[Part<'_>], subtypes: &[&str], most: usize) -> Option<String> {
    let wanted = |leaf: &&Part<'_>| {
        matches!(leaf.content.kind.as_str(), "message" | "text") && subtypes.contains(&leaf.content.subtype.as_str())
    };
    let mut found: Option<String> = None;
    for leaf in leaves.iter().filter(wanted) {
        let text = found.get_or_insert_default();
        text.push_str(&lossy(content::bytes(leaf, most.saturating_sub(text.len()))));
        text.push_str("\n\n");
    }
    found
}

/// The text for people: of the plain parts; where these say nothing, of the HTML.
fn text(leaves: &[Part<'_>], most: usize) -> String {
    let of = |html: bool| {
        let mut text = String::new();
        for leaf in leaves.iter().filter(|leaf| is_text(&leaf.content, html)).take(20) {
            text.push_str(&content::text(leaf, most.saturating_sub(text.len())));
            text.push_str("\n\n");
        }
        text
    };
    let plain = of(false);
    if plain.trim().len() > 2 { plain } else { of(true) }
}

fn is_text(content: &ContentType, html: bool) -> bool {
    let is_html = content.is("text", Some("html"));
    let is_plain =
        content.is("text", None) && !is_html && !matches!(content.subtype.as_str(), "calendar" | "css" | "xml" | "csv");
    // Types that nobody knows, and reports whose type was lost on the way.
    let odd = content.is("message", Some("report")) || content.is("report", None) || content.is("plain", None);
    if html { is_html } else { (is_plain || odd) && !content.is_returned() && !is_report(content) }
}

fn is_report(content: &ContentType) -> bool {
    ["delivery-status", "feedback-report", "disposition-notification"]
        .iter()
        .any(|name| content.subtype.ends_with(name))
}

fn lossy(bytes: Vec<u8>) -> String {
    let text = String::from_utf8(bytes).unwrap_or_else(|error| {
        let bytes = error.as_bytes();
        // Latin-1 keeps every byte a letter; replacement characters would not be searched.
        bytes.iter().map(|byte| char::from(*byte)).collect()
    });
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "")
}
