//! The console: pages for operators, over the services. A page parses its form, calls one service with the operator's actor, and renders
//! what comes back; it has no rule of its own.
//!
//! What needs no session is let in at the [`door`]. On the way to a page ([`enter`]) the session is looked up, its operator becomes the page's [`Signed`](signed::Signed), what is refused
//! becomes a page in the [`frame`], and the audit log gets a row. Every answer has the headers of [`headers`].

mod ask;
mod asked;
mod assets;
mod audit;
mod blocks;
mod caught;
mod codes;
mod cookies;
mod customers;
mod delivery;
mod door;
mod enter;
mod fault;
mod form;
mod frame;
mod headers;
mod inbound;
mod invite;
mod keys;
mod ledger;
mod mail;
mod me;
mod notices;
mod now;
mod once;
mod operators;
mod people;
mod places;
mod preferences;
mod provider;
mod refusal;
mod relays;
mod said;
mod sign_in;
mod signed;
mod suppressions;
mod tasks;
mod tones;
mod visitor;
mod webhooks;
mod words;
mod write;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn_with_state, map_response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::csrf::CsrfLayer;

pub use frame::Place;

use crate::app::App;

/// The largest form, in bytes; a route that takes a file has a limit of its own.
const LARGEST_FORM: usize = 1 << 20;

/// The pages that need a session: each file of a page has its `routes()`, which is merged here.
fn pages() -> Router<App> {
    Router::new()
        .merge(now::routes())
        .merge(ask::routes())
        .merge(customers::routes())
        .merge(people::routes())
        .merge(preferences::routes())
        .merge(suppressions::routes())
        .merge(tasks::routes())
        .merge(inbound::routes())
        .merge(relays::routes())
        .merge(ledger::routes())
        .merge(operators::routes())
        .merge(keys::routes())
        .merge(webhooks::routes())
        .merge(audit::routes())
        .merge(notices::routes())
        .merge(write::routes())
        .merge(delivery::routes())
        .merge(me::routes())
}

/// All routes.
pub fn routes(app: App) -> Router {
    let inside = pages().route_layer(from_fn_with_state(app.clone(), enter::enter));
    let doors = Router::new().merge(sign_in::routes()).merge(provider::routes()).merge(invite::routes());
    let doors = doors.route_layer(from_fn_with_state(app.clone(), door::let_in));
    let outside = app.clone();
    let panicked = move |panic: Box<dyn std::any::Any + Send>| {
        let organisation = &outside.context.config.organisation;
        let words = words::Words::new(&organisation.default_locale, &organisation.default_time_zone);
        caught::page(&words, &organisation.name, &*panic)
    };
    // A proxy may call this host by another name: what counts is the one that browsers see.
    let csrf = CsrfLayer::new().add_trusted_origin(headers::origin(&app)).unwrap_or_default();
    let csrf = csrf.with_rejection_response(|_| headers::from_elsewhere());
    inside
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .merge(doors)
        .fallback(invite::nothing_here)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(csrf)
        .layer(map_response(headers::protect))
        .merge(assets::routes())
        .with_state(app)
}

/// True for the paths of the console, whose forms and files may be larger than those of a public page.
#[must_use]
pub fn is_of(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    !matches!(first, "u" | "c" | "api" | "healthz" | "readyz" | "metrics") && !path.starts_with("/ledger/")
}
