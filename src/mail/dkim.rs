//! DKIM (RFC 6376, RFC 8463): the signatures on top of a message, and the DNS records by which others check them.
//!
//! A signature has no expiry (`x=`): a message that waits for a relay keeps the bytes of its first attempt. The time of the
//! signature (`t=`) is the Date of the message, so that the same message and key yield the same bytes.

use std::fmt;

use data_encoding::BASE64;
use jiff::Timestamp;
use memchr::{memchr, memchr3, memmem};
use ring::error::Unspecified;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use serde::Serialize;
use thiserror::Error;
use x509_cert::der::asn1::{AnyRef, BitStringRef};
use x509_cert::der::oid::db::rfc5912::RSA_ENCRYPTION;
use x509_cert::der::{self, Encode as _};
use x509_cert::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::config::{Dkim, DkimKey};
use crate::domain::digest::sha256;

/// Fields that a message may contain at most once. They are signed once more often than they occur, so that nobody can add
/// another one that readers see instead of the signed one (RFC 6376 section 8.15).
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

/// Fields that are signed once more often than they occur, and not at all if they are absent: RFC 8058 requires them to be
/// signed, while a customer's own mailing list may add them to a notice without them.
const ONCE_IF_THERE: &[&str] = &["List-Unsubscribe", "List-Unsubscribe-Post"];

/// Fields that are signed if they occur.
const IF_THERE: &[&str] = &[
    "List-Id",
    "Feedback-ID",
    "Auto-Submitted",
    "Content-Language",
    "X-Besked-Delivery",
    "X-Besked-Token",
    "X-Besked-Category",
    "X-Besked-Test",
    "X-Besked-Account",
    "X-Besked-Notice",
    "X-Besked-Loop",
];

/// The reason a key does not sign.
#[derive(Debug, Error)]
#[error("key for {record}: {problem}")]
pub struct SignError {
    /// The name of the key's DNS record.
    record: String,
    problem: String,
}

impl SignError {
    fn new(entry: &Dkim, problem: impl fmt::Display) -> Self {
        Self { record: entry.record_name(), problem: problem.to_string() }
    }
}

/// Returns a signature by each key, to be put on top of a message whose lines all end in CRLF: relaxed in header and body, since
/// relays fold and trim.
///
/// # Errors
/// If a key was not read, or does not sign.
pub fn signatures(keys: &[&Dkim], date: Timestamp, message: &[u8]) -> Result<Vec<u8>, SignError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (fields, body) = apart(message);
    let signed = to_sign(&fields);
    let head = relaxed_head(signed.iter().filter_map(|(_, field)| *field));
    let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
    // Both algorithms hash the body with SHA-256: once is enough.
    let hash = BASE64.encode(&sha256(&relaxed_body(body)));
    let mut out = Vec::with_capacity(1024 * keys.len());
    for entry in keys {
        let key = entry.key().ok_or_else(|| SignError::new(entry, "it was not read"))?;
        let unsigned = tags(entry, key, date, &names, &hash);
        let over = [&head, b"dkim-signature:".as_slice(), unsigned.replace(FOLD, " ").as_bytes()].concat();
        let signature = signature(key, &over).map_err(|error| SignError::new(entry, error))?;
        out.extend_from_slice(format!("DKIM-Signature: {unsigned}{}\r\n", in_lines(&signature)).as_bytes());
    }
    Ok(out)
}

/// Signs the SHA-256 hash of the text: RSASSA-PKCS1-v1_5 hashes it itself, Ed25519 is passed the hash (RFC 8463 section 3).
fn signature(key: &DkimKey, over: &[u8]) -> Result<Vec<u8>, Unspecified> {
    match key {
        DkimKey::Rsa(key) => {
            let mut signature = vec![0; key.public().modulus_len()];
            key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), over, &mut signature)?;
            Ok(signature)
        }
        DkimKey::Ed25519(key) => Ok(key.sign(&sha256(over)).as_ref().to_vec()),
    }
}

/// The fold within a field; one space in its relaxed form.
const FOLD: &str = "\r\n\t";

/// Octets of a folded line, its tab counted as one.
const WIDTH: usize = 76;

/// The tags of a signature, up to the value of `b=`. It comes last, without a fold or a semicolon after it: some
/// verifiers hash a space before the semicolon, which RFC 6376 section 3.7 removes.
fn tags(entry: &Dkim, key: &DkimKey, date: Timestamp, names: &[&str], body_hash: &str) -> String {
    let algorithm = match key {
        DkimKey::Rsa(_) => "rsa-sha256",
        DkimKey::Ed25519(_) => "ed25519-sha256",
    };
    let (domain, selector, time) = (&entry.domain, &entry.selector, date.as_second());
    let mut tags = format!("v=1; a={algorithm}; c=relaxed/relaxed; t={time};{FOLD}d={domain}; s={selector};{FOLD}h=");
    let mut width = "\th=".len();
    for (index, name) in names.iter().enumerate() {
        let end = if index + 1 < names.len() { ":" } else { ";" };
        if width + name.len() + end.len() > WIDTH {
            tags.push_str(FOLD);
            width = "\t".len();
        }
        tags.push_str(name);
        tags.push_str(end);
        width += name.len() + end.len();
    }
    tags + FOLD + "bh=" + body_hash + ";" + FOLD + "b="
}

/// Base64, folded; the first line is shorter by `b=`.
fn in_lines(bytes: &[u8]) -> String {
    let text = BASE64.encode(bytes);
    let (mut lines, mut rest, mut width) = (Vec::new(), text.as_str(), WIDTH - "\tb=".len());
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(width));
        lines.push(line);
        rest = after;
        width = WIDTH - "\t".len();
    }
    lines.join(FOLD)
}

/// A field: its name, and its value including folds and the final line break.
type Field<'a> = (&'a [u8], &'a [u8]);

/// Splits a message into fields and body.
fn apart(message: &[u8]) -> (Vec<Field<'_>>, &[u8]) {
    let (mut fields, mut rest) = (Vec::new(), message);
    while !rest.is_empty() && !rest.starts_with(b"\r\n") {
        let (field, after) = rest.split_at(field_end(rest));
        if let Some(colon) = field.iter().position(|byte| *byte == b':') {
            fields.push((&field[..colon], &field[colon + 1..]));
        }
        rest = after;
    }
    (fields, rest.get(2..).unwrap_or_default())
}

/// The end of a field: after the first line break that is not followed by a space.
fn field_end(text: &[u8]) -> usize {
    let mut breaks = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    breaks.find(|end| !matches!(text.get(*end), Some(b' ' | b'\t'))).unwrap_or(text.len())
}

/// The names to sign, each with its field; a name without a field signs that there is no further one.
fn to_sign<'a>(fields: &[Field<'a>]) -> Vec<(&'static str, Option<Field<'a>>)> {
    let mut signed = Vec::new();
    let lists = [(ONCE, true, true), (ONCE_IF_THERE, true, false), (IF_THERE, false, false)];
    for (names, no_more, also_absent) in lists {
        for name in names {
            // From the last to the first, as RFC 6376 section 5.4.2 counts them.
            let those = fields.iter().rev().filter(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
            let before = signed.len();
            signed.extend(those.map(|field| (*name, Some(*field))));
            if no_more && (also_absent || signed.len() > before) {
                signed.push((*name, None));
            }
        }
    }
    signed
}

/// The relaxed form of fields (RFC 6376 section 3.4.2).
fn relaxed_head<'a>(fields: impl Iterator<Item = Field<'a>>) -> Vec<u8> {
    let mut head = Vec::with_capacity(1024);
    for (name, value) in fields {
        head.extend(name.trim_ascii_end().to_ascii_lowercase());
        let words: Vec<&[u8]> = value.split(is_space).filter(|word| !word.is_empty()).collect();
        head.push(b':');
        head.extend(words.join(&b' '));
        head.extend(b"\r\n");
    }
    head
}

/// The relaxed form of a body (RFC 6376 section 3.4.4).
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut relaxed = Vec::with_capacity(body.len() + 2);
    let Some(last) = body.iter().rposition(|byte| !is_space(byte)) else { return relaxed };
    let mut rest = &body[..=last];
    while !rest.is_empty() {
        let (line, after) = rest.split_at(memchr(b'\n', rest).map_or(rest.len(), |end| end + 1));
        let text = line.strip_suffix(b"\r\n").unwrap_or(line);
        if has_single_spaces(text) {
            relaxed.extend(text);
        } else {
            let mut words = text.split(is_space);
            // The first word is empty if the line begins with spaces, of which one is kept.
            relaxed.extend(words.next().unwrap_or_default());
            for word in words.filter(|word| !word.is_empty()) {
                relaxed.push(b' ');
                relaxed.extend(word);
            }
        }
        relaxed.extend(b"\r\n");
        rest = after;
    }
    relaxed
}

/// True of a line that is as its relaxed form is, as most are: looking for words in each would cost more than signing does.
fn has_single_spaces(line: &[u8]) -> bool {
    !line.ends_with(b" ") && memchr3(b'\t', b'\r', b'\n', line).is_none() && memmem::find(line, b"  ").is_none()
}

const fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The DNS record to publish for a key; its display form is a line of a zone file.
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

/// The facts about a key.
#[derive(Clone, Debug)]
pub struct Looked {
    /// Algorithm and size.
    pub kind: String,
    /// The record to publish.
    pub record: Record,
}

/// Tries a key, and returns the record of its public half.
///
/// # Errors
/// If it does not sign.
pub fn look(entry: &Dkim) -> Result<Looked, SignError> {
    let key = entry.key().ok_or_else(|| SignError::new(entry, "it was not read"))?;
    let signature = signature(key, b"besked").map_err(|error| SignError::new(entry, error))?;
    let (kind, name, public) = match key {
        DkimKey::Rsa(key) => {
            let info = public_key_info(key.public_key().as_ref()).map_err(|error| SignError::new(entry, error))?;
            (format!("RSA, {} bits", signature.len() * 8), "rsa", info)
        }
        DkimKey::Ed25519(key) => ("Ed25519".to_owned(), "ed25519", key.public_key().as_ref().to_vec()),
    };
    let value = format!("v=DKIM1; k={name}; p={}", BASE64.encode(&public));
    Ok(Looked { kind, record: Record { name: entry.record_name(), kind: "TXT", value } })
}

/// An RSA public key as receivers expect it: a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) around the RSAPublicKey.
fn public_key_info(key: &[u8]) -> der::Result<Vec<u8>> {
    // With NULL for parameters (RFC 3279 section 2.3.1).
    let algorithm = AlgorithmIdentifierRef { oid: RSA_ENCRYPTION, parameters: Some(AnyRef::NULL) };
    SubjectPublicKeyInfoRef { algorithm, subject_public_key: BitStringRef::from_bytes(key)? }.to_der()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relaxed_form_is_that_of_rfc_6376_section_3_4_5() {
        let (fields, body) = apart(b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n");
        assert_eq!(relaxed_head(fields.into_iter()), b"a:X\r\nb:Y Z\r\n");
        assert_eq!(relaxed_body(body), b" C\r\nD E\r\n");
        for nothing in ["", "\r\n", " \r\n\t\r\n"] {
            assert_eq!(relaxed_body(nothing.as_bytes()), b"", "{nothing:?}");
        }
        assert_eq!(relaxed_body(b"a\r\n \t\r\n\r\nb"), b"a\r\n\r\n\r\nb\r\n");
        assert_eq!(relaxed_body(b"a b\r\n\r\na  b\r\nc \r\n\td\te"), b"a b\r\n\r\na b\r\nc\r\n d e\r\n");
    }
}
