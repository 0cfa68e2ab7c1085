//! The way in: every request under a key is known by its operator, counted, carried out once, and written into the audit log.

use axum::Extension;
use axum::body::Body;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::future::{BoxFuture, Shared};
use tracing::Instrument as _;
use uuid::Uuid;

use super::Api;
use super::body::{MaxBody, read};
use super::idempotency::{self, Once};
use super::key::{self, Caller, Refused};
use super::problem::{MEDIA_TYPE, Problem};
use crate::domain::actor::Actor;
use crate::domain::audit::Ended;
use crate::domain::request::Request as Asked;
use crate::operators::audit::NewRow;
use crate::operators::requests::Answer;
use crate::public::passage::{self, Late};
use crate::public::visitor::{Peer, client};

/// The id of a request, which its answer and the log have.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The largest body of a request that has no more than a few words.
const SMALL: u64 = 64 << 10;

/// What an answer is about, for the audit log: the id of what was made.
#[derive(Clone, Copy, Debug)]
pub struct Made(pub Uuid);

/// How a request ends whose answer is sent while it is carried out.
#[derive(Clone)]
pub struct Later(pub Shared<BoxFuture<'static, Ended>>);

/// The largest body of a request.
fn limit(api: &Api, method: &Method, path: &str) -> u64 {
    let http = &api.app.context.config.http;
    match path {
        "/api/v1/customers" if method == Method::PUT => http.file_size,
        "/api/v1/notices"
        | "/api/v1/notices/check"
        | "/api/v1/notices/{id}"
        | "/api/v1/notices/{id}/recipients"
        | "/api/v1/customers/{account_id}" => http.body_size,
        _ => SMALL.min(http.body_size),
    }
}

/// What a request is, for those who note it.
struct Noted {
    /// Its path as the router knows it.
    path: String,
    /// Its path in the one spelling that all spellings of it have in common.
    spelled: String,
    action: String,
    object: Option<String>,
    /// It changes nothing.
    reads: bool,
}

impl Noted {
    fn of(method: &Method, path: &str, params: &RawPathParams) -> Self {
        let object = params.iter().next().map(|(_, value)| value.to_owned());
        let (path, spelled) = (path.to_owned(), spelled(path, params.iter()));
        Self { action: format!("{method} {path}"), path, spelled, object, reads: method.is_safe() }
    }
}

/// A path with its parameters, each decoded, and an id as it is written in answers.
fn spelled<'a>(path: &str, params: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    params.fold(path.to_owned(), |path, (name, value)| {
        let value = value.parse::<Uuid>().map_or_else(|_| value.to_owned(), |id| id.to_string());
        path.replacen(&format!("{{{name}}}"), &value, 1)
    })
}

/// Finds out who asks, and lets the request through to its handler.
pub async fn enter(
    State(api): State<Api>,
    path: MatchedPath,
    params: RawPathParams,
    peer: Option<Extension<Peer>>,
    request: Request,
    next: Next,
) -> Response {
    let noted = Noted::of(request.method(), path.as_str(), &params);
    let address = client(&api.app.context.config.http, peer.map(|Extension(peer)| peer), request.headers());
    let (actor, left) = match key::authenticate(&api, request.headers(), address).await {
        Ok(known) => known,
        Err(refused) => return refuse(&api, noted, refused).await,
    };
    let mut response = carry_out(api, actor, noted, request, next).await;
    left.write(response.headers_mut());
    response
}

/// Answers a request without a valid key. What comes too often, from one address or from all of them, is not noted any more.
async fn refuse(api: &Api, noted: Noted, refused: Refused) -> Response {
    // What a stranger wrote into the path is no word for the log.
    let (Refused { operator, via, problem }, noted) = (refused, Noted { reads: true, object: None, ..noted });
    let response = problem.into_response();
    if response.status() != StatusCode::TOO_MANY_REQUESTS && api.rates.notes_unknown() {
        let ended = Ending::of(&response);
        note(api, (&operator, &via), noted, ended, None).await;
    }
    response
}

async fn carry_out(api: Api, actor: Actor, noted: Noted, request: Request, next: Next) -> Response {
    // Until its answer is kept, another try of the same request waits.
    let (mut response, answer, _once) = match once(&api, &actor, &noted, request, next).await {
        Ok(answered) => answered,
        Err(problem) => (problem.into_response(), None, None),
    };
    if let Some(Later(end)) = response.extensions_mut().remove::<Later>() {
        tokio::spawn(async move {
            let result = end.await;
            note(&api, (actor.name(), &actor.via().to_string()), noted, Ending { made: None, result }, None).await;
        });
        return response;
    }
    let (kept, ended) = (answer.is_some(), Ending::of(&response));
    let is_noted = note(&api, (actor.name(), &actor.via().to_string()), noted, ended, answer).await;
    if kept && !is_noted {
        tracing::warn!("an answer could not be kept: the request is recognised without it");
    }
    response
}

/// Has the handler do what is asked, once if the request has a key for that.
async fn once(
    api: &Api,
    actor: &Actor,
    Noted { path, spelled, .. }: &Noted,
    request: Request,
    next: Next,
) -> Result<(Response, Option<(Asked, Answer)>, Option<Once>), Problem> {
    let most = limit(api, request.method(), path);
    let key = idempotency::key(request.method(), path, request.headers())?;
    let (mut parts, mut body) = request.into_parts();
    let mut known: Option<Once> = None;
    if let Some(key) = key {
        let bytes = read(&parts.headers, body, most).await?;
        let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        match idempotency::begin(api, actor, (path, &format!("{spelled}{query}")), &key, &bytes).await? {
            Ok(once) => known = Some(once),
            Err(answer) => return Ok((answer, None, None)),
        }
        body = Body::from(bytes);
    }
    let actor = known.as_ref().map_or_else(|| actor.clone(), |once| actor.clone().asked_by(once.request));
    let before = known.as_ref().and_then(|once| once.before);
    parts.extensions.insert(Caller { actor, before });
    parts.extensions.insert(MaxBody(most));
    let response = next.run(Request::from_parts(parts, body)).await;
    let (response, answer) = match &known {
        Some(once) => once.keep(response).await,
        None => (response, None),
    };
    Ok((response, answer, known))
}

/// Writes the row of a request into the audit log, and its answer beside it. Whatever became of the request stays so if it cannot be
/// written.
async fn note(
    api: &Api,
    (operator, via): (&str, &str),
    noted: Noted,
    Ending { made, result }: Ending,
    answer: Option<(Asked, Answer)>,
) -> bool {
    let object = made.map(|Made(id)| id.to_string()).or(noted.object);
    let row = NewRow { operator, via, action: &noted.action, object: object.as_deref(), result };
    let requests = &api.app.requests;
    let noted = if noted.reads { requests.finish_reading(&row).await } else { requests.finish(&row, answer).await };
    noted.is_ok()
}

/// How a request ended.
#[derive(Clone, Copy)]
struct Ending {
    made: Option<Made>,
    result: Ended,
}

impl Ending {
    fn of(response: &Response) -> Self {
        let result = response.extensions().get::<Ended>().copied();
        let made = response.extensions().get::<Made>().copied();
        Self { made, result: result.unwrap_or_else(|| Ended::of_status(response.status().as_u16())) }
    }
}

/// Headers of every answer of the API: nothing that it says is a page, is put into a frame or is kept by a cache.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Dresses every answer: its id, its headers, and a problem document also if the router refused the request.
pub async fn dress(State(api): State<Api>, request: Request, next: Next) -> Response {
    let context = &api.app.context;
    let id = context.random.id(context.clock.now()).to_string();
    let span = tracing::info_span!("request", request_id = %id, method = %request.method());
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let reads = request.method().is_safe();
    let longest = passage::longest(request.method(), request.uri().path());
    let response = passage::carry(reads, longest, next.run(request)).instrument(span.clone()).await;
    let mut response = response.map_or_else(|late| too_late(late).into_response(), problem_of);
    span.in_scope(|| tracing::info!(path, status = response.status().as_u16(), "answered a request"));
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// The answer if there is none in time.
fn too_late(late: Late) -> Problem {
    if late == Late::Ended {
        return Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "this took longer than an answer may take, and was ended",
        )
        .hint("ask again later, or for less")
        .retry_after(60);
    }
    let detail = "this takes longer than an answer may take, and is still being done";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        .hint("ask again later, with the same `Idempotency-Key` if there was one")
        .retry_after(10)
}

/// The problem document of an answer of the router's own.
fn problem_of(response: Response) -> Response {
    let status = response.status();
    let is_document = |headers: &HeaderMap| headers.get(header::CONTENT_TYPE).is_some_and(|it| it == MEDIA_TYPE);
    if !(status.is_client_error() || status.is_server_error()) || is_document(response.headers()) {
        return response;
    }
    let detail = match status {
        StatusCode::METHOD_NOT_ALLOWED => "this path has no such method; the header `Allow` names those that it has",
        StatusCode::BAD_REQUEST => "the address or the body of the request cannot be read",
        _ => "this was not possible",
    };
    let allow = response.headers().get(header::ALLOW).cloned();
    let mut response = Problem::new(status, detail).into_response();
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_path_are_one() {
        let of = |id: &str| spelled("/api/v1/notices/{id}/release", [("id", id)].into_iter());
        let one = of("01890a5d-ac96-774b-bcce-b302099a8057");
        assert_eq!(one, "/api/v1/notices/01890a5d-ac96-774b-bcce-b302099a8057/release");
        for other in ["01890A5D-AC96-774B-BCCE-B302099A8057", "01890a5dac96774bbcceb302099a8057"] {
            assert_eq!(of(other), one);
        }
        assert_ne!(of("01890a5d-ac96-774b-bcce-b302099a8058"), one);
    }
}
