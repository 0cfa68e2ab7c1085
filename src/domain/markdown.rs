//! Finds what a Markdown body may not contain: HTML, images, and links without a plain scheme and host.
//!
//! Every mail client shows HTML in its own way and blocks remote images, and a mandatory notice must not track anyone. The author
//! therefore gets an error with the line, instead of a gap in the mail. Rendering sanitises nevertheless.

use pulldown_cmark::{Event, Options, Parser, Tag};

use crate::domain::placeholder::{Piece, pieces};

/// The Markdown dialect of Besked: CommonMark with tables and strikethrough.
#[must_use]
pub const fn options() -> Options {
    Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH)
}

/// Returns everything that a body may not contain, each with its byte offset.
#[must_use]
pub fn problems(body: &str) -> Vec<(usize, String)> {
    let mut problems = Vec::new();
    let masked = masked(body);
    for (event, range) in Parser::new_ext(&masked, options()).into_offset_iter() {
        // The author's own text, of the same length as the masked one.
        let shown = || body[range.clone()].trim().chars().take(40).collect::<String>();
        let problem = match event {
            Event::Html(_) | Event::InlineHtml(_) => {
                Some(format!("HTML is not allowed in a notice, write Markdown: `{}`", shown().escape_debug()))
            }
            Event::Start(Tag::Image { .. }) => {
                Some("images are not allowed in a notice: link to the image instead".to_owned())
            }
            Event::Start(Tag::Link { dest_url, .. }) if !is_plain_link(&dest_url) => Some(format!(
                "a link must begin with https://, http://, mailto: or tel:, unlike `{}`",
                shown().escape_debug()
            )),
            _ => None,
        };
        problems.extend(problem.map(|problem| (range.start, problem)));
    }
    problems
}

/// Marks a placeholder. Authored text cannot contain it.
const MASK: char = '\u{E000}';

/// Returns the body with each placeholder replaced by a word of the same length: the spaces in `{{ row.id }}` would end a link
/// in Markdown.
fn masked(body: &str) -> String {
    let mut masked = String::with_capacity(body.len());
    for piece in pieces(body) {
        match piece {
            Piece::Literal(literal) => masked.push_str(literal),
            Piece::Braces { inside, .. } => {
                masked.push(MASK);
                masked.extend(std::iter::repeat_n('z', inside.len() + 4 - MASK.len_utf8()));
            }
        }
    }
    masked
}

/// True for a link whose scheme and, on the web, host are literal text: a placeholder cannot decide where a link leads.
fn is_plain_link(link: &str) -> bool {
    let lower = link.to_ascii_lowercase();
    let host = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
    match host {
        Some(rest) => {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            !host.is_empty() && !host.contains(MASK)
        }
        None => ["mailto:", "tel:"].iter().any(|scheme| lower.starts_with(scheme)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_allowed_and_html_is_not() {
        let fine =
            "# A\n\n**b** [c](https://example.com/{{ row.id }}) <https://example.com> a < b & c > d\n\n- `<script>`\n";
        assert_eq!(problems(fine), []);
        for (body, offset, part) in [
            ("a\n\n<script>alert(1)</script>\n", 3, "HTML"),
            ("a <b onclick=x>b</b>", 2, "HTML"),
            ("[a](javascript:alert(1))", 0, "javascript:alert(1)"),
            ("[a](JaVaScRiPt:alert(1))", 0, "JaVaScRiPt"),
            ("[a](data:text/html;base64,xx)", 0, "data:"),
            ("[a](/relative)", 0, "/relative"),
            ("[a](https://{{ row.host }}/)", 0, "unlike `[a](https://{{ row.host }}/)`"),
            ("![a](https://example.com/a.png)", 0, "images"),
        ] {
            let problems = problems(body);
            assert_eq!(problems.first().map(|problem| problem.0), Some(offset), "{body}: {problems:?}");
            assert!(problems[0].1.contains(part), "{body}: {problems:?}");
        }
    }
}
