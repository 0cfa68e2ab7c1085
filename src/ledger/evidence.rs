//! Making evidence: a file that proves what the ledger says of a notice, or of one customer of it, to anybody with the key.
//!
//! It is written record by record, from one snapshot under one checkpoint. For one customer it opens that customer's entries
//! only; everybody else stays a hash. [`crate::domain::evidence`] reads it. Memory is the same for any number of recipients.

mod listed;
mod recipients;
mod sent;
mod steps;

use std::collections::BTreeSet;
use std::io::{self, Write};

use data_encoding::BASE64;
use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;

use super::LedgerError;
use super::subtrees::Subtrees;
use crate::domain::address::{AddressKey, mentioned};
use crate::domain::checkpoint::TlogProof;
use crate::domain::entry::{Event, Person};
use crate::domain::evidence::{EntryRecord, FORMAT};
use crate::domain::kind::Kind;
use crate::domain::words::cause;
use crate::store::proof::commitments;
use crate::store::proof::ledger::{self as entries, StoredOpening};
use crate::store::proof::tree::Signed;
use crate::store::sending::deliveries;
use crate::store::{Conn, StoreError};
use listed::Listed;
use sent::Sent;

/// Why evidence could not be made.
#[derive(Debug, Error)]
pub enum EvidenceError {
    /// The ledger or the database failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The file cannot be written, or a temporary one.
    #[error("cannot write the evidence: {}", cause(.0))]
    Write(#[from] io::Error),
    /// The notice addressed nobody yet.
    #[error("the notice was not released: there is nothing to prove")]
    NotReleased,
    /// The customer was not addressed.
    #[error("customer `{0}` has no delivery of this notice and is not attested for it: there is nothing to prove")]
    NotAddressed(String),
    /// The release is not sealed yet.
    #[error("the notice's manifest is not covered by a checkpoint yet")]
    NotSealed,
}

impl EvidenceError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Ledger(error) => error.kind(),
            Self::Write(_) => Kind::Failed,
            Self::NotReleased => Kind::Conflict,
            Self::NotAddressed(_) => Kind::NotFound,
            Self::NotSealed => Kind::Later,
        }
    }
}

impl From<StoreError> for EvidenceError {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

/// What evidence is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Of which notice.
    pub notice_id: Uuid,
    /// For which customer; for all of them without.
    pub account_id: Option<&'a str>,
    /// For which address of that customer; for all of them without.
    pub address: Option<&'a AddressKey>,
    /// Whether with the exact bytes sent.
    pub with_messages: bool,
}

/// What an evidence file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// Entries.
    pub entries: u64,
    /// Recipients.
    pub recipients: u64,
    /// Messages.
    pub messages: u64,
    /// Entries that no checkpoint covers yet, and which are thus missing.
    pub unsealed: u64,
}

/// Writes an evidence file, from a snapshot not older than the checkpoint.
///
/// # Errors
/// See [`EvidenceError`].
pub async fn export(
    conn: &mut Conn,
    checkpoint: &Signed,
    wanted: &Wanted<'_>,
    out: impl Write,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Contents, EvidenceError> {
    let mut listed = Listed::of(conn, checkpoint, wanted).await?;
    let waiting = entries::unsealed(conn, wanted.notice_id, wanted.account_id).await?;
    let mut contents = Contents { unsealed: listed.later + waiting, ..Contents::default() };
    let mut file = File { out, first: true };
    let mut prover = Prover { subtrees: Subtrees::default(), checkpoint };
    let (mut kinds, mut sent) = (BTreeSet::new(), Sent::default());
    file.open(&format!("{{\"format\":\"{FORMAT}\",\"entries\":["))?;
    while let Some(page) = listed.next()? {
        for opening in entries::find(conn, &page).await? {
            if concerns(&opening, wanted) {
                kinds.insert((opening.delivery_id.is_some(), opening.event));
                file.record(&prover.record(conn, &opening).await?)?;
                contents.entries += 1;
                if wanted.with_messages && opening.has_message {
                    sent.note(&opening)?;
                }
            }
        }
        progress(contents.entries);
    }
    refuse_the_pointless(conn, wanted, &kinds).await?;
    file.open("],\"recipients\":[")?;
    contents.recipients = recipients::write(conn, wanted, checkpoint.size, &mut file).await?;
    file.open("]")?;
    if wanted.with_messages {
        file.open(",\"messages\":[")?;
        contents.messages = sent.write(conn, &mut file).await?;
        file.open("]")?;
    }
    file.open("}\n")?;
    file.out.flush()?;
    Ok(contents)
}

/// Writes evidence of entries about an address itself: a file without notice and recipients.
///
/// # Errors
/// If the database fails or the file cannot be written.
pub async fn export_entries(
    conn: &mut Conn,
    checkpoint: &Signed,
    openings: &[StoredOpening],
    out: impl Write,
) -> Result<Contents, EvidenceError> {
    let mut file = File { out, first: true };
    let mut prover = Prover { subtrees: Subtrees::default(), checkpoint };
    let mut contents = Contents::default();
    file.open(&format!("{{\"format\":\"{FORMAT}\",\"entries\":["))?;
    let mut by_index: Vec<_> = openings.iter().filter_map(|opening| Some((opening.index?, opening))).collect();
    by_index.sort_by_key(|(index, _)| *index);
    for (index, opening) in by_index {
        if index < checkpoint.size {
            file.record(&prover.record(conn, opening).await?)?;
            contents.entries += 1;
        }
    }
    file.open("],\"recipients\":[]}\n")?;
    contents.unsealed = openings.len() as u64 - contents.entries;
    Ok(contents)
}

/// Whether an entry belongs into evidence for a customer: its deliveries' were selected; of those about the notice as a whole,
/// the steps until its release, the manifest, the end, and the attestations for this customer.
fn concerns(opening: &StoredOpening, wanted: &Wanted<'_>) -> bool {
    let (Some(account_id), None) = (wanted.account_id, opening.delivery_id) else { return true };
    match opening.event {
        Event::Attested => {
            let person = opening.person.as_deref().and_then(|person| Person::from_cbor(person).ok());
            person.is_some_and(|person| person.account_id == account_id && mentions(&person, wanted.address))
        }
        _ => true,
    }
}

/// Whether the words of an attestation name an address, in evidence for one address: the names of others are not in it.
fn mentions(person: &Person, address: Option<&AddressKey>) -> bool {
    let words = format!("{} {}", person.role, person.reply);
    address.is_none_or(|key| mentioned(&words, key))
}

async fn refuse_the_pointless(
    conn: &mut Conn,
    wanted: &Wanted<'_>,
    kinds: &BTreeSet<(bool, Event)>,
) -> Result<(), EvidenceError> {
    if !kinds.contains(&(false, Event::Manifest)) {
        let released = !commitments::committed(conn, wanted.notice_id, 0, 1).await?.is_empty();
        return Err(if released { EvidenceError::NotSealed } else { EvidenceError::NotReleased });
    }
    if let Some(account_id) = wanted.account_id
        && !kinds.contains(&(false, Event::Attested))
        && deliveries::of_customer(conn, wanted.notice_id, account_id).await?.is_empty()
    {
        return Err(EvidenceError::NotAddressed(account_id.to_owned()));
    }
    Ok(())
}

/// Makes the records of entries under one checkpoint.
struct Prover<'a> {
    subtrees: Subtrees,
    checkpoint: &'a Signed,
}

impl Prover<'_> {
    async fn record(&mut self, conn: &mut Conn, opening: &StoredOpening) -> Result<EntryRecord, EvidenceError> {
        let index = opening.index.ok_or(EvidenceError::NotSealed)?;
        let path = self.subtrees.inclusion(conn, index, self.checkpoint.size).await?;
        let proof = TlogProof { index, path, checkpoint: self.checkpoint.note.clone(), extra: None };
        let opened = opening.person.is_some() && opening.person_salt.is_some();
        let encode = |bytes: &Option<Vec<u8>>| bytes.as_ref().filter(|_| opened).map(|bytes| BASE64.encode(bytes));
        Ok(EntryRecord {
            leaf: BASE64.encode(opening.leaf.as_deref().unwrap_or_default()),
            fact: BASE64.encode(&opening.fact),
            fact_salt: BASE64.encode(&opening.fact_salt),
            person: encode(&opening.person),
            person_salt: encode(&opening.person_salt),
            proof: proof.to_text(),
        })
    }
}

/// A file that is written piece by piece.
struct File<W> {
    out: W,
    first: bool,
}

impl<W: Write> File<W> {
    /// Writes the text around records; the next record is the first of its array.
    fn open(&mut self, text: &str) -> io::Result<()> {
        self.first = true;
        self.out.write_all(text.as_bytes())
    }

    fn record<T: Serialize>(&mut self, record: &T) -> io::Result<()> {
        self.out.write_all(if self.first { b"\n" } else { b",\n" })?;
        self.first = false;
        serde_json::to_writer(&mut self.out, record).map_err(io::Error::from)
    }
}
