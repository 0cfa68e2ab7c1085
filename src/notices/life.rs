//! The life of a notice before and beside its release: created, edited, submitted, approved or declined, paused, resumed,
//! cancelled. Every step can be repeated: one that was taken already changes nothing.

use uuid::Uuid;

use super::approved::Printed;
use super::steps::{is_read, possible};
use super::{Draft, NoticeError, Notices, allowed, find, follows};
use crate::audience::{self, Reach, matter};
use crate::domain::actor::Actor;
use crate::domain::notice::writers::has_written;
use crate::domain::notice::{Standing, State, Step};
use crate::domain::right::Right;
use crate::domain::webhook::HookEvent;
use crate::ledger::cancelled;
use crate::store::Conn;
use crate::store::notices::steps::Done;
use crate::store::notices::{self as kept, Kept, series};
use crate::store::webhooks::facts;

impl Notices {
    /// Stores a draft and returns its id.
    ///
    /// # Errors
    /// If it cannot be released as it is, or follows an unknown notice, or the database fails.
    pub async fn create(&self, draft: &Draft, actor: &Actor) -> Result<Uuid, NoticeError> {
        actor.may(Right::Write, draft.notice.category)?;
        let subject = self.storable(draft)?;
        let now = self.context.clock.now();
        let id = self.context.random.id(now);
        let mut tx = self.context.store.write().await?;
        let followed = follows(&mut tx, actor, draft, None).await?;
        let zone = self.context.config.organisation.default_time_zone.time_zone();
        kept::insert(&mut tx, id, now, &draft.written(&subject, followed, actor.name(), &zone)).await?;
        kept::rows::insert(&mut tx, id, &draft.stored_rows()).await?;
        let notice = find(&mut tx, id).await?;
        self.record(&mut tx, &notice, Step::Create, actor, None).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Replaces the content of a notice before its release, which voids an approval.
    ///
    /// # Errors
    /// If the new content cannot be released, or the notice is released already.
    pub async fn edit(&self, id: Uuid, draft: &Draft, actor: &Actor) -> Result<Kept, NoticeError> {
        self.edit_read(id, None, draft, actor).await
    }

    /// The same for a caller who has read content with this digest.
    ///
    /// # Errors
    /// If it was changed since, or as above.
    pub async fn edit_read(
        &self,
        id: Uuid,
        read: Option<[u8; 32]>,
        draft: &Draft,
        actor: &Actor,
    ) -> Result<Kept, NoticeError> {
        actor.may(Right::Write, draft.notice.category)?;
        let subject = self.storable(draft)?;
        let mut tx = self.context.store.write().await?;
        kept::lock(&mut tx, id).await?;
        let notice = find(&mut tx, id).await?;
        // Of both categories: nobody takes a notice of others by giving it their own.
        allowed(actor, Right::Write, &notice)?;
        is_read(&notice, read)?;
        possible(&notice, Step::Edit)?;
        self.note_replaced(&mut tx, &notice).await?;
        let followed = follows(&mut tx, actor, draft, Some(id)).await?;
        matter::rejoin(&mut tx, id, notice.matter_id, followed).await?;
        let zone = self.context.config.organisation.default_time_zone.time_zone();
        let written = draft.written(&subject, followed, actor.name(), &zone);
        if !kept::rewrite(&mut tx, id, notice.state, &written).await? {
            return Err(NoticeError::Conflict);
        }
        kept::rows::delete(&mut tx, id).await?;
        kept::rows::insert(&mut tx, id, &draft.stored_rows()).await?;
        let notice = find(&mut tx, id).await?;
        self.record(&mut tx, &notice, Step::Edit, actor, None).await?;
        tx.commit().await?;
        Ok(notice)
    }

    /// Asks for approval. If the category needs no second person, this approves the notice too.
    ///
    /// # Errors
    /// If it is not a draft, or its release would be refused.
    pub async fn submit(&self, id: Uuid, actor: &Actor) -> Result<Kept, NoticeError> {
        self.submit_read(id, None, actor).await
    }

    /// The same for a caller who has read content with this digest.
    ///
    /// # Errors
    /// If it was changed since, or as above.
    pub async fn submit_read(&self, id: Uuid, read: Option<[u8; 32]>, actor: &Actor) -> Result<Kept, NoticeError> {
        let notice = find(&mut *self.context.store.read().await?, id).await?;
        allowed(actor, Right::Write, &notice)?;
        is_read(&notice, read)?;
        if is_past(notice.state, Step::Submit) {
            return Ok(notice);
        }
        possible(&notice, Step::Submit)?;
        self.ready(&notice.source)?;
        let reach = self.reach(&notice).await?;
        let prints = self.prints(&notice).await?;
        self.submit_with(&notice, actor, &reach, prints).await
    }

    /// Asks for approval of a notice whose reach has just been checked.
    ///
    /// # Errors
    /// If it is not a draft.
    pub async fn submit_checked(&self, id: Uuid, actor: &Actor, reach: &Reach) -> Result<Kept, NoticeError> {
        let notice = find(&mut *self.context.store.read().await?, id).await?;
        // What is released at once goes to those who were just checked.
        let is_local = notice.parsed()?.schedule.send_at_local.is_some();
        let waits = is_local || !super::is_due(notice.send_at, self.context.clock.now());
        let prints = if waits { self.prints(&notice).await? } else { None };
        self.submit_with(&notice, actor, reach, prints).await
    }

    /// Submits a notice with the content that was checked.
    async fn submit_with(
        &self,
        checked: &Kept,
        actor: &Actor,
        reach: &Reach,
        prints: Option<Printed>,
    ) -> Result<Kept, NoticeError> {
        let id = checked.id;
        let mut tx = self.context.store.write().await?;
        kept::lock(&mut tx, id).await?;
        let notice = find(&mut tx, id).await?;
        allowed(actor, Right::Write, &notice)?;
        is_read(&notice, Some(checked.digest))?;
        if is_past(notice.state, Step::Submit) {
            return Ok(notice);
        }
        self.step(&mut tx, &notice, Step::Submit, actor, None).await?;
        // Nobody knows how many will be added to a standing notice: it counts as one to more than any limit.
        let customers = if notice.parsed()?.standing { u64::MAX } else { reach.customers };
        if !self.context.config.needs_second_person(notice.category, customers) {
            approve(&mut tx, &notice, actor).await?;
            Self::note_prints(&mut tx, &notice, prints.as_ref()).await?;
            facts::note_notice(&mut tx, HookEvent::NoticeApproved, id, self.context.clock.now()).await?;
        }
        let notice = find(&mut tx, id).await?;
        tx.commit().await?;
        Ok(notice)
    }

    /// Approves a submitted notice with its present content; or an approved one again, if others would receive it now.
    ///
    /// # Errors
    /// If it is not submitted, the actor is one of its writers, or may not approve.
    pub async fn approve(&self, id: Uuid, actor: &Actor, reason: Option<&str>) -> Result<Kept, NoticeError> {
        self.approve_read(id, None, actor, reason).await
    }

    /// The same for a caller who has read content with this digest.
    ///
    /// # Errors
    /// If it was changed since, or as above.
    pub async fn approve_read(
        &self,
        id: Uuid,
        read: Option<[u8; 32]>,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<Kept, NoticeError> {
        let notice = find(&mut *self.context.store.read().await?, id).await?;
        allowed(actor, Right::Approve, &notice)?;
        // Before the transaction: a large audience takes seconds.
        let prints = self.prints(&notice).await?;
        let changed = self.changed_since_approval(&notice).await?.is_some();
        let mut tx = self.context.store.write().await?;
        kept::lock(&mut tx, id).await?;
        let notice = find(&mut tx, id).await?;
        is_read(&notice, read)?;
        let again = changed && notice.state == State::Approved;
        if !again {
            if is_past(notice.state, Step::Approve) && notice.approved_digest == Some(notice.digest) {
                return Ok(notice);
            }
            possible(&notice, Step::Approve)?;
        }
        if is_writer(&kept::steps::list(&mut tx, id).await?, actor) {
            self.refused(&mut tx, &notice, Step::Approve, actor, "the author may not approve").await?;
            tx.commit().await?;
            return Err(NoticeError::OwnApproval(actor.name().to_owned()));
        }
        self.record(&mut tx, &notice, Step::Approve, actor, reason).await?;
        self.note_review(&mut tx, &notice, (actor.name(), Step::Approve)).await?;
        if again {
            kept::set_approval(&mut tx, id, actor.name(), &notice.digest).await?;
        } else {
            approve(&mut tx, &notice, actor).await?;
        }
        Self::note_prints(&mut tx, &notice, prints.as_ref()).await?;
        let notice = find(&mut tx, id).await?;
        tx.commit().await?;
        Ok(notice)
    }

    /// Declines a submitted notice.
    ///
    /// # Errors
    /// If it is not submitted.
    pub async fn decline(&self, id: Uuid, actor: &Actor, reason: Option<&str>) -> Result<Kept, NoticeError> {
        let mut tx = self.context.store.write().await?;
        kept::lock(&mut tx, id).await?;
        let notice = find(&mut tx, id).await?;
        allowed(actor, Right::Approve, &notice)?;
        if notice.state == State::Declined {
            return Ok(notice);
        }
        self.step(&mut tx, &notice, Step::Decline, actor, reason).await?;
        self.note_review(&mut tx, &notice, (actor.name(), Step::Decline)).await?;
        tx.commit().await?;
        Ok(Kept { state: State::Declined, ..notice })
    }

    /// Pauses the sending. A second pause keeps the time of the first.
    ///
    /// # Errors
    /// If it is not released.
    pub async fn pause(&self, id: Uuid, actor: &Actor, reason: Option<&str>) -> Result<Kept, NoticeError> {
        self.set_paused(id, Step::Pause, actor, reason).await
    }

    /// Resumes the sending.
    ///
    /// # Errors
    /// If it is not released.
    pub async fn resume(&self, id: Uuid, actor: &Actor, reason: Option<&str>) -> Result<Kept, NoticeError> {
        self.set_paused(id, Step::Resume, actor, reason).await
    }

    async fn set_paused(&self, id: Uuid, step: Step, actor: &Actor, reason: Option<&str>) -> Result<Kept, NoticeError> {
        let mut tx = self.context.store.write().await?;
        kept::lock(&mut tx, id).await?;
        let notice = find(&mut tx, id).await?;
        let pauses = step == Step::Pause;
        allowed(actor, if pauses { Right::Pause } else { Right::Release }, &notice)?;
        possible(&notice, step)?;
        if pauses == notice.paused_at.is_some() {
            return Ok(notice);
        }
        let paused_at = pauses.then(|| self.context.clock.now());
        kept::set_paused(&mut tx, id, paused_at).await?;
        self.record(&mut tx, &notice, step, actor, reason).await?;
        tx.commit().await?;
        Ok(Kept { paused_at, ..notice })
    }

    /// Ends the adding of recipients to a standing notice: it is closed once its deliveries have their outcomes. Or ends the series of a
    /// notice: no draft is made any more, and what was made stays.
    ///
    /// # Errors
    /// If it is no released standing notice, or was cancelled, and belongs to no series.
    pub async fn end(&self, id: Uuid, actor: &Actor, reason: Option<&str>) -> Result<Kept, NoticeError> {
        let mut tx = self.context.store.write().await?;
        kept::lock(&mut tx, id).await?;
        let notice = find(&mut tx, id).await?;
        allowed(actor, Right::Release, &notice)?;
        if let Some(series) = series::of_notice(&mut tx, id).await? {
            if series::end(&mut tx, series.id).await? {
                self.record(&mut tx, &notice, Step::Close, actor, Some(&of_series(reason))).await?;
                tx.commit().await?;
            }
            return Ok(notice);
        }
        match notice.standing {
            Some(Standing::Ended) => return Ok(notice),
            None if notice.released_at.is_some() => return Err(NoticeError::NotStanding),
            _ => possible(&notice, Step::Close)?,
        };
        kept::end_standing(&mut tx, id).await?;
        self.record(&mut tx, &notice, Step::Close, actor, reason).await?;
        tx.commit().await?;
        self.close(id).await?;
        find(&mut *self.context.store.read().await?, id).await
    }

    /// Cancels a notice for good: its deliveries that were not sent will not be.
    ///
    /// # Errors
    /// If it is closed.
    pub async fn cancel(&self, id: Uuid, actor: &Actor, reason: Option<&str>) -> Result<Kept, NoticeError> {
        let matter = find(&mut *self.context.store.read().await?, id).await?.matter_id;
        let mut tx = self.context.store.write().await?;
        // First, as a release does: what the matter plans follows from all of its notices.
        kept::lock_matter(&mut tx, matter).await?;
        kept::lock(&mut tx, id).await?;
        let notice = find(&mut tx, id).await?;
        allowed(actor, Right::Release, &notice)?;
        if notice.state != State::Cancelled {
            self.step(&mut tx, &notice, Step::Cancel, actor, reason).await?;
            cancelled::end_duties(&mut tx, id, self.context.clock.now()).await?;
            audience::recall(&self.context, &mut tx, &notice, self.context.clock.now()).await?;
        }
        tx.commit().await?;
        self.finish_cancellation(&notice).await?;
        if notice.released_at.is_some() && notice.closed_at.is_none() {
            self.close(id).await?;
        }
        find(&mut *self.context.store.read().await?, id).await
    }
}

/// The reason of a step that ends the series of a notice, and not the notice.
fn of_series(reason: Option<&str>) -> String {
    let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("the series{why}")
}

/// True if a notice in this state has had a step on the way to its release.
const fn is_past(state: State, step: Step) -> bool {
    use State::{Approved, Closed, Released, Releasing, Scheduled, Submitted};
    match step {
        Step::Submit => matches!(state, Submitted | Approved | Scheduled | Releasing | Released | Closed),
        Step::Approve => matches!(state, Approved | Scheduled | Releasing | Released | Closed),
        _ => false,
    }
}

/// Marks a submitted notice as approved, bound to its present content.
async fn approve(conn: &mut Conn, notice: &Kept, actor: &Actor) -> Result<(), NoticeError> {
    if !kept::set_state(conn, notice.id, State::Submitted, State::Approved).await? {
        return Err(NoticeError::Conflict);
    }
    Ok(kept::set_approval(conn, notice.id, actor.name(), &notice.digest).await?)
}

/// True if the actor is one of those who wrote a notice with these steps.
pub(super) fn is_writer(steps: &[Done], actor: &Actor) -> bool {
    has_written(actor.name(), &steps.iter().map(Done::taken).collect::<Vec<_>>())
}
