//! Matters: the notices that follow each other, from the first announcement to the last word. How far a matter is follows from the
//! last notice that speaks for it, see [`Member`], and decides what may follow.

pub mod next;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use thiserror::Error;
use uuid::Uuid;

use crate::domain::category::Category;
use crate::domain::fields::{Fields, IncidentStatus, Phase, Stage};
use crate::domain::notice::Notice;

/// How far a matter is, in the words of the notices whose category has such words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// Of planned work: the field `phase`.
    Phase(Phase),
    /// Of a disruption: the field `status`.
    Status(IncidentStatus),
    /// Of the investigation of a breach: the field `stage`.
    Stage(Stage),
}

impl Progress {
    /// What these fields say, if their category has a word for it.
    #[must_use]
    pub const fn of(fields: &Fields) -> Option<Self> {
        match fields {
            Fields::Maintenance(it) => Some(Self::Phase(it.phase)),
            Fields::Disruption(it) => Some(Self::Status(it.status)),
            Fields::SecurityBreach(it) => Some(Self::Stage(it.stage)),
            _ => None,
        }
    }

    /// The progress that a word means in a category; `None` if the category has no such words.
    ///
    /// # Errors
    /// If the word is none of them, with those that are.
    pub fn parse(category: Category, word: &str) -> Result<Option<Self>, String> {
        Ok(Some(match category {
            Category::Maintenance => Self::Phase(word.parse()?),
            Category::Disruption => Self::Status(word.parse()?),
            Category::SecurityBreach => Self::Stage(word.parse()?),
            _ => return Ok(None),
        }))
    }

    /// Every progress that a notice of a category can report, in the order of a life.
    #[must_use]
    pub fn all(category: Category) -> Vec<Self> {
        match category {
            Category::Maintenance => Phase::ALL.iter().copied().map(Self::Phase).collect(),
            Category::Disruption => IncidentStatus::ALL.iter().copied().map(Self::Status).collect(),
            Category::SecurityBreach => Stage::ALL.iter().copied().map(Self::Stage).collect(),
            _ => Vec::new(),
        }
    }

    /// The word, as in the notice's fields.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phase(it) => it.as_str(),
            Self::Status(it) => it.as_str(),
            Self::Stage(it) => it.as_str(),
        }
    }

    /// The field that has it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Phase(_) => "phase",
            Self::Status(_) => "status",
            Self::Stage(_) => "stage",
        }
    }

    /// The category whose notices report it.
    #[must_use]
    pub const fn category(self) -> Category {
        match self {
            Self::Phase(_) => Category::Maintenance,
            Self::Status(_) => Category::Disruption,
            Self::Stage(_) => Category::SecurityBreach,
        }
    }

    /// True if it ends its matter: nothing more is to come, though a disruption may be reopened and an investigation continued.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(
            self,
            Self::Phase(Phase::Completed | Phase::Cancelled)
                | Self::Status(IncidentStatus::Resolved)
                | Self::Stage(Stage::Final)
        )
    }

    /// What usually follows; `None` after an end.
    #[must_use]
    pub const fn usual_next(self) -> Option<Self> {
        Some(match self {
            Self::Phase(Phase::Announced | Phase::Rescheduled) => Self::Phase(Phase::Started),
            Self::Phase(Phase::Started) => Self::Phase(Phase::Completed),
            Self::Status(IncidentStatus::Possible) => Self::Status(IncidentStatus::Investigating),
            Self::Status(IncidentStatus::Investigating) => Self::Status(IncidentStatus::Identified),
            Self::Status(IncidentStatus::Identified) => Self::Status(IncidentStatus::Monitoring),
            Self::Status(IncidentStatus::Monitoring) => Self::Status(IncidentStatus::Resolved),
            Self::Stage(Stage::Suspected) => Self::Stage(Stage::Confirmed),
            Self::Stage(Stage::Confirmed) => Self::Stage(Stage::Update),
            Self::Stage(Stage::Update) => Self::Stage(Stage::Final),
            _ => return None,
        })
    }

    /// What may follow it, in the order of a life.
    #[must_use]
    pub fn nexts(self) -> Vec<Self> {
        Self::all(self.category()).into_iter().filter(|next| next.refused_after(self).is_none()).collect()
    }

    /// True if the text of a notice that says `before` is wrong once this one is released: it is not to be sent any more. The stages of
    /// a breach add to each other: each customer gets all of them. An announcement is repeated, and not replaced.
    #[must_use]
    pub const fn supersedes(self, before: Self) -> bool {
        match (self, before) {
            (Self::Phase(next), Self::Phase(_)) => !matches!(next, Phase::Announced),
            (Self::Status(_), Self::Status(_)) => true,
            _ => false,
        }
    }

    /// Why it may not follow `last`; `None` if it may. This is the table of all lives.
    #[must_use]
    pub const fn refused_after(self, last: Self) -> Option<&'static str> {
        match (last, self) {
            (Self::Phase(last), Self::Phase(next)) => phase_refused(last, next),
            (Self::Status(last), Self::Status(next)) => status_refused(last, next),
            (Self::Stage(last), Self::Stage(next)) => stage_refused(last, next),
            _ => Some("a matter has one category of notices that report its progress"),
        }
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

const fn phase_refused(last: Phase, next: Phase) -> Option<&'static str> {
    use Phase::{Announced, Cancelled, Completed, Rescheduled, Started};
    match (last, next) {
        // Announced again: a reminder, or a better text for the same window.
        (Announced | Rescheduled, Announced | Rescheduled | Cancelled | Started | Completed)
        // Work that was begun may take longer, be broken off, or be continued another night.
        | (Started, Started | Rescheduled | Cancelled | Completed) => None,
        (Started, Announced) => Some("the work has started: `started` says that it takes longer, `rescheduled` that it continues later"),
        (Cancelled, Cancelled) => Some("it is cancelled already"),
        (Cancelled, Started | Completed) => Some("a cancelled maintenance is not carried out"),
        (Cancelled, Announced | Rescheduled) => Some("a cancelled maintenance is planned anew as a matter of its own: without `follows`"),
        (Completed, Completed) => Some("it is completed already"),
        (Completed, _) => Some("the work is done: more work is a matter of its own, without `follows`"),
    }
}

const fn status_refused(last: IncidentStatus, next: IncidentStatus) -> Option<&'static str> {
    use IncidentStatus::{Possible, Resolved};
    match (last, next) {
        (Possible, _) => None,
        (Resolved, Possible) => {
            Some("it is over: `investigating` reopens it, a new risk is a matter of its own, without `follows`")
        }
        (Resolved, Resolved) => {
            Some("it is resolved already: `investigating`, `identified` or `monitoring` reopens it")
        }
        (_, Possible) => Some("it has happened: it is no longer only possible"),
        _ => None,
    }
}

const fn stage_refused(last: Stage, next: Stage) -> Option<&'static str> {
    use Stage::{Confirmed, Final, Suspected, Update};
    match (last, next) {
        (Suspected, Suspected) => Some("it is suspected already: new information is an `update`"),
        (Confirmed, Confirmed) => Some("it is confirmed already: new information is an `update`"),
        (Confirmed | Update | Final, Suspected) => {
            Some("customers were told more than that: new information is an `update`")
        }
        (Final, Confirmed | Final) => Some("the investigation is complete: new information is an `update`"),
        (Suspected, Confirmed | Update | Final)
        | (Confirmed | Update, Update | Final)
        | (Update, Confirmed)
        | (Final, Update) => None,
    }
}

/// What a notice says of its matter, read once when it is written: lists and timers need no text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// How far the matter is, if its category has a word for it.
    pub progress: Option<Progress>,
    /// Start and end of the maintenance window.
    pub window: Option<(Timestamp, Timestamp)>,
    /// When the next update of a disruption is promised.
    pub next_update_at: Option<Timestamp>,
}

impl Said {
    /// What a notice says of its matter.
    #[must_use]
    pub fn of(notice: &Notice) -> Self {
        let progress = Progress::of(notice.fields());
        match notice.fields() {
            Fields::Maintenance(it) => {
                Self { progress, window: Some((it.window_start, it.window_end)), next_update_at: None }
            }
            Fields::Disruption(it) => Self { progress, window: None, next_update_at: it.next_update_at },
            _ => Self { progress, ..Self::default() },
        }
    }

    /// True if a later notice that says `other` leaves the matter as it is, as a reminder does.
    #[must_use]
    pub fn is_repeated_by(&self, other: &Self) -> bool {
        let planned =
            |said: &Self| matches!(said.progress, Some(Progress::Phase(Phase::Announced | Phase::Rescheduled)));
        planned(self) && planned(other) && self.window == other.window
    }
}

/// A notice as a part of its matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: Uuid,
    /// Its category.
    pub category: Category,
    /// Its place among the released notices of the matter, from 1; `None` until it is released.
    pub sequence: Option<u64>,
    /// When it was released.
    pub released_at: Option<Timestamp>,
    /// What it says of the matter.
    pub said: Said,
    /// True if what it says counts: it was released with a word of how far the matter is, is no reminder, and was not cancelled before
    /// anybody got it. The last one that speaks says how far the matter is.
    pub speaks: bool,
}

/// Why a notice cannot follow another one.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Unfit {
    /// The matter has another kind of progress, or none.
    #[error(
        "a notice of the category {next} reports how far its matter is, and the notice that it follows is one of the category {followed}"
    )]
    OtherCategory {
        /// Its category.
        next: Category,
        /// That of the matter.
        followed: Category,
    },
    /// The last one excludes it.
    #[error("`{next}` cannot follow `{last}`: {why}")]
    Impossible {
        /// What it says.
        next: Progress,
        /// What the last released one said.
        last: Progress,
        /// Why not, in a clause.
        why: &'static str,
    },
    /// Another one was released since the one that it follows.
    #[error("another notice of the matter came first: {id} (`{last}`) was released at {}", at(*.released_at))]
    Overtaken {
        /// That one.
        id: Uuid,
        /// What it said.
        last: Progress,
        /// When it was released.
        released_at: Timestamp,
    },
    /// The matter has ended, and nothing was named that may follow.
    #[error("the matter has ended (`{last}`){}", open(*.last))]
    Ended {
        /// What the last one said.
        last: Progress,
    },
    /// It would follow itself.
    #[error("the notice that it follows follows this one")]
    Circle,
    /// A notice that follows it was released: the matter of both is settled.
    #[error("a notice that follows it was released already: it stays in its matter")]
    Settled,
}

/// What may follow an end, if anything may.
fn open(last: Progress) -> String {
    let nexts: Vec<String> = last.nexts().into_iter().map(|next| format!("`{next}`")).collect();
    if nexts.is_empty() { String::new() } else { format!(": what may follow is named, {}", nexts.join(" or ")) }
}

fn at(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::UTC).strftime("%F %T UTC").to_string()
}

/// Checks that a notice that says `next` may follow `followed`. `last` is the last notice that speaks for
/// that matter.
///
/// # Errors
/// [`Unfit`]. A notice that reports no progress may follow any other.
pub fn may_follow((category, next): (Category, &Said), followed: &Member, last: Option<&Member>) -> Result<(), Unfit> {
    let Some(wanted) = next.progress else { return Ok(()) };
    let last = last.unwrap_or(followed);
    let Some(reached) = last.said.progress.filter(|_| last.category == category) else {
        return Err(Unfit::OtherCategory { next: category, followed: last.category });
    };
    let overtaken =
        followed.sequence.is_some() && followed.said.progress.is_some() && followed.sequence < last.sequence;
    if let Some(released_at) = last.released_at
        && overtaken
        && !followed.said.is_repeated_by(&last.said)
    {
        return Err(Unfit::Overtaken { id: last.id, last: reached, released_at });
    }
    match wanted.refused_after(reached) {
        Some(why) => Err(Unfit::Impossible { next: wanted, last: reached, why }),
        None => Ok(()),
    }
}
