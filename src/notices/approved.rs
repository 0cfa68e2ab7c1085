//! The recipients that an approver decided about, compared with those of a release: between the two an import may change them.

use super::{NoticeError, Notices};
use crate::audience::{self, AudienceError};
use crate::domain::actor::same_name;
use crate::domain::prints::{Changed, Prints};
use crate::store::notices::Kept;
use crate::store::notices::approvals::{self, ApprovedAudience};
use crate::store::people::imports;
use crate::store::{Conn, StoreError};

/// Recipients that are compared each time that somebody looks: it takes some milliseconds.
const AT_A_GLANCE: u64 = 2000;

/// The recipients of a notice, as far as they are compared later.
pub(super) struct Printed {
    prints: Prints,
    /// The revision of the customers and contacts that they were read from.
    revision: u64,
}

/// How the recipients of a notice stand to those at its approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    /// They are the same, or there was no approval.
    Same,
    /// They have changed.
    Changed(Changed),
    /// Customers or contacts have changed, and there are too many to compare the recipients by the way.
    Unknown,
}

impl Notices {
    /// The recipients of a stored notice, as far as they are compared later. `None` if it can address nobody now: a release of it
    /// would be refused.
    pub(super) async fn prints(&self, notice: &Kept) -> Result<Option<Printed>, NoticeError> {
        self.printed(notice, Prints::new(&self.context.random), None).await
    }

    /// Reads the recipients, `most` of them at most.
    async fn printed(
        &self,
        notice: &Kept,
        mut prints: Prints,
        most: Option<u64>,
    ) -> Result<Option<Printed>, NoticeError> {
        let plan = match self.plan(notice) {
            Ok(plan) => plan,
            Err(NoticeError::Store(error)) => return Err(error.into()),
            Err(_) => return Ok(None),
        };
        let mut conn = self.context.store.snapshot().await?;
        let revision = imports::revision(&mut conn).await?;
        match audience::print(&mut conn, &plan, &mut prints, most).await {
            Ok(()) => Ok(Some(Printed { prints, revision })),
            Err(AudienceError::Store(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// What was noted at the approval of the present content, until the release.
    async fn approved(&self, notice: &Kept) -> Result<Option<(Prints, u64)>, NoticeError> {
        if notice.approved_digest != Some(notice.digest) || notice.released_at.is_some() {
            return Ok(None);
        }
        let stored = approvals::audience(&mut *self.context.store.read().await?, notice.id).await?;
        let read = |it: ApprovedAudience| Some((Prints::from_bytes(it.recipients, &it.prints)?, it.revision));
        Ok(stored.and_then(read))
    }

    /// How the recipients of an approved notice differ from those at its approval, if they do.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn changed_since_approval(&self, notice: &Kept) -> Result<Option<Changed>, NoticeError> {
        let Some((then, _)) = self.approved(notice).await? else { return Ok(None) };
        let now = self.printed(notice, then.alike(), None).await?;
        Ok(now.and_then(|now| then.changed(&now.prints)))
    }

    /// The same for a page that is opened often: a large audience is not read, and is the same as long as no customer and no contact
    /// has changed. Who has opted out since, the release sees.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn glance(&self, notice: &Kept) -> Result<Glance, NoticeError> {
        let Some((then, revision)) = self.approved(notice).await? else { return Ok(Glance::Same) };
        if then.count() > AT_A_GLANCE {
            let now = imports::revision(&mut *self.context.store.read().await?).await?;
            return Ok(if now == revision { Glance::Same } else { Glance::Unknown });
        }
        match self.printed(notice, then.alike(), Some(AT_A_GLANCE)).await? {
            Some(now) if now.prints.count() > AT_A_GLANCE => Ok(Glance::Unknown),
            now => Ok(now.and_then(|now| then.changed(&now.prints)).map_or(Glance::Same, Glance::Changed)),
        }
    }

    /// Refuses a release to recipients that the approval of a second person does not cover.
    pub(super) async fn still_approved(&self, notice: &Kept) -> Result<(), NoticeError> {
        let by = notice.approved_by.as_deref().unwrap_or_default();
        // Where the submitter approved, nobody decided about an audience.
        if same_name(by, &notice.author) {
            return Ok(());
        }
        match self.changed_since_approval(notice).await? {
            Some(changed) if self.context.config.approval.is_void_by(&changed) => {
                Err(NoticeError::AudienceChanged { then: changed.then, now: changed.now, others: changed.others })
            }
            _ => Ok(()),
        }
    }

    /// Logs that a notice goes to others than were approved: nobody sees a warning of a scheduled release.
    pub(super) async fn log_changed(&self, notice: &Kept) -> Result<(), NoticeError> {
        if let Some(Changed { then, now, others }) = self.changed_since_approval(notice).await? {
            tracing::warn!(notice = %notice.id, then, now, others, "the recipients are others than at the approval");
        }
        Ok(())
    }

    /// Stores what is compared later, in the transaction of the approval.
    pub(super) async fn note_prints(
        conn: &mut Conn,
        notice: &Kept,
        printed: Option<&Printed>,
    ) -> Result<(), StoreError> {
        let Some(Printed { prints, revision }) = printed else { return Ok(()) };
        let (recipients, prints) = (prints.count(), prints.to_bytes());
        let audience = ApprovedAudience { recipients, prints, revision: *revision };
        approvals::set_audience(conn, notice.id, &audience).await
    }
}
