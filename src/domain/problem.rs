//! What is wrong with an input file: every problem at once, each with the line and field it stands in.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Line in the file, counted from 1; 0 where the problem is one of the file as a whole.
    pub line: usize,
    /// Field, column or key the problem is about; empty where there is none.
    pub field: String,
    /// What is wrong and, where it is not obvious, what would be right.
    pub problem: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if !self.field.is_empty() {
            write!(f, "`{}`: ", self.field)?;
        }
        f.write_str(&self.problem)
    }
}

/// All problems of one input, in line order once [`Problems::sorted`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Adds a problem.
    pub fn add(&mut self, line: usize, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Problem { line, field: field.into(), problem: problem.into() });
    }

    /// True while nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problems in the order a reader meets them in the file.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.0.sort();
        self.0.dedup();
        self
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The characters no outside text may carry into a name, address, subject or header: C0 and C1 controls and the line and
/// paragraph separators. They are how headers are injected.
#[must_use]
pub fn has_control(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Whether a text is one line that says something.
#[must_use]
pub fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && !has_control(text)
}

/// The known word nearest to a mistyped one, for "did you mean".
#[must_use]
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| (edit_distance(typed, word), word))
        .filter(|(distance, word)| *distance <= 2.max(word.len() / 3))
        .min()
        .map(|(_, word)| word)
}

/// Levenshtein distance, one row at a time.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
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
    fn line_breaks_of_every_kind_are_controls() {
        for text in ["a\r", "a\n", "a\0", "a\u{85}", "a\u{2028}"] {
            assert!(has_control(text), "{text:?}");
        }
        assert!(!has_control("Åsa Öberg 株式会社"));
    }
}
