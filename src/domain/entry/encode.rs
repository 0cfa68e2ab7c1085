//! Writing an entry's bodies: deterministic CBOR (RFC 8949 section 4.2.1), and the commitments to it.

use jiff::Timestamp;
use minicbor::Encoder;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use uuid::Uuid;

use super::{Detail, Fact, Person};
use crate::domain::coverage::Terms;
use crate::domain::delivery::Level;
use crate::domain::digest::sha256;

/// The leaf that commits to two bodies under their salts.
#[must_use]
pub fn leaf(fact_salt: &[u8], fact: &[u8], person_salt: &[u8], person: &[u8]) -> Vec<u8> {
    let (fact, person) = (hmac(fact_salt, fact), hmac(person_salt, person));
    encode(|cbor| {
        cbor.array(3)?.u8(1)?.bytes(&fact)?.bytes(&person)?;
        Ok(())
    })
}

/// `who` of a recipient's commitment: CBOR `[account_id, address]`.
#[must_use]
pub fn who(account_id: &str, address: &str) -> Vec<u8> {
    encode(|cbor| {
        cbor.array(2)?.str(&nfc(account_id))?.str(&nfc(address))?;
        Ok(())
    })
}

/// A recipient's commitment in the manifest: HMAC-SHA256 over [`who`] under a random salt.
#[must_use]
pub fn commitment(salt: &[u8], account_id: &str, address: &str) -> [u8; 32] {
    hmac(salt, &who(account_id, address))
}

/// Digest of what is shown of a notice beside its content: SHA-256 of CBOR `[subject, reference or null, id of the notice that it
/// follows (16 bytes) or null, domain of its Message-IDs, least level that counts as informed, deadline (ms since 1970) or null]`.
#[must_use]
pub fn shown(
    subject: &str,
    reference: Option<&str>,
    follows: Option<Uuid>,
    message_domain: &str,
    terms: Option<Terms>,
) -> [u8; 32] {
    sha256(&encode(|cbor| {
        cbor.array(6)?.str(&nfc(subject))?;
        match reference {
            Some(reference) => cbor.str(&nfc(reference))?,
            None => cbor.null()?,
        };
        match follows {
            Some(id) => cbor.bytes(id.as_bytes())?,
            None => cbor.null()?,
        };
        cbor.str(message_domain)?.encode(terms.map(|terms| terms.informed_at.as_str()))?;
        cbor.encode(terms.and_then(|terms| terms.deadline).map(millis))?;
        Ok(())
    }))
}

/// HMAC-SHA256 (RFC 2104).
#[must_use]
pub fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mac = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key), message);
    mac.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes")
}

/// A time as it is written: milliseconds since 1970.
fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or(0)
}

type EncodeError = minicbor::encode::Error<std::convert::Infallible>;
type Cbor<'a> = Encoder<&'a mut Vec<u8>>;

fn encode(write: impl FnOnce(&mut Cbor<'_>) -> Result<(), EncodeError>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(160);
    write(&mut Encoder::new(&mut bytes)).expect("writing to memory does not fail");
    bytes
}

/// Text as it is written in entries: in normal form C (Unicode Standard Annex 15).
#[must_use]
pub fn nfc(text: &str) -> std::borrow::Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) { text.into() } else { text.nfc().collect::<String>().into() }
}

impl Fact {
    /// Canonical bytes.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        encode(|cbor| {
            cbor.array(10)?;
            match &self.notice {
                Some((id, category, digest)) => {
                    cbor.bytes(id.as_bytes())?.str(category.as_str())?.bytes(digest)?;
                }
                None => {
                    cbor.null()?.null()?.null()?;
                }
            }
            cbor.str(self.event.as_str())?.encode(self.ordinal)?.encode(self.level.map(Level::as_str))?;
            cbor.u64(millis(self.at))?;
            cbor.encode(self.attempt)?.encode(self.status_class)?;
            self.detail.encode(cbor)
        })
    }
}
impl Detail {
    fn encode(&self, cbor: &mut Cbor<'_>) -> Result<(), EncodeError> {
        match self {
            Self::None => {
                cbor.array(0)?;
            }
            Self::Manifest(it) => {
                cbor.array(6)?.u64(it.count)?.bytes(&it.root)?.u64(it.customers)?;
                cbor.u64(it.unaddressed)?.bytes(&it.unaddressed_root)?.bytes(&it.shown)?;
            }
            Self::Addressed(batch) => {
                cbor.array(3)?.u64(batch.first)?.u64(batch.count)?.bytes(&batch.root)?;
            }
            Self::Attested { id, told_at } => {
                cbor.array(2)?.bytes(id.as_bytes())?.encode(told_at.map(millis))?;
            }
            Self::NotSent(reason) => {
                cbor.array(1)?.str(reason.as_str())?;
            }
            Self::Withdrawn(outcome) => {
                cbor.array(1)?.str(outcome.as_str())?;
            }
            Self::Report(it) => {
                cbor.array(7)?.str(it.kind.as_str())?.str(it.tie.as_str())?.str(it.action.as_str())?;
                cbor.encode(it.status.map(|status| status.to_string()))?;
                cbor.str(it.verdict.as_str())?.str(it.dkim.as_str())?.bytes(&it.digest)?;
            }
            Self::Closed(counts) => {
                cbor.array(counts.len() as u64 * 2)?;
                for (outcome, count) in counts {
                    cbor.str(outcome.as_str())?.u64(*count)?;
                }
            }
            Self::Preference { category, opted_out } => {
                cbor.array(2)?.str(category.as_str())?.u8(u8::from(*opted_out))?;
            }
            Self::Flag(flag) => {
                cbor.array(1)?.u8(u8::from(*flag))?;
            }
            Self::Cleared { ground, entries } => {
                cbor.array(1 + entries.len() as u64 * 2)?.str(&nfc(ground))?;
                for run in entries {
                    cbor.u64(run.first)?.u64(run.count)?;
                }
            }
            Self::Keys { old, new } => {
                cbor.array(2)?.str(&nfc(old))?.str(&nfc(new))?;
            }
            Self::Continued { reason, size, root } => {
                cbor.array(3)?.str(&nfc(reason))?.u64(*size)?.bytes(root)?;
            }
            Self::Operated { action, object } => {
                cbor.array(2)?.str(action.as_str())?;
                match object {
                    Some(id) => cbor.bytes(id.as_bytes())?,
                    None => cbor.null()?,
                };
            }
        }
        Ok(())
    }
}

impl Person {
    /// Canonical bytes.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        encode(|cbor| {
            cbor.array(11)?;
            cbor.str(&nfc(&self.account_id))?.str(&nfc(&self.address))?.str(&nfc(&self.role))?;
            match &self.sha256 {
                Some(digest) => cbor.bytes(digest)?,
                None => cbor.null()?,
            };
            for text in [&self.message_id, &self.envelope_sender, &self.relay, &self.host, &self.tls] {
                cbor.str(&nfc(text))?;
            }
            cbor.str(&nfc(&self.reply))?.str(&nfc(&self.customer_name))?;
            Ok(())
        })
    }
}
