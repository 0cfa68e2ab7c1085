//! Notices as they are written: as the text of a notice file, or as a structure. A file on this machine is never read.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{digest_of, now};
use crate::domain::category::Category;
use crate::domain::problem::Problems;
use crate::http::api::Api;
use crate::http::api::body::{Json, Raw, check_type, unreadable};
use crate::http::api::enter::Made;
use crate::http::api::key::Caller;
use crate::http::api::problem::Problem;
use crate::notices::shown::{Checking, Now};
use crate::notices::{Draft, NoticeError};

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(check)).routes(routes!(create)).routes(routes!(edit))
}

/// A notice: either `source`, the text of a notice file, or the other members.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = notice::Written)]
#[expect(dead_code, reason = "it documents what the one parser of notices reads")]
struct Written {
    /// The text of a notice file, and nothing else: front matter and Markdown.
    source: Option<String>,
    /// Category.
    #[schema(value_type = Option<Category>)]
    category: Option<String>,
    /// Subject in the default language, if the category's own is not to be used.
    subject: Option<String>,
    /// Your reference.
    reference: Option<String>,
    /// Id or reference of the notice that it continues.
    follows: Option<String>,
    /// Whom it goes to.
    audience: Option<Audience>,
    /// The fields of its category.
    #[schema(value_type = Option<Object>)]
    fields: Option<BTreeMap<String, Value>>,
    /// When it is sent.
    #[schema(value_type = Option<Object>)]
    schedule: Option<BTreeMap<String, Value>>,
    /// The text in the default language, in Markdown.
    body: Option<String>,
    /// Other languages by their tag, such as `sv`: each with `subject`, `fields` and `body`.
    #[schema(value_type = Option<Object>)]
    editions: Option<BTreeMap<String, Value>>,
}

/// Whom a notice goes to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = notice::Audience)]
#[expect(dead_code, reason = "it documents what the one parser of notices reads")]
struct Audience {
    /// All customers.
    all: Option<bool>,
    /// A standing notice: recipients are added after the release.
    open: Option<bool>,
    /// Account ids.
    customers: Option<Vec<String>>,
    /// Attributes with the values of which a customer must have one.
    #[schema(value_type = Option<Object>)]
    attributes: Option<BTreeMap<String, Vec<String>>>,
    /// Customers with values of their own: `account_id`, and any others as texts.
    #[schema(value_type = Option<Vec<Object>>)]
    rows: Option<Vec<BTreeMap<String, String>>>,
    /// Also customers that have left.
    include_left: Option<bool>,
}

/// The draft in a body. If it is not valid, what is wrong with its time is said beside the rest.
fn draft(api: &Api, headers: &HeaderMap, body: &[u8]) -> Result<Draft, Problem> {
    check_type(headers, "application/json")?;
    if std::str::from_utf8(body).is_err() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "the body is not UTF-8"));
    }
    // What cannot be read at all has one problem, and no place but a line of the JSON.
    crate::domain::structured::document(body).map_err(unreadable)?;
    Draft::structured(body).map_err(|problems| match source(body) {
        Some(source) => Problem::invalid(Problems([problems.0, api.app.notices.untimely(&source).0].concat()).sorted()),
        None => Problem::invalid(problems),
    })
}

/// The text of a notice file in a document.
fn source(body: &[u8]) -> Option<String> {
    let Value::String(source) = serde_json::from_slice::<Value>(body).ok()?.get_mut("source")?.take() else {
        return None;
    };
    Some(source)
}

/// The error of a draft, with its problems at their places in the document.
fn placed(draft: &Draft, error: NoticeError) -> Problem {
    match error {
        NoticeError::NotReady(problems) => Problem::invalid(draft.placed(problems)),
        error => error.into(),
    }
}

/// Checks a notice: what is wrong with it, or how far it reaches. Nothing is stored.
#[utoipa::path(post, path = "/notices/check", tag = "notices", request_body = Written, responses((status = 200, body = Checking)))]
async fn check(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Json<Checking>, Problem> {
    let draft = draft(&api, &headers, &body)?;
    let checked = api.app.notices.check(&caller.actor, &draft).await.map_err(|error| placed(&draft, error))?;
    Ok(Json(Checking::of(&draft, &checked)))
}

/// Stores a notice as a draft.
#[utoipa::path(post, path = "/notices", tag = "notices", request_body = Written,
    responses((status = 201, body = Now, headers(("location" = String), ("etag" = String)))))]
async fn create(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Response, Problem> {
    let notices = &api.app.notices;
    let draft = draft(&api, &headers, &body)?;
    let id = match caller.done() {
        Some(id) => id,
        None => notices.create(&draft, &caller.actor).await.map_err(|error| placed(&draft, error))?,
    };
    let notice = notices.find(&caller.actor, id).await?;
    // The draft is stored: that its recipients cannot be counted is no reason to say that it is not.
    let written = notices.written(&caller.actor, &notice, &draft).await;
    let mut response = now(&notice, written.unwrap_or_else(|_| Now { recipients: None, ..Now::of(&notice) }));
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/notices/{id}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response.extensions_mut().insert(Made(id));
    Ok(response)
}

/// Replaces the content of a notice before its release; this voids an approval. `If-Match` names the digest of the content that you
/// have read.
#[utoipa::path(put, path = "/notices/{id}", tag = "notices", request_body = Written,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The digest of the content that you have read, in quotes.")),
    responses((status = 200, body = Now, headers(("etag" = String))), (status = 428, description = "`If-Match` is missing")))]
async fn edit(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Response, Problem> {
    let id = Problem::id_of("notice", &id)?;
    let Some(wanted) = headers.get(header::IF_MATCH) else {
        let problem = Problem::new(StatusCode::PRECONDITION_REQUIRED, "`If-Match` is missing");
        return Err(problem.hint("name the digest of the content that you have read: `If-Match: \"DIGEST\"`"));
    };
    let text = wanted.to_str().unwrap_or_default().trim();
    let read = digest_of(text.trim_matches('"'));
    if read.is_none() && text != "*" {
        return Err(NoticeError::Changed.into());
    }
    let draft = draft(&api, &headers, &body)?;
    let edited = api.app.notices.edit_read(id, read, &draft, &caller.actor).await;
    let notice = edited.map_err(|error| placed(&draft, error))?;
    Ok(now(&notice, Now::of(&notice)))
}
