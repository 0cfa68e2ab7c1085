//! Times that come twice: where the clock is set back, an hour of the night is there again, and a field for a local time does not say
//! which of the two is meant. A choice beside it does.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::filled::Filled;
use crate::domain::schedule::instant;

/// The name of the choice that belongs to the field of a time: which offset it has, if it comes twice.
#[must_use]
pub fn choice(field: &str) -> String {
    format!("{field}.offset")
}

/// A date with a time, as browsers send it, and as it is typed where they have no control for it.
#[must_use]
pub fn civil(text: &str) -> Option<DateTime> {
    let text = text.trim().replacen(' ', "T", 1);
    (text.len() >= "2026-12-01T22:00".len()).then(|| text.parse().ok()).flatten()
}

/// The offsets of a local time that comes twice in a zone, the earlier time first.
#[must_use]
pub fn offsets(at: DateTime, zone: &TimeZone) -> Option<[Offset; 2]> {
    match zone.to_ambiguous_timestamp(at).offset() {
        AmbiguousOffset::Fold { before, after } => Some([before, after]),
        _ => None,
    }
}

/// The instant of a local time of a form in its zone: of one that comes twice the one that is chosen, else the first.
#[must_use]
pub fn at(filled: &Filled, field: &str, local: DateTime, zone: &TimeZone) -> Timestamp {
    let chosen = filled.get(&choice(field));
    let offset = offsets(local, zone).into_iter().flatten().find(|it| written(*it) == chosen);
    offset.and_then(|it| it.to_timestamp(local).ok()).unwrap_or_else(|| instant(local, zone))
}

/// The choice of a stored time: `None` if it comes once.
#[must_use]
pub fn chosen(at: Timestamp, zone: &TimeZone) -> Option<String> {
    offsets(zone.to_datetime(at), zone).map(|_| written(zone.to_offset(at)))
}

/// An offset, such as `+02:00`.
#[must_use]
pub fn written(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_time_that_comes_twice_the_chosen_one_is_meant() {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        let local: DateTime = "2026-10-25T02:30".parse().unwrap();
        for (offset, wanted) in [
            ("", "2026-10-25T00:30:00Z"),
            ("+02:00", "2026-10-25T00:30:00Z"),
            ("+01:00", "2026-10-25T01:30:00Z"),
            ("+05:00", "2026-10-25T00:30:00Z"),
        ] {
            let filled: Filled = [("send_at.offset", offset)].into_iter().collect();
            let wanted: Timestamp = wanted.parse().unwrap();
            assert_eq!(at(&filled, "send_at", local, &zone), wanted, "{offset}");
            if offset.starts_with("+0") && offset < "+03" {
                assert_eq!(chosen(wanted, &zone).as_deref(), Some(offset));
            }
        }
        let once: DateTime = "2026-10-25T03:00".parse().unwrap();
        let filled: Filled = [("send_at.offset", "+02:00")].into_iter().collect();
        assert_eq!(at(&filled, "send_at", once, &zone), "2026-10-25T02:00:00Z".parse().unwrap());
        assert_eq!(chosen("2026-10-25T02:00:00Z".parse().unwrap(), &zone), None);
    }
}
