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
use crate::notices::NoticeError;
use crate::store::notices::{self, Kept};
use crate::store::sending::deliveries;
use crate::store::{Conn, StoreError};

/// The status of a notice.
#[derive(Clone, Debug, Serialize)]
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
    /// When it was closed.
    #[serde(skip)]
    pub closed_at: Option<Timestamp>,
}

impl Coverage {
    /// Returns the status of a notice, named by id or reference.
    ///
    /// # Errors
    /// If there is no such notice, or the database fails.
    pub async fn status(&self, _actor: &Actor, notice: &str) -> Result<Status, CoverageError> {
        let id = self.notices.named(notice).await?.id;
        // The notice and its counts as of one moment: recipients may be added.
        let mut conn = self.context.store.snapshot().await?;
        let notice = notices::find(&mut conn, id).await?.ok_or_else(|| NoticeError::Unknown(notice.to_owned()))?;
        Ok(status_of(&mut conn, &notice).await?)
    }
}

async fn status_of(conn: &mut Conn, notice: &Kept) -> Result<Status, StoreError> {
    let mut counts: BTreeMap<State, u64> = State::ALL.iter().map(|state| (*state, 0)).collect();
    if notice.released_at.is_some() {
        counts.extend(deliveries::tally(conn, notice.id, notice.recipients).await?);
    }
    Ok(Status {
        id: notice.id,
        category: notice.category,
        class: notice.category.class(),
        state: notice.state,
        paused: notice.is_paused(),
        customers: notice.customers,
        recipients: notice.recipients,
        counts,
        closed_at: notice.closed_at,
    })
}
