//! Signed notes: text with Ed25519 signatures, as C2SP signed-note v1 has them (<https://c2sp.org/signed-note>).
//!
//! ```text
//! the text, of one or more lines, in UTF-8
//!
//! — example.com/besked BASE64(key id || signature)
//! ```
//!
//! The text includes its last newline; the last empty line of the note divides it from the signatures. A key's id is the first
//! four bytes of SHA-256(name || 0x0A || 0x01 || public key). Keys are passed on as text, `name+id+BASE64(0x01 || public
//! key)` with the id in hexadecimal.
//!
//! A note's text is nothing before its signature is verified, so there is no way here to read it unverified.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use thiserror::Error;

use crate::domain::digest::sha256_of;

/// What every signature line begins with: em dash, space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// The signature type Ed25519, the only one that Besked makes or checks.
const ED25519: u8 = 0x01;

/// The signatures that a note may have. The specification asks for at least 16; most are those of witnesses.
const MAX_SIGNATURES: usize = 100;

/// The bytes that a note may have: above the largest that [`MAX_SIGNATURES`] of the largest kind lead to.
const MAX_BYTES: usize = 1_000_000;

/// Why a note or a key is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// The name cannot be part of a key or a signature line.
    #[error("`{}` is not a key name: it must not be empty, nor contain white space, control characters or `+`", .0.escape_debug())]
    Name(String),
    /// The text of the key has not the right form.
    #[error("not a verifier key: it must read name+id+base64, with an id of 8 lower-case hexadecimal digits")]
    KeyForm,
    /// The key is of a type other than Ed25519.
    #[error("the verifier key is not an Ed25519 key (type 1, then 32 bytes)")]
    KeyType,
    /// The key is no point of the curve, or one for which anybody can make signatures.
    #[error("the verifier key is not a usable Ed25519 public key")]
    KeyValue,
    /// The id in the key's text is not that of its name and public key.
    #[error("the verifier key's id is {found}, but its name and public key have the id {expected}")]
    KeyId {
        /// The id that its name and public key have.
        expected: String,
        /// The id that it states.
        found: String,
    },
    /// The note is larger than anybody means it to be.
    #[error("the note has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// There is a control character other than the newline.
    #[error("the text contains the control character U+{0:04X}")]
    Control(u32),
    /// The text to be signed does not end a line.
    #[error("the text does not end with a newline")]
    NoNewline,
    /// There is no empty line, thus no signature.
    #[error("the note has no signatures: there is no empty line that divides them from the text")]
    Unsigned,
    /// A signature line has not the right form; which, counted from 1.
    #[error("signature line {0} does not read `\u{2014} name base64`")]
    SignatureLine(usize),
    /// There are more signatures than anybody means there to be.
    #[error("the note has more than {MAX_SIGNATURES} signatures")]
    TooManySignatures,
    /// None of the signatures is by the key.
    #[error("the note is not signed by {0}")]
    NotSignedBy(String),
    /// A signature by the key is not one of this text.
    #[error("the signature by {0} is wrong: the text was altered, or another key signed it")]
    WrongSignature(String),
}

/// A public key with the name under which it signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl VerifierKey {
    /// The key under a name, which is best the log's address without scheme: `example.com/besked`.
    ///
    /// # Errors
    /// The name or the key cannot be used.
    pub fn new(name: &str, key: VerifyingKey) -> Result<Self, NoteError> {
        if !is_name(name) {
            return Err(NoteError::Name(name.into()));
        }
        if key.is_weak() {
            return Err(NoteError::KeyValue);
        }
        let [a, b, c, d, ..] = sha256_of(&[name.as_bytes(), &[b'\n', ED25519], key.as_bytes()]);
        Ok(Self { name: name.into(), id: [a, b, c, d], key })
    }

    /// True if it is another one's key under another name.
    #[must_use]
    pub fn is_renamed(&self, other: &Self) -> bool {
        self.key == other.key && self.name != other.name
    }

    /// Reads `name+id+base64`.
    ///
    /// # Errors
    /// Says what is wrong with the key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        // Base64 may contain a plus, a name may not: the first two divide.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::KeyForm);
        };
        let id: [u8; 4] = decode_array(HEXLOWER.decode(id.as_bytes())).ok_or(NoteError::KeyForm)?;
        let key = BASE64.decode(key.as_bytes()).map_err(|_| NoteError::KeyForm)?;
        let Some((&ED25519, key)) = key.split_first() else { return Err(NoteError::KeyType) };
        let key = key.try_into().map_err(|_| NoteError::KeyType)?;
        let key = Self::new(name, VerifyingKey::from_bytes(key).map_err(|_| NoteError::KeyValue)?)?;
        if key.id != id {
            return Err(NoteError::KeyId { expected: HEXLOWER.encode(&key.id), found: HEXLOWER.encode(&id) });
        }
        Ok(key)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id: short, so it distinguishes keys of one name and proves nothing.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        self.id
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, HEXLOWER.encode(&self.id), BASE64.encode(&key))
    }
}

/// A private key with the name under which it signs. Its `Debug` shows the public half only.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    verifier_key: VerifierKey,
}

impl Signer {
    /// The key under a name.
    ///
    /// # Errors
    /// The name cannot be used.
    pub fn new(name: &str, key: SigningKey) -> Result<Self, NoteError> {
        Ok(Self { verifier_key: VerifierKey::new(name, key.verifying_key())?, key })
    }

    /// The public half, to be published.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier_key
    }

    /// Signs a text, which must end with a newline. Returns the whole note.
    ///
    /// # Errors
    /// The text cannot be that of a note.
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        check_characters(text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::NoNewline);
        }
        let VerifierKey { name, id, .. } = &self.verifier_key;
        let signature = [id.as_slice(), &self.key.sign(text.as_bytes()).to_bytes()].concat();
        Ok(format!("{text}\n{SIGNATURE_PREFIX}{name} {}\n", BASE64.encode(&signature)))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.verifier_key).finish()
    }
}

/// Verifies that a note is signed by this key, and returns its text.
///
/// Signatures by other keys are ignored, but must be well-formed. One by this key that is wrong makes the note invalid, even
/// if another by it is right.
///
/// # Errors
/// Says why the note is not to be believed.
pub fn verify<'a>(note: &'a str, key: &VerifierKey) -> Result<&'a str, NoteError> {
    check_characters(note)?;
    // The empty line is the newline of the text's last line and one more.
    let end = note.rfind("\n\n").ok_or(NoteError::Unsigned)? + 1;
    let (text, lines) = (&note[..end], &note[end + 1..]);
    if lines.is_empty() {
        return Err(NoteError::Unsigned);
    }
    let mut signed = false;
    for (number, line) in (1..).zip(lines.split_inclusive('\n')) {
        if number > MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        let line = SignatureLine::parse(line).ok_or(NoteError::SignatureLine(number))?;
        if line.name == key.name && line.id == key.id {
            line.verify(text, key)?;
            signed = true;
        }
    }
    if signed { Ok(text) } else { Err(NoteError::NotSignedBy(key.name.clone())) }
}

/// One line below the text of a note.
struct SignatureLine<'a> {
    name: &'a str,
    id: [u8; 4],
    /// As long as its type wants it, which is known for the keys we have only.
    signature: Vec<u8>,
}

impl<'a> SignatureLine<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, base64) = line.strip_prefix(SIGNATURE_PREFIX)?.strip_suffix('\n')?.split_once(' ')?;
        let bytes = BASE64.decode(base64.as_bytes()).ok()?;
        let (id, signature) = bytes.split_first_chunk()?;
        (is_name(name) && !signature.is_empty()).then(|| Self { name, id: *id, signature: signature.into() })
    }

    /// Strict: refuses also the odd signatures and keys on which Ed25519's implementations disagree.
    fn verify(&self, text: &str, key: &VerifierKey) -> Result<(), NoteError> {
        Signature::from_slice(&self.signature)
            .and_then(|signature| key.key.verify_strict(text.as_bytes(), &signature))
            .map_err(|_| NoteError::WrongSignature(self.name.into()))
    }
}

/// Returns true for text that may be a key's name.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c == '+' || c < ' ')
}

/// Checks what holds for a note as a whole and for its text alike.
fn check_characters(text: &str) -> Result<(), NoteError> {
    if text.len() > MAX_BYTES {
        return Err(NoteError::TooLarge);
    }
    match text.chars().find(|&c| c < ' ' && c != '\n') {
        Some(control) => Err(NoteError::Control(control.into())),
        None => Ok(()),
    }
}

/// An array from decoded bytes, if they are as many.
pub(super) fn decode_array<const N: usize>(bytes: Result<Vec<u8>, data_encoding::DecodeError>) -> Option<[u8; N]> {
    bytes.ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and note in the documentation of Go's `sumdb/note`, which the specification was taken from.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const PRIVATE_KEY: &[u8] = b"AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const TEXT: &str =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const SIGNATURE: &str = "\u{2014} PeterNeumann \
        x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn key() -> VerifierKey {
        VerifierKey::parse(KEY).unwrap()
    }

    fn signer(name: &str) -> Signer {
        let [_, seed @ ..]: [u8; 33] = decode_array(BASE64.decode(PRIVATE_KEY)).unwrap();
        Signer::new(name, SigningKey::from_bytes(&seed)).unwrap()
    }

    #[test]
    fn the_published_note() {
        let signer = signer("PeterNeumann");
        assert_eq!(signer.verifier_key().to_string(), KEY);
        let note = format!("{TEXT}\n{SIGNATURE}");
        assert_eq!(signer.sign(TEXT), Ok(note.clone()));
        assert_eq!(verify(&note, &key()), Ok(TEXT));
        assert!(!format!("{signer:?}").contains("810a1402"));
    }

    #[test]
    fn keys_are_strict() {
        let refused = [
            ("", NoteError::KeyForm),
            ("a+c74f20a3", NoteError::KeyForm),
            (&KEY.replace("c74f20a3", "c74f20a"), NoteError::KeyForm),
            (&KEY.replace("c74f20a3", "C74F20A3"), NoteError::KeyForm),
            (&KEY.replace("10TW", "10TW="), NoteError::KeyForm),
            (&KEY.replace("+AR", "+Ah"), NoteError::KeyType),
            (&KEY.replace("10TW", ""), NoteError::KeyType),
            (&KEY.replace("PeterNeumann", ""), NoteError::Name(String::new())),
            (&KEY.replace("Neumann", "\u{a0}N"), NoteError::Name("Peter\u{a0}N".into())),
            ("a+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NoteError::KeyValue),
        ];
        for (text, error) in refused {
            assert_eq!(VerifierKey::parse(text), Err(error), "{text}");
        }
        let error = VerifierKey::parse(&KEY.replace("c74f20a3", "c74f20a4")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the verifier key's id is c74f20a4, but its name and public key have the id c74f20a3"
        );
    }

    #[test]
    fn notes_are_strict() {
        let wrong = NoteError::WrongSignature("PeterNeumann".into());
        let not_signed = NoteError::NotSignedBy("PeterNeumann".into());
        let other = signer("other").sign(TEXT).unwrap();
        let (_, other) = other.split_at(TEXT.len() + 1);
        let namesake = Signer::new("PeterNeumann", SigningKey::from_bytes(&[9; 32])).unwrap().sign(TEXT).unwrap();
        let (_, namesake) = namesake.split_at(TEXT.len() + 1);
        assert_eq!(verify(&format!("{TEXT}\n{other}{namesake}{SIGNATURE}"), &key()), Ok(TEXT));
        let refused = [
            (TEXT.into(), NoteError::Unsigned),
            (format!("{TEXT}\n"), NoteError::Unsigned),
            (format!("{TEXT}{SIGNATURE}"), NoteError::Unsigned),
            (format!("{TEXT}\n{other}"), not_signed),
            (format!("{TEXT}\n{SIGNATURE}{SIGNATURE}").replacen("x08go/Z", "x08go/a", 1), wrong.clone()),
            (format!("{TEXT}\n{SIGNATURE}").replacen("If", "if", 1), wrong),
            (format!("{TEXT}\n{SIGNATURE}").replace("AM=\n", "AN=\n"), NoteError::SignatureLine(1)),
            (format!("{TEXT}\n{other}{SIGNATURE}").trim_end().into(), NoteError::SignatureLine(2)),
            (format!("{TEXT}\n{SIGNATURE}\u{2014} a AAAAAA==\n"), NoteError::SignatureLine(2)),
            (format!("{TEXT}\n{SIGNATURE}- a AAAAAAA=\n"), NoteError::SignatureLine(2)),
            (format!("{TEXT}\n{}", other.repeat(101)), NoteError::TooManySignatures),
            (format!("{TEXT}\r\n{SIGNATURE}"), NoteError::Control(0x0d)),
            (format!("{}\n{SIGNATURE}", "x".repeat(MAX_BYTES)), NoteError::TooLarge),
        ];
        for (note, error) in refused {
            assert_eq!(verify(&note, &key()), Err(error), "{note:.300}");
        }
        assert_eq!(signer("a").sign("no newline"), Err(NoteError::NoNewline));
        assert_eq!(signer("a").sign("a\tb\n"), Err(NoteError::Control(9)));
    }
}
