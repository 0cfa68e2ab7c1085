//! Structured notices: a JSON document that says what a notice file says. It is written as a file, which is then read by the one
//! parser that there is: what is approved, stored and sent is that text. Problems are placed where they are in the document.

mod json;
mod read;
mod rows;
mod write;

use serde_json::{Map, Value};

use crate::domain::front_matter::sections;
use crate::domain::problem::{Problem, Problems};
use crate::domain::rows_file::Rows;
use json::Node;

/// What the rows of a structured notice are called in the text that is written for it.
pub const ROWS: &str = "rows.csv";

/// A notice that was written from a structure.
#[derive(Clone, Debug)]
pub struct Structured {
    /// The text of the notice file.
    pub source: String,
    /// The rows of its audience, if it has any.
    pub rows: Option<Rows>,
    /// Where each line of the text is in the document.
    pub places: Places,
    /// What is wrong with the document and cannot be written.
    pub problems: Problems,
}

/// Where the lines of a text that was written are in the document that it was written from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The pointer of each line.
    lines: Vec<String>,
    sections: Vec<Place>,
    /// The document has the text itself, whose lines are places.
    is_source: bool,
}

/// A section of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    /// The pointer of the edition; empty for the first section.
    pointer: String,
    /// The line of its opening `+++`.
    line: usize,
    /// The line on which its body begins.
    body_line: usize,
}

/// The members of a notice, which a problem may name.
const MEMBERS: [&str; 8] = ["category", "subject", "reference", "follows", "audience", "fields", "schedule", "body"];

impl Structured {
    /// Writes the notice of a JSON document: a structure, or `{"source": "..."}` with the text itself. A file on this machine is never
    /// read: the rows of the audience are in the document.
    ///
    /// # Errors
    /// If it is no JSON object, or a member of it is there twice: all of these.
    pub fn parse(document: &[u8]) -> Result<Self, Problems> {
        let node = json::parse(document)?;
        let Node::Map(members) = &node else {
            let mut problems = Problems::default();
            problems.add_at("", "must be an object with the members of a notice");
            return Err(problems);
        };
        match members.iter().find(|(name, _)| name == "source") {
            Some((_, source)) => read::source(members, source),
            None => Ok(write::write(members)),
        }
    }

    /// The problems of the text at their places in the document, beside those of the document itself.
    #[must_use]
    pub fn all(&self, problems: Problems) -> Problems {
        let own = &self.problems.0;
        let says = |problem: &Problem| own.iter().any(|it| it.pointer.is_some() && it.pointer == problem.pointer);
        // What could not be written seems to be missing: that is said once.
        let others = self.places.place(problems).0.into_iter().filter(|problem| !says(problem));
        Problems(own.iter().cloned().chain(others).collect()).sorted()
    }
}

impl Places {
    /// Those of a text that was written by a person: its own lines.
    #[must_use]
    pub fn of_source() -> Self {
        Self { is_source: true, ..Self::default() }
    }

    /// Problems of the text, at their places in the document.
    #[must_use]
    pub fn place(&self, problems: Problems) -> Problems {
        if self.is_source {
            return problems;
        }
        Problems(problems.0.into_iter().map(|problem| self.placed(problem)).collect())
    }

    fn placed(&self, problem: Problem) -> Problem {
        let section = self.sections.iter().rev().find(|section| section.line <= problem.line);
        let prefix = section.map_or("", |section| section.pointer.as_str());
        let member = problem.field.split('.').next().unwrap_or_default();
        let pointer = if MEMBERS.contains(&member) {
            format!("{prefix}{}", pointer_of(&problem.field))
        } else {
            let of_line = problem.line.checked_sub(1).and_then(|line| self.lines.get(line));
            of_line.cloned().unwrap_or_else(|| prefix.to_owned())
        };
        // Of a text of many lines its line is a place.
        let line = section.filter(|section| member == "body" && problem.line >= section.body_line);
        let line = line.map_or(0, |section| problem.line - section.body_line + 1);
        Problem { line, field: String::new(), pointer: Some(pointer.into()), ..problem }
    }
}

/// The pointer of a key, as errors name it. The name of an attribute may have dots.
fn pointer_of(field: &str) -> String {
    match field.strip_prefix("audience.attributes.") {
        Some(name) => format!("/audience/attributes/{}", escaped(name)),
        None => field.split('.').map(|part| format!("/{}", escaped(part))).collect(),
    }
}

/// A name as a part of a JSON pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Reads a JSON document.
///
/// # Errors
/// If it is none, or an object has a member twice: all of these, each with its pointer.
pub fn document(text: &[u8]) -> Result<Value, Problems> {
    Ok(json::parse(text)?.into())
}

/// The structure of a notice's text, with the rows of its audience: the document that this text is written from.
///
/// # Errors
/// If it is no notice file.
pub fn structure(source: &str, rows: Option<&Rows>) -> Result<Value, Problems> {
    let (mut document, mut editions) = (Map::new(), Map::new());
    for section in sections(source)? {
        let table: toml::Table = section.toml.parse().map_err(|error: toml::de::Error| {
            let mut problems = Problems::default();
            problems.add(section.line, "", format!("not valid TOML: {}", error.message()));
            problems
        })?;
        let mut members: Map<String, Value> = table.into_iter().map(|(key, value)| (key, read::value(value))).collect();
        members.insert("body".to_owned(), Value::String(section.markdown()));
        if section.label.is_empty() {
            document = members;
        } else {
            editions.insert(section.label.to_owned(), Value::Object(members));
        }
    }
    if let Some(rows) = rows
        && let Some(Value::Object(audience)) = document.get_mut("audience")
    {
        audience.remove("file");
        audience.insert("rows".to_owned(), rows::written(rows));
    }
    if !editions.is_empty() {
        document.insert("editions".to_owned(), Value::Object(editions));
    }
    Ok(Value::Object(document))
}
