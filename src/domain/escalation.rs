//! Escalation: what happens when a customer who must be informed is not. Other roles are addressed, one after the other; then a
//! person gets a task.
//!
//! ```text
//! (no case) -> addressing -> task -> settled          (a person's note: for good)
//!       \          |  \________|
//!        \_________|__________/-> informed -> addressing      (a bounce after that)
//! ```

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::clock::{from_millis, millis};
use crate::domain::coverage::{Known, Measure, Verdict};
use crate::domain::delivery::State as DeliveryState;
use crate::domain::words::words;

/// How far the escalation of a customer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A role has its turn, or some deliveries failed and others still wait.
    Addressing,
    /// A person has a task.
    Task,
    /// The customer is informed; a bounce may change that.
    Informed,
    /// A person closed the task with a note: nothing more is done.
    Settled,
}

words!(State, "a state of an escalation", {
    Addressing => "addressing",
    Task => "task",
    Informed => "informed",
    Settled => "settled",
});

/// What is to be done for a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the customer is informed.
    Informed,
    /// Nothing: all deliveries wait, and none failed.
    Wait,
    /// Nothing before this time.
    WaitUntil(Timestamp),
    /// The next role is addressed; if there is none, a person gets a task.
    Turn,
}

/// Decides what is to be done for a customer. `since` is when the notice was released, or when the last role was addressed, and
/// `after` is how long that may take. A customer whose deliveries only wait is not addressed elsewhere.
#[must_use]
pub fn next(
    measure: &Measure,
    deliveries: &[Known],
    told: &[Timestamp],
    (since, after): (Timestamp, Duration),
) -> Next {
    match measure.verdict(deliveries, told) {
        Verdict::Informed => Next::Informed,
        Verdict::NotAddressed | Verdict::NotReleased => Next::Wait,
        Verdict::NotInformed | Verdict::CannotBe => Next::Turn,
        Verdict::Pending if !deliveries.iter().any(|it| has_failed(measure, it)) => {
            reported(measure, deliveries).map_or(Next::Wait, Next::WaitUntil)
        }
        Verdict::Pending => {
            let due = later(since, after);
            if due <= measure.now { Next::Turn } else { Next::WaitUntil(due) }
        }
    }
}

/// True if a row of a standing notice has not informed its customer, and failed at some address at least.
#[must_use]
pub fn is_failing(measure: &Measure, deliveries: &[Known]) -> bool {
    match measure.verdict(deliveries, &[]) {
        Verdict::NotInformed => true,
        Verdict::Pending => deliveries.iter().any(|it| has_failed(measure, it)),
        _ => false,
    }
}

/// True if the message is known not to have informed at this address, or no report said in time that it did. A delivery that was not
/// sent shows nothing about the address.
fn has_failed(measure: &Measure, known: &Known) -> bool {
    let was_sent =
        !matches!(known.state, DeliveryState::Cancelled | DeliveryState::Suppressed | DeliveryState::OptedOut);
    was_sent && measure.verdict(std::slice::from_ref(known), &[]) == Verdict::NotInformed
}

/// When the last report that a customer waits for is overdue; `None` while something is still to be sent.
fn reported(measure: &Measure, deliveries: &[Known]) -> Option<Timestamp> {
    if deliveries.iter().any(|it| it.state.is_pending()) {
        return None;
    }
    deliveries.iter().filter(|it| it.state.informs()).map(|it| later(it.at, measure.report_wait)).max()
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    from_millis(time.as_millisecond().saturating_add(millis(by)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::Level;

    const HOUR: Duration = Duration::from_secs(3600);

    /// What is to be done after some minutes.
    fn after(minutes: i64, states: &[DeliveryState], attested: bool) -> Next {
        let now = from_millis(minutes * 60_000);
        let measure = Measure { informed_at: Level::Relayed, report_wait: 5 * HOUR, now };
        let known = |state: &DeliveryState| Known {
            state: *state,
            level: state.informs().then_some(Level::Relayed),
            at: from_millis(0),
            accepted_at: None,
            row: None,
        };
        let known: Vec<Known> = states.iter().map(known).collect();
        let told = if attested { vec![from_millis(0)] } else { Vec::new() };
        next(&measure, &known, &told, (from_millis(0), HOUR))
    }

    #[test]
    fn who_cannot_be_reached_at_any_address_has_the_next_turn_at_once() {
        use DeliveryState::{Bounced, Cancelled, Expired, Rejected};
        for states in [&[][..], &[Rejected], &[Bounced, Expired], &[Cancelled], &[Rejected, Cancelled]] {
            assert_eq!(after(0, states, false), Next::Turn, "{states:?}");
            assert_eq!(after(0, states, true), Next::Informed, "{states:?}");
        }
    }

    #[test]
    fn who_only_waits_is_not_addressed_elsewhere_however_long() {
        use DeliveryState::{Cancelled, Deferred, Queued, Sending, Uncertain};
        for states in [&[Queued][..], &[Deferred, Sending], &[Uncertain], &[Cancelled, Queued]] {
            assert_eq!(after(10_000, states, false), Next::Wait, "{states:?}");
        }
    }

    #[test]
    fn who_waits_at_one_address_and_failed_at_another_has_the_next_turn_after_a_while() {
        use DeliveryState::{Accepted, Deferred, Rejected};
        let states = [Rejected, Deferred];
        assert_eq!(after(59, &states, false), Next::WaitUntil(from_millis(3_600_000)));
        assert_eq!(after(60, &states, false), Next::Turn);
        assert_eq!(after(60, &[Rejected, Accepted], false), Next::Informed);
    }

    #[test]
    fn who_waits_for_reports_has_the_next_turn_when_they_do_not_come() {
        use DeliveryState::{Accepted, Cancelled, Deferred};
        let known = |state, at: i64| Known {
            state,
            level: Some(Level::Relayed),
            at: from_millis(at * 3_600_000),
            accepted_at: None,
            row: None,
        };
        let next = |hours: i64, deliveries: &[Known]| {
            let now = from_millis(hours * 3_600_000);
            let measure = Measure { informed_at: Level::DsnDelivered, report_wait: 5 * HOUR, now };
            next(&measure, deliveries, &[], (from_millis(0), HOUR))
        };
        let both = [known(Accepted, 0), known(Accepted, 3)];
        assert_eq!(next(4, &both), Next::WaitUntil(from_millis(8 * 3_600_000)));
        assert_eq!(next(5, &both), Next::Turn, "the first one failed, and an hour is over");
        assert_eq!(next(1, &[known(Accepted, 0), known(Cancelled, 0)]), Next::WaitUntil(from_millis(5 * 3_600_000)));
        assert_eq!(next(4, &[known(Accepted, 0), known(Deferred, 0)]), Next::Wait);
    }
}
