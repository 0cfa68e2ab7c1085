//! Keys of programs: made once, shown once, revoked at once.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::{Asked, Json, page};
use super::enter::Made;
use super::idempotency::NotKept;
use super::key::Caller;
use super::problem::Problem;
use crate::domain::kind::Kind;
use crate::domain::operator::{Role, Roles};
use crate::operators::keys::{NewKey, Revoked, Shown};

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(add)).routes(routes!(revoke))
}

/// Which keys are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listing {
    /// Only those of this operator.
    operator: Option<String>,
    /// The most items.
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// A page of keys.
#[derive(Serialize, ToSchema)]
#[schema(as = key::Page)]
struct Listed {
    keys: Vec<Shown>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// Keys, in the order in which they were made; never the keys themselves.
#[utoipa::path(get, path = "/keys", tag = "operators", params(Listing), responses((status = 200, body = Listed)))]
async fn list(State(api): State<Api>, caller: Caller, Asked(asked): Asked<Listing>) -> Result<Json<Listed>, Problem> {
    let request = page(asked.limit, asked.after)?;
    let found = api.app.keys.list(&caller.actor, asked.operator.as_deref(), &request).await?;
    Ok(Json(Listed { keys: found.items, next: found.next }))
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = key::Adding)]
struct Adding {
    /// Whose it is.
    operator: String,
    /// Some of the operator's roles; all, if it is left out.
    #[schema(value_type = Option<Vec<Role>>)]
    roles: Option<Vec<String>>,
    /// When it ends; never, if it is left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<String>,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
#[schema(as = key::Made)]
struct Added {
    #[serde(flatten)]
    shown: Shown,
    /// The key itself, for the only time.
    key: String,
}

/// Makes a key. The answer is the only copy of it.
#[utoipa::path(post, path = "/keys", tag = "operators", request_body = Adding, responses((status = 201, body = Added)))]
async fn add(State(api): State<Api>, caller: Caller, Json(new): Json<Adding>) -> Result<Response, Problem> {
    if caller.is_done() {
        let made = caller.done().map(|id| format!(": `DELETE /keys/{id}` revokes it")).unwrap_or_default();
        return Err(Problem::of(
            Kind::Conflict,
            "the key was made by an earlier request, and cannot be shown any more",
        )
        .hint(format!("make another one, under a new `Idempotency-Key`{made}")));
    }
    let roles = new.roles.as_deref().map(|roles| {
        let parsed = roles.iter().map(|role| role.parse::<Role>()).collect::<Result<Roles, _>>();
        parsed.map_err(|text| Problem::at("/roles", text))
    });
    let expires_at = new.expires_at.as_deref().map(str::parse::<Timestamp>).transpose();
    let expires_at = expires_at
        .map_err(|_| Problem::at("/expires_at", "must be a time with its zone, such as 2027-06-30T12:00:00+02:00"))?;
    let wanted = NewKey { operator: &new.operator, roles: roles.transpose()?, expires_at };
    let made = api.app.keys.add(&caller.actor, &wanted).await?;
    let id = made.shown.id;
    let added = Added { shown: made.shown, key: made.key.reveal().to_owned() };
    let mut response = (StatusCode::CREATED, Json(added)).into_response();
    response.extensions_mut().insert(NotKept);
    response.extensions_mut().insert(Made(id));
    Ok(response)
}

/// Revokes a key, on all nodes at once and for good.
#[utoipa::path(delete, path = "/keys/{id}", tag = "operators", params(("id" = String, Path)),
    responses((status = 200, body = Revoked)))]
async fn revoke(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Result<Json<Revoked>, Problem> {
    let id = Problem::id_of("key", &id)?;
    Ok(Json(api.app.keys.revoke(&caller.actor, id).await?))
}
