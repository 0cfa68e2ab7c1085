//! Which copy of a message a failure report is about. A delivery that failed, or is uncertain, may be sent again by an operator, and what
//! is then said of the first copy says nothing of the second one: both have the same bytes, the same return path and the same
//! Message-ID, so only times tell them apart.

use jiff::{SignedDuration, Timestamp};

use crate::domain::delivery::State;
use crate::domain::report::effect::Earlier;
use crate::store::proof::ledger;
use crate::store::sending::deliveries::Shown;
use crate::store::sending::settle;
use crate::store::{Conn, StoreError};

/// When a report came, and when the copy that it is about was on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// When the report came, by our clock.
    pub came: Timestamp,
    /// When the first server had the copy, by that server's clock.
    pub copy: Option<Timestamp>,
}

/// How far a server's clock may be behind ours. A time before that is no time of any copy.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

/// Decides whether a failure is about a copy from before the delivery was sent again.
pub(super) async fn earlier(conn: &mut Conn, delivery: &Shown, times: Times) -> Result<Earlier, StoreError> {
    let Some(resent) = ledger::last_resent(conn, delivery.id).await? else { return Ok(Earlier::No) };
    let attempts: Vec<Timestamp> = settle::attempts(conn, delivery.id).await?.iter().map(|it| it.at).collect();
    Ok(decide(delivery.state, times, (&attempts, resent)))
}

/// Decides by the times of the attempts, and by when the delivery was sent again. If nothing distinguishes the copies, the report is
/// about the later one: a customer who is not informed must not go unnoticed.
fn decide(state: State, times: Times, (attempts, resent): (&[Timestamp], Timestamp)) -> Earlier {
    let (first, before) = (attempts.iter().min(), attempts.iter().filter(|at| **at < resent).max());
    // No second copy has been accepted yet; while one is being sent, a report may overtake our own commit.
    let none_yet = match state {
        State::Queued | State::Deferred => true,
        State::Uncertain => before.is_some() && attempts.iter().all(|at| *at < resent),
        _ => false,
    };
    if times.came < resent || none_yet {
        return Earlier::Certain;
    }
    let (Some(copy), Some(first), Some(before)) = (times.copy, first, before) else { return Earlier::No };
    // Clocks differ: it is the copy that is nearer in time.
    let is_nearer = copy.duration_since(*before).abs() < resent.duration_since(copy);
    let is_possible = first.duration_since(copy) <= CLOCKS_DIFFER;
    if is_nearer && is_possible { Earlier::ByTimes } else { Earlier::No }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;

    #[test]
    fn the_copy_is_told_by_the_times() {
        let at = |minutes: i64| from_millis(minutes * 60_000);
        let earlier = |state, came, copy: Option<i64>, attempts: &[i64]| {
            let attempts: Vec<Timestamp> = attempts.iter().copied().map(at).collect();
            decide(state, Times { came: at(came), copy: copy.map(at) }, (&attempts, at(100)))
        };
        let accepted = State::Accepted;
        let (no, by_times, certain) = (Earlier::No, Earlier::ByTimes, Earlier::Certain);
        assert_eq!(earlier(accepted, 99, None, &[]), certain, "it came before the second copy was sent");
        assert_eq!(earlier(State::Queued, 101, None, &[]), certain, "no second copy was sent yet");
        assert_eq!(earlier(State::Deferred, 101, None, &[]), certain);
        assert_eq!(earlier(State::Uncertain, 101, None, &[0]), certain, "it is still to be sent again");
        assert_eq!(earlier(State::Uncertain, 110, None, &[0, 101]), no, "the second copy is uncertain as well");
        assert_eq!(earlier(State::Uncertain, 110, None, &[]), no, "the attempts were deleted");
        assert_eq!(earlier(State::Sending, 101, None, &[0]), no, "perhaps it overtook our commit");
        assert_eq!(earlier(accepted, 110, None, &[0]), no, "nothing says which");
        assert_eq!(earlier(accepted, 110, Some(1), &[0, 101]), by_times);
        assert_eq!(earlier(accepted, 110, Some(-5), &[0, 101]), by_times, "their clock is behind");
        assert_eq!(earlier(accepted, 110, Some(-6), &[0, 101]), no, "their clock is wrong");
        assert_eq!(earlier(accepted, 110, Some(-29_000_000), &[0, 101]), no, "1970");
        assert_eq!(earlier(accepted, 110, Some(1), &[0, 40, 101]), by_times, "the first of three");
        assert_eq!(earlier(accepted, 110, Some(101), &[0, 101]), no);
        assert_eq!(earlier(accepted, 110, Some(60), &[0, 101]), no, "nearer to the second");
        assert_eq!(earlier(accepted, 110, Some(1), &[]), no, "the attempts were deleted");
    }
}
