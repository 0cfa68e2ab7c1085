//! Problems of many rows: the first ones each by itself, and all of them by what is wrong, so that one mistake in ten thousand rows
//! is one line.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use super::REPORTED;
use crate::domain::problem::Problem;
use crate::domain::words::grouped;

/// Different mistakes that are kept apart.
const GROUPS: usize = 200;

/// Lines that are named of each.
const LINES: usize = 5;

/// Values that are named of each, beside the first.
const VALUES: usize = 3;

/// The rows with the same mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The first one.
    #[serde(flatten)]
    pub first: Problem,
    /// How many rows have it.
    pub rows: u64,
    /// The first five lines.
    pub lines: Vec<usize>,
    /// Some other values with which the rows have it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        let Some(more) = self.rows.checked_sub(1).filter(|more| *more > 0) else { return Ok(()) };
        let lines: Vec<_> = self.lines.iter().skip(1).map(ToString::to_string).collect();
        let (lines, named) = (lines.join(", "), lines.len() as u64);
        let noun = if named == 1 { "line" } else { "lines" };
        if more > named {
            write!(f, " (likewise {} more rows, the first in {noun} {lines}", grouped(more))?;
        } else {
            write!(f, " (likewise {noun} {lines}")?;
        }
        if !self.values.is_empty() {
            let values = self.values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
            write!(f, ", with {values}")?;
        }
        f.write_str(")")
    }
}

/// What is wrong with the rows of a file, in bounded memory.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    problems: Vec<Problem>,
    more: u64,
    groups: Vec<Group>,
    by_mistake: HashMap<(String, String), usize>,
    ungrouped: u64,
}

impl Gathered {
    pub(super) fn add(&mut self, problem: Problem) {
        self.group(&problem);
        if self.problems.len() < REPORTED {
            self.problems.push(problem);
        } else {
            self.more += 1;
        }
    }

    fn group(&mut self, problem: &Problem) {
        // The same sentence about another line or number is the same mistake.
        let words: String = problem.problem.chars().filter(|c| !c.is_ascii_digit()).collect();
        let mistake = (problem.field.clone(), words);
        if let Some(place) = self.by_mistake.get(&mistake) {
            let group = &mut self.groups[*place];
            group.rows += 1;
            // Rows that contradict each other are not found in the order of their lines.
            let at = group.lines.partition_point(|line| *line < problem.line);
            group.lines.insert(at, problem.line);
            group.lines.truncate(LINES);
            let known = |value: &String| group.first.value.as_ref() == Some(value) || group.values.contains(value);
            if let Some(value) = problem.value.as_ref().filter(|value| group.values.len() < VALUES && !known(value)) {
                group.values.push(value.clone());
            }
            if at == 0 {
                group.first = problem.clone();
            }
        } else if self.groups.len() < GROUPS {
            self.by_mistake.insert(mistake, self.groups.len());
            self.groups.push(Group { first: problem.clone(), rows: 1, lines: vec![problem.line], values: Vec::new() });
        } else {
            self.ungrouped += 1;
        }
    }

    /// Says more of the problem of a field in a line, wherever it is kept.
    pub(super) fn correct(&mut self, line: usize, field: &str, correct: impl Fn(&mut Problem)) {
        let problems = self.problems.iter_mut().chain(self.groups.iter_mut().map(|group| &mut group.first));
        problems.filter(|problem| problem.line == line && problem.field == field).for_each(correct);
    }

    /// What was found, in the order of the lines.
    pub(super) fn finish(mut self) -> BadRows {
        self.problems.sort_by_key(|problem| problem.line);
        self.groups.sort_by_key(|group| group.first.line);
        BadRows {
            problems: self.problems,
            more: self.more,
            groups: self.groups,
            ungrouped: self.ungrouped,
            has_header: true,
            has_good: false,
            place: None,
        }
    }
}

/// Rows that are wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BadRows {
    /// The first [`REPORTED`] problems, by line.
    pub problems: Vec<Problem>,
    /// Problems beyond those.
    pub more: u64,
    /// All problems by mistake: the first 200 mistakes.
    pub groups: Vec<Group>,
    /// Problems beyond those.
    pub ungrouped: u64,
    /// True if the columns are known: without them no row can be read, and none can be skipped.
    pub has_header: bool,
    /// True if other rows are good.
    pub has_good: bool,
    /// The sheet that the rows are of.
    pub place: Option<String>,
}

impl BadRows {
    /// Of a file as a whole.
    pub(super) fn of(problem: Problem) -> Self {
        let mut gathered = Gathered::default();
        gathered.add(problem);
        gathered.finish()
    }
}

impl fmt::Display for BadRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, group) in self.groups.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{group}")?;
        }
        if self.ungrouped > 0 {
            write!(f, "\nand {} more problems", grouped(self.ungrouped))?;
        }
        self.place.as_ref().map_or(Ok(()), |place| write!(f, "\n{place}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mistake_in_many_rows_is_one_line() {
        let mut gathered = Gathered::default();
        gathered.add(Problem::new(2, "email", "has two `@`"));
        for line in (3..10_003).rev() {
            gathered.add(Problem::new(line, "customer_name", format!("is not the name in line {}", line - 1)));
        }
        gathered.add(Problem::new(9, "email", "has two `@`"));
        let bad = gathered.finish();
        assert_eq!((bad.problems.len(), bad.more), (REPORTED, 10_002 - REPORTED as u64));
        assert_eq!(
            bad.to_string(),
            "line 2: `email`: has two `@` (likewise line 9)\n\
             line 3: `customer_name`: is not the name in line 2 \
             (likewise 9,999 more rows, the first in lines 4, 5, 6, 7)"
        );
    }

    #[test]
    fn many_mistakes_are_counted() {
        let mut gathered = Gathered::default();
        (0..300).for_each(|n| gathered.add(Problem::new(n, format!("attr.{n}"), "is longer")));
        let bad = gathered.finish();
        assert_eq!((bad.groups.len(), bad.ungrouped), (200, 100));
        assert!(bad.to_string().ends_with("and 100 more problems"));
    }
}
