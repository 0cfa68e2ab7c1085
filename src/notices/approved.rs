//! The recipients that an approver decided about, compared with those of a release: between the two an import may change them.

use super::{NoticeError, Notices};
use crate::audience::{self, AudienceError};
use crate::domain::actor::same_name;
use crate::domain::prints::{Changed, Prints};
use crate::store::StoreError;
use crate::store::notices::{self as kept, Kept};

impl Notices {
    /// The recipients of a stored notice, as far as they are compared later. `None` if it can address nobody now: a release of it
    /// would be refused.
    pub(super) async fn prints(&self, notice: &Kept) -> Result<Option<Prints>, NoticeError> {
        self.printed(notice, Prints::new(&self.context.random)).await
    }

    async fn printed(&self, notice: &Kept, mut prints: Prints) -> Result<Option<Prints>, NoticeError> {
        let plan = match self.plan(notice) {
            Ok(plan) => plan,
            Err(NoticeError::Store(error)) => return Err(error.into()),
            Err(_) => return Ok(None),
        };
        let mut conn = self.context.store.snapshot().await?;
        match audience::print(&mut conn, &plan, &mut prints).await {
            Ok(()) => Ok(Some(prints)),
            Err(AudienceError::Store(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// How the recipients of an approved notice differ from those at its approval, if they do.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn changed_since_approval(&self, notice: &Kept) -> Result<Option<Changed>, NoticeError> {
        if notice.approved_digest != Some(notice.digest) || notice.released_at.is_some() {
            return Ok(None);
        }
        let stored = kept::approved_audience(&mut *self.context.store.read().await?, notice.id).await?;
        let Some(then) = stored.and_then(|(count, bytes)| Prints::from_bytes(count, &bytes)) else { return Ok(None) };
        let now = self.printed(notice, then.alike()).await?;
        Ok(now.and_then(|now| then.changed(&now)))
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
        conn: &mut crate::store::Conn,
        notice: &Kept,
        prints: Option<&Prints>,
    ) -> Result<(), StoreError> {
        match prints {
            Some(prints) => kept::set_approved_audience(conn, notice.id, prints.count(), &prints.to_bytes()).await,
            None => Ok(()),
        }
    }
}
