//! The door: how a form of somebody without a session is let in. It is read whole before anything is done for it.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;

use super::refusal::Refusal;
use super::visitor::words;
use super::words::Words;
use crate::app::App;
use crate::domain::kind::Kind;
use crate::public::passage::{ANSWER, Known, carry};

/// The largest form of somebody who is not signed in, in bytes.
const LARGEST: usize = 16 << 10;

/// Lets a request in once it is whole. From then on its connection gives way to no other one, and what it asks for is done to its end.
pub async fn let_in(State(app): State<App>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let outside = words(&app, &head.headers);
    let body = match timeout(ANSWER, Limited::new(body, LARGEST).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return refuse(&app, outside, "console-form-too-large"),
        Ok(Err(_)) | Err(_) => return refuse(&app, outside, "console-form-unreadable"),
    };
    if let Some(known) = head.extensions.get::<Known>() {
        known.call();
    }
    let reads = head.method.is_safe();
    let carried = next.run(Request::from_parts(head, Body::from(body)));
    carry(reads, ANSWER, carried).await.unwrap_or_else(|late| {
        tracing::error!(?late, "a sign-in took too long");
        Refusal::new(Kind::Later, "").outside(&app.context.config.organisation.name, &outside)
    })
}

fn refuse(app: &App, outside: Words, key: &str) -> Response {
    Refusal::new(Kind::Invalid, outside.say(key)).outside(&app.context.config.organisation.name, &outside)
}
