//! The `Idempotency-Key` of a request: what a program asks for again, since it does not know what became of the first time, is done once.
//!
//! [`Requests`](crate::operators::requests::Requests) says what holds. Here is what a handler has to do: it passes the
//! [`Caller`](super::key::Caller)'s actor to the service that acts, which notes the request in the same transaction; and if
//! [`Caller::is_done`](super::key::Caller::is_done), it answers from what was done, unless the act may be repeated without harm.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;

use super::Api;
use super::problem::Problem;
use crate::domain::actor::Actor;
use crate::domain::audit::Ended;
use crate::domain::request::{LONGEST_KEY, Request, is_key};
use crate::operators::requests::{Answer, Begun, Running};

/// The header.
const KEY: &str = "idempotency-key";

/// Paths whose requests can send mail, and must have a key.
const REQUIRED: [&str; 4] = [
    "/api/v1/notices",
    "/api/v1/notices/{id}/release",
    "/api/v1/notices/{id}/recipients",
    "/api/v1/deliveries/{id}/resend",
];

/// Paths whose requests may be carried out twice at the same time without harm, since each row has a key of its own; the answer is made
/// anew each time.
const REPEATABLE: [&str; 1] = ["/api/v1/notices/{id}/recipients"];

/// Headers that belong to a kept answer.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// The largest answer that is kept; a larger one is made anew.
const LARGEST: usize = 1 << 20;

/// An answer with this extension is not kept: it shows a secret, or much about a person.
#[derive(Clone, Copy, Debug)]
pub struct NotKept;

/// An answer with this extension is about the erasure of a person, and shows nobody.
#[derive(Clone, Copy, Debug)]
pub struct Erases;

/// A request that has a key, while it is carried out.
pub struct Once {
    /// The try.
    pub request: Request,
    /// True if an earlier try was carried out, with what that made or changed.
    pub before: Option<Option<uuid::Uuid>>,
    keeps: bool,
    running: Running,
}

/// The key of a request, if it has one.
pub fn key(method: &Method, path: &str, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    if method != Method::POST {
        return Ok(None);
    }
    let unreadable = |detail: String| {
        Problem::new(StatusCode::BAD_REQUEST, detail)
            .hint("a UUID for each thing that you want done, the same when you ask for it again")
    };
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else {
        let missing = || unreadable("this request can send mail: it needs an `Idempotency-Key`".to_owned());
        return if REQUIRED.contains(&path) { Err(missing()) } else { Ok(None) };
    };
    let key = value.to_str().ok().filter(|key| is_key(key) && values.next().is_none());
    let wrong =
        || unreadable(format!("`Idempotency-Key` must be 1 to {LONGEST_KEY} visible characters of ASCII, once"));
    key.map(|key| Some(key.to_owned())).ok_or_else(wrong)
}

/// True if the requests of a path must have a key.
pub fn is_required(path: &str) -> bool {
    REQUIRED.contains(&path)
}

/// Begins a request with a key. Returns the answer, if it is known already.
pub async fn begin(
    api: &Api,
    actor: &Actor,
    (path, uri): (&str, &str),
    key: &str,
    body: &Bytes,
) -> Result<Result<Once, Response>, Problem> {
    let requests = &api.app.requests;
    let request = Request::new(actor.name(), "POST", uri, key, body, requests.token());
    let request = actor.roles().map_or(request, |roles| request.with_roles(roles));
    let repeatable = REPEATABLE.contains(&path);
    let begun = requests.begin(&request, repeatable).await;
    let once = |running, before| Once { request, before, keeps: !repeatable, running };
    match begun.map_err(|error| Problem::failed(error.kind(), &error.for_logs()))? {
        Begun::New(running) => Ok(Ok(once(running, None))),
        Begun::Done(running, object) => Ok(Ok(once(running, Some(object)))),
        Begun::Answered(answer) => Ok(Err(again(answer))),
        Begun::Other => Err(Problem::new(
            StatusCode::CONFLICT,
            "this `Idempotency-Key` was used for another body, or with other roles",
        )
        .hint("use a new key for another request")),
        Begun::Busy(wait) => {
            Err(Problem::new(StatusCode::CONFLICT, "a request with this `Idempotency-Key` is being carried out")
                .retry_after(wait.as_secs().unsigned_abs().max(1)))
        }
    }
}

/// The first answer again.
fn again(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.clear();
    for line in answer.headers.lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
    response.extensions_mut().insert(Ended::Ok);
    response
}

impl Once {
    /// The answer as it is to be kept, if it is.
    pub async fn keep(&self, response: Response) -> (Response, Option<(Request, Answer)>) {
        let kept = self.keeps && response.status().is_success() && response.extensions().get::<NotKept>().is_none();
        if !kept {
            return (response, None);
        }
        let (parts, body) = response.into_parts();
        let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
            let problem = Problem::failed(crate::domain::kind::Kind::Failed, "an answer could not be made");
            return (problem.into_response(), None);
        };
        let headers = KEPT.iter().filter_map(|name| {
            let value = parts.headers.get(name)?.to_str().ok()?;
            Some(format!("{name}: {value}\n"))
        });
        let answer = Answer { status: parts.status.as_u16(), headers: headers.collect(), body: body.to_vec() };
        let erased = u64::from(parts.extensions.get::<Erases>().is_some());
        let kept = (body.len() <= LARGEST).then_some((self.running.keeping(self.request, erased), answer));
        (Response::from_parts(parts, Body::from(body)), kept)
    }
}
