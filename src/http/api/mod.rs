//! The API for programs, under `/api/v1`: each request bears the key of an operator, and is answered in JSON.
//!
//! A file for each noun has its `router()`, its handlers, and what only comes in here; what goes out is the view of the service, which the
//! command line prints with `--json`. A handler parses, calls one service with the caller's actor, and shapes the answer. On the way to it
//! ([`enter`]) a request is known by its key ([`key`]), counted ([`rates`]), carried out once ([`idempotency`]) and written into the audit
//! log. What cannot be done is a problem document ([`problem`]).

mod audit;
mod body;
mod customers;
mod deliveries;
mod docs;
mod enter;
mod errors;
mod evidence;
mod holds;
mod idempotency;
mod inbound;
mod informed;
pub mod key;
mod keys;
mod ledger;
mod matters;
mod me;
mod notices;
mod operators;
mod persons;
mod problem;
mod progress;
pub(super) mod rates;
mod relays;
mod shape;
mod subjects;
mod tasks;
mod webhooks;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::domain::kind::Kind;
use crate::public::said;
use problem::Problem;
use rates::Rates;

/// What handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    /// The parts of Besked.
    pub app: App,
    rates: Arc<Rates>,
}

/// The routes that need a key, with their documentation.
fn keyed() -> OpenApiRouter<Api> {
    let all = OpenApiRouter::new()
        .merge(me::router())
        .merge(notices::router())
        .merge(deliveries::router())
        .merge(informed::router())
        .merge(evidence::router())
        .merge(customers::router())
        .merge(persons::router())
        .merge(subjects::router())
        .merge(holds::router())
        .merge(matters::router())
        .merge(tasks::router())
        .merge(inbound::router())
        .merge(relays::router())
        .merge(ledger::router())
        .merge(audit::router())
        .merge(operators::router())
        .merge(keys::router())
        .merge(webhooks::router());
    OpenApiRouter::new().nest("/api/v1", all)
}

/// The document that describes the API (OpenAPI 3.1).
#[must_use]
pub fn document() -> serde_json::Value {
    docs::complete(&keyed().into_openapi())
}

/// All routes.
pub fn routes(app: App) -> Router {
    let rates = Arc::new(Rates::new(&app.context.config.http));
    let api = Api { app, rates };
    let (keyed, described) = keyed().split_for_parts();
    let described = Arc::new(docs::Described::new(&docs::complete(&described)));
    let open = Router::new()
        .route("/api/openapi.json", get(docs::openapi))
        .route("/api/docs", get(docs::page))
        .with_state(described);
    let keyed = keyed.route_layer(from_fn_with_state(api.clone(), enter::enter)).with_state(api.clone());
    Router::new()
        .merge(keyed)
        .merge(open)
        .route("/api", get(unknown))
        .route("/api/", axum::routing::any(unknown))
        .route("/api/{*rest}", axum::routing::any(unknown))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(api, enter::dress))
}

/// True for the paths of the API.
#[must_use]
pub fn is_of(path: &str) -> bool {
    path.strip_prefix("/api").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A path that nothing has.
async fn unknown() -> Response {
    let problem = Problem::new(StatusCode::NOT_FOUND, "the API has no such path");
    let response = problem.hint("`GET /api/docs` lists the paths").into_response();
    ([(header::CACHE_CONTROL, "no-store")], response).into_response()
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    Problem::failed(Kind::Failed, &format!("a request panicked: {}", said(&*panic))).into_response()
}
