//! The layout of plain text: lines of at most [`WIDTH`] columns; no word, and so no address, is ever broken.

/// The widest line: narrow enough to be quoted a few times within 80 columns.
pub const WIDTH: usize = 76;

/// Breaks a text into lines. `first` begins its first line, `rest` all others; line breaks in the text are preserved.
pub fn wrap(text: &str, first: &str, rest: &str) -> String {
    let mut out = String::new();
    let mut prefix = first;
    for line in text.lines() {
        let mut width = prefix.chars().count();
        out.push_str(prefix);
        let mut is_first_word = true;
        for word in line.split([' ', '\t']).filter(|word| !word.is_empty()) {
            let length = word.chars().count();
            if !is_first_word && width + 1 + length > WIDTH {
                out.truncate(out.trim_end().len());
                out.push('\n');
                out.push_str(rest);
                width = rest.chars().count();
                is_first_word = true;
            }
            if !is_first_word {
                out.push(' ');
                width += 1;
            }
            out.push_str(word);
            width += length;
            is_first_word = false;
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
        prefix = rest;
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
        assert_eq!(tidy("\n\na  \n\n\n\nb\n-- \nc\n\n"), "a\n\nb\n-- \nc\n");
    }
}
