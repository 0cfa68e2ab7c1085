//! The audit log.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::{self, page};
use super::key::Caller;
use super::problem::Problem;
use crate::operators::audit::{Asked, Filter};

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which rows are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listing {
    /// Only what this operator asked for.
    operator: Option<String>,
    /// Only what is about this notice, customer, key or other object.
    object: Option<String>,
    /// From this time on.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// The most items.
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// A page of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = audit::Page)]
struct Listed {
    events: Vec<Asked>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// What was asked for, by whom, and how it ended; the newest first.
#[utoipa::path(get, path = "/audit", tag = "operation", params(Listing), responses((status = 200, body = Listed)))]
async fn list(
    State(api): State<Api>,
    caller: Caller,
    body::Asked(asked): body::Asked<Listing>,
) -> Result<body::Json<Listed>, Problem> {
    let filter = Filter {
        operator: asked.operator.as_deref(),
        object: asked.object.as_deref(),
        since: asked.since,
        until: asked.until,
        ..Filter::default()
    };
    let request = page(asked.limit, asked.after.clone())?;
    let found = api.app.audit.list(&caller.actor, &filter, &request).await?;
    Ok(body::Json(Listed { events: found.items, next: found.next }))
}
