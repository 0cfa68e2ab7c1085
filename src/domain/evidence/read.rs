//! Reading an evidence file record by record, so that memory holds what is proved and not the file.

use std::fmt;
use std::io::Read;

use data_encoding::BASE64;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::{Checker, FORMAT, Invalid, Part, Summary};
use crate::domain::checkpoint::TlogProof;
use crate::domain::note::VerifierKey;

/// An entry as the file has it; all in base64 but the proof.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryRecord {
    /// The leaf.
    pub leaf: String,
    /// Canonical bytes of the fact.
    pub fact: String,
    /// Salt of the fact's commitment.
    pub fact_salt: String,
    /// Canonical bytes of the person; empty for an entry without one, null if it is not opened.
    #[serde(deserialize_with = "present")]
    pub person: Option<String>,
    /// Salt of the person's commitment; null if the person is.
    #[serde(deserialize_with = "present")]
    pub person_salt: Option<String>,
    /// `c2sp.org/tlog-proof@v1`.
    pub proof: String,
}

/// A recipient as the file has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipientRecord {
    /// Place in the manifest, from 0.
    pub ordinal: u64,
    /// CBOR `[account_id, address]`.
    pub who: String,
    /// Salt of the commitment.
    pub salt: String,
    /// Siblings on the way to the manifest's root, from below.
    pub path: Vec<String>,
}

/// A message as the file has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageRecord {
    /// SHA-256, in hexadecimal.
    pub sha256: String,
    /// The exact bytes, in base64.
    pub eml: String,
}

/// A member that may be null but not missing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

/// Verifies an evidence file with the ledger's key. `each` gets every part once it is checked, and must not be believed before
/// the end: what is wrong may come last. Memory holds some bytes for each entry, whatever the length of the records.
///
/// # Errors
/// [`Invalid`]: why it proves nothing; the first thing that is wrong with it.
pub fn verify_each(file: impl Read, key: &VerifierKey, each: &mut dyn FnMut(Part)) -> Result<Summary, Invalid> {
    let mut reading = Reading { checker: Checker::new(key, each), refused: None };
    let mut json = serde_json::Deserializer::from_reader(file);
    let read = FileSeed(&mut reading).deserialize(&mut json).and_then(|()| json.end());
    match (reading.refused, read) {
        (Some(refused), _) => Err(refused),
        (None, Err(error)) if error.is_io() => Err(Invalid::Unreadable(error.to_string())),
        (None, Err(error)) => Err(Invalid::Form(error.to_string())),
        (None, Ok(())) => reading.checker.finish(),
    }
}

pub(super) fn decode(member: &'static str, base64: &str) -> Result<Vec<u8>, Invalid> {
    BASE64.decode(base64.as_bytes()).map_err(|_| Invalid::Base64(member))
}

pub(super) fn array(member: &'static str, base64: &str) -> Result<[u8; 32], Invalid> {
    decode(member, base64)?.try_into().map_err(|_| Invalid::Base64(member))
}

/// The checker, and what it refused: serde's errors carry text only.
struct Reading<'a> {
    checker: Checker<'a>,
    refused: Option<Invalid>,
}

struct FileSeed<'r, 'a>(&'r mut Reading<'a>);

impl<'de> DeserializeSeed<'de> for FileSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FileSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an evidence file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        const MEMBERS: [&str; 4] = ["format", "entries", "recipients", "messages"];
        let mut seen: Vec<usize> = Vec::new();
        while let Some(member) = map.next_key::<String>()? {
            let known = MEMBERS.iter().position(|known| *known == member);
            let place = known.ok_or_else(|| A::Error::unknown_field(&member, &MEMBERS))?;
            // In this order: the format before what it describes.
            if seen.last().is_some_and(|last| *last >= place) {
                return Err(A::Error::custom(format_args!("the member `{member}` is out of place")));
            }
            seen.push(place);
            match member.as_str() {
                "format" => {
                    let format: String = map.next_value()?;
                    if format != FORMAT {
                        return Err(A::Error::custom(format_args!("its format is not `{FORMAT}`")));
                    }
                }
                "entries" => {
                    map.next_value_seed(Records::<EntryRecord>::new(self.0, "entry", index, Checker::entry))?;
                    self.0.checker.named.complete();
                }
                "recipients" => {
                    map.next_value_seed(Records::<RecipientRecord>::new(
                        self.0,
                        "recipient",
                        |record| Some(record.ordinal),
                        Checker::recipient,
                    ))?;
                }
                _ => {
                    map.next_value_seed(Records::<MessageRecord>::new(self.0, "message", |_| None, Checker::message))?
                }
            }
        }
        if seen.starts_with(&[0, 1, 2]) { Ok(()) } else { Err(A::Error::custom("a member is missing")) }
    }
}

/// The index of an entry in the ledger, as its proof has it.
fn index(record: &EntryRecord) -> Option<u64> {
    TlogProof::parse(&record.proof).ok().map(|proof| proof.index)
}

type Check<'a, T> = fn(&mut Checker<'a>, &T) -> Result<(), Invalid>;

/// An array of records, each checked when it is read.
struct Records<'r, 'a, T> {
    reading: &'r mut Reading<'a>,
    record: &'static str,
    number: fn(&T) -> Option<u64>,
    check: Check<'a, T>,
}

impl<'r, 'a, T> Records<'r, 'a, T> {
    fn new(
        reading: &'r mut Reading<'a>,
        record: &'static str,
        number: fn(&T) -> Option<u64>,
        check: Check<'a, T>,
    ) -> Self {
        Self { reading, record, number, check }
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Records<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Records<'_, '_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array with one {} after the other", self.record)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<(), A::Error> {
        let mut number = 1;
        while let Some(record) = records.next_element::<T>()? {
            if let Err(problem) = (self.check)(&mut self.reading.checker, &record) {
                let name = self.record;
                let record = match (self.number)(&record) {
                    Some(its) => format!("{name} {its} (the file's {name} number {number})"),
                    None => format!("the file's {name} number {number}"),
                };
                let refused = Invalid::At { record, problem: Box::new(problem) };
                self.reading.refused = Some(refused);
                return Err(A::Error::custom("refused"));
            }
            number += 1;
        }
        Ok(())
    }
}
