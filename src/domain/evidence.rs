//! Evidence: a file that proves entries of the ledger to anybody with its verifier key, without us.
//!
//! The format is `besked-evidence/1`, JSON, described in `docs/evidence.md`. Reading it is strict: one spelling of base64, no
//! member unknown or missing, entries and recipients in ascending order, everything by one checkpoint. Everything with a meaning
//! is covered by a hash that leads to the signature, so that no bit of it can be changed unnoticed.
//!
//! [`verify_each`] streams: a file is as long as its notice has recipients. [`verify`] keeps what it finds, for a report.
//! [`claims`] says of each entry what it proves and what it does not.

pub mod claims;
mod cross;
mod read;

use std::io::Read;

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::domain::category::Category;
use crate::domain::checkpoint::{Checkpoint, CheckpointError, TlogProof};
use crate::domain::digest::sha256;
use crate::domain::entry::{Batch, DecodeError, Detail, Event, Fact, Person, commitments, hmac, parse_who};
use crate::domain::merkle::{Hash, ProofError, leaf_hash, verify_inclusion};
use crate::domain::note::VerifierKey;
use crate::domain::words;
use claims::Claim;
use cross::Named;

pub use read::{EntryRecord, MessageRecord, RecipientRecord, verify_each};

/// What the member `format` says.
pub const FORMAT: &str = "besked-evidence/1";

/// Why a file proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Invalid {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
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
    #[error("recipients were added before its manifest, or with other ordinals than the next ones")]
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
    #[error("{record}: {problem}")]
    At {
        /// Which it is: `entry`, `recipient` or `message`, with its number in the ledger or the notice, if it has one, and its place in
        /// the file.
        record: String,
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
    /// It was added after the release, and is not in the manifest.
    pub added: bool,
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

/// A part of what a file proves. It holds only if the whole file is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// An entry.
    Entry(Box<Proven>),
    /// A recipient.
    Recipient(Recipient),
    /// A message.
    Message(Message),
}

/// What a valid file has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The checkpoint by which all of it is proved.
    pub checkpoint: Checkpoint,
    /// The notice it is about; `None` for evidence about an address alone.
    pub notice: Option<(Uuid, Category, Hash)>,
    /// Recipients in the manifest and among those that were added later, if there is a manifest.
    pub recipients_in_manifest: Option<u64>,
    /// Of those: added later.
    pub added: u64,
    /// Entries.
    pub entries: u64,
    /// Recipients.
    pub recipients: u64,
    /// Messages.
    pub messages: u64,
}

/// Verifies an evidence file with the ledger's key, and returns all that it proves.
///
/// # Errors
/// [`Invalid`]: why it proves nothing; the first thing that is wrong with it.
pub fn verify(file: impl Read, key: &VerifierKey) -> Result<Evidence, Invalid> {
    let (mut entries, mut recipients, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    let summary = verify_each(file, key, &mut |part| match part {
        Part::Entry(entry) => entries.push(*entry),
        Part::Recipient(recipient) => recipients.push(recipient),
        Part::Message(message) => messages.push(message),
    })?;
    let Summary { checkpoint, notice, recipients_in_manifest, .. } = summary;
    Ok(Evidence { checkpoint, notice, recipients_in_manifest, entries, recipients, messages })
}

/// Checks records as they are read, in the order of the file: entries, recipients, messages.
struct Checker<'a> {
    key: &'a VerifierKey,
    each: &'a mut dyn FnMut(Part),
    checkpoint: Option<(String, Checkpoint)>,
    notice: Option<(Uuid, Category, Hash)>,
    /// The manifest, then the recipients that were added later.
    batches: Vec<Batch>,
    /// The recipients so far and the sum of the outcomes, at the end.
    closed: Option<(Option<u64>, u64)>,
    named: Named,
    entries: Passed<u64>,
    recipients: Passed<u64>,
    messages: Passed<Hash>,
}

/// Records that passed the check: how many, and the key of the last one.
struct Passed<K> {
    count: u64,
    last: Option<K>,
}

impl<K: PartialOrd> Passed<K> {
    const fn none() -> Self {
        Self { count: 0, last: None }
    }

    /// Counts one more. False if it does not follow the last one.
    fn follows(&mut self, key: K) -> bool {
        let follows = self.last.as_ref().is_none_or(|last| *last < key);
        self.count += 1;
        self.last = Some(key);
        follows
    }
}

impl<'a> Checker<'a> {
    fn new(key: &'a VerifierKey, each: &'a mut dyn FnMut(Part)) -> Self {
        Self {
            key,
            each,
            checkpoint: None,
            notice: None,
            batches: Vec::new(),
            closed: None,
            named: Named::default(),
            entries: Passed::none(),
            recipients: Passed::none(),
            messages: Passed::none(),
        }
    }

    fn entry(&mut self, record: &EntryRecord) -> Result<(), Invalid> {
        let proof = TlogProof::parse(&record.proof)?;
        if proof.extra.is_some() {
            return Err(Invalid::Extra);
        }
        let leaf = read::decode("leaf", &record.leaf)?;
        self.prove(&proof, &leaf_hash(&leaf))?;
        if !self.entries.follows(proof.index) {
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
        self.named.add(proof.index, &fact, &subject);
        (self.each)(Part::Entry(Box::new(Proven { index: proof.index, fact, subject, claim })));
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
            // An escalation may add recipients after the end.
            Detail::Addressed(batch) if self.total() != Some(batch.first) => return Err(Invalid::Batch),
            Detail::Addressed(batch) => self.batches.push(*batch),
            Detail::Closed(_) if self.closed.is_some() => return Err(Invalid::Closed),
            Detail::Closed(counts) => {
                let closed = counts.iter().fold(0_u64, |sum, (_, n)| sum.saturating_add(*n));
                self.closed = Some((self.total(), closed));
            }
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
        if self.entries.count == 0 {
            return Err(Invalid::Empty);
        }
        let (who, salt) = (read::decode("who", &record.who)?, read::array("salt", &record.salt)?);
        let (account_id, address) = parse_who(&who)?;
        let path: Result<Vec<Hash>, Invalid> = record.path.iter().map(|hash| read::array("path", hash)).collect();
        let ordinal = record.ordinal;
        if !self.recipients.follows(ordinal) {
            return Err(Invalid::Order("the recipients"));
        }
        self.in_manifest(ordinal, &leaf_hash(&hmac(&salt, &who)), &path?)?;
        if let Some(index) = self.named.otherwise(ordinal, &account_id, &address) {
            return Err(Invalid::OtherPerson { index, ordinal });
        }
        let added = self.batches.first().is_some_and(|manifest| ordinal >= manifest.count);
        (self.each)(Part::Recipient(Recipient { ordinal, account_id, address, added }));
        Ok(())
    }

    /// Checks the path of a recipient to the root of the batch with its ordinal.
    fn in_manifest(&self, ordinal: u64, leaf: &Hash, path: &[Hash]) -> Result<(), Invalid> {
        // An ordinal beyond all of them is refused by the proof.
        let after = self.batches.partition_point(|batch| batch.first <= ordinal);
        let batch = after.checked_sub(1).and_then(|place| self.batches.get(place)).ok_or(Invalid::Manifest)?;
        verify_inclusion(leaf, ordinal - batch.first, batch.count, path, &batch.root).map_err(Invalid::Recipient)
    }

    fn message(&mut self, record: &MessageRecord) -> Result<(), Invalid> {
        let bytes = read::decode("eml", &record.eml)?;
        let sha256 = sha256(&bytes);
        if data_encoding::HEXLOWER.encode(&sha256) != record.sha256 {
            return Err(Invalid::Digest);
        }
        if !self.messages.follows(sha256) {
            return Err(Invalid::Order("the messages"));
        }
        if !self.named.has_message(&sha256) {
            return Err(Invalid::Message);
        }
        (self.each)(Part::Message(Message { sha256, size: bytes.len() }));
        Ok(())
    }

    /// What only the whole file shows.
    fn finish(self) -> Result<Summary, Invalid> {
        let total = self.total();
        let Some((_, checkpoint)) = self.checkpoint else { return Err(Invalid::Empty) };
        if (self.notice.is_some() || self.recipients.count > 0) && total.is_none() {
            return Err(Invalid::Manifest);
        }
        if let Some((Some(count), closed)) = self.closed
            && closed != count
        {
            return Err(Invalid::Sum { count, closed });
        }
        Ok(Summary {
            checkpoint,
            notice: self.notice,
            recipients_in_manifest: total,
            added: self.batches.iter().skip(1).map(|batch| batch.count).fold(0, u64::saturating_add),
            entries: self.entries.count,
            recipients: self.recipients.count,
            messages: self.messages.count,
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
