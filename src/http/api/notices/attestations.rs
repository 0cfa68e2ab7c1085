//! Attestations: a person's word that a customer was informed by another way.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::coverage::{Attested, NewAttestation};
use crate::domain::attestation::Channel;
use crate::http::api::Api;
use crate::http::api::body::Json;
use crate::http::api::key::Caller;
use crate::http::api::problem::Problem;

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(attest))
}

/// An attestation to be recorded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = attestation::Attesting)]
struct Attesting {
    /// The customer.
    account_id: String,
    /// The way.
    #[schema(value_type = Channel)]
    channel: String,
    /// Who informed the customer: one line.
    by: String,
    /// What was said, or where the letter is: one line.
    note: String,
    /// When the customer was informed; now, if it is left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<String>,
}

/// Records that a customer was informed by another way. The same attestation is recorded once.
#[utoipa::path(post, path = "/notices/{id}/attestations", tag = "notices", params(("id" = String, Path)), request_body = Attesting,
    responses((status = 201, body = Attested), (status = 200, body = Attested, description = "It was on record before")))]
async fn attest(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(new): Json<Attesting>,
) -> Result<Response, Problem> {
    let id = Problem::id_of("notice", &id)?;
    let channel: Channel = new.channel.parse().map_err(|error: String| Problem::at("/channel", error))?;
    let told_at: Option<Timestamp> = new
        .at
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|_| Problem::at("/at", "must be a time with its zone, such as 2026-12-01T10:30:00+01:00"))?;
    let wanted = NewAttestation { account_id: &new.account_id, channel, witness: &new.by, note: &new.note, told_at };
    let attested = api.app.coverage.attest(&caller.actor, &id.to_string(), &wanted).await?;
    let status = if attested.already && !caller.is_done() { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(attested)).into_response())
}
