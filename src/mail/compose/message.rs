//! The message: a rendered notice with its headers, as the bytes that are sent and stored.

use jiff::Timestamp;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message, MessageBuilder, MultiPart, MultiPartKind, SinglePart};
use thiserror::Error;
use uuid::Uuid;

use super::render::Encoded;
use crate::config::{Config, Dkim, Organisation, Sender};
use crate::domain::address::Address;
use crate::domain::category::Category;
use crate::mail::dkim::{self, SignError};

/// The content of a message's headers.
#[derive(Clone, Debug)]
pub struct Head<'a> {
    /// The delivery.
    pub delivery_id: Uuid,
    /// The domain of its Message-ID.
    pub message_domain: &'a str,
    /// The category of the notice.
    pub category: Category,
    /// The language of the text.
    pub language: &'a str,
    /// The recipient.
    pub to: &'a Address,
    /// The recipient's name; may be empty.
    pub to_name: &'a str,
    /// The time of release: the Date of every attempt.
    pub date: Timestamp,
    /// The Message-ID that this message continues.
    pub references: Option<String>,
    /// The one-click address of an optional notice (RFC 8058); `None` for mandatory ones.
    pub unsubscribe_url: Option<&'a str>,
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
    fn new(problem: impl std::fmt::Display) -> Self {
        Self(problem.to_string())
    }
}

impl From<SignError> for MessageError {
    fn from(error: SignError) -> Self {
        Self::new(error)
    }
}

impl From<lettre::error::Error> for MessageError {
    fn from(error: lettre::error::Error) -> Self {
        Self::new(error)
    }
}

/// Starts a mail with its sender, recipient and date.
///
/// # Errors
/// If lettre does not accept the recipient's address.
pub fn begin(sender: &Sender, to: &Address, to_name: &str, date: Timestamp) -> Result<MessageBuilder, MessageError> {
    let address = lettre::Address::new(to.local(), to.domain()).map_err(MessageError::new)?;
    let name = Some(to_name.to_owned()).filter(|name| !name.is_empty());
    let milliseconds = u64::try_from(date.as_millisecond()).unwrap_or(0);
    Ok(Message::builder()
        .from(sender.from.clone())
        .to(Mailbox::new(name, address))
        .reply_to(sender.reply_to.clone())
        .date(std::time::UNIX_EPOCH + std::time::Duration::from_millis(milliseconds)))
}

/// Returns the bytes of a message as they are sent: every line ends in CRLF, the last one too (as a server stores them), with
/// the signatures on top. All mail passes through here.
///
/// # Errors
/// If it cannot be signed.
pub fn finish(message: &Message, keys: &[Dkim], date: Timestamp) -> Result<Vec<u8>, MessageError> {
    let mut bytes = message.formatted();
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    Ok(dkim::sign(keys, date, bytes)?)
}

/// Builds the message: multipart/alternative, text first. The same head and content yield the same bytes.
///
/// # Errors
/// If lettre refuses a part, or a key does not sign; neither is expected.
pub fn build(config: &Config, head: &Head<'_>, content: Encoded) -> Result<Vec<u8>, MessageError> {
    let mut builder = begin(&config.sender, head.to, head.to_name, head.date)?
        .subject(content.subject)
        .message_id(Some(message_id(head.delivery_id, head.message_domain)));
    for (name, value) in extra_headers(&config.organisation, &config.sender, head) {
        builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
    }
    let alternative = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("=_{}", head.delivery_id.simple()))
        .singlepart(part(ContentType::TEXT_PLAIN, content.text))
        .singlepart(part(ContentType::TEXT_HTML, content.html));
    finish(&builder.multipart(alternative)?, &config.dkim, head.date)
}

fn part(kind: ContentType, encoded: Vec<u8>) -> SinglePart {
    SinglePart::builder()
        .header(kind)
        .body(Body::dangerous_pre_encoded(encoded, ContentTransferEncoding::QuotedPrintable))
}

fn extra_headers(organisation: &Organisation, sender: &Sender, head: &Head<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("Content-Language", head.language.to_owned()),
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("X-Besked-Delivery", head.delivery_id.to_string()),
        ("X-Besked-Category", head.category.as_str().to_owned()),
    ];
    if let Some(references) = &head.references {
        headers.push(("In-Reply-To", references.clone()));
        headers.push(("References", references.clone()));
    }
    if let Some(url) = head.unsubscribe_url {
        headers.push(("List-Unsubscribe", format!("<{url}>")));
        headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        let name: String = organisation.name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == ' ').collect();
        headers.push(("List-Id", format!("{} <{}.{}>", name.trim(), head.category.as_str(), sender.domain())));
    }
    if head.is_test {
        headers.push(("X-Besked-Test", "yes".to_owned()));
    }
    headers
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;
    use crate::mail::compose::slots::Piece;

    fn head<'a>(to: &'a Address, name: &'a str, unsubscribe_url: Option<&'a str>) -> Head<'a> {
        Head {
            delivery_id: Uuid::from_u128(0x0193_5a6b_0000_7000_8000_0000_0000_0001),
            message_domain: "example.com",
            category: Category::News,
            language: "sv",
            to,
            to_name: name,
            date: "2026-11-24T10:00:00Z".parse().unwrap(),
            references: Some("<a@example.com>".to_owned()),
            unsubscribe_url,
            is_test: false,
        }
    }

    fn text() -> String {
        format!("Hej,\n.\n.dot\nFrom here\n{}\n", "ö".repeat(1500))
    }

    fn html() -> String {
        format!("<p>Hej</p>\n<p>{}</p>", "ö".repeat(1500))
    }

    fn content() -> Encoded {
        let encoded = |text| super::super::body::Body::new(vec![Piece::Literal(text)]).encoded(|_| String::new());
        Encoded { subject: "Nätverksunderhåll i Sto2".to_owned(), text: encoded(text()), html: encoded(html()) }
    }

    /// mail-parser is the independent reader.
    #[test]
    fn another_reader_finds_what_was_written() {
        let to = Address::parse("åsa@exämple.com").unwrap();
        let bytes =
            build(&Config::default(), &head(&to, "Åsa \"Å\" Öberg, chef", Some("https://x.example/u/t")), content())
                .unwrap();
        let message = MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(message.subject(), Some("Nätverksunderhåll i Sto2"));
        let recipient = message.to().and_then(|to| to.first()).unwrap();
        assert_eq!(recipient.name(), Some("Åsa \"Å\" Öberg, chef"));
        assert_eq!(recipient.address(), Some("åsa@xn--exmple-cua.com"));
        assert_eq!(message.body_text(0).unwrap().replace("\r\n", "\n"), text());
        assert_eq!(message.body_html(0).unwrap().replace("\r\n", "\n"), html());
        assert_eq!(message.header_raw("List-Unsubscribe-Post").map(str::trim), Some("List-Unsubscribe=One-Click"));
        assert_eq!(message.header_raw("Content-Language").map(str::trim), Some("sv"));
        assert_eq!(message.message_id(), Some("01935a6b-0000-7000-8000-000000000001@example.com"));
        assert!(message.in_reply_to().as_text().is_some());
    }

    #[test]
    fn lines_are_short_and_end_in_crlf_and_the_bytes_repeat() {
        let to = Address::parse("a@example.com").unwrap();
        let build = || build(&Config::default(), &head(&to, "", None), content()).unwrap();
        let bytes = build();
        assert_eq!(bytes, build());
        assert!(bytes.ends_with(b"\r\n") && !bytes.ends_with(b"\r\n\r\n\r\n"));
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            assert!(line.ends_with(b"\r\n") && line.len() <= 1000, "{:?}", String::from_utf8_lossy(line));
        }
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("List-Unsubscribe") && !text.contains("List-Id"));
    }
}
