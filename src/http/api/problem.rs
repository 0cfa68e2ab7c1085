//! What the API answers if it does not do what was asked: a problem document (RFC 9457) with all problems of the input at once.

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::audit::Ended;
use crate::domain::kind::Kind;
use crate::domain::problem::{self, Problems};
use crate::domain::wrong::Wrong;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// After how many seconds what failed for now may be tried again.
const LATER: u64 = 5;

/// Why a request was not carried out.
#[derive(Clone, Debug)]
pub struct Problem(Box<Document>);

/// A problem document.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document {
    /// What kind of problem it is: a place in the documentation.
    #[serde(rename = "type")]
    kind: String,
    /// The same in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong.
    detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Every problem of the input, each at its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Place>,
    #[serde(skip)]
    ended: Option<Ended>,
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// A problem of the input, and where it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Place {
    /// The member of the JSON document, as a JSON pointer.
    pointer: Option<String>,
    /// The line of the text.
    line: Option<usize>,
    /// The field, column or parameter.
    #[serde(skip_serializing_if = "String::is_empty")]
    field: String,
    /// What is wrong.
    problem: String,
    /// The value that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// What was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<String>,
}

impl From<problem::Problem> for Place {
    fn from(it: problem::Problem) -> Self {
        Self {
            pointer: it.pointer.map(String::from),
            line: Some(it.line).filter(|line| *line > 0),
            field: it.field,
            problem: it.problem,
            value: it.value,
            suggestion: it.suggestion.map(String::from),
        }
    }
}

/// The word and the title of each status that the API answers with.
const TITLES: [(StatusCode, &str, &str); 14] = [
    (StatusCode::BAD_REQUEST, "unreadable", "The request cannot be read"),
    (StatusCode::UNAUTHORIZED, "no-key", "A valid key is needed"),
    (StatusCode::FORBIDDEN, "forbidden", "The role may not do this"),
    (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
    (StatusCode::METHOD_NOT_ALLOWED, "method", "The path has no such method"),
    (StatusCode::NOT_ACCEPTABLE, "not-acceptable", "There is no such form of it"),
    (StatusCode::CONFLICT, "conflict", "The present state does not allow it"),
    (StatusCode::PRECONDITION_FAILED, "changed", "It was changed meanwhile"),
    (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "The body has another type"),
    (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The input is not valid"),
    (StatusCode::PRECONDITION_REQUIRED, "condition", "A condition is needed"),
    (StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many requests"),
    (StatusCode::SERVICE_UNAVAILABLE, "later", "Not at present"),
];

/// The statuses, for the documentation: each with its word and title.
pub fn statuses() -> impl Iterator<Item = (u16, &'static str, &'static str)> {
    TITLES.iter().map(|(status, word, title)| (status.as_u16(), *word, *title))
}

impl Problem {
    /// A problem with a status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let known = TITLES.iter().find(|(it, ..)| *it == status);
        let (word, title) = known.map_or(("failed", "This did not work"), |(_, word, title)| (*word, *title));
        let later = status == StatusCode::SERVICE_UNAVAILABLE;
        Self(Box::new(Document {
            kind: format!("/api/docs#{word}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            hint: None,
            problems: Vec::new(),
            ended: None,
            retry_after: later.then_some(LATER),
        }))
    }

    /// The error of a service, whose text is for the caller.
    pub fn of(kind: Kind, detail: impl Into<String>) -> Self {
        let status = match kind {
            Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Conflict | Kind::Refused => StatusCode::CONFLICT,
            Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::Later => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut problem = Self::new(status, detail);
        problem.0.ended = Some(kind.into());
        problem
    }

    /// A failure of Besked or what it depends on: the log says why, the caller does not learn it.
    pub fn failed(kind: Kind, for_logs: &str) -> Self {
        tracing::error!(error = for_logs, "a request failed");
        let detail = match kind {
            Kind::Later => "the database is not available at present",
            _ => "this failed for a reason that is in the log, under the id of this request",
        };
        Self::of(kind, detail)
    }

    /// Nothing that the caller may know of has this name.
    pub fn not_found(what: &str, name: &str) -> Self {
        let shown: String = name.chars().take(100).collect();
        Self::of(Kind::NotFound, format!("there is no {what} `{}`", shown.escape_debug()))
    }

    /// The id in a path. Text that is no id names nothing.
    pub fn id_of(what: &str, text: &str) -> Result<Uuid, Self> {
        text.parse().map_err(|_| Self::not_found(what, text))
    }

    /// Input with these problems.
    pub fn invalid(problems: Problems) -> Self {
        let n = problems.0.len();
        let detail = if n == 1 { "the input has a problem".to_owned() } else { format!("the input has {n} problems") };
        Self::of(Kind::Invalid, detail).with(problems)
    }

    /// Input with one problem at a place in the document.
    pub fn at(pointer: &str, problem: impl Into<Wrong>) -> Self {
        let mut problems = Problems::default();
        problems.add_at(pointer, problem);
        Self::invalid(problems)
    }

    /// With the problems of the input.
    #[must_use]
    pub fn with(mut self, problems: Problems) -> Self {
        self.0.problems = problems.limited().0.into_iter().map(Place::from).collect();
        self
    }

    /// With a remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// With a remedy, if there is one.
    #[must_use]
    pub fn maybe_hint(self, hint: Option<&str>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// With another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        let Document { kind, title, status, .. } = *Self::new(status, "").0;
        (self.0.kind, self.0.title, self.0.status) = (kind, title, status);
        self
    }

    /// With the seconds after which the same request may succeed.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds.max(1));
        self
    }

    /// The document, as a line.
    pub(super) fn line(&self) -> Bytes {
        let mut line = serde_json::to_vec(&self.0).unwrap_or_default();
        line.push(b'\n');
        line.into()
    }

    /// How the request ended, for the audit log.
    pub(super) fn ended(&self) -> Ended {
        self.0.ended.unwrap_or(match self.0.status {
            401 => Ended::Unauthenticated,
            403 => Ended::Forbidden,
            404 => Ended::NotFound,
            409 | 412 => Ended::Conflict,
            429 | 503 => Ended::Later,
            500.. => Ended::Failed,
            _ => Ended::Invalid,
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], self.line()).into_response();
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        if status == StatusCode::UNAUTHORIZED {
            set(header::WWW_AUTHENTICATE, "Bearer realm=\"besked\"");
        }
        if let Some(seconds) = self.0.retry_after {
            set(header::RETRY_AFTER, &seconds.to_string());
        }
        response.extensions_mut().insert(self.ended());
        response
    }
}
