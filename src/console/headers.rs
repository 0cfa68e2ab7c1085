//! Headers of every page: nothing from elsewhere, nothing inline, in no frame, in no cache.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use url::Url;

use crate::app::App;

/// What a page may load and do.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    // For browsers that do not know `frame-ancestors`.
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Adds the headers, except for those that a route has set itself: a preview in a frame has a stricter policy of its own.
pub async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The origin that browsers see: that of `[organisation] public_url`.
pub fn origin(app: &App) -> String {
    let base = app.context.config.organisation.public_url.as_str();
    Url::parse(base).map_or_else(|_| base.to_owned(), |url| url.origin().ascii_serialization())
}

/// The answer to a form that another site sent: nothing was done.
pub fn from_elsewhere() -> Response {
    let text = "This form came from another site, so nothing was done. Open the page here and try again. If you did: the proxy in \
         front must pass on the headers Host and Origin, and [organisation] public_url must be the address in your browser.\n";
    (StatusCode::FORBIDDEN, text).into_response()
}
