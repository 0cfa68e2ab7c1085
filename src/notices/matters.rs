//! Matters: the notices that follow each other, with how far each matter is and what comes next.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::planned::Promised;
use super::series::Recurring;
use super::{NoticeError, Notices};
use crate::domain::actor::Actor;
use crate::domain::category::Category;
use crate::domain::fields::Phase;
use crate::domain::matter::{Progress, Said};
use crate::domain::notice::State;
use crate::domain::page::{Page, PageRequest};
use crate::domain::right::Right;
use crate::store::notices::matters::{self, Part};
use crate::store::notices::series;
use crate::store::promises;

/// A matter in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = matter::Matter)]
pub struct Matter {
    /// The id of the notice that it began with.
    pub id: Uuid,
    /// The reference of its notices.
    pub reference: Option<String>,
    /// The category of the notice that it began with.
    pub category: Category,
    /// The phase, status or stage that was released last.
    pub phase: Option<String>,
    /// It was announced, and has not ended.
    pub open: bool,
    /// What comes next, and when.
    pub next: Option<Next>,
    /// What customers were promised, in the order of the times.
    pub promises: Vec<Promised>,
    /// The series that it belongs to.
    pub series: Option<Recurring>,
    /// Its notices: the released ones in the order of their release, then the others.
    pub notices: Vec<Member>,
}

/// What comes next in a matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = matter::Next)]
pub struct Next {
    /// What: `window_start`, `window_end`, `next_update_at` or `deadline`.
    pub what: &'static str,
    /// When; it may be over.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A notice of a matter.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = matter::Notice)]
pub struct Member {
    /// Its id.
    pub id: Uuid,
    /// Its category.
    pub category: Category,
    /// Its state.
    pub state: State,
    /// Its phase, status or stage.
    pub phase: Option<String>,
    /// Its subject in the default language.
    pub subject: String,
    /// Its place among the released notices of the matter, from 1.
    pub sequence: Option<u64>,
    /// When it was released.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub released_at: Option<Timestamp>,
    /// The start of its maintenance window.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub window_start: Option<Timestamp>,
    /// The end of it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub window_end: Option<Timestamp>,
    /// When the next update is promised.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_update_at: Option<Timestamp>,
}

impl Notices {
    /// A page of matters, the one that began last first; only those that were announced and have not ended, if `open`.
    ///
    /// # Errors
    /// If the actor may not, the cursor is not one of this list, or the database fails.
    pub async fn matters(&self, actor: &Actor, open: bool, request: &PageRequest) -> Result<Page<Matter>, NoticeError> {
        actor.may_at_all(Right::Read)?;
        let before = request.key::<Uuid>()?;
        let sealed = actor.has(Right::ReadSealed);
        let mut conn = self.context.store.snapshot().await?;
        let ids = matters::page(&mut conn, (before, request.to_read()), open, sealed).await?;
        let mut parts = matters::parts(&mut conn, &ids, sealed).await?;
        let members: Vec<Uuid> = parts.iter().map(|part| part.member.id).collect();
        let mut promised = promises::of_matters(&mut conn, &ids).await?;
        let mut series = series::of_notices(&mut conn, &members).await?;
        let now = self.context.clock.now();
        let all = ids.into_iter().filter_map(|id| {
            let its: Vec<Part> = parts.extract_if(.., |part| part.matter_id == id).collect();
            let series = its.iter().find_map(|part| series.remove(&part.member.id));
            let matter = Matter::of(id, &its, now)?;
            let promises = promised.extract_if(.., |promise| promise.matter_id == id).map(Promised::from).collect();
            Some(Matter { promises, series: series.map(Recurring::from), ..matter })
        });
        Ok(Page::of(all.collect(), request, |matter: &Matter| matter.id.to_string()))
    }
}

impl Matter {
    fn of(id: Uuid, parts: &[Part], now: Timestamp) -> Option<Self> {
        let first = parts.iter().find(|part| part.member.id == id).or_else(|| parts.first())?;
        let last = parts.iter().rev().find(|part| part.member.speaks);
        let progress = last.and_then(|part| part.member.said.progress);
        Some(Self {
            id,
            reference: first.reference.clone().or_else(|| parts.iter().find_map(|part| part.reference.clone())),
            category: first.member.category,
            phase: progress.map(|it| it.as_str().to_owned()),
            open: progress.is_some_and(|it| !it.is_end()),
            next: last.or(Some(first)).and_then(|part| next(&part.member.said, part.deadline, now)),
            promises: Vec::new(),
            series: None,
            notices: parts.iter().map(Member::of).collect(),
        })
    }
}

impl Member {
    fn of(part: &Part) -> Self {
        let Said { progress, window, next_update_at } = part.member.said;
        Self {
            id: part.member.id,
            category: part.member.category,
            state: part.state,
            phase: progress.map(|it| it.as_str().to_owned()),
            subject: part.subject.clone(),
            sequence: part.member.sequence,
            released_at: part.member.released_at,
            window_start: window.map(|(start, _)| start),
            window_end: window.map(|(_, end)| end),
            next_update_at,
        }
    }
}

/// What comes next after a notice that says this; nothing after an end.
fn next(said: &Said, deadline: Option<Timestamp>, now: Timestamp) -> Option<Next> {
    if said.progress.is_some_and(Progress::is_end) {
        return None;
    }
    match said.window {
        Some((start, _)) if start > now && said.progress != Some(Progress::Phase(Phase::Started)) => {
            return Some(Next { what: "window_start", at: start });
        }
        Some((_, end)) => return Some(Next { what: "window_end", at: end }),
        None => {}
    }
    let promised = said.next_update_at.map(|at| Next { what: "next_update_at", at });
    promised.or_else(|| deadline.map(|at| Next { what: "deadline", at }))
}
