//! The retention of everything but released notices, by the periods of `[retention]`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

use super::{CHUNK, Retention};
use crate::domain::actor::{Actor, Via};
use crate::domain::category::Category;
use crate::domain::entry::{Detail, Entry, Event, Fact, Person};
use crate::domain::records::Records;
use crate::domain::retention::{Period, Start};
use crate::people::subjects::{SubjectError, forget};
use crate::store::operators::audit;
use crate::store::people::expired::{self, Rows};
use crate::store::people::operations::{self, Operated};
use crate::store::people::retention;
use crate::store::people::{holds, imports, sole_traders, subjects};
use crate::store::proof::ledger::{self, Opening};
use crate::store::proof::tree;
use crate::store::{Conn, StoreError, inbound, notices};

/// How many records of a kind expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Those that were deleted, or would be.
    pub deleted: u64,
    /// Those that stay since they are under a hold.
    pub held: u64,
}

impl From<u64> for Count {
    fn from(deleted: u64) -> Self {
        Self { deleted, held: 0 }
    }
}

impl Count {
    /// Counts further records, some of them held.
    const fn add(&mut self, all: u64, held: u64) {
        self.deleted += all - held;
        self.held += held;
    }
}

impl Retention {
    /// Deletes the records of every kind whose period has ended, or counts them; except the rows of audience files, see
    /// [`Retention::audience_rows`].
    pub(super) async fn records(&self, actor: &Actor, dry_run: bool) -> Result<BTreeMap<Records, Count>, SubjectError> {
        let mut counts = BTreeMap::new();
        for kind in Records::ALL {
            let count = match kind {
                Records::DeactivatedContacts => self.rows(actor, *kind, Rows::DeactivatedContacts, dry_run).await?,
                Records::LeftCustomers => self.left_customers(actor, dry_run).await?,
                Records::Drafts => self.drafts(actor, dry_run).await?.into(),
                Records::AudienceRows => continue,
                Records::Attempts => self.attempts(actor, dry_run).await?,
                Records::Preferences => self.rows(actor, *kind, Rows::Preferences, dry_run).await?,
                Records::Suppressions => self.rows(actor, *kind, Rows::Suppressions, dry_run).await?,
                Records::Reads => self.rows(actor, *kind, Rows::Reads, dry_run).await?,
                Records::Rectifications => self.rows(actor, *kind, Rows::Rectifications, dry_run).await?,
                Records::Tasks => self.rows(actor, *kind, Rows::Tasks, dry_run).await?,
                Records::Operations => self.operations(actor, dry_run).await?,
                Records::AddressEntries => self.address_entries(actor, dry_run).await?.into(),
                Records::InboundMessages => self.inbound_messages(actor, dry_run).await?.into(),
                Records::AuditRows => self.audit_rows(actor, dry_run).await?.into(),
            };
            counts.insert(*kind, count);
        }
        Ok(counts)
    }

    fn period(&self, kind: Records) -> Period {
        let periods = &self.context.config.retention;
        match kind {
            Records::DeactivatedContacts => periods.deactivated_contacts,
            Records::LeftCustomers => periods.left_customers,
            Records::Drafts => periods.drafts,
            Records::AudienceRows => periods.audience_rows,
            Records::Attempts => periods.attempts,
            Records::Operations | Records::Tasks => periods.operations,
            Records::Preferences | Records::Rectifications | Records::AddressEntries => periods.preferences,
            Records::Suppressions | Records::Reads => periods.suppressions,
            Records::InboundMessages => self.context.config.inbound.kept_for(),
            Records::AuditRows => self.context.config.audit.kept_for(),
        }
    }

    fn expired(&self, kind: Records) -> String {
        format!("retention of {} ({kind}) has ended", self.period(kind))
    }

    /// Records that `count` records of a kind were deleted.
    async fn note(
        &self,
        conn: &mut Conn,
        actor: &Actor,
        (kind, object): (Records, Option<Uuid>),
        count: u64,
    ) -> Result<(), StoreError> {
        self.record(conn, actor, object, &format!("{count} {kind}: {}", self.expired(kind))).await
    }

    async fn rows(&self, actor: &Actor, kind: Records, rows: Rows, dry_run: bool) -> Result<Count, SubjectError> {
        let before = self.before(self.period(kind));
        let mut conn = self.context.store.read().await?;
        let expired = expired::count_rows(&mut conn, rows, before).await?;
        let held = expired::count_held_rows(&mut conn, rows, before).await?;
        drop(conn);
        if dry_run || expired == 0 {
            return Ok(Count { deleted: expired, held });
        }
        let mut count = 0;
        loop {
            let mut tx = self.context.store.write().await?;
            tree::lock_head(&mut tx).await?;
            let deleted = expired::delete_rows(&mut tx, rows, before, CHUNK).await?;
            if deleted == 0 {
                return Ok(Count { deleted: count, held });
            }
            if rows == Rows::DeactivatedContacts {
                // An import that has compared its file with them compares again. It sees nothing of what else ends here.
                imports::revise(&mut tx).await?;
            }
            self.note(&mut tx, actor, (kind, None), deleted).await?;
            tx.commit().await.map_err(StoreError::from)?;
            count += deleted;
        }
    }

    /// Deletes messages that came back, as they came. What they say of deliveries stays.
    async fn inbound_messages(&self, actor: &Actor, dry_run: bool) -> Result<u64, SubjectError> {
        let kind = Records::InboundMessages;
        let before = self.before(self.period(kind));
        if dry_run {
            return Ok(inbound::count_raw(&mut *self.context.store.read().await?, before).await?);
        }
        let mut count = 0;
        loop {
            let mut tx = self.context.store.write().await?;
            tree::lock_head(&mut tx).await?;
            let deleted = inbound::delete_raw(&mut tx, before, CHUNK).await?;
            if deleted == 0 {
                return Ok(count);
            }
            self.note(&mut tx, actor, (kind, None), deleted).await?;
            tx.commit().await.map_err(StoreError::from)?;
            count += deleted;
        }
    }

    /// Deletes rows of the audit log.
    async fn audit_rows(&self, actor: &Actor, dry_run: bool) -> Result<u64, SubjectError> {
        let kind = Records::AuditRows;
        let before = self.before(self.period(kind));
        let mut count = audit::count_before(&mut *self.context.store.read().await?, before).await?;
        if dry_run || count == 0 {
            return Ok(count);
        }
        count = 0;
        loop {
            let mut tx = self.context.store.write().await?;
            tree::lock_head(&mut tx).await?;
            let deleted = audit::delete_before(&mut tx, before, CHUNK).await?;
            if deleted == 0 {
                return Ok(count);
            }
            self.note(&mut tx, actor, (kind, None), deleted).await?;
            tx.commit().await.map_err(StoreError::from)?;
            count += deleted;
        }
    }

    async fn left_customers(&self, actor: &Actor, dry_run: bool) -> Result<Count, SubjectError> {
        let kind = Records::LeftCustomers;
        let before = self.before(self.period(kind));
        let by_contract = |category: &Category| self.context.config.retention(*category).start == Start::ContractEnd;
        let categories: Vec<Category> = Category::ALL.iter().copied().filter(by_contract).collect();
        let held = retention::count_held_customers(&mut *self.context.store.read().await?, before).await?;
        let mut after = String::new();
        let mut count = 0;
        loop {
            let mut tx = self.context.store.write().await?;
            imports::revise(&mut tx).await?;
            let page = retention::left_customers(&mut tx, before, &categories, &after, CHUNK).await?;
            let Some(last) = page.last() else { return Ok(Count { deleted: count, held }) };
            after.clone_from(last);
            count += page.len() as u64;
            if dry_run {
                continue;
            }
            retention::delete_customers(&mut tx, &page).await?;
            sole_traders::clear_records(&mut tx, &page).await?;
            self.note(&mut tx, actor, (kind, None), page.len() as u64).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
    }

    async fn drafts(&self, actor: &Actor, dry_run: bool) -> Result<u64, SubjectError> {
        let kind = Records::Drafts;
        let before = self.before(self.period(kind));
        let mut after = String::new();
        let mut count = 0;
        loop {
            let page = retention::drafts(&mut *self.context.store.read().await?, before, &after, CHUNK).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = last.to_string();
            for id in page {
                count += u64::from(dry_run || self.draft(actor, id).await?);
            }
        }
    }

    /// Deletes a notice that was never released. Returns false if somebody changed it or placed a hold
    /// on it meanwhile.
    async fn draft(&self, actor: &Actor, id: Uuid) -> Result<bool, SubjectError> {
        let before = self.before(self.period(Records::Drafts));
        let mut tx = self.context.store.write().await?;
        tree::lock_head(&mut tx).await?;
        let retired = !retention::is_held(&mut tx, id).await? && retention::retire_draft(&mut tx, id, before).await?;
        tx.commit().await.map_err(StoreError::from)?;
        if !retired {
            return Ok(false);
        }
        loop {
            let mut tx = self.context.store.write().await?;
            tree::lock_head(&mut tx).await?;
            if retention::is_held(&mut tx, id).await? {
                return Ok(false);
            }
            if retention::delete_audience_rows(&mut tx, id, CHUNK).await? == 0 {
                retention::delete_draft(&mut tx, id).await?;
                let openings = retention::clear_steps(&mut tx, id).await?;
                if !openings.is_empty() {
                    let ground = self.expired(Records::Drafts);
                    forget::append_cleared(&self.context, &mut tx, Event::Purged, &openings, &ground).await?;
                }
                self.note(&mut tx, actor, (Records::Drafts, Some(id)), 1).await?;
                tx.commit().await.map_err(StoreError::from)?;
                return Ok(true);
            }
            tx.commit().await.map_err(StoreError::from)?;
        }
    }

    /// Deletes the rows of audience files. This comes before the notices are purged, since that deletes their rows too: so the
    /// run counts what a dry run counts.
    pub(super) async fn audience_rows(&self, actor: &Actor, dry_run: bool) -> Result<Count, SubjectError> {
        let before = self.before(self.period(Records::AudienceRows));
        let mut after = String::new();
        let mut count = Count::default();
        loop {
            let mut conn = self.context.store.read().await?;
            let page = retention::with_audience_rows(&mut conn, before, &after, CHUNK).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = last.to_string();
            for id in page {
                let (all, held) = retention::count_audience_rows(&mut conn, id).await?;
                if retention::is_notice_held(&mut conn, id).await? {
                    count.held += all;
                    continue;
                }
                count.add(all, held);
                while !dry_run && self.delete_audience_rows(actor, id).await? {}
            }
        }
    }

    /// Deletes some rows of a notice's audience file. Returns false if there are none left, or they are under a
    /// hold now.
    async fn delete_audience_rows(&self, actor: &Actor, id: Uuid) -> Result<bool, SubjectError> {
        let kind = Records::AudienceRows;
        let at = self.context.clock.now();
        let mut tx = self.context.store.write().await?;
        tree::lock_head(&mut tx).await?;
        let Some(notice) = notices::find(&mut tx, id).await? else { return Ok(false) };
        if retention::is_notice_held(&mut tx, id).await? {
            return Ok(false);
        }
        let deleted = retention::delete_audience_rows(&mut tx, id, CHUNK).await?;
        if deleted == 0 {
            return Ok(false);
        }
        // The digest of the notice covers the rows: the entry says why they do not show it any more.
        let fact = Fact {
            detail: Detail::Cleared { ground: self.expired(kind), entries: Vec::new() },
            ..notice.fact(Event::Purged, at)
        };
        let entry = Entry::new(&fact, None, &self.context.random);
        ledger::append(&mut tx, &[Opening::of_notice(&entry, id, at)]).await?;
        self.note(&mut tx, actor, (kind, Some(id)), deleted).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(true)
    }

    async fn attempts(&self, actor: &Actor, dry_run: bool) -> Result<Count, SubjectError> {
        let before = self.before(self.period(Records::Attempts));
        let mut after = String::new();
        let mut count = Count::default();
        loop {
            let mut conn = self.context.store.read().await?;
            let page = retention::with_attempts(&mut conn, before, &after, CHUNK).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = last.to_string();
            for id in page {
                let (all, held) = retention::count_attempts(&mut conn, id, before).await?;
                if retention::is_notice_held(&mut conn, id).await? {
                    count.held += all;
                    continue;
                }
                count.add(all, held);
                // Of a notice of which a hold keeps some, nothing is left to do once the others are gone.
                if !dry_run && (all > held || held == 0) {
                    self.delete_attempts(actor, id, before).await?;
                }
            }
        }
    }

    /// Deletes the attempts of a notice that were made before a time. What was sent again later has its time still.
    async fn delete_attempts(&self, actor: &Actor, id: Uuid, before: Timestamp) -> Result<(), SubjectError> {
        let kind = Records::Attempts;
        let recipients =
            notices::find(&mut *self.context.store.read().await?, id).await?.map_or(0, |notice| notice.recipients);
        let mut first = 0;
        loop {
            let end = first + u64::from(CHUNK);
            let mut tx = self.context.store.write().await?;
            tree::lock_head(&mut tx).await?;
            if retention::is_notice_held(&mut tx, id).await? {
                return Ok(());
            }
            let deleted = retention::delete_attempts(&mut tx, id, (first, end), before).await?;
            if deleted > 0 {
                self.note(&mut tx, actor, (kind, Some(id)), deleted).await?;
            }
            if end >= recipients {
                retention::set_attempts_purged(&mut tx, id, self.context.clock.now()).await?;
            }
            tx.commit().await.map_err(StoreError::from)?;
            if end >= recipients {
                return Ok(());
            }
            first = end;
        }
    }

    /// Clears who did what beyond notices and deliveries, those of customers under a hold excepted.
    async fn operations(&self, actor: &Actor, dry_run: bool) -> Result<Count, SubjectError> {
        let kind = Records::Operations;
        let before = self.before(self.period(kind));
        let mut after = None;
        let mut count = Count::default();
        loop {
            let mut tx = self.context.store.write().await?;
            tree::lock_head(&mut tx).await?;
            let page = operations::ended(&mut tx, before, after, CHUNK).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = Some((last.at, last.entry_id));
            let ended = unheld(&mut tx, &page).await?;
            count.add(page.len() as u64, (page.len() - ended.len()) as u64);
            if dry_run || ended.is_empty() {
                continue;
            }
            subjects::clear_openings(&mut tx, &ended).await?;
            forget::append_cleared(&self.context, &mut tx, Event::Purged, &ended, &self.expired(kind)).await?;
            // The `purged` entry says what a task did. An entry about the task would have to end like these, and so on for ever.
            if *actor.via() != Via::System {
                self.note(&mut tx, actor, (kind, None), ended.len() as u64).await?;
            }
            tx.commit().await.map_err(StoreError::from)?;
        }
    }

    /// Clears the entries about addresses of which nothing else is stored.
    async fn address_entries(&self, actor: &Actor, dry_run: bool) -> Result<u64, SubjectError> {
        let kind = Records::AddressEntries;
        let before = self.before(self.period(kind));
        let mut after = String::new();
        let mut count = 0;
        loop {
            let mut tx = self.context.store.write().await?;
            tree::lock_head(&mut tx).await?;
            let page = retention::orphaned_addresses(&mut tx, before, &after, CHUNK).await?;
            let Some(last) = page.last() else { return Ok(count) };
            last.as_str().clone_into(&mut after);
            count += page.len() as u64;
            if dry_run {
                continue;
            }
            let mut openings = Vec::new();
            for key in &page {
                openings.extend(subjects::clear_address(&mut tx, key).await?);
            }
            forget::append_cleared(&self.context, &mut tx, Event::Purged, &openings, &self.expired(kind)).await?;
            self.note(&mut tx, actor, (kind, None), page.len() as u64).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
    }
}

/// Returns those of these entries that name no customer under a hold. What cannot be read was changed: it stays, for an audit to find.
async fn unheld(conn: &mut Conn, page: &[Operated]) -> Result<Vec<Uuid>, StoreError> {
    let account = |it: &Operated| Some((it.entry_id, Person::from_cbor(&it.person).ok()?.account_id));
    let read: Vec<(Uuid, String)> = page.iter().filter_map(account).collect();
    let accounts: BTreeSet<&String> = read.iter().map(|(_, account)| account).collect();
    let accounts: Vec<String> = accounts.into_iter().filter(|account| !account.is_empty()).cloned().collect();
    let holds = holds::on(conn, &accounts, &[]).await?;
    let held: BTreeSet<String> = holds.into_iter().filter_map(|hold| hold.account_id).collect();
    Ok(read.into_iter().filter(|(_, account)| !held.contains(account)).map(|(id, _)| id).collect())
}
