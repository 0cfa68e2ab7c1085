//! The entries that belong into an evidence file, by index.

use uuid::Uuid;

use super::{EvidenceError, Wanted};
use crate::ledger::slots::Slots;
use crate::store::Conn;
use crate::store::proof::ledger as entries;
use crate::store::proof::tree::Signed;

/// Entries in a page.
const PAGE: u64 = 500;

/// The ids of entries that a checkpoint covers. They wait in a file: the entries are read over the same connection as the list.
pub(super) struct Listed {
    ids: Slots<16>,
    count: u64,
    read: u64,
    /// Entries that the checkpoint does not cover.
    pub(super) later: u64,
}

impl Listed {
    pub(super) async fn of(conn: &mut Conn, checkpoint: &Signed, wanted: &Wanted<'_>) -> Result<Self, EvidenceError> {
        let mut listed = Self { ids: Slots::default(), count: 0, read: 0, later: 0 };
        let mut take = |index, id: Uuid| {
            if index >= checkpoint.size {
                listed.later += 1;
                return Ok(());
            }
            listed.ids.set(listed.count, id.as_bytes())?;
            listed.count += 1;
            Ok(())
        };
        match wanted.account_id {
            None => entries::sealed(conn, wanted.notice_id, take).await??,
            Some(account_id) => {
                let sealed = entries::sealed_of_customer(conn, wanted.notice_id, account_id, wanted.address).await?;
                sealed.into_iter().try_for_each(|(index, id)| take(index, id))?;
            }
        }
        Ok(listed)
    }

    /// The ids of the next entries, while there are some.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Uuid>>, EvidenceError> {
        let until = self.count.min(self.read + PAGE);
        let ids = (self.read..until).map(|place| self.ids.get(place).map(Uuid::from_bytes));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        self.read = until;
        Ok(Some(ids).filter(|ids| !ids.is_empty()))
    }
}
