//! Monitoring of this process: `/healthz` (is it alive?), `/readyz` (can it work?) and `/metrics`. No answer contains personal
//! data.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Readiness};
use crate::metrics::MEDIA_TYPE;

/// The longest time that the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

#[derive(Clone)]
struct Observed {
    app: App,
    draining: CancellationToken,
}

/// All routes. `draining` is cancelled when the process is about to end.
pub fn routes(app: App, draining: CancellationToken) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(app.clone()).merge(health_routes(app, draining))
}

/// The routes that may be on a public address too: the numbers of a business are not for everybody.
pub fn health_routes(app: App, draining: CancellationToken) -> Router {
    Router::new().route("/healthz", get(health)).route("/readyz", get(readiness)).with_state(Observed { app, draining })
}

/// This does not query the database: losing it is no reason to end the process.
async fn health(State(it): State<Observed>) -> Response {
    let alive = it.app.pulse.is_alive();
    answer(alive, &json!({ "alive": alive }))
}

/// Not ready are `draining`, `database` (it does not answer), `migrations` (its tables are not those of this version).
async fn readiness(State(it): State<Observed>) -> Response {
    let mut not_ready = Vec::new();
    if it.draining.is_cancelled() {
        not_ready.push("draining");
    }
    match timeout(PATIENCE, it.app.readiness()).await {
        Ok(Readiness::Ready) => {}
        Ok(Readiness::NotMigrated) => not_ready.push("migrations"),
        Ok(Readiness::Unusable) | Err(_) => not_ready.push("database"),
    }
    let ready = not_ready.is_empty();
    answer(ready, &json!({ "ready": ready, "not_ready": not_ready }))
}

async fn metrics(State(app): State<App>) -> Response {
    let text = app.metrics.scrape(&app.context.store, &app.context.clock).await;
    ([NO_STORE, (header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response()
}

fn answer(well: bool, body: &Value) -> Response {
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [NO_STORE, (header::CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
}
