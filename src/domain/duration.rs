//! Durations in notices, as people write them.

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// Parses `90s`, `5m`, `1h30m` or `5d`, also with a minus before it. A day has 24 hours.
///
/// # Errors
/// If it is none, with what to write.
pub fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let span = text.trim().parse::<Span>().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
    span.map_err(|_| format!("`{}` is not a duration such as `90s`, `5m`, `1h30m` or `5d`", text.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_may_be_negative_and_a_day_has_24_hours() {
        for (text, seconds) in [("90s", 90), ("1h30m", 5_400), ("5d", 432_000), ("-24h", -86_400), (" 2h ", 7_200)] {
            assert_eq!(parse_duration(text), Ok(SignedDuration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "soon", "1mo"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
