//! How a notice is shown: in a list, with all that is known of it, after a step, and before it is stored.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::series::Recurring;
use super::{Checked, Done, Draft, Escalated, Kept, NoticeError, Notices};
use crate::audience::{AudienceError, Reach};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::category::{Category, Class};
use crate::domain::notice::State;
use crate::domain::placeholder::Text;
use crate::domain::prints::Changed;
use crate::domain::problem::Problems;
use crate::store::notices::series::{self, Series};

/// A notice in a list: without its content.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = notice::Brief)]
pub struct Brief {
    /// Id.
    pub id: Uuid,
    /// Category.
    pub category: Category,
    /// Class.
    pub class: Class,
    /// State.
    pub state: State,
    /// The author's reference.
    pub reference: Option<String>,
    /// Subject in the default language.
    pub subject: String,
    /// Who wrote it last.
    pub author: String,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it is to be released.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub send_at: Option<Timestamp>,
    /// When it was released.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub released_at: Option<Timestamp>,
    /// When it was closed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    /// Customers in its audience, once released.
    pub customers: u64,
    /// Recipients, once released.
    pub recipients: u64,
    /// The notice it continues.
    pub follows: Option<Uuid>,
    /// Its time has come, and nobody releases it.
    pub overdue: bool,
}

impl Brief {
    /// A notice as it is at a time.
    #[must_use]
    pub fn of(notice: &Kept, now: Timestamp) -> Self {
        Self {
            id: notice.id,
            category: notice.category,
            class: notice.category.class(),
            state: notice.state,
            reference: notice.reference.clone(),
            subject: Text::named(&notice.subject),
            author: notice.author.clone(),
            approved_by: notice.approved_by.clone(),
            created_at: notice.created_at,
            send_at: notice.send_at,
            released_at: notice.released_at,
            closed_at: notice.closed_at,
            customers: notice.customers,
            recipients: notice.recipients,
            follows: notice.follows_id,
            overdue: notice.is_overdue(now),
        }
    }
}

/// A notice with its content and its steps.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = notice::Shown)]
pub struct Shown {
    /// What a list shows of it.
    #[serde(flatten)]
    pub brief: Brief,
    /// The text as written.
    pub source: String,
    /// Digest of text and rows, in hexadecimal: what is approved.
    pub digest: String,
    /// The steps that were taken on it.
    pub steps: Vec<Done>,
    /// What happens to customers who are not informed by it.
    pub escalation: Option<Escalated>,
    /// The series that it belongs to.
    pub series: Option<Recurring>,
}

impl Notices {
    /// A notice by id or reference, with all that is shown of it.
    ///
    /// # Errors
    /// If there is none, several are meant equally, or the actor may not.
    pub async fn shown(&self, actor: &Actor, name: &str) -> Result<(Kept, Shown), NoticeError> {
        let (notice, steps) = self.show(actor, name).await?;
        let series = series::of_notice(&mut *self.context.store.read().await?, notice.id).await?;
        let shown = Shown::of(&notice, (steps, series), &self.context.config, self.context.clock.now());
        Ok((notice, shown))
    }
}

impl Shown {
    /// A notice with its steps and its series, as it is at a time.
    fn of(notice: &Kept, (steps, series): (Vec<Done>, Option<Series>), config: &Config, now: Timestamp) -> Self {
        let ended = matches!(notice.state, State::Cancelled | State::Declined);
        Self {
            brief: Brief::of(notice, now),
            source: notice.source.clone(),
            digest: digest(notice),
            steps,
            escalation: Escalated::of(config, notice.category).filter(|_| !ended),
            series: series.map(Recurring::from),
        }
    }
}

fn digest(notice: &Kept) -> String {
    data_encoding::HEXLOWER.encode(&notice.digest)
}

/// What became of a notice by a step.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = notice::Now)]
pub struct Now {
    /// Id.
    pub id: Uuid,
    /// State.
    pub state: State,
    /// Digest of text and rows, in hexadecimal.
    pub digest: String,
    /// Recipients: of a draft those that it would have now, if they were counted.
    pub recipients: Option<u64>,
    /// When it is to be released.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub send_at: Option<Timestamp>,
    /// True while its sending is paused.
    pub paused: bool,
    /// How the audience differs from that of the approval, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Changed>,
    /// What its author should know, after it was written or submitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Problems>,
}

impl Now {
    /// A notice as it is.
    #[must_use]
    pub fn of(notice: &Kept) -> Self {
        Self {
            id: notice.id,
            state: notice.state,
            digest: digest(notice),
            recipients: Some(notice.recipients),
            send_at: notice.send_at,
            paused: notice.is_paused(),
            changed: None,
            warnings: None,
        }
    }
}

/// What a check of a draft found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = notice::Checking)]
pub struct Checking {
    /// Category.
    pub category: Category,
    /// Class.
    pub class: Class,
    /// How far it reaches.
    #[serde(flatten)]
    pub reach: Reach,
    /// The notice that it follows.
    pub follows: Option<Uuid>,
    /// The size of its largest mail, in bytes.
    pub size: u64,
    /// What its author should know.
    pub warnings: Problems,
    /// What happens to customers who are not informed by it.
    pub escalation: Option<Escalated>,
}

impl Checking {
    /// What was found about a draft.
    #[must_use]
    pub fn of(draft: &Draft, checked: &Checked) -> Self {
        let mut warnings = draft.placed(checked.warnings.clone());
        if let Some(yet) = checked.nobody.as_ref().and_then(AudienceError::reaches_nobody) {
            warnings.add(0, "audience", format!("it reaches nobody yet: {yet}"));
        }
        let category = draft.notice.category;
        Self {
            category,
            class: category.class(),
            reach: checked.reach.clone(),
            follows: checked.follows,
            size: checked.size,
            warnings,
            escalation: checked.escalation.clone(),
        }
    }
}
