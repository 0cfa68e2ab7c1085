//! DKIM (RFC 6376, RFC 8463): the signatures on top of a message, and the DNS records by which others check them.
//!
//! A signature has no expiry (`x=`): what waits for a relay that is down is sent with the bytes it was tried with first. Its
//! time (`t=`) is the Date of the message, so that the same message and key give the same bytes.

use std::fmt;

use data_encoding::BASE64;
use jiff::Timestamp;
use mail_auth::common::crypto::{DkimKey, HashContext as _, HashImpl as _, Sha256, SigningKey as _};
use mail_auth::common::headers::{HeaderStream, Writable, Writer};
use mail_auth::dkim::{Canonicalization, Signature};
use serde::Serialize;

use super::message::MessageError;
use crate::config::Dkim;

/// Fields that a message may have once or not at all. They are signed once more often than they stand there, so that nobody
/// can add another for readers to be shown in place of what was signed (RFC 6376 section 8.15).
const ONCE: &[&str] = &[
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// Fields that are signed once more often where they stand, and not at all where they do not: RFC 8058 wants them signed,
/// while a customer's own mailing list may add them to a notice that has none.
const ONCE_IF_THERE: &[&str] = &["List-Unsubscribe", "List-Unsubscribe-Post"];

/// Fields that are signed where they stand.
const IF_THERE: &[&str] =
    &["List-Id", "Auto-Submitted", "Content-Language", "X-Besked-Delivery", "X-Besked-Category", "X-Besked-Test"];

/// Puts a signature of each key on top of a message, whose lines all end in CRLF: relaxed in header and body, as relays fold
/// and trim.
///
/// # Errors
/// Where a key was not read, or does not sign.
pub fn sign(keys: &[Dkim], date: Timestamp, message: Vec<u8>) -> Result<Vec<u8>, MessageError> {
    if keys.is_empty() {
        return Ok(message);
    }
    let parts = Parts::of(&message);
    let template = Signature {
        h: parts.to_sign(),
        t: u64::try_from(date.as_second()).unwrap_or(0),
        ch: Canonicalization::Relaxed,
        cb: Canonicalization::Relaxed,
        ..Signature::default()
    };
    let (_, header, signed, body) = template.canonicalize(parts);
    let mut head = Vec::with_capacity(1024);
    header.write(&mut head);
    // Both algorithms hash with SHA-256: once is enough.
    let mut hasher = Sha256::hasher();
    body.write(&mut hasher);
    let hash = hasher.complete().as_ref().to_vec();
    let mut out = Vec::with_capacity(message.len() + 1024 * keys.len());
    for entry in keys {
        let unfit = |problem: &dyn fmt::Display| {
            MessageError::new(format_args!("it cannot be signed for {}: {problem}", entry.record_name()))
        };
        let key = entry.key().ok_or_else(|| unfit(&"the key was not read"))?;
        let mut signature = Signature {
            a: key.algorithm(),
            d: entry.domain.clone(),
            s: entry.selector.clone(),
            bh: hash.clone(),
            h: signed.clone(),
            ..template.clone()
        };
        signature.b = key.sign(ToSign { head: &head, signature: &signature }).map_err(|error| unfit(&error))?;
        signature.write(&mut out, true);
    }
    out.extend_from_slice(&message);
    Ok(out)
}

/// What a signature is over: the canonical fields, then its own field with nothing in `b=` (RFC 6376 section 3.7).
struct ToSign<'a> {
    head: &'a [u8],
    signature: &'a Signature,
}

impl Writable for ToSign<'_> {
    fn write(self, writer: &mut impl Writer) {
        writer.write(self.head);
        self.signature.write(writer, false);
    }
}

/// A message taken apart.
struct Parts<'a> {
    /// Name, and value with what folds and ends it.
    fields: Vec<(&'a [u8], &'a [u8])>,
    next: usize,
    body: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(message: &'a [u8]) -> Self {
        let (mut fields, mut rest) = (Vec::new(), message);
        while !rest.is_empty() && !rest.starts_with(b"\r\n") {
            let (field, after) = rest.split_at(field_end(rest));
            if let Some(colon) = field.iter().position(|byte| *byte == b':') {
                fields.push((&field[..colon], &field[colon + 1..]));
            }
            rest = after;
        }
        Self { fields, next: 0, body: rest.get(2..).unwrap_or_default() }
    }

    /// The names to sign; one that stands there more often than the message has the field signs that there is no more of it.
    fn to_sign(&self) -> Vec<String> {
        let is_there = |name: &&&str| self.fields.iter().any(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
        let twice = ONCE.iter().chain(ONCE_IF_THERE.iter().filter(is_there));
        let names = twice.flat_map(|name| [name, name]).chain(IF_THERE.iter().filter(is_there));
        names.map(|name| (*name).to_owned()).collect()
    }
}

/// Where a field ends: after the first line break that no space follows.
fn field_end(text: &[u8]) -> usize {
    let breaks = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    breaks.into_iter().find(|end| !matches!(text.get(*end), Some(b' ' | b'\t'))).unwrap_or(text.len())
}

impl<'a> HeaderStream<'a> for Parts<'a> {
    fn next_header(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        self.next += 1;
        self.fields.get(self.next - 1).copied()
    }

    fn body(&mut self) -> &'a [u8] {
        self.body
    }
}

/// The DNS record to publish for a key; displayed as a line of a zone file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its text, in one piece.
    pub value: String,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.kind)?;
        // A string of a TXT record has up to 255 octets; receivers join them with nothing between (RFC 6376 section 3.6.2.2).
        let mut rest = self.value.as_str();
        while !rest.is_empty() {
            let (string, after) = rest.split_at(rest.len().min(255));
            write!(f, " \"{string}\"")?;
            rest = after;
        }
        Ok(())
    }
}

/// What is known of a key.
#[derive(Clone, Debug)]
pub struct Looked {
    /// Algorithm and size.
    pub kind: String,
    /// The record to publish.
    pub record: Record,
}

/// Looks at a key: tries it, and makes the record of its public half.
///
/// # Errors
/// Where it does not sign.
pub fn look(entry: &Dkim) -> Result<Looked, MessageError> {
    let key = entry.key().ok_or_else(|| MessageError::new("the key was not read"))?;
    let signature = key.sign(b"besked".as_slice()).map_err(MessageError::new)?;
    let (kind, name, public) = match key {
        DkimKey::Rsa(key) => (format!("RSA, {} bits", signature.len() * 8), "rsa", public_key_info(&key.public_key())),
        DkimKey::Ed25519(key) => ("Ed25519".to_owned(), "ed25519", key.public_key()),
    };
    let value = format!("v=DKIM1; k={name}; p={}", BASE64.encode(&public));
    Ok(Looked { kind, record: Record { name: entry.record_name(), kind: "TXT", value } })
}

/// An RSA public key as receivers expect it: a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) around the RSAPublicKey.
fn public_key_info(key: &[u8]) -> Vec<u8> {
    /// AlgorithmIdentifier of rsaEncryption, with NULL for parameters (RFC 3279 section 2.3.1).
    const RSA: &[u8] = &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let bits = der(0x03, &[&[0], key].concat());
    der(0x30, &[RSA, &bits].concat())
}

/// A DER value: tag, length, content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut out = vec![tag];
    if content.len() >= 128 {
        out.push(0x80 | u8::try_from(length.len()).expect("a length has at most eight octets"));
    }
    out.extend_from_slice(length);
    out.extend_from_slice(content);
    out
}
