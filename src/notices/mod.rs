//! Notices: from a draft to the last delivery, and every step that an operator takes on the way.
//!
//! A notice is stored as its author wrote it and parsed where it is needed: what was approved, what the ledger records and what
//! is sent are the same bytes.

mod approved;
mod check;
mod draft;
mod finish;
mod follow;
mod life;
pub mod matters;
mod nearby;
pub mod planned;
mod readdress;
mod ready;
pub mod recipients;
mod release;
mod reminders;
mod reviews;
pub mod sample;
pub mod series;
pub mod shown;
mod size;
mod steps;
mod stored;
mod work;

use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

pub use crate::store::notices::reviews::Review;
pub use crate::store::notices::steps::Done;
pub use crate::store::notices::{Filter, Kept};
pub use crate::store::sending::waiting::Depth;
pub use approved::Glance;
pub use draft::Draft;
pub use finish::{Carried, Errand, Task};
pub use ready::{Checked, Escalated};
use recipients::{Adding, Shut};
pub use release::Release;
pub use work::Promised;

use crate::audience::matter::{self, Followed};
use crate::audience::{self, AudienceError, Plan, Reach, RowsAt};
use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::kind::Kind;
use crate::domain::matter::Said;
use crate::domain::notice::reference::{Meant, Purpose};
use crate::domain::notice::{Notice, State, Step};
use crate::domain::page::{CursorError, Page, PageRequest};
use crate::domain::problem::{LineError, Problems};
use crate::domain::right::{Forbidden, Right};
use crate::domain::words::count;
use crate::people::mask::mask_words;
use crate::store::notices::{self as kept, references};
use crate::store::sending::waiting;
use crate::store::{Conn, StoreError};

/// Why a step failed.
#[derive(Debug, Error)]
pub enum NoticeError {
    /// There is no such notice.
    #[error("there is no notice `{0}`")]
    Unknown(String),
    /// A reference by which several notices are meant equally.
    #[error("several notices have the reference `{reference}`: {}", listed(.ids))]
    Ambiguous {
        /// The reference.
        reference: String,
        /// Their ids, newest first.
        ids: Vec<Uuid>,
    },
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The operator's words cannot be recorded.
    #[error(transparent)]
    Words(#[from] LineError),
    /// The cursor is not one of the list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The step is not possible in the notice's state.
    #[error("a notice that is {} cannot be {}", .state.describe(), done(*.step))]
    Impossible {
        /// The step.
        step: Step,
        /// The state.
        state: State,
    },
    /// The author may not be the one who approves.
    #[error("`{0}` wrote this notice, and its category needs the approval of a second person")]
    OwnApproval(String),
    /// The notice changed after it was approved.
    #[error("the notice is not the one that was approved")]
    ApprovalVoid,
    /// Others would receive it than a second person approved it for.
    #[error("the notice was approved for {}, and would go to {now} now{}", count(*.then, "recipient", "recipients"), but_others(*.others))]
    AudienceChanged {
        /// Recipients at the approval.
        then: u64,
        /// Recipients now.
        now: u64,
        /// Those who were none at the approval, if they were counted.
        others: Option<u64>,
    },
    /// It is no standing notice, or not one that was released as such.
    #[error(
        "the notice is no standing notice, and belongs to no series: its audience was complete when it was released"
    )]
    NotStanding,
    /// Recipients cannot be added to it now.
    #[error("recipients cannot be added to a notice that is {}", .0.describe())]
    TakesNobody(Shut),
    /// More rows than one call adds.
    #[error("{} rows: at most {} are added at once", .0, recipients::MOST)]
    TooManyRows(usize),
    /// It is not what the caller has read.
    #[error("the notice was changed since it was read")]
    Changed,
    /// Another process changed it at the same time.
    #[error("another process changed the notice at the same time")]
    Conflict,
    /// What is stored is no longer a valid notice.
    #[error("the stored notice is no longer valid: {0}")]
    Invalid(#[from] Problems),
    /// The notice is valid, but not at this time or with this configuration.
    #[error("the notice cannot be released as it is:\n{0}")]
    NotReady(Problems),
    /// The audience cannot be addressed.
    #[error(transparent)]
    Audience(#[from] AudienceError),
    /// The notice cannot be rendered.
    #[error(transparent)]
    Render(#[from] crate::mail::compose::render::RenderError),
    /// A mail of it cannot be composed.
    #[error("{}", .0.for_logs())]
    Compose(#[from] crate::mail::compose::composer::ComposeError),
    /// A word that no notice of its category says.
    #[error("{0}")]
    Word(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NoticeError {
    /// What the error means to a caller.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Unknown(_) => Kind::NotFound,
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Ambiguous { .. }
            | Self::Words(_)
            | Self::Word(_)
            | Self::Cursor(_)
            | Self::Invalid(_)
            | Self::TooManyRows(_)
            | Self::NotReady(_)
            | Self::Render(_)
            | Self::Compose(_) => Kind::Invalid,
            Self::Impossible { .. }
            | Self::ApprovalVoid
            | Self::Changed
            | Self::AudienceChanged { .. }
            | Self::NotStanding
            | Self::TakesNobody(_) => Kind::Conflict,
            Self::OwnApproval(_) => Kind::Refused,
            Self::Conflict => Kind::Later,
            Self::Audience(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    /// True if it may pass by itself.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => error.may_pass(),
            Self::Audience(error) => error.may_pass(),
            Self::Conflict => true,
            _ => false,
        }
    }

    /// True if a release that ended with it is retried after a while, and may succeed then.
    fn is_retried(&self) -> bool {
        match self {
            Self::Audience(error) => error.is_retried(),
            other => other.may_pass(),
        }
    }

    /// The text for a log, in one line and without accounts and addresses.
    #[must_use]
    pub fn for_logs(&self) -> String {
        match self {
            Self::Store(error) => error.for_logs(),
            Self::Audience(error) => error.for_logs(),
            Self::Invalid(_) => "the stored notice is no longer valid".to_owned(),
            Self::NotReady(problems) => {
                let problems: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
                format!("it cannot be released as it is: {}", problems.join("; "))
            }
            other => other.to_string(),
        }
    }
}

impl From<sqlx::Error> for NoticeError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// How many of the recipients are others.
fn but_others(others: Option<u64>) -> String {
    others.map(|others| format!(", {others} of them others than then")).unwrap_or_default()
}

/// Ids in an error, at most.
const LISTED: usize = 20;

fn listed(ids: &[Uuid]) -> String {
    let more = if ids.len() > LISTED { format!(" and {} more", ids.len() - LISTED) } else { String::new() };
    ids.iter().take(LISTED).map(Uuid::to_string).collect::<Vec<_>>().join(", ") + &more
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
        Step::Close => "closed",
    }
}

/// The service for notices. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Notices {
    context: Context,
    adding: Arc<Adding>,
}

impl Notices {
    /// The service over a database.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context, adding: Arc::default() }
    }

    /// Finds the notice that an id or a reference means where one is read: of several with the reference, the released one. What the
    /// actor may not know of is not there.
    ///
    /// # Errors
    /// If there is none, or several are meant equally.
    pub async fn named(&self, actor: &Actor, name: &str) -> Result<Kept, NoticeError> {
        let mut conn = self.context.store.read().await?;
        let named = named(&mut conn, actor, name, Purpose::Read, None).await?;
        find(&mut conn, named.id).await
    }

    /// Finds a notice by its id.
    ///
    /// # Errors
    /// If there is none, or the actor may not know of it.
    pub async fn find(&self, actor: &Actor, id: Uuid) -> Result<Kept, NoticeError> {
        let notice = find(&mut *self.context.store.read().await?, id).await?;
        known(actor, &notice)?;
        Ok(notice)
    }

    /// Finds which notice an id or a reference means for a purpose.
    ///
    /// # Errors
    /// If there is none, or several are meant equally.
    pub async fn named_for(&self, actor: &Actor, name: &str, purpose: Purpose) -> Result<Named, NoticeError> {
        named(&mut *self.context.store.read().await?, actor, name, purpose, None).await
    }

    /// A page of notices, newest first.
    ///
    /// # Errors
    /// If the actor may not, the cursor is not one of this list, or the database fails.
    pub async fn list(
        &self,
        actor: &Actor,
        filter: &Filter<'_>,
        request: &PageRequest,
    ) -> Result<Page<Kept>, NoticeError> {
        actor.may_at_all(Right::Read)?;
        let before = request.key::<Uuid>()?;
        let sealed = actor.has(Right::ReadSealed);
        let page = (before, request.to_read());
        let rows = kept::list(&mut *self.context.store.read().await?, filter, page, sealed).await?;
        Ok(Page::of(rows, request, |notice| notice.id.to_string()))
    }

    /// Finds a notice by id or reference, with all steps that were taken on it.
    ///
    /// # Errors
    /// If there is none, several are meant equally, or the actor may not.
    pub async fn show(&self, actor: &Actor, name: &str) -> Result<(Kept, Vec<Done>), NoticeError> {
        let mut conn = self.context.store.read().await?;
        let id = named(&mut conn, actor, name, Purpose::Read, None).await?.id;
        let notice = find(&mut conn, id).await?;
        actor.may(Right::Read, notice.category)?;
        let steps = steps(&mut conn, notice.id, actor.sees_addresses(notice.category)).await?;
        Ok((notice, steps))
    }

    /// What waits of a notice.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn depth(&self, id: Uuid) -> Result<Depth, NoticeError> {
        let mut conn = self.context.store.read().await?;
        Ok(waiting::depth(&mut conn, Some(id), self.context.clock.now()).await?)
    }

    /// When the next of a notice's deliveries is due that are not due yet.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next_due(&self, id: Uuid) -> Result<Option<Timestamp>, NoticeError> {
        let mut conn = self.context.store.read().await?;
        Ok(waiting::next_due(&mut conn, id, self.context.clock.now()).await?)
    }

    /// Checks a stored notice as a release would, and returns how far it reaches.
    ///
    /// # Errors
    /// If a release would be refused.
    pub async fn reach(&self, notice: &Kept) -> Result<Reach, NoticeError> {
        let plan = self.plan(notice)?;
        let mut conn = self.context.store.snapshot().await?;
        matter::join(&mut conn, notice.follows_id, (notice.category, &notice.said)).await?;
        let mut reach = audience::reach(&mut conn, &plan).await?;
        self.sized(notice.clone(), std::mem::take(&mut reach.largest))?;
        Ok(reach)
    }

    /// The audience of a stored notice.
    fn plan(&self, notice: &Kept) -> Result<Plan, NoticeError> {
        let rows = RowsAt::Stored(notice.id);
        let plan = Plan::new(&self.context.config, &notice.parsed()?, rows, notice.follows_id)?;
        Ok(plan.with_lines(&notice.source))
    }

    /// The subject in the default language, with its placeholders: also the proof that the notice can be rendered.
    fn subject(&self, notice: &Notice) -> Result<String, NoticeError> {
        Ok(crate::mail::compose::render::subject(&self.context.config, notice)?)
    }
}

async fn find(conn: &mut Conn, id: Uuid) -> Result<Kept, NoticeError> {
    kept::find(conn, id).await?.ok_or_else(|| NoticeError::Unknown(id.to_string()))
}

/// The notice that a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: Uuid,
    /// How many other notices have the reference, and are not meant.
    pub others: usize,
}

/// The notice that an id or a reference means for a purpose; never `own`, which looks for another one.
async fn named(
    conn: &mut Conn,
    actor: &Actor,
    name: &str,
    purpose: Purpose,
    own: Option<Uuid>,
) -> Result<Named, NoticeError> {
    match references::named(conn, actor, name, purpose, own).await? {
        Meant::None => Err(NoticeError::Unknown(name.to_owned())),
        Meant::One { id, others } => Ok(Named { id, others }),
        Meant::Several(ids) => Err(NoticeError::Ambiguous { reference: name.to_owned(), ids }),
    }
}

/// The notice that an id means, or the last released one of the matter that a reference means.
async fn last_named(conn: &mut Conn, actor: &Actor, name: &str, own: Option<Uuid>) -> Result<Uuid, NoticeError> {
    match named(conn, actor, name, Purpose::Read, own).await {
        Ok(named) => Ok(named.id),
        Err(NoticeError::Ambiguous { reference, ids }) => {
            kept::matters::last_of(conn, &ids).await?.ok_or(NoticeError::Ambiguous { reference, ids })
        }
        Err(error) => Err(error),
    }
}

/// The notice that a draft follows, if it may. `own` is the draft, if it is stored: it may share the reference. A reference that all
/// notices of one matter have means the last released one of them.
async fn follows(
    conn: &mut Conn,
    actor: &Actor,
    draft: &Draft,
    own: Option<Uuid>,
) -> Result<Option<Followed>, NoticeError> {
    let Some(name) = draft.notice.follows.as_deref() else { return Ok(None) };
    let id = last_named(conn, actor, name, own).await?;
    let said = Said::of(&draft.notice);
    Ok(matter::join(conn, Some(id), (draft.notice.category, &said)).await?)
}

/// True if a scheduled notice is due.
#[must_use]
pub fn is_due(send_at: Option<Timestamp>, now: Timestamp) -> bool {
    send_at.is_none_or(|send_at| send_at <= now)
}

/// Refuses a notice that the actor may not know of, as if there were none.
fn known(actor: &Actor, notice: &Kept) -> Result<(), NoticeError> {
    if actor.knows_of(notice.category, notice.released_at.is_some()) {
        return Ok(());
    }
    Err(NoticeError::Unknown(notice.id.to_string()))
}

/// Checks that the actor knows of a notice and has a right for it.
fn allowed(actor: &Actor, right: Right, notice: &Kept) -> Result<(), NoticeError> {
    known(actor, notice)?;
    Ok(actor.may(right, notice.category)?)
}

/// Checks that the actor writes notices of a category, or decides about them: only then they see whom one would reach, and how it looks.
///
/// # Errors
/// If no role of the actor does.
pub fn may_prepare(actor: &Actor, category: crate::domain::category::Category) -> Result<(), Forbidden> {
    let decides = actor.categories(Right::Approve).contains(category);
    if decides { Ok(()) } else { actor.may(Right::Write, category) }
}

/// The steps on a notice, with the addresses in their reasons masked that the reader may not see.
async fn steps(conn: &mut Conn, id: Uuid, sees: bool) -> Result<Vec<Done>, StoreError> {
    let mut steps = kept::steps::list(conn, id).await?;
    mask_words(conn, sees, steps.iter_mut().filter_map(|step| step.reason.as_mut())).await?;
    Ok(steps)
}
