//! Problems of an input file: all of them at once, each with its line and field.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::domain::character::{is_unfit_for_name, is_unseen};
use crate::domain::words::count;
use crate::domain::wrong::{Code, Wrong};

/// One problem and its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[schema(as = input::Problem)]
pub struct Problem {
    /// The line in the file, counted from 1; 0 for a problem of the file as a whole.
    pub line: usize,
    /// The field, column or key; empty if there is none.
    pub field: String,
    /// What is wrong and, unless it is obvious, what is right.
    pub problem: String,
    /// The value that is wrong, as far as it is shown: what cannot be seen as code points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The place in a JSON document, as a JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub pointer: Option<Box<str>>,
    /// The value that was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub suggestion: Option<Box<str>>,
    /// What pages say it by in another language.
    #[serde(skip)]
    pub code: Code,
}

impl Problem {
    /// A problem of a field in a line.
    #[must_use]
    pub fn new(line: usize, field: impl Into<String>, problem: impl Into<Wrong>) -> Self {
        let Wrong { text, code } = problem.into();
        Self { line, field: field.into(), problem: text, code, ..Self::default() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        let place = self.pointer.as_deref().unwrap_or(&self.field);
        match (place, &self.value) {
            ("", None) => {}
            ("", Some(value)) => write!(f, "`{value}`: ")?,
            (field, None) => write!(f, "`{field}`: ")?,
            (field, Some(value)) => write!(f, "`{field}` `{value}`: ")?,
        }
        f.write_str(&self.problem)?;
        self.suggestion.as_ref().map_or(Ok(()), |suggestion| write!(f, "; write `{suggestion}`"))
    }
}

/// A value for an error: its beginning, with code points in place of what cannot be seen.
#[must_use]
pub fn shown(value: &str) -> String {
    const LONGEST: usize = 60;
    let mut text = String::new();
    for (index, c) in value.chars().enumerate() {
        if index == LONGEST {
            text.push('\u{2026}');
            break;
        }
        // A joiner is seen in what it joins, but not where it stands alone.
        if c != ' ' && (is_unseen(c) || is_unfit_for_name(c)) {
            text.extend(c.escape_unicode());
        } else {
            text.push(c);
        }
    }
    text
}

/// All problems of one input, in line order after [`Problems::sorted`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = input::Problems)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Adds a problem.
    pub fn add(&mut self, line: usize, field: impl Into<String>, problem: impl Into<Wrong>) {
        self.0.push(Problem::new(line, field, problem));
    }

    /// Adds a problem at a place in a JSON document.
    pub fn add_at(&mut self, pointer: impl Into<String>, problem: impl Into<Wrong>) {
        self.0.push(Problem { pointer: Some(pointer.into().into_boxed_str()), ..Problem::new(0, "", problem) });
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the problems in the order of their lines.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.0.sort();
        self.0.dedup();
        self
    }
}

/// Problems that are listed: nobody reads more at once.
const LISTED: usize = 200;

impl Problems {
    /// Returns the problems in the order of their lines, with those after the first two hundred counted and not listed.
    #[must_use]
    pub fn limited(self) -> Self {
        let mut problems = self.sorted();
        if problems.0.len() > LISTED {
            let more = count((problems.0.len() - LISTED) as u64, "more problem is", "more problems are");
            problems.0.truncate(LISTED);
            problems.add(0, "", format!("{more} not listed"));
        }
        problems
    }
}

/// The lines of a text, to find the line of an offset.
#[derive(Clone, Debug)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// Finds the line breaks of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line of an offset, counted from 0.
    #[must_use]
    pub fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|end| *end < offset)
    }
}

/// Lines with the same problem that are listed one by one.
const ALIKE: usize = 3;

/// Lines that are named of a problem that many have.
const NAMED: usize = 5;

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = |problem: &Problem| Problem { line: 0, ..problem.clone() };
        let mut lines: BTreeMap<Problem, Vec<usize>> = BTreeMap::new();
        self.0.iter().for_each(|problem| lines.entry(key(problem)).or_default().push(problem.line));
        let mut is_first = true;
        for problem in &self.0 {
            let alike = &lines[&key(problem)];
            let is_one_of_many = alike.len() > ALIKE;
            if is_one_of_many && alike[0] != problem.line {
                continue;
            }
            let start = if std::mem::take(&mut is_first) { "" } else { "\n" };
            write!(f, "{start}{problem}")?;
            if is_one_of_many {
                let named: Vec<String> = alike[1..].iter().take(NAMED).map(ToString::to_string).collect();
                let more = alike.len() - 1 - named.len();
                let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
                write!(f, " (likewise lines {}{rest})", named.join(", "))?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// True if a text contains a character that no name, address, subject or header may contain, because it could inject a header: a
/// C0 or C1 control, or a line or paragraph separator.
#[must_use]
pub fn has_control(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// True if a text is one line and not blank.
#[must_use]
pub fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && !has_control(text)
}

/// Words of an operator that a record cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct LineError {
    field: &'static str,
    problem: String,
}

impl LineError {
    /// What is wrong, without the field.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

/// Checks that words of an operator are one line that says something, of at most `longest` bytes.
///
/// # Errors
/// If they are not.
pub fn check_line(field: &'static str, text: &str, longest: usize) -> Result<(), LineError> {
    let problem = if text.trim().is_empty() {
        "must be one line that says something".to_owned()
    } else if let Some(c) = text.chars().find(|c| has_control(c.encode_utf8(&mut [0; 4]))) {
        format!("must be one line, without U+{:04X}, which cannot be seen or ends a line", u32::from(c))
    } else if text.len() > longest {
        let letters = text.chars().count();
        format!("has {letters} letters, {} bytes: at most {longest} bytes are recorded", text.len())
    } else {
        return Ok(());
    };
    Err(LineError { field, problem })
}

/// Returns the known word nearest to a mistyped one, for "did you mean".
#[must_use]
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| (strsim::levenshtein(typed, word), word))
        .filter(|(distance, word)| *distance <= 2.max(word.len() / 3))
        .min()
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_word() {
        assert_eq!(nearest("windw_start", ["window_start", "window_end"]), Some("window_start"));
        assert_eq!(nearest("colour", ["window_start", "services"]), None);
    }

    #[test]
    fn after_two_hundred_problems_the_rest_is_counted() {
        let mut problems = Problems::default();
        (0..1_500).rev().for_each(|line| problems.add(line + 1, "", "x"));
        let limited = problems.limited();
        assert_eq!((limited.0.len(), limited.0[199].line), (201, 200));
        assert_eq!(limited.0[200].to_string(), "1,300 more problems are not listed");
        let lines = Lines::of("a\nbc\n\nd");
        assert_eq!([0, 1, 2, 4, 5, 6, 7].map(|offset| lines.at(offset)), [0, 0, 1, 1, 2, 3, 3]);
    }

    #[test]
    fn what_many_lines_have_is_one_line() {
        let mut problems = Problems::default();
        (1..10).for_each(|line| problems.add(line, "body", "no"));
        problems.add(3, "body", "other");
        let text = problems.sorted().to_string();
        assert_eq!(text, "line 1: `body`: no (likewise lines 2, 3, 4, 5, 6 and 3 more)\nline 3: `body`: other");
        let mut few = Problems::default();
        (1..4).for_each(|line| few.add(line, "", "no"));
        assert_eq!(few.to_string().lines().count(), 3);
    }

    #[test]
    fn a_value_is_shown_with_what_cannot_be_seen_in_it() {
        assert_eq!(shown("\u{200b}anna b\u{a0}\t"), "\\u{200b}anna b\\u{a0}\\u{9}");
        assert_eq!(shown(&"å".repeat(70)), format!("{}…", "å".repeat(60)));
    }

    #[test]
    fn line_breaks_of_every_kind_are_controls() {
        for text in ["a\r", "a\n", "a\0", "a\u{85}", "a\u{2028}"] {
            assert!(has_control(text), "{text:?}");
        }
        assert!(!has_control("Åsa Öberg 株式会社"));
    }
}
