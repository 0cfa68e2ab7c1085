//! The page behind an invitation, on which a password is chosen; and the page of an address that nothing has.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use super::fault::Fault;
use super::form::{Faults, Form};
use super::frame::{Frame, page, page_with};
use super::sign_in::{explain, go_on, refused};
use super::visitor::Outside;
use crate::app::App;
use crate::operators::sign_ins::SignInError;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/invite/{token}", get(welcome).post(accept))
}

#[derive(Template)]
#[template(path = "console/invite.html")]
struct Invite {
    frame: Frame,
    faults: Faults,
    name: String,
}

#[derive(Template)]
#[template(path = "console/refusal.html")]
struct Gone {
    frame: Frame,
    heading: String,
    text: Fault,
    remedy: String,
}

fn form(app: &App, outside: &Outside, name: &str, faults: Faults) -> Invite {
    let title = outside.words.say_with("console-invite-title", &[("name", name)]);
    let frame = Frame::outside(outside.words.clone(), &app.context.config.organisation.name, title);
    Invite { frame, faults, name: name.to_owned() }
}

/// The page of a link that does not work.
fn gone(app: &App, outside: &Outside, error: &SignInError) -> Response {
    let words = &outside.words;
    let mut faults = Faults::default();
    let (status, heading, remedy) = if matches!(error, SignInError::Ended) {
        (StatusCode::NOT_FOUND, words.say("console-invite-gone-title"), words.say("console-invite-gone-text"))
    } else {
        let status = explain(outside, error, "", &mut faults);
        (status, words.say("console-refusal-later-title"), faults.at("").to_owned())
    };
    let frame = Frame::outside(words.clone(), &app.context.config.organisation.name, heading.clone());
    refused(error, page_with(status, &Gone { frame, heading, text: Fault::default(), remedy }))
}

/// The page of an address that nothing has.
pub async fn nothing_here(State(app): State<App>, outside: Outside) -> Response {
    let words = &outside.words;
    let (heading, remedy) =
        (words.say("console-refusal-not-found-title"), words.say("console-refusal-not-found-remedy"));
    let frame = Frame::outside(words.clone(), &app.context.config.organisation.name, heading.clone());
    page_with(StatusCode::NOT_FOUND, &Gone { frame, heading, text: Fault::default(), remedy })
}

async fn welcome(State(app): State<App>, outside: Outside, Path(token): Path<String>) -> Response {
    match app.sign_ins.welcome(&token, &outside.visitor).await {
        Ok(it) => page(&form(&app, &outside, it.operator.name.as_str(), Faults::default())),
        Err(error) => gone(&app, &outside, &error),
    }
}

async fn accept(State(app): State<App>, outside: Outside, Path(token): Path<String>, typed: Form) -> Response {
    let operator = match app.sign_ins.welcome(&token, &outside.visitor).await {
        Ok(it) => it.operator,
        Err(error) => return gone(&app, &outside, &error),
    };
    let mut faults = Faults::default();
    if typed.raw("password") != typed.raw("password_again") {
        faults.add("password_again", outside.words.say("console-password-differs"));
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &form(&app, &outside, operator.name.as_str(), faults));
    }
    match app.sign_ins.accept(&token, typed.raw("password"), &outside.visitor).await {
        Ok(opened) => go_on(&app, &opened, "/"),
        Err(error @ SignInError::Password(_)) => {
            let status = explain(&outside, &error, "password", &mut faults);
            page_with(status, &form(&app, &outside, operator.name.as_str(), faults))
        }
        Err(error) => gone(&app, &outside, &error),
    }
}
