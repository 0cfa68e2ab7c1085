//! Recipients of a standing notice: each row has a key, and is taken once.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::problem::Problems;
use crate::domain::structured::document;
use crate::http::api::Api;
use crate::http::api::body::{Json, Raw, check_type, unreadable};
use crate::http::api::key::Caller;
use crate::http::api::problem::Problem;
use crate::notices::recipients::{Added, NewRow};

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(add))
}

/// Rows to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = recipients::Adding)]
#[expect(dead_code, reason = "it documents what is read row by row: the good ones are taken")]
struct Adding {
    /// Up to 1,000 rows.
    #[schema(max_items = 1000)]
    rows: Vec<Row>,
}

/// A row: whom it is for, your key for it, and the values that the notice needs, by their names.
#[derive(Deserialize, ToSchema)]
#[schema(as = recipients::Row)]
#[expect(dead_code, reason = "it documents what is read row by row: the good ones are taken")]
struct Row {
    /// The customer.
    account_id: String,
    /// Your key for this row: the notice takes it once.
    key: String,
    /// Values by their names.
    #[serde(flatten)]
    values: BTreeMap<String, String>,
}

/// Adds recipients to a standing notice that is released. Good rows are taken, bad ones are named; a row whose key the notice has is
/// answered as the first time.
#[utoipa::path(post, path = "/notices/{id}/recipients", tag = "notices", params(("id" = String, Path)), request_body = Adding,
    responses((status = 202, body = Added, description = "The good rows are stored, and will be sent")))]
async fn add(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Response, Problem> {
    let id = Problem::id_of("notice", &id)?;
    check_type(&headers, "application/json")?;
    if std::str::from_utf8(&body).is_err() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "the body is not UTF-8"));
    }
    let rows = rows(document(&body).map_err(unreadable)?)?;
    let mut problems = Problems::default();
    let good = rows.into_iter().enumerate().filter_map(|(n, row)| read(n, row, &mut problems)).collect();
    let mut added = api.app.notices.add(id, good, &caller.actor).await?;
    added.problems.0.extend(problems.0);
    added.problems = added.problems.sorted();
    if added.accepted == 0 && !added.problems.is_empty() {
        return Err(Problem::invalid(added.problems));
    }
    Ok((StatusCode::ACCEPTED, Json(added)).into_response())
}

/// The rows of a document that has nothing else.
fn rows(document: Value) -> Result<Vec<Value>, Problem> {
    let Value::Object(mut members) = document else { return Err(Problem::at("", "must be an object with `rows`")) };
    let rows = members.remove("rows");
    let mut problems = Problems::default();
    for name in members.keys() {
        problems.add_at(format!("/{}", name.replace('~', "~0").replace('/', "~1")), "is not known");
    }
    match rows {
        Some(Value::Array(rows)) if problems.is_empty() => return Ok(rows),
        Some(Value::Array(_)) => {}
        Some(_) => problems.add_at("/rows", "must be a list"),
        None => problems.add_at("/rows", "is missing"),
    }
    Err(Problem::invalid(problems))
}

/// A row, if it is an object of texts; else its problems are noted.
fn read(n: usize, row: Value, problems: &mut Problems) -> Option<NewRow> {
    let pointer = format!("/rows/{n}");
    let Value::Object(members) = row else {
        problems.add_at(pointer, "must be an object");
        return None;
    };
    let (mut values, before) = (BTreeMap::new(), problems.0.len());
    for (name, value) in members {
        match value {
            Value::String(text) => {
                values.insert(name, text);
            }
            Value::Null => {}
            _ => {
                let name = name.replace('~', "~0").replace('/', "~1");
                problems.add_at(format!("{pointer}/{name}"), "must be a text: write a number as you want it printed");
            }
        }
    }
    let mut take = |name: &str| values.remove(name).unwrap_or_default();
    let (account_id, key) = (take("account_id"), take("key"));
    (problems.0.len() == before).then_some(NewRow { line: 0, pointer: Some(pointer), account_id, key, values })
}
