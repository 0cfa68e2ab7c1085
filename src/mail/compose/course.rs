//! The course of a matter: what a mail says of the notices before its own.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::audience::Audience;
use crate::domain::fields::{Disruption, Fields, IncidentStatus, Maintenance, Phase};
use crate::domain::notice::Notice;
use crate::mail::compose::views::Maker;
use crate::store::notices::Kept;
use crate::store::{Conn, StoreError, notices};

/// Where a notice stands in its matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course<'a> {
    /// The matter.
    pub matter_id: Uuid,
    /// How many notices of the matter were released before.
    pub sequence: u64,
    /// When the notice was released.
    pub at: Timestamp,
    /// The notice that it follows, if its recipients had that one.
    pub before: Option<&'a Notice>,
    /// The reference of the first notice of the matter.
    pub reference: Option<&'a str>,
    /// It was made as a reminder.
    pub reminds: bool,
}

/// What is known of the matter before a notice.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The domain of the Message-IDs of the first notice, if that is another one.
    pub root_domain: Option<String>,
    /// The reference of the first notice, if that is another one.
    pub reference: Option<String>,
    /// The notice that it follows, if that was released and it goes to the customers of that one.
    pub before: Option<Notice>,
}

impl Past {
    /// What the mails of a notice say of those before it. One that cannot be read is not mentioned; that must not keep anybody from
    /// being informed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn of(conn: &mut Conn, kept: &Kept) -> Result<Self, StoreError> {
        let mut past = Self::default();
        if kept.matter_id != kept.id {
            let first = readable(conn, kept, kept.matter_id).await?;
            past.reference = first.as_ref().and_then(|first| first.reference.clone());
            // A draft that was never released has none.
            past.root_domain = first.map(|first| first.message_domain).filter(|domain| !domain.is_empty());
        }
        let is_theirs = kept.parsed().is_ok_and(|it| matches!(it.audience, Audience::Followed { .. }));
        if let Some(follows) = kept.follows_id.filter(|_| is_theirs) {
            let before = readable(conn, kept, follows)
                .await?
                .filter(|before| before.sequence.is_some() && (before.speaks || before.said.progress.is_none()));
            past.before = before.and_then(|before| before.parsed().ok());
        }
        Ok(past)
    }
}

async fn readable(conn: &mut Conn, kept: &Kept, id: Uuid) -> Result<Option<Kept>, StoreError> {
    match notices::find(conn, id).await {
        Err(StoreError::Inconsistent { .. }) => {
            tracing::error!(notice = %kept.id, before = %id, "a notice before this one cannot be read: sent without mention of it");
            Ok(None)
        }
        found => found,
    }
}

/// The sentence that a mail begins with: what is new.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// The sentence; may be empty.
    pub text: String,
    /// True if it says what has changed: it then stands above all else in the HTML, too.
    pub is_change: bool,
}

impl Maker<'_> {
    /// What is new about planned work.
    pub fn maintenance_opening(&self, it: &Maintenance) -> Opening {
        let say = |key: &str, variables: &[(&'static str, &str)]| {
            self.language.with(&format!("maintenance-opening-{key}"), variables)
        };
        let (start, end) = (self.dates.short_with_zone(it.window_start), self.dates.short_with_zone(it.window_end));
        let text = match it.phase {
            Phase::Announced if self.course.reminds => say("reminder", &[("when", &start)]),
            Phase::Announced => say("announced", &[("when", &start)]),
            Phase::Rescheduled => match (it.previous_start, it.previous_end) {
                (Some(before), Some(until)) if before == it.window_start => {
                    say("end_moved", &[("before", &self.dates.short(until)), ("when", &end)])
                }
                (Some(before), _) => say("moved", &[("before", &self.dates.short(before)), ("when", &start)]),
                (None, _) => say("announced", &[("when", &start)]),
            },
            Phase::Cancelled => say("cancelled", &[("when", &start)]),
            Phase::Started => say("started", &[("when", &end)]),
            // The work was complete when that was written.
            Phase::Completed if self.course.at < it.window_end => say("completed_early", &[("when", &end)]),
            Phase::Completed => say("completed", &[]),
        };
        Opening { text, is_change: it.phase != Phase::Announced }
    }

    /// What is new about a disruption.
    pub fn disruption_opening(&self, it: &Disruption) -> Opening {
        let status = |status: IncidentStatus| self.language.text(&format!("disruption-status-{status}"));
        let before = match self.course.before.map(Notice::fields) {
            Some(Fields::Disruption(before)) if before.status != it.status => Some(status(before.status)),
            _ => None,
        };
        let now = status(it.status);
        let text = match (it.resolved_at, &before) {
            (Some(at), _) => {
                let duration = self.dates.duration(it.started_at, at);
                self.language.with("disruption-opening-resolved", &[("duration", &duration)])
            }
            (None, Some(before)) => {
                self.language.with("disruption-opening-changed", &[("status", &now), ("before", before)])
            }
            (None, None) => self.language.with("disruption-opening", &[("status", &now)]),
        };
        Opening { text, is_change: before.is_some() || it.resolved_at.is_some() }
    }
}
