//! The relays, as each running dispatcher sees them.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use super::blocks::{BAD, BUSY, Block, Cell, GOOD, Page, Table, WARN};
use super::frame::Place;
use super::refusal::Refusal;
use super::signed::Signed;
use super::words::Words;
use crate::app::App;
use crate::dispatch::node::relays::{AtNode, ShownRelay};
use crate::metrics::Circuit;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/relays", get(relays))
}

async fn relays(State(app): State<App>, signed: Signed) -> Result<Response, Refusal> {
    let words = &signed.words;
    let shown = app.relays.read_by(&signed.actor)?.show().await?;
    let mut blocks = Vec::new();
    if !shown.running {
        blocks.push(Block::Warning(BAD, words.say("console-now-no-dispatcher")));
    }
    for relay in &shown.relays {
        blocks.push(Block::Heading(relay.name.clone()));
        blocks.push(Block::Facts(facts(words, relay)));
        let head = ["node", "state", "rate", "connections", "sent", "deferred", "refused", "last-success"];
        let rows = relay.nodes.iter().map(|it| at_node(words, it));
        blocks.push(Block::Table(Table::new(words, "console-relay", &head).with(rows)));
        let paused = relay.nodes.iter().flat_map(|it| &it.report.paused_domains);
        let names: Vec<String> = paused.map(|it| it.domain.to_string()).collect();
        if !names.is_empty() {
            blocks.push(Block::Note(words.say_with("console-relay-paused", &[("domains", words.list(&names))])));
        }
    }
    blocks.push(Block::Heading(words.say("console-nodes-caption")));
    let row = |it: &crate::dispatch::node::relays::Node| {
        let started = Cell::maybe_time(words, it.started_at);
        vec![Cell::text(&it.name), Cell::text(&it.version), started, Cell::maybe_time(words, it.seen_at)]
    };
    let table = Table::new(words, "console-nodes", &["node", "version", "started", "seen"]);
    blocks.push(Block::Table(table.with(shown.nodes.iter().map(row))));
    Ok(Page::new(signed.frame(Place::Relays, words.say("console-nav-relays")), blocks).answer())
}

fn facts(words: &Words, relay: &ShownRelay) -> Vec<(String, Cell)> {
    let col = |key: &str| words.say(&format!("console-col-{key}"));
    let carries = relay.carries.as_ref().map_or_else(
        || words.say("console-relay-all"),
        |it| words.list(&it.iter().map(|it| words.word("console-category", *it)).collect::<Vec<_>>()),
    );
    vec![
        (col("host"), Cell::code(&relay.address)),
        ("TLS".to_owned(), Cell::text(&relay.tls)),
        (col("carries"), Cell::text(carries)),
    ]
}

fn at_node(words: &Words, it: &AtNode) -> Vec<Cell> {
    let report = &it.report;
    let (tone, key) = match report.state {
        Circuit::Closed => (GOOD, "closed"),
        Circuit::HalfOpen => (BUSY, "half-open"),
        Circuit::Open => (BAD, "open"),
    };
    let mut why = report.reply.clone().unwrap_or_default();
    if let Some(until) = report.until {
        why = format!("{why} {}", words.say_with("console-relay-until", &[("time", words.clock(until))]))
            .trim()
            .to_owned();
    }
    let per_second =
        |rate: f64| words.say_with("console-relay-per-second", &[("number", words.number(format!("{rate:.1}")))]);
    let rate = match (report.throttled_to, report.rate_per_second) {
        (Some(rate), _) => Cell::badge(WARN, per_second(rate)),
        (None, Some(rate)) => Cell::text(per_second(rate)),
        (None, None) => Cell::text(words.say("console-relay-no-limit")),
    };
    vec![
        Cell::text(&it.node),
        Cell::badge(tone, words.word("console-circuit", key)).under(why),
        rate,
        Cell::number(words, report.connections),
        Cell::number(words, report.sent),
        Cell::number(words, report.deferred),
        Cell::number(words, report.refused),
        Cell::maybe_time(words, report.last_success_at),
    ]
}
