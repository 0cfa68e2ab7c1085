//! Notices: written, checked, shown, and taken from step to step.

mod attestations;
mod coverage;
mod next;
mod recipients;
mod show;
mod step;
mod write;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;

use super::Api;
use super::body::Json;
use crate::notices::Kept;
use crate::notices::shown::Now;

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(write::router())
        .merge(show::router())
        .merge(next::router())
        .merge(step::router())
        .merge(coverage::router())
        .merge(recipients::router())
        .merge(attestations::router())
}

/// The digest in hexadecimal of content that the caller has read.
fn digest_of(text: &str) -> Option<[u8; 32]> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// The state of a notice, with its digest as an entity tag.
fn now(notice: &Kept, more: Now) -> Response {
    let mut response = Json(more).into_response();
    tag(response.headers_mut(), notice);
    response
}

/// Sets the entity tag of a notice: the digest of its content.
fn tag(headers: &mut HeaderMap, notice: &Kept) {
    let digest = data_encoding::HEXLOWER.encode(&notice.digest);
    if let Ok(value) = HeaderValue::from_str(&format!("\"{digest}\"")) {
        headers.insert(header::ETAG, value);
    }
}
