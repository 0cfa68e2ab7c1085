//! The entries that belong into an evidence file, by index.

use std::io;

use uuid::Uuid;

use super::{EvidenceError, Wanted, steps};
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
    /// Entries that the checkpoint does not cover. What operators did does not count.
    pub(super) later: u64,
}

impl Listed {
    pub(super) async fn of(conn: &mut Conn, checkpoint: &Signed, wanted: &Wanted<'_>) -> Result<Self, EvidenceError> {
        let mut steps = steps::of(conn, checkpoint, wanted).await?.into_iter().peekable();
        let mut listed = Self { ids: Slots::default(), count: 0, read: 0, later: 0 };
        let mut take = |index, id: Uuid| {
            if index >= checkpoint.size {
                listed.later += 1;
                return Ok(());
            }
            while let Some((_, step)) = steps.next_if(|(before, _)| *before < index) {
                listed.push(step)?;
            }
            listed.push(id)
        };
        match wanted.account_id {
            None => entries::sealed(conn, wanted.notice_id, take).await??,
            Some(account_id) => {
                let sealed = entries::sealed_of_customer(conn, wanted.notice_id, account_id, wanted.address).await?;
                sealed.into_iter().try_for_each(|(index, id)| take(index, id))?;
            }
        }
        steps.try_for_each(|(_, step)| listed.push(step))?;
        Ok(listed)
    }

    /// Adds an entry, whose index is higher than those before.
    fn push(&mut self, id: Uuid) -> io::Result<()> {
        self.ids.set(self.count, id.as_bytes())?;
        self.count += 1;
        Ok(())
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
