//! Retention: what is not needed any more is deleted (GDPR Art. 5(1)(e)). The persons in the record of a notice are deleted when
//! the retention of its category ends; counts and the proofs of others stay. Everything else that names persons has a period in
//! `[retention]`.

mod notices;
mod records;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::actor::{Action, Actor};
use crate::domain::category::Category;
use crate::domain::records::Records;
use crate::domain::retention::Period;
use crate::domain::right::Right;
use crate::ledger::operated::{Operation, record};
use crate::people::scrub;
use crate::people::subjects::SubjectError;
use crate::store::operators::forms;
use crate::store::people::scrubs;
use crate::store::proof::tree;
use crate::store::{Conn, StoreError};

/// Rows deleted in one transaction.
const CHUNK: u32 = 1000;

/// A notice whose retention has ended.
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
    /// When its retention ended; absent if it ends customer by customer, with each contract.
    pub expired_at: Option<Timestamp>,
    /// Persons that were deleted, or would be.
    pub persons: u64,
    /// Persons that stay: their customers are under a legal hold, or their contracts still count.
    pub held: u64,
    /// Deliveries of the notice whose outcome is unknown: they stay so until an operator settles them, also without their person.
    pub uncertain: u64,
}

/// What a run deleted, or would delete.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Notices whose persons were deleted.
    pub notices: Vec<Purged>,
    /// The number of other records, by kind.
    pub records: BTreeMap<Records, u64>,
    /// The number of those that expired, and stay since they are under a legal hold, by kind.
    pub held: BTreeMap<Records, u64>,
    /// Why the file could not be rewritten, if it could not: the dispatcher does it at night.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unscrubbed: Option<String>,
}

impl Report {
    /// True if nothing was deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.notices.is_empty() && self.records.values().all(|count| *count == 0)
    }
}

/// Deletes what is not needed any more: a cheap handle, cloned freely.
#[derive(Clone, Debug)]
pub struct Retention {
    context: Context,
}

impl Retention {
    /// The service over a database.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Deletes everything whose retention has ended, or with `dry_run` only counts it. What is under a legal hold is left alone.
    ///
    /// # Errors
    /// If the database fails. What was deleted until then stays deleted.
    pub async fn run(&self, actor: &Actor, dry_run: bool) -> Result<Report, SubjectError> {
        actor.may_at_all(Right::Retention)?;
        let mut report = self.purge(actor, dry_run).await?;
        if !dry_run {
            // Also if nothing was deleted now: an earlier scrub may have failed.
            report.unscrubbed = scrub::now(&self.context).await.err().map(|error| error.to_string());
        }
        Ok(report)
    }

    /// Scrubs the file of what was deleted, if it is due and disturbs nobody: at night, and never while critical mail waits. On SQLite
    /// all other writers wait for it. Returns true if it did.
    ///
    /// # Errors
    /// If the database fails; the scrub stays due then.
    pub async fn scrub_when_calm(&self) -> Result<bool, StoreError> {
        scrub::when_calm(&self.context).await
    }

    /// Deletes as [`Retention::run`] does, without the scrub, which is due then.
    ///
    /// # Errors
    /// If the database fails. What was deleted until then stays deleted.
    pub async fn purge(&self, actor: &Actor, dry_run: bool) -> Result<Report, SubjectError> {
        if !dry_run {
            self.begun_forms().await?;
        }
        let rows = self.audience_rows(actor, dry_run).await?;
        let notices = self.notices(actor, dry_run).await?;
        let mut counts = self.records(actor, dry_run).await?;
        counts.insert(Records::AudienceRows, rows);
        let records = counts.iter().map(|(kind, count)| (*kind, count.deleted)).collect();
        let held = counts.iter().filter(|(_, count)| count.held > 0).map(|(kind, count)| (*kind, count.held)).collect();
        Ok(Report { notices, records, held, unscrubbed: None })
    }

    /// Deletes what operators have typed into forms and left lying.
    async fn begun_forms(&self) -> Result<(), StoreError> {
        let now = self.context.clock.now();
        let before = now.saturating_sub(forms::KEPT_FOR).unwrap_or(Timestamp::MIN);
        let mut tx = self.context.store.write().await?;
        tree::lock_head(&mut tx).await?;
        if forms::sweep(&mut tx, before).await? > 0 {
            scrubs::mark(&mut tx, now).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// The time before which a period that started has ended.
    fn before(&self, period: Period) -> Timestamp {
        period.before(self.context.clock.now(), &self.zone())
    }

    fn zone(&self) -> TimeZone {
        self.context.config.organisation.default_time_zone.time_zone()
    }

    /// Records in the ledger that something was deleted, in the transaction that deletes it.
    async fn record(&self, conn: &mut Conn, actor: &Actor, object: Option<Uuid>, what: &str) -> Result<(), StoreError> {
        let operation = Operation::new(Action::Purge).reason(what);
        let operation = object.map_or_else(|| operation.clone(), |id| operation.clone().object(id));
        let now = self.context.clock.now();
        scrubs::mark(conn, now).await?;
        record(conn, actor, &operation, now, &self.context.random).await
    }
}
