//! The text itself in a document, and TOML values as JSON.

use serde_json::Value;

use super::json::Node;
use super::{Places, Structured, escaped};
use crate::domain::front_matter::{AudienceFile, audience_file};
use crate::domain::problem::Problems;

/// A document with the text of the notice and nothing else.
pub(super) fn source(members: &[(String, Node)], source: &Node) -> Result<Structured, Problems> {
    let mut problems = Problems::default();
    for (name, _) in members.iter().filter(|(name, _)| name != "source") {
        let problem = "is not possible beside `source`: the text says everything";
        problems.add_at(format!("/{}", escaped(name)), problem);
    }
    let Node::Text(source) = source else {
        problems.add_at("/source", "must be the text of a notice");
        return Err(problems);
    };
    if let Some(AudienceFile { line, .. }) = audience_file(source) {
        let problem = "is not read from this machine: send a structure with `audience.rows`, or name `customers`";
        problems.add(line, "audience.file", problem);
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Structured { source: source.clone(), rows: None, places: Places::of_source(), problems })
}

/// A TOML value as JSON: times are texts.
pub(super) fn value(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => items.into_iter().map(self::value).collect(),
        toml::Value::Table(table) => Value::Object(table.into_iter().map(|(key, it)| (key, self::value(it))).collect()),
    }
}
