//! Series: a maintenance that comes again by a rule such as `monthly, first Tuesday 22:00`. A draft is made for each window ahead of
//! its time, and a person submits it: nothing is sent by a rule alone.
//!
//! The time of day is that of the organisation's zone. One that the zone skips in spring, or that comes twice in autumn, is read as
//! all local times of a schedule are.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::instant;
use crate::domain::audience::Audience;
use crate::domain::category::Category;
use crate::domain::fields::{Fields, Phase};
use crate::domain::front_matter::Reader;

/// Who makes the drafts, in their steps.
pub const MAKER: &str = "series";

/// Windows are looked for over so many years: a day that a calendar has is found in the first.
const YEARS: i32 = 8;

/// `every` and `until` of `[schedule]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// When its windows begin.
    pub every: Every,
    /// The last day on which one may begin.
    pub until: Option<Date>,
}

/// When the windows of a series begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every {
    rhythm: Rhythm,
    time: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rhythm {
    Daily,
    Weekly(Weekday),
    /// In each month, or in the first one of each quarter.
    Monthly(Months, Day),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Months {
    All,
    Quarters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    /// The first to the fourth such weekday, or the last one (-1).
    Nth(i8, Weekday),
    /// The first to the 28th day: every month has it.
    Of(i8),
    Last,
}

impl Series {
    /// Reads the keys in the table `[schedule]` of a notice; what is wrong is recorded there.
    pub(super) fn read(table: &Reader<'_, '_>, category: Option<Category>) -> Option<Self> {
        let until = table.date("until");
        if table.is_there("until") && !table.is_there("every") {
            table.problem("until", "has no effect without `every`");
        }
        let text = table.word("every")?;
        if category.is_some_and(|category| category != Category::Maintenance) {
            table.problem("every", "is possible only in a notice about maintenance");
        }
        match Every::parse(&text) {
            Ok(every) => Some(Self { every, until }),
            Err(problems) => {
                problems.into_iter().for_each(|problem| table.problem("every", problem));
                None
            }
        }
    }

    /// Records what of a notice cannot come again.
    pub(in crate::domain) fn check(top: &Reader<'_, '_>, fields: Option<&Fields>, audience: Option<&(Audience, bool)>) {
        let Some(table) = top.table("schedule").filter(|table| table.is_there("every")) else { return };
        if top.is_there("follows") && !top.is_blank("follows") {
            table.problem("every", "is possible only in the first notice of a matter: leave out `follows`, or this");
        }
        match fields {
            Some(Fields::Maintenance(it)) if it.phase != Phase::Announced => {
                table.problem("every", "is possible only with the phase `announced`");
            }
            _ => {}
        }
        match audience {
            Some((Audience::Rows { .. }, _)) => {
                table.problem("every", "is not possible with an audience file: its rows may be others the next time");
            }
            Some((_, true)) => {
                table.problem("every", "is not possible with an audience that is `open`: a draft has no recipients");
            }
            _ => {}
        }
    }

    /// The start of the first window after a time; `None` if the series is over.
    #[must_use]
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let next = self.every.next(after, zone)?;
        let is_over = self.until.is_some_and(|until| zone.to_datetime(next).date() > until);
        (!is_over).then_some(next)
    }
}

impl Every {
    /// Reads a rule: the rhythm, its day, and a time of day.
    ///
    /// # Errors
    /// All problems.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let lower = text.replace(',', " ").to_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let mut problems = Vec::new();
        let (time, words) = match words.split_last() {
            Some((last, words)) if last.contains(':') => (time(last), words),
            _ => (Err("has no time of day such as `22:00` at its end".to_owned()), words.as_slice()),
        };
        let time = time.map_err(|problem| problems.push(problem)).ok();
        let rhythm = rhythm(words).map_err(|problem| problems.push(problem)).ok();
        match (rhythm, time) {
            (Some(rhythm), Some(time)) => Ok(Self { rhythm, time }),
            _ => Err(problems),
        }
    }

    /// The start of the first window after a time; `None` beyond the last year of the calendar.
    #[must_use]
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut day = zone.to_datetime(after).date();
        let end = day.checked_add(YEARS.years()).unwrap_or(Date::MAX);
        while day <= end {
            if self.rhythm.is_on(day) {
                let start = instant(day.to_datetime(self.time), zone);
                if start > after {
                    return Some(start);
                }
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// True if a window that begins at a time is one of the series.
    #[must_use]
    pub fn has(&self, start: Timestamp, zone: &TimeZone) -> bool {
        let before = start.checked_sub(SignedDuration::from_millis(1)).unwrap_or(start);
        self.next(before, zone) == Some(start)
    }
}

impl Rhythm {
    fn is_on(self, day: Date) -> bool {
        match self {
            Self::Daily => true,
            Self::Weekly(weekday) => day.weekday() == weekday,
            Self::Monthly(Months::Quarters, _) if (day.month() - 1) % 3 != 0 => false,
            Self::Monthly(_, Day::Of(number)) => day.day() == number,
            Self::Monthly(_, Day::Last) => day == day.last_of_month(),
            Self::Monthly(_, Day::Nth(nth, weekday)) => {
                day.nth_weekday_of_month(nth, weekday).is_ok_and(|nth| nth == day)
            }
        }
    }
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("Monday", Weekday::Monday),
    ("Tuesday", Weekday::Tuesday),
    ("Wednesday", Weekday::Wednesday),
    ("Thursday", Weekday::Thursday),
    ("Friday", Weekday::Friday),
    ("Saturday", Weekday::Saturday),
    ("Sunday", Weekday::Sunday),
];

const ORDINALS: [(&str, i8); 5] = [("first", 1), ("second", 2), ("third", 3), ("fourth", 4), ("last", -1)];

/// Reads the rhythm and its day.
fn rhythm(words: &[&str]) -> Result<Rhythm, String> {
    match words {
        ["daily"] => Ok(Rhythm::Daily),
        ["daily", ..] => Err("names a day: `daily` has none".to_owned()),
        ["weekly", name] => weekday(name).map(Rhythm::Weekly),
        ["weekly", ..] => Err("needs one weekday, such as `weekly, Tuesday 22:00`".to_owned()),
        ["monthly", day @ ..] => month_day(day).map(|day| Rhythm::Monthly(Months::All, day)),
        ["quarterly", day @ ..] => month_day(day).map(|day| Rhythm::Monthly(Months::Quarters, day)),
        [other, ..] => Err(format!("`{}` is none of `daily`, `weekly`, `monthly`, `quarterly`", other.escape_debug())),
        [] => Err("has no rhythm: write `daily`, `weekly`, `monthly` or `quarterly` first".to_owned()),
    }
}

/// Reads the day of a month.
fn month_day(words: &[&str]) -> Result<Day, String> {
    match words {
        ["last", "day"] => Ok(Day::Last),
        ["day", number] => match number.parse() {
            Ok(number @ 1..=28) => Ok(Day::Of(number)),
            Ok(29..=31) => Err(format!("`day {number}` is not in every month: write `last day`")),
            _ => Err(format!("`day {}` is not a day of a month", number.escape_debug())),
        },
        ["fifth", _] => Err("not every month has a `fifth` one: write `last`".to_owned()),
        [nth, name] => {
            let ordinal = ORDINALS.iter().find(|(word, _)| word == nth).map(|(_, number)| *number);
            let unknown = format!("`{}` is none of `first`, `second`, `third`, `fourth`, `last`", nth.escape_debug());
            match (ordinal.ok_or(unknown), weekday(name)) {
                (Ok(ordinal), Ok(weekday)) => Ok(Day::Nth(ordinal, weekday)),
                (Err(one), Err(other)) => Err(format!("{one}; {other}")),
                (Err(problem), _) | (_, Err(problem)) => Err(problem),
            }
        }
        _ => Err("needs a day, such as `first Tuesday`, `last Friday`, `day 15` or `last day`".to_owned()),
    }
}

fn weekday(name: &str) -> Result<Weekday, String> {
    let found = WEEKDAYS.iter().find(|(word, _)| word.eq_ignore_ascii_case(name));
    found.map(|(_, weekday)| *weekday).ok_or_else(|| format!("`{}` is not a weekday", name.escape_debug()))
}

fn time(text: &str) -> Result<Time, String> {
    let time = (text.len() == 5).then(|| Time::strptime("%H:%M", text).ok()).flatten();
    time.ok_or_else(|| format!("`{}` is not a time of day such as `22:00`", text.escape_debug()))
}

impl FromStr for Every {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|problems| problems.join("; "))
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |weekday| WEEKDAYS.iter().find(|(_, it)| *it == weekday).map_or("", |(name, _)| *name);
        match self.rhythm {
            Rhythm::Daily => write!(f, "daily")?,
            Rhythm::Weekly(weekday) => write!(f, "weekly, {}", name(weekday))?,
            Rhythm::Monthly(months, day) => {
                write!(f, "{}, ", if months == Months::All { "monthly" } else { "quarterly" })?;
                match day {
                    Day::Last => write!(f, "last day")?,
                    Day::Of(number) => write!(f, "day {number}")?,
                    Day::Nth(nth, weekday) => {
                        let ordinal = ORDINALS.iter().find(|(_, it)| *it == nth).map_or("", |(word, _)| *word);
                        write!(f, "{ordinal} {}", name(weekday))?;
                    }
                }
            }
        }
        write!(f, " {}", self.time.strftime("%H:%M"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn each_rule_has_its_windows() {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        for (rule, after, starts) in [
            ("monthly, first Tuesday 22:00", "2026-12-01T21:00:00Z", ["2027-01-05T21:00:00Z", "2027-02-02T21:00:00Z"]),
            ("Monthly, Last Friday 01:30", "2026-12-01T21:00:00Z", ["2026-12-25T00:30:00Z", "2027-01-29T00:30:00Z"]),
            ("monthly, day 15 22:00", "2026-12-15T21:00:00Z", ["2027-01-15T21:00:00Z", "2027-02-15T21:00:00Z"]),
            ("monthly, last day 22:00", "2027-01-31T21:00:00Z", ["2027-02-28T21:00:00Z", "2027-03-31T20:00:00Z"]),
            ("quarterly, first Sunday 02:00", "2026-11-24T10:00:00Z", ["2027-01-03T01:00:00Z", "2027-04-04T00:00:00Z"]),
            ("weekly, Tuesday 22:00", "2026-12-01T20:59:59Z", ["2026-12-01T21:00:00Z", "2026-12-08T21:00:00Z"]),
            // At 02:00 the clock is set to 03:00; at 03:00 back to 02:00.
            ("daily 02:30", "2027-03-27T02:00:00Z", ["2027-03-28T01:30:00Z", "2027-03-29T00:30:00Z"]),
            ("daily, 02:30", "2027-10-30T01:00:00Z", ["2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"]),
        ] {
            let every = Every::parse(rule).unwrap();
            let next = every.next(at(after), &zone).unwrap();
            assert_eq!([next, every.next(next, &zone).unwrap()], starts.map(at), "{rule}");
            assert!(every.has(next, &zone) && !every.has(at("2026-12-02T12:00:00Z"), &zone), "{rule}");
            assert_eq!(every.to_string().parse::<Every>().unwrap(), every, "{every}");
        }
        assert_eq!(Every::parse("MONTHLY first tuesday 22:00").unwrap().to_string(), "monthly, first Tuesday 22:00");
    }

    #[test]
    fn a_series_ends_with_its_last_day() {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        let until = Some("2027-01-05".parse().unwrap());
        let series = Series { every: "monthly, first Tuesday 22:00".parse().unwrap(), until };
        assert_eq!(series.next(at("2026-12-01T21:00:00Z"), &zone), Some(at("2027-01-05T21:00:00Z")));
        assert_eq!(series.next(at("2027-01-05T21:00:00Z"), &zone), None);
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        for (text, wanted) in [
            ("", &["has no time of day", "has no rhythm"][..]),
            ("monthly, first Tuesday", &["has no time of day"]),
            ("yearly, first Tuesday 25:00", &["`25:00` is not a time of day", "`yearly` is none of `daily`"]),
            (
                "monthly, fist Tusday 22:0",
                &["`22:0` is not a time", "`fist` is none of `first`", "`tusday` is not a weekday"],
            ),
            ("monthly, fifth Tuesday 22:00", &["write `last`"]),
            ("monthly, day 31 22:00", &["write `last day`"]),
            ("monthly, day 0 22:00", &["`day 0` is not a day of a month"]),
            ("monthly 22:00", &["needs a day, such as `first Tuesday`"]),
            ("weekly 22:00", &["needs one weekday"]),
            ("weekly, Tuesday and Thursday 22:00", &["needs one weekday"]),
            ("daily, Tuesday 22:00", &["`daily` has none"]),
        ] {
            let problems = Every::parse(text).unwrap_err().join("\n");
            assert!(wanted.iter().all(|wanted| problems.contains(wanted)), "{text}: {problems}");
        }
    }
}
