//! Why the sending of a notice has stopped: an operator has paused or cancelled it.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::notice::writers::REFUSED;
use crate::domain::notice::{State, Step};
use crate::people::mask::mask_words;
use crate::store::notices::{Kept, steps};
use crate::store::{Conn, StoreError};

/// The step by which the sending of a notice was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = coverage::Stopped)]
pub struct Stopped {
    /// `paused` or `cancelled`.
    pub what: &'static str,
    /// Who stopped it; empty once the record of that is deleted.
    pub operator: String,
    /// Why, in that operator's words.
    pub reason: Option<String>,
    /// When, as far as that is on record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

/// Finds why the sending of a notice has stopped, if it has. Addresses in the reason are masked that the reader may not see.
pub(super) async fn stopped(conn: &mut Conn, notice: &Kept, sees: bool) -> Result<Option<Stopped>, StoreError> {
    let (what, step) = match notice.state {
        State::Cancelled => ("cancelled", Step::Cancel),
        _ if notice.is_paused() => ("paused", Step::Pause),
        _ => return Ok(None),
    };
    let steps = steps::list(conn, notice.id).await?;
    let taken = |reason: &Option<String>| !reason.as_deref().is_some_and(|reason| reason.starts_with(REFUSED));
    let done = steps.into_iter().rev().find(|done| done.step == step && taken(&done.reason));
    let mut stopped = done.map_or_else(
        || Stopped { what, operator: String::new(), reason: None, at: notice.paused_at },
        |done| Stopped { what, operator: done.operator, reason: done.reason, at: Some(done.at) },
    );
    mask_words(conn, sees, stopped.reason.as_mut()).await?;
    Ok(Some(stopped))
}
