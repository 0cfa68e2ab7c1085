//! The retention of notices: the persons in their record are deleted, counts stay.

use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

use super::{CHUNK, Purged, Retention};
use crate::domain::actor::Actor;
use crate::domain::category::Category;
use crate::domain::delivery::State;
use crate::domain::entry::Event;
use crate::domain::retention::Start;
use crate::people::subjects::{SubjectError, forget};
use crate::store::people::retention::{self, Expirable};
use crate::store::people::sole_traders;
use crate::store::people::subjects::{self, SubjectDelivery};
use crate::store::proof::tree;
use crate::store::sending::deliveries;
use crate::store::{Conn, StoreError};

impl Retention {
    /// Purges the notices of every category.
    pub(super) async fn notices(&self, actor: &Actor, dry_run: bool) -> Result<Vec<Purged>, SubjectError> {
        let mut purged = Vec::new();
        for category in Category::ALL {
            if self.context.config.retention(*category).start == Start::ContractEnd {
                purged.extend(self.ended_contracts(actor, *category, dry_run).await?);
            } else {
                purged.extend(self.expired_notices(actor, *category, dry_run).await?);
            }
        }
        Ok(purged)
    }

    /// Purges the notices of a category whose retention counts from their release or its year.
    async fn expired_notices(
        &self,
        actor: &Actor,
        category: Category,
        dry_run: bool,
    ) -> Result<Vec<Purged>, SubjectError> {
        let mut purged = Vec::new();
        let paused = self.before(self.context.config.retention.paused_notices);
        let mut conn = self.context.store.read().await?;
        let expirable = retention::expirable(&mut conn, category, self.limit(category), paused).await?;
        drop(conn);
        for notice in expirable {
            let persons =
                if dry_run { self.count(notice.id).await? } else { self.purge_notice(actor, &notice).await? };
            // What a hold keeps of a notice was reported when the notice was purged first.
            if persons > 0 || (notice.persons == 0 && !self.is_held(notice.id).await?) {
                let rule = self.context.config.retention(category);
                let expired_at = rule.expires(notice.released_at, None, &self.zone());
                let uncertain = self.uncertain(notice.id).await?;
                purged.push(report(notice, expired_at, persons, uncertain));
            }
        }
        Ok(purged)
    }

    async fn uncertain(&self, notice_id: Uuid) -> Result<u64, StoreError> {
        let counts = deliveries::counts(&mut *self.context.store.read().await?, notice_id).await?;
        Ok(counts.get(&State::Uncertain).copied().unwrap_or_default())
    }

    async fn is_held(&self, notice_id: Uuid) -> Result<bool, StoreError> {
        retention::is_held(&mut *self.context.store.read().await?, notice_id).await
    }

    /// The time before which the retention of a category has ended.
    fn limit(&self, category: Category) -> Timestamp {
        self.context.config.retention(category).limit(self.context.clock.now(), &self.zone())
    }

    async fn count(&self, notice_id: Uuid) -> Result<u64, StoreError> {
        let mut conn = self.context.store.read().await?;
        let (mut ordinal, mut count) = (0, 0);
        loop {
            let page = subjects::unpurged(&mut conn, notice_id, ordinal, CHUNK).await?;
            let Some(last) = page.last() else { return Ok(count) };
            ordinal = last.ordinal + 1;
            count += page.len() as u64;
        }
    }

    /// Deletes the persons of a notice, those under a hold excepted; returns their number.
    async fn purge_notice(&self, actor: &Actor, notice: &Expirable) -> Result<u64, SubjectError> {
        let mut count = 0;
        loop {
            let mut tx = self.context.store.write().await?;
            // In the order in which an erasure takes them.
            tree::lock_head(&mut tx).await?;
            let page = subjects::unpurged(&mut tx, notice.id, 0, CHUNK).await?;
            if page.is_empty() {
                if !retention::is_held(&mut tx, notice.id).await? {
                    self.clear_whole(&mut tx, actor, notice.id, notice.category).await?;
                    tx.commit().await.map_err(StoreError::from)?;
                }
                return Ok(count);
            }
            if !self.clear_page(&mut tx, actor, notice.category, &page).await? {
                return Ok(count);
            }
            tx.commit().await.map_err(StoreError::from)?;
            count += page.len() as u64;
        }
    }

    /// Purges the notices of a category whose retention counts from the end of the contract, customer by customer.
    async fn ended_contracts(
        &self,
        actor: &Actor,
        category: Category,
        dry_run: bool,
    ) -> Result<Vec<Purged>, SubjectError> {
        let limit = self.limit(category);
        let mut conn = self.context.store.read().await?;
        let mut purged = Vec::new();
        for (id, persons) in retention::count_ended_contracts(&mut conn, category, limit).await? {
            if let Some(notice) = retention::find(&mut conn, id).await? {
                let uncertain = deliveries::counts(&mut conn, id).await?.get(&State::Uncertain).copied();
                purged.push(report(notice, None, persons, uncertain.unwrap_or_default()));
            }
        }
        drop(conn);
        if dry_run {
            return Ok(purged);
        }
        while !purged.is_empty() {
            let mut tx = self.context.store.write().await?;
            tree::lock_head(&mut tx).await?;
            let page = subjects::ended_contracts(&mut tx, category, limit, CHUNK).await?;
            if page.is_empty() || !self.clear_page(&mut tx, actor, category, &page).await? {
                break;
            }
            tx.commit().await.map_err(StoreError::from)?;
        }
        let concluded = retention::concluded(&mut *self.context.store.read().await?, category, limit).await?;
        for id in concluded {
            let mut tx = self.context.store.write().await?;
            tree::lock_head(&mut tx).await?;
            if !retention::is_held(&mut tx, id).await? {
                self.clear_whole(&mut tx, actor, id, category).await?;
                tx.commit().await.map_err(StoreError::from)?;
            }
        }
        Ok(purged)
    }

    /// Deletes the persons of some deliveries. Returns false, and deletes nothing, if one of them is being sent.
    async fn clear_page(
        &self,
        conn: &mut Conn,
        actor: &Actor,
        category: Category,
        page: &[SubjectDelivery],
    ) -> Result<bool, SubjectError> {
        let ids: Vec<Uuid> = page.iter().map(|delivery| delivery.id).collect();
        if subjects::lock_queue(conn, &ids).await?.iter().any(|(_, leased)| *leased) {
            return Ok(false);
        }
        // A paused notice still has deliveries in the queue.
        forget::cancel(&self.context, conn, page).await?;
        let openings = forget::clear(conn, page).await?;
        let accounts: BTreeSet<String> = page.iter().map(|delivery| delivery.account_id.clone()).collect();
        sole_traders::clear_records(conn, &accounts.into_iter().collect::<Vec<_>>()).await?;
        let ground = self.ground(category);
        if !openings.is_empty() {
            forget::append_cleared(&self.context, conn, Event::Purged, &openings, &ground).await?;
        }
        self.record(conn, actor, None, &format!("{} persons of {category}: {ground}", page.len())).await?;
        Ok(true)
    }

    /// Deletes what a notice as a whole stores about persons.
    async fn clear_whole(
        &self,
        conn: &mut Conn,
        actor: &Actor,
        notice_id: Uuid,
        category: Category,
    ) -> Result<(), SubjectError> {
        let openings = retention::clear_notice(conn, notice_id, self.context.clock.now()).await?;
        let mut after = String::new();
        loop {
            let page = deliveries::unaddressed_after(conn, notice_id, &after, CHUNK).await?;
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            let accounts: Vec<String> = page.into_iter().map(|(account, _)| account).collect();
            sole_traders::clear_records(conn, &accounts).await?;
        }
        let ground = self.ground(category);
        if !openings.is_empty() {
            forget::append_cleared(&self.context, conn, Event::Purged, &openings, &ground).await?;
        }
        Ok(self.record(conn, actor, Some(notice_id), &format!("the record of a notice: {ground}")).await?)
    }

    fn ground(&self, category: Category) -> String {
        format!("retention of {} has ended", self.context.config.retention(category))
    }
}

fn report(notice: Expirable, expired_at: Option<Timestamp>, persons: u64, uncertain: u64) -> Purged {
    Purged {
        notice_id: notice.id,
        category: notice.category,
        reference: notice.reference,
        released_at: notice.released_at,
        expired_at,
        persons,
        held: notice.persons.saturating_sub(persons),
        uncertain,
    }
}
