//! Webhooks: other systems that are called when something happens.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::{Asked, Json, Listing};
use super::enter::Made;
use super::idempotency::NotKept;
use super::key::Caller;
use super::problem::Problem;
use crate::domain::kind::Kind;
use crate::domain::webhook::HookEvent;
use crate::webhooks::{Change, Detailed, NewWebhook, Shown, Tested};

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(show, set, disable))
        .routes(routes!(test))
        .routes(routes!(rotate))
}

/// A page of webhooks.
#[derive(Serialize, ToSchema)]
#[schema(as = webhook::Page)]
struct Listed {
    webhooks: Vec<Shown>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// Webhooks, in the order in which they were added; never their secrets.
#[utoipa::path(get, path = "/webhooks", tag = "webhooks", params(Listing), responses((status = 200, body = Listed)))]
async fn list(State(api): State<Api>, caller: Caller, Asked(asked): Asked<Listing>) -> Result<Json<Listed>, Problem> {
    let found = api.app.webhooks.list(&caller.actor, &asked.page()?).await?;
    Ok(Json(Listed { webhooks: found.items, next: found.next }))
}

/// A webhook to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = webhook::Adding)]
struct Adding {
    /// Where it is; plain HTTP is possible only within a network that the configuration allows.
    url: String,
    /// What it is called for.
    #[schema(value_type = Vec<HookEvent>)]
    events: Vec<String>,
}

/// A webhook with a new secret.
#[derive(Serialize, ToSchema)]
#[schema(as = webhook::Made)]
struct WithSecret {
    #[serde(flatten)]
    shown: Shown,
    /// The secret, for the only time: `whsec_...`.
    secret: String,
    /// What cannot be said of its address now.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

fn events(words: &[String]) -> Result<std::collections::BTreeSet<HookEvent>, Problem> {
    words.iter().map(|word| word.parse().map_err(|text: String| Problem::at("/events", text))).collect()
}

/// The answer with a secret, which is not kept.
fn made(made: crate::webhooks::Made, status: StatusCode) -> Response {
    let id = made.shown.id;
    let body = WithSecret { shown: made.shown, secret: made.secret.reveal(), warning: made.warning };
    let mut response = (status, Json(body)).into_response();
    response.extensions_mut().insert(NotKept);
    response.extensions_mut().insert(Made(id));
    response
}

/// The answer if the secret that an earlier request made was not received.
fn lost(what: &str) -> Problem {
    Problem::of(Kind::Conflict, format!("{what} by an earlier request, and its secret cannot be shown any more"))
        .hint("`POST /webhooks/{id}/rotate`, under a new `Idempotency-Key`, makes another secret")
}

/// Adds a webhook. The answer is the only copy of its secret.
#[utoipa::path(post, path = "/webhooks", tag = "webhooks", request_body = Adding,
    responses((status = 201, body = WithSecret)))]
async fn add(State(api): State<Api>, caller: Caller, Json(new): Json<Adding>) -> Result<Response, Problem> {
    if caller.is_done() {
        return Err(lost("the webhook was added"));
    }
    let wanted = NewWebhook { url: &new.url, events: events(&new.events)? };
    Ok(made(api.app.webhooks.add(&caller.actor, &wanted).await?, StatusCode::CREATED))
}

/// One webhook, with the last attempts to call it.
#[utoipa::path(get, path = "/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = Detailed)))]
async fn show(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Result<Json<Detailed>, Problem> {
    Ok(Json(api.app.webhooks.show(&caller.actor, Problem::id_of("webhook", &id)?).await?))
}

/// Whether a webhook is called.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = webhook::May)]
enum May {
    /// It is called, also for what is still queued.
    Active,
    /// It is called no more.
    Disabled,
}

/// What a webhook is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = webhook::Setting)]
struct Setting {
    /// Another address.
    url: Option<String>,
    /// What it is called for instead.
    #[schema(value_type = Option<Vec<HookEvent>>)]
    events: Option<Vec<String>>,
    /// Whether it is called.
    state: Option<May>,
}

/// Changes where a webhook is, what it is called for, and whether it is called.
#[utoipa::path(put, path = "/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)), request_body = Setting,
    responses((status = 200, body = Detailed)))]
async fn set(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(wanted): Json<Setting>,
) -> Result<Json<Detailed>, Problem> {
    let (webhooks, actor, id) = (&api.app.webhooks, &caller.actor, Problem::id_of("webhook", &id)?);
    let change = Change { url: wanted.url.as_deref(), events: wanted.events.as_deref().map(events).transpose()? };
    if change.url.is_some() || change.events.is_some() {
        webhooks.set(actor, id, &change).await?;
    }
    match wanted.state {
        Some(May::Active) => {
            webhooks.enable(actor, id).await?;
        }
        Some(May::Disabled) => {
            webhooks.disable(actor, id).await?;
        }
        None => {}
    }
    Ok(Json(webhooks.show(actor, id).await?))
}

/// Calls a webhook no more. What was sent to it stays in its log; `PUT` with `active` calls it again.
#[utoipa::path(delete, path = "/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = Detailed)))]
async fn disable(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Result<Json<Detailed>, Problem> {
    let id = Problem::id_of("webhook", &id)?;
    api.app.webhooks.disable(&caller.actor, id).await?;
    Ok(Json(api.app.webhooks.show(&caller.actor, id).await?))
}

/// Calls a webhook now, once, with a `ping`, and says what its receiver answered.
#[utoipa::path(post, path = "/webhooks/{id}/test", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = Tested)))]
async fn test(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Result<Json<Tested>, Problem> {
    Ok(Json(api.app.webhooks.test(&caller.actor, Problem::id_of("webhook", &id)?).await?))
}

/// Makes another secret. The answer is the only copy; the former one signs besides for a day.
#[utoipa::path(post, path = "/webhooks/{id}/rotate", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = WithSecret)))]
async fn rotate(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Result<Response, Problem> {
    let id = Problem::id_of("webhook", &id)?;
    if caller.is_done() {
        return Err(lost("the secret was rotated"));
    }
    Ok(made(api.app.webhooks.rotate(&caller.actor, id).await?, StatusCode::OK))
}
