//! The message: its headers and parts, by lettre, and what all mail has in common.

use jiff::Timestamp;
use lettre::message::header::{
    self, ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue, Headers,
};
use lettre::message::{Body, Mailbox, Mailboxes, Message, MessageBuilder, MultiPart, MultiPartKind, SinglePart};
use thiserror::Error;
use uuid::Uuid;

use crate::config::{Config, Dkim, Organisation};
use crate::domain::address::Address;
use crate::domain::calendar::Method;
use crate::domain::category::{Category, Class};
use crate::domain::mould::MouldError;
use crate::mail::compose::calendar::FILE;
use crate::mail::dkim::{self, SignError};

/// What the headers of all messages of a mould have in common.
#[derive(Clone, Debug)]
pub struct Head<'a> {
    /// The notice.
    pub notice: Uuid,
    /// Its category.
    pub category: Category,
    /// The language of the text.
    pub language: &'a str,
    /// The subject; `None` if it differs between recipients.
    pub subject: Option<&'a str>,
    /// What separates the parts: something that occurs in neither.
    pub boundary: &'a str,
    /// Marks a test copy.
    pub is_test: bool,
}

/// The message could not be built.
#[derive(Debug, Error)]
#[error("cannot build the message: {0}")]
pub struct MessageError(String);

/// The Message-ID of a delivery: the same on every attempt.
#[must_use]
pub fn message_id(delivery_id: Uuid, domain: &str) -> String {
    format!("<{delivery_id}@{domain}>")
}

impl MessageError {
    /// An error with another cause.
    #[must_use]
    pub fn new(problem: impl std::fmt::Display) -> Self {
        Self(problem.to_string())
    }
}

impl From<SignError> for MessageError {
    fn from(error: SignError) -> Self {
        Self::new(error)
    }
}

impl From<MouldError> for MessageError {
    fn from(error: MouldError) -> Self {
        Self::new(error)
    }
}

impl From<lettre::error::Error> for MessageError {
    fn from(error: lettre::error::Error) -> Self {
        Self::new(error)
    }
}

/// An address for lettre. What an address is, is decided once, in [`Address::parse`]: lettre's own rule refuses local parts that
/// RFC 6531 allows, such as those with Thai vowels.
fn lettre_address(address: &Address) -> lettre::Address {
    lettre::Address::new_dangerous(address.local(), address.domain())
}

/// Starts a mail with its From, its Reply-To, its recipient and date.
///
/// # Errors
/// If lettre does not accept the recipient's address.
pub fn begin(
    (from, reply_to): (&Mailbox, &Mailbox),
    to: &Address,
    to_name: &str,
    date: Timestamp,
) -> Result<MessageBuilder, MessageError> {
    let address = lettre_address(to);
    let name = Some(to_name.to_owned()).filter(|name| !name.is_empty());
    let milliseconds = u64::try_from(date.as_millisecond()).unwrap_or(0);
    Ok(Message::builder()
        .from(from.clone())
        .to(Mailbox::new(name, address))
        .reply_to(reply_to.clone())
        .date(std::time::UNIX_EPOCH + std::time::Duration::from_millis(milliseconds)))
}

/// Returns the bytes of a message as they are sent: every line ends in CRLF, the last one too (as a server stores them), with
/// the signatures on top.
///
/// # Errors
/// If it cannot be signed.
pub fn finish(message: &Message, keys: &[&Dkim], date: Timestamp) -> Result<Vec<u8>, MessageError> {
    let bytes = formatted(message);
    let mut signed = dkim::signatures(keys, date, &bytes)?;
    signed.extend_from_slice(&bytes);
    Ok(signed)
}

fn formatted(message: &Message) -> Vec<u8> {
    let mut bytes = message.formatted();
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// The value of a `To` field. It is folded for its place after the name of the field.
///
/// # Errors
/// If lettre does not accept the address.
pub fn to_value(to: &Address, name: &str) -> Result<String, MessageError> {
    plain_to(to, name).map_or_else(|| encoded_to(to, name), Ok)
}

fn encoded_to(to: &Address, name: &str) -> Result<String, MessageError> {
    let address = lettre_address(to);
    let name = Some(name.to_owned()).filter(|name| !name.is_empty());
    Ok(value_of(header::To::from(Mailboxes::from(Mailbox::new(name, address)))))
}

/// The value of a `Reply-To` field, folded likewise. The name may be empty.
#[must_use]
pub fn reply_to_value(to: &Address, name: &str) -> String {
    let name = Some(name.to_owned()).filter(|name| !name.is_empty());
    let mut value = value_of(header::ReplyTo::from(Mailboxes::from(Mailbox::new(name, lettre_address(to)))));
    // lettre does not fold between name and address, and a signed address is long.
    if let Some(at) = value.rfind(" <") {
        let line = value[..at].rfind('\n').map_or("Reply-To: ".len() + at, |begin| at - begin - 1);
        if line + value.len() - at > LINE {
            value.insert_str(at, "\r\n");
        }
    }
    value
}

/// Octets of a line, without its end, that RFC 5322 recommends at most.
const LINE: usize = 78;

/// The value of a `To` field that needs neither an encoded word nor an escape nor a fold, as most do: it is made for every message.
fn plain_to(to: &Address, name: &str) -> Option<String> {
    /// Octets that certainly fit on the line.
    const SHORT: usize = 60;
    let address = to.as_str();
    if name.is_empty() {
        return (address.is_ascii() && address.len() <= SHORT).then(|| address.to_owned());
    }
    let is_atom = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let are_words = name.split(' ').all(|word| !word.is_empty() && word.as_bytes().iter().all(is_atom));
    if !are_words || !address.is_ascii() || name.len() + address.len() > SHORT {
        return None;
    }
    let quote = if name.contains(' ') { "\"" } else { "" };
    Some(format!("{quote}{name}{quote} <{address}>"))
}

/// The subject of a message, as its recipient reads it.
#[must_use]
pub fn subject_of(message: &[u8]) -> Option<String> {
    mail_parser::MessageParser::default().parse_headers(message)?.subject().map(str::to_owned)
}

/// The value of a `Subject` field, folded likewise.
#[must_use]
pub fn subject_value(subject: String) -> String {
    if subject.split(' ').any(|word| word.len() > LONGEST_WORD) {
        return encoded_words(&subject);
    }
    value_of(header::Subject::from(subject))
}

/// The longest word that is written as it is. A line is folded at spaces only, and RFC 5322 allows 998 octets on it.
const LONGEST_WORD: usize = 200;

/// Text as encoded words (RFC 2047), of which each is on a line of its own: it can be folded anywhere.
fn encoded_words(text: &str) -> String {
    /// Octets whose encoded word has at most 75, and beside the name of the field as well.
    const OCTETS: (usize, usize) = (45, 36);
    let mut words = vec![String::new()];
    for c in text.chars() {
        let most = if words.len() == 1 { OCTETS.1 } else { OCTETS.0 };
        if words.last().is_some_and(|word| word.len() + c.len_utf8() > most) {
            words.push(String::new());
        }
        words.last_mut().into_iter().for_each(|word| word.push(c));
    }
    let words = words.iter().map(|word| format!("=?utf-8?b?{}?=", data_encoding::BASE64.encode(word.as_bytes())));
    words.collect::<Vec<_>>().join("\r\n ")
}

/// The value of a `Date` field.
#[must_use]
pub fn date_value(date: Timestamp) -> String {
    date.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

fn value_of(header: impl header::Header) -> String {
    let mut headers = Headers::new();
    headers.set(header);
    let field = headers.to_string();
    let value = field.split_once(": ").map_or("", |(_, value)| value);
    value.trim_end_matches("\r\n").to_owned()
}

/// Builds the message to be cut: multipart/alternative, text first; with a calendar, also in a file beside it. Fields that differ between recipients are in their places with
/// values that are nobody's.
///
/// # Errors
/// If lettre refuses a part; that is not expected.
pub fn build(config: &Config, head: &Head<'_>, parts: Encoded) -> Result<Vec<u8>, MessageError> {
    let nobody = Address::parse("nobody@example.com").map_err(MessageError::new)?;
    let from = config.from_of(head.category);
    let mut builder = begin((from, &config.sender.reply_to), &nobody, "", Timestamp::UNIX_EPOCH)?
        .subject(head.subject.unwrap_or_default())
        .message_id(Some(message_id(Uuid::nil(), "example.com")));
    for (name, value) in extra_headers(&config.organisation, from, head) {
        builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
    }
    let alternative = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(head.boundary)
        .singlepart(part(ContentType::TEXT_PLAIN, parts.text))
        .singlepart(part(ContentType::TEXT_HTML, parts.html));
    let Some((method, calendar)) = parts.calendar else { return Ok(formatted(&builder.multipart(alternative)?)) };
    // Programs that act on a calendar look for it beside the text; others offer the file.
    let kind = |rest: &str| ContentType::parse(&format!("text/calendar; charset=utf-8; method={method}{rest}"));
    let (inside, file) = (kind(""), kind(&format!("; name=\"{FILE}\"")));
    let refused = |error| MessageError::new(format_args!("{error:?}"));
    let file = SinglePart::builder()
        .header(file.map_err(refused)?)
        .header(ContentDisposition::attachment(FILE))
        .body(Body::dangerous_pre_encoded(calendar.clone(), ContentTransferEncoding::QuotedPrintable));
    let mixed = MultiPart::builder()
        .kind(MultiPartKind::Mixed)
        // Neither boundary begins with the other.
        .boundary(format!("=_m{}", head.boundary.trim_start_matches("=_")))
        .multipart(alternative.singlepart(part(inside.map_err(refused)?, calendar)))
        .singlepart(file);
    Ok(formatted(&builder.multipart(mixed)?))
}

fn part(kind: ContentType, encoded: Vec<u8>) -> SinglePart {
    SinglePart::builder()
        .header(kind)
        .body(Body::dangerous_pre_encoded(encoded, ContentTransferEncoding::QuotedPrintable))
}

/// The parts of a message, in quoted-printable.
pub struct Encoded {
    /// The plain text.
    pub text: Vec<u8>,
    /// The HTML.
    pub html: Vec<u8>,
    /// The calendar with its method.
    pub calendar: Option<(Method, Vec<u8>)>,
}

/// What mailbox providers count complaints by, from the notice to the sender: Gmail's postmaster tools show the last field, which is
/// the same for all mail of a domain and has at most 15 letters.
fn feedback_id(from: &Mailbox, head: &Head<'_>) -> String {
    let sender: String = from.email.domain().chars().filter(char::is_ascii_alphanumeric).take(15).collect();
    format!("{}:{}:{}:{sender}", head.notice.simple(), head.category, head.category.class())
}

fn extra_headers(organisation: &Organisation, from: &Mailbox, head: &Head<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("Content-Language", head.language.to_owned()),
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("X-Besked-Delivery", String::new()),
        // The envelope may be rewritten on its way.
        ("X-Besked-Token", String::new()),
        ("X-Besked-Category", head.category.as_str().to_owned()),
        ("Feedback-ID", feedback_id(from, head)),
    ];
    headers.push(("In-Reply-To", String::new()));
    if head.category.class() == Class::Optional {
        headers.push(("List-Unsubscribe", String::new()));
        headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        let name: String = organisation.name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == ' ').collect();
        headers.push(("List-Id", format!("{} <{}.{}>", name.trim(), head.category.as_str(), from.email.domain())));
    }
    if head.is_test {
        headers.push(("X-Besked-Test", "yes".to_owned()));
    }
    headers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_plain_recipient_is_written_as_lettre_writes_it(
            name in r#"[a-zA-Z0-9 ._"åö-]{0,40}"#,
            local in "[a-z.+]{1,30}",
        ) {
            if let Ok(to) = Address::parse(&format!("{local}@example.com")) {
                prop_assert_eq!(to_value(&to, &name).unwrap(), encoded_to(&to, &name).unwrap());
            }
        }
    }

    #[test]
    fn an_address_for_replies_is_on_a_line_of_its_own_if_need_be() {
        let local = "r".repeat(45);
        let to = Address::parse(&format!("{local}@bounces.example.com")).unwrap();
        for (name, lines) in
            [("", 1), ("A", 2), ("Example Support", 2), ("Stöd, Example", 2), ("Å ä ö ".repeat(20).trim(), 9)]
        {
            let field = format!("Reply-To: {}\r\n\r\n", reply_to_value(&to, name));
            assert!(field.lines().all(|line| line.len() <= 78) && field.trim().lines().count() <= lines, "{field}");
            let message = mail_parser::MessageParser::default().parse(field.as_bytes()).unwrap();
            let found = message.reply_to().unwrap().first().unwrap();
            assert_eq!((found.name().unwrap_or_default(), found.address()), (name, Some(to.as_str())));
        }
    }

    #[test]
    fn no_line_of_a_subject_is_too_long() {
        for subject in ["x".repeat(2000), format!("Notice {}", "å".repeat(900)), format!("{} b", "word ".repeat(400))]
        {
            let field = format!("Subject: {}\r\n\r\n", subject_value(subject.clone()));
            assert!(field.lines().all(|line| line.len() <= 78), "{field}");
            let message = mail_parser::MessageParser::default().parse(field.as_bytes()).unwrap();
            assert_eq!(message.subject(), Some(subject.as_str()));
        }
    }

    #[test]
    fn the_date_is_written_as_lettre_writes_it() {
        for date in ["1970-01-01T00:00:00Z", "2026-11-24T10:00:00Z", "2027-02-03T04:05:06.789Z"] {
            let date: Timestamp = date.parse().unwrap();
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::try_from(date.as_second()).unwrap());
            assert_eq!(date_value(date), value_of(header::Date::new(time)));
        }
    }
}
