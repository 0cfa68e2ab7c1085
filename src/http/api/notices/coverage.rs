//! The coverage of a notice, customer by customer: its rows are sent as they are read, then the totals.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::coverage::{CoverageRow, Covering, Only, Stopped, Totals};
use crate::domain::category::Category;
use crate::domain::json_list::JsonList;
use crate::http::api::Api;
use crate::http::api::body::Asked;
use crate::http::api::key::Caller;
use crate::http::api::problem::Problem;
use crate::notices::planned::Promised;

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(coverage))
}

/// Which customers are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Covered {
    /// Only customers that are not informed.
    #[serde(default)]
    open: bool,
    /// Only customers that were informed after the deadline.
    #[serde(default)]
    late: bool,
}

/// Who is informed by a notice.
#[derive(Serialize, ToSchema)]
#[schema(as = coverage::Coverage)]
struct Answer {
    notice: Uuid,
    category: Category,
    #[schema(value_type = Option<String>, format = DateTime)]
    released_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    discovered_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    deadline: Option<Timestamp>,
    stopped: Option<Stopped>,
    /// What customers were promised in its matter.
    promises: Vec<Promised>,
    /// Customers for whom contacts with other roles were addressed.
    escalated: u64,
    /// A row for each customer; without those that were not asked for.
    rows: Vec<CoverageRow>,
    #[serde(flatten)]
    totals: Totals,
}

/// Who is informed by a notice, customer by customer. The totals count all of them.
#[utoipa::path(get, path = "/notices/{id}/coverage", tag = "notices", params(("id" = String, Path), Covered), responses((status = 200, body = Answer)))]
async fn coverage(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(Covered { open, late }): Asked<Covered>,
) -> Result<Response, Problem> {
    let id = Problem::id_of("notice", &id)?;
    let mut covering = api.app.coverage.coverage(&caller.actor, &id.to_string()).await?;
    let only = match (open, late) {
        (true, _) => Only::Open,
        (_, true) => Only::Late,
        _ => Only::All,
    };
    // The first page before anything is sent: an error is no half of a document.
    let first = covering.next_of(only).await?;
    let (list, opening) = JsonList::open(&covering.before(), "rows");
    let sending = Sending { covering, rows: first, list, opening };
    let rows = stream::try_unfold(Some(sending), move |sending| next(sending, only));
    Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(rows)).into_response())
}

/// A coverage that is being sent.
struct Sending {
    covering: Covering,
    /// The rows that were read and not sent yet; none at the end.
    rows: Option<Vec<CoverageRow>>,
    list: JsonList,
    /// What comes before them.
    opening: String,
}

/// The next part of the document. A client sees by its end that it is not whole, if the rest cannot be read.
async fn next(sending: Option<Sending>, only: Only) -> io::Result<Option<(Bytes, Option<Sending>)>> {
    let Some(Sending { mut covering, rows, mut list, opening }) = sending else { return Ok(None) };
    let Some(rows) = rows else {
        return Ok(Some(((opening + &list.close(&covering.after())).into(), None)));
    };
    let text = opening + &list.add(&rows)?;
    let rows = covering.next_of(only).await.map_err(|error| {
        tracing::error!(%error, "a coverage could not be read to its end");
        io::Error::other("the rest could not be read")
    })?;
    Ok(Some((text.into(), Some(Sending { covering, rows, list, opening: String::new() }))))
}
