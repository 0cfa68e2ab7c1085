//! A new notice: of a category, as the next one of a matter, or as a copy.

use askama::Template;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;

use super::begun::{self, Begun};
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
use crate::domain::matter::Progress;
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
    begun: Vec<Begun>,
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
    if !copy.is_empty() {
        return copied(&app, &signed, copy).await;
    }
    if !follow.is_empty() {
        return followed(&app, &signed, follow, asked.text("word")).await;
    }
    let Ok(category) = asked.text("category").parse::<Category>() else {
        let writes = signed.actor.categories(Right::Write);
        return Ok(page(&Choose {
            frame: signed.frame(Place::Notices, signed.words.say("console-choose-title")),
            categories: writes.iter().collect(),
            begun: begun::all(&app, &signed, "").await?,
        }));
    };
    signed.actor.may(Right::Write, category)?;
    if let Some(filled) = begun::one(&app, &signed, asked.text("begun")).await? {
        let is_edit = !filled.get("notice").is_empty();
        let said = is_edit.then(|| signed.words.say("console-write-too-late-kept"));
        let filled = if is_edit { begun::as_new(&app, filled) } else { filled };
        let about = About { path: PATH.to_owned(), said, ..About::default() };
        return Ok(draw(&app, &signed, (category, filled), (about, Faults::default())));
    }
    let mut filled = Filled::default();
    if category == Category::Maintenance {
        filled.set("f.phase", "announced");
    }
    let begun = begun::all(&app, &signed, &begun::of_new(category, None)).await?;
    let about = About { path: PATH.to_owned(), begun, ..About::default() };
    Ok(draw(&app, &signed, (category, filled), (about, Faults::default())))
}

/// The form of the notice that follows one, with what else may follow in its matter.
async fn followed(app: &App, signed: &Signed, name: &str, word: &str) -> Result<Response, Refusal> {
    let next = app.notices.next(&signed.actor, name, Some(word).filter(|word| !word.is_empty())).await?;
    let address = |it: &Progress| {
        let text = signed.words.word("console-choice", it.as_str());
        (text, format!("{PATH}?follow={}&word={}", next.follows, it.as_str()))
    };
    let said = signed.words.say("console-write-followed");
    let about = About { nexts: next.nexts.iter().map(address).collect(), said: Some(said), ..About::default() };
    prefilled(app, signed, (next.category, &next.source), &format!("follow-{}", next.follows), about).await
}

/// The form of a copy of a notice.
async fn copied(app: &App, signed: &Signed, name: &str) -> Result<Response, Refusal> {
    let notice = app.notices.named(&signed.actor, name).await?;
    let source = app.notices.copy(&signed.actor, name).await?;
    let about = About { said: Some(signed.words.say("console-write-copied")), ..About::default() };
    prefilled(app, signed, (notice.category, &source), &format!("copy-{}", notice.id), about).await
}

/// The form of a text; `from` is what it was made from.
async fn prefilled(
    app: &App,
    signed: &Signed,
    (category, source): (Category, &str),
    from: &str,
    about: About,
) -> Result<Response, Refusal> {
    let document = structure(source, None).map_err(|problems| Refusal::english(Kind::Invalid, problems.to_string()))?;
    let mut filled = prefill(&document, category, &signed.words.zone().time_zone());
    filled.set(begun::FROM, from);
    let begun = begun::all(app, signed, &begun::of_new(category, Some(from))).await?;
    let about = About { path: PATH.to_owned(), begun, ..about };
    Ok(draw(app, signed, (category, filled), (about, Faults::default())))
}

async fn send(State(app): State<App>, signed: Signed, sent: Sent) -> Result<Response, Refusal> {
    Box::pin(receive(&app, &signed, sent, Target::New { path: PATH })).await
}
