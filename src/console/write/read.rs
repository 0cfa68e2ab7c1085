//! The draft that a form says, or what is wrong with it: at its controls, all at once.

use jiff::tz::TimeZone;

use super::document::{Document, control, document};
use super::filled::Filled;
use crate::console::form::Faults;
use crate::console::words::Words;
use crate::domain::category::Category;
use crate::domain::locale::ZoneName;
use crate::domain::problem::{Problem, Problems};
use crate::domain::rows_file::Rows;
use crate::notices::{Draft, NoticeError};

/// The zone in which the times of a form are meant: the one that it was made in, else the operator's.
#[must_use]
pub fn zone(filled: &Filled, words: &Words) -> TimeZone {
    filled.get("zone").parse::<ZoneName>().unwrap_or_else(|_| words.zone().clone()).time_zone()
}

/// Reads the draft that a form says.
///
/// # Errors
/// All problems, each at its place in the document.
pub fn draft(
    filled: &Filled,
    category: Category,
    zone: &TimeZone,
    rows: Result<Option<Rows>, Problems>,
) -> Result<Draft, Problems> {
    let (rows, wrong_rows) = match rows {
        Ok(rows) => (rows, Problems::default()),
        Err(problems) => (None, problems),
    };
    let Document { value, problems: unwritten } = document(filled, category, zone, rows.as_ref());
    let mut own = wrong_rows;
    let says = |own: &Problems, problem: &Problem| own.0.iter().any(|it| it.pointer == problem.pointer);
    let new: Vec<Problem> = unwritten.0.into_iter().filter(|it| !says(&own, it)).collect();
    own.0.extend(new);
    match Draft::structured(value.to_string().as_bytes()) {
        Ok(draft) if own.is_empty() => Ok(draft),
        Ok(_) => Err(own),
        Err(others) => {
            // What could not be written seems to be missing: that is said once.
            let others: Vec<Problem> = others.0.into_iter().filter(|it| !is_said(&own, it)).collect();
            own.0.extend(others);
            Err(own)
        }
    }
}

/// True if a problem, or the one that stands behind it, is named already.
fn is_said(own: &Problems, problem: &Problem) -> bool {
    let of_audience = |it: &Problem| it.pointer.as_deref().is_some_and(|it| it.starts_with("/audience"));
    own.0.iter().any(|it| it.pointer == problem.pointer || (of_audience(it) && of_audience(problem)))
}

/// Problems as faults of the form's controls.
#[must_use]
pub fn faults(words: &Words, problems: &Problems) -> Faults {
    let mut faults = Faults::default();
    for problem in &problems.0 {
        let place = problem.pointer.as_deref().map(control).unwrap_or_default();
        let line = if problem.line > 0 {
            words.say_with("console-write-line", &[("line", problem.line as u64)])
        } else {
            String::new()
        };
        let suggestion = problem.suggestion.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
        let value = problem.value.as_ref().map(|it| format!("“{it}” ")).unwrap_or_default();
        let text = format!("{line}{value}{}{suggestion}", problem.problem);
        let text = match label(words, &place) {
            Some(label) => format!("{label}: {text}"),
            None => text,
        };
        faults.add(place, text);
    }
    faults
}

/// The problems of a draft that a service refuses, at their places in the form.
///
/// # Errors
/// The error itself, if it is none of a form.
pub fn refused(draft: &Draft, error: NoticeError) -> Result<Problems, NoticeError> {
    let at = |pointer: &str, text: String| {
        let mut problems = Problems::default();
        problems.add_at(pointer, text);
        problems
    };
    match error {
        NoticeError::NotReady(problems) | NoticeError::Invalid(problems) => Ok(draft.placed(problems)),
        error @ NoticeError::Unknown(_) | error @ NoticeError::Ambiguous { .. } => {
            Ok(at("/follows", error.to_string()))
        }
        error @ NoticeError::Audience(_) if !error.may_pass() && error.kind() != crate::domain::kind::Kind::Failed => {
            Ok(at("/audience", error.to_string()))
        }
        error @ (NoticeError::Render(_) | NoticeError::Compose(_)) => Ok(at("", error.to_string())),
        error => Err(error),
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
