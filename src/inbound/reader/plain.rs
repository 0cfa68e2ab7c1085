//! Recipients in a report that was written for people: qmail, Exim, Sendmail, Exchange, Notes and many more.
//!
//! No format is known by its name. An address counts by how it stands in its line (first in it, behind a label such as
//! `Recipient:` or `RCPT TO:`, before the three dots of a transcript) and by whether a line announced it; the best ones are
//! taken. What stands behind an address, up to the next one, is its diagnostic.

use std::ops::Range;

use crate::inbound::reader::address;
use crate::inbound::reader::phrases::{LAYOUT, fold};

/// A recipient that a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The address.
    pub address: String,
    /// The lines about it, as a place in the text: from its own to the next recipient's.
    pub section: Range<usize>,
    /// How surely it is a recipient; 3 and more is sure.
    pub score: i8,
}

/// The addresses of a text.
#[derive(Debug, Default)]
pub struct Names {
    /// The recipients, in their order.
    pub recipients: Vec<Named>,
    /// Addresses that led to a recipient: aliases, lists.
    pub aliases: Vec<String>,
}

/// An address in a text.
struct Sighting {
    address: String,
    line: usize,
    score: i8,
}

/// Least score of an address that is taken for a recipient without further evidence.
pub const SURE: i8 = 3;

/// How many addresses are looked at: a report has no more recipients than the bounds allow, and each may be named thrice.
const MOST: usize = 4_000;

/// Finds the recipients. `strangers` are addresses that are none unless nothing else is found: the sender's, ours.
#[must_use]
pub fn names(report: &str, strangers: &[&str]) -> Names {
    let lines = lines(report);
    let anchor = lines.iter().position(|(_, line)| LAYOUT.has(LAYOUT.search(&fold(line)), "anchor"));
    let mut names = Names::default();
    let mut sightings: Vec<Sighting> = Vec::new();
    for (index, (_, line)) in lines.iter().enumerate() {
        for range in address::find(near(line)).into_iter().take(MOST.saturating_sub(sightings.len())) {
            let before = tail(&line[..range.start]);
            match weigh(before, &line[range.end..], last_words(&lines, index)) {
                Weight::Alias => names.aliases.push(line[range].to_owned()),
                Weight::Score(score) => {
                    let score = score + anchored(score, anchor, index);
                    sightings.push(Sighting { address: line[range].to_owned(), line: index, score });
                }
            }
        }
    }
    demote(&mut sightings, strangers);
    names.recipients = best(&sightings, &lines, report.len());
    names
}

/// The lines with their places. A line that ends in the middle of an announcement is not joined: labels stand alone.
fn lines(report: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    let place = |line: &'_ str| {
        let start = at;
        at += line.len();
        start
    };
    let starts: Vec<usize> = report.split_inclusive('\n').map(place).collect();
    report.split_inclusive('\n').zip(starts).map(|(line, start)| (start, line.trim_end())).collect()
}

/// The part of a line that is looked at: no recipient stands farther off.
fn near(line: &str) -> &str {
    let mut end = line.len().min(4_000);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

/// The last part of what stands before an address, which is all that a label needs.
fn tail(before: &str) -> &str {
    let mut from = before.len().saturating_sub(80);
    while !before.is_char_boundary(from) {
        from += 1;
    }
    &before[from..]
}

/// The line above, if it has words.
fn last_words<'a>(lines: &[(usize, &'a str)], index: usize) -> &'a str {
    lines[..index].iter().rev().take(3).map(|(_, line)| line.trim()).find(|line| !line.is_empty()).unwrap_or_default()
}

enum Weight {
    Score(i8),
    Alias,
}

/// How an address stands in its line.
fn weigh(before: &str, after: &str, above: &str) -> Weight {
    let opened =
        before.trim_end_matches(['<', '"', '\'', '(', '[', '（', '【', '「', '『', '“', '‘', '«', ' ', '\t', '`']);
    let label = fold(opened);
    let bare_label = label.trim_end_matches([':', '：', '=', ' ']);
    let (label, bare_label) = (LAYOUT.at_end(&label), LAYOUT.at_end(bare_label));
    let is = |group| LAYOUT.has(label, group) || LAYOUT.has(bare_label, group);
    if is("alias-label") {
        return Weight::Alias;
    }
    if after.trim_start_matches('>').starts_with("...") {
        return Weight::Score(4);
    }
    let bare = opened.trim_matches(|c: char| c.is_whitespace() || "*•-–·>|#+=:;.0123456789)".contains(c));
    if bare.is_empty() {
        return Weight::Score(if LAYOUT.has(LAYOUT.at_end(&fold(above)), "sender-line") { -2 } else { leads(after) });
    }
    let labelled = opened.ends_with([':', '：', '=']);
    if is("recipient-label") {
        Weight::Score(if labelled { 4 } else { 3 })
    } else if is("sender-label") {
        Weight::Score(-2)
    } else if is("to-label") {
        Weight::Score(2)
    } else {
        Weight::Score(1)
    }
}

/// The score of an address that comes first in its line: a sentence that begins with one is less sure than a lone one.
fn leads(after: &str) -> i8 {
    let after = after.trim_start_matches(['>', '"', '\'', ')', ']']).trim_start();
    let alone = after.is_empty()
        || after.starts_with([':', '(', ',', ';', '<', '-', '[', '/', '|', '#', '=', '.', '>', '：', '（']);
    if alone { 4 } else { 3 }
}

/// More for what follows the line that announces recipients, less for what stands before it.
fn anchored(score: i8, anchor: Option<usize>, index: usize) -> i8 {
    match anchor {
        Some(anchor) if score >= SURE && index >= anchor && index - anchor <= 60 => 1,
        Some(anchor) if index < anchor && score == 2 => -1,
        _ => 0,
    }
}

/// Lowers the score of addresses that are no recipients as long as there is another.
fn demote(sightings: &mut [Sighting], strangers: &[&str]) {
    for sighting in sightings {
        let local = sighting.address.split('@').next().unwrap_or_default().to_ascii_lowercase();
        let is_daemon = matches!(local.as_str(), "mailer-daemon" | "postmaster" | "abuse" | "helpdesk" | "hostmaster");
        if is_daemon || strangers.iter().any(|stranger| address::same(stranger, &sighting.address)) {
            sighting.score = sighting.score.min(2) - 1;
        }
    }
}

/// The addresses with the best score, each once, with the lines up to the next.
fn best(sightings: &[Sighting], lines: &[(usize, &str)], end: usize) -> Vec<Named> {
    let Some(most) = sightings.iter().map(|sighting| sighting.score).max().filter(|most| *most > -2) else {
        return Vec::new();
    };
    let mut seen = std::collections::HashSet::new();
    let taken: Vec<&Sighting> =
        sightings.iter().filter(|one| one.score == most && seen.insert(one.address.to_lowercase())).collect();
    let section = |index: usize, sighting: &Sighting| {
        let next = taken[index + 1..].iter().find(|next| next.line > sighting.line);
        lines[sighting.line].0..next.map_or(end, |next| lines[next.line].0)
    };
    let named = |(index, sighting): (usize, &&Sighting)| Named {
        address: sighting.address.clone(),
        section: section(index, sighting),
        score: sighting.score,
    };
    taken.iter().enumerate().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        names(text, &["me@us.example"])
            .recipients
            .into_iter()
            .filter(|one| one.score >= SURE)
            .map(|one| one.address)
            .collect()
    }

    #[test]
    fn recipients_are_found_by_how_they_stand() {
        let two = ["a@x.example", "b@x.example"];
        for text in [
            "Hi. This is the program at x.example.\n\n<a@x.example>:\nno such user c@x.example\n\n<b@x.example>:\nno",
            "did not reach the following recipient(s):\n\na@x.example on Thu, 29 Apr\n    unknown\nb@x.example on Thu, 29 Apr\n    unknown",
            "a@x.example: 550 5.2.2 <a@x.example>... full\nb@x.example: 550 no",
            "550 x (smtp)... 550 Host unknown\n554 <a@x.example>... 550 Host unknown\n554 <b@x.example>... 550 no\n250 Deferred",
            "Recipient: <a@x.example>\nReason: no\nRecipient: <b@x.example>\nReason: no\nContact: help@x.example",
            "Your message to\n\n  * a@x.example\n  * b@x.example\n\ncould not be delivered. For help, contact postmaster@x.example",
        ] {
            assert_eq!(found(text), two, "{text}");
        }
    }

    #[test]
    fn senders_and_aliases_are_no_recipients() {
        let text = "A message sent by\n\n  <s@y.example>\n\ncould not be delivered. The following address(es) failed:\n\n  a@x.example\n    (generated from list@x.example)\n    Unrouteable address";
        assert_eq!(found(text), ["a@x.example"]);
        assert_eq!(names(text, &[]).aliases, ["list@x.example"]);
        let text = "Your message\n\n  To: me@us.example\n  Subject: b\n\ndid not reach the following recipient(s):\n\na@x.example on Thu";
        assert_eq!(found(text), ["a@x.example"]);
        assert_eq!(
            found("There was a problem delivering your message to a@x.example. Ask admin@x.example."),
            ["a@x.example"]
        );
        assert_eq!(found("Unknown user: a@x.example\n\n"), ["a@x.example"]);
        assert!(found("Regards, s@y.example").is_empty());
    }
}
