//! The release of a notice: scheduled if its time is still to come, else its audience is frozen and the sending begins.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::steps::{check_reason, is_read, possible};
use super::{NoticeError, Notices, allowed, find};
use crate::audience::{self, AudienceError, Freezing};
use crate::domain::actor::{Action, Actor};
use crate::domain::notice::{State, Step};
use crate::domain::right::Right;
use crate::store::notices::releases::{self, Releasing};
use crate::store::notices::{self as kept, Kept};

/// How a notice is to be released.
#[derive(Clone, Copy, Debug, Default)]
pub struct Release<'a> {
    /// At once, even if the notice has a later time.
    pub now: bool,
    /// Why, in the actor's words.
    pub reason: Option<&'a str>,
    /// Digest of the content that the actor has read; another one is not released.
    pub read: Option<[u8; 32]>,
}

impl Notices {
    /// Releases an approved notice, or schedules it if its time is still to come. A notice that is scheduled or released stays
    /// as it is, unless a scheduled one is to be released now. `progress` receives the number of recipients written.
    ///
    /// # Errors
    /// If it is not what was read, is not approved, comes too late, or its audience cannot be addressed; the notice is as before then, and its steps say
    /// why. Or if the reason is not one line.
    pub async fn release(
        &self,
        id: Uuid,
        actor: &Actor,
        how: Release<'_>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Kept, NoticeError> {
        check_reason(how.reason)?;
        let notice = find(&mut *self.context.store.read().await?, id).await?;
        allowed(actor, Right::Release, &notice)?;
        is_read(&notice, how.read)?;
        match notice.state {
            State::Released | State::Closed => return Ok(notice),
            State::Scheduled if !how.now => return Ok(notice),
            _ => possible(&notice, Step::Release)?,
        };
        if notice.approved_digest != Some(notice.digest) {
            return Err(NoticeError::ApprovalVoid);
        }
        let notice = Kept { send_at: self.first_due(&notice).await?, ..notice };
        let is_early = notice.send_at.is_some_and(|send_at| send_at > self.context.clock.now());
        if notice.state == State::Approved && is_early && !how.now {
            self.schedule(&notice, actor, how.reason).await?;
        } else {
            self.freeze(&notice, actor, how, progress).await?;
        }
        find(&mut *self.context.store.read().await?, id).await
    }

    /// The time of a release: the first at which somebody of the audience gets a notice with a local time.
    async fn first_due(&self, notice: &Kept) -> Result<Option<Timestamp>, NoticeError> {
        let schedule = notice.parsed()?.schedule;
        if notice.state != State::Approved || schedule.send_at_local.is_none() {
            return Ok(notice.send_at);
        }
        let default = &self.context.config.organisation.default_time_zone;
        let reach = self.reach(notice).await?;
        let zones: Vec<TimeZone> =
            reach.zones.iter().map(|zone| zone.as_ref().unwrap_or(default).time_zone()).collect();
        let zones = if zones.is_empty() { vec![default.time_zone()] } else { zones };
        Ok(schedule.first(&zones))
    }

    async fn schedule(&self, notice: &Kept, actor: &Actor, reason: Option<&str>) -> Result<(), NoticeError> {
        if let Err(error) = self.schedulable(notice).await {
            if !error.may_pass() {
                let mut tx = self.context.store.write().await?;
                self.refused(&mut tx, notice, Step::Release, actor, &error.for_logs()).await?;
                tx.commit().await?;
            }
            return Err(error);
        }
        let mut tx = self.context.store.write().await?;
        kept::lock(&mut tx, notice.id).await?;
        // What was checked, and maybe read, is what is scheduled.
        is_read(&find(&mut tx, notice.id).await?, Some(notice.digest))?;
        if !kept::set_state(&mut tx, notice.id, State::Approved, State::Scheduled).await? {
            return Err(NoticeError::Conflict);
        }
        kept::set_send_at(&mut tx, notice.id, State::Scheduled, notice.send_at).await?;
        self.record_as(&mut tx, notice, (Step::Release, Action::Schedule), actor, reason).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Checks a notice as its release would at its time.
    async fn schedulable(&self, notice: &Kept) -> Result<(), NoticeError> {
        let now = self.context.clock.now();
        self.in_time(notice, notice.send_at.map_or(now, |send_at| send_at.max(now)))?;
        self.still_approved(notice).await?;
        self.reach(notice).await.map(drop)
    }

    /// Freezes the audience now. A refusal leaves the notice as it was; after a failure the dispatcher retries.
    pub(super) async fn freeze(
        &self,
        notice: &Kept,
        actor: &Actor,
        how: Release<'_>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), NoticeError> {
        let reason = how.reason;
        // Before the release is held: a newer version may be able to read what this one cannot.
        let plan = self.plan(notice)?;
        let context = &self.context;
        let owner = context.random.id(context.clock.now()).to_string();
        let (now, digest) = (context.clock.now(), &notice.digest);
        let releasing = Releasing { owner: &owner, actor: &actor.to_string(), reason, digest, now };
        let mut tx = context.store.write().await?;
        if !releases::begin_release(&mut tx, notice.id, &releasing).await? {
            return Err(NoticeError::Conflict);
        }
        let frozen_at = if how.now { None } else { notice.send_at };
        // Whoever takes the release over knows by it that nobody's local time is waited for.
        kept::set_send_at(&mut tx, notice.id, State::Releasing, frozen_at).await?;
        tx.commit().await?;
        if notice.state == State::Scheduled {
            self.log_changed(notice).await?;
        }
        let begun = begun(notice, reason);
        let reason = begun.as_deref().or(reason);
        let with = Freezing { context, plan: &plan, owner: &owner, actor, reason };
        let ready = match self.in_time(notice, now) {
            // A release that was begun before is ended: who decided about it then, did.
            Ok(()) if notice.state != State::Releasing => self.still_approved(notice).await,
            other => other,
        };
        let frozen = match ready {
            Ok(()) => audience::freeze(&with, &Kept { send_at: frozen_at, ..notice.clone() }, progress)
                .await
                .map_err(NoticeError::from),
            Err(late) => Err(late),
        };
        let Err(error) = frozen else { return Ok(()) };
        if !error.is_retried() {
            let mut tx = context.store.write().await?;
            if !releases::end_release(&mut tx, notice.id, &owner, self.before(notice)).await? {
                return Err(AudienceError::Lost.into());
            }
            kept::set_send_at(&mut tx, notice.id, self.before(notice), notice.send_at).await?;
            self.refused(&mut tx, notice, Step::Release, actor, &error.for_logs()).await?;
            tx.commit().await?;
        }
        Err(error)
    }

    /// The state that a notice returns to if its release is refused.
    fn before(&self, notice: &Kept) -> State {
        let is_early = notice.send_at.is_some_and(|send_at| send_at > self.context.clock.now());
        if notice.state == State::Scheduled && is_early { State::Scheduled } else { State::Approved }
    }
}

/// The reason of a release that is taken over: the words of both who began it and who ends it. `None` if nobody began it before.
fn begun(notice: &Kept, reason: Option<&str>) -> Option<String> {
    let by = notice.release_by.as_deref()?;
    let first = notice.release_reason.as_deref().map(|first| format!(": {first}")).unwrap_or_default();
    let own = reason.map(|own| format!("{own}; ")).unwrap_or_default();
    Some(format!("{own}taken over; begun by {by}{first}"))
}
