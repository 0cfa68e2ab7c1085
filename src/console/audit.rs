//! The audit log: who asked for what, and how it ended.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use uuid::Uuid;

use super::asked::{Asked, day};
use super::blocks::{BAD, Block, Cell, Field, Form, GOOD, Input, Page, Table, WARN, encoded};
use super::frame::Place;
use super::refusal::Refusal;
use super::signed::Signed;
use super::words::Words;
use crate::app::App;
use crate::domain::audit::Ended;
use crate::operators::audit::{Asked as Row, Filter};

/// What the log is searched by.
const NAMES: [&str; 4] = ["operator", "object", "since", "until"];

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/audit", get(list))
}

async fn list(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    let words = &signed.words;
    let time = |name: &str| -> Result<Option<Timestamp>, String> {
        asked.maybe(name).map(|text| day(text, words.zone())).transpose().map_err(|_| words.say("console-day-wrong"))
    };
    let (since, until) = (time("since"), time("until"));
    let filter = Filter {
        operator: asked.maybe("operator"),
        object: asked.maybe("object"),
        since: since.clone().unwrap_or_default(),
        until: until.clone().unwrap_or_default(),
        ..Filter::default()
    };
    let page = app.audit.list(&signed.actor, &filter, &asked.page()).await?;
    let line = |name: &'static str| Field::line(words, name, asked.text(name)).optional();
    let date = |name: &'static str, read: Result<Option<Timestamp>, String>| {
        line(name).by(Input::Line("date")).wrong(read.err())
    };
    let fields = [line("operator"), line("object"), date("since", since), date("until", until)];
    let form = Form::asking("filter", "/audit", words.say("console-search")).with(fields);
    let given = NAMES.iter().filter_map(|name| Some(format!("{name}={}", encoded(asked.maybe(name)?))));
    let query = given.collect::<Vec<_>>().join("&");
    let path = if query.is_empty() { "/audit".to_owned() } else { format!("/audit?{query}") };
    let table = Table::new(words, "console-audit", &["when", "operator", "via", "action", "object", "result"]);
    let table = table.with(page.items.iter().map(|it| row(words, it))).next(&path, page.next.as_deref());
    let blocks = vec![Block::Form(form), Block::Table(table)];
    Ok(Page::new(signed.frame(Place::Audit, words.say("console-nav-audit")), blocks).answer())
}

fn row(words: &Words, it: &Row) -> Vec<Cell> {
    let tone = match it.result {
        Ended::Ok => GOOD,
        Ended::Failed | Ended::Unauthenticated | Ended::Forbidden => BAD,
        _ => WARN,
    };
    let object = it.object.as_ref().map(|it| Cell::link(it, format!("/audit?object={}", encoded(it))));
    vec![
        Cell::time(words, it.at),
        Cell::link(&it.operator, format!("/audit?operator={}", encoded(&it.operator))),
        via(&it.via),
        Cell::code(&it.action),
        object.unwrap_or_default(),
        Cell::badge(tone, words.word("console-result", it.result)),
    ]
}

/// The way of a request, with the end of the id of its session or key: it is enough to see which rows belong together.
fn via(text: &str) -> Cell {
    match text.rsplit_once(' ').filter(|(_, id)| Uuid::parse_str(id).is_ok()) {
        Some((way, id)) => Cell::text(way).under(format!("…{}", id.rsplit('-').next().unwrap_or(id))),
        None => Cell::text(text),
    }
}
