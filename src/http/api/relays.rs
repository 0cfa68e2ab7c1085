//! The relays, as the running dispatchers see them.

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::Json;
use super::key::Caller;
use super::problem::Problem;
use crate::dispatch::node::relays::Shown;

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(relays))
}

/// The state of each relay at each node.
#[utoipa::path(get, path = "/relays", tag = "operation", responses((status = 200, body = Shown)))]
async fn relays(State(api): State<Api>, caller: Caller) -> Result<Json<Shown>, Problem> {
    Ok(Json(api.app.relays.read_by(&caller.actor)?.show().await?))
}
