//! Answers that a client may keep: it asks whether what it has is still right.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::domain::digest::sha256;

/// The bytes, unless the client has them already.
pub(super) fn answer(asked: &HeaderMap, (cached, kind): (&'static str, &'static str), bytes: Vec<u8>) -> Response {
    let tag = format!("\"{}\"", data_encoding::HEXLOWER.encode(&sha256(&bytes)[..16]));
    let known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let has_it = known
        .flat_map(|value| value.split(','))
        .any(|it| matches!(it.trim(), "*") || it.trim().trim_start_matches("W/") == tag);
    let mut response = if has_it {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, kind)], bytes).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cached));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}
