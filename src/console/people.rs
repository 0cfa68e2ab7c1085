//! People's rights: an address is looked up, and what its person asks for is done; the register says what was asked and by when it is to be
//! answered.

mod erase;
mod petitions;
mod rights;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use uuid::Uuid;

use super::asked::Asked;
use super::blocks::{Block, Cell, Field, Form, Input, Page, Table, WARN, encoded};
use super::fault::Fault;
use super::frame::Place;
use super::refusal::Refusal;
use super::signed::Signed;
use super::tones::of_delivery;
use super::words::Words;
use crate::app::App;
use crate::domain::address::Address;
use crate::domain::page::PageRequest;
use crate::people::petitions::PetitionError;
use crate::people::subjects::Looked;

/// Deliveries that are shown of a person: the export has all.
const SHOWN: usize = 50;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/people", get(people))
        .route("/people/export", post(rights::export))
        .route("/people/restrict", post(rights::restrict))
        .route("/people/unrestrict", post(rights::unrestrict))
        .route("/people/rectify", post(rights::rectify))
        .route("/people/object", post(rights::object))
        .route("/people/objections", get(rights::all_objections))
        .route("/people/objections/{id}", post(rights::decide))
        .route("/people/erase", get(erase::ask).post(erase::erase))
        .route("/people/petitions", get(petitions::all).post(petitions::record))
        .route("/people/petitions/{id}", get(petitions::show).post(petitions::answer))
        .route("/people/petitions/{id}/extend", post(petitions::extend))
}

impl From<PetitionError> for Refusal {
    fn from(error: PetitionError) -> Self {
        match error {
            PetitionError::Store(error) => error.into(),
            PetitionError::Forbidden(error) => error.into(),
            error => Self::english(error.kind(), error.to_string()),
        }
    }
}

async fn people(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    page(&app, &signed, asked.text("email"), &asked.page(), None, Wrong::default()).await
}

/// What is wrong with one of the forms of the page, by its id, and the objection that the form is about.
#[derive(Default)]
struct Wrong(Option<(&'static str, Fault)>, Option<Uuid>);

impl Wrong {
    fn at(&self, form: &str) -> Option<Fault> {
        self.0.as_ref().filter(|(it, _)| *it == form).map(|(_, why)| why.clone())
    }
}

/// The page of an address, or of none, with a page of the objections that wait; `first` stands on top.
async fn page(
    app: &App,
    signed: &Signed,
    email: &str,
    request: &PageRequest,
    first: Option<Block>,
    wrong: Wrong,
) -> Result<Response, Refusal> {
    let words = &signed.words;
    let open = app.petitions.open(&signed.actor).await?;
    let mut blocks: Vec<Block> = first.into_iter().collect();
    let address = if email.is_empty() { None } else { Some(Address::parse(email)) };
    let problem = address.as_ref().and_then(|it| it.as_ref().err()).map(|it| Fault::english(it.to_string()));
    let field = Field::line(words, "email", email).by(Input::Line("email")).wrong(problem);
    blocks.push(Block::Form(Form::asking("look", "/people", words.say("console-look-up")).with([field])));
    match address {
        Some(Ok(address)) => {
            let looked = app.subjects.look(&signed.actor, &address).await?;
            blocks.extend(of_person(words, &address, &looked));
            blocks.extend(rights::forms(words, &address, &looked, &wrong).into_iter().map(Block::Form));
            blocks.push(Block::Form(petitions::form(app, words, address.as_str(), wrong.at("petition"))));
        }
        _ => {
            blocks.push(Block::Heading(words.say("console-petitions-open")));
            blocks.push(Block::Table(petitions::table(app, words, "console-petitions", &open)));
            blocks.extend(rights::objections(app, signed, request, &wrong).await?);
        }
    }
    blocks.push(Block::Links(vec![(words.say("console-petitions-all"), "/people/petitions".to_owned())]));
    Ok(Page::new(signed.frame(Place::People, words.say("console-nav-people")), blocks).answer())
}

fn of_person(words: &Words, address: &Address, looked: &Looked) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(address.to_string())];
    if looked.is_empty() {
        blocks.push(Block::Warning(WARN, words.say("console-person-unknown")));
        return blocks;
    }
    if looked.is_restricted() {
        blocks.push(Block::Warning(WARN, words.say("console-person-restricted")));
    }
    let others: Vec<String> = looked.addresses.iter().skip(1).cloned().collect();
    if !others.is_empty() {
        blocks.push(Block::Text(words.say_with("console-person-others", &[("addresses", words.list(&others))])));
    }
    blocks.extend(tables(words, looked));
    blocks
}

fn tables(words: &Words, looked: &Looked) -> Vec<Block> {
    let contacts = looked.contacts.iter().map(|it| {
        let customer = Cell::link(&it.account_id, format!("/customers/{}", encoded(&it.account_id)));
        let role = Cell::text(words.word("console-role", it.role));
        let role = if it.deactivated_at.is_some() { role.under(words.say("console-customer-former")) } else { role };
        vec![customer.under(&it.customer_name), role, Cell::text(&it.name)]
    });
    let head = ["customer", "role", "name"];
    let mut blocks = vec![Block::Table(Table::new(words, "console-person-contacts", &head).with(contacts))];
    let mut facts = Vec::new();
    for it in &looked.opt_outs {
        let what =
            words.say_with("console-person-opted-out", &[("category", words.word("console-category", it.category))]);
        facts.push((what, Cell::time(words, it.since).under(&it.source)));
    }
    for it in &looked.suppressions {
        facts.push((words.word("console-suppression", it.reason), Cell::time(words, it.since).under(&it.email)));
    }
    if !facts.is_empty() {
        blocks.push(Block::Facts(facts));
    }
    let mut sent: Vec<_> = looked.deliveries.iter().filter(|it| it.released_at.is_some()).collect();
    sent.sort_by_key(|it| std::cmp::Reverse(it.released_at));
    let row = |it: &&crate::people::subjects::Sent| {
        let href = format!("/ask?account={}&notice={}", encoded(&it.account_id), it.notice_id);
        let notice = Cell::link(words.word("console-category", it.category), href);
        let state = Cell::badge(of_delivery(it.state), words.word("console-delivery-state", it.state));
        vec![Cell::maybe_time(words, it.released_at), notice, Cell::text(&it.account_id), state]
    };
    let table = Table::new(words, "console-person-sent", &["released", "notice", "account", "state"]);
    blocks.push(Block::Table(table.with(sent.iter().take(SHOWN).map(row))));
    if sent.len() > SHOWN {
        blocks.push(Block::Note(words.counted("console-person-more", (sent.len() - SHOWN) as u64)));
    }
    blocks
}
