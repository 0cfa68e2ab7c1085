//! The door: how a form of somebody without a session is let in. It is read whole before anything is done for it.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;

use super::visitor::words;
use crate::app::App;
use crate::public::passage::{ANSWER, Known, Late, carry};

/// The largest form of somebody who is not signed in, in bytes.
const LARGEST: usize = 16 << 10;

/// Lets a request in once it is whole. From then on its connection gives way to no other one, and what it asks for is done to its end.
pub async fn let_in(State(app): State<App>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = match timeout(ANSWER, Limited::new(body, LARGEST).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return (StatusCode::PAYLOAD_TOO_LARGE, "this form is too large\n").into_response();
        }
        Ok(Err(_)) => return (StatusCode::BAD_REQUEST, "this form cannot be read\n").into_response(),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "this form did not arrive in time\n").into_response(),
    };
    if let Some(known) = head.extensions.get::<Known>() {
        known.call();
    }
    let (reads, headers) = (head.method.is_safe(), head.headers.clone());
    let carried = next.run(Request::from_parts(head, Body::from(body)));
    carry(reads, ANSWER, carried).await.unwrap_or_else(|late| too_late(&app, &headers, late))
}

/// The answer if there is none in time.
fn too_late(app: &App, headers: &HeaderMap, late: Late) -> Response {
    tracing::error!(?late, "a sign-in took too long");
    let words = words(app, headers);
    let (title, text) = (words.say("console-refusal-later-title"), words.say("console-refusal-later-remedy"));
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "30")], format!("{title}. {text}\n")).into_response()
}
