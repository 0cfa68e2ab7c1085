//! Cookies: the session's, and a short one that carries a message to the next page.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use cookie::{Cookie, SameSite};

use crate::app::App;

/// True if browsers reach the console over HTTPS. Without, which only a loopback host may have, browsers accept no `Secure` cookie.
fn is_secure(app: &App) -> bool {
    app.context.config.organisation.public_url.as_str().starts_with("https:")
}

fn session_name(app: &App) -> &'static str {
    // The prefix has browsers refuse a cookie that another host of the domain, or a page in clear, has set.
    if is_secure(app) { "__Host-besked_session" } else { "besked_session" }
}

fn attempt_name(app: &App) -> &'static str {
    if is_secure(app) { "__Host-besked_attempt" } else { "besked_attempt" }
}

fn flash_name(app: &App) -> &'static str {
    if is_secure(app) { "__Host-besked_said" } else { "besked_said" }
}

fn read(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = all.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

fn add(app: &App, response: &mut Response, (name, value): (&'static str, &str), seconds: Option<i64>) {
    let mut cookie = Cookie::new(name, value.to_owned());
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_secure(is_secure(app));
    // A link in a mail opens a page of a session; a form of another site is refused all the same.
    cookie.set_same_site(SameSite::Lax);
    if let Some(seconds) = seconds {
        cookie.set_max_age(cookie::time::Duration::seconds(seconds));
    }
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// The token of the session, as the browser has it.
pub fn session(app: &App, headers: &HeaderMap) -> Option<String> {
    read(headers, session_name(app))
}

/// Has the browser keep the token of a session until it is closed.
pub fn set_session(app: &App, response: &mut Response, token: &str) {
    add(app, response, (session_name(app), token), None);
}

/// Has the browser forget the session.
pub fn clear_session(app: &App, response: &mut Response) {
    add(app, response, (session_name(app), ""), Some(0));
}

/// The key of the string that the page before left.
pub fn flash(app: &App, headers: &HeaderMap) -> Option<String> {
    read(headers, flash_name(app)).filter(|key| !key.is_empty())
}

/// Leaves the key of a string for the next page.
pub fn set_flash(app: &App, response: &mut Response, key: &str) {
    add(app, response, (flash_name(app), key), Some(60));
}

/// Has the browser forget it once it was shown.
pub fn clear_flash(app: &App, response: &mut Response) {
    add(app, response, (flash_name(app), ""), Some(0));
}

/// What the browser keeps of a sign-in at the provider: its token, and where to go afterwards.
pub fn attempt(app: &App, headers: &HeaderMap) -> Option<(String, String)> {
    let value = read(headers, attempt_name(app))?;
    let (token, next) = value.split_once('.')?;
    let next = percent_encoding::percent_decode_str(next).decode_utf8().ok()?.into_owned();
    Some((token.to_owned(), next))
}

/// Has the browser keep it for as long as a sign-in takes.
pub fn set_attempt(app: &App, response: &mut Response, token: &str, next: &str) {
    let next = percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
    add(app, response, (attempt_name(app), &format!("{token}.{next}")), Some(600));
}

/// Has the browser forget it.
pub fn clear_attempt(app: &App, response: &mut Response) {
    add(app, response, (attempt_name(app), ""), Some(0));
}
