//! Preferences: what an address opted out of, and its change on the person's word.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use super::asked::Asked;
use super::blocks::{Block, Cell, Choice, Field, Form, Input, Page, Table, done, encoded};
use super::form::Form as Typed;
use super::frame::Place;
use super::refusal::Refusal;
use super::signed::Signed;
use super::words::Words;
use crate::app::App;
use crate::console::fault::Fault;
use crate::domain::address::Address;
use crate::domain::category::{Category, Class};
use crate::domain::preference::Wish;
use crate::domain::right::Right;
use crate::people::preferences::Shown;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/preferences", get(show).post(set))
}

async fn show(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    signed.actor.may_at_all(Right::Preferences)?;
    let words = &signed.words;
    let Some(email) = asked.maybe("email") else { return Ok(page(&signed, vec![Block::Form(look(words, "", None))])) };
    let address = match Address::parse(email) {
        Ok(address) => address,
        Err(error) => {
            return Ok(page(&signed, vec![Block::Form(look(words, email, Some(Fault::english(error.to_string()))))]));
        }
    };
    let shown = app.preferences.show(&signed.actor, &address).await?;
    Ok(page(&signed, of_address(words, &shown)))
}

fn page(signed: &Signed, blocks: Vec<Block>) -> Response {
    Page::new(signed.frame(Place::Preferences, signed.words.say("console-nav-preferences")), blocks).answer()
}

fn look(words: &Words, email: &str, problem: Option<Fault>) -> Form {
    let field = Field::line(words, "email", email).by(Input::Line("email")).wrong(problem);
    Form::asking("look", "/preferences", words.say("console-look-up")).with([field])
}

fn of_address(words: &Words, shown: &Shown) -> Vec<Block> {
    let mut blocks = vec![Block::Form(look(words, &shown.email, None)), Block::Heading(shown.email.clone())];
    let row = |it: &crate::people::preferences::OptOut| {
        let by = shown.by.get(&it.category).cloned().unwrap_or_default();
        let category = Cell::text(words.word("console-category", it.category));
        vec![category, Cell::time(words, it.since), Cell::text(&it.source).under(by)]
    };
    let table = Table::new(words, "console-preferences", &["category", "since", "source"]);
    blocks.push(Block::Table(table.with(shown.opt_outs.iter().map(row))));
    let optional = Category::ALL.iter().copied().filter(|it| it.class() == Class::Optional);
    let choice = |it: Category| Choice {
        value: it.to_string(),
        label: words.word("console-category", it),
        chosen: shown.opt_outs.iter().all(|out| out.category != it),
    };
    let wanted = Field::line(words, "wanted", "").by(Input::Checks(optional.map(choice).collect()));
    let form = Form::new("set", "/preferences", words.say("console-save")).hiding("email", &shown.email);
    let form = form.titled(words.say("console-preferences-set")).saying(words.say("console-preferences-text"));
    blocks.push(Block::Form(form.with([wanted])));
    blocks
}

/// Sets each optional category as it is ticked.
async fn set(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let words = &signed.words;
    let address = match Address::parse(typed.text("email")) {
        Ok(address) => address,
        Err(error) => {
            let form = look(words, typed.text("email"), Some(Fault::english(error.to_string())));
            return Ok(page(&signed, vec![Block::Form(form)]));
        }
    };
    let wants = |it: Category| typed.all("wanted").any(|wanted| wanted == it.as_str());
    let wishes: Vec<Wish> = Category::ALL.iter().filter_map(|it| Wish::new(*it, !wants(*it)).ok()).collect();
    app.preferences.set(&signed.actor, &address, &wishes).await?;
    let path = format!("/preferences?email={}", encoded(address.as_str()));
    Ok(done(&app, &path, "console-done-saved"))
}
