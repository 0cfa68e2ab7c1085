//! The draft that a form says, or what is wrong with it: at its controls, all at once.

use jiff::tz::TimeZone;

use super::document::{Document, document};
use super::filled::Filled;
use crate::console::places::SAID;
use crate::console::said::Said;
use crate::console::words::Words;
use crate::domain::category::Category;
use crate::domain::locale::ZoneName;
use crate::domain::problem::{Problem, Problems};
use crate::domain::rows_file::Rows;
use crate::domain::wrong::Wrong;
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
    if let Some(zone) = filled.text("zone").filter(|zone| zone.parse::<ZoneName>().is_err()) {
        own.add_at("/zone", format!("`{}` is not a time zone, such as Europe/Stockholm", zone.escape_debug()));
    }
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

/// The problems of a draft that a service refuses, at their places in the form.
///
/// # Errors
/// The error itself, if it is none of a form.
pub fn refused(words: &Words, draft: &Draft, error: NoticeError) -> Result<Problems, NoticeError> {
    let at = |pointer: &str, text: String, said: Option<Said>| {
        let mut problems = Problems::default();
        match said {
            Some(said) => problems.add_at(pointer, Wrong::known(SAID, said.text(words))),
            None => problems.add_at(pointer, text),
        }
        problems
    };
    match error {
        NoticeError::NotReady(problems) | NoticeError::Invalid(problems) => Ok(draft.placed(problems)),
        error @ NoticeError::Unknown(_) | error @ NoticeError::Ambiguous { .. } => {
            Ok(at("/follows", error.to_string(), Said::of(&error)))
        }
        NoticeError::Audience(error) if !error.may_pass() && error.kind() != crate::domain::kind::Kind::Failed => {
            Ok(at("/audience", error.to_string(), Said::of_audience(&error)))
        }
        error @ (NoticeError::Render(_) | NoticeError::Compose(_)) => Ok(at("", error.to_string(), None)),
        error => Err(error),
    }
}
