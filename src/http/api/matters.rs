//! Matters: notices that follow each other.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::{Asked, Json, page};
use super::key::Caller;
use super::problem::Problem;
use crate::notices::matters::Matter;

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which matters are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listing {
    /// The most items.
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
    /// Only those that were announced and have not ended.
    #[serde(default)]
    open: bool,
}

/// A page of matters.
#[derive(Serialize, ToSchema)]
#[schema(as = matter::Page)]
struct Page {
    matters: Vec<Matter>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// The matters, the one that began last first.
#[utoipa::path(get, path = "/matters", tag = "notices", params(Listing), responses((status = 200, body = Page)))]
async fn list(State(api): State<Api>, caller: Caller, Asked(asked): Asked<Listing>) -> Result<Json<Page>, Problem> {
    let request = page(asked.limit, asked.after)?;
    let found = api.app.notices.matters(&caller.actor, asked.open, &request).await?;
    Ok(Json(Page { matters: found.items, next: found.next }))
}
