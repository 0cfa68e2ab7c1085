//! The answer about one customer, as it can be printed.

use axum::response::Response;
use uuid::Uuid;

use crate::console::blocks::{Block, Cell, Page, Table, encoded};
use crate::console::frame::Place;
use crate::console::signed::Signed;
use crate::console::tones::{of_delivery, of_verdict};
use crate::console::words::Words;
use crate::coverage::{Attestation, Informed, InformedDelivery, InformedNotice, LastVersion};
use crate::domain::coverage::Verdict;
use crate::domain::delivery::State;
use crate::domain::reply::in_short;
use crate::domain::right::Right;

/// A verdict as a badge.
pub fn verdict(words: &Words, verdict: Verdict) -> Cell {
    Cell::badge(of_verdict(verdict), words.word("console-verdict", verdict))
}

/// The page of an answer.
pub fn page(signed: &Signed, it: &Informed) -> Response {
    let words = &signed.words;
    let customer =
        it.customer_name.as_ref().map_or_else(|| it.account_id.clone(), |name| format!("{name} ({})", it.account_id));
    let mut more = Vec::new();
    if let Some(today) = &it.customer_name_today {
        more.push(words.say_with("console-ask-name-today", &[("name", today.clone())]));
    }
    if it.notices.len() > 1 {
        more.push(words.counted("console-ask-of-notices", it.notices.len() as u64));
    }
    if let Some(level) = it.level {
        more.push(words.word("console-level", level));
    }
    if it.overdue > 0 {
        more.push(words.counted("console-ask-overdue", it.overdue));
    }
    if it.late > 0 {
        more.push(words.counted("console-ask-late", it.late));
    }
    if let Some(newer) = it.last.as_ref().and_then(|last| last.newer.as_ref()) {
        let at = newer.released_at.map(|at| words.time(at)).unwrap_or_default();
        more.push(words.say_with("console-ask-newer", &[("time", at)]));
    }
    let key = format!("console-ask-answer-{}", it.verdict).replace('_', "-");
    let text = words.say_with(&key, &[("customer", customer.clone())]);
    let mut blocks = vec![Block::Answer(of_verdict(it.verdict), text, more)];
    blocks.extend(it.last.as_ref().map(|last| Block::Facts(of_last(words, last))));
    if it.notices.is_empty() {
        blocks.push(Block::Note(words.say("console-ask-no-notice")));
    }
    for notice in &it.notices {
        blocks.extend(of_notice(signed, &it.account_id, notice));
    }
    let all = format!("/ask?account={}", encoded(&it.account_id));
    blocks.push(Block::Links(vec![
        (words.say("console-ask-all"), all),
        (words.say("console-ask-other"), "/ask".to_owned()),
    ]));
    let title = words.say_with("console-ask-title", &[("customer", customer)]);
    Page::new(signed.frame(Place::Ask, title), blocks).answer()
}

/// Which notice of the matter the customer has last, and whether it is the newest.
fn of_last(words: &Words, last: &LastVersion) -> Vec<(String, Cell)> {
    let named = |phase: Option<&str>, id: Uuid| {
        let text = phase.map_or_else(|| id.to_string(), |phase| words.word("console-choice", phase));
        Cell::link(text, format!("/notices/{id}"))
    };
    let newest = match &last.newer {
        None => Cell::text(words.say("console-ask-is-newest")),
        Some(newer) => {
            let at = newer.released_at.map(|at| words.time(at)).unwrap_or_default();
            named(newer.phase, newer.notice).under(words.say_with("console-ask-newest-of", &[("time", at)]))
        }
    };
    let has = named(last.phase, last.notice).under(words.time(last.at));
    vec![(words.say("console-col-last-notice"), has), (words.say("console-col-newest-notice"), newest)]
}

fn of_notice(signed: &Signed, account: &str, it: &InformedNotice) -> Vec<Block> {
    let words = &signed.words;
    let mut blocks = vec![Block::Heading(it.subject.clone()), Block::Facts(facts(words, it))];
    let head = ["address", "role", "state", "when", "reply"];
    let rows = it.deliveries.iter().map(|it| delivery(words, it));
    blocks.push(Block::Table(Table::new(words, "console-ask-deliveries", &head).with(rows)));
    if !it.attested.is_empty() {
        let head = ["channel", "witness", "note", "when", "operator"];
        let rows = it.attested.iter().map(|it| attested(words, it));
        blocks.push(Block::Table(Table::new(words, "console-ask-attested", &head).with(rows)));
    }
    let mut links = vec![(words.say("console-ask-notice"), format!("/notices/{}", it.id))];
    if signed.actor.has(Right::Evidence) && it.released_at.is_some() {
        let of =
            |form: &str| format!("/notices/{}/evidence/evidence.{form}?account={}&messages=1", it.id, encoded(account));
        links.push((words.say("console-ask-evidence-pdf"), of("pdf")));
        links.push((words.say("console-ask-evidence-json"), of("json")));
    }
    blocks.push(Block::Links(links));
    blocks
}

fn facts(words: &Words, it: &InformedNotice) -> Vec<(String, Cell)> {
    let col = |key: &str| words.say(&format!("console-col-{key}"));
    let mut facts = vec![
        (col("verdict"), verdict(words, it.verdict)),
        (col("category"), Cell::text(words.word("console-category", it.category))),
    ];
    let mut add = |key: &str, cell: Option<Cell>| facts.extend(cell.map(|cell| (col(key), cell)));
    add("reference", it.reference.as_ref().map(Cell::text));
    add("released", it.released_at.map(|at| Cell::time(words, at)));
    add("discovered", it.discovered_at.map(|at| Cell::time(words, at)));
    let passed = it.deadline.map(|at| {
        let cell = Cell::time(words, at);
        if it.overdue { cell.under(words.say("console-overdue")) } else { cell }
    });
    add("deadline", passed);
    let since = it.informed_since.map(|at| {
        let cell = Cell::time(words, at);
        if it.late { cell.under(words.say("console-ask-too-late")) } else { cell }
    });
    add("informed-since", since);
    add("level", it.level.map(|level| Cell::text(words.word("console-level", level))));
    add("needed-level", Some(Cell::text(words.word("console-level", it.informed_at))));
    facts
}

fn delivery(words: &Words, it: &InformedDelivery) -> Vec<Cell> {
    let mut state = Cell::badge(of_delivery(it.state), words.word("console-delivery-state", it.state));
    state.under = it.level.map(|level| words.word("console-level", level));
    if let Some(reason) = it.reason {
        state.under = Some(words.word("console-delivery-unsent", reason));
    }
    let sent =
        matches!(it.state, State::Accepted | State::Delivered | State::Bounced | State::Rejected | State::Uncertain);
    let role = Cell::text(words.word("console-role", it.role));
    let message_id = if sent { it.message_id.as_str() } else { "" };
    let address = Cell::text(&it.email).under(message_id);
    let when = if sent {
        Cell { href: Some(format!("/deliveries/{}", it.id)), ..Cell::time(words, it.at) }
            .under(words.say(if it.text_damaged { "console-ask-damaged" } else { "console-ask-words" }))
    } else {
        Cell::time(words, it.at)
    };
    let reports: Vec<String> = it.reports.iter().map(|report| report_of(words, report)).collect();
    let reply = Cell::text(it.reply.as_deref().map(in_short).unwrap_or_default()).under(reports.join(" · "));
    vec![address, role, state, when, reply]
}

/// What came back, in a line.
fn report_of(words: &Words, it: &crate::deliveries::Report) -> String {
    let (what, said) = (words.word("console-kind", it.kind), it.diagnostic.clone().unwrap_or_default());
    format!("{}: {what} {said}", words.time(it.at)).trim().to_owned()
}

fn attested(words: &Words, it: &Attestation) -> Vec<Cell> {
    let mut note = Cell::text(&it.note);
    if let Some(withdrawn) = &it.withdrawn {
        note = note.under(words.say_with("console-ask-withdrawn", &[("reason", withdrawn.reason.clone())]));
    }
    vec![
        Cell::text(words.word("console-channel", it.channel)),
        Cell::text(&it.witness),
        note,
        Cell::time(words, it.told_at),
        Cell::text(&it.operator),
    ]
}
