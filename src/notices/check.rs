//! The check of a draft, before it is stored and after: how far it reaches, and what its author should know.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::shown::{Checking, Now};
use super::{Checked, Draft, Escalated, Kept, NoticeError, Notices, follows, kept, may_prepare, ready};
use crate::audience::{self, Plan, RowsAt};
use crate::domain::actor::Actor;
use crate::domain::audience::Audience;
use crate::domain::kind::Kind;
use crate::domain::problem::Problems;
use crate::store::notices::references::{self, Before};
use crate::store::{Conn, StoreError};

impl Notices {
    /// Checks a draft, and returns how far it reaches. A notice that reaches nobody yet is valid: its customers may be imported
    /// after it is written.
    ///
    /// # Errors
    /// If a release would be refused for another reason, or the actor may not write or approve such a notice.
    pub async fn check(&self, actor: &Actor, draft: &Draft) -> Result<Checked, NoticeError> {
        self.check_stored(actor, draft, None).await
    }

    /// The same for a draft that is stored as the notice `own`, if it is stored.
    async fn check_stored(&self, actor: &Actor, draft: &Draft, own: Option<Uuid>) -> Result<Checked, NoticeError> {
        may_prepare(actor, draft.notice.category)?;
        let warnings = self.ready(&draft.source)?;
        let subject = self.subject(&draft.notice)?;
        let mut conn = self.context.store.snapshot().await?;
        let joined = follows(&mut conn, actor, draft, own).await?;
        let follows = joined.map(|it| it.id);
        let rows = RowsAt::Here(draft.rows.clone().unwrap_or_default());
        let plan = Plan::new(&self.context.config, &draft.notice, rows, follows)?.with_lines(&draft.source);
        let (mut reach, nobody) = audience::reach_so_far(&mut conn, &plan).await?;
        let (size, large) = self.sized(self.released(draft), std::mem::take(&mut reach.largest))?;
        let before = self.released_before(&mut conn, draft).await?;
        let followed = followed(&mut conn, follows).await?;
        let clock = ready::of_discovery(followed.as_ref(), &draft.notice);
        let thread = ready::of_thread(followed.as_ref(), &draft.notice, &subject);
        let window = ready::of_window(followed.as_ref(), &draft.notice);
        let most = match joined.filter(|_| !matches!(draft.notice.audience, Audience::Followed { .. })) {
            Some(joined) => kept::matters::most_customers(&mut conn, joined.matter_id).await?,
            None => None,
        };
        let left_out = ready::of_customers(most, &draft.notice, &reach);
        let nearby = self.nearby(&mut conn, (draft, &plan), joined.map(|it| it.matter_id)).await?;
        let warnings = [
            warnings,
            clock,
            thread,
            window,
            left_out,
            ready::of_audience(&reach),
            large,
            ready::of_before(before, draft),
            nearby,
        ]
        .map(|it| it.0)
        .concat();
        let escalation = Escalated::of(&self.context.config, draft.notice.category);
        Ok(Checked { reach, size, follows, warnings: Problems(warnings).limited(), escalation, nobody, before })
    }

    /// The notice like a draft that was released within a day, if there is one. What follows another one has its reference.
    async fn released_before(&self, conn: &mut Conn, draft: &Draft) -> Result<Option<Before>, StoreError> {
        let notice = &draft.notice;
        let reference = notice.reference.as_deref().filter(|_| notice.follows.is_none());
        let since = self.context.clock.now().saturating_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
        references::released_before(conn, (notice.category, &draft.digest, reference), since).await
    }

    /// A draft that was just stored, with how many recipients it would have now and what its author should know.
    ///
    /// # Errors
    /// If the database fails: the draft is stored all the same.
    pub async fn written(&self, actor: &Actor, notice: &Kept, draft: &Draft) -> Result<Now, NoticeError> {
        let now = Now::of(notice);
        if notice.released_at.is_some() {
            return Ok(now);
        }
        match self.check_stored(actor, draft, Some(notice.id)).await {
            Ok(checked) => {
                let (recipients, warnings) = (checked.reach.recipients, Checking::of(draft, &checked).warnings);
                Ok(Now { recipients: Some(recipients), warnings: Some(warnings), ..now })
            }
            // It may be written before its customers are imported: nobody is reached yet, and a release is refused.
            Err(error) if error.kind() == Kind::Invalid => Ok(Now { recipients: Some(0), ..now }),
            Err(error) => Err(error),
        }
    }

    /// Checks a stored draft as [`Self::check`] does before it is stored.
    ///
    /// # Errors
    /// If a release would be refused, or the actor may not write or approve such a notice.
    pub async fn check_again(&self, actor: &Actor, id: Uuid) -> Result<Checking, NoticeError> {
        let draft = self.draft(actor, id).await?;
        let checked = self.check_stored(actor, &draft, Some(id)).await?;
        Ok(Checking::of(&draft, &checked))
    }

    /// What the author of a stored draft should know before its release.
    ///
    /// # Errors
    /// If a release would be refused, or the actor may not write or approve such a notice.
    pub async fn warnings(&self, actor: &Actor, id: Uuid) -> Result<Problems, NoticeError> {
        Ok(self.check_again(actor, id).await?.warnings)
    }
}

/// The notice that is followed.
async fn followed(conn: &mut Conn, id: Option<Uuid>) -> Result<Option<Kept>, StoreError> {
    match id {
        Some(id) => kept::find(conn, id).await,
        None => Ok(None),
    }
}
