//! What comes in: JSON whose every problem is named at once, and parameters of the query; and JSON that goes out.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;
use super::shape;
use crate::domain::page::PageRequest;
use crate::domain::problem::Problems;
use crate::domain::structured;

/// The largest body of this request, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct MaxBody(pub u64);

/// A body that was read, whatever is in it.
#[derive(Debug)]
pub struct Raw(pub Bytes);

/// A JSON body: an object with the members of `T` and no others.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// Parameters of the query: those of `T` and no others.
#[derive(Debug)]
pub struct Asked<T>(pub T);

/// Reads a body of at most so many bytes.
pub async fn read(headers: &HeaderMap, body: Body, most: u64) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body of this request may have at most {most} bytes"))
    };
    let length = headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()).and_then(|it| it.parse().ok());
    if length.is_some_and(|length: u64| length > most) {
        return Err(too_large());
    }
    match Limited::new(body, usize::try_from(most).unwrap_or(usize::MAX)).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "the body ended too early, or came too slowly")),
    }
}

/// True if the body has a media type, whatever its parameters.
pub fn has_type(headers: &HeaderMap, wanted: &str) -> bool {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    sent.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

/// Refuses a body of another media type.
pub fn check_type(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    if has_type(headers, wanted) {
        return Ok(());
    }
    let detail = format!("the body must be {wanted}, and `Content-Type` must say so");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

/// Reads a JSON document with the members of `T`.
pub fn parse<T: DeserializeOwned + ToSchema>(document: &[u8]) -> Result<T, Problem> {
    if std::str::from_utf8(document).is_err() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "the body is not UTF-8"));
    }
    let value = structured::document(document).map_err(unreadable)?;
    let mut problems = Problems::default();
    shape::check::<T>(&value, &mut problems);
    if !problems.is_empty() {
        return Err(Problem::invalid(problems));
    }
    // What the schema cannot say, such as that a text is an id.
    serde_json::from_value(value).map_err(|error| Problem::at("", error.to_string()))
}

/// What is not JSON cannot be read; a member that is there twice is invalid.
pub fn unreadable(problems: Problems) -> Problem {
    let is_json = problems.0.iter().all(|problem| problem.pointer.is_some());
    let problem = Problem::invalid(problems);
    if is_json { problem } else { problem.status(StatusCode::BAD_REQUEST) }
}

impl<S: Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let most = parts.extensions.get::<MaxBody>().map_or(0, |most| most.0);
        read(&parts.headers, body, most).await.map(Self)
    }
}

impl<T: DeserializeOwned + ToSchema, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = check_type(request.headers(), "application/json");
        let Raw(bytes) = Raw::from_request(request, state).await?;
        // A step needs no body.
        if bytes.is_empty() {
            return parse(b"{}").map(Self);
        }
        is_json?;
        parse(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let problem = |error: &dyn std::error::Error| {
            let text = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            Problem::of(crate::domain::kind::Kind::Invalid, format!("the query of the address: {text}"))
        };
        Query::try_from_uri(&parts.uri).map(|Query(asked)| Self(asked)).map_err(|error| problem(&error))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(mut body) => {
                body.push(b'\n');
                ([(header::CONTENT_TYPE, "application/json")], body).into_response()
            }
            Err(error) => Problem::failed(crate::domain::kind::Kind::Failed, &error.to_string()).into_response(),
        }
    }
}

/// The most items of a page.
const MOST: u32 = 500;

/// Which page of a list is wanted, if nothing else is asked of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// The most items.
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

impl Listing {
    /// The page, if its limit is possible.
    pub fn page(self) -> Result<PageRequest, Problem> {
        page(self.limit, self.after)
    }
}

/// Which page is asked for.
pub fn page(limit: Option<u32>, after: Option<String>) -> Result<PageRequest, Problem> {
    let limit = limit.unwrap_or(50);
    if !(1..=MOST).contains(&limit) {
        let detail = format!("`limit` must be a number from 1 to {MOST}");
        return Err(Problem::of(crate::domain::kind::Kind::Invalid, detail));
    }
    Ok(PageRequest { after, limit })
}
