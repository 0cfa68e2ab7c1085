//! Placeholders in authored text: a closed list, substituted once, never evaluated.

use std::fmt;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;

use crate::domain::character::Named;
use crate::domain::problem::nearest;

/// What may stand between `{{` and `}}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placeholder {
    /// `contact.name`: the person's name.
    ContactName,
    /// `contact.email`: the address the notice goes to.
    ContactEmail,
    /// `customer.name`: the customer's name.
    CustomerName,
    /// `customer.account_id`: the customer's account id.
    AccountId,
    /// `customer.attr.NAME`: an attribute of the customer; several values are joined by commas.
    Attribute(String),
    /// `row.COLUMN`: a value of the customer's row in the audience file.
    Row(String),
}

impl Placeholder {
    /// Parses the text between the braces.
    ///
    /// # Errors
    /// If there is no such placeholder: a sentence that names those that exist.
    pub fn parse(name: &str) -> Result<Self, String> {
        const FIXED: [&str; 4] = ["contact.name", "contact.email", "customer.name", "customer.account_id"];
        let name: String = name.trim().nfc().collect();
        let name = name.as_str();
        let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
        match name {
            "contact.name" => Ok(Self::ContactName),
            "contact.email" => Ok(Self::ContactEmail),
            "customer.name" => Ok(Self::CustomerName),
            "customer.account_id" => Ok(Self::AccountId),
            _ => match (name.strip_prefix("customer.attr."), name.strip_prefix("row.")) {
                (Some(attribute), _) if word(attribute) => Ok(Self::Attribute(attribute.to_owned())),
                (_, Some(column)) if word(column) => Ok(Self::Row(column.to_owned())),
                (Some(name), _) | (_, Some(name)) if is_heading(name) => Err(format!(
                    "the name `{name}` has more than letters, digits, `_` and `-`: name the column `{}` in the file, and here",
                    joined(name)
                )),
                _ => Err(match nearest(name, FIXED) {
                    Some(known) => format!("unknown placeholder `{name}`, did you mean `{known}`?"),
                    None => format!(
                        "unknown placeholder `{name}` (known are `{}`, `customer.attr.NAME` and `row.COLUMN`)",
                        FIXED.join("`, `")
                    ),
                }),
            },
        }
    }
}

/// True for what stands at the head of a column in a spreadsheet, and is no expression of another tool.
fn is_heading(name: &str) -> bool {
    !joined(name).is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_- .,:/#%&".contains(c))
}

/// A name of a column in one word.
fn joined(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric() && !"_-".contains(c)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_")
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ContactName => f.write_str("contact.name"),
            Self::ContactEmail => f.write_str("contact.email"),
            Self::CustomerName => f.write_str("customer.name"),
            Self::AccountId => f.write_str("customer.account_id"),
            Self::Attribute(name) => write!(f, "customer.attr.{name}"),
            Self::Row(column) => write!(f, "row.{column}"),
        }
    }
}

/// A piece of authored text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Literal text.
    Literal(&'a str),
    /// The text between `{{` and `}}`, not parsed yet; `offset` is that of the opening braces, in bytes.
    Braces { inside: &'a str, offset: usize },
}

/// Authored text whose placeholders are all known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    text: String,
    /// The stretches of code in it, in order: placeholders in them are text.
    code: Vec<Range<usize>>,
}

/// What to do with braces that are no placeholder, in Markdown.
const AS_TEXT: &str = "; braces that are meant as text go between backticks";

impl Text {
    /// Parses authored plain text.
    ///
    /// # Errors
    /// All problems, each with its byte offset.
    pub fn parse(text: &str) -> Result<Self, Vec<(usize, String)>> {
        Self::checked(text, Vec::new(), "")
    }

    /// Parses authored Markdown, some stretches of which are code: nothing in them is a placeholder.
    ///
    /// # Errors
    /// All problems, each with its byte offset.
    pub fn markdown(text: &str, code: Vec<Range<usize>>) -> Result<Self, Vec<(usize, String)>> {
        Self::checked(text, code, AS_TEXT)
    }

    fn checked(text: &str, code: Vec<Range<usize>>, hint: &str) -> Result<Self, Vec<(usize, String)>> {
        let mut problems: Vec<_> = forbidden(text).into_iter().collect();
        for (start, stretch, _) in stretches(text, &code).filter(|(.., is_code)| !is_code) {
            for piece in pieces(stretch) {
                let Piece::Braces { inside, offset } = piece else { continue };
                if let Err(problem) = Placeholder::parse(inside) {
                    // A placeholder with a typing error was not meant as text.
                    let hint = if problem.contains("did you mean") { "" } else { hint };
                    problems.push((start + offset, format!("{problem}{hint}")));
                } else if !hint.is_empty() && inside.contains('\n') {
                    problems.push((start + offset, "a placeholder must be on one line".to_owned()));
                }
            }
            if let Some(offset) = unclosed(stretch) {
                problems.push((start + offset, format!("`{{{{` without a closing `}}}}`{hint}")));
            }
        }
        if problems.is_empty() { Ok(Self { text: text.to_owned(), code }) } else { Err(problems) }
    }

    /// The stretches of code in it.
    #[must_use]
    pub fn code(&self) -> &[Range<usize>] {
        &self.code
    }

    /// The text with its placeholders.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The pieces of the text; code is literal.
    fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        pieces_with(&self.text, &self.code)
    }

    /// The placeholders in it, in order, with repetitions.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder> + '_ {
        self.pieces().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Braces { inside, .. } => Placeholder::parse(inside).ok(),
        })
    }

    /// The text for somebody who looks at the notice as a whole: the name of each placeholder in single braces.
    #[must_use]
    pub fn named(text: &str) -> String {
        pieces(text).fold(String::new(), |shown, piece| match piece {
            Piece::Literal(literal) => shown + literal,
            Piece::Braces { inside, .. } => {
                let name = inside.trim();
                format!("{shown}{{{}}}", name.strip_prefix("row.").unwrap_or(name))
            }
        })
    }

    /// True if a text has placeholders: what a recipient gets is another text.
    #[must_use]
    pub fn has_placeholders(text: &str) -> bool {
        pieces(text).any(|piece| matches!(piece, Piece::Braces { .. }))
    }

    /// Returns the text with each placeholder replaced by what `fill` returns for it. Inserted text is not parsed again.
    #[must_use]
    pub fn fill(&self, mut fill: impl FnMut(Placeholder) -> String) -> String {
        let mut filled = String::with_capacity(self.text.len());
        for piece in self.pieces() {
            match piece {
                Piece::Literal(literal) => filled.push_str(literal),
                Piece::Braces { inside, .. } => {
                    filled.push_str(&fill(Placeholder::parse(inside).expect("checked by Text::parse")));
                }
            }
        }
        filled
    }
}

/// Finds a control character other than newline and tab, or a private-use character, whose glyph is undefined.
fn forbidden(text: &str) -> Option<(usize, String)> {
    let is_forbidden = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{E000}'..='\u{F8FF}' | '\u{FFFE}' | '\u{FFFF}')
    };
    text.char_indices()
        .find(|(_, c)| is_forbidden(*c))
        .map(|(offset, c)| (offset, format!("contains the control character U+{:04X}", u32::from(c))))
        .or_else(|| hidden(text))
}

/// Finds a character that is not seen and changes what is: it turns the direction of what follows, or splits a word or an address.
fn hidden(text: &str) -> Option<(usize, String)> {
    let is_hidden = |c: char| matches!(c, '\u{202A}'..='\u{202E}' | '\u{200B}' | '\u{2060}' | '\u{FEFF}');
    let (offset, c) = text.char_indices().find(|(_, c)| is_hidden(*c))?;
    Some((offset, format!("has {}, which cannot be seen: delete it, or write the words anew", Named(c))))
}

fn unclosed(text: &str) -> Option<usize> {
    let open = text.rfind("{{")?;
    (!text[open..].contains("}}")).then_some(open)
}

/// Splits a text at stretches of code, which are in order and apart: each stretch with its offset, and whether it is code.
fn stretches<'a>(text: &'a str, code: &'a [Range<usize>]) -> impl Iterator<Item = (usize, &'a str, bool)> {
    let edges = || code.iter().flat_map(|range| [range.start, range.end]);
    let stretches = std::iter::once(0).chain(edges()).zip(edges().chain([text.len()])).enumerate();
    stretches
        .filter(|(_, (start, end))| start < end)
        .map(|(index, (start, end))| (start, &text[start..end], index % 2 == 1))
}

/// Splits a text at `{{ ... }}` outside of code.
pub(crate) fn pieces_with<'a>(text: &'a str, code: &'a [Range<usize>]) -> impl Iterator<Item = Piece<'a>> {
    stretches(text, code).flat_map(|(start, stretch, is_code)| {
        let literal = is_code.then_some(Piece::Literal(stretch));
        let others = (!is_code).then(|| pieces(stretch)).into_iter().flatten();
        literal.into_iter().chain(others.map(move |piece| match piece {
            Piece::Braces { inside, offset } => Piece::Braces { inside, offset: start + offset },
            literal @ Piece::Literal(_) => literal,
        }))
    })
}

/// Splits a text at `{{ ... }}`.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let tail = &text[rest..];
        if tail.is_empty() {
            return None;
        }
        let Some((open, length)) = tail.find("{{").and_then(|open| Some((open, tail[open..].find("}}")?))) else {
            rest = text.len();
            return Some(Piece::Literal(tail));
        };
        if open > 0 {
            rest += open;
            return Some(Piece::Literal(&tail[..open]));
        }
        let offset = rest;
        rest += length + 2;
        Some(Piece::Braces { inside: &tail[2..length], offset })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_once() {
        let text = Text::parse("Dear {{ contact.name }} of {{customer.attr.region}}: {{ row.invoice }}.").unwrap();
        assert_eq!(text.placeholders().count(), 3);
        let filled = text.fill(|placeholder| format!("<{placeholder}> {{{{ contact.email }}}}"));
        assert!(filled.starts_with("Dear <contact.name> {{ contact.email }} of"), "{filled}");
    }

    #[test]
    fn code_is_literal() {
        let text = "{{ row.a }} `{{ row.b }}` {{ row.c }}`{{`{{ row.d }}";
        let ranges = ["`{{ row.b }}`", "`{{`"].map(|part| {
            let at = text.find(part).unwrap();
            at..at + part.len()
        });
        let parsed = Text::markdown(text, ranges.to_vec()).unwrap();
        let names: Vec<String> = parsed.placeholders().map(|it| it.to_string()).collect();
        assert_eq!(names, ["row.a", "row.c", "row.d"]);
        assert_eq!(parsed.fill(|_| "x".to_owned()), "x `{{ row.b }}` x`{{`x");
        let problems = Text::markdown("{{ row. }} {{\nrow.a }} {{", Vec::new()).unwrap_err();
        assert_eq!(problems.iter().map(|it| it.0).collect::<Vec<_>>(), [0, 11, 23]);
        assert!(problems[0].1.contains("backticks") && problems[1].1.contains("on one line"), "{problems:?}");
    }

    #[test]
    fn a_notice_as_a_whole_shows_the_names_of_its_placeholders() {
        let shown = Text::named("Invoice {{ row.invoice_no }} of {{customer.name}}, {open {{ row.a");
        assert_eq!(shown, "Invoice {invoice_no} of {customer.name}, {open {{ row.a");
        assert!(Text::has_placeholders("{{ row.a }}") && !Text::has_placeholders("{ row.a }}"));
    }

    #[test]
    fn everything_else_is_refused_with_its_offset() {
        for (text, offset, problem) in [
            ("a {{ contact.nmae }}", 2, "did you mean `contact.name`"),
            ("{{ 7 * 7 }}", 0, "unknown placeholder `7 * 7`"),
            ("{{ row. }}", 0, "unknown placeholder"),
            ("{{ row.a | safe }}", 0, "unknown placeholder"),
            ("open {{ row.a", 5, "without a closing"),
            ("bell \u{7}", 5, "U+0007"),
        ] {
            let problems = Text::parse(text).unwrap_err();
            assert_eq!(problems[0].0, offset, "{text}");
            assert!(problems[0].1.contains(problem), "{text}: {problems:?}");
        }
    }
}
