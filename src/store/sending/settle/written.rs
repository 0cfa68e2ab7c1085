//! A settlement with its rows serialised.
//!
//! A commit serves many callers at a time, who all wait: each does in advance what it can.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{Settlement, json, ledger};
use crate::domain::delivery::{Event, Level, Reason, State};
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

/// Its row in each table, as a JSON object.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// In the queue.
    pub(super) place: String,
    /// Of the delivery; `None` if it keeps its state.
    pub(super) state: Option<String>,
    pub(super) attempt: Option<String>,
    pub(super) opening: Option<String>,
    pub(super) pending: Option<String>,
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

fn place(settlement: &Settlement) -> String {
    #[derive(Serialize)]
    struct Place {
        id: Uuid,
        token: i64,
        due_at: Option<i64>,
        waited: Option<i64>,
        attempts: u32,
    }
    json(&Place {
        id: settlement.delivery_id,
        token: settlement.token,
        due_at: settlement.again.map(|(due_at, _)| due_at.as_millisecond()),
        waited: settlement.again.map(|(_, waited)| waited),
        attempts: settlement.attempts,
    })
}

fn state(settlement: &Settlement, change: Change) -> String {
    #[derive(Serialize)]
    struct Columns<'a> {
        id: Uuid,
        state: &'static str,
        level: Option<&'static str>,
        reply: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
        at: i64,
        attempts: u32,
        first_at: Option<i64>,
    }
    json(&Columns {
        id: settlement.delivery_id,
        state: change.state(),
        level: settlement.level.map(Level::as_str),
        reply: settlement.reply.as_deref(),
        reason: settlement.reason.map(Reason::as_str),
        at: settlement.at.as_millisecond(),
        attempts: settlement.attempts,
        first_at: settlement.first_at.map(Timestamp::as_millisecond),
    })
}

fn attempt(settlement: &Settlement) -> Option<String> {
    #[derive(Serialize)]
    struct Attempt<'a> {
        id: Uuid,
        number: u32,
        at: i64,
        relay: &'a str,
        host: &'a str,
        tls: &'a str,
        stage: &'static str,
        outcome: &'static str,
        code: Option<u16>,
        reply: &'a str,
        dsn: u8,
    }
    settlement.attempt.as_ref().map(|attempt| {
        json(&Attempt {
            id: settlement.delivery_id,
            number: attempt.number,
            at: settlement.at.as_millisecond(),
            relay: &attempt.relay,
            host: &attempt.host,
            tls: &attempt.tls,
            stage: attempt.stage.as_str(),
            outcome: settlement.outcome.as_str(),
            code: attempt.code,
            reply: settlement.reply.as_deref().unwrap_or_default(),
            dsn: attempt.dsn.into(),
        })
    })
}
