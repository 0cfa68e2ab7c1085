//! The recipients in an evidence file, each with its path to the root in the manifest.
//!
//! For all of a notice they are read twice: once to compute the hashes of the subtrees of 256 recipients and larger, once to write
//! the recipients, 256 at a time. Memory holds one hash for every 128 recipients.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write;

use data_encoding::BASE64;
use uuid::Uuid;

use super::{EvidenceError, File, Wanted};
use crate::domain::address::AddressKey;
use crate::domain::entry::who;
use crate::domain::evidence::RecipientRecord;
use crate::domain::merkle::{Frontier, Hash, Node, inclusion_proof, leaf_hash};
use crate::store::deliveries::{self, Committed};
use crate::store::{Conn, StoreError, notices};

/// Level of the subtrees that are computed at once.
const LEVEL: u8 = 8;

/// Recipients in such a subtree.
const BLOCK: usize = 1 << LEVEL;

/// Recipients read at once: whole blocks.
const PAGE: u32 = 20 << LEVEL;

/// Writes the recipients that are wanted, and returns their number.
pub(super) async fn write(
    conn: &mut Conn,
    wanted: &Wanted<'_>,
    file: &mut File<impl Write>,
) -> Result<u64, EvidenceError> {
    match wanted.account_id {
        Some(account_id) => write_customer(conn, wanted, account_id, file).await,
        None => write_all(conn, wanted.notice_id, file).await,
    }
}

async fn write_all(conn: &mut Conn, notice_id: Uuid, file: &mut File<impl Write>) -> Result<u64, EvidenceError> {
    let mut upper = BTreeMap::new();
    // Those of the last block are asked for by all others if it is not full.
    let mut last = BTreeMap::new();
    let mut tree = Frontier::new();
    let size = each_commitment(conn, notice_id, |leaf| {
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
    while tree.size() < size {
        let page = deliveries::committed(conn, notice_id, tree.size(), PAGE).await?;
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
                written += u64::from(record(recipient, size, find, file)?);
            }
        }
    }
    Ok(written)
}

async fn write_customer(
    conn: &mut Conn,
    wanted: &Wanted<'_>,
    account_id: &str,
    file: &mut File<impl Write>,
) -> Result<u64, EvidenceError> {
    let shown = deliveries::of_customer(conn, wanted.notice_id, account_id).await?;
    let size = notices::find(conn, wanted.notice_id).await?.map_or(0, |notice| notice.recipients);
    let mut hashes = BTreeMap::new();
    for delivery in &shown {
        let Ok(_) = inclusion_proof::<Infallible>(delivery.ordinal, size, |node| {
            hashes.insert(node, [0; 32]);
            Ok([0; 32])
        });
    }
    let mut tree = Frontier::new();
    each_commitment(conn, wanted.notice_id, |leaf| {
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
        for recipient in deliveries::committed(conn, wanted.notice_id, delivery.ordinal, 1).await? {
            written += u64::from(record(&recipient, size, |node| hashes.get(&node).copied(), file)?);
        }
    }
    Ok(written)
}

/// Writes a recipient. Returns false for one that was erased: nothing opens its commitment.
fn record(
    recipient: &Committed,
    size: u64,
    find: impl Fn(Node) -> Option<Hash>,
    file: &mut File<impl Write>,
) -> Result<bool, EvidenceError> {
    let Some(salt) = recipient.salt else { return Ok(false) };
    let path = inclusion_proof(recipient.ordinal, size, |node| find(node).ok_or(())).ok().flatten();
    let path = path.ok_or_else(|| inconsistent(recipient.ordinal, "is not among the recipients of its notice"))?;
    file.record(&RecipientRecord {
        ordinal: recipient.ordinal,
        who: BASE64.encode(&who(&recipient.account_id, &recipient.email)),
        salt: BASE64.encode(&salt),
        path: path.iter().map(|hash| BASE64.encode(hash)).collect(),
    })?;
    Ok(true)
}

/// Passes the leaf hash of every recipient to `show`, in manifest order, and returns their number.
async fn each_commitment(conn: &mut Conn, notice_id: Uuid, mut show: impl FnMut(Hash)) -> Result<u64, StoreError> {
    let mut next = 0;
    loop {
        let page = deliveries::committed(conn, notice_id, next, PAGE).await?;
        if page.is_empty() {
            return Ok(next);
        }
        for recipient in &page {
            if recipient.ordinal != next {
                return Err(inconsistent(next, "is missing"));
            }
            show(commitment_leaf(recipient)?);
            next += 1;
        }
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
