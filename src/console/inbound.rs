//! What came back by mail: what it is, what it says of which delivery, and its words for those who may read them.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;

use super::asked::{Asked, id};
use super::blocks::{BUSY, Block, Cell, GOOD, Page, Table, Tone, WARN};
use super::frame::Place;
use super::refusal::Refusal;
use super::signed::Signed;
use super::words::Words;
use crate::app::App;
use crate::deliveries::Report;
use crate::domain::inbound::Disposition;
use crate::domain::right::Right;
use crate::inbound::Stored;

/// How much of a message is shown: what is longer is read elsewhere.
const SHOWN: usize = 64 << 10;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/inbound", get(list))
        .route("/inbound/{id}", get(show))
        .route("/inbound/{id}/message", get(message))
}

async fn list(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    let (words, unmatched) = (&signed.words, asked.has("unmatched"));
    let page = app.inbound.list(&signed.actor, unmatched, &asked.page()).await?;
    let (path, name, other) = if unmatched {
        ("/inbound?unmatched=1", "console-inbound-unmatched", ("console-inbound-show-all", "/inbound"))
    } else {
        ("/inbound", "console-inbound", ("console-inbound-show-unmatched", "/inbound?unmatched=1"))
    };
    let table = Table::new(words, name, &["when", "kind", "state", "route", "size"]);
    let table = table.with(page.items.iter().map(|it| row(words, it))).next(path, page.next.as_deref());
    let blocks = vec![Block::Links(vec![(words.say(other.0), other.1.to_owned())]), Block::Table(table)];
    Ok(Page::new(signed.frame(Place::Inbound, words.say("console-nav-inbound")), blocks).answer())
}

const fn tone(disposition: Disposition) -> Tone {
    match disposition {
        Disposition::Waiting => BUSY,
        Disposition::Recorded => GOOD,
        Disposition::Unmatched => WARN,
    }
}

fn row(words: &Words, it: &Stored) -> Vec<Cell> {
    let kind = it.kind.map_or_else(|| words.say("console-kind-none"), |kind| words.word("console-kind", kind));
    let state = Cell::badge(tone(it.disposition), words.word("console-disposition", it.disposition));
    let forward = it.forward.map(|it| words.word("console-forward", it.state)).unwrap_or_default();
    vec![
        Cell::time(words, it.at),
        Cell::link(kind, format!("/inbound/{}", it.id)),
        state.under(forward),
        Cell::text(it.route.as_str()),
        Cell::number(words, it.size),
    ]
}

async fn show(State(app): State<App>, signed: Signed, Path(message): Path<String>) -> Result<Response, Refusal> {
    let words = &signed.words;
    let shown = app.inbound.show(&signed.actor, id(&message)?).await?;
    let it = &shown.message;
    let col = |key: &str| words.say(&format!("console-col-{key}"));
    let mut facts = vec![
        (col("state"), Cell::badge(tone(it.disposition), words.word("console-disposition", it.disposition))),
        (col("when"), Cell::time(words, it.at)),
        (col("route"), Cell::text(it.route.as_str())),
        (col("size"), Cell::number(words, it.size)),
    ];
    facts.extend(it.kind.map(|kind| (col("kind"), Cell::text(words.word("console-kind", kind)))));
    facts.extend(it.tie.map(|tie| (col("match"), Cell::text(tie.describe()))));
    facts.extend(it.forward.map(|it| {
        let cell = Cell::text(words.word("console-forward", it.state));
        (col("forward"), cell.under(it.reason.map(|it| it.to_string()).unwrap_or_default()))
    }));
    facts.extend(shown.sha256.as_ref().map(|digest| ("SHA-256".to_owned(), Cell::code(digest))));
    let head = ["kind", "what", "verdict", "address", "reply"];
    let rows = shown.reports.iter().map(|it| report(words, it));
    let mut blocks =
        vec![Block::Facts(facts), Block::Table(Table::new(words, "console-inbound-reports", &head).with(rows))];
    if signed.actor.has(Right::SeeOneCustomer) {
        let mut links = vec![(words.say("console-inbound-read"), format!("/inbound/{}/message", it.id))];
        links.extend(it.delivery_id.map(|it| (words.say("console-inbound-delivery"), format!("/deliveries/{it}"))));
        blocks.push(Block::Links(links));
    }
    Ok(Page::new(signed.frame(Place::Inbound, words.say("console-inbound-one")), blocks).answer())
}

fn report(words: &Words, it: &Report) -> Vec<Cell> {
    let status = it.status.map(|status| status.to_string()).unwrap_or_default();
    let outcome = it.outcome.map_or_else(String::new, |it| words.word("console-delivery-state", it));
    vec![
        Cell::text(words.word("console-kind", it.kind)),
        Cell::text(it.action.as_str()).under(outcome),
        Cell::text(it.verdict.as_str()).under(status),
        Cell::maybe(it.recipient.as_deref()),
        Cell::text(it.diagnostic.clone().unwrap_or_default()).under(it.remote.clone().unwrap_or_default()),
    ]
}

/// The words of a message, as they came. Nothing of it is drawn or fetched.
async fn message(State(app): State<App>, signed: Signed, Path(message): Path<String>) -> Result<Response, Refusal> {
    let words = &signed.words;
    let (stored, bytes) = app.inbound.message(&signed.actor, id(&message)?).await?;
    let mut blocks = Vec::new();
    match bytes {
        Some(bytes) => {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned();
            blocks.push(Block::Verbatim(words.say("console-inbound-as-it-came"), text));
            if bytes.len() > SHOWN {
                blocks.push(Block::Note(words.say("console-inbound-cut")));
            }
        }
        None => blocks.push(Block::Warning(WARN, words.say("console-inbound-deleted"))),
    }
    blocks.push(Block::Links(vec![(words.say("console-back"), format!("/inbound/{}", stored.id))]));
    Ok(Page::new(signed.frame(Place::Inbound, words.say("console-inbound-message")), blocks).answer())
}
