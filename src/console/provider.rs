//! Signing in at the identity provider: there and back.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::cookies;
use super::enter::local;
use super::form::Faults;
use super::sign_in::{Next, explain, go_on, page_again, refused};
use super::visitor::Outside;
use crate::app::App;
use crate::domain::session::Attempt;
use crate::operators::provider::{ProviderError, Returned};

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/sign-in/provider", get(begin)).route("/sign-in/provider/return", get(come_back))
}

/// What the provider sends a browser back with.
#[derive(Debug, Default, Deserialize)]
struct Brought {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

/// A link, not a form: a form may lead to this host alone.
async fn begin(State(app): State<App>, outside: Outside, Query(Next { next }): Query<Next>) -> Response {
    let next = local(&next).to_owned();
    match app.provider.begin(&outside.visitor).await {
        Ok((attempt, address)) => {
            let mut response = Redirect::to(&address).into_response();
            cookies::set_attempt(&app, &mut response, &attempt.reveal(), &next);
            response
        }
        Err(error) => failed(&app, &outside, &error, next),
    }
}

async fn come_back(
    State(app): State<App>,
    outside: Outside,
    headers: HeaderMap,
    Query(brought): Query<Brought>,
) -> Response {
    let kept = cookies::attempt(&app, &headers).and_then(|(token, next)| Some((Attempt::parse(&token)?, next)));
    let (result, next) = match &kept {
        Some((attempt, next)) => {
            let returned = Returned { code: &brought.code, state: &brought.state };
            let session = cookies::session(&app, &headers);
            let finished = app.provider.finish(attempt, returned, session.as_deref(), &outside.visitor).await;
            (finished, local(next).to_owned())
        }
        None => (Err(ProviderError::Astray), "/".to_owned()),
    };
    let mut response = match result {
        Ok(opened) => go_on(&app, &opened, &next),
        Err(error) => failed(&app, &outside, &error, next),
    };
    cookies::clear_attempt(&app, &mut response);
    response
}

/// The door again, which says that it did not work; the log says why.
fn failed(app: &App, outside: &Outside, error: &ProviderError, next: String) -> Response {
    let mut faults = Faults::default();
    if let ProviderError::SignIn(error) = error {
        let status = explain(outside, error, "", &mut faults);
        return refused(error, page_again(app, outside, status, faults, next));
    }
    tracing::warn!(%error, "a sign-in at the identity provider did not work");
    let key = match error {
        ProviderError::Own(_) => "console-sign-in-provider-own",
        _ => "console-sign-in-provider-failed",
    };
    faults.add("", outside.words.say(key));
    let status = match error {
        ProviderError::Off => StatusCode::NOT_FOUND,
        ProviderError::Astray => StatusCode::BAD_REQUEST,
        ProviderError::Nobody(_) | ProviderError::Own(_) => StatusCode::UNAUTHORIZED,
        ProviderError::Provider(_) | ProviderError::SignIn(_) => StatusCode::BAD_GATEWAY,
    };
    page_again(app, outside, status, faults, next)
}
