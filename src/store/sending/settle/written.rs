//! A settlement with its rows.
//!
//! A commit serves many callers at a time, who all wait: each does in advance what it can.

use jiff::Timestamp;

use super::{Settlement, ledger};
use crate::domain::delivery::{Event, Level, Reason, State};
use crate::store::engine::batch::Values;
use crate::store::proof::ledger::Opening;
use crate::store::sending::states::Change;
use crate::store::{Result, StoreError};

/// A settlement that is ready to be recorded.
#[derive(Clone, Debug)]
pub struct Written {
    /// What is recorded.
    pub settlement: Settlement,
    pub(super) rows: Rows,
}

/// Its row in each table.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// In the queue: id and token, and of one that stays there when it is due, its back-off and its attempts.
    pub(super) place: Values,
    /// Of the delivery; `None` if it keeps its state.
    pub(super) state: Option<Values>,
    pub(super) attempt: Option<Values>,
    pub(super) opening: Option<Values>,
    pub(super) pending: Option<Values>,
}

impl TryFrom<Settlement> for Written {
    type Error = StoreError;

    /// Makes the rows of a settlement.
    ///
    /// # Errors
    /// If its outcome is none that a claimed delivery can have.
    fn try_from(settlement: Settlement) -> Result<Self> {
        let event = Event::Outcome(settlement.outcome);
        // A claimed delivery is `sending`, whatever its row says; that one which ended meanwhile keeps its state, `settle` sees to.
        let change = Change::of(settlement.delivery_id, State::Sending, event)?;
        let entry = settlement.entry.as_ref().map(|entry| {
            let (notice, delivery) = (settlement.notice_id, settlement.delivery_id);
            let opening = Opening::of_delivery(entry, notice, delivery, settlement.at);
            ledger::rows(&Opening { message: settlement.message.as_ref(), ..opening })
        });
        let [opening, pending] = entry.map_or([None, None], |rows| rows.map(Some));
        let rows = Rows {
            place: place(&settlement),
            state: Some(state(&settlement, change)),
            attempt: attempt(&settlement),
            opening,
            pending,
        };
        Ok(Self { settlement, rows })
    }
}

impl Written {
    /// The same for a delivery that keeps its state.
    pub(super) fn without_state(mut self) -> Self {
        self.rows.state = None;
        self
    }
}

fn place(settlement: &Settlement) -> Values {
    let mut place = vec![settlement.delivery_id.into(), settlement.token.into()];
    if let Some((due_at, waited)) = settlement.again {
        place.extend([due_at.as_millisecond().into(), waited.into(), settlement.attempts.into()]);
    }
    place
}

fn state(settlement: &Settlement, change: Change) -> Values {
    vec![
        settlement.delivery_id.into(),
        change.state().into(),
        settlement.level.map(Level::as_str).into(),
        settlement.reply.as_deref().into(),
        settlement.reason.map(Reason::as_str).into(),
        settlement.at.as_millisecond().into(),
        settlement.attempts.into(),
        settlement.first_at.map(Timestamp::as_millisecond).into(),
    ]
}

fn attempt(settlement: &Settlement) -> Option<Values> {
    settlement.attempt.as_ref().map(|attempt| {
        vec![
            settlement.delivery_id.into(),
            attempt.number.into(),
            settlement.at.as_millisecond().into(),
            attempt.relay.as_str().into(),
            attempt.host.as_str().into(),
            attempt.tls.as_str().into(),
            attempt.stage.as_str().into(),
            settlement.outcome.as_str().into(),
            attempt.code.map(u32::from).into(),
            settlement.reply.as_deref().unwrap_or_default().into(),
            u32::from(attempt.dsn).into(),
        ]
    })
}
