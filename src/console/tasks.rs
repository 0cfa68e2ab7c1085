//! Tasks: what a person must do, by when and why; done with a note, or by attesting that the customer was told in another way.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use jiff::Timestamp;
use uuid::Uuid;

use super::asked::{Asked, id, wrong};
use super::blocks::{BUSY, Block, Cell, Choice, Field, Form, GOOD, Input, Page, Table, done, encoded};
use super::fault::Fault;
use super::form::{Faults, Form as Typed};
use super::frame::Place;
use super::refusal::Refusal;
use super::signed::Signed;
use super::words::Words;
use crate::app::App;
use crate::coverage::NewAttestation;
use crate::deliveries::Doubt;
use crate::domain::attestation::Channel;
use crate::domain::placeholder::Text;
use crate::domain::reply::in_short;
use crate::domain::right::Right;
use crate::domain::task::State as TaskState;
use crate::domain::words::capitalised;
use crate::escalation::{About, Task};

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/tasks", get(list))
        .route("/tasks/uncertain", get(uncertain))
        .route("/tasks/{id}", get(show).post(finish))
        .route("/tasks/{id}/attest", post(attest))
}

async fn list(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    let (words, all) = (&signed.words, asked.has("all"));
    let page = app.tasks.list(&signed.actor, !all, &asked.page()).await?;
    let now = app.context.clock.now();
    let abouts = app.tasks.abouts(&page.items).await?;
    let rows = page.items.iter().map(|it| row(words, it, abouts.get(&it.id), now));
    let path = if all { "/tasks?all=1" } else { "/tasks" };
    let name = if all { "console-tasks-all" } else { "console-tasks" };
    let table = Table::new(words, name, &["task", "deadline", "customer", "opened", "state"]);
    let table = table.with(rows).next(path, page.next.as_deref());
    let mut links = vec![if all {
        (words.say("console-tasks-open-only"), "/tasks".to_owned())
    } else {
        (words.say("console-tasks-show-all"), "/tasks?all=1".to_owned())
    }];
    if signed.actor.has(Right::Report) && signed.actor.has(Right::Read) {
        links.push((words.say("console-uncertain-title"), "/tasks/uncertain".to_owned()));
    }
    let blocks = vec![Block::Table(table), Block::Links(links)];
    Ok(Page::new(signed.frame(Place::Tasks, words.say("console-nav-tasks")), blocks).answer())
}

fn row(words: &Words, it: &Task, about: Option<&About>, now: Timestamp) -> Vec<Cell> {
    let (what, customer) = about_of(words, it, about);
    vec![what, deadline(words, it, now), customer, Cell::time(words, it.opened_at), state(words, it)]
}

/// A task and its customer, each with what it is about in words.
pub fn about_of(words: &Words, it: &Task, about: Option<&About>) -> (Cell, Cell) {
    let notice = about.and_then(named);
    let under: Vec<&str> = notice.as_deref().into_iter().chain([it.reason.as_str()]).collect();
    let what = Cell::link(words.word("console-task", it.kind), format!("/tasks/{}", it.id)).under(under.join(" · "));
    let name = about.and_then(|it| it.customer.clone()).unwrap_or_default();
    let customer = it.account_id.as_ref().map(|it| Cell::link(it, format!("/ask?account={}", encoded(it))).under(name));
    (what, customer.unwrap_or_default())
}

/// Deliveries of which it is not known whether a server accepted them. What the log of the relay says is recorded at each.
async fn uncertain(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    let words = &signed.words;
    let page = app.deliveries.uncertain(&signed.actor, asked.maybe("notice"), &asked.page()).await?;
    let row = |it: &Doubt| {
        let delivery = Cell { href: Some(format!("/deliveries/{}", it.id)), ..Cell::time(words, it.at) };
        let again = it.again_at.map_or_else(|| words.say("console-uncertain-decide"), |at| words.time(at));
        let customer = format!("/ask?account={}&notice={}", encoded(&it.account_id), it.notice);
        let reply = Cell::maybe(it.reply.as_deref().map(in_short).as_deref());
        vec![delivery, Cell::link(&it.account_id, customer), Cell::text(&it.email), reply, Cell::text(again)]
    };
    let table = Table::new(words, "console-uncertain", &["when", "customer", "address", "reply", "again"]);
    let table = table.with(page.items.iter().map(row)).next("/tasks/uncertain", page.next.as_deref());
    let blocks = vec![Block::Text(words.say("console-uncertain-text")), Block::Table(table)];
    Ok(Page::new(signed.frame(Place::Tasks, words.say("console-uncertain-title")), blocks).answer())
}

fn deadline(words: &Words, it: &Task, now: Timestamp) -> Cell {
    let cell = Cell::maybe_time(words, it.deadline);
    let late = it.state == TaskState::Open && it.deadline.is_some_and(|deadline| deadline <= now);
    if late { cell.under(words.say("console-overdue")) } else { cell }
}

fn state(words: &Words, it: &Task) -> Cell {
    let tone = if it.state == TaskState::Open { BUSY } else { GOOD };
    Cell::badge(tone, words.word("console-task-state", it.state))
}

async fn show(State(app): State<App>, signed: Signed, Path(task): Path<String>) -> Result<Response, Refusal> {
    let task = app.tasks.find(&signed.actor, id(&task)?).await?;
    page(&app, &signed, &task, None, None).await
}

/// The page of a task; with what was typed and what is wrong with it.
async fn page(
    app: &App,
    signed: &Signed,
    task: &Task,
    note: Option<(&Typed, Fault)>,
    attesting: Option<(&Typed, &Faults)>,
) -> Result<Response, Refusal> {
    let words = &signed.words;
    let about = app.tasks.abouts(std::slice::from_ref(task)).await?.remove(&task.id).unwrap_or_default();
    let facts = facts(words, (task, &about), app.context.clock.now());
    let mut blocks = vec![Block::Text(capitalised(&task.reason)), Block::Facts(facts)];
    if task.state == TaskState::Open {
        if let (Some(notice), Some(account), true) = (task.notice_id, &task.account_id, signed.actor.has(Right::Attest))
        {
            let link = format!("/ask?account={}&notice={notice}", encoded(account));
            blocks.push(Block::Links(vec![(words.say("console-task-how-it-stands"), link)]));
            blocks.push(Block::Form(attestation(signed, task, attesting)));
        }
        if signed.actor.has(Right::DoTasks) || signed.actor.has(Right::Inbound) {
            let (typed, problem) =
                note.map_or((String::new(), None), |(it, why)| (it.text("note").to_owned(), Some(why)));
            let field = Field::line(words, "note", typed).hint(words.say("console-task-note-hint")).wrong(problem);
            let form = Form::new("done", format!("/tasks/{}", task.id), words.say("console-task-done"));
            blocks.push(Block::Form(form.titled(words.say("console-task-done-title")).with([field])));
        }
    }
    Ok(Page::new(signed.frame(Place::Tasks, words.word("console-task", task.kind)), blocks).answer())
}

/// How people call the notice that a task is about.
fn named(about: &About) -> Option<String> {
    about.reference.clone().or_else(|| about.subject.as_deref().map(Text::named))
}

fn facts(words: &Words, (task, about): (&Task, &About), now: Timestamp) -> Vec<(String, Cell)> {
    let col = |key: &str| words.say(&format!("console-col-{key}"));
    let mut facts = vec![(col("state"), state(words, task)), (col("opened"), Cell::time(words, task.opened_at))];
    let mut add = |key: &str, cell: Option<Cell>| facts.extend(cell.map(|cell| (col(key), cell)));
    add("deadline", task.deadline.map(|_| deadline(words, task, now)));
    let customer = about.customer.clone().unwrap_or_default();
    let asked = |it: &String| Cell::link(it, format!("/ask?account={}", encoded(it))).under(customer.as_str());
    add("customer", task.account_id.as_ref().map(asked));
    let notice = |it: Uuid| Cell::link(named(about).unwrap_or_else(|| it.to_string()), format!("/notices/{it}"));
    add("notice", task.notice_id.map(notice));
    add("inbound", task.inbound_id.map(|it| Cell::link(it.to_string(), format!("/inbound/{it}"))));
    add("delivery", task.delivery_id.map(|it| Cell::link(it.to_string(), format!("/deliveries/{it}"))));
    add("done", task.done_at.map(|at| Cell::time(words, at)));
    add("operator", task.done_by.as_ref().map(Cell::text));
    add("note", task.note.as_ref().map(Cell::text));
    facts
}

/// The form that attests.
fn attestation(signed: &Signed, task: &Task, typed: Option<(&Typed, &Faults)>) -> Form {
    let words = &signed.words;
    let (form, faults) = typed.map(|(form, faults)| (form.clone(), faults.clone())).unwrap_or_default();
    let wrong = |name: &str| faults.find(name).cloned();
    let value = |name: &str| form.text(name).to_owned();
    let by = if form.has("by") { value("by") } else { signed.operator.name.to_string() };
    let channel = |it: &Channel| Choice {
        value: it.to_string(),
        label: words.word("console-channel", *it),
        chosen: form.text("channel") == it.as_str() || (!form.has("channel") && *it == Channel::Phone),
    };
    let channel = Field::line(words, "channel", "")
        .by(Input::Radios(Channel::ALL.iter().map(channel).collect()))
        .wrong(wrong("channel"));
    Form::new("attest", format!("/tasks/{}/attest", task.id), words.say("console-attest-button"))
        .titled(words.say("console-attest-title"))
        .saying(words.say("console-attest-text"))
        .wrong(wrong(""))
        .with([
            channel,
            Field::line(words, "by", by).wrong(wrong("by")),
            Field::line(words, "said", value("said")).hint(words.say("console-attest-note-hint")).wrong(wrong("said")),
            Field::line(words, "told_at", value("told_at"))
                .by(Input::Line("datetime-local"))
                .hint(words.say_with("console-attest-told-hint", &[("zone", words.zone().to_string())]))
                .wrong(wrong("told_at"))
                .optional(),
        ])
}

/// Closes a task with a note.
async fn finish(
    State(app): State<App>,
    signed: Signed,
    Path(task): Path<String>,
    typed: Typed,
) -> Result<Response, Refusal> {
    let task = id(&task)?;
    match app.tasks.done(&signed.actor, task, typed.text("note")).await {
        Ok(_) => Ok(done(&app, "/tasks", "console-done-task")),
        Err(error) => {
            let why = wrong(&signed.words, error.into())?;
            let task = app.tasks.find(&signed.actor, task).await?;
            page(&app, &signed, &task, Some((&typed, why)), None).await
        }
    }
}

/// Attests that the customer was told in another way, which closes the task.
async fn attest(
    State(app): State<App>,
    signed: Signed,
    Path(task): Path<String>,
    typed: Typed,
) -> Result<Response, Refusal> {
    let task = app.tasks.find(&signed.actor, id(&task)?).await?;
    let (Some(notice), Some(account)) = (task.notice_id, &task.account_id) else { return Err(Refusal::not_found("")) };
    let mut faults = Faults::default();
    let channel = typed.text("channel").parse::<Channel>();
    let told_at = moment(&signed.words, typed.text("told_at"));
    let missing = ["by", "said"].into_iter().filter(|name| typed.text(name).is_empty());
    missing.for_each(|name| faults.add(name, signed.words.say("console-attest-missing")));
    faults.extend("channel", channel.as_ref().err().cloned());
    faults.extend("told_at", told_at.as_ref().err().cloned());
    if let (true, Ok(channel), Ok(told_at)) = (faults.is_empty(), channel, told_at) {
        let (witness, note) = (typed.text("by"), typed.text("said"));
        let new = NewAttestation { account_id: account, channel, witness, note, told_at };
        match app.coverage.attest(&signed.actor, &notice.to_string(), &new).await {
            Ok(_) => return Ok(done(&app, "/tasks", "console-done-attested")),
            Err(error) => faults.add("", wrong(&signed.words, error.into())?),
        }
    }
    page(&app, &signed, &task, None, Some((&typed, &faults))).await
}

/// A moment as a browser's field for it writes it, in the operator's zone; `None` if it is empty.
fn moment(words: &Words, text: &str) -> Result<Option<Timestamp>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = |_: jiff::Error| words.say("console-moment-wrong");
    let local: jiff::civil::DateTime = text.parse().map_err(wrong)?;
    Ok(Some(local.to_zoned_datetime(words.zone().time_zone()).map_err(wrong)?.timestamp()))
}
