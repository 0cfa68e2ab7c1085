//! The controls of the form of a notice, by their places in its document: what is said about a place is shown with its label, on each page.

use super::fault::Fault;
use super::form::Faults;
use super::words::Words;
use crate::domain::category::Category;
use crate::domain::problem::{Problem, Problems};

/// Problems as faults of the form's controls.
#[must_use]
pub fn faults(words: &Words, problems: &Problems) -> Faults {
    let mut faults = Faults::default();
    for problem in &problems.0 {
        let place = control(&pointer(problem));
        let line = if problem.line > 0 {
            words.say_with("console-write-line", &[("line", problem.line as u64)])
        } else {
            String::new()
        };
        let label = label(words, &place).map(|label| format!("{label}: ")).unwrap_or_default();
        let value = problem.value.as_ref().map(|it| format!("“{it}” ")).unwrap_or_default();
        faults.add(place, said(words, problem).behind(format!("{label}{line}{value}")));
    }
    faults
}

/// The code of a text that is in the words of the page already.
pub const SAID: &str = "said";

/// What a problem says, in the words of the page if there are some.
fn said(words: &Words, problem: &Problem) -> Fault {
    let suggestion = problem.suggestion.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
    let Some((code, values)) = problem.code.known() else {
        return Fault::english(format!("{}{suggestion}", problem.problem));
    };
    if code == SAID {
        return format!("{}{suggestion}", problem.problem).into();
    }
    let value = |(name, value): &(&'static str, String)| match *name {
        // A key of a field is shown by its label.
        "field" => (*name, label(words, &format!("f.{value}")).unwrap_or_else(|| value.clone())),
        _ => (*name, value.clone()),
    };
    let values: Vec<_> = values.iter().map(value).collect();
    format!("{}{suggestion}", words.say_with(&format!("console-wrong-{code}"), &values)).into()
}

/// The place of a problem; that of a stored notice has its key.
fn pointer(problem: &Problem) -> String {
    let of_key = || problem.field.split('.').filter(|it| !it.is_empty()).map(|it| format!("/{it}")).collect();
    problem.pointer.as_deref().map_or_else(of_key, str::to_owned)
}

/// The control of a form that a place in its document was written from; empty for none.
#[must_use]
pub fn control(pointer: &str) -> String {
    let parts: Vec<String> =
        pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["fields", key, ..] => format!("f.{key}"),
        ["editions", tag, "fields", key, ..] => format!("e.{tag}.f.{key}"),
        ["editions", tag, member, ..] => format!("e.{tag}.{member}"),
        ["editions", tag] => format!("e.{tag}.body"),
        ["audience", part @ ("customers" | "attributes" | "rows" | "include_left"), ..] => (*part).to_owned(),
        ["audience", ..] => "audience".to_owned(),
        ["schedule", part, ..] => (*part).to_owned(),
        [member @ ("subject" | "reference" | "follows" | "body" | "category" | "zone"), ..] => (*member).to_owned(),
        _ => String::new(),
    }
}

/// The label of a control.
#[must_use]
pub fn label(words: &Words, control: &str) -> Option<String> {
    if let Some((tag, rest)) = control.strip_prefix("e.").and_then(|rest| rest.split_once('.')) {
        return label(words, rest).map(|label| format!("{label} ({tag})"));
    }
    match control.strip_prefix("f.") {
        Some(key) if is_field(key) => Some(words.word("console-field", key)),
        Some(_) => None,
        None => LABELED.contains(&control).then(|| words.word("console-write", control)),
    }
}

/// The controls beside the fields that have a label.
const LABELED: [&str; 16] = [
    "attributes",
    "audience",
    "body",
    "category",
    "customers",
    "every",
    "follows",
    "include_left",
    "reference",
    "reminders",
    "rows",
    "send_at",
    "send_at_local",
    "spread",
    "subject",
    "until",
];

fn is_field(key: &str) -> bool {
    let inputs = Category::ALL.iter().flat_map(|category| crate::domain::fields::Fields::inputs(*category));
    inputs.into_iter().any(|input| input.key == key)
}
