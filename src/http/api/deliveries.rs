//! Deliveries: listed, shown with their attempts and their bytes, reported on, settled and sent again.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Api;
use super::body::{Asked, Json, page};
use super::key::Caller;
use super::problem::Problem;
use crate::deliveries::{Delivery, Finding, Recorded, Tried, Wanted};
use crate::domain::address::Address;
use crate::domain::delivery::{Outcome, State as DeliveryState};

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(message))
        .routes(routes!(report))
        .routes(routes!(resend))
        .routes(routes!(settle))
}

/// Which deliveries are wanted: those of a notice, to a customer or to an address.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listing {
    /// Only those of this notice: its id or reference.
    notice: Option<String>,
    /// Only those to this customer.
    account: Option<String>,
    /// Only those to this address.
    email: Option<String>,
    /// Only those in this state.
    #[param(value_type = Option<DeliveryState>)]
    state: Option<String>,
    /// The most items.
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// A page of deliveries, each with the number of its attempts.
#[derive(Serialize, ToSchema)]
#[schema(as = delivery::Page)]
struct Listed {
    deliveries: Vec<Delivery<u64>>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// Deliveries of a notice in the order of its manifest; else those to a customer or an address, the newest first.
#[utoipa::path(get, path = "/deliveries", tag = "deliveries", params(Listing), responses((status = 200, body = Listed)))]
async fn list(State(api): State<Api>, caller: Caller, Asked(asked): Asked<Listing>) -> Result<Json<Listed>, Problem> {
    let request = page(asked.limit, asked.after)?;
    let invalid = |text: String| Problem::of(crate::domain::kind::Kind::Invalid, text);
    let state = asked.state.as_deref().map(str::parse).transpose().map_err(|text: String| invalid(text))?;
    let email = asked.email.as_deref().map(Address::parse).transpose();
    let email = email.map_err(|error| invalid(format!("`email` {error}")))?;
    let wanted =
        Wanted { notice: asked.notice.as_deref(), account: asked.account.as_deref(), email: email.as_ref(), state };
    let found = api.app.deliveries.list(&caller.actor, &wanted, &request).await?;
    Ok(Json(Listed { deliveries: found.items, next: found.next }))
}

/// One delivery, with its attempts, and what came back about it.
#[utoipa::path(get, path = "/deliveries/{id}", tag = "deliveries", params(("id" = String, Path)),
    responses((status = 200, body = Delivery<Vec<Tried>>)))]
async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Delivery<Vec<Tried>>>, Problem> {
    Ok(Json(api.app.deliveries.show(&caller.actor, Problem::id_of("delivery", &id)?).await?))
}

/// The message of a delivery, byte for byte as it was sent.
#[utoipa::path(get, path = "/deliveries/{id}/message", tag = "deliveries", params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "message/rfc822", headers(("etag" = String)))))]
async fn message(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Result<Response, Problem> {
    let message = api.app.deliveries.message(&caller.actor, Problem::id_of("delivery", &id)?).await?;
    let digest = data_encoding::HEXLOWER.encode(&message.sha256);
    let mut response = ([(header::CONTENT_TYPE, "message/rfc822")], message.bytes).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{digest}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// What an operator found out about a delivery.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = delivery::Found)]
enum Found {
    /// It was returned.
    Bounced,
    /// It reached its mailbox.
    Delivered,
    /// The finding before it was wrong: what was recorded earlier counts again.
    Withdrawn,
}

/// A finding to be recorded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = delivery::Reporting)]
struct Reporting {
    found: Found,
    /// The source of the finding, or why it is withdrawn: one line.
    text: String,
}

/// Records what an operator found out after a server accepted the message, or withdraws that. The same finding again changes nothing.
#[utoipa::path(post, path = "/deliveries/{id}/reports", tag = "deliveries", params(("id" = String, Path)),
    request_body = Reporting, responses((status = 200, body = Recorded)))]
async fn report(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(Reporting { found, text }): Json<Reporting>,
) -> Result<Json<Recorded>, Problem> {
    let (actor, id) = (&caller.actor, Problem::id_of("delivery", &id)?);
    if caller.is_done() {
        return recorded(&api, &caller, id).await;
    }
    let deliveries = &api.app.deliveries;
    Ok(Json(match found {
        Found::Bounced => deliveries.report(actor, id, Outcome::Bounced, &text).await?,
        Found::Delivered => deliveries.report(actor, id, Outcome::Delivered, &text).await?,
        Found::Withdrawn => deliveries.withdraw(actor, id, &text).await?,
    }))
}

/// Sends again what failed of a mandatory notice, or is uncertain: a recipient who already has the message gets it twice.
#[utoipa::path(post, path = "/deliveries/{id}/resend", tag = "deliveries", params(("id" = String, Path)),
    responses((status = 200, body = Recorded)))]
async fn resend(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Result<Json<Recorded>, Problem> {
    let id = Problem::id_of("delivery", &id)?;
    if !caller.is_done() {
        api.app.deliveries.resend(&caller.actor, &[id]).await?;
    }
    recorded(&api, &caller, id).await
}

/// What was found out about a delivery whose outcome is unknown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = delivery::Settling)]
struct Settling {
    /// True if the server accepted it.
    accepted: bool,
    /// The source of the finding: one line.
    text: String,
    /// Who found it out: one line.
    by: String,
}

/// Settles a delivery whose outcome is unknown, by what was found out, for example in the log of the relay.
#[utoipa::path(post, path = "/deliveries/{id}/settle", tag = "deliveries", params(("id" = String, Path)),
    request_body = Settling, responses((status = 200, body = Recorded)))]
async fn settle(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(Settling { accepted, text, by }): Json<Settling>,
) -> Result<Json<Recorded>, Problem> {
    let id = Problem::id_of("delivery", &id)?;
    if caller.is_done() {
        return recorded(&api, &caller, id).await;
    }
    let finding = Finding { accepted, text: &text, by: &by };
    Ok(Json(api.app.deliveries.settle(&caller.actor, id, &finding).await?))
}

/// The delivery as it is now.
async fn recorded(api: &Api, caller: &Caller, id: Uuid) -> Result<Json<Recorded>, Problem> {
    let now = api.app.deliveries.show(&caller.actor, id).await?;
    Ok(Json(Recorded { id: now.id, state: now.state, level: now.level }))
}
