//! A report that was written for people, as lines: the report itself, and the returned message that often stands below it.

use crate::inbound::reader::mime::headers::Headers;
use crate::inbound::reader::phrases::{LAYOUT, fold};

/// The text of a report, divided.
#[derive(Debug, Default)]
pub struct Human {
    /// What the server says.
    pub report: String,
    /// What stands below the line that announces the returned message, or below its first header.
    pub returned: String,
}

/// Headers that a returned message begins with, and that no sentence of a report looks like.
const STRONG: &[&str] = &[
    "received",
    "return-path",
    "message-id",
    "from",
    "date",
    "mime-version",
    "content-type",
    "delivered-to",
    "dkim-signature",
    "received-spf",
    "authentication-results",
    "arc-seal",
];

/// How many lines and bytes are looked at. What is longer is hardly a report.
const MOST: usize = 3_000;

/// See [`MOST`].
const MOST_BYTES: usize = 300_000;

/// Divides a text.
#[must_use]
pub fn divide(text: &str) -> Human {
    let mut at = 0;
    let mut starts = Vec::new();
    for line in near(text).split_inclusive('\n').take(MOST) {
        starts.push((at, line.trim_end()));
        at += line.len();
    }
    let cut = (0..starts.len()).find(|index| begins_message(&starts[*index..]) || announces(&starts, *index));
    let Some(cut) = cut else { return Human { report: text[..at].to_owned(), returned: String::new() } };
    let (place, line) = starts[cut];
    let returned = &text[place..];
    let quoted = line.starts_with('>');
    let returned = if quoted { returned.lines().map(unquoted).collect() } else { returned.to_owned() };
    Human { report: text[..place].to_owned(), returned }
}

fn near(text: &str) -> &str {
    let mut end = text.len().min(MOST_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A line without the mark of a quotation, and with its end.
fn unquoted(line: &str) -> String {
    let line = line.strip_prefix('>').unwrap_or(line);
    format!("{}\n", line.strip_prefix(' ').unwrap_or(line))
}

/// True for a line that announces the returned message, if headers or nothing of the report follow.
fn announces(lines: &[(usize, &str)], index: usize) -> bool {
    let (_, line) = lines[index];
    if line.trim().is_empty() || line.len() > 200 || !LAYOUT.has(LAYOUT.search(&fold(line)), "returned") {
        return false;
    }
    let below = &lines[index + 1..];
    let begins = |line: &&str| !line.trim().is_empty() && !line.starts_with([' ', '\t']);
    let next: Vec<&str> = below.iter().map(|(_, line)| *line).take(60).filter(begins).take(4).collect();
    // "The original message was received at ..." is a sentence; a rule, or headers right below it, make it a heading.
    let ruled = line.contains("---") || line.contains("===") || line.contains("***") || line.contains("|--");
    let heads = next.iter().filter(|line| header_name(line).is_some()).count();
    ruled && line.len() < 100 || heads >= 2 || heads >= 1 && next.len() <= 2 || next.is_empty() && index > 0
}

/// True if the lines begin with the headers of a message: three of them, two of which no sentence looks like.
fn begins_message(lines: &[(usize, &str)]) -> bool {
    let mut names = 0;
    let mut strong = 0;
    for (_, line) in lines.iter().take(60) {
        if line.starts_with([' ', '\t']) && names > 0 {
            continue;
        }
        let Some(name) = header_name(line) else { break };
        names += 1;
        strong += usize::from(STRONG.contains(&name.as_str()) || name.starts_with("x-"));
        if names >= 3 && strong >= 2 {
            return true;
        }
    }
    false
}

/// The name of a header, in lower case. A label of two words is none.
fn header_name(line: &str) -> Option<String> {
    // Some servers quote what they return.
    let (name, rest) = line.trim_start_matches(['>', '|']).trim_start_matches(' ').split_once(':')?;
    let is_name =
        (2..40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_name && !rest.starts_with("//")).then(|| name.to_ascii_lowercase())
}

impl Human {
    /// The headers of the returned message.
    #[must_use]
    pub fn headers(&self, most: usize) -> Headers<'_> {
        let mut rest = self.returned.as_str();
        // Below the line that announces it, up to the first header.
        for _ in 0..12 {
            let Some((line, below)) = rest.split_once('\n') else { return Headers::default() };
            if header_name(line).is_some() {
                return Headers::of(rest.as_bytes(), most);
            }
            rest = below;
        }
        Headers::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_returned_message_is_cut_off() {
        for (text, report) in [
            ("no\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <a@x.example>\nFrom: b\n", "no\n\n"),
            ("no\nMessage headers follow.\n\nSubject: a\nTo: b\n", "no\n"),
            ("no\n\nReceived: from a\n\tby b\nFrom: c\nTo: d\n\nhello", "no\n\n"),
            ("The original message was received at noon\nfrom x.example\n\n<a@x.example>\n", ""),
            ("Your message\n\n  To: a@x.example\n  Subject: b\n\ndid not arrive\n", ""),
        ] {
            let human = divide(text);
            assert_eq!(human.report, if report.is_empty() { text } else { report }, "{text}");
        }
        let human = divide("no\n\n----- Original message -----\n\nX-A: 1\nTo: a@x.example\n\nhello");
        assert_eq!(human.headers(1_000).get("to").as_deref(), Some("a@x.example"));
    }
}
