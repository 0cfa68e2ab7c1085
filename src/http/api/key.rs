//! Who asks: the operator whose key the request bears. It is looked up each time, so that a key that was revoked counts no more at once.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use uuid::Uuid;

use super::Api;
use super::problem::Problem;
use super::rates::Left;
use crate::domain::actor::{Actor, Via};
use crate::domain::kind::Kind;
use crate::operators::keys::KeyError;

/// Who asks for what a handler does.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The operator.
    pub actor: Actor,
    /// Whether the request was carried out before, see [`Caller::done`].
    pub(super) before: Option<Option<Uuid>>,
}

impl Caller {
    /// What an earlier try of this request made or changed, if one was carried out whose answer is lost: the handler must not do it
    /// again.
    pub fn done(&self) -> Option<Uuid> {
        self.before.flatten()
    }

    /// True if an earlier try of this request was carried out, and its answer is lost.
    pub const fn is_done(&self) -> bool {
        self.before.is_some()
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::failed(Kind::Failed, "a route of the API does not ask for a key"))
    }
}

/// Who presented what, if it counts for nothing.
#[derive(Debug)]
pub struct Refused {
    /// The name of the operator, as far as it is known.
    pub operator: String,
    /// How they reached Besked.
    pub via: String,
    /// What is answered.
    pub problem: Problem,
}

impl Refused {
    fn unknown(problem: Problem) -> Self {
        Self { operator: "unknown".to_owned(), via: "unknown key".to_owned(), problem }
    }
}

/// The text after `Bearer`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, text) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && values.next().is_none()).then_some(text.trim())
}

/// The operator whose key a request bears, and how much the key has left.
pub async fn authenticate(api: &Api, headers: &HeaderMap, peer: IpAddr) -> Result<(Actor, Left), Refused> {
    let Some(text) = bearer(headers) else {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "the request has no key")
            .hint("send `Authorization: Bearer besked_...`; an admin makes a key with `besked keys add`");
        return Err(Refused::unknown(api.rates.of_unknown(peer).err().unwrap_or(problem)));
    };
    match api.app.keys.authenticate_now(text).await {
        Ok(actor) => {
            let Via::Key { id } = *actor.via() else {
                return Err(Refused::unknown(Problem::failed(Kind::Failed, "a key led to another way")));
            };
            let refused =
                |problem| Refused { operator: actor.name().to_owned(), via: actor.via().to_string(), problem };
            let left = api.rates.of_key(id).map_err(refused)?;
            Ok((actor, left))
        }
        Err(KeyError::Store(error)) => Err(Refused::unknown(Problem::failed(error.kind(), &error.for_logs()))),
        Err(error) => {
            // Who guesses too often costs no further look into the database.
            api.rates.of_unknown(peer).map_err(Refused::unknown)?;
            let problem = Problem::new(StatusCode::UNAUTHORIZED, error.to_string());
            let Some((operator, id)) = api.app.keys.whose(text).await else {
                return Err(Refused::unknown(problem));
            };
            let (operator, via) = (operator.as_str().to_owned(), Via::Key { id }.to_string());
            Err(Refused { operator, via, problem })
        }
    }
}
