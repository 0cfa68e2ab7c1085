//! The console's style sheet and scripts, built in and cached for as long as their content is the same.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::app::App;
use crate::domain::digest::sha256;

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// Every asset: name, media type, content.
const ASSETS: &[(&str, &str, &[u8])] = &[
    ("console.css", CSS, include_bytes!("assets/console.css")),
    ("live.js", JS, include_bytes!("assets/live.js")),
    ("autosave.js", JS, include_bytes!("assets/autosave.js")),
    ("places.js", JS, include_bytes!("assets/places.js")),
    ("preview.js", JS, include_bytes!("assets/preview.js")),
];

/// The version of each asset: the begin of its SHA-256.
static VERSIONS: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let version = |bytes: &[u8]| data_encoding::HEXLOWER.encode(&sha256(bytes)[..8]);
    ASSETS.iter().map(|(name, _, bytes)| (*name, version(bytes))).collect()
});

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/assets/{name}", get(asset))
}

/// The address of an asset with its version.
#[must_use]
pub fn path(name: &str) -> String {
    format!("/assets/{name}?v={}", version(name).unwrap_or_default())
}

fn version(name: &str) -> Option<&'static str> {
    VERSIONS.iter().find(|(it, _)| *it == name).map(|(_, version)| version.as_str())
}

async fn asset(Path(name): Path<String>, RawQuery(query): RawQuery) -> Response {
    let Some((name, media_type, bytes)) = ASSETS.iter().find(|(it, _, _)| *it == name) else {
        return (StatusCode::NOT_FOUND, "there is no such file\n").into_response();
    };
    let is_this_version = query.as_deref().and_then(|it| it.strip_prefix("v=")) == version(name);
    let cached = if is_this_version { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cached)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, *bytes).into_response()
}
