//! The way to a page: the session is looked up, the page is made, what was refused becomes a page too, and the audit log gets a row.

use std::time::Duration;

use askama::Template;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest as _, FromRequestParts as _, MatchedPath, RawPathParams, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::timeout;

use super::form::Form;
use super::frame::{Frame, Place, page_with};
use super::refusal::Refusal;
use super::signed::Signed;
use super::visitor::words;
use super::words::Words;
use super::write::sent::Sent;
use super::{caught, cookies};
use crate::app::App;
use crate::domain::audit::Ended;
use crate::domain::kind::Kind;
use crate::domain::session::Stage;
use crate::operators::audit::NewRow;
use crate::operators::sign_ins::Present;
use crate::public::passage::{self, Known, Late};

/// The longest time that a form may take whose session has ended.
const LATE: Duration = Duration::from_secs(10);

/// The largest form that is shown again if its session has ended.
const KEPT: usize = 1 << 20;

/// A form that came after its session had ended, with all that was typed.
#[derive(Template)]
#[template(path = "console/lost.html")]
struct Lost {
    frame: Frame,
    action: String,
    sign_in: String,
    /// Each field; `None` if the form is too large or has a file.
    fields: Option<Vec<(String, String)>>,
}

/// Lets a request with a session through to its page.
pub async fn enter(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let stream = is_stream(&request);
    let present = match cookies::session(&app, request.headers()) {
        // A page that only stays open is no use of a session.
        Some(token) if stream => app.sign_ins.look(&token).await,
        Some(token) => app.sign_ins.present(&token).await,
        None => Ok(None),
    };
    let present = match present {
        Ok(Some(present)) if present.stage == Stage::In => present,
        Ok(other) => return without(&app, other.as_ref(), request).await,
        Err(error) => return unreachable(&app, &request, &error.for_logs()),
    };
    if let Some(known) = request.extensions().get::<Known>() {
        known.call();
    }
    let signed = signed(&app, present, &request);
    let shows = signed.flash.is_some();
    let here = place(request.uri().path());
    let longest = passage::longest(request.method(), request.uri().path());
    let noted = Noted::of(&mut request, stream).await;
    request.extensions_mut().insert(signed.clone());
    let carried = carry_out((app.clone(), signed.clone(), here), noted.clone(), request, next);
    let mut response = match passage::carry(noted.reads, longest, Box::pin(carried)).await {
        Ok(response) => response,
        Err(late) => too_late(&app, &signed, noted, late).await.page(&signed, here),
    };
    if shows && response.status() == StatusCode::OK {
        cookies::clear_flash(&app, &mut response);
    }
    response
}

/// Has the page made, and notes how that ended.
async fn carry_out((app, signed, here): (App, Signed, Place), noted: Noted, request: Request, next: Next) -> Response {
    let mut response = caught::run(next, request).await;
    let mut result = Ended::of_status(response.status().as_u16());
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        result = refusal.kind.into();
        response = refusal.page(&signed, here);
    }
    noted.write(&app, &signed, result).await;
    response
}

/// What a page says that took too long. What goes on is noted when it has ended.
async fn too_late(app: &App, signed: &Signed, noted: Noted, late: Late) -> Refusal {
    let key = match late {
        Late::GoesOn => "console-refusal-goes-on",
        Late::Ended => {
            tracing::error!("a page took too long and was aborted");
            noted.write(app, signed, Kind::Later.into()).await;
            "console-refusal-slow"
        }
    };
    Refusal::new(Kind::Later, signed.words.say(key))
}

/// True for a stream, which a page asks for again and again while it is open.
fn is_stream(request: &Request) -> bool {
    request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str().ends_with("/events"))
}

fn signed(app: &App, present: Present, request: &Request) -> Signed {
    let organisation = &app.context.config.organisation;
    let Present { operator, actor, session, .. } = present;
    let locale = operator.locale.as_ref().unwrap_or(&organisation.default_locale);
    let zone = operator.time_zone.as_ref().unwrap_or(&organisation.default_time_zone);
    let words = Words::new(locale, zone);
    let flash = cookies::flash(app, request.headers()).filter(|key| key.starts_with("console-") && words.has(key));
    let flash = flash.map(|key| words.say(&key));
    Signed { operator, actor, session, words, organisation: organisation.name.clone(), flash }
}

/// The answer without a whole session: the way to it, or what was typed.
async fn without(app: &App, present: Option<&Present>, request: Request) -> Response {
    let wanted = request.uri().path_and_query().map_or("/", |it| it.as_str()).to_owned();
    let door = match present.map(|it| it.stage) {
        None | Some(Stage::In) => "/sign-in",
        Some(Stage::Code) => "/sign-in/code",
        Some(Stage::SetUp) => "/sign-in/second-factor",
    };
    if request.method() == Method::GET || request.method() == Method::HEAD {
        return Redirect::to(&with_next(door, &wanted)).into_response();
    }
    let words = words(app, request.headers());
    let fields = timeout(LATE, typed(request)).await.ok().flatten();
    let title = words.say("console-lost-title");
    let frame = Frame::outside(words, &app.context.config.organisation.name, title);
    page_with(StatusCode::UNAUTHORIZED, &Lost { frame, action: wanted, sign_in: door.to_owned(), fields })
}

/// The fields of a form, without its secrets and its file; `None` if it is too large or no form.
async fn typed(request: Request) -> Option<Vec<(String, String)>> {
    let media = request.headers().get(header::CONTENT_TYPE)?.as_bytes();
    let mut fields: Vec<(String, String)> = if media.starts_with(b"multipart/form-data") {
        let sent = Sent::from_request(request, &()).await.ok()?;
        sent.filled.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    } else if media.starts_with(b"application/x-www-form-urlencoded") {
        let form = Form::parse(&to_bytes(request.into_body(), KEPT).await.ok()?);
        form.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    } else {
        return None;
    };
    fields.retain(|(name, _)| !name.contains("password") && !name.contains("code"));
    Some(fields)
}

/// The answer if the database does not say who asks.
fn unreachable(app: &App, request: &Request, error: &str) -> Response {
    tracing::error!(error, "a session could not be looked up");
    let words = words(app, request.headers());
    let (title, text) = (words.say("console-refusal-later-title"), words.say("console-refusal-later-remedy"));
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "30")], format!("{title}. {text}\n")).into_response()
}

/// An address with the page to which it leads afterwards.
pub fn with_next(path: &str, next: &str) -> String {
    if next == "/" { path.to_owned() } else { format!("{path}?next={}", utf8_percent_encode(next, NON_ALPHANUMERIC)) }
}

/// Where to go afterwards: a path of this host, or the start page. A browser takes `//` and `/\` for another host.
pub fn local(next: &str) -> &str {
    let is_local = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.chars().any(char::is_control)
        && !next.starts_with("/sign-")
        && next.parse::<Uri>().is_ok_and(|uri| uri.host().is_none());
    if is_local { next } else { "/" }
}

/// The place of a path, for the navigation of a refusal.
fn place(path: &str) -> Place {
    let first = path.split('/').nth(1).unwrap_or_default();
    Place::ALL.into_iter().find(|place| place.name() == first).unwrap_or(Place::Now)
}

/// What the audit log says of a request.
#[derive(Clone)]
struct Noted {
    /// The method and the route; `None` for a stream.
    action: Option<String>,
    object: Option<String>,
    /// It changes nothing.
    reads: bool,
}

impl Noted {
    async fn of(request: &mut Request, stream: bool) -> Self {
        let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
        let (action, reads) = (format!("console {} {path}", request.method()), request.method().is_safe());
        let (mut parts, body) = std::mem::replace(request, Request::new(Body::empty())).into_parts();
        let params = RawPathParams::from_request_parts(&mut parts, &()).await.ok();
        let object = params.and_then(|params| params.iter().next().map(|(_, value)| value.to_owned()));
        *request = Request::from_parts(parts, body);
        Self { action: (!stream).then_some(action), object, reads }
    }

    async fn write(self, app: &App, signed: &Signed, result: Ended) {
        let Some(action) = self.action else { return };
        let via = signed.actor.via().to_string();
        let (operator, object) = (signed.operator.name.as_str(), self.object.as_deref());
        let row = NewRow { operator, via: &via, action: &action, object, result };
        let requests = &app.requests;
        let written = if self.reads { requests.finish_reading(&row).await } else { requests.finish(&row, None).await };
        if let Err(error) = written {
            tracing::warn!(error = error.for_logs(), "the audit log lacks a page");
        }
    }
}

/// Leads to a page which says once that something was done: `key` is a string's.
pub fn done(app: &App, path: &str, key: &str) -> Response {
    let mut response = Redirect::to(path).into_response();
    cookies::set_flash(app, &mut response, key);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_another_host_leads_to_the_start() {
        for local_path in ["/", "/notices?state=sending", "/me#sessions"] {
            assert_eq!(local(local_path), local_path);
        }
        for other in [
            "",
            "notices",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https://evil.example/",
            "/a\\b",
            "/a\r\nb: c",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/sign-out",
        ] {
            assert_eq!(local(other), "/", "{other:?}");
        }
        assert_eq!(with_next("/sign-in", "/a?b=c&d"), "/sign-in?next=%2Fa%3Fb%3Dc%26d");
    }
}
