//! Retention: how long the persons in the record of a notice are stored, counted from the release, from the end of the
//! calendar year of the release, or from the end of the contract.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// The longest period: what is to be stored longer belongs in an archive.
const MAX_YEARS: i64 = 100;

/// A period of whole years or days, such as `7y` or `30d`. Years are calendar years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Period {
    /// Calendar years.
    Years(i64),
    /// Days of 24 hours each.
    Days(i64),
}

impl Period {
    /// The time one period after `time`. `zone` is the zone whose calendar counts.
    #[must_use]
    pub fn after(self, time: Timestamp, zone: &TimeZone) -> Timestamp {
        time.to_zoned_datetime(zone.clone()).saturating_add(self.span()).timestamp()
    }

    /// The time one period before `time`. `zone` is the zone whose calendar counts.
    #[must_use]
    pub fn before(self, time: Timestamp, zone: &TimeZone) -> Timestamp {
        time.to_zoned_datetime(zone.clone()).saturating_sub(self.span()).timestamp()
    }

    fn span(self) -> Span {
        match self {
            Self::Years(years) => Span::new().years(years),
            Self::Days(days) => Span::new().hours(24 * days),
        }
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is not a period such as `7y` or `30d`", text.escape_debug());
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: i64 = text[..digits].parse().map_err(|_| wrong())?;
        let (period, years) = match &text[digits..] {
            "y" => (Self::Years(number), number),
            "d" => (Self::Days(number), number / 365),
            _ => return Err(wrong()),
        };
        match number {
            0 => Err(format!("`{text}` stores nothing: the shortest period is `1d`")),
            _ if years > MAX_YEARS => Err(format!("`{text}` is longer than {MAX_YEARS} years")),
            _ => Ok(period),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Years(years) => write!(f, "{years}y"),
            Self::Days(days) => write!(f, "{days}d"),
        }
    }
}

/// The event from which a retention period counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// The release of the notice.
    Release,
    /// The end of the calendar year in which the notice was released, as accounting law counts.
    EndOfYear,
    /// The end of the contract: when the customer left. Until then the record is stored.
    ContractEnd,
}

/// How long the persons in the record of a notice are stored: `7y`, `end_of_year+7y` or `contract_end+3y`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Retention {
    /// The event from which the period counts.
    pub start: Start,
    /// The period.
    pub period: Period,
}

impl Retention {
    /// A period that counts from `start`.
    #[must_use]
    pub const fn new(start: Start, period: Period) -> Self {
        Self { start, period }
    }

    /// The time at which the record of a notice expires for one customer; `None` while that is unknown, because the period
    /// counts from the end of a contract that still runs.
    ///
    /// `contract_end` is the time at which the customer left, and `zone` the zone of the calendar.
    #[must_use]
    pub fn expires(
        self,
        released_at: Timestamp,
        contract_end: Option<Timestamp>,
        zone: &TimeZone,
    ) -> Option<Timestamp> {
        let start = match self.start {
            Start::Release => released_at,
            Start::EndOfYear => next_year(released_at, zone),
            // A former customer may be informed too.
            Start::ContractEnd => contract_end?.max(released_at),
        };
        Some(self.period.after(start, zone))
    }

    /// The limit that has passed by `now`: the record of what happened before it has expired. For [`Start::Release`] and
    /// [`Start::EndOfYear`] it is a limit of the release, for [`Start::ContractEnd`] one of both the release and the end of
    /// the contract.
    #[must_use]
    pub fn limit(self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        let before = self.period.before(now, zone);
        match self.start {
            Start::Release | Start::ContractEnd => before,
            Start::EndOfYear => first_of_year(before, zone),
        }
    }
}

/// The first moment of the year after that of `time`.
fn next_year(time: Timestamp, zone: &TimeZone) -> Timestamp {
    let first = first_of_year(time, zone).to_zoned_datetime(zone.clone());
    first.saturating_add(Span::new().years(1)).timestamp()
}

/// The first moment of the year of `time`.
fn first_of_year(time: Timestamp, zone: &TimeZone) -> Timestamp {
    let date = time.to_zoned_datetime(zone.clone()).date().first_of_year();
    date.to_zoned_datetime(zone.clone()).map_or(time, |zoned| zoned.timestamp())
}

impl FromStr for Retention {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (start, period) = match text.split_once('+') {
            None => (Start::Release, text),
            Some(("end_of_year", period)) => (Start::EndOfYear, period),
            Some(("contract_end", period)) => (Start::ContractEnd, period),
            Some((other, _)) => {
                let other = other.escape_debug();
                return Err(format!("`{other}` is not `end_of_year` or `contract_end`, from which a period can count"));
            }
        };
        let period = period
            .parse()
            .map_err(|problem| format!("{problem}; a retention is `7y`, `end_of_year+7y` or `contract_end+3y`"))?;
        Ok(Self { start, period })
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.start {
            Start::Release => {}
            Start::EndOfYear => f.write_str("end_of_year+")?,
            Start::ContractEnd => f.write_str("contract_end+")?,
        }
        self.period.fmt(f)
    }
}

/// Serde reads and writes the text form.
macro_rules! as_text {
    ($type:ident) => {
        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    };
}
as_text!(Period);
as_text!(Retention);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn retention(text: &str) -> Retention {
        text.parse().unwrap()
    }

    #[test]
    fn a_retention_is_written_as_it_is_read() {
        for text in ["7y", "2555d", "end_of_year+7y", "contract_end+3y", "end_of_year+90d"] {
            assert_eq!(retention(text).to_string(), text);
        }
    }

    #[test]
    fn zero_and_nonsense_are_refused() {
        for text in ["", "0d", "0y", "7", "y", "-1y", "7 y", "7m", "1d+7y", "end_of_year", "end_of_year+", "101y"] {
            assert!(text.parse::<Retention>().is_err(), "{text:?}");
        }
        assert!("0y".parse::<Retention>().unwrap_err().contains("shortest"));
    }

    #[test]
    fn the_period_counts_from_the_release() {
        let zone = TimeZone::UTC;
        let released = at("2026-11-24T10:00:00Z");
        assert_eq!(retention("7y").expires(released, None, &zone), Some(at("2033-11-24T10:00:00Z")));
        assert_eq!(retention("30d").expires(released, None, &zone), Some(at("2026-12-24T10:00:00Z")));
    }

    #[test]
    fn accounting_counts_from_the_end_of_the_year_in_the_zone_of_the_organisation() {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        let rule = retention("end_of_year+7y");
        assert_eq!(rule.expires(at("2026-01-02T10:00:00Z"), None, &zone), Some(at("2033-12-31T23:00:00Z")));
        // Half past midnight on New Year's Day in Stockholm.
        assert_eq!(rule.expires(at("2026-12-31T23:30:00Z"), None, &zone), Some(at("2034-12-31T23:00:00Z")));
    }

    #[test]
    fn a_contract_that_runs_stores_its_record() {
        let (zone, rule) = (TimeZone::UTC, retention("contract_end+3y"));
        let released = at("2026-11-24T10:00:00Z");
        assert_eq!(rule.expires(released, None, &zone), None);
        assert_eq!(rule.expires(released, Some(at("2027-01-01T00:00:00Z")), &zone), Some(at("2030-01-01T00:00:00Z")));
        // Informed after it had left.
        assert_eq!(rule.expires(released, Some(at("2026-01-01T00:00:00Z")), &zone), Some(at("2029-11-24T10:00:00Z")));
    }

    #[test]
    fn the_limit_is_where_the_record_expires() {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        for text in ["1y", "30d", "end_of_year+7y", "end_of_year+90d"] {
            let rule = retention(text);
            for released in ["2026-01-01T00:00:00Z", "2026-06-30T12:00:00Z", "2026-12-31T23:30:00Z"].map(at) {
                let expires = rule.expires(released, None, &zone).unwrap();
                let (second, just) = (jiff::SignedDuration::from_secs(1), jiff::SignedDuration::from_secs(-1));
                assert!(released < rule.limit(expires + second, &zone), "{text} {released}");
                assert!(released >= rule.limit(expires + just, &zone), "{text} {released}");
            }
        }
    }
}
