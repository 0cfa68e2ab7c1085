//! What anybody can reach without signing in: so far the page behind the unsubscribe link of optional notices.
//!
//! `GET /u/TOKEN` shows a person's choices and changes nothing, since link scanners follow every link. `POST` with
//! `List-Unsubscribe=One-Click` (RFC 8058) opts out of the notice's category at once, as often as it comes; a `POST` of the
//! page's own form sets every choice. The token names a delivery and cannot be made up.

use std::io;

use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::category::{Category, Class};
use crate::mail::locale::Language;
use crate::people::preferences::{Addressee, addressee, set};
use crate::store::{StoreError, preferences};

#[derive(Template)]
#[template(path = "public/preferences.html")]
struct Page {
    language: &'static Language,
    organisation: String,
    masked: String,
    saved: bool,
    choices: Vec<Choice>,
}

struct Choice {
    category: Category,
    wanted: bool,
}

/// The largest body that is read: a form of a few short fields.
const MAX_BODY: usize = 16 << 10;

/// Serves until `stop`.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(listener: TcpListener, app: App, stop: CancellationToken) -> io::Result<()> {
    axum::serve(listener, routes(app)).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// The routes.
pub fn routes(app: App) -> Router {
    Router::new().route("/u/{token}", get(show).post(change)).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(app)
}

async fn show(State(app): State<App>, Path(token): Path<String>) -> Response {
    answer(page(&app, &token, false).await)
}

async fn change(State(app): State<App>, Path(token): Path<String>, body: Bytes) -> Response {
    answer(change_and_show(&app, &token, &body).await)
}

async fn change_and_show(app: &App, token: &str, body: &[u8]) -> Result<Option<Page>, StoreError> {
    let Some(person) = addressee(&app.store, app.key(), token).await? else { return Ok(None) };
    let (wishes, source) = wishes(&person, body);
    set(&app.store, &app.clock, &app.random, &person.address, &wishes, source).await?;
    page(app, token, true).await
}

/// What a body asks for: each category, and whether it is to be opted out of.
fn wishes(person: &Addressee, body: &[u8]) -> (Vec<(Category, bool)>, &'static str) {
    // RFC 8058 lets mail programs send this as multipart/form-data too: there it stands as it is as well.
    let text = String::from_utf8_lossy(body);
    if text.contains("List-Unsubscribe") && text.contains("One-Click") {
        return (vec![(person.category, true)], "one-click");
    }
    let wanted: Vec<String> = url::form_urlencoded::parse(body)
        .filter(|(name, _)| name == "wanted")
        .map(|(_, value)| value.into_owned())
        .collect();
    let wish = |category: Category| (category, !wanted.iter().any(|wanted| wanted == category.as_str()));
    (optional().map(wish).collect(), "preferences page")
}

fn optional() -> impl Iterator<Item = Category> {
    Category::ALL.iter().copied().filter(|category| category.class() == Class::Optional)
}

async fn page(app: &App, token: &str, saved: bool) -> Result<Option<Page>, StoreError> {
    let Some(person) = addressee(&app.store, app.key(), token).await? else { return Ok(None) };
    let opt_outs = preferences::of_address(&mut *app.store.read().await?, &person.address.key()).await?;
    let wanted = |category| !opt_outs.iter().any(|it| it.category == category);
    let locale = person.locale.as_ref().unwrap_or(&app.config.organisation.default_locale);
    Ok(Some(Page {
        language: Language::of(locale),
        organisation: app.config.organisation.name.clone(),
        masked: mask(&person),
        saved,
        choices: optional().map(|category| Choice { category, wanted: wanted(category) }).collect(),
    }))
}

/// Enough of the address for its owner to know it, and not more for others to whom the mail was passed on.
fn mask(person: &Addressee) -> String {
    let first = person.address.local().chars().next().unwrap_or('*');
    format!("{first}\u{2026}@{}", person.address.domain())
}

fn answer(page: Result<Option<Page>, StoreError>) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let rendered = match page {
        Ok(Some(page)) => page.render().map_err(|error| tracing::error!(%error, "the preferences page failed")),
        Ok(None) => return (StatusCode::NOT_FOUND, HEADERS, "this link is not valid\n").into_response(),
        Err(error) => {
            tracing::error!(%error, "a preference could not be read or recorded");
            Err(())
        }
    };
    match rendered {
        Ok(html) => (HEADERS, Html(html)).into_response(),
        Err(()) => {
            (StatusCode::SERVICE_UNAVAILABLE, HEADERS, "this did not work, please try again later\n").into_response()
        }
    }
}
