//! Notices: from a file to a released notice, and everything an operator may do to it on the way.
//!
//! A notice is kept as its author wrote it, and parsed anew where it is used: what was approved, what is recorded in the
//! ledger and what is sent are the same bytes.

mod draft;
mod finish;
pub mod sample;

use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

pub use draft::{Draft, DraftError};
pub use finish::{Carried, Errand, Task};

use crate::audience::{self, AudienceError, Freezing, Frozen, Reach, Source};
use crate::config::Config;
use crate::domain::clock::Clock;
use crate::domain::notice::{Notice, State, Step};
use crate::domain::problem::Problems;
use crate::domain::random::Random;
use crate::store::notices::{self as kept, Done, Kept};
use crate::store::{Conn, Store, StoreError};

/// Why a step was not done.
#[derive(Debug, Error)]
pub enum NoticeError {
    /// There is no such notice.
    #[error("there is no notice `{0}`")]
    Unknown(String),
    /// A reference that several notices share.
    #[error("several notices have the reference `{reference}`: {}", listed(.ids))]
    Ambiguous {
        /// The reference.
        reference: String,
        /// Their ids, newest first.
        ids: Vec<Uuid>,
    },
    /// The step is not possible in the notice's state.
    #[error("a notice that is {state} cannot be {}", done(*.step))]
    Impossible {
        /// What was to be done.
        step: Step,
        /// Where it stands.
        state: State,
    },
    /// The author may not be the one who approves.
    #[error("`{0}` wrote this notice, and its category needs the approval of a second person")]
    OwnApproval(String),
    /// The notice changed after it was approved.
    #[error("the notice is not the one that was approved")]
    ApprovalVoid,
    /// Another process changed it at the same time.
    #[error("the notice was changed by another process at the same time")]
    Conflict,
    /// What is stored is no longer a valid notice.
    #[error("the stored notice is not valid any more: {0}")]
    Invalid(#[from] Problems),
    /// The audience cannot be told.
    #[error(transparent)]
    Audience(#[from] AudienceError),
    /// The notice cannot be rendered.
    #[error(transparent)]
    Render(#[from] crate::mail::compose::render::RenderError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NoticeError {
    /// Whether it may be over after a while without anybody doing anything here.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => error.may_pass(),
            Self::Audience(error) => error.may_pass(),
            Self::Conflict => true,
            _ => false,
        }
    }

    /// As it may stand in a log: without whom it is about.
    #[must_use]
    pub fn for_logs(&self) -> String {
        match self {
            Self::Store(error) => error.for_logs(),
            Self::Audience(error) => error.for_logs(),
            Self::Invalid(_) => "the stored notice is not valid any more".to_owned(),
            other => other.to_string(),
        }
    }
}

impl From<sqlx::Error> for NoticeError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

fn listed(ids: &[Uuid]) -> String {
    ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(", ")
}

/// The step as a participle.
fn done(step: Step) -> &'static str {
    match step {
        Step::Create => "created",
        Step::Edit => "edited",
        Step::Submit => "submitted",
        Step::Approve => "approved",
        Step::Decline => "declined",
        Step::Release => "released",
        Step::Pause => "paused",
        Step::Resume => "resumed",
        Step::Cancel => "cancelled",
    }
}

/// The life of notices. Cheap to clone.
#[derive(Clone)]
pub struct Notices {
    store: Store,
    config: Arc<Config>,
    clock: Clock,
    random: Random,
}

impl Notices {
    /// Over a store.
    #[must_use]
    pub fn new(store: Store, config: Arc<Config>, clock: Clock, random: Random) -> Self {
        Self { store, config, clock, random }
    }

    /// The notice that a person means by an id or a reference.
    ///
    /// # Errors
    /// Where there is none, or several have the reference.
    pub async fn named(&self, name: &str) -> Result<Kept, NoticeError> {
        named(&mut *self.store.read().await?, name).await
    }

    /// Checks a draft as a release would, and says how far it reaches.
    ///
    /// # Errors
    /// Where its audience could not be told.
    pub async fn check(&self, draft: &Draft) -> Result<Reach, NoticeError> {
        self.subject(&draft.notice)?;
        let mut conn = self.store.snapshot().await?;
        let follows = follows(&mut conn, draft.notice.follows.as_deref()).await?;
        let rows = Source::Rows(draft.rows.clone().unwrap_or_default());
        let source = Source::new(&draft.notice.audience, rows, follows);
        let addressing = self.config.addressing(draft.notice.category);
        let placeholders = draft.notice.placeholders();
        Ok(audience::reach(&mut conn, &source, &addressing, &placeholders, &draft.notice.audience).await?)
    }

    /// Keeps a draft and gives its id.
    ///
    /// # Errors
    /// Where it follows an unknown notice, or the database fails.
    pub async fn create(&self, draft: &Draft, operator: &str) -> Result<Uuid, NoticeError> {
        let now = self.clock.now();
        let id = self.random.id(now);
        let subject = self.subject(&draft.notice)?;
        let mut tx = self.store.write().await?;
        let follows_id = follows(&mut tx, draft.notice.follows.as_deref()).await?;
        kept::insert(&mut tx, id, now, &draft.written(&subject, follows_id, operator)).await?;
        kept::insert_rows(&mut tx, id, &draft.stored_rows()).await?;
        self.note(&mut tx, id, Step::Create, operator, None).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Replaces the content of a notice that is not released yet; an approval is void then.
    ///
    /// # Errors
    /// Where it is too late for that.
    pub async fn edit(&self, id: Uuid, draft: &Draft, operator: &str) -> Result<(), NoticeError> {
        let subject = self.subject(&draft.notice)?;
        let mut tx = self.store.write().await?;
        let notice = find(&mut tx, id).await?;
        possible(&notice, Step::Edit)?;
        let follows_id = follows(&mut tx, draft.notice.follows.as_deref()).await?;
        let written = draft.written(&subject, follows_id, operator);
        if !kept::rewrite(&mut tx, id, notice.state, &written).await? {
            return Err(NoticeError::Conflict);
        }
        kept::delete_rows(&mut tx, id).await?;
        kept::insert_rows(&mut tx, id, &draft.stored_rows()).await?;
        self.note(&mut tx, id, Step::Edit, operator, None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Asks for approval. Where the category needs no second person, the notice is approved by that; gives the state.
    ///
    /// # Errors
    /// Where it is not a draft, or its audience could not be told.
    pub async fn submit(&self, id: Uuid, operator: &str) -> Result<State, NoticeError> {
        let notice = find(&mut *self.store.read().await?, id).await?;
        possible(&notice, Step::Submit)?;
        let reach = self.reach(&notice).await?;
        self.submit_checked(id, operator, &reach).await
    }

    /// Asks for approval of a notice whose reach has just been checked.
    ///
    /// # Errors
    /// Where it is not a draft.
    pub async fn submit_checked(&self, id: Uuid, operator: &str, reach: &Reach) -> Result<State, NoticeError> {
        let mut tx = self.store.write().await?;
        let notice = find(&mut tx, id).await?;
        self.step(&mut tx, &notice, Step::Submit, operator, None).await?;
        let mut state = State::Submitted;
        if !self.config.needs_second_person(notice.category, reach.customers) {
            state = State::Approved;
            self.approved(&mut tx, &notice, operator).await?;
        }
        tx.commit().await?;
        Ok(state)
    }

    /// Approves a submitted notice, as it is now.
    ///
    /// # Errors
    /// Where it is not submitted, or the operator wrote it.
    pub async fn approve(&self, id: Uuid, operator: &str, reason: Option<&str>) -> Result<(), NoticeError> {
        let mut tx = self.store.write().await?;
        let notice = find(&mut tx, id).await?;
        possible(&notice, Step::Approve)?;
        if notice.author == operator {
            return Err(NoticeError::OwnApproval(operator.to_owned()));
        }
        self.note(&mut tx, id, Step::Approve, operator, reason).await?;
        self.approved(&mut tx, &notice, operator).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Declines a submitted notice.
    ///
    /// # Errors
    /// Where it is not submitted.
    pub async fn decline(&self, id: Uuid, operator: &str, reason: Option<&str>) -> Result<(), NoticeError> {
        self.simple(id, Step::Decline, operator, reason).await.map(drop)
    }

    /// Releases an approved notice: freezes its audience and lets the sending begin; or schedules it, where its time is
    /// still to come (gives `None` then).
    ///
    /// # Errors
    /// Where it is not approved, or its audience cannot be told.
    pub async fn release(
        &self,
        id: Uuid,
        operator: &str,
        reason: Option<&str>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Option<Frozen>, NoticeError> {
        let notice = find(&mut *self.store.read().await?, id).await?;
        possible(&notice, Step::Release)?;
        if notice.approved_digest != Some(notice.digest) {
            return Err(NoticeError::ApprovalVoid);
        }
        let now = self.clock.now();
        if let (State::Approved, Some(send_at)) = (notice.state, notice.send_at)
            && send_at > now
        {
            self.reach(&notice).await?;
            let mut tx = self.store.write().await?;
            if !kept::set_state(&mut tx, id, State::Approved, State::Scheduled).await? {
                return Err(NoticeError::Conflict);
            }
            self.note(&mut tx, id, Step::Release, operator, reason).await?;
            tx.commit().await?;
            return Ok(None);
        }
        self.freeze(&notice, operator, reason, progress).await.map(Some)
    }

    /// Freezes the audience now. Where that is refused, the notice is approved as before; where it fails, it is tried again after
    /// a while.
    async fn freeze(
        &self,
        notice: &Kept,
        operator: &str,
        reason: Option<&str>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Frozen, NoticeError> {
        // Before it is held: a newer version may be able to read what this one cannot.
        let parsed = Notice::parse(&notice.source)?;
        let owner = self.random.id(self.clock.now()).to_string();
        let mut tx = self.store.write().await?;
        if !kept::begin_release(&mut tx, notice.id, &owner, self.clock.now()).await? {
            return Err(NoticeError::Conflict);
        }
        if notice.state == State::Approved {
            self.note(&mut tx, notice.id, Step::Release, operator, reason).await?;
        }
        tx.commit().await?;
        let with = Freezing {
            store: &self.store,
            config: &self.config,
            clock: &self.clock,
            random: &self.random,
            owner: &owner,
        };
        let error = match audience::freeze(&with, notice, &parsed, progress).await {
            Ok(frozen) => return Ok(frozen),
            Err(error) => error,
        };
        if !error.is_tried_again() {
            let mut tx = self.store.write().await?;
            if !kept::end_release(&mut tx, notice.id, &owner).await? {
                return Err(AudienceError::Lost.into());
            }
            if notice.state != State::Approved {
                // Nobody waits for the answer: whoever looks at the notice finds it there.
                let why = format!("refused: {}", error.for_logs());
                self.note(&mut tx, notice.id, Step::Release, operator, Some(&why)).await?;
            }
            tx.commit().await?;
        }
        Err(error.into())
    }

    /// Stops the sending for now.
    ///
    /// # Errors
    /// Where it is not released.
    pub async fn pause(&self, id: Uuid, operator: &str, reason: Option<&str>) -> Result<(), NoticeError> {
        let mut tx = self.store.write().await?;
        let notice = find(&mut tx, id).await?;
        possible(&notice, Step::Pause)?;
        kept::set_paused(&mut tx, id, Some(self.clock.now())).await?;
        self.note(&mut tx, id, Step::Pause, operator, reason).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Lets the sending go on.
    ///
    /// # Errors
    /// Where it is not released.
    pub async fn resume(&self, id: Uuid, operator: &str, reason: Option<&str>) -> Result<(), NoticeError> {
        let mut tx = self.store.write().await?;
        let notice = find(&mut tx, id).await?;
        possible(&notice, Step::Resume)?;
        kept::set_paused(&mut tx, id, None).await?;
        self.note(&mut tx, id, Step::Resume, operator, reason).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Stops a notice for good: what was not sent will not be.
    ///
    /// # Errors
    /// Where it is closed already.
    pub async fn cancel(&self, id: Uuid, operator: &str, reason: Option<&str>) -> Result<(), NoticeError> {
        let notice = self.simple(id, Step::Cancel, operator, reason).await?;
        self.finish_cancellation(&notice).await?;
        if notice.state == State::Released {
            self.close(id).await?;
        }
        Ok(())
    }

    /// How far a kept notice reaches.
    ///
    /// # Errors
    /// Where a release would be refused.
    pub async fn reach(&self, notice: &Kept) -> Result<Reach, NoticeError> {
        let parsed = Notice::parse(&notice.source)?;
        let source = Source::new(&parsed.audience, Source::StoredRows(notice.id), notice.follows_id);
        let addressing = self.config.addressing(notice.category);
        let mut conn = self.store.snapshot().await?;
        Ok(audience::reach(&mut conn, &source, &addressing, &parsed.placeholders(), &parsed.audience).await?)
    }

    /// Everything that was done to a notice.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn steps(&self, id: Uuid) -> Result<Vec<Done>, NoticeError> {
        Ok(kept::steps(&mut *self.store.read().await?, id).await?)
    }

    async fn simple(&self, id: Uuid, step: Step, operator: &str, reason: Option<&str>) -> Result<Kept, NoticeError> {
        let mut tx = self.store.write().await?;
        let notice = find(&mut tx, id).await?;
        self.step(&mut tx, &notice, step, operator, reason).await?;
        tx.commit().await?;
        Ok(notice)
    }

    async fn step(
        &self,
        conn: &mut Conn,
        notice: &Kept,
        step: Step,
        operator: &str,
        reason: Option<&str>,
    ) -> Result<(), NoticeError> {
        let to = possible(notice, step)?;
        if !kept::set_state(conn, notice.id, notice.state, to).await? {
            return Err(NoticeError::Conflict);
        }
        self.note(conn, notice.id, step, operator, reason).await
    }

    async fn approved(&self, conn: &mut Conn, notice: &Kept, operator: &str) -> Result<(), NoticeError> {
        if !kept::set_state(conn, notice.id, State::Submitted, State::Approved).await? {
            return Err(NoticeError::Conflict);
        }
        Ok(kept::set_approval(conn, notice.id, operator, &notice.digest).await?)
    }

    async fn note(
        &self,
        conn: &mut Conn,
        notice_id: Uuid,
        step: Step,
        operator: &str,
        reason: Option<&str>,
    ) -> Result<(), NoticeError> {
        let at = self.clock.now();
        let done = Done { step, operator: operator.to_owned(), reason: reason.map(str::to_owned), at };
        Ok(kept::insert_step(conn, self.random.id(at), notice_id, &done).await?)
    }

    /// The subject in the default language, placeholders standing for themselves: also the proof that it can be rendered.
    fn subject(&self, notice: &Notice) -> Result<String, NoticeError> {
        Ok(crate::mail::compose::render::subject(&self.config, notice)?)
    }
}

/// The state after a step, if the step is possible.
fn possible(notice: &Kept, step: Step) -> Result<State, NoticeError> {
    notice.state.after(step).ok_or(NoticeError::Impossible { step, state: notice.state })
}

async fn find(conn: &mut Conn, id: Uuid) -> Result<Kept, NoticeError> {
    kept::find(conn, id).await?.ok_or_else(|| NoticeError::Unknown(id.to_string()))
}

async fn named(conn: &mut Conn, name: &str) -> Result<Kept, NoticeError> {
    if let Ok(id) = Uuid::parse_str(name) {
        return find(conn, id).await;
    }
    let mut found = kept::with_reference(conn, name).await?;
    match found.len() {
        0 => Err(NoticeError::Unknown(name.to_owned())),
        1 => Ok(found.remove(0)),
        _ => Err(NoticeError::Ambiguous {
            reference: name.to_owned(),
            ids: found.iter().map(|notice| notice.id).collect(),
        }),
    }
}

async fn follows(conn: &mut Conn, name: Option<&str>) -> Result<Option<Uuid>, NoticeError> {
    match name {
        Some(name) => Ok(Some(named(conn, name).await?.id)),
        None => Ok(None),
    }
}

/// When a scheduled notice is due.
#[must_use]
pub fn is_due(send_at: Option<Timestamp>, now: Timestamp) -> bool {
    send_at.is_none_or(|send_at| send_at <= now)
}
