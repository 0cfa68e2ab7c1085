//! Breaking text into lines: between words, else after a sign inside a long word, else anywhere.

use crate::domain::together::belong_together;

/// Signs in addresses, hosts and the like after which a reader expects them to go on.
const SIGNS: &[char] = &['-', '/', '@', '.', ',', ':', ';', '_', '=', '&', '?', ']', ')', '>'];

/// The lines of a text, each at most `width` wide, unless one character is wider itself. Blanks at breaks are dropped, those
/// at the beginning stay.
pub(super) fn broken(text: &str, width: f32, advance: impl Fn(char) -> f32) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.trim_end();
    loop {
        let fits = fitting(rest, width, &advance);
        if fits == rest.len() {
            lines.push(rest.to_owned());
            return lines;
        }
        let cut = place(rest, fits);
        lines.push(rest[..cut].trim_end().to_owned());
        rest = rest[cut..].trim_start_matches(' ');
    }
}

/// How many bytes fit: at least one character, so that every line takes some.
fn fitting(text: &str, width: f32, advance: impl Fn(char) -> f32) -> usize {
    let mut reached = 0.0;
    for (at, c) in text.char_indices() {
        reached += advance(c);
        // Half a hundredth of a point is what sums of rounded widths may differ by.
        if reached > width + 0.005 && at > 0 {
            return at;
        }
    }
    text.len()
}

/// The place to break a text of which so many bytes fit.
fn place(text: &str, fits: usize) -> usize {
    let head = &text[..fits];
    let indent = head.len() - head.trim_start_matches(' ').len();
    let ends = text[fits..].starts_with(' ').then_some(fits);
    let blanks =
        ends.into_iter().chain(head.rmatch_indices(' ').map(|(blank, _)| blank)).filter(|blank| *blank > indent);
    // What belongs together is parted only where the line would else be less than half full.
    let good = |blank: &usize| *blank > fits / 2 && !is_inside(text, *blank);
    match blanks.clone().find(good).or_else(|| blanks.max()) {
        Some(blank) => blank,
        // A sign near the beginning would leave a line almost empty.
        _ => match head.rfind(SIGNS) {
            Some(sign) if sign + 1 > fits / 2 => sign + 1,
            _ => fits,
        },
    }
}

/// True for a blank between words that belong together.
fn is_inside(text: &str, blank: usize) -> bool {
    let first = text[..blank].rsplit(' ').next().unwrap_or_default();
    let second = text[blank..].trim_start_matches(' ').split(' ').next().unwrap_or_default();
    belong_together(first, second)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str, width: u16) -> Vec<String> {
        broken(text, f32::from(width), |_| 1.0)
    }

    #[test]
    fn lines_end_between_words_else_after_signs_else_anywhere() {
        assert_eq!(lines("one two three", 8), ["one two", "three"]);
        assert_eq!(lines("by virtue of Article 6(1)", 21), ["by virtue of", "Article 6(1)"]);
        assert_eq!(lines("Article 6(1) (b)", 8), ["Article", "6(1) (b)"]);
        assert_eq!(lines("Article 6(1) (b)", 7), ["Article", "6(1)", "(b)"]);
        assert_eq!(lines("one two", 3), ["one", "two"]);
        assert_eq!(lines("name.surname@example.com", 15), ["name.surname@", "example.com"]);
        assert_eq!(lines("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(lines("see 0123456789 there", 6), ["see", "012345", "6789", "there"]);
        assert_eq!(lines("    indented words", 12), ["    indented", "words"]);
        assert_eq!(lines("", 4), [""]);
        assert_eq!(lines("åäö", 0), ["å", "ä", "ö"]);
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_nothing_but_blanks_is_lost(text in "[a-zå.@ ]{0,80}", width in 1_u16..30) {
            let lines = lines(&text, width);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= usize::from(width)));
            prop_assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
    }
}
