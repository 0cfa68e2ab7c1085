//! The question that Besked is for: was this customer informed?

use axum::extract::State;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::{Asked, Json};
use super::key::Caller;
use super::problem::Problem;
use crate::coverage::{About, Informed};
use crate::domain::category::Category;
use crate::domain::kind::Kind;

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(informed))
}

/// The question: by one notice, by those with a reference, or by those of a category.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Question {
    /// The customer.
    account: String,
    /// By this notice: its id, or a reference that no other released notice has.
    notice: Option<String>,
    /// By every notice of the matters of this reference that addresses the customer.
    reference: Option<String>,
    /// By every notice of this category that addresses the customer.
    #[param(value_type = Option<Category>)]
    category: Option<String>,
    /// Released at this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Released before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// Was this customer informed? Over several notices, the worst answer counts.
#[utoipa::path(get, path = "/informed", tag = "answers", params(Question), responses((status = 200, body = Informed)))]
async fn informed(
    State(api): State<Api>,
    caller: Caller,
    Asked(asked): Asked<Question>,
) -> Result<Json<Informed>, Problem> {
    let invalid = |text: &str| Problem::of(Kind::Invalid, text);
    let by_time = asked.since.is_some() || asked.until.is_some();
    let about = match (asked.notice, asked.reference, asked.category) {
        (Some(_), None, None) | (None, Some(_), None) if by_time => {
            return Err(invalid("`since` and `until` belong to `category`"));
        }
        (Some(notice), None, None) => About::Notice(notice),
        (None, Some(reference), None) => About::Reference(reference),
        (None, None, Some(category)) => {
            let category = category.parse().map_err(|text: String| invalid(&text))?;
            About::Category { category, since: asked.since, until: asked.until }
        }
        _ => return Err(invalid("name one of `notice`, `reference` and `category`")),
    };
    Ok(Json(api.app.coverage.informed(&caller.actor, &asked.account, &about).await?))
}
