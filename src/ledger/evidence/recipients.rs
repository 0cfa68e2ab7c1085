//! The recipients in an evidence file, each with its path to the root in the manifest, or in the entry that added it later.
//!
//! For all of a batch they are read twice: once to compute the hashes of the subtrees of 256 recipients and larger, once to write
//! the recipients, 256 at a time. Memory holds one hash for every 128 recipients.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write;

use data_encoding::BASE64;
use uuid::Uuid;

use super::{EvidenceError, File, Wanted};
use crate::domain::address::AddressKey;
use crate::domain::entry::{Detail, Fact, who};
use crate::domain::evidence::RecipientRecord;
use crate::domain::merkle::{Frontier, Hash, Node, inclusion_proof, leaf_hash};
use crate::store::proof::commitments::{self, Committed};
use crate::store::proof::ledger::{self as entries, StoredOpening};
use crate::store::sending::deliveries;
use crate::store::{Conn, StoreError};

/// Level of the subtrees that are computed at once.
const LEVEL: u8 = 8;

/// Recipients in such a subtree.
const BLOCK: usize = 1 << LEVEL;

/// Recipients read at once: whole blocks.
const PAGE: u32 = 20 << LEVEL;

/// Recipients that one entry commits to: the manifest, or one about recipients that were added later.
#[derive(Clone, Copy)]
struct Batch {
    /// The ordinal of the first one.
    first: u64,
    count: u64,
}

/// Writes the recipients that are wanted and whose entry a checkpoint of `size` entries covers, and returns their number.
pub(super) async fn write(
    conn: &mut Conn,
    wanted: &Wanted<'_>,
    size: u64,
    file: &mut File<impl Write>,
) -> Result<u64, EvidenceError> {
    let mut written = 0;
    for batch in batches(conn, wanted.notice_id, size).await? {
        written += match wanted.account_id {
            Some(account_id) => write_customer(conn, wanted, (account_id, batch), file).await?,
            None => write_all(conn, wanted.notice_id, batch, file).await?,
        };
    }
    Ok(written)
}

/// The batches of a notice whose entries a checkpoint covers, in order.
async fn batches(conn: &mut Conn, notice_id: Uuid, size: u64) -> Result<Vec<Batch>, StoreError> {
    let openings = entries::about_notice(conn, notice_id).await?;
    let sealed = openings.iter().filter(|opening| opening.index.is_some_and(|index| index < size));
    let batch = |opening: &StoredOpening| match Fact::read(&opening.fact).ok()?.detail {
        Detail::Manifest(frozen) => Some(Batch { first: 0, count: frozen.count }),
        Detail::Addressed(added) => Some(Batch { first: added.first, count: added.count }),
        _ => None,
    };
    let mut batches: Vec<Batch> = sealed.filter_map(batch).collect();
    batches.sort_by_key(|batch| batch.first);
    Ok(batches)
}

async fn write_all(
    conn: &mut Conn,
    notice_id: Uuid,
    batch: Batch,
    file: &mut File<impl Write>,
) -> Result<u64, EvidenceError> {
    let mut upper = BTreeMap::new();
    // Those of the last block are asked for by all others if it is not full.
    let mut last = BTreeMap::new();
    let mut tree = Frontier::new();
    each_commitment(conn, notice_id, batch, |leaf| {
        if tree.size().is_multiple_of(BLOCK as u64) {
            last.clear();
        }
        tree.push_with(leaf, |node, hash| {
            let hashes = if node.level >= LEVEL { &mut upper } else { &mut last };
            hashes.insert(node, *hash);
        });
    })
    .await?;
    upper.append(&mut last);
    let mut tree = Frontier::new();
    let mut written = 0;
    while tree.size() < batch.count {
        let page = page(conn, notice_id, batch, tree.size()).await?;
        for block in page.chunks(BLOCK) {
            let mut lower = BTreeMap::new();
            for recipient in block {
                let leaf = commitment_leaf(recipient)?;
                tree.push_with(leaf, |node, hash| {
                    lower.insert(node, *hash);
                });
            }
            let find = |node: Node| lower.get(&node).or_else(|| upper.get(&node)).copied();
            for recipient in block {
                written += u64::from(record(recipient, batch, find, file)?);
            }
        }
    }
    Ok(written)
}

async fn write_customer(
    conn: &mut Conn,
    wanted: &Wanted<'_>,
    (account_id, batch): (&str, Batch),
    file: &mut File<impl Write>,
) -> Result<u64, EvidenceError> {
    let mut shown = deliveries::of_customer(conn, wanted.notice_id, account_id).await?;
    shown.retain(|delivery| (batch.first..batch.first + batch.count).contains(&delivery.ordinal));
    if shown.is_empty() {
        return Ok(0);
    }
    let mut hashes = BTreeMap::new();
    for delivery in &shown {
        let Ok(_) = inclusion_proof::<Infallible>(delivery.ordinal - batch.first, batch.count, |node| {
            hashes.insert(node, [0; 32]);
            Ok([0; 32])
        });
    }
    let mut tree = Frontier::new();
    each_commitment(conn, wanted.notice_id, batch, |leaf| {
        tree.push_with(leaf, |node, hash| {
            if let Some(wanted) = hashes.get_mut(&node) {
                *wanted = *hash;
            }
        });
    })
    .await?;
    let mut written = 0;
    for delivery in
        shown.iter().filter(|it| wanted.address.is_none_or(|key| AddressKey::of(&it.email).as_ref() == Some(key)))
    {
        for recipient in commitments::committed(conn, wanted.notice_id, delivery.ordinal, 1).await? {
            written += u64::from(record(&recipient, batch, |node| hashes.get(&node).copied(), file)?);
        }
    }
    Ok(written)
}

/// Writes a recipient. Returns false for one that was erased: nothing opens its commitment.
fn record(
    recipient: &Committed,
    batch: Batch,
    find: impl Fn(Node) -> Option<Hash>,
    file: &mut File<impl Write>,
) -> Result<bool, EvidenceError> {
    let Some(salt) = recipient.salt else { return Ok(false) };
    let path =
        inclusion_proof(recipient.ordinal - batch.first, batch.count, |node| find(node).ok_or(())).ok().flatten();
    let path = path.ok_or_else(|| inconsistent(recipient.ordinal, "is not among the recipients of its notice"))?;
    file.record(&RecipientRecord {
        ordinal: recipient.ordinal,
        who: BASE64.encode(&who(&recipient.account_id, &recipient.email)),
        salt: BASE64.encode(&salt),
        path: path.iter().map(|hash| BASE64.encode(hash)).collect(),
    })?;
    Ok(true)
}

/// Passes the leaf hash of every recipient of a batch to `show`, in the order of their ordinals.
async fn each_commitment(
    conn: &mut Conn,
    notice_id: Uuid,
    batch: Batch,
    mut show: impl FnMut(Hash),
) -> Result<(), StoreError> {
    let mut done = 0;
    while done < batch.count {
        for recipient in page(conn, notice_id, batch, done).await? {
            show(commitment_leaf(&recipient)?);
            done += 1;
        }
    }
    Ok(())
}

/// The next recipients of a batch, after `done` of them.
async fn page(conn: &mut Conn, notice_id: Uuid, batch: Batch, done: u64) -> Result<Vec<Committed>, StoreError> {
    let next = batch.first + done;
    let limit = u32::try_from(batch.count - done).unwrap_or(PAGE).min(PAGE);
    let page = commitments::committed(conn, notice_id, next, limit).await?;
    match (next..).zip(&page).find(|(ordinal, recipient)| recipient.ordinal != *ordinal) {
        Some((ordinal, _)) => Err(inconsistent(ordinal, "is missing")),
        None if page.is_empty() => Err(inconsistent(next, "is missing")),
        None => Ok(page),
    }
}

fn commitment_leaf(recipient: &Committed) -> Result<Hash, StoreError> {
    let commitment = recipient.commitment();
    commitment
        .map(|commitment| leaf_hash(&commitment))
        .ok_or_else(|| inconsistent(recipient.ordinal, "has neither salt nor commitment"))
}

fn inconsistent(ordinal: u64, problem: &str) -> StoreError {
    StoreError::Inconsistent {
        table: "deliveries",
        column: "ordinal",
        row: ordinal.to_string(),
        problem: problem.to_owned(),
    }
}
