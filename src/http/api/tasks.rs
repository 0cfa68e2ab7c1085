//! Tasks: what a person must do, by when and why.

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::{Asked, Json, page};
use super::key::Caller;
use super::problem::Problem;
use crate::escalation::Task;

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(done))
}

/// Which tasks are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listing {
    /// Only those that still have to be done.
    #[serde(default)]
    open: bool,
    /// The most items.
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// A page of tasks.
#[derive(Serialize, ToSchema)]
#[schema(as = task::Page)]
struct Listed {
    tasks: Vec<Task>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// Tasks, the newest first.
#[utoipa::path(get, path = "/tasks", tag = "tasks", params(Listing), responses((status = 200, body = Listed)))]
async fn list(State(api): State<Api>, caller: Caller, Asked(asked): Asked<Listing>) -> Result<Json<Listed>, Problem> {
    let request = page(asked.limit, asked.after)?;
    let found = api.app.tasks.list(&caller.actor, asked.open, &request).await?;
    Ok(Json(Listed { tasks: found.items, next: found.next }))
}

/// One task.
#[utoipa::path(get, path = "/tasks/{id}", tag = "tasks", params(("id" = String, Path)), responses((status = 200, body = Task)))]
async fn show(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Result<Json<Task>, Problem> {
    Ok(Json(api.app.tasks.find(&caller.actor, Problem::id_of("task", &id)?).await?))
}

/// What was done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = task::Doing)]
struct Doing {
    /// One line.
    note: String,
}

/// Closes a task with a note.
#[utoipa::path(post, path = "/tasks/{id}/done", tag = "tasks", params(("id" = String, Path)), request_body = Doing,
    responses((status = 200, body = Task)))]
async fn done(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(Doing { note }): Json<Doing>,
) -> Result<Json<Task>, Problem> {
    let (actor, id) = (&caller.actor, Problem::id_of("task", &id)?);
    let tasks = &api.app.tasks;
    Ok(Json(if caller.is_done() { tasks.find(actor, id).await? } else { tasks.done(actor, id, &note).await? }))
}
