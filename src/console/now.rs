//! The start page: what runs, what is due next, what waits for the operator, and whether everything works. It is whole without scripts;
//! with them its parts come again while it is looked at ([`events`]).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use futures_util::{Stream, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;
use uuid::Uuid;

use super::blocks::{BAD, BUSY, Block, Cell, GOOD, PLAIN, Page, Table, WARN, alone};
use super::cookies;
use super::frame::Place;
use super::refusal::Refusal;
use super::signed::Signed;
use super::tasks::about_of;
use super::words::Words;
use crate::app::{App, Now, NowError, Running};
use crate::dispatch::node::relays::Shown as Relays;
use crate::domain::placeholder::Text;
use crate::domain::session::Stage;
use crate::escalation::{About, Task};
use crate::ledger::Standing;
use crate::metrics::Circuit;
use crate::notices::{Kept, Promised};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);

/// After so many looks the browser asks again: a connection that nobody reads ends.
const LOOKS: u32 = 24;

/// What is due next: the first so many of it.
const DUE: usize = 20;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/", get(now)).route("/now/events", get(events))
}

impl From<NowError> for Refusal {
    fn from(error: NowError) -> Self {
        match error {
            NowError::Notice(error) => error.into(),
            NowError::Coverage(error) => error.into(),
            NowError::Delivery(error) => error.into(),
            NowError::Task(error) => error.into(),
            NowError::Inbound(error) => error.into(),
            NowError::Store(error) => error.into(),
        }
    }
}

async fn now(State(app): State<App>, signed: Signed) -> Result<Response, Refusal> {
    let blocks = blocks(&app, &signed).await?;
    let frame = signed.frame(Place::Now, signed.words.say("console-nav-now"));
    Ok(Page { live: Some("/now/events"), ..Page::new(frame, blocks) }.answer())
}

/// The parts of the page, again and again, until the session ends. To look is no use of a session: a page that stays open does not keep it.
async fn events(
    State(app): State<App>,
    signed: Signed,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let token = cookies::session(&app, &headers).unwrap_or_default();
    let looks = stream::unfold((app, signed, token, 0), |(app, mut signed, token, looks)| async move {
        match looks {
            0 => {}
            LOOKS => return None,
            _ => sleep(EVERY).await,
        }
        let event = match app.sign_ins.look(&token).await {
            Ok(Some(present)) if present.stage == Stage::In => {
                signed = Signed { operator: present.operator, actor: present.actor, ..signed };
                blocks(&app, &signed).await.map(|blocks| Event::default().event("parts").data(alone(blocks)))
            }
            // The page asks for the session again, and is led to the door.
            Ok(_) => return Some((Ok(Event::default().event("ended").data("ended")), (app, signed, token, LOOKS))),
            Err(error) => Err(error.into()),
        };
        // What cannot be read now is read at the next look.
        let event = event.unwrap_or_else(|_| Event::default().comment("later"));
        Some((Ok(event), (app, signed, token, looks + 1)))
    });
    Sse::new(looks).keep_alive(KeepAlive::default())
}

async fn blocks(app: &App, signed: &Signed) -> Result<Vec<Block>, Refusal> {
    let (words, at) = (&signed.words, app.context.clock.now());
    let now = Box::pin(app.now(&signed.actor)).await?;
    let abouts = app.tasks.abouts(&now.tasks.items).await?;
    let mut blocks = troubles(words, &now);
    blocks.extend(waiting(words, (&now, &abouts), at));
    if Place::Notices.is_open_to(&signed.actor) {
        blocks.push(Block::Heading(words.say("console-now-running")));
        let head = ["notice", "progress", "rate", "left", "failed"];
        let rows = now.running.items.iter().map(|it| running(words, it));
        blocks.push(Block::Table(Table::new(words, "console-now-running", &head).with(rows)));
        blocks.extend(more(words, now.running.more, "/notices?state=released"));
        blocks.push(Block::Heading(words.say("console-now-due")));
        let table = Table::new(words, "console-now-due", &["when", "what", "notice"]);
        let due = due(words, &now, at);
        let more_due = due.len() > DUE || now.scheduled.more;
        blocks.push(Block::Table(table.with(due.into_iter().take(DUE))));
        blocks.extend(more(words, more_due, "/notices?state=scheduled"));
    }
    blocks.push(Block::Heading(words.say("console-now-health")));
    blocks.push(Block::Facts(health(words, &now)));
    blocks.push(Block::Note(words.say_with("console-now-as-of", &[("time", words.clock(at))])));
    Ok(blocks)
}

/// What does not work: it stands first.
fn troubles(words: &Words, now: &Now) -> Vec<Block> {
    let mut troubles = Vec::new();
    let mut say = |tone, key: &str| troubles.push(Block::Warning(tone, words.say(key)));
    if !now.database {
        say(BAD, "console-now-database-bad");
    }
    if now.relays.as_ref().is_some_and(|relays| !relays.running) {
        say(BAD, "console-now-no-dispatcher");
    }
    if now
        .relays
        .as_ref()
        .is_some_and(|it| it.running && !it.relays.is_empty() && it.relays.iter().all(|it| is_down(&it.nodes)))
    {
        say(BAD, "console-now-no-relay");
    }
    if let Some(Ok(Standing { stopped: Some(_), .. }) | Err(_)) = &now.ledger {
        say(BAD, "console-now-ledger-bad");
    }
    troubles
}

/// True if no node can use a relay.
fn is_down(nodes: &[crate::dispatch::node::relays::AtNode]) -> bool {
    !nodes.is_empty() && nodes.iter().all(|it| it.report.state == Circuit::Open)
}

/// What waits for the operator.
fn waiting(words: &Words, (now, abouts): (&Now, &BTreeMap<Uuid, About>), at: Timestamp) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(words.say("console-now-waiting"))];
    let before = blocks.len();
    if !now.to_approve.items.is_empty() {
        let head = ["notice", "author", "when"];
        let row = |it: &Kept| vec![subject(words, it), Cell::text(&it.author), Cell::time(words, it.created_at)];
        let rows = now.to_approve.items.iter().map(row);
        blocks.push(Block::Table(Table::new(words, "console-now-approvals", &head).with(rows)));
        blocks.extend(more(words, now.to_approve.more, "/notices?state=submitted"));
    }
    if !now.tasks.items.is_empty() {
        let rows = now.tasks.items.iter().map(|it| task(words, it, abouts.get(&it.id), at));
        blocks.push(Block::Table(Table::new(words, "console-now-tasks", &["deadline", "task", "customer"]).with(rows)));
        if now.tasks.more {
            blocks.push(Block::Links(vec![(words.say("console-now-all-tasks"), "/tasks".to_owned())]));
        }
    }
    let few = |key: &str, n: usize, more: bool| {
        let key = if more { format!("{key}-or-more") } else { key.to_owned() };
        words.counted(&key, n as u64)
    };
    let mut links = Vec::new();
    if let Some(page) = now.uncertain.as_ref().filter(|it| !it.items.is_empty()) {
        let text = few("console-now-uncertain", page.items.len(), page.next.is_some());
        links.push((text, "/tasks/uncertain".to_owned()));
    }
    if let Some(page) = now.unmatched.as_ref().filter(|it| !it.items.is_empty()) {
        let text = few("console-now-unmatched", page.items.len(), page.next.is_some());
        links.push((text, "/inbound?unmatched=1".to_owned()));
    }
    if !links.is_empty() {
        blocks.push(Block::Links(links));
    }
    if blocks.len() == before {
        blocks.push(Block::Note(words.say("console-now-nothing-waits")));
    }
    blocks
}

/// That there are more than are shown, and where.
fn more(words: &Words, more: bool, all: &str) -> Option<Block> {
    more.then(|| Block::Links(vec![(words.say("console-now-more"), all.to_owned())]))
}

/// A notice by its subject, with its category and reference.
pub fn subject(words: &Words, notice: &Kept) -> Cell {
    let category = words.word("console-category", notice.category);
    let about = notice.reference.as_ref().map_or_else(|| category.clone(), |it| format!("{category} · {it}"));
    Cell::link(Text::named(&notice.subject), format!("/notices/{}", notice.id)).under(about)
}

fn task(words: &Words, task: &Task, about: Option<&About>, at: Timestamp) -> Vec<Cell> {
    let late = task.deadline.is_some_and(|deadline| deadline <= at);
    let mut deadline = Cell::maybe_time(words, task.deadline);
    if late {
        deadline = deadline.under(words.say("console-overdue"));
    }
    let (what, customer) = about_of(words, task, about);
    vec![deadline, what, customer]
}

fn running(words: &Words, it: &Running) -> Vec<Cell> {
    let (done, all) = (it.done, it.status.recipients);
    let share = done.saturating_mul(100).checked_div(all).unwrap_or(0);
    let progress = words.say_with("console-now-of", &[("part", words.number(done)), ("whole", words.number(all))]);
    let progress = Cell { bar: Some(share), ..Cell::text(progress) }.under(words.percent(done, all));
    let rate = it
        .per_minute
        .map(|rate| words.say_with("console-now-per-minute", &[("number", words.number(format!("{rate:.0}")))]));
    let left = match (it.status.paused, it.left) {
        (true, _) => Cell::badge(WARN, words.say("console-paused")),
        (false, Some(left)) => Cell::text(words.duration(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH + rounded(left))),
        (false, None) => Cell::text("–"),
    };
    let mut failed = Cell::number(words, it.failed);
    if it.failed > 0 {
        failed = Cell { number: true, ..Cell::badge(BAD, failed.text) };
    }
    let mut notice = subject(words, &it.notice);
    if it.status.overdue > 0 {
        notice = notice.under(words.counted("console-now-overdue", it.status.overdue));
    }
    vec![notice, progress, Cell::text(rate.unwrap_or_else(|| "–".to_owned())), left, failed]
}

/// A time as a person says it: in whole minutes, one at least.
fn rounded(left: SignedDuration) -> SignedDuration {
    SignedDuration::from_mins((left.as_secs() + 59).div_euclid(60).clamp(1, 60 * 24 * 365))
}

/// What is due, the next first.
fn due(words: &Words, now: &Now, at: Timestamp) -> Vec<Vec<Cell>> {
    let release =
        |it: &Kept| (it.send_at.unwrap_or(it.created_at), words.say("console-now-release"), subject(words, it));
    let promise =
        |it: &Promised| (it.promise.due_at, words.word("console-promise", it.promise.kind), subject(words, &it.notice));
    let mut all: Vec<_> = now.scheduled.items.iter().map(release).chain(now.promised.iter().map(promise)).collect();
    all.sort_by_key(|(at, ..)| *at);
    let row = |(due, what, notice)| {
        let time = Cell::time(words, due);
        let time = if due <= at { time.under(words.say("console-overdue")) } else { time };
        vec![time, Cell::text(what), notice]
    };
    all.into_iter().map(row).collect()
}

fn health(words: &Words, now: &Now) -> Vec<(String, Cell)> {
    let say = |key: &str| words.say(&format!("console-now-{key}"));
    let state = |good: bool, key: &str| {
        let (tone, end) = if good { (GOOD, "good") } else { (BAD, "bad") };
        Cell::badge(tone, say(&format!("{key}-{end}-short")))
    };
    let mut facts = vec![(say("database"), state(now.database, "database"))];
    if let Some(ledger) = &now.ledger {
        facts.push((words.say("console-nav-ledger"), ledger_state(words, ledger)));
    }
    if let Some(relays) = &now.relays {
        let nodes = words.counted("console-now-nodes", relays.nodes.len() as u64);
        let tone = if relays.running { GOOD } else { BAD };
        let names: Vec<String> = relays.nodes.iter().map(|it| it.name.clone()).collect();
        facts.push((say("dispatchers"), Cell::badge(tone, nodes).under(words.list(&names))));
        facts.extend(relay_states(words, relays));
    }
    facts
}

fn ledger_state(words: &Words, ledger: &Result<Standing, String>) -> Cell {
    match ledger {
        Err(error) => Cell::badge(BAD, words.say("console-now-ledger-bad-short")).under(error),
        Ok(Standing { stopped: Some(why), .. }) => {
            Cell { href: Some("/ledger".to_owned()), ..Cell::badge(BAD, words.say("console-now-ledger-bad-short")) }
                .under(why)
        }
        Ok(standing) => {
            let tone = if standing.pending > 10_000 { WARN } else { GOOD };
            Cell::badge(tone, words.counted("console-now-entries", standing.size))
                .under(words.counted("console-now-unsealed", standing.pending))
        }
    }
}

/// Each relay, by the worst of its states at the nodes.
fn relay_states(words: &Words, relays: &Relays) -> Vec<(String, Cell)> {
    let state = |relay: &crate::dispatch::node::relays::ShownRelay| {
        let is = |state: Circuit| relay.nodes.iter().any(|it| it.report.state == state);
        let (tone, key) = match relay.nodes.is_empty() {
            true => (PLAIN, "unknown"),
            false if is(Circuit::Open) => (BAD, "open"),
            false if is(Circuit::HalfOpen) => (BUSY, "half-open"),
            false => (GOOD, "closed"),
        };
        let reply = relay.nodes.iter().find_map(|it| it.report.reply.clone()).unwrap_or_default();
        let name = words.say_with("console-now-relay", &[("name", relay.name.clone())]);
        (
            name,
            Cell { href: Some("/relays".to_owned()), ..Cell::badge(tone, words.word("console-circuit", key)) }
                .under(reply),
        )
    };
    relays.relays.iter().map(state).collect()
}
