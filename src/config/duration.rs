//! Durations as people write them: `90s`, `5m`, `1h30m`, `5d`.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo, SpanRound, Unit};
use serde::{Deserialize, Deserializer, Serializer, de};

/// Parses `90s`, `5m`, `1h30m` or `5d`; `500ms` too. A day has 24 hours.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let span = text.parse::<Span>().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
    // The library's reasons name its formats, which help nobody.
    span.and_then(Duration::try_from)
        .map_err(|_| format!("`{}` is not a duration such as `90s`, `5m`, `1h30m` or `5d`", text.escape_debug()))
}

/// A duration as it is written in the configuration.
#[must_use]
pub fn format(duration: Duration) -> String {
    let in_days = SpanRound::new().largest(Unit::Day).days_are_24_hours();
    let span = Span::try_from(duration).and_then(|span| span.round(in_days));
    span.map_or_else(|_| format!("{duration:?}"), |span| format!("{span:#}"))
}

pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// A list of durations.
pub(super) mod list {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(durations: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(durations.iter().map(|duration| super::format(*duration)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| super::parse(text)).collect::<Result<_, _>>().map_err(de::Error::custom)
    }
}

/// A list of durations that may be left out.
pub(super) mod maybe_list {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(durations: &Option<Vec<Duration>>, serializer: S) -> Result<S::Ok, S::Error> {
        super::list::serialize(durations.as_deref().unwrap_or_default(), serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Duration>>, D::Error> {
        super::list::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_they_are_read() {
        for text in ["500ms", "20s", "5m", "1h", "5d", "1h 30m"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
        for (text, seconds) in [("90s", 90), ("1h30m", 5_400), ("36h", 129_600), ("0s", 0)] {
            let duration = parse(text).unwrap();
            assert_eq!(duration, Duration::from_secs(seconds), "{text}");
            assert_eq!(parse(&format(duration)), Ok(duration), "{text}");
        }
        for bad in ["", "5", "m", "5x", "1mo", "-1s", "1s ago", "99999999999999999d"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
