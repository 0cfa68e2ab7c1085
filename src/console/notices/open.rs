//! The customers that are not informed, as a file for a spreadsheet: sent as it is read.

use std::io;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::stream;

use super::id_of;
use crate::app::App;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::coverage::{CoverageRow, Covering, Only};
use crate::domain::right::Right;
use crate::domain::table::cell::harmless;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/notices/{id}/open.csv", get(file))
}

const HEADER: [&str; 5] = ["account_id", "customer_name", "verdict", "address", "state"];

async fn file(State(app): State<App>, signed: Signed, Path(id): Path<String>) -> Result<Response, Refusal> {
    let id = id_of(&id)?.to_string();
    let mut covering = app.coverage.coverage(&signed.actor, &id).await?;
    signed.actor.may(Right::Read, covering.notice.category)?;
    // The first page before anything is sent: an error is no half of a file.
    let first = covering.next_of(Only::Open).await?;
    let name = format!("attachment; filename=\"not-informed-{id}.csv\"");
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    let head = written([HEADER.map(str::to_owned)].into_iter());
    let parts = stream::try_unfold(Some((covering, first, head)), next);
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// A file that is being sent: what is read from, what was read and not sent yet, and what stands before that.
type Sending = Option<(Covering, Option<Vec<CoverageRow>>, Vec<u8>)>;

async fn next(sending: Sending) -> io::Result<Option<(Bytes, Sending)>> {
    let Some((mut covering, rows, mut text)) = sending else { return Ok(None) };
    let Some(rows) = rows else { return Ok(Some((text.into(), None))) };
    text.extend(written(rows.iter().flat_map(cells)));
    let rows = covering.next_of(Only::Open).await.map_err(|error| {
        tracing::error!(%error, "a coverage could not be read to its end");
        io::Error::other("the rest could not be read")
    })?;
    Ok(Some((text.into(), Some((covering, rows, Vec::new())))))
}

/// A row for each delivery; one for a customer without any.
fn cells(row: &CoverageRow) -> Vec<[String; 5]> {
    let cells = |address: &str, state: &str| {
        [row.account_id.as_str(), row.customer_name.as_str(), row.verdict.as_str(), address, state].map(harmless)
    };
    if row.deliveries.is_empty() {
        return vec![cells("", "")];
    }
    row.deliveries.iter().map(|it| cells(&it.email, it.state.as_str())).collect()
}

fn written(rows: impl Iterator<Item = [String; 5]>) -> Vec<u8> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    for row in rows {
        // Writing to memory does not fail, and all rows are as long as the header.
        let _ = csv.write_record(row);
    }
    csv.into_inner().unwrap_or_default()
}
