//! The status of a notice: how many of its deliveries are in each state.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{Coverage, CoverageError};
use crate::domain::actor::Actor;
use crate::domain::category::{Category, Class};
use crate::domain::delivery::State;
use crate::domain::notice::State as NoticeState;
use crate::domain::task::TaskKind;
use crate::notices::NoticeError;
use crate::notices::planned::Planned;
use crate::store::notices::{self, Kept};
use crate::store::sending::{deliveries, waiting};
use crate::store::{Conn, StoreError, escalations, tasks};

/// The status of a notice.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = notice::Status)]
pub struct Status {
    /// Id.
    pub id: Uuid,
    /// Category.
    pub category: Category,
    /// Class.
    pub class: Class,
    /// State.
    pub state: NoticeState,
    /// True while its sending is paused.
    pub paused: bool,
    /// Customers in its audience.
    pub customers: u64,
    /// Its recipients.
    pub recipients: u64,
    /// Deliveries in each state; they sum to `recipients`.
    pub counts: BTreeMap<State, u64>,
    /// Deliveries that wait for their schedule, or for the end of quiet hours.
    pub scheduled: u64,
    /// When the first of those is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub scheduled_from: Option<Timestamp>,
    /// What is planned of it and of its matter.
    pub planned: Planned,
    /// By when its customers must be informed, if its category has a deadline.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deadline: Option<Timestamp>,
    /// Customers who were not informed past the deadline when they were looked at last; `coverage` counts them anew.
    pub overdue: u64,
    /// Customers for whom contacts with other roles were addressed, since they were not informed.
    pub escalated: u64,
    /// Tasks about it that a person still has to do, by kind.
    pub tasks: BTreeMap<TaskKind, u64>,
    /// When it was closed.
    #[serde(skip)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
}

impl Coverage {
    /// Returns the status of a notice, named by id or reference.
    ///
    /// # Errors
    /// If there is no such notice, or the database fails.
    pub async fn status(&self, actor: &Actor, notice: &str) -> Result<Status, CoverageError> {
        let id = self.notices.named(actor, notice).await?.id;
        // The notice and its counts as of one moment: recipients may be added.
        let mut conn = self.context.store.snapshot().await?;
        let notice = notices::find(&mut conn, id).await?.ok_or_else(|| NoticeError::Unknown(notice.to_owned()))?;
        Ok(self.status_of(&mut conn, &notice).await?)
    }

    async fn status_of(&self, conn: &mut Conn, notice: &Kept) -> Result<Status, StoreError> {
        let mut counts: BTreeMap<State, u64> = State::ALL.iter().map(|state| (*state, 0)).collect();
        if notice.released_at.is_some() {
            counts.extend(deliveries::tally(conn, notice.id, notice.recipients).await?);
        }
        let watch = escalations::watched(conn, notice.id).await?;
        let (scheduled, scheduled_from) = waiting::scheduled(conn, notice.id, self.context.clock.now()).await?;
        Ok(Status {
            id: notice.id,
            category: notice.category,
            class: notice.category.class(),
            state: notice.state,
            paused: notice.is_paused(),
            customers: notice.customers,
            recipients: notice.recipients,
            counts,
            scheduled,
            scheduled_from,
            planned: Planned::of(conn, notice).await?,
            deadline: notice.released_at.and_then(|_| self.clock(notice).deadline),
            overdue: watch.map_or(0, |watch| watch.overdue),
            escalated: escalations::escalated(conn, notice.id).await?,
            tasks: tasks::open_of_notice(conn, notice.id).await?.into_iter().collect(),
            closed_at: notice.closed_at,
        })
    }
}
