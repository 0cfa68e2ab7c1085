//! Retention: persons in the record of a notice are deleted when its time is over (GDPR Art. 5(1)(e)); counts stay, and so
//! does every proof of others.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::category::Category;
use crate::domain::entry::Event;
use crate::domain::retention::Start;
use crate::people::subjects::{SubjectError, forget};
use crate::store::subjects::{self, Expirable};
use crate::store::{StoreError, tree};

/// Deliveries whose persons are deleted in one transaction.
const CHUNK: u32 = 1000;

/// A notice whose time is over.
#[derive(Clone, Debug, Serialize)]
pub struct Purged {
    /// The notice.
    pub notice_id: Uuid,
    /// Its category.
    pub category: Category,
    /// The author's reference.
    pub reference: Option<String>,
    /// When it was released.
    pub released_at: Timestamp,
    /// When its time was over.
    pub expired_at: Timestamp,
    /// Persons that were deleted, or would be.
    pub persons: u64,
    /// Persons that stay, as their customers are under a legal hold.
    pub held: u64,
}

/// Deletes persons whose time is over: a cheap handle, cloned freely.
#[derive(Clone, Debug)]
pub struct Retention {
    context: Context,
}

impl Retention {
    /// A handle over a database.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Purges notices whose time is over, or with `dry_run` tells which would be. Notices and customers under a legal hold are
    /// left alone.
    ///
    /// # Errors
    /// Where the database fails, or sealing has stopped. What was purged until then stays purged.
    pub async fn run(&self, _actor: &Actor, dry_run: bool) -> Result<Vec<Purged>, SubjectError> {
        let mut purged = Vec::new();
        for category in Category::ALL {
            for notice in self.expired(*category).await? {
                let persons = if dry_run { self.count(notice.id).await? } else { self.purge(&notice).await? };
                // One whose persons are all under a hold was reported when they were left.
                if persons > 0 || notice.persons == 0 {
                    purged.push(self.tell(notice, persons));
                }
            }
        }
        if !dry_run && !purged.is_empty() {
            self.context.store.scrub().await?;
        }
        Ok(purged)
    }

    async fn expired(&self, category: Category) -> Result<Vec<Expirable>, StoreError> {
        let retention = self.context.config.retention(category);
        if retention.start == Start::ContractEnd {
            // Such a record expires customer by customer.
            return Ok(Vec::new());
        }
        let before = retention.limit(self.context.clock.now(), &self.zone());
        subjects::expirable(&mut *self.context.store.read().await?, category, before).await
    }

    fn zone(&self) -> TimeZone {
        self.context.config.organisation.default_time_zone.time_zone()
    }

    fn tell(&self, notice: Expirable, persons: u64) -> Purged {
        Purged {
            notice_id: notice.id,
            category: notice.category,
            reference: notice.reference,
            released_at: notice.released_at,
            expired_at: self
                .context
                .config
                .retention(notice.category)
                .expires(notice.released_at, None, &self.zone())
                .unwrap_or(Timestamp::MAX),
            persons,
            held: notice.persons.saturating_sub(persons),
        }
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

    async fn purge(&self, notice: &Expirable) -> Result<u64, SubjectError> {
        let ground = format!("retention of {} has ended", self.context.config.retention(notice.category));
        let mut count = 0;
        loop {
            let mut tx = self.context.store.write().await?;
            // In the order in which an erasure takes them.
            tree::lock_head(&mut tx).await?;
            let page = subjects::unpurged(&mut tx, notice.id, 0, CHUNK).await?;
            let openings = if !page.is_empty() {
                forget::clear(&mut tx, &page).await?
            } else if !subjects::is_held(&mut tx, notice.id).await? {
                subjects::clear_notice(&mut tx, notice.id, self.context.clock.now()).await?
            } else {
                return Ok(count);
            };
            if !openings.is_empty() {
                forget::append_cleared(&self.context, &mut tx, Event::Purged, &openings, &ground).await?;
            }
            tx.commit().await.map_err(StoreError::from)?;
            if page.is_empty() {
                return Ok(count);
            }
            count += page.len() as u64;
        }
    }
}
