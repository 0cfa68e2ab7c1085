//! Reminders of a maintenance: how long before its window they are sent.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRound, Timestamp, Unit};
use serde::{Deserialize, Serialize};

use crate::domain::duration::parse_duration;
use crate::domain::words::words;

/// Reminders of one maintenance, at most.
const MOST: usize = 5;

/// The longest time before the window.
const EARLIEST: Duration = Duration::from_secs(60 * 24 * 60 * 60);

/// The shortest one: mail needs some minutes.
const LATEST: Duration = Duration::from_secs(5 * 60);

/// How late a reminder is still sent, after a dispatcher that was down.
const GRACE: SignedDuration = SignedDuration::from_mins(15);

/// How long before the window, such as `-24h` or `1 day`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Before(pub Duration);

impl Before {
    /// Reads `-24h`, `24h`, `1 day` or `1 dag`. The minus may be left out: a reminder is always before.
    ///
    /// # Errors
    /// If it is no such time, or too near to the window or too far from it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shown = text.escape_debug();
        let offset = parse_duration(&in_english(text));
        let offset = offset.map_err(|_| format!("`{shown}` is not a time such as `-24h`, `30m` or `7 days`"))?;
        let before = offset.unsigned_abs();
        if before < LATEST {
            return Err(format!("`{shown}` is less than 5 minutes before `window_start`"));
        }
        if before > EARLIEST {
            return Err(format!("`{shown}` is more than 60 days before `window_start`"));
        }
        Ok(Self(before))
    }

    /// The time before the window in milliseconds, as it is stored.
    #[must_use]
    pub fn millis(self) -> i64 {
        crate::domain::clock::millis(self.0)
    }

    /// When the reminder of a window is due.
    #[must_use]
    pub fn due(self, window_start: Timestamp) -> Timestamp {
        let before = SignedDuration::from_millis(self.millis());
        window_start.checked_sub(before).unwrap_or(Timestamp::MIN)
    }

    /// True if it comes too late at a time: the window has begun, or what the text says of the time left is not true any more.
    #[must_use]
    pub fn is_late(self, window_start: Timestamp, now: Timestamp) -> bool {
        let grace = GRACE.min(SignedDuration::from_millis(self.millis() / 2));
        now >= window_start || now.duration_since(self.due(window_start)) > grace
    }
}

/// Swedish units, and what they are called in English.
const SWEDISH: [(&str, &str); 9] = [
    ("veckor", "weeks"),
    ("vecka", "week"),
    ("dagar", "days"),
    ("dygn", "days"),
    ("dag", "day"),
    ("timmar", "hours"),
    ("timme", "hour"),
    ("minuter", "minutes"),
    ("minut", "minute"),
];

/// A time with its units in English: operators write reminders in the language of their console.
fn in_english(text: &str) -> String {
    let text = text.to_lowercase();
    let word = |word: &str| {
        let at = word.find(char::is_alphabetic).unwrap_or(word.len());
        let (number, unit) = word.split_at(at);
        let known = SWEDISH.iter().find(|(swedish, _)| *swedish == unit).map_or(unit, |(_, english)| english);
        format!("{number}{known}")
    };
    text.split_whitespace().filter(|it| *it != "och").map(word).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_hours = SpanRound::new().largest(Unit::Hour).smallest(Unit::Second);
        match Span::try_from(self.0).and_then(|span| span.round(in_hours)) {
            Ok(span) => write!(f, "-{}", format!("{span:#}").replace(' ', "")),
            Err(_) => write!(f, "-{:?}", self.0),
        }
    }
}

/// The reminders of a maintenance, the first to be sent first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Reminders(pub Vec<Before>);

impl TryFrom<Vec<String>> for Reminders {
    type Error = String;

    fn try_from(texts: Vec<String>) -> Result<Self, String> {
        let (mut all, mut problems) = (Vec::new(), Vec::new());
        for text in &texts {
            match Before::parse(text) {
                Ok(before) => all.push(before),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems.join("; "));
        }
        all.sort_by(|one, other| other.cmp(one));
        if let Some(twice) = all.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("names `{}` twice", twice[0]));
        }
        if all.len() > MOST {
            return Err(format!("names {} times: at most {MOST} reminders are sent", all.len()));
        }
        Ok(Self(all))
    }
}

impl From<Reminders> for Vec<String> {
    fn from(reminders: Reminders) -> Self {
        reminders.0.iter().map(Before::to_string).collect()
    }
}

/// How far a reminder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its time is still to come.
    Planned,
    /// Its notice was made.
    Made,
    /// Its window has begun, or its notice was cancelled: nothing of it is sent any more.
    Done,
    /// It is not made: the maintenance was moved, cancelled, started or done, or its time was missed.
    Dropped,
}

words!(State, "a state of a reminder", {
    Planned => "planned",
    Made => "made",
    Done => "done",
    Dropped => "dropped",
});

#[cfg(test)]
mod tests {
    use super::*;

    fn reminders(texts: &[&str]) -> Result<Reminders, String> {
        texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>().try_into()
    }

    #[test]
    fn reminders_are_before_the_window_and_each_once() {
        let read = reminders(&["-1h", "-7d", "-90m"]).unwrap();
        assert_eq!(Vec::<String>::from(read), ["-168h", "-1h30m", "-1h"]);
        let read = reminders(&["7 days", "1 dag", "2 timmar 30 minuter", "15m"]).unwrap();
        assert_eq!(Vec::<String>::from(read), ["-168h", "-24h", "-2h30m", "-15m"]);
        let wrong = reminders(&["soon", "7 days", "1m"]).unwrap_err();
        assert!(wrong.contains("`soon` is not a time") && wrong.contains("`1m` is less than"), "each one: {wrong}");
        for (texts, problem) in [
            (&["0s"][..], "less than 5 minutes"),
            (&["-1m"], "less than 5 minutes"),
            (&["1 day", "-24h"], "names `-24h` twice"),
            (&["-61d"], "more than 60 days"),
            (&["-1h", "-60m"], "names `-1h` twice"),
            (&["soon"], "not a time such as `-24h`"),
            (&["-1h", "-2h", "-3h", "-4h", "-5h", "-6h"], "at most 5"),
        ] {
            assert!(reminders(texts).unwrap_err().contains(problem), "{texts:?}: {:?}", reminders(texts));
        }
    }

    #[test]
    fn a_reminder_that_comes_late_is_none() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (start, day, minutes) =
            (at("2026-12-01T22:00:00Z"), Before::parse("-24h").unwrap(), Before::parse("-10m").unwrap());
        assert_eq!(day.due(start), at("2026-11-30T22:00:00Z"));
        assert!(!day.is_late(start, at("2026-11-30T22:15:00Z")) && day.is_late(start, at("2026-11-30T22:15:01Z")));
        assert!(
            !minutes.is_late(start, at("2026-12-01T21:55:00Z")) && minutes.is_late(start, at("2026-12-01T21:55:01Z"))
        );
        assert!(day.is_late(start, start));
    }
}
