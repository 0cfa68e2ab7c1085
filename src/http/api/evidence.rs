//! Evidence: a file that proves what the ledger says about a notice, or a report for people with that file in it.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::Asked;
use super::key::Caller;
use super::problem::Problem;
use crate::domain::kind::Kind;
use crate::evidence::{Choice, Request, Scope};

/// The media type of the report for people.
const PDF: &str = "application/pdf";

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
    let taken = api.app.evidence.take(&caller.actor, &request).await?;
    Ok(match form {
        Form::Json => ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(taken.parts())).into_response(),
        Form::Pdf => ([(header::CONTENT_TYPE, PDF)], taken.pdf().await?).into_response(),
    })
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
