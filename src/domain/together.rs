//! Words that belong together on a line: a citation, or a number and its unit. Whoever breaks a text into lines asks here.

use std::borrow::Cow;

/// Words before a number: "Article 6(1)", "kap. 3", "§ 9", "SEK 100".
const BEFORE: &[&str] = &[
    "article",
    "articles",
    "art.",
    "artikel",
    "artiklarna",
    "section",
    "sections",
    "chapter",
    "kapitel",
    "kap.",
    "recital",
    "skäl",
    "paragraph",
    "point",
    "punkt",
    "led",
    "bilaga",
    "annex",
    "no.",
    "nr",
    "nr.",
    "kl.",
    "version",
    "sek",
    "eur",
    "usd",
    "gbp",
    "nok",
    "dkk",
    "chf",
    "€",
    "$",
    "£",
    "§",
    "§§",
];

/// Words after a number: "72 hours", "9 §", "3 kap.", "100 kr".
const AFTER: &[&str] = &[
    "§", "§§", "kap.", "st.", "%", "‰", "kr", "kronor", "öre", "sek", "eur", "usd", "gbp", "nok", "dkk", "chf", "€",
    "$", "£", "euro", "ms", "s", "min", "h", "tim", "seconds", "minutes", "minute", "hours", "hour", "days", "day",
    "weeks", "months", "years", "sekunder", "minuter", "minut", "timmar", "timme", "dagar", "dag", "veckor", "månader",
    "år", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib", "kbit/s", "mbit/s", "gbit/s", "w", "kw", "mw", "kwh",
    "v", "°c", "mm", "cm", "m", "km", "utc", "cet", "cest",
];

/// Returns true if a line must not end between two words that a blank separates.
#[must_use]
pub fn belong_together(first: &str, second: &str) -> bool {
    let first = first.trim_start_matches(|c: char| !c.is_alphanumeric() && !is_sign(c));
    let second = second.trim_end_matches([',', ';', ':', '!', '?', '"', '”', '»']);
    let is_in = |list: &[&str], word: &str| list.contains(&word.to_lowercase().as_str());
    // "(b)" belongs to the number or the word of the citation before it.
    if is_letter_or_number_in_brackets(second) {
        return ends_with_number(first) || is_in(BEFORE, first);
    }
    if is_in(BEFORE, first) && second.starts_with(|c: char| c.is_ascii_digit()) {
        return true;
    }
    // "6.1 f" of a Swedish citation.
    if is_paragraph(first) && is_letter(second.trim_end_matches(['.', ')'])) {
        return true;
    }
    if !is_number(first) {
        return false;
    }
    // A sentence or a bracket may end after the unit.
    let unit = second.trim_end_matches(')');
    let groups = unit.split([',', '.']).next().unwrap_or_default();
    let is_group = groups.len() == 3 && groups.bytes().all(|byte| byte.is_ascii_digit());
    is_group || is_in(AFTER, unit) || is_in(AFTER, unit.trim_end_matches('.'))
}

const fn is_sign(c: char) -> bool {
    matches!(c, '§' | '€' | '$' | '£' | '-' | '+' | '−')
}

/// A number as people write it: `72`, `1,500.00`, `-3`, `22:00`, `6(1)` is none.
fn is_number(word: &str) -> bool {
    let digits = word.trim_start_matches(['-', '+', '−', '€', '$', '£']);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | ':' | '–' | '-'))
}

/// A number, with its own brackets if it has any: `6`, `6(1)`, `33.1`.
fn ends_with_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) && word.ends_with(|c: char| c.is_ascii_digit() || c == ')')
}

/// A number of an article and its paragraph: `6.1`, `33.4`.
fn is_paragraph(word: &str) -> bool {
    let is_short = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    word.split_once('.').is_some_and(|(article, paragraph)| is_short(article) && is_short(paragraph))
}

fn is_letter(word: &str) -> bool {
    word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// The widest that words which belong together may be, in characters: a row of numbers would else be one line.
pub const WIDEST: usize = 40;

/// A text in which blanks between words that belong together are no-break spaces.
#[must_use]
pub fn bound(text: &str) -> Cow<'_, str> {
    // Nothing belongs together without a number: most names and values have none.
    if !text.contains(' ') || !text.contains(|c: char| c.is_ascii_digit()) {
        return Cow::Borrowed(text);
    }
    let mut bound = String::with_capacity(text.len() + 4);
    let (mut last, mut width) = ("", 0);
    for (place, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        let joins = place > 0 && width + length < WIDEST && belong_together(last, word);
        if place > 0 {
            bound.push(if joins { '\u{a0}' } else { ' ' });
        }
        bound.push_str(word);
        (last, width) = (word, if joins { width + 1 + length } else { length });
    }
    Cow::Owned(bound)
}

/// `(b)`, `(1)`, `(iv)`, and several of them; what ends a sentence or a bracket around it may follow.
fn is_letter_or_number_in_brackets(word: &str) -> bool {
    let word = word.trim_end_matches('.');
    let mut parts = word.strip_prefix('(').into_iter().flat_map(|rest| rest.split('(')).peekable();
    parts.peek().is_some()
        && parts.all(|part| {
            let inner = part.trim_end_matches(')');
            inner.len() < part.len()
                && (1..=4).contains(&inner.len())
                && (inner.bytes().all(|byte| byte.is_ascii_digit())
                    || inner.len() == 1 && inner.bytes().all(|byte| byte.is_ascii_lowercase())
                    || inner.bytes().all(|byte| matches!(byte, b'i' | b'v' | b'x')))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citations_and_quantities_belong_together() {
        for pair in [
            ("Article", "6(1)"),
            ("(Article", "6(1)(f))."),
            ("artikel", "33.1"),
            ("6(1)", "(b)"),
            ("point", "(b),"),
            ("§", "9"),
            ("9", "§"),
            ("kap.", "3"),
            ("3", "kap."),
            ("72", "hours"),
            ("(72", "timmar)"),
            ("1,500.00", "EUR."),
            ("SEK", "100"),
            ("12", "500,00"),
            ("22:00", "CET"),
            ("-5", "%"),
            ("33", "(iv)"),
            ("6", "(1)(c)."),
            ("6.1", "f"),
            ("6.1", "c),"),
            ("3", "994.00"),
        ] {
            assert!(belong_together(pair.0, pair.1), "{pair:?}");
        }
    }

    #[test]
    fn what_belongs_together_is_bound() {
        let shown = |text: &str| bound(text).replace('\u{a0}', "~");
        for (text, wanted) in [
            ("3 994.00", "3~994.00"),
            ("pay 12 500,00 SEK by 1 May", "pay 12~500,00~SEK by 1 May"),
            ("artikel 6.1 f i GDPR", "artikel~6.1~f i GDPR"),
            ("  two  blanks 72 hours ", "  two  blanks 72~hours "),
            ("Anna Berg", "Anna Berg"),
            ("", ""),
        ] {
            assert_eq!(shown(text), wanted);
        }
        let row = shown(&"1 ".repeat(3).replace("1 ", "100 200 300 400 500 600 "));
        assert!(row.split(' ').all(|unit| unit.chars().count() < WIDEST), "{row}");
    }

    #[test]
    fn other_words_do_not() {
        for pair in [
            ("an", "article"),
            ("article", "about"),
            ("either", "(a)"),
            ("2026", "we"),
            ("of", "6"),
            ("1", "2"),
            ("6(1)", "hours"),
            ("(the", "(text)"),
            ("10", "(see"),
            ("", ""),
            ("a", "()"),
            ("7", "7777"),
            ("6.1", "och"),
            ("2026.1234", "f"),
            ("6", "f"),
        ] {
            assert!(!belong_together(pair.0, pair.1), "{pair:?}");
        }
    }
}
