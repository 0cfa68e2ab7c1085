//! What is planned of a notice and of its matter: when it is sent, which reminders follow, what was promised, and its series.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Kept;
use super::series::Recurring;
use crate::config::written;
use crate::domain::notice::State;
use crate::domain::promise::{self, PromiseKind};
use crate::store::notices::reminders::Reminder;
use crate::store::notices::{reminders, series};
use crate::store::promises::Promise;
use crate::store::{Conn, StoreError, promises};

/// What is planned of a notice and its matter.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = notice::Planned)]
pub struct Planned {
    /// When it is released, if that is still to come.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub send_at: Option<Timestamp>,
    /// The local time at which each recipient gets it, in the recipient's own zone.
    pub send_at_local: Option<String>,
    /// The time over which its deliveries are spread.
    pub spread: Option<String>,
    /// The reminders of its matter that are still to come.
    pub reminders: Vec<Coming>,
    /// What was promised in its matter.
    pub promises: Vec<Promised>,
    /// The series that it belongs to.
    pub series: Option<Recurring>,
}

/// A reminder that is still to come.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = notice::Reminder)]
pub struct Coming {
    /// How long before the window, such as `-24h`.
    pub before: String,
    /// When it is made.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// The start of its window.
    #[schema(value_type = String, format = DateTime)]
    pub window_start: Timestamp,
}

impl From<Reminder> for Coming {
    fn from(Reminder { before, window_start, .. }: Reminder) -> Self {
        Self { before: before.to_string(), due_at: before.due(window_start), window_start }
    }
}

/// News that customers were promised for a time.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = matter::Promise)]
pub struct Promised {
    /// What.
    pub kind: PromiseKind,
    /// By when.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// How far it is.
    pub state: promise::State,
    /// The notice that promised it.
    pub notice: Uuid,
}

impl From<Promise> for Promised {
    fn from(Promise { kind, due_at, notice_id, state, .. }: Promise) -> Self {
        Self { kind, due_at, state, notice: notice_id }
    }
}

impl Promised {
    /// What was promised in the matter of a notice, in the order of the times.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn of_matter(conn: &mut Conn, matter_id: Uuid) -> Result<Vec<Self>, StoreError> {
        Ok(promises::of_matter(conn, matter_id).await?.into_iter().map(Self::from).collect())
    }
}

impl Planned {
    /// What is planned of a notice and its matter.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn of(conn: &mut Conn, notice: &Kept) -> Result<Self, StoreError> {
        // What this version cannot read has no plan that it could show.
        let schedule = notice.parsed().map(|it| it.schedule).unwrap_or_default();
        let waits = notice.released_at.is_none() && !matches!(notice.state, State::Cancelled | State::Declined);
        let coming = reminders::planned(conn, notice.matter_id).await?;
        Ok(Self {
            send_at: notice.send_at.filter(|_| waits),
            send_at_local: schedule.send_at_local.map(|local| local.to_string()),
            spread: (!schedule.spread.is_zero()).then(|| written(schedule.spread)),
            reminders: coming.into_iter().map(Coming::from).collect(),
            promises: Promised::of_matter(conn, notice.matter_id).await?,
            series: series::of_notice(conn, notice.id).await?.map(Recurring::from),
        })
    }
}
