//! Words that belong together on a line: a citation, or a number and its unit. Whoever breaks a text into lines asks here.

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
        ] {
            assert!(belong_together(pair.0, pair.1), "{pair:?}");
        }
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
        ] {
            assert!(!belong_together(pair.0, pair.1), "{pair:?}");
        }
    }
}
