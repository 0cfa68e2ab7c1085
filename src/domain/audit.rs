//! The audit log: how what somebody asked for ended.

use serde::Serialize;

use crate::domain::kind::Kind;
use crate::domain::words::words;

/// How a command or request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It was done, or answered.
    Ok,
    /// The input was wrong.
    Invalid,
    /// What it named does not exist.
    NotFound,
    /// The state did not allow it.
    Conflict,
    /// Nobody known asked.
    Unauthenticated,
    /// The roles did not allow it.
    Forbidden,
    /// A rule, a duty or a right stood against it.
    Refused,
    /// It was to be tried later.
    Later,
    /// Besked or what it depends on failed.
    Failed,
}

impl Ended {
    /// What a status of HTTP (RFC 9110) says of a request.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            ..=399 => Self::Ok,
            401 => Self::Unauthenticated,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            409 | 412 => Self::Conflict,
            429 | 503 => Self::Later,
            500.. => Self::Failed,
            _ => Self::Invalid,
        }
    }
}

words!(Ended, "a result", {
    Ok => "ok",
    Invalid => "invalid",
    NotFound => "not_found",
    Conflict => "conflict",
    Unauthenticated => "unauthenticated",
    Forbidden => "forbidden",
    Refused => "refused",
    Later => "later",
    Failed => "failed",
});

impl From<Kind> for Ended {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Invalid => Self::Invalid,
            Kind::NotFound => Self::NotFound,
            Kind::Conflict => Self::Conflict,
            Kind::Unauthenticated => Self::Unauthenticated,
            Kind::Forbidden => Self::Forbidden,
            Kind::Refused => Self::Refused,
            Kind::Later => Self::Later,
            Kind::Failed => Self::Failed,
        }
    }
}
