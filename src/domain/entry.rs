//! The unit of the ledger: an entry, in canonical bytes.
//!
//! An entry has two bodies in deterministic CBOR (RFC 8949 section 4.2.1; only arrays, unsigned integers, byte strings,
//! NFC text and null):
//!
//! | body | fields, in order |
//! | --- | --- |
//! | fact | notice id (16 bytes) or null, category or null, content digest (32 bytes) or null, event, ordinal or null, level or null, time (ms since 1970), attempt or null, status class or null, detail (array) |
//! | person | account id, address, role, SHA-256 of the bytes sent or null, Message-ID, envelope sender, relay, host, TLS version, full reply, customer's name |
//!
//! `detail` depends on the event; those not named here have `[]`:
//!
//! | event | detail |
//! | --- | --- |
//! | `manifest` | recipients, root of the recipients' tree, customers in the audience, those with nobody to address, root of the tree over their commitments, digest of what is shown of the notice |
//! | `addressed` | ordinal of the first recipient that was added, count, root of these recipients' tree |
//! | `attested` | id of the attestation (16 bytes), when the customer was informed (ms since 1970), or null for its withdrawal |
//! | `rejected` | the reason, if no server refused it: `not_carried` or `not_composed` |
//! | `accepted`, `delivered`, `uncertain`, `bounced`, `rejected`, `expired` | of an outcome that counts again, as an operator withdrew a finding: the outcome that was found, `bounced` or `delivered` |
//! | `bounced`, `delivered`, `reported` | of a report that came by mail: its kind, what ties it to the delivery, its action, status or null, verdict, whether it carries a DKIM signature (`unsigned`, `not-checked`), SHA-256 of its bytes |
//! | `closed` | outcome, count, outcome, count, ... |
//! | `preference_changed` | category, 1 for an opt-out and 0 for its withdrawal |
//! | `restricted`, `rectified` | 1 or 0: restricted or no longer; put in place of another address or replaced by one |
//! | `erased`, `purged` | ground, then for each run of entries whose persons were deleted: first index, count |
//! | `key_rotated` | verifier key until then, verifier key from then on |
//! | `operated` | action, id of its object (16 bytes) or null |
//! | `continued` | reason, size and root of the last checkpoint signed before |
//!
//! The commitment of a customer with nobody to address is HMAC-SHA256(the notice's salt, [`who`] without an address), in the order of
//! account ids; the salt stays in the database. [`shown`] makes the digest of what is shown of the notice.
//!
//! The person of an `operated` entry: account id and address that the action concerned, or empty; the actor as `role`; the
//! operator's words as `reply`.
//!
//! An `accepted` or `rejected` without an attempt is no server's answer: an operator settled a doubt or withdrew a finding, in words
//! that stand as the reply, or the message was not sent, for the reason in the detail.
//!
//! The leaf that goes into the tree is CBOR `[1, HMAC-SHA256(fact_salt, fact), HMAC-SHA256(person_salt, person)]`. An entry
//! without a person commits to the empty string. Nothing personal and nothing guessable is in the tree: each salt is 32
//! random bytes, and deleting a salt with its body makes the commitment meaningless (GDPR Art. 17).

mod decode;
mod encode;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::actor::Action;
use crate::domain::category::Category;
use crate::domain::delivery::{Level, Outcome, Reason};
use crate::domain::random::Random;
use crate::domain::report::Statement;
use crate::domain::words::words;

pub use decode::{Brief, DecodeError, commitments, parse_who};
pub use encode::{commitment, hmac, leaf, nfc, shown, who};

/// What an entry records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A notice's audience was frozen.
    Manifest,
    /// Recipients were added to a notice after its release.
    Addressed,
    /// A mail server took a message.
    Accepted,
    /// A mail server deferred a message, for the first time.
    Deferred,
    /// A mail server refused a message.
    Rejected,
    /// A message was deferred until the time to retry was over.
    Expired,
    /// A message may have been taken.
    Uncertain,
    /// A message was not sent since the address is suppressed.
    Suppressed,
    /// A message was not sent since the person opted out.
    OptedOut,
    /// A message was not sent since the notice was cancelled.
    Cancelled,
    /// An operator decided to send an uncertain message again.
    Resent,
    /// A message was returned.
    Bounced,
    /// A message was reported as delivered.
    Delivered,
    /// A report about a message came that changed no state.
    Reported,
    /// A person's word that a customer was informed in another way, or the withdrawal of that word.
    Attested,
    /// A person's opt-out of a category was set or withdrawn.
    PreferenceChanged,
    /// Every delivery of a notice has its outcome.
    Closed,
    /// The processing of an address's data was restricted, or is no longer (GDPR Art. 18).
    Restricted,
    /// An address was corrected (GDPR Art. 16).
    Rectified,
    /// A person was erased (GDPR Art. 17).
    Erased,
    /// Persons of a notice were deleted when its retention ended (GDPR Art. 5(1)(e)).
    Purged,
    /// The ledger's key was exchanged.
    KeyRotated,
    /// A person resumed sealing after it had stopped.
    Continued,
    /// An operator, a person or a system task changed a state.
    Operated,
}

words!(Event, "an event", {
    Manifest => "manifest",
    Addressed => "addressed",
    Accepted => "accepted",
    Deferred => "deferred",
    Rejected => "rejected",
    Expired => "expired",
    Uncertain => "uncertain",
    Suppressed => "suppressed",
    OptedOut => "opted_out",
    Cancelled => "cancelled",
    Resent => "resent",
    Bounced => "bounced",
    Delivered => "delivered",
    Reported => "reported",
    Attested => "attested",
    PreferenceChanged => "preference_changed",
    Closed => "closed",
    Restricted => "restricted",
    Rectified => "rectified",
    Erased => "erased",
    Purged => "purged",
    KeyRotated => "key_rotated",
    Continued => "continued",
    Operated => "operated",
});

impl From<Outcome> for Event {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Accepted => Self::Accepted,
            Outcome::Deferred => Self::Deferred,
            Outcome::Rejected => Self::Rejected,
            Outcome::Expired => Self::Expired,
            Outcome::Uncertain => Self::Uncertain,
            Outcome::Suppressed => Self::Suppressed,
            Outcome::OptedOut => Self::OptedOut,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Bounced => Self::Bounced,
            Outcome::Delivered => Self::Delivered,
        }
    }
}

impl Event {
    /// The outcome that an entry about a delivery records.
    #[must_use]
    pub fn outcome(self) -> Option<Outcome> {
        Outcome::ALL.iter().copied().find(|outcome| Self::from(*outcome) == self)
    }
}

/// What happened, with nothing personal in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The notice, its category and the digest of its content; `None` for events of no notice.
    pub notice: Option<(Uuid, Category, [u8; 32])>,
    /// What happened.
    pub event: Event,
    /// The recipient's place in the manifest, from 0.
    pub ordinal: Option<u64>,
    /// How strong the evidence is.
    pub level: Option<Level>,
    /// When.
    pub at: Timestamp,
    /// Which transaction it was, from 1.
    pub attempt: Option<u32>,
    /// First digit of the server's reply.
    pub status_class: Option<u8>,
    /// What belongs to the event alone.
    pub detail: Detail,
}

/// The part of a fact that depends on its event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    None,
    /// Of a manifest: the audience as it was frozen.
    Manifest(Manifest),
    /// Of recipients that were added after the release.
    Addressed(Batch),
    /// Of a rejected delivery that no server refused: why it was not sent.
    NotSent(Reason),
    /// Of an outcome that counts again since an operator withdrew a finding: what the finding said.
    Withdrawn(Outcome),
    /// Of a report that came by mail: what it states. (An operator's finding has no detail.)
    Report(Statement),
    /// Of an attestation: its id, and when the customer was informed; without that, it is withdrawn.
    Attested { id: Uuid, told_at: Option<Timestamp> },
    /// Of a closed notice: how many deliveries ended in each outcome.
    Closed(Vec<(Outcome, u64)>),
    /// Of a changed preference: the category, and whether it is now opted out.
    Preference { category: Category, opted_out: bool },
    /// Of a restriction: whether it holds. Of a rectification: whether this is the address put in place.
    Flag(bool),
    /// Of an erasure or a purge: on which ground, and the persons of which entries were deleted.
    Cleared { ground: String, entries: Vec<Run> },
    /// Of an exchanged key: both verifier keys.
    Keys { old: String, new: String },
    /// Of resumed sealing: why, and the last checkpoint before.
    Continued { reason: String, size: u64, root: [u8; 32] },
    /// Of an operation: the action, and the id of its object unless that is a notice, delivery or address.
    Operated { action: Action, object: Option<Uuid> },
}

/// An audience as it was frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Recipients.
    pub count: u64,
    /// Root of the tree over their commitments, in the order of their ordinals.
    pub root: [u8; 32],
    /// Customers in the audience.
    pub customers: u64,
    /// Those of them with nobody to address.
    pub unaddressed: u64,
    /// Root of the tree over their commitments, in the order of their account ids.
    pub unaddressed_root: [u8; 32],
    /// Digest of what is shown of the notice: see [`shown`].
    pub shown: [u8; 32],
}

/// Recipients that were added to a notice after its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Ordinal of the first one: they follow the recipients that the notice had.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Root of the tree over their commitments, in the order of their ordinals.
    pub root: [u8; 32],
}

/// Entries with consecutive indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// Index of the first.
    pub first: u64,
    /// How many.
    pub count: u64,
}

impl Run {
    /// The runs that these indexes make up, in any order.
    #[must_use]
    pub fn of(mut indexes: Vec<u64>) -> Vec<Self> {
        indexes.sort_unstable();
        indexes.dedup();
        let mut runs: Vec<Self> = Vec::new();
        for index in indexes {
            match runs.last_mut() {
                Some(run) if run.first + run.count == index => run.count += 1,
                _ => runs.push(Self { first: index, count: 1 }),
            }
        }
        runs
    }
}

/// Whom it happened to, and the particulars that name a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Account id.
    pub account_id: String,
    /// Address.
    pub address: String,
    /// Role addressed, or the channel and the witness of an attestation.
    pub role: String,
    /// SHA-256 of the message exactly as sent.
    pub sha256: Option<[u8; 32]>,
    /// The message's Message-ID.
    pub message_id: String,
    /// The envelope sender.
    pub envelope_sender: String,
    /// Name of the relay.
    pub relay: String,
    /// Host and IP address that the relay's connection led to.
    pub host: String,
    /// TLS version of the connection; empty without TLS.
    pub tls: String,
    /// The server's full reply, or the note of an attestation.
    pub reply: String,
    /// The customer's name at release.
    pub customer_name: String,
}

/// An entry as it is stored: both bodies, both salts, and the leaf that commits to them.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its own id.
    pub id: Uuid,
    /// What it records.
    pub event: Event,
    /// Canonical bytes of the fact.
    pub fact: Vec<u8>,
    /// Salt of the fact's commitment.
    pub fact_salt: [u8; 32],
    /// Canonical bytes of the person; empty for an entry without one.
    pub person: Vec<u8>,
    /// Salt of the person's commitment.
    pub person_salt: [u8; 32],
    /// The leaf: 70 bytes.
    pub leaf: Vec<u8>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({} {})", self.id, self.event)
    }
}

impl Entry {
    /// Makes the entry for a fact and the person it concerns, with fresh salts.
    #[must_use]
    pub fn new(fact: &Fact, person: Option<&Person>, random: &Random) -> Self {
        let (fact_salt, person_salt) = (random.bytes(), random.bytes());
        let event = fact.event;
        let id = random.id(fact.at);
        let fact = fact.to_cbor();
        let person = person.map(Person::to_cbor).unwrap_or_default();
        let leaf = leaf(&fact_salt, &fact, &person_salt, &person);
        Self { id, event, fact, fact_salt, person, person_salt, leaf }
    }
}

impl Fact {
    /// That something happened, and when; nothing else is said yet.
    #[must_use]
    pub const fn new(event: Event, at: Timestamp) -> Self {
        Self {
            notice: None,
            event,
            ordinal: None,
            level: None,
            at,
            attempt: None,
            status_class: None,
            detail: Detail::None,
        }
    }

    /// The reason why a rejected message was not sent, if no server refused it.
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        match self.detail {
            Detail::NotSent(reason) => Some(reason),
            _ => None,
        }
    }

    /// What the report states that the entry records, if it came by mail.
    #[must_use]
    pub const fn statement(&self) -> Option<&Statement> {
        match &self.detail {
            Detail::Report(statement) => Some(statement),
            _ => None,
        }
    }

    /// Returns true if an operator found the outcome out, or withdrew what one had found out: it is no server's answer and no
    /// delivery report.
    #[must_use]
    pub const fn is_finding(&self) -> bool {
        matches!(self.level, Some(Level::OperatorFound)) || self.withdrawn().is_some()
    }

    /// Returns the finding that the entry withdraws.
    #[must_use]
    pub const fn withdrawn(&self) -> Option<Outcome> {
        match self.detail {
            Detail::Withdrawn(outcome) => Some(outcome),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        data_encoding::HEXLOWER.encode(bytes)
    }

    #[test]
    fn the_leaf_is_70_bytes_and_depends_on_every_part() {
        let plain = leaf(b"s", b"fact", b"t", b"person");
        assert_eq!(plain.len(), 70);
        assert_eq!(&hex(&plain)[..8], "83015820");
        for other in [
            leaf(b"x", b"fact", b"t", b"person"),
            leaf(b"s", b"fac", b"t", b"person"),
            leaf(b"s", b"fact", b"x", b"person"),
            leaf(b"s", b"fact", b"t", b""),
        ] {
            assert_ne!(plain, other);
        }
    }

    /// Checked against Python's `cbor2` and `hmac`, as `docs/ledger.md` shows how.
    #[test]
    fn who_is_the_documented_cbor() {
        assert_eq!(hex(&who("C1", "a@b.example")), "82624331 6b6140622e6578616d706c65".replace(' ', ""));
    }

    #[test]
    fn text_is_normalised_to_nfc() {
        assert_eq!(who("C1", "A\u{30a}sa@example.com"), who("C1", "Åsa@example.com"));
    }

    #[test]
    fn hmac_agrees_with_rfc_4231_case_2() {
        let mac = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(&mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_fact_is_an_array_of_ten() {
        let at = Timestamp::from_millisecond(1).unwrap();
        let detail = Detail::Manifest(Manifest {
            count: 2,
            root: [0; 32],
            customers: 3,
            unaddressed: 1,
            unaddressed_root: [1; 32],
            shown: [2; 32],
        });
        let cbor = hex(&Fact { detail, ..Fact::new(Event::Manifest, at) }.to_cbor());
        assert!(cbor.starts_with("8af6f6f6686d616e6966657374f6f601f6f68602"), "{cbor}");
    }
}
