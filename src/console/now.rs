//! The start page.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;

use super::frame::{Frame, Place, page};
use super::signed::Signed;
use crate::app::App;

#[derive(Template)]
#[template(path = "console/now.html")]
struct Now {
    frame: Frame,
}

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/", get(now))
}

async fn now(signed: Signed) -> Response {
    page(&Now { frame: signed.frame(Place::Now, signed.words.say("console-nav-now")) })
}
