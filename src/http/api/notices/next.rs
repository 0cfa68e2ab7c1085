//! The next notice of a matter, and a copy for the next time: the text of a notice that is not stored yet.

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::api::Api;
use crate::http::api::body::{Asked, Json};
use crate::http::api::key::Caller;
use crate::http::api::problem::Problem;

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(follow)).routes(routes!(copy))
}

/// What the next notice says.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Following {
    /// Its phase, status or stage; else the usual next one.
    phase: Option<String>,
}

/// The text of a notice, to be completed and stored.
#[derive(Serialize, ToSchema)]
#[schema(as = notice::Source)]
struct Source {
    source: String,
}

/// The next notice of the matter that a notice belongs to. Nothing is stored.
#[utoipa::path(get, path = "/notices/{id}/follow", tag = "notices", params(("id" = String, Path), Following), responses((status = 200, body = Source)))]
async fn follow(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked<Following>,
) -> Result<Json<Source>, Problem> {
    let id = Problem::id_of("notice", &id)?.to_string();
    let source = api.app.notices.follow_up(&caller.actor, &id, asked.phase.as_deref()).await?;
    Ok(Json(Source { source }))
}

/// A copy of a notice, as a matter of its own. Nothing is stored.
#[utoipa::path(get, path = "/notices/{id}/copy", tag = "notices", params(("id" = String, Path)), responses((status = 200, body = Source)))]
async fn copy(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Result<Json<Source>, Problem> {
    let id = Problem::id_of("notice", &id)?.to_string();
    Ok(Json(Source { source: api.app.notices.copy(&caller.actor, &id).await? }))
}
