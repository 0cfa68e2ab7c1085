//! Webhooks: the systems that are called when something happens.

use std::collections::BTreeSet;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};

use super::asked::{Asked, id};
use super::blocks::{BAD, Block, Cell, Choice, Field, Form, GOOD, Input, Page, Table, WARN, done};
use super::form::Form as Typed;
use super::frame::Place;
use super::refusal::Refusal;
use super::signed::Signed;
use super::words::Words;
use crate::app::App;
use crate::console::fault::Fault;
use crate::domain::webhook::HookEvent;
use crate::webhooks::{Attempt, Change, Detailed, Made, NewWebhook, Shown};

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/webhooks", get(list).post(add))
        .route("/webhooks/{id}", get(show).post(set))
        .route("/webhooks/{id}/test", post(test))
        .route("/webhooks/{id}/rotate", post(rotate))
        .route("/webhooks/{id}/state", post(set_state))
}

async fn list(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    listed(&app, &signed, &asked, &Typed::default(), None).await
}

async fn listed(
    app: &App,
    signed: &Signed,
    asked: &Asked,
    typed: &Typed,
    problem: Option<Fault>,
) -> Result<Response, Refusal> {
    let words = &signed.words;
    let page = app.webhooks.list(&signed.actor, &asked.page()).await?;
    let row = |it: &Shown| {
        let url = Cell::link(&it.url, format!("/webhooks/{}", it.id));
        vec![
            url.under(named(&it.events)),
            state(words, it),
            Cell::number(words, it.queued),
            Cell::maybe_time(words, it.succeeded_at),
        ]
    };
    let table = Table::new(words, "console-webhooks", &["url", "state", "queued", "last-success"]);
    let table = table.with(page.items.iter().map(row)).next("/webhooks", page.next.as_deref());
    let chosen: BTreeSet<HookEvent> = events(typed).unwrap_or_default();
    let form = Form::new("add", "/webhooks", words.say("console-webhooks-add"))
        .titled(words.say("console-webhooks-add-title"))
        .wrong(problem)
        .with([url(words, typed.text("url")), wanted(words, &chosen)]);
    let blocks = vec![Block::Table(table), Block::Form(form)];
    Ok(Page::new(signed.frame(Place::Webhooks, words.say("console-nav-webhooks")), blocks).answer())
}

fn named(events: &BTreeSet<HookEvent>) -> String {
    events.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ")
}

fn url(words: &Words, value: &str) -> Field {
    Field::line(words, "url", value).by(Input::Line("url")).hint(words.say("console-webhooks-url-hint"))
}

fn wanted(words: &Words, has: &BTreeSet<HookEvent>) -> Field {
    let choice = |it: &HookEvent| {
        let label =
            format!("{} ({})", words.say(&format!("console-event-{}", it.as_str().replace('.', "-"))), it.as_str());
        Choice { value: it.to_string(), label, chosen: has.contains(it) }
    };
    // What tests a webhook is sent whether it is wanted or not.
    let events = HookEvent::ALL.iter().filter(|it| **it != HookEvent::Ping);
    Field::line(words, "events", "").by(Input::Checks(events.map(choice).collect()))
}

fn events(typed: &Typed) -> Result<BTreeSet<HookEvent>, String> {
    typed.all("events").map(str::parse).collect()
}

fn state(words: &Words, it: &Shown) -> Cell {
    let tone = match it.state {
        "active" => GOOD,
        "failing" => WARN,
        _ => BAD,
    };
    Cell::badge(tone, words.word("console-webhook", it.state))
}

async fn add(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let asked = Asked::default();
    let events = match events(&typed) {
        Ok(events) => events,
        Err(why) => return listed(&app, &signed, &asked, &typed, Some(Fault::english(why))).await,
    };
    match app.webhooks.add(&signed.actor, &NewWebhook { url: typed.text("url"), events }).await.map_err(Refusal::from) {
        Ok(made) => with_secret(&app, &signed, made).await,
        Err(refusal) => {
            let Some(why) = refusal.of_form(&signed.words) else { return Err(refusal) };
            listed(&app, &signed, &asked, &typed, Some(why)).await
        }
    }
}

/// The page of a webhook with its new secret, which is shown once.
async fn with_secret(app: &App, signed: &Signed, made: Made) -> Result<Response, Refusal> {
    let words = &signed.words;
    let mut first = vec![Block::Warning(WARN, words.say("console-webhook-once"))];
    first.push(Block::Verbatim(words.say("console-webhook-secret"), made.secret.reveal()));
    first.extend(made.warning.map(|warning| Block::Warning(WARN, warning)));
    let detailed = app.webhooks.show(&signed.actor, made.shown.id).await?;
    Ok(page(signed, &detailed, first, None))
}

async fn show(State(app): State<App>, signed: Signed, Path(webhook): Path<String>) -> Result<Response, Refusal> {
    let detailed = app.webhooks.show(&signed.actor, id(&webhook)?).await?;
    Ok(page(&signed, &detailed, Vec::new(), None))
}

fn page(signed: &Signed, it: &Detailed, first: Vec<Block>, problem: Option<Fault>) -> Response {
    let words = &signed.words;
    let mut blocks = first;
    blocks.push(Block::Facts(facts(words, &it.shown)));
    let row = |it: &Attempt| {
        let answer = it.status.map(|status| status.to_string()).or_else(|| it.problem.clone()).unwrap_or_default();
        let number = Cell::number(words, u64::from(it.attempt));
        vec![
            Cell::time(words, it.at),
            Cell::code(it.event.as_str()),
            number,
            Cell::text(answer),
            Cell::number(words, it.took_ms),
        ]
    };
    let table = Table::new(words, "console-webhook-attempts", &["when", "event", "attempt", "answer", "took"]);
    blocks.push(Block::Heading(words.say("console-webhook-attempts-caption")));
    blocks.push(Block::Table(table.with(it.attempts.iter().map(row))));
    blocks.extend(forms(words, &it.shown, problem).into_iter().map(Block::Form));
    Page::new(signed.frame(Place::Webhooks, words.say("console-webhook-title")), blocks).answer()
}

fn facts(words: &Words, it: &Shown) -> Vec<(String, Cell)> {
    let col = |key: &str| words.say(&format!("console-col-{key}"));
    let mut facts = vec![
        (col("url"), Cell::code(&it.url)),
        (col("state"), state(words, it)),
        (col("events"), Cell::text(named(&it.events))),
        (col("queued"), Cell::text(words.number(it.queued))),
        (col("since"), Cell::time(words, it.created_at)),
    ];
    let mut add = |key: &str, at: Option<_>| facts.extend(at.map(|at| (col(key), Cell::time(words, at))));
    add("last-success", it.succeeded_at);
    add("failing", it.failing_since);
    add("retry", it.retry_at);
    add("former-secret", it.former_secret_until);
    add("disabled", it.disabled_at);
    facts
}

fn forms(words: &Words, it: &Shown, problem: Option<Fault>) -> Vec<Form> {
    let path = format!("/webhooks/{}", it.id);
    let set =
        Form::new("set", &path, words.say("console-save")).titled(words.say("console-webhook-set")).wrong(problem);
    let test = Form::new("test", format!("{path}/test"), words.say("console-webhook-test"));
    let rotate = Form::new("rotate", format!("{path}/rotate"), words.say("console-webhook-rotate"));
    let (what, key) = if it.state == "disabled" { ("active", "enable") } else { ("disabled", "disable") };
    let state = Form::new("state", format!("{path}/state"), words.say(&format!("console-webhook-{key}")));
    let state = state.hiding("state", what).saying(words.say(&format!("console-webhook-{key}-text")));
    vec![
        set.with([url(words, &it.url), wanted(words, &it.events)]),
        test.saying(words.say("console-webhook-test-text")),
        rotate.saying(words.say("console-webhook-rotate-text")),
        if what == "disabled" { state.danger() } else { state },
    ]
}

async fn set(
    State(app): State<App>,
    signed: Signed,
    Path(webhook): Path<String>,
    typed: Typed,
) -> Result<Response, Refusal> {
    let webhook = id(&webhook)?;
    let changed = match events(&typed) {
        Ok(events) => {
            let change = Change { url: Some(typed.text("url")), events: Some(events) };
            app.webhooks.set(&signed.actor, webhook, &change).await.map(drop).map_err(Refusal::from)
        }
        Err(why) => Err(Refusal::english(crate::domain::kind::Kind::Invalid, why)),
    };
    match changed {
        Ok(()) => Ok(done(&app, &format!("/webhooks/{webhook}"), "console-done-saved")),
        Err(refusal) => {
            let Some(why) = refusal.of_form(&signed.words) else { return Err(refusal) };
            let detailed = app.webhooks.show(&signed.actor, webhook).await?;
            Ok(page(&signed, &detailed, Vec::new(), Some(why)))
        }
    }
}

/// Calls it now, and says what came of it.
async fn test(State(app): State<App>, signed: Signed, Path(webhook): Path<String>) -> Result<Response, Refusal> {
    let (words, webhook) = (&signed.words, id(&webhook)?);
    let tested = Box::pin(app.webhooks.test(&signed.actor, webhook)).await?;
    let status = tested.attempt.status.map(|status| status.to_string()).unwrap_or_default();
    let why = tested.attempt.problem.clone().unwrap_or(status);
    let first = if tested.ok {
        Block::Warning(GOOD, words.say("console-webhook-tested"))
    } else {
        Block::Warning(BAD, words.say_with("console-webhook-test-failed", &[("problem", why)]))
    };
    let detailed = app.webhooks.show(&signed.actor, webhook).await?;
    Ok(page(&signed, &detailed, vec![first], None))
}

async fn rotate(State(app): State<App>, signed: Signed, Path(webhook): Path<String>) -> Result<Response, Refusal> {
    let made = app.webhooks.rotate(&signed.actor, id(&webhook)?).await?;
    with_secret(&app, &signed, made).await
}

async fn set_state(
    State(app): State<App>,
    signed: Signed,
    Path(webhook): Path<String>,
    typed: Typed,
) -> Result<Response, Refusal> {
    let (webhook, on) = (id(&webhook)?, typed.text("state") == "active");
    if on {
        app.webhooks.enable(&signed.actor, webhook).await?;
    } else {
        app.webhooks.disable(&signed.actor, webhook).await?;
    }
    let key = if on { "console-done-enabled" } else { "console-done-disabled" };
    Ok(done(&app, &format!("/webhooks/{webhook}"), key))
}
