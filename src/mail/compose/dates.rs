//! Times as people read them: in the contact's zone and in UTC, in the contact's language.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use crate::domain::locale::ZoneName;
use crate::domain::words::capitalised;
use crate::mail::locale::Language;

/// Writes times for the contacts of one language and zone.
pub struct Dates {
    language: &'static Language,
    zone: TimeZone,
    zone_name: String,
    is_utc: bool,
}

/// The en dash between two times of a day, and between two days.
const DASH: &str = "\u{2013}";

impl Dates {
    /// Writes times in a language and a zone.
    pub fn new(language: &'static Language, zone: &ZoneName) -> Self {
        let is_utc = matches!(zone.as_str(), "UTC" | "Etc/UTC" | "Etc/UCT" | "Etc/Universal" | "Etc/Zulu");
        Self { language, zone: zone.time_zone(), zone_name: zone.as_str().replace('_', " "), is_utc }
    }

    /// `1 December 2026`.
    pub fn date(&self, date: Date) -> String {
        let (day, year) = (date.day().to_string(), date.year().to_string());
        self.language.with("date", &[("day", &day), ("month", &self.month(date)), ("year", &year)])
    }

    /// `Tuesday 1 December 2026`.
    pub fn long_date(&self, date: Date) -> String {
        let (day, year) = (date.day().to_string(), date.year().to_string());
        let weekday = self.language.text(&format!("weekday-{}", date.weekday().to_monday_one_offset()));
        let parts = [("weekday", weekday.as_str()), ("day", &day), ("month", &self.month(date)), ("year", &year)];
        self.language.with("date-long", &parts)
    }

    /// A short moment for a subject: `1 December 2026, 22:00`, with `UTC` if that is the contact's zone.
    pub fn short(&self, time: Timestamp) -> String {
        let local = time.to_zoned_datetime(self.zone.clone());
        let short = self.at(&self.date(local.date()), &local);
        if self.is_utc { format!("{short} UTC") } else { short }
    }

    /// The same with the zone: `1 December 2026, 22:00 (Europe/Stockholm, UTC+1)`.
    pub fn short_with_zone(&self, time: Timestamp) -> String {
        let local = time.to_zoned_datetime(self.zone.clone());
        format!("{} ({})", self.at(&self.date(local.date()), &local), self.zone_note(&local))
    }

    /// A moment: a line in the contact's zone, and one in UTC if that differs.
    pub fn moment(&self, time: Timestamp) -> Vec<String> {
        self.moment_within(time).iter().map(|line| capitalised(line)).collect()
    }

    /// Like [`moment`](Self::moment), for the middle of a sentence.
    pub fn moment_within(&self, time: Timestamp) -> Vec<String> {
        let (local, utc) = self.both(time);
        let mut lines =
            vec![format!("{} ({})", self.at(&self.long_date(local.date()), &local), self.zone_note(&local))];
        if local.offset().seconds() != 0 {
            lines.push(if local.date() == utc.date() {
                format!("{} UTC", clock(&utc))
            } else {
                format!("{} UTC", self.at(&self.date(utc.date()), &utc))
            });
        }
        lines
    }

    /// A window: a line in the contact's zone, one in UTC if that differs, and one if the clocks change within it.
    pub fn window(&self, start: Timestamp, end: Timestamp) -> Vec<String> {
        let ((start, utc_start), (end, utc_end)) = (self.both(start), self.both(end));
        let same_offset = start.offset() == end.offset();
        let mut lines = Vec::new();
        if same_offset {
            let days = |date| self.long_date(date);
            lines.push(format!("{} ({})", self.span(&start, &end, days), self.zone_note(&start)));
        } else {
            let side =
                |time: &ZonedDateTime| format!("{} ({})", self.at(&self.long_date(time.date()), time), offset_of(time));
            lines.push(format!("{} {DASH} {}, {}", side(&start), side(&end), self.zone_name));
        }
        if !same_offset || start.offset().seconds() != 0 {
            let days_are_shown = start.date() == utc_start.date() && end.date() == utc_end.date();
            lines.push(if days_are_shown && start.date() == end.date() {
                format!("{}{DASH}{} UTC", clock(&utc_start), clock(&utc_end))
            } else {
                format!("{} UTC", self.span(&utc_start, &utc_end, |date| self.date(date)))
            });
        }
        if !same_offset {
            lines.push(self.language.text("clocks-change"));
        }
        lines.iter().map(|line| capitalised(line)).collect()
    }

    /// The time from one moment to another: `1 day 4 hours`, `45 minutes`.
    pub fn duration(&self, start: Timestamp, end: Timestamp) -> String {
        let minutes = end.duration_since(start).as_secs() / 60;
        let parts = [("days", minutes / 1440), ("hours", minutes / 60 % 24), ("minutes", minutes % 60)];
        let counts: Vec<String> =
            parts.iter().filter(|part| part.1 > 0).map(|(key, count)| self.language.count(key, *count)).collect();
        if counts.is_empty() { self.language.count("minutes", minutes.max(1)) } else { counts.join(" ") }
    }

    fn both(&self, time: Timestamp) -> (ZonedDateTime, ZonedDateTime) {
        (time.to_zoned_datetime(self.zone.clone()), time.to_zoned_datetime(TimeZone::UTC))
    }

    fn month(&self, date: Date) -> String {
        self.language.text(&format!("month-{}", date.month()))
    }

    fn at(&self, date: &str, time: &ZonedDateTime) -> String {
        self.language.with("date-and-time", &[("date", date), ("time", &clock(time))])
    }

    fn span(&self, start: &ZonedDateTime, end: &ZonedDateTime, day: impl Fn(Date) -> String) -> String {
        let first = self.at(&day(start.date()), start);
        if start.date() == end.date() {
            format!("{first}{DASH}{}", clock(end))
        } else {
            format!("{first} {DASH} {}", self.at(&day(end.date()), end))
        }
    }

    /// `UTC`, or `Europe/Stockholm, UTC+1`.
    fn zone_note(&self, time: &ZonedDateTime) -> String {
        if self.is_utc { "UTC".to_owned() } else { format!("{}, {}", self.zone_name, offset_of(time)) }
    }
}

fn clock(time: &ZonedDateTime) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// `UTC+1`, `UTC+5:30`, with a true minus sign to the west.
fn offset_of(time: &ZonedDateTime) -> String {
    let seconds = time.offset().seconds();
    let sign = if seconds < 0 { "\u{2212}" } else { "+" };
    let minutes = seconds.unsigned_abs() / 60;
    match (minutes / 60, minutes % 60) {
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(locale: &str, zone: &str) -> Dates {
        Dates::new(Language::of(&locale.parse().unwrap()), &zone.parse().unwrap())
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_shows_the_zone_and_utc() {
        let (start, end) = (time("2026-12-01T21:00:00Z"), time("2026-12-01T22:30:00Z"));
        assert_eq!(
            dates("en", "Europe/Stockholm").window(start, end),
            ["Tuesday 1 December 2026, 22:00–23:30 (Europe/Stockholm, UTC+1)", "21:00–22:30 UTC"]
        );
        assert_eq!(
            dates("sv", "Asia/Kolkata").window(start, end),
            ["Onsdag 2 december 2026 kl. 02:30–04:00 (Asia/Kolkata, UTC+5:30)", "1 december 2026 kl. 21:00–22:30 UTC"]
        );
        assert_eq!(dates("en", "UTC").window(start, end), ["Tuesday 1 December 2026, 21:00–22:30 (UTC)"]);
        assert_eq!(dates("en", "Europe/Stockholm").duration(start, end), "1 hour 30 minutes");
    }

    #[test]
    fn a_window_over_midnight_shows_both_days() {
        assert_eq!(
            dates("en", "America/New_York").window(time("2026-12-02T03:00:00Z"), time("2026-12-02T07:00:00Z")),
            [
                "Tuesday 1 December 2026, 22:00 – Wednesday 2 December 2026, 02:00 (America/New York, UTC−5)",
                "2 December 2026, 03:00–07:00 UTC"
            ]
        );
    }

    #[test]
    fn a_window_over_the_change_of_clocks_shows_both_offsets() {
        assert_eq!(
            dates("en", "Europe/Stockholm").window(time("2026-10-24T22:00:00Z"), time("2026-10-25T03:00:00Z")),
            [
                "Sunday 25 October 2026, 00:00 (UTC+2) – Sunday 25 October 2026, 04:00 (UTC+1), Europe/Stockholm",
                "24 October 2026, 22:00 – 25 October 2026, 03:00 UTC",
                "The clocks change during this time."
            ]
        );
        let london = dates("en", "Europe/London");
        assert_eq!(london.window(time("2026-10-24T22:00:00Z"), time("2026-10-25T03:00:00Z")).len(), 3);
        assert_eq!(london.moment(time("2026-12-01T22:00:00Z")).len(), 1);
    }
}
