//! Content lines of iCalendar (RFC 5545): how texts, times and addresses are written, and where lines are folded.
//!
//! The values of a line differ between recipients: each line is put together and folded by itself, so that a mould can hold the
//! others as they are sent.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a calendar program is asked to do with an entry (RFC 5546).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// To show it.
    Publish,
    /// To put it into the calendar of the recipient, who is invited.
    Request,
    /// To cancel it.
    Cancel,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Publish => "PUBLISH",
            Self::Request => "REQUEST",
            Self::Cancel => "CANCEL",
        })
    }
}

/// Octets of a line without its end (RFC 5545 section 3.1).
const WIDTH: usize = 75;

/// Appends text as a value of the type TEXT (section 3.3.11). Line breaks stay as `\n`; other control characters become blanks.
pub fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => {}
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
}

/// Folds a line: each of its parts has at most 75 octets, and all but the first begin with a blank. No character is parted. The parts
/// end in LF, but the last in nothing.
#[must_use]
pub fn folded(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + line.len() / 32);
    let mut width = 0;
    for c in line.chars() {
        if width + c.len_utf8() > WIDTH {
            out.push_str("\n ");
            width = 1;
        }
        out.push(c);
        width += c.len_utf8();
    }
    out
}

/// A time in UTC (section 3.3.5): `20261201T210000Z`. A fraction of a second is cut off.
#[must_use]
pub fn time(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// What stands for itself in a `mailto:` address: what an address commonly has, but nothing that has a meaning in a URI.
const NOT_IN_ADDRESSES: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'+').remove(b'@');

/// A person: the property's name with its parameters, the common name among them unless that is blank, and the address.
#[must_use]
pub fn person(property: &str, name: &str, address: &str) -> String {
    // No quotation mark can stand in a quoted value, nor can a control character.
    let name: String = name.chars().map(|c| if c == '"' { '\'' } else { c }).filter(|c| !c.is_control()).collect();
    let name = if name.trim().is_empty() { String::new() } else { format!(";CN=\"{}\"", name.trim()) };
    format!("{property}{name}:mailto:{}", utf8_percent_encode(address, NOT_IN_ADDRESSES))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a text back.
    fn unescaped(value: &str) -> String {
        let mut chars = value.chars();
        let mut out = String::new();
        while let Some(c) = chars.next() {
            match (c, c == '\\') {
                (_, true) => out.extend(chars.next().map(|c| if c == 'n' { '\n' } else { c })),
                (c, false) => out.push(c),
            }
        }
        out
    }

    proptest! {
        #[test]
        fn any_text_is_folded_within_the_limit_and_read_back(text in "[a-z ,;\\\\:\n\"åß😀]{0,300}") {
            let mut line = "SUMMARY:".to_owned();
            escape(&text, &mut line);
            let folded = folded(&line);
            prop_assert!(folded.split('\n').all(|part| part.len() <= WIDTH), "{folded}");
            let unfolded = folded.replace("\n ", "");
            prop_assert_eq!(unescaped(unfolded.strip_prefix("SUMMARY:").unwrap()), text);
        }
    }

    #[test]
    fn times_are_in_utc_and_persons_can_be_read() {
        assert_eq!(time("2026-12-01T22:00:00.5+01:00".parse().unwrap()), "20261201T210000Z");
        assert_eq!(person("ORGANIZER", "", "a@example.com"), "ORGANIZER:mailto:a@example.com");
        assert_eq!(
            person("ATTENDEE;RSVP=FALSE", " Bo \"B\" Ek, CTO\r\n", "b+x?y@example.com"),
            "ATTENDEE;RSVP=FALSE;CN=\"Bo 'B' Ek, CTO\":mailto:b+x%3Fy@example.com"
        );
    }
}
