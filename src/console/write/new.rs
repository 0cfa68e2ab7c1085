//! A new notice: of a category, as the next one of a matter, or as a copy.

use askama::Template;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;

use super::filled::Filled;
use super::page::{About, draw};
use super::prefill::prefill;
use super::save::{Target, receive};
use super::sent::Sent;
use crate::app::App;
use crate::console::form::Faults;
use crate::console::frame::{Frame, Place, page};
use crate::console::notices::asked;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::domain::category::{Category, Class};
use crate::domain::kind::Kind;
use crate::domain::right::Right;
use crate::domain::structured::structure;

/// The address.
const PATH: &str = "/notices/new";

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route(PATH, get(begin).post(send))
}

/// A page with the categories that the operator writes.
#[derive(Template)]
#[template(path = "console/write/choose.html")]
struct Choose {
    frame: Frame,
    categories: Vec<Category>,
}

impl Choose {
    fn is_optional(category: &Category) -> bool {
        category.class() == Class::Optional
    }
}

async fn begin(State(app): State<App>, signed: Signed, query: RawQuery) -> Result<Response, Refusal> {
    let asked = asked(query);
    signed.actor.may_at_all(Right::Write)?;
    let (follow, copy) = (asked.text("follow"), asked.text("copy"));
    if !follow.is_empty() || !copy.is_empty() {
        return prefilled(&app, &signed, follow, copy, asked.text("word")).await;
    }
    let Ok(category) = asked.text("category").parse::<Category>() else {
        let writes = signed.actor.categories(Right::Write);
        return Ok(page(&Choose {
            frame: signed.frame(Place::Notices, signed.words.say("console-choose-title")),
            categories: writes.iter().collect(),
        }));
    };
    signed.actor.may(Right::Write, category)?;
    let mut filled = Filled::default();
    if category == Category::Maintenance {
        filled.set("f.phase", "announced");
    }
    let mut about = About { path: PATH.to_owned(), ..About::default() };
    let kept_as = Target::New { path: PATH }.kept_as(category);
    match app.forms.begun(signed.operator.id, &kept_as).await? {
        Some(begun) if asked.has("begun") => filled = begun.fields.into_iter().collect(),
        begun => about.begun = begun.map(|it| it.kept_at),
    }
    Ok(draw(&app, &signed, (category, filled), (about, Faults::default())))
}

/// The form of the notice that follows one, or of a copy of one.
async fn prefilled(app: &App, signed: &Signed, follow: &str, copy: &str, word: &str) -> Result<Response, Refusal> {
    let (name, is_copy) = if copy.is_empty() { (follow, false) } else { (copy, true) };
    let notice = app.notices.named(&signed.actor, name).await?;
    let nexts = notice.said.progress.filter(|_| !is_copy).map(|it| it.nexts()).unwrap_or_default();
    // Of a matter that has ended, what may follow is named.
    let usual = notice.said.progress.and_then(|it| it.usual_next()).or_else(|| nexts.first().copied());
    let word = Some(word).filter(|word| !word.is_empty()).or_else(|| usual.map(|it| it.as_str()));
    let source = match is_copy {
        true => app.notices.copy(&signed.actor, name).await?,
        false => app.notices.follow_up(&signed.actor, name, word).await?,
    };
    let document = structure(&source, None).map_err(|problems| Refusal::new(Kind::Invalid, problems.to_string()))?;
    let filled = prefill(&document, notice.category, &signed.words.zone().time_zone());
    let said = signed.words.say(if is_copy { "console-write-copied" } else { "console-write-followed" });
    let address = |it: &crate::domain::matter::Progress| {
        let text = signed.words.word("console-choice", it.as_str());
        (text, format!("{PATH}?follow={}&word={}", notice.id, it.as_str()))
    };
    let nexts = nexts.iter().map(address).collect();
    let about = About { path: PATH.to_owned(), nexts, said: Some(said), ..About::default() };
    Ok(draw(app, signed, (notice.category, filled), (about, Faults::default())))
}

async fn send(State(app): State<App>, signed: Signed, sent: Sent) -> Result<Response, Refusal> {
    Box::pin(receive(&app, &signed, sent, Target::New { path: PATH })).await
}
