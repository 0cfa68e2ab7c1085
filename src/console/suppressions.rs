//! Suppressions: addresses with a reason against mailing them.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};

use super::asked::Asked;
use super::blocks::{BAD, Block, Cell, Choice, Field, Form, Input, PLAIN, Page, Table, WARN, done};
use super::fault::Fault;
use super::form::Form as Typed;
use super::frame::Place;
use super::refusal::Refusal;
use super::signed::Signed;
use super::words::Words;
use crate::app::App;
use crate::domain::address::Address;
use crate::domain::kind::Kind;
use crate::domain::preference::Reason;
use crate::domain::right::Right;
use crate::people::suppressions::Listed;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/suppressions", get(list).post(add)).route("/suppressions/lift", post(lift))
}

/// What is wrong with one of the two forms.
#[derive(Default)]
struct Wrong {
    add: Option<Fault>,
    lift: Option<Fault>,
}

async fn list(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    page(&app, &signed, &asked, &Typed::default(), Wrong::default()).await
}

async fn page(app: &App, signed: &Signed, asked: &Asked, typed: &Typed, wrong: Wrong) -> Result<Response, Refusal> {
    let words = &signed.words;
    let page = app.suppressions.list(&signed.actor, &asked.page()).await?;
    let table = Table::new(words, "console-suppressions", &["address", "why", "since"]);
    let table = table.with(page.items.iter().map(|it| row(words, it))).next("/suppressions", page.next.as_deref());
    let mut blocks = vec![Block::Text(words.say("console-suppressions-text")), Block::Table(table)];
    if signed.actor.has(Right::Suppressions) {
        let reason = |it: Reason| Choice {
            value: it.to_string(),
            label: words.word("console-suppression", it),
            chosen: typed.text("reason") == it.as_str() || (!typed.has("reason") && it == Reason::Manual),
        };
        let reasons = Reason::ADDABLE.map(reason).to_vec();
        let email = |name, value: &str| Field::line(words, name, value).by(Input::Line("email"));
        let add = Form::new("add", "/suppressions", words.say("console-suppressions-add"))
            .titled(words.say("console-suppressions-add-title"))
            .with([
                email("email", typed.text("email")).wrong(wrong.add),
                Field::line(words, "reason", "").by(Input::Radios(reasons)),
            ]);
        let lift = Form::new("lift", "/suppressions/lift", words.say("console-suppressions-lift"))
            .titled(words.say("console-suppressions-lift-title"))
            .saying(words.say("console-suppressions-lift-text"))
            .with([email("email", typed.text("email")).wrong(wrong.lift)]);
        blocks.extend([Block::Form(add), Block::Form(lift)]);
    }
    Ok(Page::new(signed.frame(Place::Suppressions, words.say("console-nav-suppressions")), blocks).answer())
}

fn row(words: &Words, it: &Listed) -> Vec<Cell> {
    let tone = match it.reason {
        Reason::Dead | Reason::Complaint => BAD,
        Reason::Restricted => WARN,
        Reason::Manual => PLAIN,
    };
    let reason = Cell::badge(tone, words.word("console-suppression", it.reason));
    vec![Cell::text(&it.email), reason, Cell::time(words, it.since)]
}

/// What is wrong with a form; anything else is a page of its own.
fn of_form(words: &Words, refusal: Refusal) -> Result<Fault, Refusal> {
    match refusal.kind {
        Kind::Invalid | Kind::Refused | Kind::Conflict | Kind::NotFound => Ok(refusal.fault(words)),
        _ => Err(refusal),
    }
}

async fn add(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let reason = Reason::parse_addable(typed.text("reason"));
    let why = match (Address::parse(typed.text("email")), reason) {
        (Ok(address), Ok(reason)) => match app.suppressions.add(&signed.actor, &address, reason).await {
            Ok(_) => return Ok(done(&app, "/suppressions", "console-done-suppressed")),
            Err(error) => of_form(&signed.words, error.into())?,
        },
        (Err(error), _) => Fault::english(error.to_string()),
        (_, Err(why)) => Fault::english(why),
    };
    page(&app, &signed, &Asked::default(), &typed, Wrong { add: Some(why), lift: None }).await
}

async fn lift(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let why = match Address::parse(typed.text("email")) {
        Ok(address) => match app.suppressions.remove(&signed.actor, &address).await {
            Ok(_) => return Ok(done(&app, "/suppressions", "console-done-lifted")),
            Err(error) => of_form(&signed.words, error.into())?,
        },
        Err(error) => Fault::english(error.to_string()),
    };
    page(&app, &signed, &Asked::default(), &typed, Wrong { lift: Some(why), add: None }).await
}
