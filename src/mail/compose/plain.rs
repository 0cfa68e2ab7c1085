//! The layout of plain text: lines of at most [`WIDTH`] columns; no word, and so no address, is ever broken.

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// The widest line: narrow enough to be quoted a few times within 80 columns.
pub const WIDTH: usize = 76;

/// Breaks a text into lines. `first` begins its first line, `rest` all others; line breaks in the text are preserved.
pub fn wrap(text: &str, first: &str, rest: &str) -> String {
    let width = WIDTH.saturating_sub(first.chars().count().max(rest.chars().count()));
    let options = Options::new(width)
        .word_separator(WordSeparator::AsciiSpace)
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
