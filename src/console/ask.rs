//! The question that Besked is for: was this customer informed of what, when, with which words and with which result?

mod answer;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use super::asked::{Asked, day};
use super::blocks::{Block, Cell, Choice, Field, Form, Input, Page, Table, WARN, encoded};
use super::fault::Fault;
use super::frame::Place;
use super::now::subject;
use super::refusal::Refusal;
use super::signed::Signed;
use super::words::Words;
pub use answer::verdict;

use crate::app::{App, AskError, Meant};
use crate::coverage::{About, CoverageError, InformedNotice};
use crate::domain::category::Category;
use crate::domain::kind::Kind;
use crate::domain::right::Right;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/ask", get(ask))
}

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Forbidden(error) => error.into(),
            AskError::Customer(error) => error.into(),
            AskError::Notice(error) => error.into(),
            AskError::Coverage(error) => error.into(),
            AskError::Delivery(error) => error.into(),
            AskError::Store(error) => error.into(),
        }
    }
}

async fn ask(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    signed.actor.may_at_all(Right::Read)?;
    let words = &signed.words;
    if let Some(account) = asked.maybe("account") {
        return match about_customer(&app, &signed, &asked, account).await {
            Err(refusal) if !refusal.text.is_empty() && matches!(refusal.kind, Kind::NotFound | Kind::Invalid) => {
                Ok(again(&signed, &asked, Wrong::Other(refusal.fault(words))))
            }
            answered => answered,
        };
    }
    let q = asked.text("q");
    let meant = Box::pin(app.meant(&signed.actor, q)).await?;
    if let Some(account) = meant.only() {
        return about_customer(&app, &signed, &asked, account).await;
    }
    let mut blocks = vec![Block::Text(words.say("console-ask-intro")), Block::Form(question(words, q))];
    if meant.is_empty() && !q.is_empty() {
        let text = words.say_with("console-ask-nothing", &[("words", q.to_owned())]);
        blocks.push(Block::Warning(WARN, text));
    }
    blocks.extend(offered(words, &meant));
    Ok(Page::new(signed.frame(Place::Ask, words.say("console-nav-ask")), blocks).answer())
}

/// The one box.
fn question(words: &Words, q: &str) -> Form {
    let field = Field::line(words, "q", q).by(Input::Line("search")).hint(words.say("console-ask-hint"));
    Form::asking("ask", "/ask", words.say("console-ask-button")).with([field])
}

/// What is wrong with a question about a customer.
enum Wrong {
    /// Nothing is known of the account.
    Account(Fault),
    /// What is asked about it.
    Other(Fault),
}

/// The question again, with what was wrong with it. What it is about is kept unless that was wrong.
fn again(signed: &Signed, asked: &Asked, wrong: Wrong) -> Response {
    let words = &signed.words;
    let mut form = Form::asking("whom", "/ask", words.say("console-ask-button")).titled(words.say("console-ask-whom"));
    let account = Field::line(words, "account", asked.text("account"));
    let form = match wrong {
        Wrong::Account(why) => {
            for name in ["notice", "reference", "category", "since", "until"] {
                if let Some(value) = asked.maybe(name) {
                    form = form.hiding(name, value);
                }
            }
            form.with([account.wrong(Some(why))])
        }
        Wrong::Other(why) => form.with([account]).wrong(Some(why)),
    };
    let links = vec![(words.say("console-ask-other"), "/ask".to_owned())];
    let blocks = vec![Block::Form(form), Block::Links(links)];
    Page::new(signed.frame(Place::Ask, words.say("console-nav-ask")), blocks).answer()
}

/// What may be meant, to choose from.
fn offered(words: &Words, meant: &Meant) -> Vec<Block> {
    let mut blocks = Vec::new();
    let link = |account: &str| Cell::link(account, format!("/ask?account={}", encoded(account)));
    if !meant.customers.is_empty() || !meant.written_to.is_empty() {
        let row = |it: &crate::people::customers::Listed| vec![link(&it.account_id), Cell::text(&it.name)];
        let former = |account: &String| vec![link(account), Cell::text(words.say("console-ask-written-to"))];
        let table = Table::new(words, "console-ask-customers", &["account", "customer"]);
        let table = table.with(meant.customers.iter().map(row)).with(meant.written_to.iter().map(former));
        blocks.extend([Block::Heading(words.say("console-ask-customers-caption")), Block::Table(table)]);
        if meant.more {
            blocks.push(Block::Note(words.say("console-ask-more")));
        }
    }
    if let Some(newest) = meant.notices.first() {
        let row = |it: &crate::notices::Kept| vec![subject(words, it), Cell::maybe_time(words, it.released_at)];
        let table = Table::new(words, "console-ask-notices", &["notice", "released"]);
        blocks.push(Block::Heading(words.say("console-ask-notices-caption")));
        blocks.push(Block::Table(table.with(meant.notices.iter().map(row))));
        let (name, about) = match &newest.reference {
            Some(reference) => ("reference", reference.clone()),
            None => ("notice", newest.id.to_string()),
        };
        let form = Form::asking("whom", "/ask", words.say("console-ask-button")).hiding(name, about);
        blocks.push(Block::Form(form.titled(words.say("console-ask-whom")).with([Field::line(words, "account", "")])));
    }
    blocks
}

/// What the address asks about a customer; `None` if it asks for everything.
fn about(signed: &Signed, asked: &Asked) -> Result<Option<About>, Refusal> {
    let invalid = |text: String| Refusal::new(Kind::Invalid, text);
    let time = |name: &str| {
        asked
            .maybe(name)
            .map(|text| day(text, signed.words.zone()))
            .transpose()
            .map_err(|_| invalid(signed.words.say("console-day-wrong")))
    };
    if let Some(notice) = asked.maybe("notice") {
        return Ok(Some(About::Notice(notice.to_owned())));
    }
    if let Some(reference) = asked.maybe("reference") {
        return Ok(Some(About::Reference(reference.to_owned())));
    }
    let Some(category) = asked.maybe("category") else { return Ok(None) };
    let category = category.parse().map_err(invalid)?;
    Ok(Some(About::Category { category, since: time("since")?, until: time("until")? }))
}

async fn about_customer(app: &App, signed: &Signed, asked: &Asked, account: &str) -> Result<Response, Refusal> {
    if let Some(about) = about(signed, asked)? {
        return match Box::pin(app.coverage.informed(&signed.actor, account, &about)).await {
            Ok(informed) => Ok(answer::page(signed, &informed)),
            Err(error) => unknown(signed, asked, error),
        };
    }
    let words = &signed.words;
    let page = match Box::pin(app.coverage.history(&signed.actor, account, &asked.page())).await {
        Ok(page) => page,
        Err(error) => return unknown(signed, asked, error),
    };
    let name = page.items.iter().find_map(|it| it.customer_name.clone()).unwrap_or_default();
    let title =
        words.say_with("console-ask-everything", &[("customer", format!("{account} {name}").trim().to_owned())]);
    let head = ["released", "notice", "verdict", "informed-since", "addresses"];
    let rows = page.items.iter().map(|it| sent(words, account, it));
    let next = format!("/ask?account={}", encoded(account));
    let table = Table::new(words, "console-ask-history", &head).with(rows).next(&next, page.next.as_deref());
    let mut links = Vec::new();
    if signed.actor.has(Right::ReadCustomers) {
        links.push((words.say("console-ask-customer"), format!("/customers/{}", encoded(account))));
    }
    links.push((words.say("console-ask-other"), "/ask".to_owned()));
    let blocks = vec![Block::Table(table), Block::Form(narrow(words, account)), Block::Links(links)];
    Ok(Page::new(signed.frame(Place::Ask, title), blocks).answer())
}

/// The question again if nothing is known of the account.
fn unknown(signed: &Signed, asked: &Asked, error: CoverageError) -> Result<Response, Refusal> {
    match error {
        CoverageError::UnknownCustomer(_) => {
            Ok(again(signed, asked, Wrong::Account(Fault::english(error.to_string()))))
        }
        error => Err(error.into()),
    }
}

/// A notice to the customer in the list of all.
fn sent(words: &Words, account: &str, it: &InformedNotice) -> Vec<Cell> {
    let href = format!("/ask?account={}&notice={}", encoded(account), it.id);
    let category = words.word("console-category", it.category);
    let about = it.reference.as_ref().map_or_else(|| category.clone(), |it| format!("{category} · {it}"));
    vec![
        Cell::maybe_time(words, it.released_at),
        Cell::link(&it.subject, href).under(about),
        verdict(words, it.verdict),
        Cell::maybe_time(words, it.informed_since),
        Cell::number(words, it.deliveries.len() as u64),
    ]
}

/// The question about a category and a period.
fn narrow(words: &Words, account: &str) -> Form {
    let choice = |it: &Category| Choice {
        value: it.to_string(),
        label: words.word("console-category", *it),
        chosen: *it == Category::SecurityBreach,
    };
    let category = Field::line(words, "category", "").by(Input::Select(Category::ALL.iter().map(choice).collect()));
    let date = |name| Field::line(words, name, "").by(Input::Line("date")).optional();
    Form::asking("narrow", "/ask", words.say("console-ask-button"))
        .hiding("account", account)
        .titled(words.say("console-ask-narrow"))
        .with([category, date("since"), date("until")])
}
