//! The dates of the demo's notices, moved to the present: a notice must not announce what is over.

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};

/// The time at which the demo's notices are written.
const WRITTEN_AT: &str = "2026-11-24T10:00:00Z";

/// Returns a notice with its times and dates moved by the time between its writing and `now`: what happens within hours of the
/// writing by minutes, everything else by whole days.
pub fn dated(source: &str, now: Timestamp) -> String {
    let written: Timestamp = WRITTEN_AT.parse().expect("a time");
    let passed = now.duration_since(written);
    let moved = source.split_inclusive('\n').map(|line| {
        let Some((key, value)) = line.split_once(" = ") else { return line.to_owned() };
        match moved(value.trim_end(), written, passed) {
            Some(value) => format!("{key} = {value}\n"),
            None => line.to_owned(),
        }
    });
    moved.collect()
}

/// A TOML date or offset date-time, moved; `None` for any other value.
fn moved(value: &str, written: Timestamp, passed: SignedDuration) -> Option<String> {
    const STEP: i64 = 5 * 60;
    let days = SignedDuration::from_hours(passed.as_hours().div_euclid(24) * 24);
    if let Ok(time) = value.parse::<Timestamp>() {
        let near = time.duration_since(written).abs() < SignedDuration::from_hours(6);
        let by = if near { SignedDuration::from_secs(passed.as_secs().div_euclid(STEP) * STEP) } else { days };
        let (local, offset) = value.split_at_checked("2026-11-24T10:00:00".len())?;
        let local = local.parse::<DateTime>().ok()?.checked_add(by).ok()?;
        return Some(format!("{}{offset}", local.strftime("%Y-%m-%dT%H:%M:%S")));
    }
    let date = value.parse::<Date>().ok()?.checked_add(days).ok()?;
    Some(date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_move_by_days_and_what_is_near_by_minutes() {
        let source = "started_at = 2026-11-24T10:12:00+01:00\nwindow_start = 2026-12-14T22:00:00+01:00\n\
                      effective_date = 2027-02-01\nsubject = \"On 2026-11-24\"\n";
        let now = "2028-02-28T12:34:56Z".parse().unwrap();
        assert_eq!(
            dated(source, now),
            "started_at = 2028-02-28T12:42:00+01:00\nwindow_start = 2028-03-19T22:00:00+01:00\n\
             effective_date = 2028-05-07\nsubject = \"On 2026-11-24\"\n"
        );
        assert_eq!(dated(source, WRITTEN_AT.parse().unwrap()), source);
    }
}
