//! A person's rights over what is stored about them (GDPR Art. 15 to 21). The address is in the body: a path is in many logs.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::Json;
use super::idempotency::{Erases, NotKept};
use super::key::Caller;
use super::persons::address_at;
use super::problem::Problem;
use crate::domain::category::{Category, Class};
use crate::domain::duty::Duty;
use crate::domain::problem::Problems;
use crate::people::subjects::{Erased, Erasure, Objecting, Record, Rectified, Restricting, SubjectError};

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(export))
        .routes(routes!(erase))
        .routes(routes!(restrict))
        .routes(routes!(unrestrict))
        .routes(routes!(rectify))
        .routes(routes!(object))
}

/// A person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = subject::Whose)]
struct Whose {
    /// The address.
    email: String,
}

/// Everything that is stored about an address, with its evidence (Art. 15, 20).
#[utoipa::path(post, path = "/subjects/export", tag = "persons", request_body = Whose, responses((status = 200, body = Record)))]
async fn export(State(api): State<Api>, caller: Caller, Json(whose): Json<Whose>) -> Result<Response, Problem> {
    let email = address_at("/email", &whose.email)?;
    let exported = api.app.subjects.export(&caller.actor, &email).await?;
    if let Some(error) = exported.without_evidence {
        tracing::warn!(%error, "a record was exported without evidence");
    }
    let mut response = Json(exported.record).into_response();
    response.extensions_mut().insert(NotKept);
    Ok(response)
}

/// An erasure.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = subject::Erasing)]
struct Erasing {
    /// The address.
    email: String,
    /// The ground: it stays in the ledger.
    ground: String,
    /// Duties to keep the record that do not apply here: `retention:CATEGORY` or `hold:ID`.
    waive: Option<Vec<String>>,
}

/// What an erasure deleted.
#[derive(Serialize, ToSchema)]
#[schema(as = subject::Erasure)]
struct Done {
    /// What was deleted.
    #[serde(flatten)]
    erased: Erased,
    /// The person was erased by an earlier request with this `Idempotency-Key`, and the counts are not known any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    already: bool,
}

/// Deletes everything that names a person; the proofs of others stay valid (Art. 17). It cannot be undone.
#[utoipa::path(post, path = "/subjects/erase", tag = "persons", request_body = Erasing, responses((status = 200, body = Done)))]
async fn erase(State(api): State<Api>, caller: Caller, Json(new): Json<Erasing>) -> Result<Response, Problem> {
    let email = address_at("/email", &new.email)?;
    if caller.is_done() {
        return Ok(Json(Done { erased: Erased::default(), already: true }).into_response());
    }
    let (mut waived, mut problems) = (Vec::new(), Problems::default());
    for (n, duty) in new.waive.iter().flatten().enumerate() {
        match duty.parse::<Duty>() {
            Ok(duty) => waived.push(duty),
            Err(error) => problems.add_at(format!("/waive/{n}"), error.to_string()),
        }
    }
    if !problems.is_empty() {
        return Err(Problem::invalid(problems));
    }
    let erasure = Erasure { address: &email, ground: &new.ground, waived: &waived };
    match api.app.subjects.erase(&caller.actor, &erasure).await {
        Ok(erased) => {
            let mut response = Json(Done { erased, already: false }).into_response();
            response.extensions_mut().insert(Erases);
            Ok(response)
        }
        Err(SubjectError::Ground) => Err(Problem::at("/ground", SubjectError::Ground.to_string())),
        Err(error) => {
            let waivers = if let SubjectError::Duties { duties, .. } = &error {
                let waivers: Vec<String> = duties.iter().map(|(duty, _)| format!("`{duty}`")).collect();
                Some(format!("only if none of them applies here, name them in `waive`: {}", waivers.join(", ")))
            } else {
                None
            };
            Err(Problem::from(error).maybe_hint(waivers.as_deref()))
        }
    }
}

/// Restricts the processing of a person's data: no optional mail, masked in lists, every view is logged (Art. 18).
#[utoipa::path(post, path = "/subjects/restrict", tag = "persons", request_body = Whose, responses((status = 200, body = Restricting)))]
async fn restrict(
    State(api): State<Api>,
    caller: Caller,
    Json(whose): Json<Whose>,
) -> Result<Json<Restricting>, Problem> {
    let email = address_at("/email", &whose.email)?;
    let changed = caller.is_done() || api.app.subjects.restrict(&caller.actor, &email).await?;
    Ok(Json(Restricting { email: email.as_str().to_owned(), restricted: true, changed }))
}

/// Lifts a restriction.
#[utoipa::path(post, path = "/subjects/unrestrict", tag = "persons", request_body = Whose, responses((status = 200, body = Restricting)))]
async fn unrestrict(
    State(api): State<Api>,
    caller: Caller,
    Json(whose): Json<Whose>,
) -> Result<Json<Restricting>, Problem> {
    let email = address_at("/email", &whose.email)?;
    if !caller.is_done() {
        api.app.subjects.unrestrict(&caller.actor, &email).await?;
    }
    Ok(Json(Restricting { email: email.as_str().to_owned(), restricted: false, changed: true }))
}

/// A correction of an address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = subject::Rectifying)]
struct Rectifying {
    /// The address as it is.
    email: String,
    /// The address as it should be.
    to: String,
    /// The new address is known already, and is the same person's.
    as_one: Option<bool>,
}

/// Corrects an address at every customer (Art. 16).
#[utoipa::path(post, path = "/subjects/rectify", tag = "persons", request_body = Rectifying, responses((status = 200, body = Rectified)))]
async fn rectify(
    State(api): State<Api>,
    caller: Caller,
    Json(new): Json<Rectifying>,
) -> Result<Json<Rectified>, Problem> {
    let (email, to) = (address_at("/email", &new.email)?, address_at("/to", &new.to)?);
    let subjects = &api.app.subjects;
    let contacts = match (caller.is_done(), new.as_one) {
        (true, _) => None,
        (false, Some(true)) => Some(subjects.rectify_as_one(&caller.actor, &email, &to).await?),
        (false, _) => Some(subjects.rectify(&caller.actor, &email, &to).await?),
    };
    Ok(Json(Rectified { email: email.as_str().to_owned(), to: to.as_str().to_owned(), contacts }))
}

/// An objection.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = subject::ObjectingTo)]
struct ObjectingTo {
    /// The address.
    email: String,
    /// The categories that the person objects to; all optional ones, if it is left out.
    #[schema(value_type = Option<Vec<Category>>)]
    categories: Option<Vec<String>>,
    /// The person's grounds; required for mandatory categories.
    note: Option<String>,
}

/// Records an objection (Art. 21): out of optional categories at once; somebody decides about mandatory ones.
#[utoipa::path(post, path = "/subjects/object", tag = "persons", request_body = ObjectingTo, responses((status = 200, body = Objecting)))]
async fn object(
    State(api): State<Api>,
    caller: Caller,
    Json(new): Json<ObjectingTo>,
) -> Result<Json<Objecting>, Problem> {
    let email = address_at("/email", &new.email)?;
    let optional = Category::ALL.iter().copied().filter(|it| it.class() == Class::Optional);
    let categories: Result<Vec<Category>, Problem> = match &new.categories {
        None => Ok(optional.collect()),
        Some(words) => words
            .iter()
            .enumerate()
            .map(|(n, word)| word.parse().map_err(|error: String| Problem::at(&format!("/categories/{n}"), error)))
            .collect(),
    };
    let objection = api.app.subjects.object(&caller.actor, &email, &categories?, new.note.as_deref()).await?;
    Ok(Json(Objecting { email: email.as_str().to_owned(), objected: true, objection }))
}
