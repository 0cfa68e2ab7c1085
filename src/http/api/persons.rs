//! Persons: what they opted out of, why they are not mailed, and their rights over what is stored about them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::{Asked, Json, Listing};
use super::key::Caller;
use super::problem::Problem;
use crate::domain::address::Address;
use crate::domain::category::Category;
use crate::domain::kind::Kind;
use crate::domain::preference::{Reason, Wish};
use crate::domain::problem::Problems;
use crate::people::preferences::Shown;
use crate::people::suppressions::{Listed, Suppressed, Unsuppressed};

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(preferences, set_preferences))
        .routes(routes!(suppressions, suppress))
        .routes(routes!(unsuppress))
}

/// The address in a path.
fn address(text: &str) -> Result<Address, Problem> {
    Address::parse(text).map_err(|problem| Problem::of(Kind::Invalid, format!("the address in the path: {problem}")))
}

/// The address in a member of a body.
pub(super) fn address_at(pointer: &str, text: &str) -> Result<Address, Problem> {
    Address::parse(text).map_err(|problem| Problem::at(pointer, problem.to_string()))
}

/// What an address opted out of.
#[utoipa::path(get, path = "/preferences/{email}", tag = "persons", params(("email" = String, Path)), responses((status = 200, body = Shown)))]
async fn preferences(
    State(api): State<Api>,
    caller: Caller,
    Path(email): Path<String>,
) -> Result<Json<Shown>, Problem> {
    Ok(Json(api.app.preferences.show(&caller.actor, &address(&email)?).await?))
}

/// What a person wants: at least one category. Others stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = preference::Wishes)]
struct Wishes {
    /// Categories that the person does not want.
    #[schema(value_type = Option<Vec<Category>>)]
    opt_out: Option<Vec<String>>,
    /// Categories that the person wants again.
    #[schema(value_type = Option<Vec<Category>>)]
    opt_in: Option<Vec<String>>,
}

/// Sets and withdraws opt-outs of an address; they hold at every customer.
#[utoipa::path(put, path = "/preferences/{email}", tag = "persons", params(("email" = String, Path)), request_body = Wishes,
    responses((status = 200, body = Shown)))]
async fn set_preferences(
    State(api): State<Api>,
    caller: Caller,
    Path(email): Path<String>,
    Json(wanted): Json<Wishes>,
) -> Result<Json<Shown>, Problem> {
    let (email, mut problems, mut wishes) = (address(&email)?, Problems::default(), Vec::new());
    for (member, categories, opted_out) in [("opt_out", wanted.opt_out, true), ("opt_in", wanted.opt_in, false)] {
        for (n, category) in categories.into_iter().flatten().enumerate() {
            let wish =
                category.parse::<Category>().and_then(|it| Wish::new(it, opted_out).map_err(|it| it.to_string()));
            match wish {
                Ok(wish) => wishes.push(wish),
                Err(error) => problems.add_at(format!("/{member}/{n}"), error),
            }
        }
    }
    if !problems.is_empty() {
        return Err(Problem::invalid(problems));
    }
    api.app.preferences.set(&caller.actor, &email, &wishes).await?;
    Ok(Json(api.app.preferences.show(&caller.actor, &email).await?))
}

/// A page of suppressions.
#[derive(Serialize, ToSchema)]
#[schema(as = suppression::Page)]
struct Page {
    suppressions: Vec<Listed>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// Addresses with a reason against mailing them.
#[utoipa::path(get, path = "/suppressions", tag = "persons", params(Listing), responses((status = 200, body = Page)))]
async fn suppressions(
    State(api): State<Api>,
    caller: Caller,
    Asked(asked): Asked<Listing>,
) -> Result<Json<Page>, Problem> {
    let request = asked.page()?;
    let found = api.app.suppressions.list(&caller.actor, &request).await?;
    Ok(Json(Page { suppressions: found.items, next: found.next }))
}

/// A suppression to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = suppression::Suppressing)]
struct Suppressing {
    /// The address.
    email: String,
    /// `dead`, `complaint` or `manual`.
    #[schema(value_type = Reason)]
    reason: String,
}

/// Suppresses an address.
#[utoipa::path(post, path = "/suppressions", tag = "persons", request_body = Suppressing,
    responses((status = 201, body = Suppressed), (status = 200, body = Suppressed, description = "It was suppressed for this reason already")))]
async fn suppress(State(api): State<Api>, caller: Caller, Json(new): Json<Suppressing>) -> Result<Response, Problem> {
    let email = address_at("/email", &new.email)?;
    let reason = Reason::parse_addable(&new.reason).map_err(|error| Problem::at("/reason", error))?;
    let added = caller.is_done() || api.app.suppressions.add(&caller.actor, &email, reason).await?;
    let status = if added { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Suppressed { email: email.as_str().to_owned(), reason, added })).into_response())
}

/// Lifts the suppression of an address.
#[utoipa::path(delete, path = "/suppressions/{email}", tag = "persons", params(("email" = String, Path)), responses((status = 200, body = Unsuppressed)))]
async fn unsuppress(
    State(api): State<Api>,
    caller: Caller,
    Path(email): Path<String>,
) -> Result<Json<Unsuppressed>, Problem> {
    let email = address(&email)?;
    let reasons = api.app.suppressions.remove(&caller.actor, &email).await?;
    Ok(Json(Unsuppressed { email: email.as_str().to_owned(), removed: reasons.len(), reasons }))
}
