//! What came back by mail.

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::{Asked, Json, page};
use super::key::Caller;
use super::problem::Problem;
use crate::inbound::{Shown, Stored};

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// Which messages are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listing {
    /// Only those that are about no known delivery.
    #[serde(default)]
    unmatched: bool,
    /// The most items.
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// A page of messages.
#[derive(Serialize, ToSchema)]
#[schema(as = inbound::Page)]
struct Listed {
    inbound: Vec<Stored>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// Messages that came back, the newest first.
#[utoipa::path(get, path = "/inbound", tag = "inbound", params(Listing), responses((status = 200, body = Listed)))]
async fn list(State(api): State<Api>, caller: Caller, Asked(asked): Asked<Listing>) -> Result<Json<Listed>, Problem> {
    let request = page(asked.limit, asked.after)?;
    let found = api.app.inbound.list(&caller.actor, asked.unmatched, &request).await?;
    Ok(Json(Listed { inbound: found.items, next: found.next }))
}

/// One message, with what it says of its delivery.
#[utoipa::path(get, path = "/inbound/{id}", tag = "inbound", params(("id" = String, Path)),
    responses((status = 200, body = Shown)))]
async fn show(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Result<Json<Shown>, Problem> {
    let known = Problem::id_of("message", &id)?;
    Ok(Json(api.app.inbound.show(&caller.actor, known).await?))
}
