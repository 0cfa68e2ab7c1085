//! Writing a notice: a category in plain words, then the form that is made from its fields. The form says a structured notice
//! ([`document`]), which is read, checked and stored as one that comes by the HTTP API.

mod begun;
mod document;
mod edit;
mod filled;
mod new;
mod page;
mod prefill;
mod preview;
mod read;
mod rows;
mod save;
pub(super) mod sent;
mod twice;

use axum::Router;
use axum::extract::DefaultBodyLimit;

use crate::app::App;

/// The routes.
pub fn routes() -> Router<App> {
    let forms = new::routes().merge(edit::routes()).merge(preview::of_forms());
    // A form may have a file with it.
    forms.layer(DefaultBodyLimit::max(sent::READ)).merge(preview::routes())
}
