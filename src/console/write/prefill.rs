//! The form of a notice that was written before: a draft that is edited, the next notice of a matter, a copy.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::document::{Whom, joined};
use super::filled::Filled;
use super::twice;
use crate::domain::category::Category;
use crate::domain::fields::{Fields, Takes};

/// Fills a form in with a structured notice. Times are written in `zone`.
#[must_use]
pub fn prefill(document: &Value, category: Category, zone: &TimeZone) -> Filled {
    let mut filled = Filled::default();
    filled.set("category", category.as_str());
    for name in ["subject", "reference", "follows", "body"] {
        set(&mut filled, name, text(&document[name]));
    }
    fields(&mut filled, "", &document["fields"], category, zone);
    audience(&mut filled, document);
    schedule(&mut filled, &document["schedule"], zone);
    for (tag, edition) in document["editions"].as_object().into_iter().flatten() {
        for name in ["subject", "body"] {
            set(&mut filled, &format!("e.{tag}.{name}"), text(&edition[name]));
        }
        fields(&mut filled, &format!("e.{tag}."), &edition["fields"], category, zone);
    }
    filled
}

fn set(filled: &mut Filled, name: &str, value: String) {
    if !value.is_empty() {
        filled.set(name, value);
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn lines(value: &Value) -> String {
    value.as_array().map_or_else(|| text(value), |items| items.iter().map(text).collect::<Vec<_>>().join("\n"))
}

fn fields(filled: &mut Filled, prefix: &str, fields: &Value, category: Category, zone: &TimeZone) {
    for input in Fields::inputs(category) {
        let value = &fields[input.key];
        let text = match input.takes {
            Takes::List => lines(value),
            Takes::Time => {
                set_time(filled, &format!("{prefix}f.{}", input.key), &text(value), zone);
                continue;
            }
            _ => text(value),
        };
        set(filled, &format!("{prefix}f.{}", input.key), text);
    }
}

fn audience(filled: &mut Filled, document: &Value) {
    let audience = &document["audience"];
    let is_on = |name: &str| audience[name].as_bool() == Some(true);
    let has = |name: &str| !audience[name].is_null();
    let whom = if is_on("all") {
        Whom::All
    } else if has("rows") || has("file") {
        Whom::Rows
    } else if has("customers") || has("attributes") {
        Whom::Some
    } else if is_on("open") {
        Whom::Nobody
    } else if document["follows"].is_string() {
        Whom::Followed
    } else {
        return;
    };
    filled.set("audience", whom.as_str());
    set(filled, "customers", lines(&audience["customers"]));
    let attributes: Vec<String> = audience["attributes"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, values)| format!("{name}: {}", listed(values)))
        .collect();
    set(filled, "attributes", attributes.join("\n"));
    for name in ["include_left", "open"] {
        if is_on(name) && (name, whom) != ("open", Whom::Nobody) {
            filled.set(name, "on");
        }
    }
}

fn listed(values: &Value) -> String {
    joined(values.as_array().into_iter().flatten().filter_map(Value::as_str))
}

fn schedule(filled: &mut Filled, schedule: &Value, zone: &TimeZone) {
    if schedule["send_at"].is_string() {
        filled.set("when", "at");
        set_time(filled, "send_at", &text(&schedule["send_at"]), zone);
    }
    if schedule["send_at_local"].is_string() {
        filled.set("when", "local");
        let local = text(&schedule["send_at_local"]);
        // Browsers write no seconds that are 0.
        set(
            filled,
            "send_at_local",
            local.strip_suffix(":00").filter(|it| it.len() == 16).unwrap_or(&local).to_owned(),
        );
    }
    for name in ["spread", "reminder", "every", "until"] {
        set(filled, name, text(&schedule[name]));
    }
    if let Some(reminders) = schedule["reminders"].as_array() {
        let written: Vec<String> = reminders.iter().map(text).collect();
        filled.set("reminders", if written.is_empty() { "none".to_owned() } else { written.join(", ") });
    }
}

/// Sets a time, and which of two it is.
fn set_time(filled: &mut Filled, field: &str, text: &str, zone: &TimeZone) {
    set(filled, field, local(text, zone));
    let offset = text.parse().ok().and_then(|at| twice::chosen(at, zone));
    set(filled, &twice::choice(field), offset.unwrap_or_default());
}

/// A time as a control of the form has it, in the form's zone. What is no time stays as it is.
fn local(text: &str, zone: &TimeZone) -> String {
    let Ok(at) = text.parse::<Timestamp>() else { return text.to_owned() };
    let zoned = at.to_zoned_datetime(zone.clone());
    let form = if zoned.second() == 0 { "%Y-%m-%dT%H:%M" } else { "%Y-%m-%dT%H:%M:%S" };
    zoned.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::console::write::document::{Document, document};

    fn zone() -> TimeZone {
        TimeZone::get("Europe/Stockholm").unwrap()
    }

    /// Notices with all that a form can say.
    fn notices() -> [(Category, Value); 6] {
        [
            (
                Category::Maintenance,
                json!({
                    "category": "maintenance", "reference": "CHG-1", "subject": "Work",
                    "audience": { "attributes": { "plan": ["a, b", "c"], "region": ["sto1"] }, "customers": ["C1", "C2"] },
                    "fields": {
                        "phase": "announced", "services": ["One", "Two"], "impact": "Slow.", "impact_level": "degraded",
                        "window_start": "2026-07-01T22:00:00+02:00", "window_end": "2026-07-02T02:00:07+02:00",
                    },
                    "schedule": { "send_at_local": "2026-06-01T09:00:00", "spread": "2 h", "reminders": [] },
                    "body": "Hello\nthere\n",
                    "editions": { "sv": { "subject": "Arbete", "fields": { "impact": "Trögt." }, "body": "Hej\n" } },
                }),
            ),
            (
                Category::Maintenance,
                json!({
                    "category": "maintenance", "audience": { "all": true },
                    "fields": {
                        "phase": "announced", "services": ["One"], "impact": "Slow.",
                        "window_start": "2026-07-07T22:00:00+02:00", "window_end": "2026-07-08T02:00:00+02:00",
                    },
                    "schedule": {
                        "send_at": "2026-06-01T09:00:00+02:00", "spread": "2 h", "reminders": ["1 day"], "reminder": "1 day",
                        "every": "monthly, first Tuesday 22:00", "until": "2027-06-30",
                    },
                    "body": "x",
                }),
            ),
            (
                Category::Maintenance,
                json!({
                    "category": "maintenance", "audience": { "all": true },
                    "fields": {
                        "phase": "announced", "services": ["One"], "impact": "Slow.",
                        "window_start": "2026-10-25T02:30:00+02:00", "window_end": "2026-10-25T02:30:00+01:00",
                    },
                    "schedule": { "send_at": "2025-10-26T02:59:59+01:00" },
                    "body": "x",
                }),
            ),
            (
                Category::News,
                json!({ "category": "news", "audience": { "all": true, "open": true }, "fields": { "title": "New" }, "body": "x" }),
            ),
            (
                Category::News,
                json!({ "category": "news", "audience": { "open": true }, "fields": { "title": "New" }, "body": "x" }),
            ),
            (
                Category::News,
                json!({ "category": "news", "follows": "X-1", "fields": { "title": "New" }, "body": "x" }),
            ),
        ]
    }

    #[test]
    fn a_form_that_is_prefilled_says_the_same_notice() {
        for (category, notice) in notices() {
            let filled = prefill(&notice, category, &zone());
            let Document { value, problems } = document(&filled, category, &zone(), None);
            assert!(problems.is_empty(), "{problems}");
            assert_eq!(value, notice);
        }
    }

    #[test]
    fn a_time_is_shown_in_the_zone_of_the_form() {
        assert_eq!(local("2026-12-01T21:00:00Z", &zone()), "2026-12-01T22:00");
        assert_eq!(local("2026-07-01T22:00:00+02:00", &TimeZone::UTC), "2026-07-01T20:00");
        assert_eq!(local("soon", &zone()), "soon");
    }
}
