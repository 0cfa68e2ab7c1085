//! Operators: who may do what.

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
use super::persons::address_at;
use super::problem::Problem;
use crate::domain::operator::{OperatorKind, Role};
use crate::operators::{NewOperator, Shown};

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(add)).routes(routes!(show)).routes(routes!(set))
}

/// A page of operators.
#[derive(Serialize, ToSchema)]
#[schema(as = operator::Page)]
struct Listed {
    operators: Vec<Shown>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// Operators, in the order in which they were added.
#[utoipa::path(get, path = "/operators", tag = "operators", params(Listing), responses((status = 200, body = Listed)))]
async fn list(State(api): State<Api>, caller: Caller, Asked(asked): Asked<Listing>) -> Result<Json<Listed>, Problem> {
    let request = asked.page()?;
    let found = api.app.operators.list(&caller.actor, &request).await?;
    Ok(Json(Listed { operators: found.items, next: found.next }))
}

/// An operator to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = operator::Adding)]
struct Adding {
    /// The name.
    name: String,
    /// A machine may not approve; a person, if it is left out.
    #[schema(value_type = Option<OperatorKind>)]
    kind: Option<String>,
    /// The roles, at least one.
    #[schema(value_type = Vec<Role>)]
    roles: Vec<String>,
    /// The operator's address.
    email: Option<String>,
}

/// Words of a list. The schema was checked before: what is none of them does not come here.
fn words<T: std::str::FromStr<Err = String>>(pointer: &str, words: &[String]) -> Result<Vec<T>, Problem> {
    words.iter().map(|word| word.parse().map_err(|text: String| Problem::at(pointer, text))).collect()
}

/// Adds an operator.
#[utoipa::path(post, path = "/operators", tag = "operators", request_body = Adding, responses((status = 201, body = Shown)))]
async fn add(State(api): State<Api>, caller: Caller, Json(new): Json<Adding>) -> Result<Response, Problem> {
    let kind = new.kind.as_deref().map_or(Ok(OperatorKind::Person), str::parse);
    let kind = kind.map_err(|text: String| Problem::at("/kind", text))?;
    let roles = words::<Role>("/roles", &new.roles)?.into_iter().collect();
    let email = new.email.as_deref().map(|email| address_at("/email", email)).transpose()?;
    let operators = &api.app.operators;
    let wanted = NewOperator { name: &new.name, kind, roles, email: email.as_ref() };
    let shown = match caller.is_done() {
        true => operators.show(&caller.actor, &new.name).await?,
        false => operators.add(&caller.actor, &wanted).await?,
    };
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// One operator. Everybody may look at their own entry.
#[utoipa::path(get, path = "/operators/{name}", tag = "operators", params(("name" = String, Path)),
    responses((status = 200, body = Shown)))]
async fn show(State(api): State<Api>, caller: Caller, Path(name): Path<String>) -> Result<Json<Shown>, Problem> {
    Ok(Json(api.app.operators.show(&caller.actor, &name).await?))
}

/// Whether an operator may act.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = operator::May)]
enum May {
    /// The operator may act.
    Active,
    /// The operator may not act any more, and has no keys.
    Disabled,
}

/// What an operator is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = operator::Setting)]
struct Setting {
    /// The roles instead of the present ones; these stay, if it is left out.
    #[schema(value_type = Option<Vec<Role>>)]
    roles: Option<Vec<String>>,
    /// Another address.
    email: Option<String>,
    /// Whether the operator may act.
    state: Option<May>,
}

/// Changes an operator: roles, address, and whether they may act.
#[utoipa::path(put, path = "/operators/{name}", tag = "operators", params(("name" = String, Path)), request_body = Setting,
    responses((status = 200, body = Shown)))]
async fn set(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    Json(wanted): Json<Setting>,
) -> Result<Json<Shown>, Problem> {
    let (actor, operators) = (&caller.actor, &api.app.operators);
    let roles = wanted.roles.as_deref().map(|roles| words::<Role>("/roles", roles)).transpose()?;
    let email = wanted.email.as_deref().map(|email| address_at("/email", email)).transpose()?;
    let mut shown = operators.show(actor, &name).await?;
    if roles.is_some() || email.is_some() {
        let roles = roles.map_or(shown.roles, |roles| roles.into_iter().collect());
        shown = operators.set(actor, &name, roles, email.as_ref()).await?;
    }
    match wanted.state {
        Some(May::Disabled) => shown = operators.disable(actor, &name).await?,
        Some(May::Active) => shown = operators.enable(actor, &name).await?,
        None => {}
    }
    Ok(Json(shown))
}
