//! `/me`: who a key is, and what it may do.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::body::Json;
use super::key::Caller;
use super::problem::Problem;
use crate::domain::category::Category;
use crate::domain::category_set::CategorySet;
use crate::domain::operator::{OperatorKind, Role, Roles};
use crate::domain::right::Right;

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(me))
}

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
struct Me {
    /// The operator's name.
    operator: String,
    /// Person or machine.
    kind: OperatorKind,
    /// The roles of the key that the operator has now.
    roles: Vec<Role>,
    /// What these roles allow.
    rights: Vec<Granted>,
}

/// A right.
#[derive(Debug, Serialize, ToSchema)]
struct Granted {
    /// What may be done.
    right: &'static str,
    /// The categories of notices for which it may, if it is not for all of them or does not depend on one.
    #[serde(skip_serializing_if = "Option::is_none")]
    categories: Option<Vec<Category>>,
}

/// Who you are, and what you may do.
#[utoipa::path(get, path = "/me", tag = "operators", responses((status = 200, body = Me)))]
async fn me(caller: Caller) -> Result<Json<Me>, Problem> {
    let actor = &caller.actor;
    let granted = |right: &Right| {
        let allowed = actor.categories(*right);
        let some = right.is_by_category() && allowed != CategorySet::ALL;
        let is_persons = *right == Right::Approve && actor.kind() == OperatorKind::Machine;
        let may = !allowed.is_empty() && !is_persons;
        may.then(|| Granted { right: right.as_str(), categories: some.then(|| allowed.iter().collect()) })
    };
    Ok(Json(Me {
        operator: actor.name().to_owned(),
        kind: actor.kind(),
        roles: actor.roles().unwrap_or(Roles::NONE).iter().collect(),
        rights: Right::ALL.iter().filter_map(granted).collect(),
    }))
}
