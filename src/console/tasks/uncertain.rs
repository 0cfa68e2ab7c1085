//! Deliveries of which it is not known whether a server accepted them: a person looks into the relay's log, and decides.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;

use crate::app::App;
use crate::console::asked::{Asked, id};
use crate::console::blocks::{Block, Cell, Choice, Field, Form, Input, Page, Table, done, encoded};
use crate::console::form::Form as Typed;
use crate::console::frame::Place;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::console::words::Words;
use crate::deliveries::{Delivery, Doubt, Finding, Tried};
use crate::domain::delivery::State as DeliveryState;
use crate::domain::kind::Kind;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/tasks/uncertain", get(list)).route("/tasks/uncertain/{id}", get(show).post(decide))
}

async fn list(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    let words = &signed.words;
    let page = app.deliveries.uncertain(&signed.actor, asked.maybe("notice"), &asked.page()).await?;
    let rows = page.items.iter().map(|it| row(words, it));
    let table = Table::new(words, "console-uncertain", &["customer", "address", "when", "reply", "again"]);
    let table = table.with(rows).next("/tasks/uncertain", page.next.as_deref());
    let blocks = vec![Block::Text(words.say("console-uncertain-text")), Block::Table(table)];
    Ok(Page::new(signed.frame(Place::Tasks, words.say("console-uncertain-title")), blocks).answer())
}

fn row(words: &Words, it: &Doubt) -> Vec<Cell> {
    let again = it.again_at.map_or_else(
        || Cell::link(words.say("console-uncertain-decide"), format!("/tasks/uncertain/{}", it.id)),
        |at| Cell::time(words, at),
    );
    vec![
        Cell::link(&it.account_id, format!("/ask?account={}&notice={}", encoded(&it.account_id), it.notice)),
        Cell::text(&it.email),
        Cell::time(words, it.at),
        Cell::maybe(it.reply.as_deref()),
        again,
    ]
}

async fn show(State(app): State<App>, signed: Signed, Path(delivery): Path<String>) -> Result<Response, Refusal> {
    let delivery = app.deliveries.show(&signed.actor, id(&delivery)?).await?;
    Ok(page(&signed, &delivery, &Typed::default(), None))
}

fn page(signed: &Signed, it: &Delivery<Vec<Tried>>, typed: &Typed, problem: Option<String>) -> Response {
    let words = &signed.words;
    let col = |key: &str| words.say(&format!("console-col-{key}"));
    let facts = vec![
        (col("customer"), Cell::link(&it.account_id, format!("/ask?account={}&notice={}", encoded(&it.account_id), it.notice))),
        (col("address"), Cell::text(&it.email)),
        (col("state"), Cell::text(words.word("console-delivery", it.state))),
        (col("when"), Cell::time(words, it.at)),
        (col("reply"), Cell::text(it.reply.clone().unwrap_or_default())),
    ];
    let row = |it: &Tried| {
        vec![
            Cell::time(words, it.at),
            Cell::text(&it.relay).under(&it.host),
            Cell::text(&it.stage),
            Cell::text(words.word("console-delivery", &it.outcome)),
            Cell::text(&it.reply),
        ]
    };
    let table = Table::new(words, "console-attempts", &["when", "relay", "stage", "state", "reply"]);
    let mut blocks = vec![Block::Facts(facts), Block::Table(table.with(it.attempts.iter().map(row)))];
    if it.state == DeliveryState::Uncertain {
        blocks.push(Block::Form(form(signed, it, typed, problem)));
    }
    Page::new(signed.frame(Place::Tasks, words.say("console-uncertain-one")), blocks).answer()
}

fn form(signed: &Signed, it: &Delivery<Vec<Tried>>, typed: &Typed, problem: Option<String>) -> Form {
    let words = &signed.words;
    let choice = |what: &str| Choice {
        value: what.to_owned(),
        label: words.word("console-uncertain", what),
        chosen: typed.text("decision") == what,
    };
    let choices = ["accepted", "refused", "resend"].map(choice).to_vec();
    let by = if typed.has("by") { typed.text("by").to_owned() } else { signed.operator.name.to_string() };
    Form::new("decide", format!("/tasks/uncertain/{}", it.id), words.say("console-uncertain-button"))
        .titled(words.say("console-uncertain-decide"))
        .wrong(problem)
        .with([
            Field::line(words, "decision", "").by(Input::Radios(choices)),
            Field::line(words, "source", typed.text("source")).hint(words.say("console-uncertain-source-hint")).optional(),
            Field::line(words, "by", by).optional(),
        ])
}

async fn decide(
    State(app): State<App>,
    signed: Signed,
    Path(delivery): Path<String>,
    typed: Typed,
) -> Result<Response, Refusal> {
    let (id, deliveries) = (id(&delivery)?, &app.deliveries);
    let finding = |accepted| Finding { accepted, text: typed.text("source"), by: typed.text("by") };
    let decided = match typed.text("decision") {
        "accepted" => deliveries.settle(&signed.actor, id, &finding(true)).await.map(drop),
        "refused" => deliveries.settle(&signed.actor, id, &finding(false)).await.map(drop),
        "resend" => deliveries.resend(&signed.actor, &[id]).await.map(drop),
        _ => return Err(Refusal::new(Kind::Invalid, signed.words.say("console-uncertain-choose"))),
    };
    match decided.map_err(Refusal::from) {
        Ok(()) => Ok(done(&app, "/tasks/uncertain", "console-done-decided")),
        Err(refusal) => {
            let Some(why) = refusal.of_form().map(str::to_owned) else { return Err(refusal) };
            let delivery = deliveries.show(&signed.actor, id).await?;
            Ok(page(&signed, &delivery, &typed, Some(why)))
        }
    }
}
