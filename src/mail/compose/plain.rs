//! The layout of plain text: lines of at most [`WIDTH`] columns; no word, and so no address, is ever broken.

use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

use crate::domain::together::{WIDEST, belong_together};

/// The widest line: narrow enough to be quoted a few times within 80 columns.
pub const WIDTH: usize = 76;

/// Breaks a text into lines. `first` begins its first line, `rest` all others; line breaks in the text are preserved.
pub fn wrap(text: &str, first: &str, rest: &str) -> String {
    let width = WIDTH.saturating_sub(first.chars().count().max(rest.chars().count()));
    let options = Options::new(width)
        .word_separator(WordSeparator::Custom(units))
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .break_words(false);
    let (mut out, mut prefix) = (String::new(), first);
    for line in text.lines() {
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        for line in textwrap::wrap(&words.join(" "), &options) {
            out.push_str(format!("{prefix}{line}").trim_end());
            out.push('\n');
            prefix = rest;
        }
    }
    out
}

/// The units of a line that is never broken inside of one: words, or several that belong together.
fn units(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let (mut units, mut start, mut end) = (Vec::new(), 0, 0);
    let mut last = "";
    for word in WordSeparator::AsciiSpace.find_words(line) {
        if end > start && (end - start > WIDEST || !belong_together(last, word.word)) {
            units.push(Word::from(&line[start..end]));
            start = end;
        }
        end += word.word.len() + word.whitespace.len();
        last = word.word;
    }
    units.push(Word::from(&line[start..end]));
    Box::new(units.into_iter())
}

/// Returns the text without trailing spaces, with at most one empty line in a row and none at either end.
pub fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty <= 1 && !(out.is_empty() && line.is_empty()) {
            // The signature separator ends with a space (RFC 3676 section 4.3).
            out.push_str(if line == "--" { "-- " } else { line });
            out.push('\n');
        }
    }
    out.truncate(out.trim_end_matches('\n').len());
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_ends_inside_a_citation_or_a_quantity() {
        for together in ["Article 6(1) (b)", "§ 9", "3 kap. 9 §", "12 500,00 SEK", "72 hours"] {
            for length in 55..80 {
                let text = format!("{} {together}, and so on", "x".repeat(length));
                let wrapped = wrap(&text, "", "");
                assert!(wrapped.contains(together), "{wrapped}");
                assert_eq!(wrapped.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
            }
        }
        let numbers = wrap(&"100 ".repeat(60), "", "");
        assert!(numbers.lines().all(|line| line.len() <= WIDTH), "{numbers}");
    }

    #[test]
    fn lines_are_short_and_addresses_whole() {
        let url = format!("https://example.com/{}", "a".repeat(90));
        let wrapped = wrap(&format!("{} {url} end\nnew line", "word ".repeat(30)), "- ", "  ");
        assert!(wrapped.lines().any(|line| line.trim() == url));
        assert!(wrapped.lines().all(|line| line.chars().count() <= WIDTH || line.contains(&url)));
        assert!(wrapped.starts_with("- word") && wrapped.ends_with("\n  new line\n"));
        // Wide characters take two columns.
        assert_eq!(wrap(&"株式会社 ".repeat(9), "", ""), "株式会社 ".repeat(8).trim_end().to_owned() + "\n株式会社\n");
        assert_eq!(
            (wrap("a \t b\n\nc ", "> ", "> "), wrap("", "- ", "")),
            ("> a b\n>\n> c\n".to_owned(), String::new())
        );
        assert_eq!(tidy("\n\na  \n\n\n\nb\n-- \nc\n\n"), "a\n\nb\n-- \nc\n");
    }
}
