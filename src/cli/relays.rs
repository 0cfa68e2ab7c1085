//! `besked relays`: how the relays stand, as the dispatchers at work see them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Place;
use super::failure::Failure;
use super::output::{Output, count, grouped, table, time};
use crate::config::Relay;
use crate::dispatch::nodes::{Circuit, Report};
use crate::store::nodes::{self, Node, RelayState};

/// What is shown.
#[derive(Debug, Serialize)]
struct Relays {
    /// True where a dispatcher is at work; nothing is known of the relays otherwise.
    running: bool,
    nodes: Vec<Node>,
    relays: Vec<Shown>,
}

/// A relay, at each node.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    address: String,
    tls: String,
    nodes: Vec<AtNode>,
}

#[derive(Debug, Serialize)]
struct AtNode {
    node: String,
    #[serde(flatten)]
    report: Report,
}

/// Runs `besked relays`.
pub async fn relays(place: &Place, output: &Output) -> Result<u8, Failure> {
    let app = place.app().await?;
    let mut conn = app.store.snapshot().await?;
    let nodes = nodes::live(&mut conn, app.clock.now()).await?;
    let states = nodes::relay_states(&mut conn).await?;
    let relays = gather(&app.config.relays, &nodes, &states);
    let shown = Relays { running: !nodes.is_empty(), nodes, relays };
    output.print(&shown, text)?;
    if !shown.running {
        eprintln!(
            "no dispatcher is running: how the relays stand is not known\n\nhint: `besked doctor` tests them, `besked serve` sends"
        );
    }
    Ok(0)
}

/// The configured relays in their order, then those that only nodes know.
fn gather(configured: &[Relay], nodes: &[Node], states: &[RelayState]) -> Vec<Shown> {
    let mut reports: BTreeMap<&str, Vec<AtNode>> = BTreeMap::new();
    for node in nodes {
        for state in states.iter().filter(|state| state.node_id == node.id) {
            // A node of another version may say what this one does not understand.
            if let Ok(report) = serde_json::from_str(&state.state) {
                reports.entry(&state.relay).or_default().push(AtNode { node: node.name.clone(), report });
            }
        }
    }
    let known = configured.iter().map(|relay| Shown {
        name: relay.name.clone(),
        address: relay.url.address(),
        tls: relay.url.tls.as_str().to_owned(),
        nodes: reports.remove(relay.name.as_str()).unwrap_or_default(),
    });
    let mut relays: Vec<_> = known.collect();
    relays.extend(reports.into_iter().filter_map(|(name, nodes)| {
        let report = nodes.first()?.report.clone();
        Some(Shown { name: name.to_owned(), address: report.address, tls: report.tls, nodes })
    }));
    relays
}

fn text(shown: &Relays) -> String {
    let rows = shown.relays.iter().flat_map(|relay| {
        let unknown = relay.nodes.is_empty().then(|| row(relay, None));
        unknown.into_iter().chain(relay.nodes.iter().map(|at| row(relay, Some(at))))
    });
    let mut text = table(
        ["relay", "address", "tls", "node", "state", "#in use", "#rate", "#sent", "#deferred", "#refused", "last sent"],
        rows,
    );
    for relay in &shown.relays {
        for at in &relay.nodes {
            text += &trouble(&relay.name, at);
            text += &pauses(at);
        }
    }
    text
}

fn row(relay: &Shown, at: Option<&AtNode>) -> [String; 11] {
    let (name, address, tls) = (relay.name.clone(), relay.address.clone(), relay.tls.clone());
    let Some(AtNode { node, report }) = at else {
        let mut row: [String; 11] = std::array::from_fn(|_| "-".to_owned());
        (row[0], row[1], row[2], row[4]) = (name, address, tls, "not known".to_owned());
        return row;
    };
    let state = match report.state {
        Circuit::Closed => "closed",
        Circuit::Open => "OPEN",
        Circuit::HalfOpen => "half-open",
    };
    [
        name,
        report.address.clone(),
        report.tls.clone(),
        node.clone(),
        state.to_owned(),
        grouped(report.connections),
        report.rate_per_second.map_or_else(|| "no limit".to_owned(), |rate| format!("{rate:.1}/s")),
        grouped(report.sent),
        grouped(report.deferred),
        grouped(report.refused),
        report.last_success_at.map_or_else(|| "never".to_owned(), time),
    ]
}

/// What is wrong with a relay at a node, and when it is tried again.
fn trouble(relay: &str, AtNode { node, report }: &AtNode) -> String {
    let Some(stage) = report.stage else { return String::new() };
    let until = |until: Option<Timestamp>| match until {
        Some(until) => format!("not used until {}", time(until)),
        None => "being tried again".to_owned(),
    };
    let reply = report.reply.as_deref().unwrap_or_default().replace(char::is_control, " ");
    format!("\n{relay} at {node}: {}, since {stage} failed: {reply}\n", until(report.until))
}

fn pauses(AtNode { node, report }: &AtNode) -> String {
    let mut text = String::new();
    for paused in &report.paused_domains {
        let code = paused.code.map_or_else(String::new, |code| format!(", it answered {code}"));
        text += &format!("\n{} is on pause at {node} until {}{code}", paused.domain, time(paused.until));
    }
    if report.more_paused > 0 {
        text += &format!("\nand {}", count(report.more_paused as u64, "more domain", "more domains"));
    }
    if text.is_empty() { text } else { text + "\n" }
}
