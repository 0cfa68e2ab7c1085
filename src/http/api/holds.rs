//! Legal holds: what must be neither erased nor purged.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::{Asked, Json, Listing};
use super::enter::Made;
use super::key::Caller;
use super::problem::Problem;
use crate::people::holds::{Hold, HoldError, On, Placed, Removed};

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(remove))
}

/// A page of holds.
#[derive(Serialize, ToSchema)]
#[schema(as = hold::Page)]
struct Listed {
    holds: Vec<Hold>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// The holds, oldest first.
#[utoipa::path(get, path = "/holds", tag = "persons", params(Listing), responses((status = 200, body = Listed)))]
async fn list(State(api): State<Api>, caller: Caller, Asked(asked): Asked<Listing>) -> Result<Json<Listed>, Problem> {
    let request = asked.page()?;
    let found = api.app.holds.list(&caller.actor, &request).await?;
    Ok(Json(Listed { holds: found.items, next: found.next }))
}

/// A hold to be placed: on a notice, or on a customer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = hold::Holding)]
struct Holding {
    /// The id or reference of the notice.
    notice: Option<String>,
    /// The account id of the customer.
    account: Option<String>,
    /// Why: one line.
    reason: String,
}

/// Places a hold on a notice or a customer: it is neither erased nor purged.
#[utoipa::path(post, path = "/holds", tag = "persons", request_body = Holding,
    responses((status = 201, body = Placed), (status = 200, body = Placed, description = "It is in force already")))]
async fn add(State(api): State<Api>, caller: Caller, Json(new): Json<Holding>) -> Result<Response, Problem> {
    let on = match (&new.notice, &new.account) {
        (Some(notice), None) => On::Notice(notice),
        (None, Some(account)) => On::Account(account),
        _ => return Err(Problem::at("", "must have either `notice` or `account`")),
    };
    let done = match caller.done() {
        Some(id) => api.app.holds.placed(&caller.actor, on, id).await.map(|hold| Placed { hold, already: false }),
        None => api.app.holds.add(&caller.actor, on, &new.reason).await,
    };
    let placed = match done {
        Err(error @ HoldError::Reason) => return Err(Problem::at("/reason", error.to_string())),
        other => other?,
    };
    let status = if placed.already && !caller.is_done() { StatusCode::OK } else { StatusCode::CREATED };
    let id = placed.hold.id;
    let mut response = (status, Json(placed)).into_response();
    response.extensions_mut().insert(Made(id));
    Ok(response)
}

/// Why a hold is lifted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Lifting {
    /// Why: one line.
    reason: Option<String>,
}

/// Lifts a hold; the ledger keeps that it existed.
#[utoipa::path(delete, path = "/holds/{id}", tag = "persons", params(("id" = String, Path), Lifting), responses((status = 200, body = Removed)))]
async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(lifting): Asked<Lifting>,
) -> Result<Json<Removed>, Problem> {
    let id = Problem::id_of("hold", &id)?;
    let hold = api.app.holds.remove(&caller.actor, id, lifting.reason.as_deref()).await?;
    Ok(Json(Removed { id: hold.id, removed: true }))
}
