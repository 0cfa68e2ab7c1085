//! The structured notice that a form says, as the HTTP API takes it: there is one reader of notices, and this is not a second one.

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::filled::Filled;
use super::twice::{self, civil};
use crate::domain::category::Category;
use crate::domain::fields::{Fields, Takes};
use crate::domain::problem::Problems;
use crate::domain::rows_file::Rows;
use crate::domain::wrong::Wrong;

/// What the audience of a form is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// All customers.
    All,
    /// Those with attributes, or that are named.
    Some,
    /// Those in a file.
    Rows,
    /// Those of the notice that it follows.
    Followed,
    /// Nobody yet: they are added to a standing notice.
    Nobody,
}

impl Whom {
    /// Every choice, in the order of the form.
    pub const ALL: [Self; 5] = [Self::All, Self::Some, Self::Rows, Self::Followed, Self::Nobody];

    /// The value of its button.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Some => "some",
            Self::Rows => "rows",
            Self::Followed => "followed",
            Self::Nobody => "nobody",
        }
    }

    /// The choice of a form.
    #[must_use]
    pub fn of(filled: &Filled) -> Option<Self> {
        Self::ALL.into_iter().find(|whom| whom.as_str() == filled.get("audience"))
    }
}

/// A document, and what of the form could not be written into it.
#[derive(Debug)]
pub struct Document {
    /// The structured notice.
    pub value: Value,
    /// Problems at their places in the document.
    pub problems: Problems,
}

/// Writes the document of a form. Its times are those of `zone`; `rows` are those of its audience, if it is a file.
#[must_use]
pub fn document(filled: &Filled, category: Category, zone: &TimeZone, rows: Option<&Rows>) -> Document {
    let mut writer = Writer { filled, zone, problems: Problems::default() };
    let mut members = Map::new();
    members.insert("category".to_owned(), category.as_str().into());
    for name in ["subject", "reference", "follows"] {
        insert(&mut members, name, filled.text(name).map(Value::from));
    }
    insert(&mut members, "audience", writer.audience(rows));
    members.insert("fields".to_owned(), Value::Object(writer.fields("", category)));
    let schedule = writer.schedule();
    insert(&mut members, "schedule", (!schedule.is_empty()).then_some(Value::Object(schedule)));
    members.insert("body".to_owned(), body(filled.get("body")).into());
    let editions: Map<String, Value> =
        filled.languages().into_iter().map(|tag| (tag.clone(), writer.edition(&tag, category))).collect();
    insert(&mut members, "editions", (!editions.is_empty()).then_some(Value::Object(editions)));
    Document { value: Value::Object(members), problems: writer.problems }
}

fn insert(members: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    value.map(|value| members.insert(name.to_owned(), value));
}

/// A text as it was typed into a box: browsers send CRLF.
fn body(text: &str) -> String {
    text.replace("\r\n", "\n")
}

struct Writer<'a> {
    filled: &'a Filled,
    zone: &'a TimeZone,
    problems: Problems,
}

impl Writer<'_> {
    fn audience(&mut self, rows: Option<&Rows>) -> Option<Value> {
        let filled = self.filled;
        let mut audience = Map::new();
        match Whom::of(filled) {
            None => return None,
            Some(Whom::All) => insert(&mut audience, "all", Some(true.into())),
            Some(Whom::Some) => {
                let customers: Vec<Value> = words(filled.get("customers")).map(Value::from).collect();
                insert(&mut audience, "customers", (!customers.is_empty()).then_some(customers.into()));
                insert(&mut audience, "attributes", self.attributes());
                if audience.is_empty() {
                    audience.insert("customers".to_owned(), Value::Array(Vec::new()));
                }
            }
            Some(Whom::Rows) => match rows {
                Some(rows) => insert(&mut audience, "rows", Some(written(rows))),
                None => self
                    .problems
                    .add_at("/audience/rows", Wrong::known("no-file", "choose the file with the customers")),
            },
            // A follow-up without an audience of its own goes to them.
            Some(Whom::Followed) => {}
            Some(Whom::Nobody) => insert(&mut audience, "open", Some(true.into())),
        }
        for name in ["include_left", "open"] {
            if filled.is_on(name) {
                audience.insert(name.to_owned(), true.into());
            }
        }
        (!audience.is_empty()).then_some(Value::Object(audience))
    }

    /// Lines such as `region: sto1, sto2`.
    fn attributes(&mut self) -> Option<Value> {
        let mut attributes: Map<String, Value> = Map::new();
        for line in self.filled.lines("attributes") {
            let Some((name, values)) = line.split_once([':', '=']).filter(|(name, _)| !name.trim().is_empty()) else {
                let problem = format!("`{}` has no name and value, such as `region: sto1`", line.escape_debug());
                let problem = Wrong::known("no-attribute", problem).with("line", line);
                self.problems.add_at("/audience/attributes", problem);
                continue;
            };
            let entry = attributes.entry(name.trim().to_owned()).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(known) = entry {
                known.extend(split(values).into_iter().map(Value::from));
            }
        }
        (!attributes.is_empty()).then_some(Value::Object(attributes))
    }

    /// The fields of the default language, or those that the language with this prefix translates.
    fn fields(&mut self, prefix: &str, category: Category) -> Map<String, Value> {
        let mut fields = Map::new();
        for input in Fields::inputs(category) {
            let name = format!("{prefix}f.{}", input.key);
            let value = match input.takes {
                Takes::List => {
                    let lines: Vec<Value> = self.filled.lines(&name).into_iter().map(Value::from).collect();
                    (!lines.is_empty()).then_some(Value::Array(lines))
                }
                Takes::Time => {
                    self.filled.text(&name).map(|text| self.time(text, &name, &format!("/fields/{}", input.key)))
                }
                Takes::Text => self.filled.text(&name).map(|text| paragraph(text).into()),
                Takes::Line | Takes::Date | Takes::Choice(_) | Takes::Link => self.filled.text(&name).map(Value::from),
            };
            insert(&mut fields, input.key, value);
        }
        fields
    }

    fn edition(&mut self, tag: &str, category: Category) -> Value {
        let prefix = format!("e.{tag}.");
        let mut members = Map::new();
        insert(&mut members, "subject", self.filled.text(&format!("{prefix}subject")).map(Value::from));
        let fields = self.fields(&prefix, category);
        insert(&mut members, "fields", (!fields.is_empty()).then_some(Value::Object(fields)));
        members.insert("body".to_owned(), body(self.filled.get(&format!("{prefix}body"))).into());
        Value::Object(members)
    }

    fn schedule(&mut self) -> Map<String, Value> {
        let (filled, mut schedule) = (self.filled, Map::new());
        match filled.get("when") {
            "at" => {
                let at = filled.text("send_at").map(|text| self.time(text, "send_at", "/schedule/send_at"));
                if at.is_none() {
                    self.problems.add_at("/schedule/send_at", missing());
                }
                insert(&mut schedule, "send_at", at);
            }
            "local" => {
                let at = filled.text("send_at_local").map(|text| match civil(text) {
                    Some(at) => Value::String(at.strftime("%Y-%m-%dT%H:%M:%S").to_string()),
                    None => text.into(),
                });
                if at.is_none() {
                    self.problems.add_at("/schedule/send_at_local", missing());
                }
                insert(&mut schedule, "send_at_local", at);
            }
            _ => {}
        }
        for name in ["spread", "reminder", "every", "until"] {
            insert(&mut schedule, name, filled.text(name).map(Value::from));
        }
        let reminders = match filled.text("reminders") {
            None => None,
            Some(text) if text.eq_ignore_ascii_case("none") => Some(Vec::new()),
            Some(text) => Some(text.split(',').map(|it| Value::from(it.trim())).collect()),
        };
        insert(&mut schedule, "reminders", reminders.map(Value::Array));
        schedule
    }

    /// A time of the form's zone with its offset. What is no time stays as it was typed, and is refused once.
    fn time(&mut self, text: &str, field: &str, place: &str) -> Value {
        if text.parse::<jiff::Timestamp>().is_ok() {
            return text.into();
        }
        match civil(text)
            .map(|local| twice::at(self.filled, field, local, self.zone).to_zoned_datetime(self.zone.clone()))
        {
            Some(zoned) => Value::String(zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()),
            None => {
                let text = "must be a date with a time, such as `2026-12-01 22:00`";
                self.problems.add_at(place, Wrong::known("not-a-time", text));
                text.into()
            }
        }
    }
}

/// A field is one paragraph: lines that were typed are joined.
fn paragraph(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Words between blanks, commas and line ends.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter(|word| !word.is_empty())
}

/// Values between commas; one with a comma in it is in quotes, a quote in it is doubled.
fn split(values: &str) -> Vec<String> {
    let (mut found, mut value, mut is_quoted, mut chars) =
        (Vec::new(), String::new(), false, values.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => value.extend(chars.next()),
            '"' if is_quoted || value.trim().is_empty() => is_quoted = !is_quoted,
            ',' if !is_quoted => found.push(std::mem::take(&mut value)),
            _ => value.push(c),
        }
    }
    found.push(value);
    found.iter().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
}

/// Values as [`split`] reads them.
#[must_use]
pub fn joined<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let quoted = |value: &str| match value.contains([',', '"']) {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value.to_owned(),
    };
    values.map(quoted).collect::<Vec<_>>().join(", ")
}

/// The rows of an audience, as a document has them.
fn written(rows: &Rows) -> Value {
    let row =
        |(account, values): (&crate::domain::customer::AccountId, &std::collections::BTreeMap<String, String>)| {
            let mut members: Map<String, Value> =
                values.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
            members.insert("account_id".to_owned(), account.as_str().into());
            Value::Object(members)
        };
    rows.rows.iter().map(row).collect()
}

/// What is wrong with a time that was chosen and not written.
fn missing() -> Wrong {
    Wrong::known("no-send-at", "is missing: write the date and the time")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::places::control;
    use serde_json::json;

    fn filled(pairs: &[(&str, &str)]) -> Filled {
        pairs.iter().copied().collect()
    }

    fn stockholm() -> TimeZone {
        TimeZone::get("Europe/Stockholm").unwrap()
    }

    #[test]
    fn a_form_becomes_the_document_that_it_says() {
        let form = filled(&[
            ("f.phase", "announced"),
            ("f.services", "Object storage\r\n\r\n Block storage "),
            ("f.window_start", "2026-12-01T22:00"),
            ("f.window_end", "2026-12-02 02:00"),
            ("f.impact", "Reads are slow.\r\nWrites too."),
            ("e.sv.f.impact", "Långsamt."),
            ("e.sv.subject", " "),
            ("audience", "some"),
            ("attributes", "region: sto1, sto2\nplan = \"pro, large\""),
            ("customers", "C1, C2\nC3"),
            ("reference", "CHG-1"),
            ("when", "at"),
            ("send_at", "2026-11-25T09:00"),
            ("reminders", "7 days, 1 day"),
            ("body", "Hello\r\nthere"),
        ]);
        let Document { value, problems } = document(&form, Category::Maintenance, &stockholm(), None);
        assert!(problems.is_empty(), "{problems}");
        let wanted = json!({
            "category": "maintenance",
            "reference": "CHG-1",
            "audience": {
                "attributes": { "region": ["sto1", "sto2"], "plan": ["pro, large"] },
                "customers": ["C1", "C2", "C3"],
            },
            "fields": {
                "phase": "announced",
                "services": ["Object storage", "Block storage"],
                "window_start": "2026-12-01T22:00:00+01:00",
                "window_end": "2026-12-02T02:00:00+01:00",
                "impact": "Reads are slow. Writes too.",
            },
            "schedule": { "send_at": "2026-11-25T09:00:00+01:00", "reminders": ["7 days", "1 day"] },
            "body": "Hello\nthere",
            "editions": { "sv": { "fields": { "impact": "Långsamt." }, "body": "" } },
        });
        assert_eq!(value, wanted);
    }

    #[test]
    fn what_cannot_be_written_is_said_at_its_place() {
        let form = filled(&[("audience", "rows"), ("f.window_start", "tomorrow"), ("when", "at")]);
        let Document { problems, .. } = document(&form, Category::Maintenance, &stockholm(), None);
        let controls: Vec<String> = problems.0.iter().map(|it| control(it.pointer.as_deref().unwrap())).collect();
        assert_eq!(controls, ["rows", "f.window_start", "send_at"]);
        let form = filled(&[("audience", "some"), ("attributes", "everybody")]);
        let Document { problems, .. } = document(&form, Category::News, &stockholm(), None);
        assert_eq!(control(problems.0[0].pointer.as_deref().unwrap()), "attributes");
    }

    #[test]
    fn an_audience_that_selects_nobody_never_means_everybody() {
        let form = filled(&[("audience", "some")]);
        let Document { value, .. } = document(&form, Category::News, &stockholm(), None);
        assert_eq!(value["audience"], json!({ "customers": [] }));
        let Document { value, .. } = document(&Filled::default(), Category::News, &stockholm(), None);
        assert_eq!(value.get("audience"), None);
    }

    #[test]
    fn each_place_has_its_control() {
        for (pointer, wanted) in [
            ("/fields/services/1", "f.services"),
            ("/editions/sv/fields/impact", "e.sv.f.impact"),
            ("/editions/sv/body", "e.sv.body"),
            ("/audience/attributes/a~1b", "attributes"),
            ("/audience/all", "audience"),
            ("/schedule/send_at", "send_at"),
            ("/subject", "subject"),
            ("", ""),
            ("/unheard", ""),
        ] {
            assert_eq!(control(pointer), wanted, "{pointer}");
        }
    }
}
