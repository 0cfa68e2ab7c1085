//! Customers: searched, and one with its contacts, what they opted out of, what was sent, its calendar and its tasks.

mod calendar;
mod import;
mod upload;

use std::collections::BTreeSet;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};

use super::ask::verdict;
use super::asked::Asked;
use super::blocks::{Block, Cell, Field, Form, GOOD, Input, PLAIN, Page, Table, done, encoded};
use super::frame::Place;
use super::refusal::Refusal;
use super::signed::Signed;
use super::tones::of_delivery;
use super::words::Words;
use crate::app::App;
use crate::deliveries::{Delivery, Wanted};
use crate::domain::address::Address;
use crate::domain::page::PageRequest;
use crate::domain::reply::in_short;
use crate::domain::right::Right;
use crate::people::customers::{Shown, ShownContact};

/// What was sent last that the page of a customer lists.
const LAST: u32 = 10;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/customers", get(list))
        .merge(import::routes())
        .route("/customers/{account_id}", get(show))
        .route("/customers/{account_id}/leave", post(leave))
        .route("/customers/{account_id}/calendar", get(calendar::shown).post(calendar::give))
        .route("/customers/{account_id}/calendar/revoke", post(calendar::revoke))
}

async fn list(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    let (words, q) = (&signed.words, asked.text("q"));
    let page = match q {
        "" => app.customers.list(&signed.actor, &asked.page()).await?,
        q => app.customers.search(&signed.actor, q, &asked.page()).await?,
    };
    let row = |it: &crate::people::customers::Listed| {
        let account = Cell::link(&it.account_id, format!("/customers/{}", encoded(&it.account_id)));
        vec![account, Cell::text(&it.name), Cell::number(words, it.contacts)]
    };
    let path = if q.is_empty() { "/customers".to_owned() } else { format!("/customers?q={}", encoded(q)) };
    let table = Table::new(words, "console-customers", &["account", "customer", "contacts"]);
    let table = table.with(page.items.iter().map(row)).next(&path, page.next.as_deref());
    let field = Field::line(words, "q", q).by(Input::Line("search")).optional();
    let field = field.label(words.say("console-customers-search")).hint(words.say("console-customers-hint"));
    let mut blocks = vec![Block::Form(Form::asking("search", "/customers", words.say("console-search")).with([field]))];
    blocks.push(Block::Table(table));
    if signed.actor.has(Right::Import) {
        let import = (words.say("console-customers-import"), "/customers/import".to_owned());
        blocks.push(Block::Links(vec![import]));
    }
    Ok(Page::new(signed.frame(Place::Customers, words.say("console-nav-customers")), blocks).answer())
}

async fn show(State(app): State<App>, signed: Signed, Path(account_id): Path<String>) -> Result<Response, Refusal> {
    let (words, actor) = (&signed.words, &signed.actor);
    let shown = app.customers.show(actor, &account_id).await?;
    let mut blocks = vec![Block::Facts(facts(words, &shown)), Block::Heading(words.say("console-customer-contacts"))];
    let rows = shown.contacts.iter().map(|it| contact(words, it));
    let head = ["role", "name", "address", "language", "zone"];
    blocks.push(Block::Table(Table::new(words, "console-customer-contacts", &head).with(rows)));
    if actor.has(Right::Preferences) {
        blocks.extend(preferences(&app, &signed, &shown).await?);
    }
    if actor.has(Right::Read) {
        blocks.extend(sent(&app, &signed, &account_id).await?);
    }
    let tasks = app.tasks.seen(&signed.actor, shown.tasks).await?;
    if !tasks.is_empty() {
        let row = |it: &crate::escalation::Task| {
            let what = Cell::link(words.word("console-task", it.kind), format!("/tasks/{}", it.id)).under(&it.reason);
            vec![what, Cell::maybe_time(words, it.deadline)]
        };
        let table = Table::new(words, "console-customer-tasks", &["task", "deadline"]);
        blocks.push(Block::Heading(words.say("console-customer-tasks-caption")));
        blocks.push(Block::Table(table.with(tasks.iter().map(row))));
    }
    if actor.has(Right::Calendars) {
        let link = (words.say("console-customer-calendar"), format!("/customers/{}/calendar", encoded(&account_id)));
        blocks.push(Block::Links(vec![link]));
    }
    if actor.has(Right::Import) && shown.status == "active" {
        let action = format!("/customers/{}/leave", encoded(&account_id));
        let form = Form::new("leave", action, words.say("console-customer-leave")).danger();
        let form =
            form.titled(words.say("console-customer-leave-title")).saying(words.say("console-customer-leave-text"));
        blocks.push(Block::Form(form));
    }
    Ok(Page::new(signed.frame(Place::Customers, shown.name), blocks).answer())
}

fn facts(words: &Words, shown: &Shown) -> Vec<(String, Cell)> {
    let col = |key: &str| words.say(&format!("console-col-{key}"));
    let tone = if shown.status == "active" { GOOD } else { PLAIN };
    let mut facts = vec![
        (col("account"), Cell::code(&shown.account_id)),
        (col("state"), Cell::badge(tone, words.word("console-customer", &shown.status))),
        (col("changed"), Cell::time(words, shown.updated_at)),
    ];
    facts.extend(shown.attributes.iter().map(|(name, values)| (name.clone(), Cell::text(values.join(", ")))));
    facts
}

fn contact(words: &Words, it: &ShownContact) -> Vec<Cell> {
    let role = Cell::text(words.word("console-role", it.role));
    let role = if it.former { role.under(words.say("console-customer-former")) } else { role };
    vec![
        role,
        Cell::text(&it.name),
        Cell::text(&it.email),
        Cell::maybe(it.locale.as_deref()),
        Cell::maybe(it.time_zone.as_deref()),
    ]
}

/// What the contacts opted out of. A masked address is not looked up: that would be a view of a restricted record.
async fn preferences(app: &App, signed: &Signed, shown: &Shown) -> Result<Vec<Block>, Refusal> {
    let words = &signed.words;
    let addresses: BTreeSet<&str> = shown.contacts.iter().map(|it| it.email.as_str()).collect();
    let mut rows = Vec::new();
    for email in addresses.into_iter().filter(|it| !it.contains('…')) {
        let Ok(address) = Address::parse(email) else { continue };
        for opted_out in app.preferences.show(&signed.actor, &address).await?.opt_outs {
            let address = Cell::link(email, format!("/preferences?email={}", encoded(email)));
            let category = Cell::text(words.word("console-category", opted_out.category));
            rows.push(vec![address, category, Cell::time(words, opted_out.since)]);
        }
    }
    let table = Table::new(words, "console-customer-preferences", &["address", "category", "when"]).with(rows);
    Ok(vec![Block::Heading(words.say("console-customer-preferences-caption")), Block::Table(table)])
}

/// What was sent last.
async fn sent(app: &App, signed: &Signed, account_id: &str) -> Result<Vec<Block>, Refusal> {
    let words = &signed.words;
    let wanted = Wanted { account: Some(account_id), ..Wanted::default() };
    let request = PageRequest { after: None, limit: LAST };
    let page = app.deliveries.list(&signed.actor, &wanted, &request).await?;
    let history = app.coverage.history(&signed.actor, account_id, &request).await?;
    let row = |it: &crate::coverage::InformedNotice| {
        let href = format!("/ask?account={}&notice={}", encoded(account_id), it.id);
        let notice = Cell::link(&it.subject, href).under(words.word("console-category", it.category));
        vec![Cell::maybe_time(words, it.released_at), notice, verdict(words, it.verdict)]
    };
    let notices = Table::new(words, "console-ask-history", &["released", "notice", "verdict"]);
    let deliveries = Table::new(words, "console-customer-deliveries", &["when", "address", "state"]);
    let rows = page.items.iter().map(|it| delivery(words, it));
    let all = (words.say("console-customer-all"), format!("/ask?account={}", encoded(account_id)));
    Ok(vec![
        Block::Heading(words.say("console-customer-sent")),
        Block::Table(notices.with(history.items.iter().map(row))),
        Block::Links(vec![all]),
        Block::Heading(words.say("console-customer-deliveries-caption")),
        Block::Table(deliveries.with(rows)),
    ])
}

fn delivery(words: &Words, it: &Delivery<u64>) -> Vec<Cell> {
    let state = Cell::badge(of_delivery(it.state), words.word("console-delivery-state", it.state));
    let reply = it.reply.as_deref().map(in_short).unwrap_or_default();
    let at = Cell { href: Some(format!("/deliveries/{}", it.id)), ..Cell::time(words, it.at) };
    vec![at, Cell::text(&it.email), state.under(reply)]
}

async fn leave(State(app): State<App>, signed: Signed, Path(account_id): Path<String>) -> Result<Response, Refusal> {
    app.customers.leave(&signed.actor, &account_id).await?;
    Ok(done(&app, &format!("/customers/{}", encoded(&account_id)), "console-done-left"))
}
