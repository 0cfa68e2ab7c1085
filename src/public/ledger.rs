//! The public ledger: its last checkpoint and its tiles, as C2SP tlog-tiles says. Nobody is named in it: a leaf is a commitment.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::cached::answer;
use crate::app::App;
use crate::domain::checkpoint::Tile;
use crate::domain::kind::Kind;
use crate::ledger::LedgerError;

/// What never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// A tile that is not full: it is asked for until the next one of its place is there.
const FOR_NOW: &str = "public, max-age=3600";

/// The checkpoint: the next one comes any time.
const ASK_AGAIN: &str = "public, no-cache";

/// The routes.
pub fn routes(app: App) -> Router {
    Router::new().route("/ledger/checkpoint", get(checkpoint)).route("/ledger/tile/{*path}", get(tile)).with_state(app)
}

async fn checkpoint(State(app): State<App>, asked: HeaderMap) -> Response {
    match app.ledger.published().await {
        Ok(Some(signed)) => answer(&asked, (ASK_AGAIN, "text/plain; charset=utf-8"), signed.note.into_bytes()),
        Ok(None) => missing("nothing was signed yet\n"),
        Err(error) => failed(&error),
    }
}

async fn tile(State(app): State<App>, Path(path): Path<String>, asked: HeaderMap) -> Response {
    let Some(tile) = Tile::parse(&path) else { return missing("this is no path of a tile\n") };
    let cached = if tile.width == Tile::FULL { FOR_EVER } else { FOR_NOW };
    match app.ledger.tile(tile).await {
        Ok(Some(bytes)) => answer(&asked, (cached, "application/octet-stream"), bytes),
        Ok(None) => missing("the last checkpoint does not cover this tile\n"),
        Err(error) => failed(&error),
    }
}

fn missing(text: &'static str) -> Response {
    (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}

fn failed(error: &LedgerError) -> Response {
    tracing::error!(%error, "a part of the ledger could not be read");
    let status =
        if error.kind() == Kind::Later { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
    (status, [(header::CACHE_CONTROL, "no-store"), (header::RETRY_AFTER, "5")], "try again later\n").into_response()
}
