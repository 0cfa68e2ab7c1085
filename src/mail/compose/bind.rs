//! The lines of HTML: mail programs break them, and so that they part no citation and no number from its unit, the blanks within are
//! no-break spaces.

use super::slots::Marks;
use crate::domain::together::{WIDEST, belong_together};

/// Elements within a line: words go on through them.
const INLINE: [&str; 7] = ["a", "b", "del", "em", "i", "s", "strong"];

/// Elements whose text is shown, or copied, as it is.
const VERBATIM: [&str; 4] = ["code", "pre", "style", "title"];

/// Returns HTML in which words that belong together are bound. A mark counts as a number: its value may be one.
pub fn bind(html: &str, marks: &Marks) -> String {
    let mut line = Line { out: String::with_capacity(html.len() + 64), marks, ..Line::empty(marks) };
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        line.text(&rest[..at]);
        let end = rest[at..].find('>').map_or(rest.len(), |end| at + end + 1);
        let tag = &rest[at..end];
        rest = &rest[end..];
        line.out.push_str(tag);
        let name = name(tag);
        if INLINE.contains(&name) {
            continue;
        }
        line.end();
        if VERBATIM.contains(&name) && !tag.starts_with("</") {
            let verbatim = rest.find(&format!("</{name}>")).unwrap_or(rest.len());
            line.out.push_str(&rest[..verbatim]);
            rest = &rest[verbatim..];
        }
    }
    line.text(rest);
    line.out
}

/// The name of a tag, opening or closing.
fn name(tag: &str) -> &str {
    let inner = tag.trim_start_matches(['<', '/']);
    inner.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()
}

/// What was written of a line so far.
struct Line<'a> {
    out: String,
    marks: &'a Marks,
    /// The last word.
    last: String,
    /// Where the blank after it stands, if there is one.
    blank: Option<usize>,
    /// Characters of what is bound to the last word, with it.
    width: usize,
}

impl<'a> Line<'a> {
    const fn empty(marks: &'a Marks) -> Self {
        Self { out: String::new(), marks, last: String::new(), blank: None, width: 0 }
    }

    /// Ends it: what follows stands elsewhere.
    fn end(&mut self) {
        self.last.clear();
        (self.blank, self.width) = (None, 0);
    }

    fn text(&mut self, text: &str) {
        for part in text.split_inclusive([' ', '\n']) {
            let word = part.trim_end_matches([' ', '\n']);
            if !word.is_empty() {
                self.word(word);
            }
            if word.len() < part.len() {
                // Of several blanks only one is shown, but none is bound: they stand where a template ends a line.
                let is_first = self.blank.is_none() && !self.last.is_empty();
                if is_first {
                    self.blank = Some(self.out.len());
                } else {
                    self.last.clear();
                }
                self.out.push_str(&part[word.len()..]);
            }
        }
    }

    fn word(&mut self, word: &str) {
        let length = word.chars().count();
        match self.blank.take() {
            Some(at) if self.width + length < WIDEST && self.belongs(word) => {
                self.out.replace_range(at..=at, "\u{a0}");
                self.width += 1 + length;
            }
            // It goes on behind a tag.
            None if !self.last.is_empty() => {
                self.last.push_str(word);
                self.out.push_str(word);
                self.width += length;
                return;
            }
            _ => self.width = length,
        }
        word.clone_into(&mut self.last);
        self.out.push_str(word);
    }

    fn belongs(&self, word: &str) -> bool {
        let number = || "1".to_owned();
        let first = if self.marks.end(&self.last) { number() } else { plain(&self.last) };
        let second = if self.marks.begin(word) { number() } else { plain(word) };
        belong_together(&first, &second)
    }
}

/// A word without the entities of signs around it.
fn plain(word: &str) -> String {
    let mut word = word.to_owned();
    for (entity, sign) in [("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&amp;", "&"), ("&nbsp;", "\u{a0}")] {
        if word.contains('&') {
            word = word.replace(entity, sign);
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notice::Notice;
    use crate::mail::compose::slots::Slot;

    const NOTICE: &str = "+++\ncategory = \"news\"\n[audience]\nall = true\n[fields]\ntitle = \"News\"\n+++\nText.\n";

    #[test]
    fn citations_and_amounts_are_bound_wherever_they_stand() {
        let marks = Marks::new(&Notice::parse(NOTICE).expect("it is a notice"), &[]);
        let shown = |html: &str| bind(html, &marks).replace('\u{a0}', "~");
        for (html, wanted) in [
            ("<p>artikel 6.1 f i</p>", "<p>artikel~6.1~f i</p>"),
            ("<h1>Pay 3 994.00 SEK now</h1>", "<h1>Pay 3~994.00~SEK now</h1>"),
            ("<p>(&quot;Article\n6(1)(c)&quot;)</p>", "<p>(&quot;Article~6(1)(c)&quot;)</p>"),
            ("<p>within <strong>72</strong> hours</p>", "<p>within <strong>72</strong>~hours</p>"),
            ("<p>Article <em>6(1)</em> (b)</p>", "<p>Article~<em>6(1)</em>~(b)</p>"),
            ("<td>72</td> <td>hours</td>", "<td>72</td> <td>hours</td>"),
            ("<p>72</p>\nhours", "<p>72</p>\nhours"),
            ("<pre>72 hours</pre> <code>3 kap.</code> §", "<pre>72 hours</pre> <code>3 kap.</code> §"),
            ("<style>p { margin: 0 4 px }</style>", "<style>p { margin: 0 4 px }</style>"),
            ("<p>72  hours</p>", "<p>72  hours</p>"),
            ("<a href=\"x 72 hours\">x</a>", "<a href=\"x 72 hours\">x</a>"),
        ] {
            assert_eq!(shown(html), wanted);
        }
        let mark = marks.mark(&Slot::AccountId);
        assert_eq!(
            shown(&format!("<p>{mark} SEK or SEK {mark}. {mark} said</p>")),
            format!("<p>{mark}~SEK or SEK~{mark}. {mark} said</p>")
        );
    }
}
