//! The door: name and password, the code of a second factor, setting one up, and the way out.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use data_encoding::BASE64;
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;

use super::codes::RecoveryCodes;
use super::cookies;
use super::enter::{local, with_next};
use super::form::{Faults, Form};
use super::frame::{Frame, page, page_with};
use super::visitor::Outside;
use super::words::Words;
use crate::app::App;
use crate::domain::password::PasswordError;
use crate::domain::session::Stage;
use crate::operators::sign_ins::{Opened, SettingUp, SignInError};

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/sign-in", get(show).post(enter))
        .route("/sign-in/code", get(ask_code).post(prove))
        .route("/sign-in/second-factor", get(set_up).post(confirm))
        .route("/sign-out", post(leave))
}

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
pub struct Next {
    #[serde(default)]
    pub(super) next: String,
}

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignIn {
    frame: Frame,
    faults: Faults,
    name: String,
    next: String,
    /// What the button calls the identity provider, if there is one.
    provider: Option<String>,
}

#[derive(Template)]
#[template(path = "console/code.html")]
struct Code {
    frame: Frame,
    faults: Faults,
    next: String,
}

#[derive(Template)]
#[template(path = "console/second_factor.html")]
struct SecondFactor {
    frame: Frame,
    faults: Faults,
    next: String,
    picture: String,
    secret: String,
    replaces: bool,
}

fn frame(app: &App, outside: &Outside, key: &str) -> Frame {
    Frame::outside(outside.words.clone(), &app.context.config.organisation.name, outside.words.say(key))
}

async fn show(
    State(app): State<App>,
    outside: Outside,
    headers: HeaderMap,
    Query(Next { next }): Query<Next>,
) -> Response {
    if let Some(token) = cookies::session(&app, &headers)
        && let Ok(Some(present)) = app.sign_ins.present(&token).await
        && present.stage == Stage::In
    {
        return Redirect::to(local(&next)).into_response();
    }
    page_again(&app, &outside, StatusCode::OK, Faults::default(), next)
}

/// The page of the door, with what is wrong.
pub fn page_again(app: &App, outside: &Outside, status: StatusCode, faults: Faults, next: String) -> Response {
    page_with(status, &door(app, outside, faults, String::new(), next))
}

fn door(app: &App, outside: &Outside, faults: Faults, name: String, next: String) -> SignIn {
    let frame = frame(app, outside, "console-sign-in-title");
    SignIn { frame, faults, name, next, provider: app.provider.name().map(str::to_owned) }
}

async fn enter(State(app): State<App>, outside: Outside, form: Form) -> Response {
    let (name, next) = (form.text("name").to_owned(), form.text("next").to_owned());
    match app.sign_ins.enter(&name, form.raw("password"), &outside.visitor).await {
        Ok(opened) => go_on(&app, &opened, &next),
        Err(error) => {
            let mut faults = Faults::default();
            let status = explain(&outside, &error, "name", &mut faults);
            refused(&error, page_with(status, &door(&app, &outside, faults, name, next)))
        }
    }
}

/// The way on from a session that has just begun.
pub fn go_on(app: &App, opened: &Opened, next: &str) -> Response {
    let next = local(next);
    let to = match opened.stage {
        Stage::In => next.to_owned(),
        Stage::Code => with_next("/sign-in/code", next),
        Stage::SetUp => with_next("/sign-in/second-factor", next),
    };
    let mut response = Redirect::to(&to).into_response();
    cookies::set_session(app, &mut response, &opened.token.reveal());
    response
}

/// Says at a field why it did not work.
pub fn explain(outside: &Outside, error: &SignInError, field: &str, faults: &mut Faults) -> StatusCode {
    let words = &outside.words;
    let (status, text) = match error {
        SignInError::Wrong => (StatusCode::UNAUTHORIZED, words.say("console-sign-in-wrong")),
        SignInError::Code => (StatusCode::UNAUTHORIZED, words.say("console-code-wrong")),
        SignInError::Often(seconds) => (
            StatusCode::TOO_MANY_REQUESTS,
            words.say_with("console-sign-in-often", &[("seconds", seconds.to_string())]),
        ),
        SignInError::Ended => (StatusCode::UNAUTHORIZED, words.say("console-sign-in-again")),
        SignInError::Password(error) => (StatusCode::UNPROCESSABLE_ENTITY, why(words, *error)),
        SignInError::Store(error) => {
            tracing::error!(error = error.for_logs(), "a sign-in failed");
            (StatusCode::SERVICE_UNAVAILABLE, words.say("console-refusal-later-remedy"))
        }
        SignInError::Hash => {
            tracing::error!(%error, "a sign-in failed");
            (StatusCode::INTERNAL_SERVER_ERROR, words.say("console-refusal-failed-remedy"))
        }
    };
    faults.add(field, text);
    status
}

/// Why a password is not accepted.
pub fn why(words: &Words, error: PasswordError) -> String {
    words.say(match error {
        PasswordError::Short => "console-password-short",
        PasswordError::Long => "console-password-long",
        PasswordError::Common => "console-password-common",
    })
}

/// The page with the time after which the same may work.
pub fn refused(error: &SignInError, mut response: Response) -> Response {
    if let SignInError::Often(seconds) = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
    }
    response
}

async fn ask_code(State(app): State<App>, outside: Outside, Query(Next { next }): Query<Next>) -> Response {
    page(&Code { frame: frame(&app, &outside, "console-code-title"), faults: Faults::default(), next })
}

async fn prove(State(app): State<App>, outside: Outside, headers: HeaderMap, form: Form) -> Response {
    let next = form.text("next").to_owned();
    let token = cookies::session(&app, &headers).unwrap_or_default();
    match app.sign_ins.prove(&token, form.text("code"), &outside.visitor).await {
        Ok(opened) => go_on(&app, &opened, &next),
        Err(SignInError::Ended) => Redirect::to(&with_next("/sign-in", local(&next))).into_response(),
        Err(error) => {
            let mut faults = Faults::default();
            let status = explain(&outside, &error, "code", &mut faults);
            let frame = frame(&app, &outside, "console-code-title");
            refused(&error, page_with(status, &Code { frame, faults, next }))
        }
    }
}

/// The picture of an address, which every app reads.
fn picture(address: &str) -> String {
    let svg = QrCode::new(address).map(|code| code.render::<svg::Color<'_>>().min_dimensions(200, 200).build());
    let bytes = svg.unwrap_or_default();
    format!("data:image/svg+xml;base64,{}", BASE64.encode(bytes.as_bytes()))
}

fn setting_up(app: &App, outside: &Outside, it: &SettingUp, faults: Faults, next: String) -> SecondFactor {
    let address = it.secret.address(&app.context.config.organisation.name, it.operator.name.as_str());
    SecondFactor {
        frame: frame(app, outside, "console-factor-title"),
        faults,
        next,
        picture: picture(&address),
        secret: it.secret.typed(),
        replaces: it.replaces,
    }
}

async fn set_up(
    State(app): State<App>,
    outside: Outside,
    headers: HeaderMap,
    Query(Next { next }): Query<Next>,
) -> Response {
    let token = cookies::session(&app, &headers).unwrap_or_default();
    match app.sign_ins.set_up(&token, &outside.visitor).await {
        Ok(it) => page(&setting_up(&app, &outside, &it, Faults::default(), next)),
        Err(SignInError::Ended) => Redirect::to(&with_next("/sign-in", local(&next))).into_response(),
        Err(error) => {
            let mut faults = Faults::default();
            let status = explain(&outside, &error, "", &mut faults);
            page_with(status, &Code { frame: frame(&app, &outside, "console-factor-title"), faults, next })
        }
    }
}

async fn confirm(State(app): State<App>, outside: Outside, headers: HeaderMap, form: Form) -> Response {
    let next = form.text("next").to_owned();
    let token = cookies::session(&app, &headers).unwrap_or_default();
    let codes = (form.text("code"), form.text("former"));
    let error = match app.sign_ins.confirm(&token, codes, &outside.visitor).await {
        Ok((opened, codes)) => {
            let codes = codes.iter().map(|code| code.reveal().to_owned()).collect();
            let frame = frame(&app, &outside, "console-recovery-title");
            let mut response = page(&RecoveryCodes { frame, codes, next: local(&next).to_owned() });
            cookies::set_session(&app, &mut response, &opened.token.reveal());
            return response;
        }
        Err(error) => error,
    };
    let mut faults = Faults::default();
    let status = match &error {
        SignInError::Code => {
            faults.add("code", outside.words.say("console-factor-wrong"));
            StatusCode::UNPROCESSABLE_ENTITY
        }
        error => explain(&outside, error, "code", &mut faults),
    };
    match app.sign_ins.set_up(&token, &outside.visitor).await {
        Ok(it) => refused(&error, page_with(status, &setting_up(&app, &outside, &it, faults, next))),
        Err(_) => Redirect::to(&with_next("/sign-in", local(&next))).into_response(),
    }
}

async fn leave(State(app): State<App>, outside: Outside, headers: HeaderMap) -> Response {
    let token = cookies::session(&app, &headers).unwrap_or_default();
    if let Err(error) = app.sign_ins.leave(&token, &outside.visitor).await {
        tracing::error!(error = error.for_logs(), "a session could not be ended");
        let text = outside.words.say("console-refusal-later-remedy");
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{text}\n")).into_response();
    }
    let mut response = Redirect::to("/sign-in").into_response();
    cookies::clear_session(&app, &mut response);
    response
}
