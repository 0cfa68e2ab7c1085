//! The customers of the notices that another one follows: those of today, and those that left if they are to be informed all the
//! same.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::lineage::Lineage;
use crate::domain::audience::Audience;
use crate::domain::customer::AccountId;
use crate::store::people::customers::{self, Selection};
use crate::store::{Conn, StoreError};

/// Account ids with names.
pub(super) type Accounts = Vec<(String, String)>;

/// Which customers a notice, or one that it follows, addressed although they might have left.
#[derive(Clone, Debug)]
pub(super) enum NamedBefore {
    /// Every one of its customers: they were named by an audience file, or it included those that left.
    All,
    /// These.
    These(BTreeSet<AccountId>),
}

impl NamedBefore {
    /// Finds whom a released notice named: its audience may be that of the notice before it.
    pub(super) async fn of(conn: &mut Conn, notice: Uuid) -> Result<Self, StoreError> {
        let mut lineage = Lineage::from(Some(notice));
        while let Some(kept) = lineage.next(conn).await? {
            // One that this version cannot read names nobody; its customers are still known from its deliveries.
            match kept.parsed().map(|notice| notice.audience) {
                Ok(Audience::Rows { .. } | Audience::Nobody) => return Ok(Self::All),
                Ok(
                    Audience::All { include_left: true }
                    | Audience::Select { include_left: true, .. }
                    | Audience::Followed { include_left: true },
                ) => return Ok(Self::All),
                Ok(Audience::Select { customers, .. }) => return Ok(Self::These(customers.into_iter().collect())),
                Ok(Audience::Followed { .. }) => {}
                Ok(Audience::All { .. }) | Err(_) => break,
            }
        }
        Ok(Self::These(BTreeSet::new()))
    }

    fn has(&self, account: &AccountId) -> bool {
        match self {
            Self::All => true,
            Self::These(accounts) => accounts.contains(account),
        }
    }
}

/// Which of the customers that left are addressed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Left<'a> {
    /// All of them.
    All,
    /// Those that were named before.
    Named(&'a NamedBefore),
    /// None: there is no duty to inform them.
    None,
}

/// Returns those of the accounts that are addressed today, with today's names, and how many others there are: those have left.
pub(super) async fn addressed_today(
    conn: &mut Conn,
    accounts: &Accounts,
    left: Left<'_>,
) -> Result<(Accounts, u64), StoreError> {
    let ids: Vec<AccountId> = accounts.iter().filter_map(|(id, _)| AccountId::parse(id).ok()).collect();
    let mut found = select(conn, &ids, matches!(left, Left::All)).await?;
    if let Left::Named(named) = left {
        let active: BTreeSet<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
        let named: Vec<AccountId> =
            ids.into_iter().filter(|id| !active.contains(id.as_str()) && named.has(id)).collect();
        found.extend(select(conn, &named, true).await?);
        found.sort();
    }
    let others = accounts.len().saturating_sub(found.len()) as u64;
    Ok((found, others))
}

async fn select(conn: &mut Conn, ids: &[AccountId], left: bool) -> Result<Accounts, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let limit = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    customers::select(conn, &Selection::new(ids, &[]).with_left(left), "", limit).await
}
