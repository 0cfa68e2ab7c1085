//! Addresses in text that was written for people.

use std::borrow::Cow;
use std::ops::Range;

use crate::domain::address::AddressKey;

/// Characters of a local part without quotes (RFC 5321 section 4.1.2), less those that only stand around addresses.
fn is_local(c: char) -> bool {
    c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c)
}

fn is_domain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// A character of an address that is not ASCII (RFC 6531). Only between brackets or blanks is it known from the text
/// around the address.
fn is_wide(c: char) -> bool {
    !c.is_ascii() && c.is_alphanumeric()
}

/// Longest address (RFC 5321 section 4.5.3.1), in bytes, with room for what is not ASCII.
const LONGEST: usize = 400;

/// The places of the addresses in a line.
#[must_use]
pub fn find(line: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for at in memchr::memchr_iter(b'@', line.as_bytes()) {
        let free = found.last().map_or(0, |last| last.end);
        if at < free {
            continue;
        }
        if let Some(range) = around(line, at, free) {
            found.push(range);
        }
    }
    found
}

/// The address around an `@`, not beginning before `free`.
fn around(line: &str, at: usize, free: usize) -> Option<Range<usize>> {
    let mut from = at.saturating_sub(LONGEST).max(free);
    while !line.is_char_boundary(from) {
        from += 1;
    }
    let before = &line[from..at];
    let after = &line[at + 1..];
    let local = local_part(before);
    let domain = domain(after);
    let (local, domain) = match between_marks(before, after) {
        Some(whole) if whole.0 > local || whole.1 > domain => whole,
        _ => (local, domain),
    };
    let has_dot = after[..domain].contains('.') || after[domain..].starts_with('>');
    let letters = after[..domain].contains(|c: char| c.is_alphabetic());
    (local > 0 && domain > 0 && has_dot && letters).then(|| at - local..at + 1 + domain)
}

/// The length of the local part at the end of a text.
fn local_part(before: &str) -> usize {
    if let Some(quoted) = before.strip_suffix('"') {
        return quoted.rfind('"').map_or(0, |start| before.len() - start);
    }
    let start = before.rfind(|c: char| !is_local(c)).map_or(0, |last| last + char_length(before, last));
    let local = &before[start..];
    // Of an X.400 address: `dda:SMTP=user`.
    let local = match local.get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("smtp=") => &local[5..],
        _ => local,
    };
    local.trim_start_matches(['.', '*', '\'', '`', '-', '=', '#', '|', '{', '/', '&', '?', '!']).len()
}

fn char_length(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(1, char::len_utf8)
}

/// The length of the domain at the beginning of a text.
fn domain(after: &str) -> usize {
    if after.starts_with('[') {
        return after.find(']').filter(|end| *end < 60).map_or(0, |end| end + 1);
    }
    let end = after.find(|c: char| !is_domain(c)).unwrap_or(after.len()).min(255);
    let mut domain = &after[..end];
    // `x@example.jp...` and `x@example.jp.` end with the sentence.
    if let Some(dots) = domain.find("..") {
        domain = &domain[..dots];
    }
    domain.trim_end_matches(['.', '-', '_']).len()
}

/// The lengths before and after the `@` if the address has letters that are not ASCII and stands between brackets or blanks.
fn between_marks(before: &str, after: &str) -> Option<(usize, usize)> {
    let start = before.rfind(|c: char| !is_local(c) && !is_wide(c)).map_or(0, |last| last + char_length(before, last));
    let end = after.find(|c: char| !is_domain(c) && !is_wide(c)).unwrap_or(after.len()).min(LONGEST);
    let end = (0..=end).rev().find(|end| after.is_char_boundary(*end))?;
    let (local, domain) = (&before[start..], after[..end].trim_end_matches(['.', '-']));
    let left = before[..start].chars().next_back();
    let right = after[domain.len()..].chars().next();
    let bracketed = left == Some('<') && right == Some('>');
    let alone =
        left.is_none_or(char::is_whitespace) && right.is_none_or(|c| c.is_whitespace() || matches!(c, ':' | ',' | '.'));
    let latin = |c: char| !c.is_ascii() && c < '\u{0250}';
    let likely = bracketed || alone && local.chars().chain(domain.chars()).all(|c| c.is_ascii() || latin(c));
    let wide = !local.is_ascii() || !domain.is_ascii();
    (wide && likely && !local.is_empty()).then_some((local.len(), domain.len()))
}

/// True if two texts are spellings of one address: but for case, in another normal form, with the domain in letters or in ASCII
/// (RFC 5890), or with a local part in quotes that needs none.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    // Spellings that differ by more than case have one of these.
    let is_odd = |text: &str| !text.is_ascii() || text.contains('"') || text.contains("xn--");
    let by_key = || (is_odd(one) || is_odd(other)) && key(one).is_some_and(|one| key(other) == Some(one));
    one == other || one.to_lowercase() == other.to_lowercase() || by_key()
}

/// The key of an address that a server wrote.
#[must_use]
pub fn key(text: &str) -> Option<AddressKey> {
    AddressKey::of(&unquoted(text))
}

/// An address whose local part stands in quotes (RFC 5321 section 4.1.2), without them.
fn unquoted(text: &str) -> Cow<'_, str> {
    let quoted = text.rsplit_once('@').and_then(|(local, domain)| {
        let inside = local.strip_prefix('"')?.strip_suffix('"')?;
        Some((inside, domain))
    });
    let Some((inside, domain)) = quoted else { return text.into() };
    let mut local = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        local.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    format!("{local}@{domain}").into()
}

/// The first address in a text, such as a header's value.
#[must_use]
pub fn first(text: &str) -> Option<&str> {
    // What stands in brackets is the address, what stands before is a name, which may have an `@` too.
    if let Some(start) = text.rfind('<')
        && let Some(end) = text[start..].find('>')
        && let inside = text[start + 1..start + end].trim()
        && inside.contains('@')
        && !inside.contains(char::is_whitespace)
    {
        return Some(inside);
    }
    find(text).into_iter().next().map(|range| &text[range])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Vec<&str> {
        find(line).into_iter().map(|range| &line[range]).collect()
    }

    #[test]
    fn addresses_are_found_in_any_text() {
        assert_eq!(found("<a.b+c@x.example>... User unknown, cc d@y.example."), ["a.b+c@x.example", "d@y.example"]);
        assert_eq!(found("rfc822;a@x.example##mailto:b@x.example"), ["a@x.example", "b@x.example"]);
        assert_eq!(
            found("收件人地址（wang@kehu.example）不存在 收件人li@kehu.example的"),
            ["wang@kehu.example", "li@kehu.example"]
        );
        assert_eq!(found("<åsa@skärgården.example> åsa@x.example: no"), ["åsa@skärgården.example", "åsa@x.example"]);
        assert_eq!(found("'a@x.example' \"b c\"@x.example d@[192.0.2.1] root@localhost <root@localhost>").len(), 3);
        assert_eq!(found("a @ b, @, x@, @y.example, 1@2.3"), Vec::<&str>::new());
    }

    #[test]
    fn spellings_of_one_address_are_the_same() {
        for (one, other) in [
            ("Anna@X.example", "anna@x.example"),
            ("anna@sk\u{e4}rg\u{e5}rden.example", "anna@xn--skrgrden-1zam.example"),
            ("\u{e5}sa@x.example", "a\u{30a}SA@X.example"),
            ("\"anna.berg\"@x.example", "anna.berg@x.example"),
            ("\"an\\na\"@x.example", "anna@x.example"),
            ("\"anna berg\"@x.example", "\"Anna Berg\"@x.example"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("anna@x.example", "anna@y.example"),
            ("anna@x.example", "anna+b@x.example"),
            ("\"anna berg\"@x.example", "annaberg@x.example"),
            ("asa@x.example", "\u{e5}sa@x.example"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn the_address_of_a_header_stands_in_its_brackets() {
        assert_eq!(first("\"a@b.example\" <c@d.example>"), Some("c@d.example"));
        assert_eq!(first("c@d.example (Eve)"), Some("c@d.example"));
        assert_eq!(first("MAILER-DAEMON"), None);
    }
}
