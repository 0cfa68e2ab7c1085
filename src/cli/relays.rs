//! `besked relays`: the state of the relays, as the running dispatchers see it.

use jiff::Timestamp;

use super::Place;
use super::failure::Failure;
use super::output::{Output, count, grouped, table, time};
use crate::dispatch::node::beat::Report;
use crate::dispatch::node::relays::{AtNode, Shown, ShownRelay};
use crate::domain::category_set::CategorySet;
use crate::domain::reply::advice;

/// Runs `besked relays`.
pub async fn relays(place: &Place, output: &Output) -> Result<u8, Failure> {
    let shown = {
        let (app, actor) = place.acting().await?;
        app.relays.read_by(&actor)?.show().await?
    };
    output.print(&shown, text)?;
    if !shown.running {
        eprintln!(
            "no dispatcher is running: the state of the relays is unknown\n\nhint: `besked doctor` tests them, `besked serve` sends"
        );
    }
    Ok(0)
}

fn text(shown: &Shown) -> String {
    let rows = shown.relays.iter().flat_map(|relay| {
        let unknown = relay.nodes.is_empty().then(|| row(relay, None));
        unknown.into_iter().chain(relay.nodes.iter().map(|at| row(relay, Some(at))))
    });
    let mut text = table(
        ["relay", "address", "tls", "node", "state", "#in use", "#rate", "#sent", "#deferred", "#refused", "last sent"],
        rows,
    );
    text += &carried(&shown.relays);
    for relay in &shown.relays {
        for at in &relay.nodes {
            text += &failed_step(&relay.name, at);
            text += &pauses(at);
        }
    }
    text
}

fn row(relay: &ShownRelay, at: Option<&AtNode>) -> [String; 11] {
    let (name, address, tls) = (relay.name.clone(), relay.address.clone(), relay.tls.clone());
    let Some(AtNode { node, report }) = at else {
        let mut row: [String; 11] = std::array::from_fn(|_| "-".to_owned());
        (row[0], row[1], row[2], row[4]) = (name, address, tls, "unknown".to_owned());
        return row;
    };
    [
        name,
        report.address.clone(),
        report.tls.clone(),
        node.clone(),
        state(report),
        grouped(report.connections),
        rate(report),
        grouped(report.sent),
        grouped(report.deferred),
        grouped(report.refused),
        report.last_success_at.map_or_else(|| "never".to_owned(), time),
    ]
}

/// The state of the relay's circuit, in the word that the JSON has.
fn state(report: &Report) -> String {
    serde_json::to_value(report.state).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The rate at which a node may send through a relay, and the one to which the relay's own requests slowed it down.
fn rate(report: &Report) -> String {
    let configured = report.rate_per_second.map_or_else(|| "no limit".to_owned(), |rate| format!("{rate:.1}/s"));
    match report.throttled_to {
        Some(throttled) => format!("{configured}, slowed down to {throttled:.1}/s"),
        None => configured,
    }
}

/// What each relay carries that does not carry everything.
fn carried(relays: &[ShownRelay]) -> String {
    let carries = |relay: &ShownRelay| {
        let categories: CategorySet = relay.carries.as_ref()?.iter().copied().collect();
        let names = if categories.is_empty() { "nothing".to_owned() } else { categories.names().join(", ") };
        Some(format!("\n{} carries only {names}", relay.name))
    };
    let text: String = relays.iter().filter_map(carries).collect();
    if text.is_empty() { text } else { text + "\n" }
}

/// Why a relay is not used at a node, and when it is tried again.
fn failed_step(relay: &str, AtNode { node, report }: &AtNode) -> String {
    let Some(stage) = report.stage else { return String::new() };
    let until = |until: Option<Timestamp>| match until {
        Some(until) => format!("not used until {}", time(until)),
        None => "being tried again".to_owned(),
    };
    let reply = report.reply.as_deref().unwrap_or_default().replace(char::is_control, " ");
    let advice = advice(stage, &reply);
    format!("\n{relay} at {node}: {}, since {stage} failed: {reply}; {advice}\n", until(report.until))
}

fn pauses(AtNode { node, report }: &AtNode) -> String {
    let mut text = String::new();
    for paused in &report.paused_domains {
        let code = paused.code.map_or_else(String::new, |code| format!(", it answered {code}"));
        text += &format!("\n{} is paused at {node} until {}{code}", paused.domain, time(paused.until));
    }
    if report.more_paused > 0 {
        text += &format!("\nand {}", count(report.more_paused as u64, "more domain", "more domains"));
    }
    if text.is_empty() { text } else { text + "\n" }
}
