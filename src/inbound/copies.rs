//! Which copy of a message a failure report is about. A delivery that failed, or is uncertain, may be sent again by an operator, and what
//! is then said of the first copy says nothing of the second one: both have the same bytes, the same return path and the same
//! Message-ID, so only times tell them apart.

use jiff::Timestamp;

use crate::domain::delivery::State;
use crate::store::proof::ledger;
use crate::store::sending::deliveries::Shown;
use crate::store::sending::settle;
use crate::store::{Conn, StoreError};

/// When a report came, and when the copy that it is about was on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// When the report came, by our clock.
    pub came: Timestamp,
    /// When a server had the copy, by that server's clock; the earliest that is named.
    pub copy: Option<Timestamp>,
}

/// Returns true if a failure is about a copy from before the delivery was sent again.
pub(super) async fn is_about_earlier(conn: &mut Conn, delivery: &Shown, times: Times) -> Result<bool, StoreError> {
    let Some(resent) = ledger::last_resent(conn, delivery.id).await? else { return Ok(false) };
    let attempts = settle::attempts(conn, delivery.id).await?;
    let before = attempts.iter().map(|it| it.at).filter(|at| *at < resent).max();
    Ok(decide(delivery.state, times, (before, resent)))
}

/// Decides by the last attempt before the delivery was sent again, and by when that was. Where nothing tells the copies apart, the
/// report is about the later one: a customer who is not informed must not go unnoticed.
fn decide(state: State, times: Times, (before, resent): (Option<Timestamp>, Timestamp)) -> bool {
    // No second copy has been accepted yet; while one is being sent, a report may overtake our own commit.
    let none_yet = matches!(state, State::Queued | State::Deferred);
    // Clocks differ: it is the copy that is nearer in time.
    let nearer = times
        .copy
        .zip(before)
        .is_some_and(|(copy, before)| copy.duration_since(before).abs() < resent.duration_since(copy));
    times.came < resent || none_yet || nearer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;

    #[test]
    fn the_copy_is_told_by_the_times() {
        let at = |minutes: i64| from_millis(minutes * 60_000);
        let earlier = |state, came, copy: Option<i64>, before: Option<i64>| {
            decide(state, Times { came: at(came), copy: copy.map(at) }, (before.map(at), at(100)))
        };
        let accepted = State::Accepted;
        assert!(earlier(accepted, 99, None, None), "it came before the second copy was sent");
        assert!(earlier(State::Queued, 101, None, None), "no second copy was sent yet");
        assert!(earlier(State::Deferred, 101, None, None));
        assert!(!earlier(State::Sending, 101, None, Some(0)), "perhaps it overtook our commit");
        assert!(!earlier(accepted, 110, None, Some(0)), "nothing says which");
        assert!(earlier(accepted, 110, Some(1), Some(0)));
        assert!(earlier(accepted, 110, Some(-20), Some(0)), "their clock is behind");
        assert!(!earlier(accepted, 110, Some(101), Some(0)));
        assert!(!earlier(accepted, 110, Some(60), Some(0)), "nearer to the second");
        assert!(!earlier(accepted, 110, Some(1), None), "the attempts were deleted");
    }
}
