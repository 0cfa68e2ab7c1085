//! When a notice is sent: `[schedule]` of its file, the local time and the spread of its deliveries, and quiet hours.
//!
//! A local time that a zone skips in spring is as much later as the clock jumps there (02:30 becomes 03:30); of one that comes twice
//! in autumn the first is meant. That is how RFC 5545 section 3.3.5 reads such times, and most calendars.

pub mod series;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::category::Category;
use crate::domain::duration::parse_duration;
use crate::domain::front_matter::Reader;
use crate::domain::locale::ZoneName;
use crate::domain::reminder::{Before, Reminders};
use series::Series;

/// The longest time that a notice may be spread over.
const LONGEST_SPREAD: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// `[schedule]` of a notice file; without it a notice goes out at its release, which is immediate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// When to release it; without it, immediately.
    pub send_at: Option<Timestamp>,
    /// The local time at which each recipient gets it.
    pub send_at_local: Option<DateTime>,
    /// The time over which its deliveries are spread evenly.
    pub spread: Duration,
    /// The reminders of a maintenance; without it, those of the notice that it follows, or of its category.
    pub reminders: Option<Reminders>,
    /// Of which reminder it is the notice. The dispatcher alone sets it.
    pub reminder: Option<Before>,
    /// When the maintenance comes again.
    pub series: Option<Series>,
}

impl Schedule {
    /// Reads the table in the top table of a notice; what is wrong in it is recorded there.
    pub(super) fn read(top: &Reader<'_, '_>, category: Option<Category>) -> Self {
        let Some(table) = top.table("schedule") else { return Self::default() };
        let (send_at, send_at_local) = (table.time("send_at"), table.local_time("send_at_local"));
        if table.is_there("send_at") && table.is_there("send_at_local") {
            table.problem("send_at_local", "is not possible beside `send_at`: leave one of them out");
        }
        let spread = table.word("spread").and_then(|text| {
            let parsed = parse_duration(&text).and_then(|spread| match Duration::try_from(spread) {
                Ok(spread) if spread <= LONGEST_SPREAD => Ok(spread),
                Ok(_) => Err("is longer than 7 days".to_owned()),
                Err(_) => Err("must not be negative".to_owned()),
            });
            parsed.map_err(|problem| table.problem("spread", problem)).ok()
        });
        let none = table.is_empty("reminders").then(Vec::new);
        let reminders = none
            .or_else(|| table.words("reminders"))
            .and_then(|texts| Reminders::try_from(texts).map_err(|problem| table.problem("reminders", problem)).ok());
        if reminders.is_some() && category.is_some_and(|category| category != Category::Maintenance) {
            table.problem("reminders", "is possible only in a notice about maintenance");
        }
        let reminder = table
            .word("reminder")
            .and_then(|text| Before::parse(&text).map_err(|problem| table.problem("reminder", problem)).ok());
        let series = Series::read(&table, category);
        table.finish();
        Self { send_at, send_at_local, spread: spread.unwrap_or_default(), reminders, reminder, series }
    }

    /// The earliest time at which somebody in one of these zones gets the notice; `None` if it is to be released immediately.
    #[must_use]
    pub fn first<'a>(&self, zones: impl IntoIterator<Item = &'a TimeZone>) -> Option<Timestamp> {
        match self.send_at_local {
            Some(local) => zones.into_iter().map(|zone| instant(local, zone)).min(),
            None => self.send_at,
        }
    }
}

/// The instant of a local time in a zone.
#[must_use]
pub fn instant(local: DateTime, zone: &TimeZone) -> Timestamp {
    // The default of the library, `compatible`, is what the head of this file says. Out of range are only the first and the last day
    // of the calendar.
    let edge = if local.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
    zone.to_ambiguous_zoned_datetime(local).compatible().map_or(edge, |zoned| zoned.timestamp())
}

/// The hours of a day in which no mail of a category goes out, in the recipient's zone: from the first time of day to before the
/// second, over midnight if that is earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    from: Time,
    until: Time,
}

impl QuietHours {
    /// When the quiet hours end that a time is in; `None` if it is in none.
    #[must_use]
    pub fn end(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let local = zone.to_datetime(at);
        let (time, date) = (local.time(), local.date());
        let is_over_midnight = self.until < self.from;
        let is_quiet = if is_over_midnight {
            time >= self.from || time < self.until
        } else {
            time >= self.from && time < self.until
        };
        if !is_quiet {
            return None;
        }
        let end = if time < self.until { date } else { date.tomorrow().ok()? };
        // Where the clock is set back over the end, the end has come once already.
        Some(instant(end.to_datetime(self.until), zone)).filter(|end| *end > at)
    }

    /// How long the quiet hours that begin before an end have lasted at a time before it.
    fn since_begin(&self, at: Timestamp, zone: &TimeZone) -> SignedDuration {
        let local = zone.to_datetime(at);
        let date = if local.time() >= self.from { Some(local.date()) } else { local.date().yesterday().ok() };
        let begin = date.map_or(at, |date| instant(date.to_datetime(self.from), zone));
        at.duration_since(begin).max(SignedDuration::ZERO)
    }
}

impl FromStr for QuietHours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is not a range of the day such as `22:00-07:00`", text.escape_debug());
        let time = |text: &str| {
            let text = text.trim();
            let has_form = text.len() == 5 && text.as_bytes()[2] == b':';
            has_form.then(|| Time::strptime("%H:%M", text).ok()).flatten()
        };
        let (from, until) = text.split_once('-').ok_or_else(wrong)?;
        let (from, until) = (time(from).ok_or_else(wrong)?, time(until).ok_or_else(wrong)?);
        if from == until {
            return Err(format!("`{}` begins when it ends: nothing would ever be sent", text.escape_debug()));
        }
        Ok(Self { from, until })
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from.strftime("%H:%M"), self.until.strftime("%H:%M"))
    }
}

/// When the deliveries of a notice become due: fixed when its audience is frozen.
#[derive(Clone, Debug)]
pub struct Timing {
    /// The local time at which each recipient gets it.
    pub local: Option<DateTime>,
    /// The time over which the recipients of the release are spread.
    pub spread: Duration,
    /// The hours in which nothing is sent.
    pub quiet: Option<QuietHours>,
    /// The zone of recipients without one.
    pub default_zone: ZoneName,
}

impl Timing {
    /// The time before which a delivery is not sent, if it is later than `at`, when its notice is released. `ordinal` is its place
    /// among those that the spread is over; who is added later is not spread.
    #[must_use]
    pub fn not_before(&self, at: Timestamp, zone: Option<&ZoneName>, ordinal: Option<u64>) -> Option<Timestamp> {
        if self.local.is_none() && self.spread.is_zero() && self.quiet.is_none() {
            return None;
        }
        let zone = zone.unwrap_or(&self.default_zone).time_zone();
        let offset = self.spread.mul_f64(ordinal.map_or(0.0, fraction));
        let due = due((self.local, offset), self.quiet, at, &zone);
        (due > at).then_some(due)
    }
}

/// When the last of a notice that is released at a time goes out to recipients in a zone.
#[must_use]
pub fn latest(schedule: &Schedule, quiet: Option<QuietHours>, at: Timestamp, zone: &TimeZone) -> Timestamp {
    due((schedule.send_at_local, schedule.spread), quiet, at, zone)
}

/// When a notice that is released at a time goes out to a recipient in a zone whose place in the spread is so long after its beginning.
fn due(
    (local, offset): (Option<DateTime>, Duration),
    quiet: Option<QuietHours>,
    at: Timestamp,
    zone: &TimeZone,
) -> Timestamp {
    let awake = |at| quiet.and_then(|quiet| quiet.end(at, zone)).unwrap_or(at);
    let base = awake(local.map_or(at, |local| instant(local, zone).max(at)));
    let due = base.checked_add(offset).unwrap_or(Timestamp::MAX);
    // What the spread leads into the night goes on in the morning where it was, so that nothing comes in a heap.
    match quiet.and_then(|quiet| Some((quiet, quiet.end(due, zone)?))) {
        Some((quiet, end)) => awake(end.checked_add(quiet.since_begin(due, zone)).unwrap_or(Timestamp::MAX)),
        None => due,
    }
}

/// The place of an ordinal in a spread, from 0 to below 1: the van der Corput sequence. However many there are, they lie evenly, and
/// their number need not be known before the first is written. Neighbours, such as the persons of one customer, lie far apart.
#[expect(clippy::cast_precision_loss, reason = "a place to some parts in 2^53")]
fn fraction(ordinal: u64) -> f64 {
    ordinal.reverse_bits() as f64 / (u64::MAX as f64 + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn timing(local: Option<&str>, spread: u64, quiet: Option<&str>) -> Timing {
        Timing {
            local: local.map(|text| text.parse().unwrap()),
            spread: Duration::from_secs(spread),
            quiet: quiet.map(|text| text.parse().unwrap()),
            default_zone: "Europe/Stockholm".parse().unwrap(),
        }
    }

    #[test]
    fn a_local_time_is_another_instant_in_each_zone() {
        let timing = timing(Some("2026-12-01T09:00:00"), 0, None);
        let released = at("2026-11-30T19:00:00Z");
        for (zone, due) in [
            (None, "2026-12-01T08:00:00Z"),
            (Some("Asia/Tokyo"), "2026-12-01T00:00:00Z"),
            (Some("America/New_York"), "2026-12-01T14:00:00Z"),
        ] {
            let zone: Option<ZoneName> = zone.map(|zone| zone.parse().unwrap());
            assert_eq!(timing.not_before(released, zone.as_ref(), Some(0)), Some(at(due)));
        }
        let auckland = "Pacific/Auckland".parse().unwrap();
        let late = at("2026-12-01T07:00:00Z");
        assert_eq!(timing.not_before(late, Some(&auckland), Some(0)), None, "over there already: at once");
    }

    #[test]
    fn gaps_and_overlaps_of_a_zone_are_read_as_calendars_read_them() {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        for (local, wanted) in [
            ("2026-03-29T01:59:59", "2026-03-29T00:59:59Z"),
            ("2026-03-29T02:30:00", "2026-03-29T01:30:00Z"),
            ("2026-03-29T03:00:00", "2026-03-29T01:00:00Z"),
            ("2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),
            ("2026-10-25T03:00:00", "2026-10-25T02:00:00Z"),
        ] {
            assert_eq!(instant(local.parse().unwrap(), &zone), at(wanted), "{local}");
        }
        assert_eq!(
            instant("9999-12-31T23:59:59".parse().unwrap(), &TimeZone::get("Etc/GMT+12").unwrap()),
            Timestamp::MAX
        );
    }

    #[test]
    fn quiet_hours_end_in_the_morning_of_the_recipient() {
        let quiet: QuietHours = "22:00-07:00".parse().unwrap();
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        for (time, end) in [
            ("2026-12-01T20:59:59Z", None),
            ("2026-12-01T21:00:00Z", Some("2026-12-02T06:00:00Z")),
            ("2026-12-02T05:59:59Z", Some("2026-12-02T06:00:00Z")),
            ("2026-12-02T06:00:00Z", None),
            ("2026-03-29T00:30:00Z", Some("2026-03-29T05:00:00Z")),
            ("2026-10-25T00:30:00Z", Some("2026-10-25T06:00:00Z")),
        ] {
            assert_eq!(quiet.end(at(time), &zone), end.map(at), "{time}");
        }
        let noon: QuietHours = "12:00-13:00".parse().unwrap();
        assert_eq!(noon.end(at("2026-12-01T11:30:00Z"), &zone), Some(at("2026-12-01T12:00:00Z")));
        assert_eq!(noon.end(at("2026-12-01T10:30:00Z"), &zone), None);
        // At 03:00 the clock is set back to 02:00: whoever is awake at half past two stays awake.
        let short: QuietHours = "01:00-02:30".parse().unwrap();
        assert_eq!(short.end(at("2026-10-25T01:10:00Z"), &zone), None);
    }

    #[test]
    fn quiet_hours_are_read_as_they_are_written() {
        for text in ["22:00-07:00", "00:00-06:30"] {
            assert_eq!(text.parse::<QuietHours>().unwrap().to_string(), text);
        }
        for text in ["", "22-7", "22:00", "24:00-07:00", "22:00-07:60", "07:00-07:00", "22:00-7:000"] {
            assert!(text.parse::<QuietHours>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_spread_is_even_however_many_there_are() {
        let timing = timing(None, 7200, None);
        let released = at("2026-12-01T08:00:00Z");
        for count in [1_u64, 7, 100, 1000] {
            let mut quarters = [0_u64; 4];
            for ordinal in 0..count {
                let due = timing.not_before(released, None, Some(ordinal)).unwrap_or(released);
                let after = due.duration_since(released).as_secs();
                assert!((0..7200).contains(&after), "{after}");
                quarters[usize::try_from(after / 1800).unwrap()] += 1;
            }
            assert!(quarters.iter().max().unwrap() - quarters.iter().min().unwrap() <= 1, "{count}: {quarters:?}");
        }
        assert_eq!(timing.not_before(released, None, None), None, "who is added later waits for nothing");
    }

    #[test]
    fn a_spread_that_leads_into_the_night_goes_on_in_the_morning() {
        let timing = timing(None, 7200, Some("22:00-07:00"));
        // 21:00 to 23:00 in Stockholm: half of them are due in the evening, the others from 07:00 to 08:00.
        let released = at("2026-12-01T20:00:00Z");
        let due: Vec<_> =
            (0..100).map(|ordinal| timing.not_before(released, None, Some(ordinal)).unwrap_or(released)).collect();
        let evening = due.iter().filter(|due| **due < at("2026-12-01T21:00:00Z")).count();
        let morning = due.iter().filter(|due| (at("2026-12-02T06:00:00Z")..at("2026-12-02T07:00:00Z")).contains(*due));
        assert_eq!((evening, morning.count()), (50, 50));
        let night = at("2026-12-01T23:00:00Z");
        assert_eq!(timing.not_before(night, None, None), Some(at("2026-12-02T06:00:00Z")));
    }
}
