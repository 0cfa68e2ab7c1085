//! The messages that entries in an evidence file name, in the order of their digests.

use std::collections::BTreeMap;
use std::io::{self, Write};

use data_encoding::BASE64;
use uuid::Uuid;

use super::{EvidenceError, File};
use crate::domain::entry::Brief;
use crate::domain::evidence::MessageRecord;
use crate::domain::merkle::Hash;
use crate::ledger::slots::Slots;
use crate::store::Conn;
use crate::store::proof::ledger::StoredOpening;
use crate::store::sending::messages;
use crate::store::sending::moulds::Moulds;

/// Messages that are put in order at once.
const AT_ONCE: u64 = 50_000;

/// Digests of messages, each with the id of the entry that the message is stored with.
#[derive(Default)]
pub(super) struct Sent {
    noted: Slots<48>,
    count: u64,
}

impl Sent {
    /// Notes the message that is stored with an entry.
    pub(super) fn note(&mut self, opening: &StoredOpening) -> io::Result<()> {
        let brief = opening.person.as_deref().and_then(|person| Brief::read(person).ok());
        let Some(sha256) = brief.and_then(|brief| brief.sha256) else { return Ok(()) };
        let mut record = [0; 48];
        record[..32].copy_from_slice(&sha256);
        record[32..].copy_from_slice(opening.entry_id.as_bytes());
        self.noted.set(self.count, &record)?;
        self.count += 1;
        Ok(())
    }

    /// Writes the messages, and returns how many. Digests are spread evenly, so that as many ranges of them as it takes have
    /// about [`AT_ONCE`] messages each.
    pub(super) async fn write(&mut self, conn: &mut Conn, file: &mut File<impl Write>) -> Result<u64, EvidenceError> {
        self.write_in(conn, file, self.count.div_ceil(AT_ONCE)).await
    }

    async fn write_in(
        &mut self,
        conn: &mut Conn,
        file: &mut File<impl Write>,
        ranges: u64,
    ) -> Result<u64, EvidenceError> {
        let (mut written, mut moulds) = (0, Moulds::default());
        for range in 0..ranges {
            for (sha256, entry_id) in self.range(range, ranges)? {
                if let Some(kept) = messages::of_entry(conn, entry_id).await? {
                    let bytes = kept.bytes(conn, &mut moulds).await?;
                    let sha256 = data_encoding::HEXLOWER.encode(&sha256);
                    file.record(&MessageRecord { sha256, eml: BASE64.encode(&bytes) })?;
                    written += 1;
                }
            }
        }
        Ok(written)
    }

    /// The messages in one of so many equal ranges of digests, in order.
    fn range(&mut self, range: u64, ranges: u64) -> io::Result<BTreeMap<Hash, Uuid>> {
        let mut found = BTreeMap::new();
        for place in 0..self.count {
            let record = self.noted.get(place)?;
            let first = u64::from(u16::from_be_bytes([record[0], record[1]]));
            if (first * ranges) >> 16 == range {
                let (sha256, id) = record.split_at(32);
                let sha256: Hash = sha256.try_into().expect("it has 32 bytes");
                found.insert(sha256, Uuid::from_slice(id).expect("it has 16 bytes"));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_digests_follow_each_other_and_leave_none_out() {
        let mut sent = Sent::default();
        let mut all = BTreeMap::new();
        for n in 0_u32..500 {
            let sha256 = crate::domain::digest::sha256(&n.to_be_bytes());
            let id = Uuid::from_u128(u128::from(n));
            let mut record = [0; 48];
            record[..32].copy_from_slice(&sha256);
            record[32..].copy_from_slice(id.as_bytes());
            sent.noted.set(sent.count, &record).unwrap();
            sent.count += 1;
            all.insert(sha256, id);
        }
        for ranges in [1, 3, 7] {
            let parts: Vec<_> = (0..ranges).flat_map(|range| sent.range(range, ranges).unwrap()).collect();
            assert_eq!(parts, all.clone().into_iter().collect::<Vec<_>>(), "{ranges}");
        }
    }
}
