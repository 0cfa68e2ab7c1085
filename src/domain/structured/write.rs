//! Writes a structure as the text of a notice file, one member a line, and remembers where each line came from.

use toml::value::Datetime;

use super::json::Node;
use super::{MEMBERS, Place, Places, ROWS, Structured, escaped, rows};
use crate::domain::front_matter::sections;
use crate::domain::locale::Locale;
use crate::domain::problem::Problems;
use crate::domain::rows_file::Rows;

/// Fields that are times: JSON has them as texts, TOML has not.
const TIMES: [&str; 12] = [
    "closes_at",
    "discovered_at",
    "next_update_at",
    "occurred_from",
    "occurred_until",
    "previous_end",
    "previous_start",
    "resolved_at",
    "send_at",
    "started_at",
    "window_end",
    "window_start",
];

/// The time of each recipient's own zone.
const LOCAL: &str = "send_at_local";

/// Fields that are days.
const DATES: [&str; 4] = ["due_date", "effective_date", "right_until", "until"];

/// The members that are tables.
const TABLES: [&str; 3] = ["audience", "fields", "schedule"];

/// The text so far.
#[derive(Default)]
struct Writer {
    text: String,
    places: Places,
    problems: Problems,
    bodies: Vec<String>,
}

/// Writes the structure that has these members.
pub(super) fn write(members: &[(String, Node)]) -> Structured {
    let mut writer = Writer::default();
    let mut rows = None;
    writer.section("", "", members, &mut rows);
    match members.iter().find(|(name, _)| name == "editions").map(|(_, node)| node) {
        None | Some(Node::Null) => {}
        Some(Node::Map(editions)) => {
            let mut editions: Vec<_> = editions.iter().collect();
            editions.sort_by(|one, other| one.0.cmp(&other.0));
            for (label, edition) in editions {
                writer.edition(label, edition);
            }
        }
        Some(_) => writer.problems.add_at("/editions", "must be an object of editions by language, such as `sv`"),
    }
    writer.refuse_sections();
    let Writer { text, places, problems, .. } = writer;
    Structured { source: text, rows, places, problems }
}

impl Writer {
    fn line(&mut self, text: &str, pointer: &str) {
        self.text += text;
        self.text.push('\n');
        self.places.lines.push(pointer.to_owned());
    }

    fn edition(&mut self, label: &str, edition: &Node) {
        let pointer = format!("/editions/{}", escaped(label));
        // It stands in the text as it is: anything else could say something of its own.
        if let Err(problem) = label.parse::<Locale>() {
            return self.problems.add_at(pointer, problem);
        }
        match edition {
            Node::Map(members) => self.section(label, &pointer, members, &mut None),
            _ => self.problems.add_at(pointer, "must be an object with `subject`, `fields` and `body`"),
        }
    }

    /// Writes a section: of the whole notice, or of one edition.
    fn section(&mut self, label: &str, pointer: &str, members: &[(String, Node)], rows: &mut Option<Rows>) {
        let line = self.places.lines.len() + 1;
        self.line(format!("+++ {label}").trim_end(), pointer);
        let is_first = label.is_empty();
        let of_file = |name: &str| !(name == "body" || (is_first && name == "editions"));
        let is_table = |name: &str, node: &Node| TABLES.contains(&name) && matches!(node, Node::Map(_));
        let mut plain: Vec<_> = members.iter().filter(|(name, node)| of_file(name) && !is_table(name, node)).collect();
        let order = |name: &str| MEMBERS.iter().position(|member| *member == name).unwrap_or(MEMBERS.len());
        plain.sort_by(|one, other| (order(&one.0), &one.0).cmp(&(order(&other.0), &other.0)));
        for (name, node) in plain {
            self.member(name, node, pointer);
        }
        for table in TABLES {
            let found = members.iter().find(|(name, node)| name == table && is_table(name, node));
            if let Some((_, Node::Map(inner))) = found {
                let mut none = None;
                let rows = if is_first { &mut *rows } else { &mut none };
                self.table(table, inner, pointer, rows);
            }
        }
        self.line("+++", pointer);
        self.places.sections.push(Place { pointer: pointer.to_owned(), line, body_line: self.places.lines.len() + 1 });
        let body_at = format!("{pointer}/body");
        let body = match members.iter().find(|(name, _)| name == "body").map(|(_, node)| node) {
            Some(Node::Text(body)) => body.replace("\r\n", "\n"),
            None | Some(Node::Null) => String::new(),
            Some(_) => {
                self.problems.add_at(&body_at, "must be text");
                String::new()
            }
        };
        let lines = body.strip_suffix('\n').unwrap_or(&body);
        if !body.is_empty() {
            lines.split('\n').for_each(|line| self.line(line, &body_at));
        }
        self.bodies.push(body);
    }

    fn table(&mut self, table: &str, members: &[(String, Node)], prefix: &str, rows: &mut Option<Rows>) {
        let pointer = format!("{prefix}/{table}");
        self.line(&format!("[{table}]"), &pointer);
        let mut members: Vec<_> = members.iter().collect();
        members.sort_by(|one, other| one.0.cmp(&other.0));
        for (name, node) in members {
            match (table, name.as_str()) {
                ("audience", "file") => {
                    let problem = "is not read from this machine: send the rows themselves, in `rows`";
                    self.problems.add_at(format!("{pointer}/file"), problem);
                }
                ("audience", "rows") if prefix.is_empty() => {
                    *rows = Some(rows::read(node, &mut self.problems));
                    self.line(&format!("file = \"{ROWS}\""), &format!("{pointer}/rows"));
                }
                _ => self.member(name, node, &pointer),
            }
        }
    }

    /// Writes a member; one that is null is not there.
    fn member(&mut self, name: &str, node: &Node, prefix: &str) {
        let pointer = format!("{prefix}/{}", escaped(name));
        if *node == Node::Null {
            return;
        }
        let value = if TIMES.contains(&name) {
            time(node, &|it| it.offset.is_some() && it.time.is_some())
                .ok_or("must be a time with its offset from UTC, such as \"2026-12-01T22:00:00+01:00\"")
        } else if name == LOCAL {
            time(node, &|it| it.offset.is_none() && it.time.is_some())
                .ok_or("must be a local time without an offset, such as \"2026-12-01T09:00:00\"")
        } else if DATES.contains(&name) {
            time(node, &|it| it.time.is_none()).ok_or("must be a date, such as \"2026-12-01\"")
        } else {
            value(node).ok_or("has a null in it, which says nothing")
        };
        match value {
            Ok(value) => self.line(&format!("{} = {value}", key(name)), &pointer),
            Err(problem) => self.problems.add_at(pointer, problem),
        }
    }

    /// Refuses a body that says more than a body: a line `+++` begins a section.
    fn refuse_sections(&mut self) {
        let read = sections(&self.text);
        let same = read.is_ok_and(|read| read.iter().map(|it| it.markdown()).eq(self.bodies.iter().map(ended)));
        if same {
            return;
        }
        let before = self.problems.0.len();
        for (place, body) in self.places.sections.iter().zip(&self.bodies) {
            let found = body.lines().position(|line| line.trim_start().starts_with("+++"));
            if let Some(line) = found {
                let problem = "a line that begins with `+++` begins a section of a notice file: put it into a code block, \
                               between two lines ```";
                self.problems.add_at(format!("{}/body", place.pointer), problem);
                self.problems.0.last_mut().expect("it was just added").line = line + 1;
            }
        }
        if self.problems.0.len() == before {
            self.problems.add_at("/body", "cannot be written as a notice file");
        }
    }
}

/// A body as the text has it: with the end of its last line.
fn ended(body: &String) -> String {
    if body.is_empty() || body.ends_with('\n') { body.clone() } else { format!("{body}\n") }
}

/// A text as a TOML time, if it is one of the kind.
fn time(node: &Node, is_of_kind: &dyn Fn(&Datetime) -> bool) -> Option<String> {
    let Node::Text(text) = node else { return None };
    let time: Datetime = text.trim().parse().ok()?;
    (time.date.is_some() && is_of_kind(&time)).then(|| time.to_string())
}

/// A key, in quotes unless it is a plain word.
fn key(name: &str) -> String {
    let is_plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if is_plain { name.to_owned() } else { quoted(name) }
}

/// A text in quotes, on one line: what JSON escapes, TOML understands.
fn quoted(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a text serialises");
    quoted.replace('\u{7f}', "\\u007f")
}

/// A value as TOML; `None` if there is a null in it.
fn value(node: &Node) -> Option<String> {
    Some(match node {
        Node::Null => return None,
        Node::Bool(flag) => flag.to_string(),
        Node::Number(number) => match number.as_i64() {
            Some(number) => number.to_string(),
            None => toml::Value::Float(number.as_f64()?).to_string(),
        },
        Node::Text(text) => quoted(text),
        Node::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(value).collect();
            format!("[{}]", items?.join(", "))
        }
        Node::Map(members) => {
            let mut members: Vec<_> = members.iter().filter(|(_, node)| *node != Node::Null).collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            let members: Option<Vec<String>> =
                members.iter().map(|(name, node)| Some(format!("{} = {}", key(name), value(node)?))).collect();
            format!("{{ {} }}", members?.join(", "))
        }
    })
}
