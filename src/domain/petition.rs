//! Petitions: what a person asks of us under GDPR Art. 15 to 21. Each is answered within one month of its receipt, or within three, if
//! the person is told so and why within the first one (Art. 12(3)).

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::Serialize;

use crate::domain::words::words;

/// What a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PetitionKind {
    /// What is stored about them (Art. 15).
    Access,
    /// That it is corrected (Art. 16).
    Rectification,
    /// That it is deleted (Art. 17).
    Erasure,
    /// That it is stored and not used (Art. 18).
    Restriction,
    /// A copy for another service (Art. 20).
    Portability,
    /// That it is not used for a purpose (Art. 21).
    Objection,
}

words!(PetitionKind, "a kind of petition", {
    Access => "access",
    Rectification => "rectification",
    Erasure => "erasure",
    Restriction => "restriction",
    Portability => "portability",
    Objection => "objection",
});

/// How a petition was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It was done.
    Done,
    /// It was refused, and the person was told why (Art. 12(4)).
    Refused,
    /// The person withdrew it.
    Withdrawn,
}

words!(Answer, "an answer", {
    Done => "done",
    Refused => "refused",
    Withdrawn => "withdrawn",
});

/// By when a petition must be answered: the end of the day one month after its receipt, or three if it was extended. A month without such
/// a day ends with its last one (Regulation 1182/71, Art. 3(2)(c)).
#[must_use]
pub fn due_at(received_at: Timestamp, zone: &TimeZone, extended: bool) -> Timestamp {
    let months = if extended { 3 } else { 1 };
    let day = received_at.to_zoned_datetime(zone.clone()).date();
    let last = day.saturating_add(Span::new().months(months));
    let end = last.saturating_add(Span::new().days(1)).to_zoned_datetime(zone.clone());
    end.map_or(received_at, |end| end.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_with_the_day_of_the_same_number_or_the_last_one() {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        for (received, extended, due) in [
            ("2026-11-24T10:00:00Z", false, "2026-12-24T23:00:00Z"),
            ("2026-11-24T23:30:00Z", false, "2026-12-25T23:00:00Z"),
            ("2027-01-31T10:00:00Z", false, "2027-02-28T23:00:00Z"),
            ("2027-01-31T10:00:00Z", true, "2027-04-30T22:00:00Z"),
        ] {
            assert_eq!(due_at(received.parse().unwrap(), &zone, extended).to_string(), due, "{received}");
        }
    }
}
