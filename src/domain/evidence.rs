//! Evidence: a file that proves entries of the ledger to anybody with its verifier key, without us.
//!
//! The format is `besked-evidence/1`, JSON, described in `docs/evidence.md`. Reading it is strict: one spelling of base64, no
//! member unknown or missing, entries and recipients in ascending order, everything by one checkpoint. Everything with a meaning
//! is covered by a hash that leads to the signature, so that no bit of it can be changed unnoticed.
//!
//! [`verify`] streams: a file is as long as its notice has recipients. [`claims`] says of each entry what it proves and what it
//! does not.

pub mod claims;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::domain::category::Category;
use crate::domain::checkpoint::{Checkpoint, CheckpointError, TlogProof};
use crate::domain::delivery::Outcome;
use crate::domain::digest::sha256;
use crate::domain::entry::{Batch, DecodeError, Detail, Event, Fact, Person, commitments, hmac, parse_who};
use crate::domain::merkle::{Hash, ProofError, leaf_hash, verify_inclusion};
use crate::domain::note::VerifierKey;
use crate::domain::words;
use claims::Claim;

pub use read::{EntryRecord, MessageRecord, RecipientRecord, verify};

/// What the member `format` says.
pub const FORMAT: &str = "besked-evidence/1";

/// Why a file proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Invalid {
    /// It is not JSON of this format.
    #[error("it is not an evidence file: {0}")]
    Form(String),
    /// A member is not base64 of the length it must have.
    #[error("`{0}` is not base64 of the right length in its one spelling")]
    Base64(&'static str),
    /// The proof of an entry does not hold.
    #[error("{0}")]
    Proof(#[from] CheckpointError),
    /// Data without meaning in a proof.
    #[error("the proof carries extra data, which nothing vouches for")]
    Extra,
    /// A body is not one.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// The leaf does not commit to a body.
    #[error("the leaf does not commit to this {0} under this salt")]
    Commitment(&'static str),
    /// A body without its salt, or a salt without its body.
    #[error("the person and its salt must be there both or neither")]
    HalfOpened,
    /// Entries, recipients or messages are not in their order, or occur twice.
    #[error("{0} are not in ascending order, each once")]
    Order(&'static str),
    /// There are entries by several checkpoints.
    #[error("it has proofs by more than one checkpoint")]
    Checkpoints,
    /// There are entries of several notices.
    #[error("it has entries of more than one notice")]
    Notices,
    /// The manifest is missing, or occurs twice.
    #[error("it must have exactly one manifest of its notice")]
    Manifest,
    /// Recipients were added that do not follow those before.
    #[error("recipients were added before its manifest, after its end, or with other ordinals than the next ones")]
    Batch,
    /// The notice is closed twice.
    #[error("its notice is closed twice")]
    Closed,
    /// An entry about a recipient whom the manifest before it does not have.
    #[error("no manifest before it has such a recipient")]
    BeforeManifest,
    /// The manifest's count and the closing counts differ.
    #[error("the notice was closed with {}, but its manifest has {}", words::count(*.closed, "outcome", "outcomes"), words::count(*.count, "recipient", "recipients"))]
    Sum {
        /// Recipients of the manifest.
        count: u64,
        /// Sum of the outcomes.
        closed: u64,
    },
    /// A recipient is not in the manifest's tree.
    #[error("the recipient is not in the manifest: {0}")]
    Recipient(ProofError),
    /// An entry's person is not the recipient of its ordinal.
    #[error("entry {index} is about another person than recipient {ordinal}")]
    OtherPerson {
        /// The entry.
        index: u64,
        /// The recipient.
        ordinal: u64,
    },
    /// A message's digest is not its digest.
    #[error("the message does not have the digest that is stated")]
    Digest,
    /// A message that no entry names.
    #[error("no entry names this message")]
    Message,
    /// The record, and what is wrong with it.
    #[error("{record} {number}: {problem}")]
    At {
        /// `entry`, `recipient` or `message`.
        record: &'static str,
        /// Its place in the file, from 1.
        number: usize,
        /// What is wrong.
        problem: Box<Invalid>,
    },
    /// There is nothing in it.
    #[error("it has no entries")]
    Empty,
}

/// Whom an entry is about, as far as the file opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Nobody: the entry has no person.
    Nobody,
    /// This person.
    Person(Box<Person>),
    /// Somebody whose opening was erased, or is not this file's business.
    Withheld,
}

/// An entry that was proved to be in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Its index.
    pub index: u64,
    /// What it says.
    pub fact: Fact,
    /// Whom it is about.
    pub subject: Subject,
    /// What that proves, and what not.
    pub claim: Claim,
}

/// A recipient that was proved to be in the notice's manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Place in the manifest, from 0.
    pub ordinal: u64,
    /// Account id.
    pub account_id: String,
    /// Address.
    pub address: String,
}

/// A message that an entry names by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// SHA-256 of the bytes as they were sent.
    pub sha256: Hash,
    /// Their number. The bytes themselves stay in the file: there may be a million such messages.
    pub size: usize,
}

/// All that a file proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The checkpoint by which all of it is proved.
    pub checkpoint: Checkpoint,
    /// The notice it is about; `None` for evidence about an address alone.
    pub notice: Option<(Uuid, Category, Hash)>,
    /// Recipients in the manifest and among those that were added later, if there is a manifest.
    pub recipients_in_manifest: Option<u64>,
    /// Entries by index.
    pub entries: Vec<Proven>,
    /// Recipients by ordinal.
    pub recipients: Vec<Recipient>,
    /// Messages by digest.
    pub messages: Vec<Message>,
}

impl Evidence {
    /// Returns true if every recipient of the manifest is in the file.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.recipients_in_manifest == Some(self.recipients.len() as u64)
    }
}

/// Checks records as they are read.
struct Checker<'a> {
    key: &'a VerifierKey,
    checkpoint: Option<(String, Checkpoint)>,
    notice: Option<(Uuid, Category, Hash)>,
    /// The manifest, then the recipients that were added later.
    batches: Vec<Batch>,
    closed: Option<Vec<(Outcome, u64)>>,
    entries: Vec<Proven>,
    /// Recipients as they are stated: the manifest may come later.
    recipients: Vec<(Recipient, Hash, Vec<Hash>)>,
    messages: Vec<Message>,
}

impl<'a> Checker<'a> {
    fn new(key: &'a VerifierKey) -> Self {
        Self {
            key,
            checkpoint: None,
            notice: None,
            batches: Vec::new(),
            closed: None,
            entries: Vec::new(),
            recipients: Vec::new(),
            messages: Vec::new(),
        }
    }

    fn entry(&mut self, record: &EntryRecord) -> Result<(), Invalid> {
        let proof = TlogProof::parse(&record.proof)?;
        if proof.extra.is_some() {
            return Err(Invalid::Extra);
        }
        let leaf = read::decode("leaf", &record.leaf)?;
        self.prove(&proof, &leaf_hash(&leaf))?;
        if self.entries.last().is_some_and(|last| last.index >= proof.index) {
            return Err(Invalid::Order("the entries"));
        }
        let (fact_commitment, person_commitment) = commitments(&leaf)?;
        let (fact, fact_salt) = (read::decode("fact", &record.fact)?, read::array("fact_salt", &record.fact_salt)?);
        if hmac(&fact_salt, &fact) != fact_commitment {
            return Err(Invalid::Commitment("fact"));
        }
        let fact = Fact::from_cbor(&fact)?;
        let subject = subject(record, person_commitment)?;
        self.belongs(&fact)?;
        let claim = claims::of(&fact, &subject);
        self.entries.push(Proven { index: proof.index, fact, subject, claim });
        Ok(())
    }

    /// Checks the proof; the signature only once, as one checkpoint is behind all of them.
    fn prove(&mut self, proof: &TlogProof, leaf: &Hash) -> Result<(), Invalid> {
        match &self.checkpoint {
            Some((note, checkpoint)) if *note == proof.checkpoint => {
                verify_inclusion(leaf, proof.index, checkpoint.size(), &proof.path, &checkpoint.root())
                    .map_err(CheckpointError::from)?;
            }
            Some(_) => return Err(Invalid::Checkpoints),
            None => self.checkpoint = Some((proof.checkpoint.clone(), proof.verify(leaf, self.key)?)),
        }
        Ok(())
    }

    /// Takes up what a fact says of the notice as a whole.
    fn belongs(&mut self, fact: &Fact) -> Result<(), Invalid> {
        if let Some(notice) = fact.notice
            && *self.notice.get_or_insert(notice) != notice
        {
            return Err(Invalid::Notices);
        }
        match &fact.detail {
            Detail::Manifest(_) if !self.batches.is_empty() => return Err(Invalid::Manifest),
            Detail::Manifest(frozen) => self.batches.push(Batch { first: 0, count: frozen.count, root: frozen.root }),
            Detail::Addressed(batch) if self.closed.is_some() || self.total() != Some(batch.first) => {
                return Err(Invalid::Batch);
            }
            Detail::Addressed(batch) => self.batches.push(*batch),
            Detail::Closed(_) if self.closed.is_some() => return Err(Invalid::Closed),
            Detail::Closed(counts) => self.closed = Some(counts.clone()),
            _ => {}
        }
        // The manifest is fixed before anything is sent: an outcome of somebody it does not have proves nothing.
        let known = |ordinal: u64| self.total().is_some_and(|total| ordinal < total);
        if fact.ordinal.is_none_or(known) { Ok(()) } else { Err(Invalid::BeforeManifest) }
    }

    /// Recipients so far, if there is a manifest.
    fn total(&self) -> Option<u64> {
        self.batches.last().and_then(|batch| batch.first.checked_add(batch.count))
    }

    fn recipient(&mut self, record: &RecipientRecord) -> Result<(), Invalid> {
        let (who, salt) = (read::decode("who", &record.who)?, read::array("salt", &record.salt)?);
        let (account_id, address) = parse_who(&who)?;
        let path: Result<Vec<Hash>, Invalid> = record.path.iter().map(|hash| read::array("path", hash)).collect();
        if self.recipients.last().is_some_and(|(last, ..)| last.ordinal >= record.ordinal) {
            return Err(Invalid::Order("the recipients"));
        }
        let recipient = Recipient { ordinal: record.ordinal, account_id, address };
        self.recipients.push((recipient, leaf_hash(&hmac(&salt, &who)), path?));
        Ok(())
    }

    fn message(&mut self, record: &MessageRecord) -> Result<(), Invalid> {
        let bytes = read::decode("eml", &record.eml)?;
        let sha256 = sha256(&bytes);
        if data_encoding::HEXLOWER.encode(&sha256) != record.sha256 {
            return Err(Invalid::Digest);
        }
        if self.messages.last().is_some_and(|last| last.sha256 >= sha256) {
            return Err(Invalid::Order("the messages"));
        }
        self.messages.push(Message { sha256, size: bytes.len() });
        Ok(())
    }

    /// What only the whole file shows.
    fn finish(self) -> Result<Evidence, Invalid> {
        let total = self.total();
        let Some((_, checkpoint)) = self.checkpoint else { return Err(Invalid::Empty) };
        if (self.notice.is_some() || !self.recipients.is_empty()) && total.is_none() {
            return Err(Invalid::Manifest);
        }
        if let (Some(count), Some(counts)) = (total, &self.closed) {
            let closed = counts.iter().fold(0_u64, |sum, (_, n)| sum.saturating_add(*n));
            if closed != count {
                return Err(Invalid::Sum { count, closed });
            }
        }
        let recipients = recipients(self.recipients, &self.batches)?;
        same_persons(&self.entries, &recipients)?;
        named_messages(&self.entries, &self.messages)?;
        Ok(Evidence {
            checkpoint,
            notice: self.notice,
            recipients_in_manifest: total,
            entries: self.entries,
            recipients,
            messages: self.messages,
        })
    }
}

fn subject(record: &EntryRecord, commitment: Hash) -> Result<Subject, Invalid> {
    let (person, salt) = match (&record.person, &record.person_salt) {
        (Some(person), Some(salt)) => (read::decode("person", person)?, read::array("person_salt", salt)?),
        (None, None) => return Ok(Subject::Withheld),
        _ => return Err(Invalid::HalfOpened),
    };
    if hmac(&salt, &person) != commitment {
        return Err(Invalid::Commitment("person"));
    }
    if person.is_empty() { Ok(Subject::Nobody) } else { Ok(Subject::Person(Box::new(Person::from_cbor(&person)?))) }
}

fn recipients(stated: Vec<(Recipient, Hash, Vec<Hash>)>, batches: &[Batch]) -> Result<Vec<Recipient>, Invalid> {
    let mut proved = Vec::with_capacity(stated.len());
    for (number, (recipient, leaf, path)) in (1..).zip(stated) {
        // An ordinal beyond all of them is refused by the proof.
        let after = batches.partition_point(|batch| batch.first <= recipient.ordinal);
        let batch = after.checked_sub(1).and_then(|place| batches.get(place)).ok_or(Invalid::Manifest)?;
        let place = recipient.ordinal - batch.first;
        verify_inclusion(&leaf, place, batch.count, &path, &batch.root).map_err(|error| Invalid::At {
            record: "recipient",
            number,
            problem: Box::new(Invalid::Recipient(error)),
        })?;
        proved.push(recipient);
    }
    Ok(proved)
}

/// An entry about the recipient of an ordinal must be about that person.
fn same_persons(entries: &[Proven], recipients: &[Recipient]) -> Result<(), Invalid> {
    let by_ordinal: BTreeMap<u64, &Recipient> = recipients.iter().map(|it| (it.ordinal, it)).collect();
    for entry in entries {
        let (Some(ordinal), Subject::Person(person)) = (entry.fact.ordinal, &entry.subject) else { continue };
        let Some(recipient) = by_ordinal.get(&ordinal) else { continue };
        if (&recipient.account_id, &recipient.address) != (&person.account_id, &person.address) {
            return Err(Invalid::OtherPerson { index: entry.index, ordinal });
        }
    }
    Ok(())
}

fn named_messages(entries: &[Proven], messages: &[Message]) -> Result<(), Invalid> {
    let named: BTreeSet<Hash> = entries
        .iter()
        .filter_map(|entry| if let Subject::Person(person) = &entry.subject { person.sha256 } else { None })
        .collect();
    let unnamed = messages.iter().position(|message| !named.contains(&message.sha256));
    unnamed.map_or(Ok(()), |index| {
        Err(Invalid::At { record: "message", number: index + 1, problem: Box::new(Invalid::Message) })
    })
}

/// When an entry says that something happened.
impl Proven {
    /// When it happened, as recorded.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.fact.at
    }

    /// What happened.
    #[must_use]
    pub fn event(&self) -> Event {
        self.fact.event
    }
}
