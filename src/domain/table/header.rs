//! The header of a table, which names its columns, and the cells of the rows under it.

use std::collections::HashMap;

use encoding_rs::WINDOWS_1252;

use super::cell::{self, Unfit};
use super::records::is_blank;
use crate::domain::phrase::seen;
use crate::domain::problem::{Problem, nearest, shown};
use crate::domain::words::count;

/// Which columns a kind of file may have.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Names that count in any case: `Email`.
    pub known: &'static [&'static str],
    /// The columns without which no row can be read.
    pub required: &'static [&'static str],
    /// What is wrong with any other name, if anything is.
    pub wrong: fn(&str) -> Option<String>,
    /// What is wrong with a cell that is not UTF-8, and what to do.
    pub not_utf8: &'static str,
}

impl Columns {
    fn known(&self, name: &str) -> Option<&'static str> {
        self.known.iter().find(|known| known.eq_ignore_ascii_case(name)).copied()
    }
}

/// A parsed header row: the place of each column.
#[derive(Clone, Debug)]
pub struct Header {
    /// The name of each column; empty for one without a name, which must not have values.
    names: Vec<String>,
    places: HashMap<String, usize>,
    required: &'static [&'static str],
    not_utf8: &'static str,
}

/// The cells of a row, trimmed.
#[derive(Debug)]
pub struct Cells<'a> {
    /// One for each column; `None` for one that is not UTF-8, or has something in place of a value.
    pub texts: Vec<Option<&'a str>>,
    /// The problems of cells that cannot be read, have no value that can be taken, or have no column.
    pub problems: Vec<Problem>,
}

impl Header {
    /// Parses the header row, in its line.
    ///
    /// # Errors
    /// Every problem with it.
    pub fn parse(line: usize, fields: &[&[u8]], columns: &Columns) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut problem = |field: &str, problem: String| problems.push(Problem::new(line, field, problem));
        let (mut names, mut places) = (Vec::new(), HashMap::new());
        for (index, field) in fields.iter().enumerate() {
            let Ok(name) = std::str::from_utf8(field) else {
                problem("header", format!("column {} {}", index + 1, columns.not_utf8));
                continue;
            };
            let name = cell::value(name.trim(), false).unwrap_or(name);
            let name = match seen(name.trim()) {
                Ok(name) => name,
                Err(error) => {
                    problem(&shown(name), error.to_string());
                    continue;
                }
            };
            let known = columns.known(&name);
            let name = known.unwrap_or(&name);
            names.push(name.to_owned());
            if name.is_empty() {
                continue;
            }
            if let (None, Some(wrong)) = (known, (columns.wrong)(name)) {
                problem(&shown(name), wrong);
            }
            let same = names.iter().take(index).find(|other| other.to_lowercase() == name.to_lowercase());
            match same {
                Some(other) if other != name => {
                    // Both would be columns, and each rule would reach the customers of one of them.
                    let text = format!("is like `{}` but for capitals: make one column of both", shown(other));
                    problem(&shown(name), text);
                }
                Some(_) => problem(&shown(name), "is in the header twice".to_owned()),
                None => {}
            }
            places.insert(name.to_owned(), index);
        }
        let required = columns.required;
        if required.len() > 1 && required.iter().all(|name| !places.contains_key(*name)) {
            // It is a row and no header, or the header of another table: what each cell lacks is beside the point.
            let names = required.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
            let text = format!("this row names none of the columns {names}: the first row names the columns");
            return Err(vec![Problem::new(line, "", text)]);
        }
        let missing = required.iter().filter(|name| !places.contains_key(**name));
        problems.extend(missing.map(|name| Problem::new(line, *name, is_missing(name, &names, columns))));
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self { names, places, required, not_utf8: columns.not_utf8 })
    }

    /// The name of each column; empty for one without a name.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The place of a column among the cells of a row.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// The cells of a row that begins in `line`.
    ///
    /// # Errors
    /// If the row does not have a cell for each column: then nobody knows which is whose.
    pub fn cells<'a>(&self, line: usize, fields: &[&'a [u8]]) -> Result<Cells<'a>, Problem> {
        let wants = self.names.len();
        let has_more = fields.get(wants..).is_some_and(|more| !more.iter().all(|field| is_blank(field)));
        if fields.len() < wants || has_more {
            return Err(Problem::new(line, "", uneven(fields, wants)));
        }
        let mut cells = Cells { texts: Vec::with_capacity(wants), problems: Vec::new() };
        for (index, (name, field)) in self.names.iter().zip(fields).enumerate() {
            let text = std::str::from_utf8(field).map(str::trim);
            let (value, unfit) = match text {
                // What is not UTF-8 is nearly always this.
                Err(_) => (WINDOWS_1252.decode(field).0, Unfit { problem: self.not_utf8.to_owned(), suggestion: None }),
                Ok(text) if name.is_empty() && !text.is_empty() => {
                    cells.texts.push(Some(text));
                    cells.problems.push(nameless(line, index, text));
                    continue;
                }
                Ok(text) => match cell::value(text, self.required.contains(&name.as_str())) {
                    Ok(text) => {
                        cells.texts.push(Some(text));
                        continue;
                    }
                    Err(unfit) => (text.into(), unfit),
                },
            };
            cells.texts.push(None);
            let problem = Problem::new(line, name.clone(), unfit.problem);
            cells.problems.push(Problem {
                value: Some(shown(&value)),
                suggestion: unfit.suggestion.map(String::into_boxed_str),
                ..problem
            });
        }
        Ok(cells)
    }
}

/// What is to be said of a column that is not in the header, and which of the others was probably meant.
fn is_missing(name: &str, names: &[String], columns: &Columns) -> String {
    let is_meant = |other: &&String| (columns.wrong)(other).is_none() && nearest(&plain(other), [name]).is_some();
    match names.iter().find(is_meant) {
        Some(meant) => format!("is missing from the header: is `{}` meant?", shown(meant)),
        None => "is missing from the header".to_owned(),
    }
}

/// A name as the known ones are written: `Account ID` is `account_id`.
#[must_use]
pub fn plain(name: &str) -> String {
    name.to_lowercase().replace([' ', '-', '.'], "_")
}

/// A value in a column without a name.
fn nameless(line: usize, index: usize, value: &str) -> Problem {
    let problem = Problem::new(line, format!("column {}", index + 1), "has a value, but no name in the header");
    Problem { value: Some(shown(value)), ..problem }
}

/// Why a row does not have the fields of the header.
fn uneven(fields: &[&[u8]], wants: usize) -> String {
    let text = format!("the row has {}, the header {wants}", count(fields.len() as u64, "field", "fields"));
    let holds = |byte: u8| fields.iter().any(|field| field.contains(&byte));
    if holds(b'\n') {
        return text + "; it goes over several lines, perhaps because a quote is not closed";
    }
    let other = [b';', b'\t', b','].into_iter().find(|it| fields.len() == 1 && holds(*it));
    match other {
        Some(b'\t') => text + "; it is separated by tabs, unlike the header",
        Some(other) => text + &format!("; it is separated by `{}`, unlike the header", char::from(other)),
        None if fields.len() < wants => {
            text + "; each row has a cell for each column, an empty one if there is no value"
        }
        None => text + "; a separator within a cell needs quotes around the cell",
    }
}
