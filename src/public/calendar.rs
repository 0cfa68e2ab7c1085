//! `GET /c/TOKEN.ics`: a customer's maintenance as a calendar to subscribe to. The token is a secret, and names no person.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::cached::answer;
use crate::app::App;
use crate::domain::kind::Kind;

/// Kept by the client alone, which asks again after a while.
const A_WHILE: &str = "private, max-age=300";

/// The routes.
pub fn routes(app: App) -> Router {
    Router::new().route("/c/{file}", get(calendar)).with_state(app)
}

async fn calendar(State(app): State<App>, Path(file): Path<String>, asked: HeaderMap) -> Response {
    let Some(token) = file.strip_suffix(".ics") else { return missing() };
    match app.feeds.calendar(token).await {
        Ok(Some(calendar)) => answer(&asked, (A_WHILE, "text/calendar; charset=utf-8"), calendar.into_bytes()),
        Ok(None) => missing(),
        Err(error) => {
            let (later, error) = (error.kind() == Kind::Later, error.for_logs());
            tracing::error!(error, "a calendar could not be read");
            let status = if later { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
            (status, [(header::CACHE_CONTROL, "no-store"), (header::RETRY_AFTER, "60")], "try again later\n")
                .into_response()
        }
    }
}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], "there is no such calendar\n").into_response()
}
