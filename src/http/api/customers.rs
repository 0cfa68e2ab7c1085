//! Customers: one at a time as a program keeps it, or the whole file.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::{Asked, Json, MaxBody, check_type, page};
use super::key::Caller;
use super::problem::Problem;
use super::progress::{self, Progress};
use crate::domain::actor::Actor;
use crate::domain::kind::Kind;
use crate::domain::right::Right;
use crate::people::customers::{Listed, Shown};
use crate::people::feeds::{Given, Revoked};
use crate::people::import::{ErasedRow, ImportOptions, Imported};
use crate::people::one::Put;

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, import)).routes(routes!(show, put, leave)).routes(routes!(give, revoke))
}

/// Which customers are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listing {
    /// The most items.
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
    /// Only those whose account id begins with this, or whose name has a word beginning with each word of it; or one of whose addresses
    /// begins with it, for a role that sees all addresses. A page may have fewer customers than asked for, and still a `next`.
    search: Option<String>,
}

/// A page of customers.
#[derive(Serialize, ToSchema)]
#[schema(as = customer::Page)]
struct Page {
    customers: Vec<Listed>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// The active customers, in the order of their account ids.
#[utoipa::path(get, path = "/customers", tag = "customers", params(Listing), responses((status = 200, body = Page)))]
async fn list(State(api): State<Api>, caller: Caller, Asked(asked): Asked<Listing>) -> Result<Json<Page>, Problem> {
    let request = page(asked.limit, asked.after)?;
    let customers = &api.app.customers;
    let found = match asked.search.as_deref() {
        Some(text) if !text.trim().is_empty() => customers.search(&caller.actor, text, &request).await?,
        _ => customers.list(&caller.actor, &request).await?,
    };
    Ok(Json(Page { customers: found.items, next: found.next }))
}

/// One customer with its contacts, also if it has left.
#[utoipa::path(get, path = "/customers/{account_id}", tag = "customers", params(("account_id" = String, Path)), responses((status = 200, body = Shown)))]
async fn show(State(api): State<Api>, caller: Caller, Path(account_id): Path<String>) -> Result<Json<Shown>, Problem> {
    Ok(Json(api.app.customers.show(&caller.actor, &account_id).await?))
}

/// A customer that was stored, and what was not taken as it is.
#[derive(Serialize, ToSchema)]
#[schema(as = customer::Stored)]
struct Stored {
    /// The customer.
    #[serde(flatten)]
    shown: Shown,
    /// Contacts that were left out, since the person was erased: of each its place, counted from 2.
    erased: Vec<ErasedRow>,
    /// Contacts whose address was corrected since: the corrected one is stored. Of each its place, counted from 2.
    rectified: Vec<usize>,
}

/// Stores one customer: it is made, or has exactly these contacts and attributes from now on.
#[utoipa::path(put, path = "/customers/{account_id}", tag = "customers", params(("account_id" = String, Path)), request_body = Put,
    responses((status = 200, body = Stored)))]
async fn put(
    State(api): State<Api>,
    caller: Caller,
    Path(account_id): Path<String>,
    Json(customer): Json<Put>,
) -> Result<Json<Stored>, Problem> {
    let customers = &api.app.customers;
    let Imported { erased, rectified, .. } = customers.put_one(&caller.actor, &account_id, &customer).await?;
    Ok(Json(Stored { shown: customers.show(&caller.actor, &account_id).await?, erased, rectified }))
}

/// Marks a customer as left: nothing is sent to it any more.
#[utoipa::path(delete, path = "/customers/{account_id}", tag = "customers", params(("account_id" = String, Path)), responses((status = 200, body = Shown)))]
async fn leave(State(api): State<Api>, caller: Caller, Path(account_id): Path<String>) -> Result<Json<Shown>, Problem> {
    api.app.customers.leave(&caller.actor, &account_id).await?;
    Ok(Json(api.app.customers.show(&caller.actor, &account_id).await?))
}

/// Returns the address of a customer's calendar of maintenance, which is made unless it has one. It is a secret.
#[utoipa::path(post, path = "/customers/{account_id}/calendar", tag = "customers", params(("account_id" = String, Path)),
    responses((status = 200, body = Given)))]
async fn give(State(api): State<Api>, caller: Caller, Path(account_id): Path<String>) -> Result<Json<Given>, Problem> {
    Ok(Json(api.app.feeds.give(&caller.actor, &account_id).await?))
}

/// Revokes the address of a customer's calendar.
#[utoipa::path(delete, path = "/customers/{account_id}/calendar", tag = "customers", params(("account_id" = String, Path)),
    responses((status = 200, body = Revoked)))]
async fn revoke(
    State(api): State<Api>,
    caller: Caller,
    Path(account_id): Path<String>,
) -> Result<Json<Revoked>, Problem> {
    Ok(Json(api.app.feeds.revoke(&caller.actor, &account_id).await?))
}

/// How a file is to be read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Importing {
    /// Customers that are not in the file have left.
    #[serde(default)]
    replace: bool,
    /// Store the good rows of a file with bad ones.
    #[serde(default)]
    skip_invalid: bool,
    /// Check the file, and answer what would change; store nothing.
    #[serde(default)]
    dry_run: bool,
    /// With `replace`: take a file with less than half of today's customers.
    #[serde(default)]
    allow_shrink: bool,
}

/// Imports a customers file: all of it or, if a row is bad, nothing. With `Accept: application/x-ndjson` or `application/jsonl` the answer is
/// in lines: how far it is, and what is the whole answer else as the last one; a failure after the first line is the last line, as a
/// problem document.
#[utoipa::path(put, path = "/customers", tag = "customers", params(Importing), request_body(content = String, content_type = "text/csv"),
    responses((status = 200, content((Imported = "application/json"), (String = "application/x-ndjson"), (String = "application/jsonl")))))]
async fn import(
    State(api): State<Api>,
    caller: Caller,
    Asked(asked): Asked<Importing>,
    headers: HeaderMap,
    axum::Extension(MaxBody(most)): axum::Extension<MaxBody>,
    body: Body,
) -> Result<Response, Problem> {
    may_import(&caller.actor)?;
    check_type(&headers, "text/csv")?;
    let (file, size) = spool(body, most).await?;
    let options = ImportOptions {
        dry_run: asked.dry_run,
        skip_invalid: asked.skip_invalid,
        replace: asked.replace,
        allow_shrink: asked.allow_shrink,
        size: Some(size),
        ..ImportOptions::default()
    };
    let customers = api.app.customers.clone();
    let work = async move |progress: Option<Progress>| {
        let note = |share| progress.iter().for_each(|it| it.note(share));
        Ok(customers.import(&caller.actor, file, &options, &note).await?)
    };
    match progress::wanted(&headers) {
        Some(kind) => Ok(progress::lines(kind, |progress| Box::pin(work(Some(progress)))).await),
        None => Ok(Json(work(None).await?).into_response()),
    }
}

/// Before a gigabyte is read for nothing; the service asks again.
fn may_import(actor: &Actor) -> Result<(), Problem> {
    Ok(actor.may_at_all(Right::Import)?)
}

/// Writes a body into a temporary file, which nobody else can see, and returns its size: an import begins once all of the file is here.
async fn spool(body: Body, most: u64) -> Result<(File, u64), Problem> {
    let failed =
        |error: std::io::Error| Problem::failed(Kind::Failed, &format!("a file could not be spooled: {error}"));
    let (mut file, mut size) = (tempfile::tempfile().map_err(failed)?, 0_u64);
    let mut body = body;
    while let Some(frame) = body.frame().await {
        let cut = |_| Problem::new(StatusCode::BAD_REQUEST, "the body ended too early, or came too slowly");
        let Ok(bytes) = frame.map_err(cut)?.into_data() else { continue };
        size += bytes.len() as u64;
        if size > most {
            let detail = format!("the file may have at most {most} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        file.write_all(&bytes).map_err(failed)?;
    }
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    Ok((file, size))
}
