//! Queued deliveries to contacts that are no longer there: cancelled, and for a mandatory notice replaced by deliveries to the
//! contacts that the customer has today. A retry never goes to an address that was corrected or removed meanwhile.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::recipients::stored;
use super::{Carried, NoticeError, Notices};
use crate::audience::{self, Pages, Plan, Recipient};
use crate::domain::address::{Address, AddressKey};
use crate::domain::category::Class;
use crate::domain::customer::AccountId;
use crate::domain::delivery::State as DeliveryState;
use crate::domain::notice::{Notice, State};
use crate::ledger::cancelled;
use crate::store::Conn;
use crate::store::notices::releases;
use crate::store::notices::{self as kept, Kept};
use crate::store::people::{imports, subjects};
use crate::store::proof::tree;
use crate::store::sending::recipients::Recipient as Gone;
use crate::store::sending::{deliveries, recipients};

/// Deliveries replaced in one transaction.
const CHUNK: u32 = 500;

impl Notices {
    /// Compares the queue of a released notice with the contacts of today. A dispatcher that has seen that they changed claims
    /// nothing of the notice until then; an error that does not pass is logged, and the sending goes on.
    pub(super) async fn readdress(&self, id: Uuid) -> Result<Carried, NoticeError> {
        let store = &self.context.store;
        let Some(notice) = kept::find(&mut *store.read().await?, id).await? else { return Ok(Carried::Out) };
        let revision = imports::revision(&mut *store.read().await?).await?;
        match self.replace_all(&notice).await {
            Ok(true) => {}
            // Workers hold them: they are replaced if they come back into the queue.
            Ok(false) => return Ok(Carried::NotYet),
            Err(error) if error.may_pass() => return Err(error),
            Err(error) => {
                tracing::error!(notice = %id, error = error.for_logs(), "cannot replace deliveries to contacts that changed");
            }
        }
        let mut tx = store.write().await?;
        kept::set_contacts_revision(&mut tx, id, revision).await?;
        tx.commit().await?;
        Ok(Carried::Out)
    }

    /// Replaces all that can be replaced. Returns false if workers hold the rest.
    async fn replace_all(&self, notice: &Kept) -> Result<bool, NoticeError> {
        let left = notice.category.class() == Class::Optional;
        loop {
            let gone = releases::gone(&mut *self.context.store.read().await?, notice.id, left, CHUNK).await?;
            let waiting: Vec<Uuid> = gone.iter().filter(|(_, leased)| !leased).map(|(id, _)| *id).collect();
            if waiting.is_empty() {
                return Ok(gone.is_empty());
            }
            if !self.replace(notice, &waiting).await? {
                return Ok(true);
            }
        }
    }

    /// Cancels deliveries that no worker holds, and adds those that take their place. Returns false if the notice is not being
    /// sent any more.
    async fn replace(&self, notice: &Kept, ids: &[Uuid]) -> Result<bool, NoticeError> {
        let context = &self.context;
        let mut tx = context.store.write().await?;
        tree::lock_head(&mut tx).await?;
        let queued = subjects::lock_queue(&mut tx, ids).await?;
        kept::lock(&mut tx, notice.id).await?;
        let Some(notice) = kept::find(&mut tx, notice.id).await? else { return Ok(false) };
        if notice.state != State::Released {
            return Ok(false);
        }
        let ids: Vec<String> = queued.iter().filter(|(_, leased)| !leased).map(|(id, _)| id.to_string()).collect();
        let gone = recipients::find(&mut tx, &ids).await?;
        if notice.category.class() == Class::Mandatory {
            self.add_successors(&mut tx, &notice, &gone).await?;
        }
        cancelled::cancel(&mut tx, &notice, gone, context.clock.now(), &context.random).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Adds deliveries to today's contacts of the customers of some recipients, as far as they have none. One without a value for
    /// a placeholder becomes `not_composed` when it is sent: its customer must not drop out of the coverage.
    async fn add_successors(&self, conn: &mut Conn, notice: &Kept, gone: &[Gone]) -> Result<(), NoticeError> {
        let context = &self.context;
        let accounts: BTreeSet<&str> = gone.iter().map(|recipient| recipient.account_id.as_str()).collect();
        let has = self.addressed(conn, notice, &accounts, gone).await?;
        let parsed = notice.parsed()?;
        let of_rows = self.of_rows(conn, (notice, &parsed), gone).await?;
        let of_release = gone.iter().filter(|it| it.row_key.is_none()).map(|it| it.account_id.as_str());
        let accounts: BTreeSet<&str> = of_release.collect();
        let accounts: Vec<AccountId> = accounts.iter().filter_map(|id| AccountId::parse(id).ok()).collect();
        let plan = Plan::for_customers(conn, &context.config, (notice, &parsed), &accounts).await?;
        let is_new = |it: &Recipient| !has.contains(&(it.account_id.clone(), it.row_key.clone(), it.email.key()));
        let mut successors: Vec<Recipient> = of_rows.into_iter().filter(is_new).collect();
        let mut pages = Pages::new(&plan, notice.continued());
        while let Some(page) = pages.next(conn).await? {
            successors.extend(page.recipients.into_iter().filter(is_new));
        }
        audience::add(conn, context, notice, successors).await?;
        Ok(())
    }

    /// Whom the rows of recipients address today that were added to a standing notice.
    async fn of_rows(
        &self,
        conn: &mut Conn,
        (notice, parsed): (&Kept, &Notice),
        gone: &[Gone],
    ) -> Result<Vec<Recipient>, NoticeError> {
        let keys: BTreeSet<&str> = gone.iter().filter_map(|it| it.row_key.as_deref()).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let rows = stored(conn, notice.id, &keys.into_iter().collect::<Vec<_>>()).await?;
        let plan = Plan::for_added(&self.context.config, parsed);
        let resolved = audience::resolve(conn, &plan, &rows, notice.continued()).await?;
        Ok(resolved.into_iter().flat_map(|it| it.recipients).collect())
    }

    /// The addresses of some customers with a delivery of the notice that stays.
    async fn addressed(
        &self,
        conn: &mut Conn,
        notice: &Kept,
        accounts: &BTreeSet<&str>,
        gone: &[Gone],
    ) -> Result<BTreeSet<(String, Option<String>, AddressKey)>, NoticeError> {
        let gone: BTreeSet<Uuid> = gone.iter().map(|recipient| recipient.id).collect();
        let mut has = BTreeSet::new();
        for account in accounts {
            for delivery in deliveries::of_customer(conn, notice.id, account).await? {
                let stays = delivery.state != DeliveryState::Cancelled && !gone.contains(&delivery.id);
                if let (true, Ok(address)) = (stays, Address::parse(&delivery.email)) {
                    has.insert((delivery.account_id, delivery.row_key, address.key()));
                }
            }
        }
        Ok(has)
    }
}
