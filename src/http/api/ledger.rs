//! The state of the ledger, and its newest checkpoint.

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::Json;
use super::key::Caller;
use super::problem::Problem;
use crate::domain::kind::Kind;
use crate::ledger::{CheckpointShown, Standing};

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(status)).routes(routes!(checkpoint))
}

/// How large the ledger is, what is not sealed yet, and whether sealing has stopped.
#[utoipa::path(get, path = "/ledger/status", tag = "ledger", responses((status = 200, body = Standing)))]
async fn status(State(api): State<Api>, caller: Caller) -> Result<Json<Standing>, Problem> {
    Ok(Json(api.app.ledger.read_by(&caller.actor)?.standing().await?))
}

/// The newest signed checkpoint, as a note (C2SP signed-note).
#[utoipa::path(get, path = "/ledger/checkpoint", tag = "ledger", responses((status = 200, body = CheckpointShown)))]
async fn checkpoint(State(api): State<Api>, caller: Caller) -> Result<Json<CheckpointShown>, Problem> {
    let newest = api.app.ledger.read_by(&caller.actor)?.newest_checkpoint().await?;
    let none = || {
        Problem::of(Kind::NotFound, "no checkpoint was signed yet")
            .hint("a running `besked serve` signs within seconds")
    };
    newest.map(|signed| Json(signed.into())).ok_or_else(none)
}
