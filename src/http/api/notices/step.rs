//! The steps on a notice. Each may be repeated without harm: one that was taken changes nothing, and one whose answer is lost is answered
//! from what is stored, since others may have taken another step after it.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{digest_of, now};
use crate::domain::notice::{self, Step};
use crate::http::api::Api;
use crate::http::api::body::Json;
use crate::http::api::key::Caller;
use crate::http::api::problem::Problem;
use crate::notices::shown::Now;
use crate::notices::{Kept, NoticeError, Release};

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(submit))
        .routes(routes!(approve))
        .routes(routes!(decline))
        .routes(routes!(release))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(cancel))
        .routes(routes!(close))
}

/// Why a step is taken.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = notice::Taking)]
struct Taking {
    /// Why: one line.
    reason: Option<String>,
}

/// An approval.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = notice::Approving)]
struct Approving {
    /// The digest of the content that you have read, in hexadecimal.
    digest: String,
    /// Why: one line.
    reason: Option<String>,
}

/// A release.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = notice::Releasing)]
struct Releasing {
    /// Why: one line.
    reason: Option<String>,
    /// Send it now, even if it has a later `send_at`.
    now: Option<bool>,
}

/// Takes a step that needs nothing but a reason.
async fn take(api: &Api, caller: &Caller, id: &str, step: Step, taking: &Taking) -> Result<Response, Problem> {
    let (id, notices, actor, why) =
        (Problem::id_of("notice", id)?, &api.app.notices, &caller.actor, taking.reason.as_deref());
    let notice = match step {
        _ if caller.is_done() => notices.find(actor, id).await?,
        Step::Submit => notices.submit(id, actor).await?,
        Step::Decline => notices.decline(id, actor, why).await?,
        Step::Pause => notices.pause(id, actor, why).await?,
        Step::Resume => notices.resume(id, actor, why).await?,
        Step::Cancel => notices.cancel(id, actor, why).await?,
        Step::Close => notices.end(id, actor, why).await?,
        Step::Create | Step::Edit | Step::Approve | Step::Release => notices.find(actor, id).await?,
    };
    let warnings = match step {
        Step::Submit => notices.warnings(actor, id).await.ok(),
        _ => None,
    };
    Ok(now(&notice, Now { warnings, ..Now::of(&notice) }))
}

/// Asks for approval; this approves the notice too if its category needs no second person.
#[utoipa::path(post, path = "/notices/{id}/submit", tag = "notices", params(("id" = String, Path)), request_body = Taking, responses((status = 200, body = Now)))]
async fn submit(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(taking): Json<Taking>,
) -> Result<Response, Problem> {
    take(&api, &caller, &id, Step::Submit, &taking).await
}

/// Approves a submitted notice as you have read it.
#[utoipa::path(post, path = "/notices/{id}/approve", tag = "notices", params(("id" = String, Path)), request_body = Approving,
    responses((status = 200, body = Now), (status = 412, description = "The notice was changed since it was read")))]
async fn approve(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(Approving { digest, reason }): Json<Approving>,
) -> Result<Response, Problem> {
    let id = Problem::id_of("notice", &id)?;
    let wrong = || Problem::at("/digest", "must be the digest of the notice: 64 hexadecimal digits");
    let read = digest_of(&digest).ok_or_else(wrong)?;
    let (notices, actor) = (&api.app.notices, &caller.actor);
    let notice = if caller.is_done() {
        notices.find(actor, id).await?
    } else {
        notices.approve_read(id, Some(read), actor, reason.as_deref()).await?
    };
    Ok(now(&notice, Now::of(&notice)))
}

/// Declines a submitted notice.
#[utoipa::path(post, path = "/notices/{id}/decline", tag = "notices", params(("id" = String, Path)), request_body = Taking, responses((status = 200, body = Now)))]
async fn decline(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(taking): Json<Taking>,
) -> Result<Response, Problem> {
    take(&api, &caller, &id, Step::Decline, &taking).await
}

/// Freezes the audience and starts the sending; a notice with a later `send_at` is scheduled.
#[utoipa::path(post, path = "/notices/{id}/release", tag = "notices", params(("id" = String, Path)), request_body = Releasing, responses((status = 200, body = Now)))]
async fn release(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(Releasing { reason, now: at_once }): Json<Releasing>,
) -> Result<Response, Problem> {
    let (id, notices, actor) = (Problem::id_of("notice", &id)?, &api.app.notices, &caller.actor);
    let before = notices.find(actor, id).await?;
    let changed = notices.changed_since_approval(&before).await?;
    if caller.is_done() && before.state != notice::State::Releasing {
        return Ok(now(&before, Now { changed, ..Now::of(&before) }));
    }
    let how = Release { now: at_once.unwrap_or(false), reason: reason.as_deref(), read: None };
    let notice = match notices.release(id, actor, how, &|_| {}).await {
        // Another process releases it: that is what was asked for.
        Err(NoticeError::Conflict) => running(&api, &caller, id).await?,
        other => other?,
    };
    Ok(now(&notice, Now { changed, ..Now::of(&notice) }))
}

/// The notice that another process is releasing, if one is.
async fn running(api: &Api, caller: &Caller, id: Uuid) -> Result<Kept, Problem> {
    use crate::domain::notice::State::{Closed, Released, Scheduled};
    let notice = api.app.notices.find(&caller.actor, id).await?;
    if matches!(notice.state, Scheduled | Released | Closed) { Ok(notice) } else { Err(NoticeError::Conflict.into()) }
}

/// Pauses the sending.
#[utoipa::path(post, path = "/notices/{id}/pause", tag = "notices", params(("id" = String, Path)), request_body = Taking, responses((status = 200, body = Now)))]
async fn pause(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(taking): Json<Taking>,
) -> Result<Response, Problem> {
    take(&api, &caller, &id, Step::Pause, &taking).await
}

/// Resumes the sending.
#[utoipa::path(post, path = "/notices/{id}/resume", tag = "notices", params(("id" = String, Path)), request_body = Taking, responses((status = 200, body = Now)))]
async fn resume(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(taking): Json<Taking>,
) -> Result<Response, Problem> {
    take(&api, &caller, &id, Step::Resume, &taking).await
}

/// Cancels a notice for good: its deliveries that were not sent will not be.
#[utoipa::path(post, path = "/notices/{id}/cancel", tag = "notices", params(("id" = String, Path)), request_body = Taking, responses((status = 200, body = Now)))]
async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(taking): Json<Taking>,
) -> Result<Response, Problem> {
    take(&api, &caller, &id, Step::Cancel, &taking).await
}

/// Ends a standing notice: nobody is added any more. Or the series of a notice: no draft is made any more.
#[utoipa::path(post, path = "/notices/{id}/close", tag = "notices", params(("id" = String, Path)), request_body = Taking, responses((status = 200, body = Now)))]
async fn close(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(taking): Json<Taking>,
) -> Result<Response, Problem> {
    take(&api, &caller, &id, Step::Close, &taking).await
}
