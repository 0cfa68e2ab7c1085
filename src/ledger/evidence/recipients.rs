//! The recipients in an evidence file, each with its path to the root in the manifest, or in the entry that added it later.
//!
//! The paths are made from stored hashes of subtrees ([`Subtrees`]), so that one recipient costs the same however many others there
//! are, and all of them need no more memory than some.

use std::io::Write;

use data_encoding::BASE64;
use uuid::Uuid;

use super::{EvidenceError, File, Wanted};
use crate::domain::address::AddressKey;
use crate::domain::entry::{Detail, Fact, who};
use crate::domain::evidence::RecipientRecord;
use crate::ledger::subtrees::Subtrees;
use crate::store::proof::commitments::{self, Committed};
use crate::store::proof::ledger::{self as entries, StoredOpening};
use crate::store::sending::deliveries;
use crate::store::{Conn, StoreError};

/// Recipients read at once.
const PAGE: u32 = 5120;

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
        let subtrees = Subtrees::of_recipients(wanted.notice_id, batch.first, batch.count);
        let mut proving = Proving { batch, subtrees, written: 0 };
        match wanted.account_id {
            Some(account_id) => proving.customer(conn, wanted, account_id, file).await?,
            None => proving.all(conn, wanted.notice_id, file).await?,
        }
        written += proving.written;
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

/// The recipients of a batch on their way into the file.
struct Proving {
    batch: Batch,
    subtrees: Subtrees,
    written: u64,
}

impl Proving {
    async fn all(
        &mut self,
        conn: &mut Conn,
        notice_id: Uuid,
        file: &mut File<impl Write>,
    ) -> Result<(), EvidenceError> {
        let mut done = 0;
        while done < self.batch.count {
            let limit = u32::try_from(self.batch.count - done).unwrap_or(PAGE).min(PAGE);
            let next = self.batch.first + done;
            let page = commitments::committed(conn, notice_id, next, limit).await?;
            if page.is_empty() {
                return Err(commitments::missing(next).into());
            }
            for recipient in &page {
                self.record(conn, recipient, self.batch.first + done, file).await?;
                done += 1;
            }
        }
        Ok(())
    }

    async fn customer(
        &mut self,
        conn: &mut Conn,
        wanted: &Wanted<'_>,
        account_id: &str,
        file: &mut File<impl Write>,
    ) -> Result<(), EvidenceError> {
        let own = self.batch.first..self.batch.first + self.batch.count;
        for delivery in deliveries::of_customer(conn, wanted.notice_id, account_id).await? {
            let asked = wanted.address.is_none_or(|key| AddressKey::of(&delivery.email).as_ref() == Some(key));
            if asked && own.contains(&delivery.ordinal) {
                for recipient in commitments::committed(conn, wanted.notice_id, delivery.ordinal, 1).await? {
                    self.record(conn, &recipient, delivery.ordinal, file).await?;
                }
            }
        }
        Ok(())
    }

    /// Writes a recipient, unless it was erased: nothing opens its commitment then.
    async fn record(
        &mut self,
        conn: &mut Conn,
        recipient: &Committed,
        ordinal: u64,
        file: &mut File<impl Write>,
    ) -> Result<(), EvidenceError> {
        let Some(salt) = recipient.at(ordinal)?.salt else { return Ok(()) };
        let path = self.subtrees.inclusion(conn, ordinal - self.batch.first, self.batch.count).await?;
        file.record(&RecipientRecord {
            ordinal,
            who: BASE64.encode(&who(&recipient.account_id, &recipient.email)),
            salt: BASE64.encode(&salt),
            path: path.iter().map(|hash| BASE64.encode(hash)).collect(),
        })?;
        self.written += 1;
        Ok(())
    }
}
