//! Who is signed in.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use uuid::Uuid;

use super::words::Words;
use crate::domain::actor::Actor;
use crate::operators::Operator;

/// The operator of a session. A handler that takes it is only reached with a session; see [`enter`](super::enter).
#[derive(Clone, Debug)]
pub struct Signed {
    /// The operator.
    pub operator: Operator,
    /// The operator as the services know them.
    pub actor: Actor,
    /// Id of the session.
    pub session: Uuid,
    /// The operator's language and zone.
    pub words: Words,
    /// The name of the organisation.
    pub(super) organisation: String,
    /// What the page before said, if it led here.
    pub(super) flash: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Signed {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let signed = parts.extensions.get::<Self>().cloned();
        signed.ok_or_else(|| {
            tracing::error!("a route of the console does not ask for a session");
            StatusCode::INTERNAL_SERVER_ERROR
        })
    }
}
