//! The page that describes the API, made from its OpenAPI document.

use std::collections::BTreeMap;

use askama::Template;
use serde_json::Value;

use crate::http::api::problem::statuses;

/// How deep the members of members are listed.
const DEPTH: usize = 4;

#[derive(Template)]
#[template(path = "api/docs.html")]
struct Page {
    version: String,
    groups: Vec<(String, Vec<Operation>)>,
    statuses: Vec<(u16, &'static str, &'static str)>,
}

/// A method of a path.
struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    description: String,
    parameters: Vec<Member>,
    body: Vec<Member>,
    /// Each answer that is no problem: its status, what it is, its media types and members.
    answers: Vec<(String, String, String, Vec<Member>)>,
}

/// A parameter, or a member of a document.
struct Member {
    name: String,
    what: String,
    required: bool,
    description: String,
}

/// Writes the page.
pub(super) fn write(document: &Value) -> askama::Result<String> {
    let mut groups: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let tag = text(&operation["tags"][0]);
            groups.entry(tag).or_default().push(read(document, path, method, operation));
        }
    }
    let version = text(&document["info"]["version"]);
    Page { version, groups: groups.into_iter().collect(), statuses: statuses().collect() }.render()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn read(document: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(|it| Member {
        name: text(&it["name"]),
        what: format!("{}, {}", kind(document, &it["schema"]), text(&it["in"])),
        required: it["required"] == true,
        description: text(&it["description"]),
    });
    let answers =
        operation["responses"].as_object().into_iter().flatten().filter(|(status, _)| status.starts_with('2'));
    let answers = answers.map(|(status, it)| {
        let types: Vec<&str> = it["content"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        (status.clone(), text(&it["description"]), types.join(", "), content(document, it))
    });
    Operation {
        id: text(&operation["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        description: text(&operation["description"]),
        parameters: parameters.collect(),
        body: content(document, &operation["requestBody"]),
        answers: answers.collect(),
    }
}

/// The members of a body.
fn content(document: &Value, body: &Value) -> Vec<Member> {
    let mut found = Vec::new();
    if let Some(first) = body["content"].as_object().and_then(|content| content.values().next()) {
        members(document, &first["schema"], "", DEPTH, &mut found);
    }
    found
}

/// The schema that a reference means.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|place| place.rsplit('/').next()) {
        Some(name) => &document["components"]["schemas"][name],
        None => schema,
    }
}

/// The forms that a schema may have, without null.
fn forms<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let schema = resolve(document, schema);
    let several = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|name| schema[name].as_array());
    let forms = several.map_or_else(|| vec![schema], |items| items.iter().flat_map(|it| forms(document, it)).collect());
    forms.into_iter().filter(|it| it["type"] != "null").collect()
}

fn members(document: &Value, schema: &Value, prefix: &str, depth: usize, found: &mut Vec<Member>) {
    for form in forms(document, schema) {
        if depth > 0 && !form["items"].is_null() {
            members(document, &form["items"], &format!("{prefix}[]."), depth - 1, found);
        }
        let required: Vec<&str> = form["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, member) in form["properties"].as_object().into_iter().flatten() {
            let place = format!("{prefix}{name}");
            let description = text(&member["description"]);
            let description =
                if description.is_empty() { text(&resolve(document, member)["description"]) } else { description };
            let (what, required) = (kind(document, member), required.contains(&name.as_str()));
            found.push(Member { name: place.clone(), what, required, description });
            if depth > 0 {
                for inner in forms(document, member) {
                    let list = &inner["items"];
                    let (inner, place) =
                        if list.is_null() { (inner, format!("{place}.")) } else { (list, format!("{place}[].")) };
                    members(document, inner, &place, depth - 1, found);
                }
            }
        }
    }
}

/// The type of a schema in words.
fn kind(document: &Value, schema: &Value) -> String {
    let words = forms(document, schema).into_iter().map(|form| {
        if let Some(words) = form["enum"].as_array() {
            return words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | ");
        }
        let types = match &form["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).filter(|it| *it != "null").collect(),
            one => vec![one.as_str().unwrap_or("any")],
        };
        let format = form["format"].as_str().map(|it| format!(" ({it})")).unwrap_or_default();
        match types.join(" or ").as_str() {
            "array" => format!("list of {}", kind(document, &form["items"])),
            name => format!("{name}{format}"),
        }
    });
    let mut words: Vec<String> = words.collect();
    words.dedup();
    words.join(" or ")
}
