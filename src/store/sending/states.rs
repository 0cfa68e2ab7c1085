//! The states of deliveries: the one place where a state is written. It is written from a [`Change`] only, and there is none that
//! [`State::after`] does not allow. A claimed delivery counts as `sending`; what may have changed its row meanwhile is left to the
//! caller (`settle::settle`). (A new delivery is `queued`: `store/notices/releases.rs`.)

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::delivery::{Event, Level, Outcome, State};
use crate::store::engine::batch::Step;
use crate::store::engine::dialect::{Dialect, bulk, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result, StoreError};

/// A change of a delivery's state that is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change(State);

impl Change {
    /// The change that an event makes.
    ///
    /// # Errors
    /// If the event cannot happen to a delivery in this state.
    pub fn of(delivery: Uuid, from: State, event: Event) -> Result<Self> {
        let impossible = || StoreError::Impossible { delivery, from, event };
        from.after(event).map(Self).ok_or_else(impossible)
    }

    /// The state that follows.
    pub(super) const fn state(self) -> &'static str {
        self.0.as_str()
    }
}

/// The stored states in which an event can happen, as text in which `LIKE` finds each between commas.
fn possible_in(event: Event) -> String {
    let is_possible = |state: &&State| **state != State::Sending && state.after(event).is_some();
    State::ALL.iter().filter(is_possible).fold(",".to_owned(), |all, state| all + state.as_str() + ",")
}

/// The states of deliveries that can be sent again, in the same form.
pub(super) fn resendable() -> String {
    possible_in(Event::Resend)
}

/// The state of each settled delivery, with what is shown beside it, as a step of a batch. Its rows are made from a [`Change`].
///
/// `reply` and `attempts` stand in the last attempt and the opening of its entry too, and are copies of them: a list of deliveries
/// shows both without a search for each row, attempts are deleted long before their delivery, an opening need not be there (a
/// repeated deferral has no entry), and what is uncertain after a restart, or was found out by an operator, has no attempt that
/// says so.
pub(super) const RECORD: Step = Step {
    before:
        "UPDATE deliveries SET state = r.state, level = r.level, reply = r.reply, reason = r.reason, changed_at = r.at,
               attempts = r.attempts, first_at = r.first_at FROM",
    columns: "id, state, level, reply, reason, at bigint, attempts bigint, first_at bigint",
    after: "WHERE deliveries.id = r.id",
};

/// The same for deliveries that have not ended yet.
pub(super) const RECORD_UNENDED: Step = Step {
    after: "WHERE deliveries.id = r.id AND deliveries.state NOT IN ('accepted', 'delivered', 'bounced')",
    ..RECORD
};

/// What a report says of a delivery that left the queue, or is uncertain.
#[derive(Clone, Copy, Debug)]
pub struct Reported<'a> {
    /// The delivery.
    pub delivery_id: Uuid,
    /// Its notice.
    pub notice_id: Uuid,
    /// Its state until now.
    pub from: State,
    /// What is said of it: its outcome, or that a finding is withdrawn.
    pub event: Event,
    /// How strong the evidence is.
    pub level: Option<Level>,
    /// The words of the report.
    pub reply: Option<&'a str>,
    /// When.
    pub at: Timestamp,
}

/// Writes the state that a report leads to. The caller holds the delivery's row.
pub(super) async fn report(conn: &mut Conn, reported: &Reported<'_>) -> Result<()> {
    let &Reported { delivery_id: delivery, from, event, .. } = reported;
    let sql = "UPDATE deliveries SET state = $2, level = $3, reply = COALESCE($4, reply), changed_at = $5
         WHERE id = $1 AND state = $6";
    let done = query!(
        sql,
        delivery.to_string(),
        Change::of(delivery, from, event)?.state(),
        reported.level.map(Level::as_str),
        reported.reply,
        reported.at,
        from.as_str()
    )
    .changed(conn)
    .await?;
    // It is in another state than the caller believes.
    if done == 1 { Ok(()) } else { Err(StoreError::Impossible { delivery, from, event }) }
}

/// Gives unclaimed deliveries an outcome that needs no attempt, for this reason; returns those that changed. One whose state it
/// cannot change stays as it is: an uncertain one may have been accepted.
pub(super) async fn take_back(
    conn: &mut Conn,
    ids: &[Uuid],
    (outcome, why): (Outcome, Option<&str>),
    at: Timestamp,
) -> Result<Vec<Uuid>> {
    #[derive(Serialize)]
    struct Id {
        id: String,
    }
    let ids: Vec<_> = ids.iter().map(|id| Id { id: id.to_string() }).collect();
    let sql = bulk!(
        Dialect::of(conn),
        "UPDATE deliveries SET state = $3, changed_at = $2, reply = COALESCE($4, reply)
         WHERE $5 LIKE '%,' || state || ',%' AND id IN (SELECT value ->> 'id' FROM",
        rows,
        ") RETURNING id AS delivery_id"
    );
    query!(sql, json(&ids), at, outcome.state().as_str(), why, possible_in(Event::Outcome(outcome)))
        .all(conn, |row| Row::of("deliveries", row).id("delivery_id"))
        .await
}

/// Writes the state of a delivery that is sent again. The caller holds its row.
pub(super) async fn resend(conn: &mut Conn, id: Uuid, now: Timestamp) -> Result<()> {
    let state = query!("SELECT state FROM deliveries WHERE id = $1", id);
    let from = state.one(&mut *conn, |row| Row::of("deliveries", row).parse("state")).await?;
    let change = Change::of(id, from, Event::Resend)?;
    if change.0 != from {
        let sql = "UPDATE deliveries SET state = $3, level = NULL, reason = NULL, changed_at = $2 WHERE id = $1 AND state = $4";
        query!(sql, id, now, change.state(), from.as_str()).run(conn).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_was_waiting() {
        for outcome in [Outcome::Cancelled, Outcome::Uncertain] {
            assert_eq!(possible_in(Event::Outcome(outcome)), ",queued,deferred,");
        }
    }

    #[test]
    fn an_impossible_change_is_refused() {
        let id = Uuid::from_u128(1);
        let refused = Change::of(id, State::Accepted, Event::Resend).unwrap_err().to_string();
        assert_eq!(refused, format!("delivery `{id}` is accepted: it cannot be sent again"));
        let refused = Change::of(id, State::Sending, Event::Outcome(Outcome::Delivered)).unwrap_err().to_string();
        assert_eq!(refused, format!("delivery `{id}` is sending: it cannot become delivered"));
    }
}
