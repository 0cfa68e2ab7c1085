//! Coverage: is the customer informed? The verdict over the deliveries of a notice to a customer, and the deadline for it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::clock::{from_millis, millis};
use crate::domain::delivery::{Level, State};
use crate::domain::digest::sha256;
use crate::domain::words::words;

/// The answer for one customer and one notice, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A delivery reached the category's level and was not returned, or the customer was informed by another way.
    Informed,
    /// Not informed yet, and not decided.
    Pending,
    /// Every delivery failed, was not sent, or stayed below the category's level for too long.
    NotInformed,
    /// The customer is in the audience, but has no address to send to.
    CannotBe,
    /// The customer is not in the audience.
    NotAddressed,
    /// The notice is not released: it has addressed nobody.
    NotReleased,
}

words!(Verdict, "a verdict", {
    Informed => "informed",
    Pending => "pending",
    NotInformed => "not_informed",
    CannotBe => "cannot_be",
    NotAddressed => "not_addressed",
    NotReleased => "not_released",
});

impl Verdict {
    /// Describes the verdict in words.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Informed => "informed",
            Self::Pending => "not decided yet",
            Self::NotInformed => "not informed",
            Self::CannotBe => "nobody to address",
            Self::NotAddressed => "not addressed",
            Self::NotReleased => "not released",
        }
    }

    /// Returns the verdict over several notices: the worst one.
    #[must_use]
    pub fn worst(verdicts: impl IntoIterator<Item = Self>) -> Option<Self> {
        verdicts.into_iter().max()
    }

    /// Returns the answer to "was this customer informed?": a customer with nobody to address was not.
    #[must_use]
    pub const fn as_answer(self) -> Self {
        match self {
            Self::CannotBe => Self::NotInformed,
            other => other,
        }
    }
}

/// What is known of one delivery.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its state.
    pub state: State,
    /// How strong the evidence is.
    pub level: Option<Level>,
    /// When the state changed last.
    pub at: Timestamp,
    /// When a server accepted the message, if the state has changed since then.
    pub accepted_at: Option<Timestamp>,
    /// The row that it was added with to a standing notice. A customer is informed when each of its rows has informed it: one
    /// invoice that arrived says nothing of the next.
    pub row: Option<RowMark>,
}

/// What tells the rows of one customer of a standing notice apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowMark {
    /// Of the row's key.
    mark: u64,
    /// When it was added.
    added_at: Timestamp,
}

impl RowMark {
    /// The mark of a key, whose row was added then.
    #[must_use]
    pub fn of(key: &str, added_at: Timestamp) -> Self {
        let digest = sha256(key.as_bytes());
        let mark = digest.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte));
        Self { mark, added_at }
    }
}

/// What a notice is held to: as it is configured, and from the release on as it was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The least level that counts as informed.
    pub informed_at: Level,
    /// By when every customer must be informed, if the category has a deadline.
    pub deadline: Option<Timestamp>,
}

/// What counts as informed in a category, at a time.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The least level that counts.
    pub informed_at: Level,
    /// How long a delivery below that level, and without a failure, is pending.
    pub report_wait: Duration,
    /// The time of the question.
    pub now: Timestamp,
}

impl Measure {
    /// Returns true if the delivery informs its customer.
    #[must_use]
    pub fn informs(&self, known: &Known) -> bool {
        known.state.informs() && known.level.is_some_and(|level| level.reaches(self.informed_at))
    }

    /// Returns since when the delivery informs its customer, if it does. A report that came after the acceptance changes nothing
    /// if the acceptance was enough.
    #[must_use]
    pub fn informed_since(&self, known: &Known) -> Option<Timestamp> {
        let accepted = known.accepted_at.filter(|_| self.informed_at == Level::Relayed);
        self.informs(known).then(|| accepted.unwrap_or(known.at))
    }

    /// Returns true if the delivery may still inform its customer.
    fn waits(&self, known: &Known) -> bool {
        let until = known.at.as_millisecond().saturating_add(millis(self.report_wait));
        known.state.is_pending() || (known.state.informs() && self.now < from_millis(until))
    }

    /// Returns since when a customer is informed: by the first delivery that informs it, or by another way, at these times.
    #[must_use]
    pub fn customer_since(&self, deliveries: &[Known], told: &[Timestamp]) -> Option<Timestamp> {
        let of_row = |row: &[Known]| {
            let told = told.iter().copied().filter(|told_at| is_told(row, *told_at));
            row.iter().filter_map(|known| self.informed_since(known)).chain(told).min()
        };
        // Once the last row has informed it.
        let rows: Option<Vec<Timestamp>> = rows(deliveries).iter().map(|row| of_row(row)).collect();
        rows.and_then(|since| since.into_iter().max())
    }

    /// Returns the verdict for a customer in the audience, who was informed by another way at these times. Of a standing notice it is the
    /// worst one over the rows.
    #[must_use]
    pub fn verdict(&self, deliveries: &[Known], told: &[Timestamp]) -> Verdict {
        let of_row = |row: &Vec<Known>| self.row_verdict(row, told.iter().any(|told_at| is_told(row, *told_at)));
        Verdict::worst(rows(deliveries).iter().map(of_row)).unwrap_or(Verdict::CannotBe)
    }

    /// Returns the verdict over the deliveries of one row.
    fn row_verdict(&self, deliveries: &[Known], attested: bool) -> Verdict {
        if attested || deliveries.iter().any(|known| self.informs(known)) {
            Verdict::Informed
        } else if deliveries.iter().any(|known| self.waits(known)) {
            Verdict::Pending
        } else if deliveries.is_empty() {
            Verdict::CannotBe
        } else {
            Verdict::NotInformed
        }
    }
}

/// True if a row was added before a customer was informed by another way: nobody was told of what came later.
fn is_told(row: &[Known], told_at: Timestamp) -> bool {
    row.iter().all(|known| known.row.is_none_or(|row| row.added_at <= told_at))
}

/// The deliveries to a customer by the rows that they were added with; without rows all of them are one, even if there are none.
fn rows(deliveries: &[Known]) -> Vec<Vec<Known>> {
    let mut rows: BTreeMap<Option<u64>, Vec<Known>> = BTreeMap::new();
    for known in deliveries {
        rows.entry(known.row.map(|row| row.mark)).or_default().push(*known);
    }
    if rows.is_empty() { vec![Vec::new()] } else { rows.into_values().collect() }
}

/// The legal clock of a notice: since when it runs, and until when its customers must be informed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegalClock {
    /// When a breach was discovered.
    pub discovered_at: Option<Timestamp>,
    /// By when every customer must be informed, if the category has a deadline.
    pub deadline: Option<Timestamp>,
}

impl LegalClock {
    /// The clock of a notice that follows none: it starts at the discovery, or at the release if nothing was discovered. That of a
    /// notice that `follows` another starts at its release: customers were informed of the discovery by the first one.
    #[must_use]
    pub fn new(
        discovered_at: Option<Timestamp>,
        released_at: Option<Timestamp>,
        follows: bool,
        within: Option<Duration>,
    ) -> Self {
        let end = |start: Timestamp, within| from_millis(start.as_millisecond().saturating_add(millis(within)));
        let start = discovered_at.filter(|_| !follows).or(released_at);
        Self { discovered_at, deadline: start.zip(within).map(|(start, within)| end(start, within)) }
    }

    /// Returns true if a customer that is informed since then was informed too late.
    #[must_use]
    pub fn is_late(&self, since: Option<Timestamp>) -> bool {
        since.zip(self.deadline).is_some_and(|(since, deadline)| since > deadline)
    }

    /// Returns true if a customer with this verdict should have been informed by now.
    #[must_use]
    pub fn is_overdue(&self, verdict: Verdict, now: Timestamp) -> bool {
        let to_inform = matches!(verdict, Verdict::Pending | Verdict::NotInformed | Verdict::CannotBe);
        to_inform && self.deadline.is_some_and(|deadline| deadline < now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn known(state: State, level: Option<Level>) -> Known {
        Known { state, level, at: from_millis(0), accepted_at: None, row: None }
    }

    fn measure(informed_at: Level, hours: i64) -> Measure {
        Measure { informed_at, report_wait: 5 * HOUR, now: from_millis(hours * 3_600_000) }
    }

    #[test]
    fn one_accepted_address_informs_the_customer() {
        let measure = measure(Level::Relayed, 1000);
        let accepted = known(State::Accepted, Some(Level::Relayed));
        let of = |states: &[State]| -> Vec<Known> { states.iter().map(|state| known(*state, None)).collect() };
        assert_eq!(measure.verdict(&[of(&[State::Rejected])[0], accepted], &[]), Verdict::Informed);
        assert_eq!(measure.verdict(&of(&[State::Bounced, State::Deferred]), &[]), Verdict::Pending);
        assert_eq!(measure.verdict(&of(&[State::Uncertain]), &[]), Verdict::Pending);
        assert_eq!(measure.verdict(&of(&[State::Bounced]), &[]), Verdict::NotInformed);
        assert_eq!(measure.verdict(&[], &[]), Verdict::CannotBe);
        assert_eq!(measure.verdict(&[], &[from_millis(1)]), Verdict::Informed);
    }

    #[test]
    fn below_the_categorys_level_a_delivery_is_pending_for_a_while_and_then_does_not_inform() {
        let relayed = known(State::Accepted, Some(Level::Relayed));
        assert_eq!(measure(Level::AcceptedByMx, 4).verdict(&[relayed], &[]), Verdict::Pending);
        assert_eq!(measure(Level::AcceptedByMx, 5).verdict(&[relayed], &[]), Verdict::NotInformed);
        assert_eq!(measure(Level::AcceptedByMx, 5).verdict(&[relayed], &[from_millis(1)]), Verdict::Informed);
        let found = known(State::Delivered, Some(Level::OperatorFound));
        assert_eq!(measure(Level::AcceptedByMx, 5).verdict(&[found], &[]), Verdict::Informed);
        assert_eq!(measure(Level::DsnDelivered, 5).verdict(&[found], &[]), Verdict::NotInformed);
    }

    #[test]
    fn a_customer_is_informed_since_the_first_delivery_that_reached_the_level() {
        let hours = |hours: i64| from_millis(hours * 3_600_000);
        let accepted = Known { at: hours(2), ..known(State::Accepted, Some(Level::Relayed)) };
        let reported =
            Known { at: hours(80), accepted_at: Some(hours(3)), ..known(State::Delivered, Some(Level::DsnDelivered)) };
        assert_eq!(measure(Level::Relayed, 0).customer_since(&[reported], &[]), Some(hours(3)));
        assert_eq!(measure(Level::DsnDelivered, 0).customer_since(&[accepted, reported], &[]), Some(hours(80)));
        assert_eq!(measure(Level::Relayed, 0).customer_since(&[reported, accepted], &[hours(1)]), Some(hours(1)));
        let clock = LegalClock { discovered_at: None, deadline: Some(hours(72)) };
        assert!(clock.is_late(Some(hours(73))) && !clock.is_late(Some(hours(72))) && !clock.is_late(None));
    }

    #[test]
    fn each_row_of_a_standing_notice_informs_for_itself() {
        let hours = |hours: i64| from_millis(hours * 3_600_000);
        let row =
            |key: &str, at: i64, known: Known| Known { row: Some(RowMark::of(key, hours(at))), at: hours(at), ..known };
        let (accepted, bounced) = (known(State::Accepted, Some(Level::Relayed)), known(State::Bounced, None));
        let measure = measure(Level::Relayed, 9);
        let (first, second) = (row("F-1", 1, accepted), row("F-2", 5, bounced));
        assert_eq!(measure.verdict(&[first, second], &[]), Verdict::NotInformed);
        assert_eq!(measure.customer_since(&[first, second], &[]), None);
        assert_eq!(measure.verdict(&[first, second, row("F-2", 5, accepted)], &[]), Verdict::Informed);
        assert_eq!(measure.customer_since(&[first, row("F-2", 5, accepted)], &[]), Some(hours(5)));
        assert_eq!(measure.verdict(&[first, row("F-2", 5, known(State::Queued, None))], &[]), Verdict::Pending);
        // A call before the row was added told nobody of it.
        assert_eq!(measure.verdict(&[first, second], &[hours(4)]), Verdict::NotInformed);
        assert_eq!(measure.verdict(&[first, second], &[hours(6)]), Verdict::Informed);
    }

    #[test]
    fn over_several_notices_the_worst_verdict_counts() {
        let worst = Verdict::worst([Verdict::Informed, Verdict::NotInformed, Verdict::Pending]);
        assert_eq!(worst, Some(Verdict::NotInformed));
        assert_eq!(Verdict::worst([]), None);
    }

    #[test]
    fn the_legal_clock_starts_at_the_discovery() {
        let clock = LegalClock::new(Some(from_millis(0)), Some(from_millis(7_200_000)), false, Some(HOUR));
        assert_eq!(clock.deadline, Some(from_millis(3_600_000)));
        assert!(clock.is_overdue(Verdict::CannotBe, from_millis(3_600_001)));
        assert!(!clock.is_overdue(Verdict::Informed, from_millis(3_600_001)));
        assert!(!clock.is_overdue(Verdict::Pending, from_millis(3_600_000)));
        let released = LegalClock::new(None, Some(from_millis(7_200_000)), false, Some(HOUR));
        assert_eq!(released.deadline, Some(from_millis(10_800_000)));
        let follow_up = LegalClock::new(Some(from_millis(0)), Some(from_millis(7_200_000)), true, Some(HOUR));
        assert_eq!((follow_up.discovered_at, follow_up.deadline), (Some(from_millis(0)), released.deadline));
        assert_eq!(LegalClock::new(None, None, false, Some(HOUR)), LegalClock::default());
    }
}
