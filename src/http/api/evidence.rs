//! Evidence: a file that proves what the ledger says about a notice, or a report for people with that file in it.

use std::io::{self, Read as _, Seek as _};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::Asked;
use super::key::Caller;
use super::problem::Problem;
use crate::domain::kind::Kind;
use crate::domain::words::cause;
use crate::evidence::{Choice, Proof, Request, Scope};

/// The media type of the report for people.
const PDF: &str = "application/pdf";

/// The largest evidence that is made into a PDF, in bytes: PDF and evidence are held in memory.
const LARGEST_IN_PDF: u64 = 64 << 20;

/// What is read from the file at once, in bytes.
const CHUNK: usize = 64 << 10;

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(evidence))
}

/// What the evidence is to be about.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// The notice: its id, or a reference that no other released notice has.
    notice: String,
    /// Whose deliveries it opens: nobody else is named.
    account: Option<String>,
    /// It opens the deliveries of every customer, and names each recipient.
    #[serde(default)]
    everyone: bool,
    /// With the exact bytes that were sent.
    #[serde(default)]
    with_message: bool,
}

/// Evidence of a notice, as a file that `besked verify` checks without a database, or as a PDF that holds this file.
#[utoipa::path(get, path = "/evidence", tag = "answers", params(Wanted), responses(
    (status = 200, description = "The evidence", content((serde_json::Value = "application/json"), (Vec<u8> = "application/pdf")))))]
async fn evidence(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Problem> {
    let form = form(&headers)?;
    let scope = match (wanted.account, wanted.everyone) {
        (Some(account), false) => Scope::Customer(account),
        (None, true) => Scope::Everyone,
        (Some(_), true) => return Err(Problem::of(Kind::Invalid, "`account` and `everyone` exclude each other")),
        (None, false) => {
            return Err(Problem::of(Kind::Invalid, "evidence needs the customer that it is for").hint(
                "`account=ID` names the persons of one customer, `everyone=true` every recipient of every customer",
            ));
        }
    };
    let request = Request { notices: Choice::Notice(wanted.notice), scope, with_messages: wanted.with_message };
    // Until it is written: whoever asks meanwhile asks again.
    let _turn = turn(&api.exports)?;
    let mut proofs = api.app.evidence.prepare(&caller.actor, &request).await?;
    let Some(proof) = proofs.pop() else { return Err(Problem::of(Kind::NotFound, "there is no such released notice")) };
    let mut file = tempfile::tempfile().map_err(|error| unwritten(&error))?;
    proof.write(io::BufWriter::new(&mut file), &|_| ()).await?;
    file.rewind().map_err(|error| unwritten(&error))?;
    match form {
        Form::Json => Ok(streamed(file)),
        Form::Pdf => report(&proof, file).await,
    }
}

/// The turn to write evidence, if nobody else writes any.
fn turn(exports: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    exports
        .clone()
        .try_acquire_owned()
        .map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "other evidence is being written").retry_after(10))
}

/// The form in which evidence is wanted.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Pdf,
}

fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    let accepted =
        headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok()).flat_map(|it| it.split(','));
    let mut types: Vec<&str> = accepted.filter_map(|it| it.split(';').next()).map(str::trim).collect();
    types.retain(|it| !it.is_empty());
    let takes = |wanted: &str| types.iter().any(|it| it.eq_ignore_ascii_case(wanted));
    if types.is_empty() || takes("application/json") || takes("*/*") || takes("application/*") {
        return Ok(Form::Json);
    }
    if takes(PDF) {
        return Ok(Form::Pdf);
    }
    let detail = "evidence is there as application/json and as application/pdf";
    Err(Problem::new(StatusCode::NOT_ACCEPTABLE, detail))
}

/// The file, a part at a time.
fn streamed(file: std::fs::File) -> Response {
    let parts = stream::try_unfold(tokio::fs::File::from_std(file), |mut file| async move {
        let mut part = vec![0; CHUNK];
        let n = file.read(&mut part).await?;
        part.truncate(n);
        Ok::<_, io::Error>((n > 0).then(|| (Bytes::from(part), file)))
    });
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(parts)).into_response()
}

/// Refuses evidence that is too large to be held in memory, before it is read.
fn check_size(bytes: u64) -> Result<(), Problem> {
    if bytes <= LARGEST_IN_PDF {
        return Ok(());
    }
    let detail =
        format!("the evidence has {bytes} bytes, and a PDF that is asked for here may hold {LARGEST_IN_PDF} at most");
    Err(Problem::of(Kind::Refused, detail)
        .hint("take it as application/json, or make the PDF with `besked evidence export --pdf`"))
}

async fn report(proof: &Proof, mut file: std::fs::File) -> Result<Response, Problem> {
    check_size(file.metadata().map_err(|error| unwritten(&error))?.len())?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| unwritten(&error))?;
    let pdf = proof.pdf(&bytes, "evidence.json").await?;
    Ok(([(header::CONTENT_TYPE, PDF)], pdf).into_response())
}

fn unwritten(error: &io::Error) -> Problem {
    Problem::failed(Kind::Failed, &format!("a temporary file for evidence cannot be used: {}", cause(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_written_by_one_at_a_time() {
        let exports = Arc::new(Semaphore::new(1));
        let first = turn(&exports).unwrap();
        let refused = turn(&exports).unwrap_err().into_response();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()[header::RETRY_AFTER], "10");
        drop(first);
        drop(turn(&exports).unwrap());
    }

    #[test]
    fn evidence_for_a_pdf_has_a_limit() {
        check_size(LARGEST_IN_PDF).unwrap();
        let refused = check_size(LARGEST_IN_PDF + 1).unwrap_err();
        assert_eq!(refused.into_response().status(), StatusCode::CONFLICT);
    }
}
