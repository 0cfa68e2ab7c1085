//! What needs no sign-in: the page behind the unsubscribe link of optional notices, the calendars of customers ([`calendar`]), the
//! public ledger ([`ledger`]), and the page that verifies evidence ([`verify`]).
//!
//! `GET /u/TOKEN` shows a person's choices and changes nothing, since link scanners follow every link. `POST` with
//! `List-Unsubscribe=One-Click` (RFC 8058) opts out of the notice's category at once, and may be repeated. A `POST` of the
//! page's own form sets every choice. Any other body, or none, changes nothing. The token names a delivery and cannot be made up.

mod cached;
pub mod calendar;
pub mod ledger;
pub mod passage;
pub mod verify;
pub mod visitor;

use std::any::Any;

use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::category::Category;
use crate::domain::preference::parse_optional;
use crate::mail::locale::Language;
use crate::people::link::{Choice, LinkError, LinkPage, LinkRequest};

#[derive(Template)]
#[template(path = "public/preferences.html")]
struct Page {
    language: &'static Language,
    organisation: String,
    /// The text before and after the address, which stands on one line.
    intro: (String, String),
    masked: String,
    saved: bool,
    choices: Vec<Choice>,
    /// The languages in which it can be read besides.
    others: Vec<&'static Language>,
}

/// A page that says why there are no choices to show, in every language: whose page it is may be unknown.
#[derive(Template)]
#[template(path = "public/message.html")]
struct Message {
    first: &'static Language,
    others: Vec<&'static Language>,
    organisation: String,
    contact: String,
    what: What,
}

/// What a [`Message`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The link is not valid.
    Gone,
    /// The body of the request asks for nothing that the page can do.
    Unclear,
    /// There were too many changes.
    Often,
    /// The database failed.
    Failed,
}

/// Stands for the address in a text that is cut there: the object replacement character.
const ADDRESS: &str = "\u{fffc}";

/// The largest body that is read: a form of a few short fields.
const MAX_BODY: usize = 16 << 10;

const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    // For browsers that do not know `frame-ancestors`.
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// The routes.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/u/{token}", get(show).post(change))
        // As mail programs pass a link on that they take for a folder.
        .route("/u/{token}/", get(show).post(change))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(map_response(protect))
        .with_state(app)
}

/// What a panic said, for the log; empty if that was no text.
#[must_use]
pub fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or_default()
}

/// Makes the page for a public page that panicked.
pub fn panicked(app: &App) -> impl Fn(Box<dyn Any + Send>) -> Response + Clone + Send + Sync + 'static {
    let app = app.clone();
    move |panic| {
        tracing::error!(error = said(&*panic), "a public page panicked");
        protected(message(&app, What::Failed))
    }
}

/// Has the browser show a page to its person only: no other site can put it into a frame, nothing is fetched from anywhere, and its
/// address, which is a secret, reaches no other site and no cache.
async fn protect(response: Response) -> Response {
    protected(response)
}

fn protected(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The language that a reader asked for, with a link of the page.
fn asked_language(query: Option<&str>) -> Option<&'static Language> {
    let (_, tag) = url::form_urlencoded::parse(query?.as_bytes()).find(|(name, _)| name == "language")?;
    Language::all().iter().find(|language| language.tag() == tag)
}

async fn show(State(app): State<App>, Path(token): Path<String>, RawQuery(query): RawQuery) -> Response {
    let asked = asked_language(query.as_deref());
    answer(&app, app.links.page(&token).await, (asked, false))
}

async fn change(State(app): State<App>, Path(token): Path<String>, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let asked = asked_language(query.as_deref());
    match read_request(&body) {
        Some(request) => answer(&app, app.links.change(&Actor::recipient(), &token, &request).await, (asked, true)),
        // A wrong link is named as such, whatever the body.
        None => match app.links.page(&token).await {
            Ok(_) => message(&app, What::Unclear),
            Err(error) => failed(&app, &error),
        },
    }
}

/// The request in a body; `None` if it is neither one-click nor the page's form.
fn read_request(body: &[u8]) -> Option<LinkRequest> {
    // RFC 8058 allows multipart/form-data too, in which both words are found as they are.
    let text = String::from_utf8_lossy(body);
    if text.contains("List-Unsubscribe") && text.contains("One-Click") {
        return Some(LinkRequest::OneClick);
    }
    let mut is_form = false;
    let mut wanted: Vec<Category> = Vec::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        match &*name {
            "choices" if value == "set" => is_form = true,
            "choices" => return None,
            "wanted" => {
                wanted.push(parse_optional(&value).ok()?);
                is_form = true;
            }
            _ => {}
        }
    }
    is_form.then_some(LinkRequest::Choose(wanted))
}

fn answer(app: &App, page: Result<LinkPage, LinkError>, (asked, saved): (Option<&'static Language>, bool)) -> Response {
    let page = match page {
        Ok(page) => page,
        Err(error) => return failed(app, &error),
    };
    let organisation = &app.context.config.organisation;
    let own = || Language::of(page.locale.as_ref().unwrap_or(&organisation.default_locale));
    let language = asked.unwrap_or_else(own);
    let intro = language.with("preferences-intro", &[("address", ADDRESS)]);
    let (before, after) = intro.split_once(ADDRESS).unwrap_or((&intro, ""));
    let page = Page {
        language,
        intro: (before.to_owned(), after.to_owned()),
        organisation: organisation.name.clone(),
        masked: page.masked,
        saved,
        choices: page.choices,
        others: Language::all().iter().filter(|other| other.tag() != language.tag()).collect(),
    };
    html(StatusCode::OK, page.render())
}

fn failed(app: &App, error: &LinkError) -> Response {
    match error {
        LinkError::Unknown => message(app, What::Gone),
        LinkError::TooOften => message(app, What::Often),
        LinkError::Store(error) => {
            let error = error.for_logs();
            tracing::error!(error, "a preference could not be read or recorded");
            message(app, What::Failed)
        }
    }
}

impl What {
    const fn status(self) -> StatusCode {
        match self {
            Self::Gone => StatusCode::NOT_FOUND,
            Self::Unclear => StatusCode::BAD_REQUEST,
            Self::Often => StatusCode::TOO_MANY_REQUESTS,
            Self::Failed => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Unclear => "unclear",
            Self::Often => "often",
            Self::Failed => "failed",
        }
    }

    /// Seconds after which the same request may succeed.
    const fn retry_after(self) -> Option<&'static str> {
        match self {
            Self::Often => Some("3600"),
            Self::Failed => Some("60"),
            Self::Gone | Self::Unclear => None,
        }
    }
}

impl Message {
    fn title(&self) -> String {
        format!("link-{}-title", self.what.name())
    }

    fn text(&self) -> String {
        format!("link-{}-text", self.what.name())
    }
}

fn message(app: &App, what: What) -> Response {
    let organisation = &app.context.config.organisation;
    let first = Language::of(&organisation.default_locale);
    let message = Message {
        first,
        others: Language::all().iter().filter(|language| language.tag() != first.tag()).collect(),
        organisation: organisation.name.clone(),
        contact: organisation.privacy_contact.clone(),
        what,
    };
    let mut response = html(what.status(), message.render());
    if let Some(seconds) = what.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(seconds));
    }
    response
}

fn html(status: StatusCode, rendered: askama::Result<String>) -> Response {
    match rendered {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a public page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "this did not work\n").into_response()
        }
    }
}
