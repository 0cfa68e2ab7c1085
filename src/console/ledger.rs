//! The ledger: how large it is, what was signed last, and how it continues after it stopped.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use super::asked::wrong;
use super::blocks::{BAD, Block, Cell, Choice, Field, Form, GOOD, Input, Page, WARN, done};
use super::form::Form as Typed;
use super::frame::Place;
use super::refusal::Refusal;
use super::signed::Signed;
use super::words::Words;
use crate::app::App;
use crate::console::fault::Fault;
use crate::deliveries::Waiting;
use crate::domain::right::Right;
use crate::ledger::Standing;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/ledger", get(show).post(resume))
}

async fn show(State(app): State<App>, signed: Signed) -> Result<Response, Refusal> {
    page(&app, &signed, &Typed::default(), None).await
}

async fn page(app: &App, signed: &Signed, typed: &Typed, problem: Option<Fault>) -> Result<Response, Refusal> {
    let words = &signed.words;
    let ledger = app.ledger.read_by(&signed.actor)?;
    let standing = ledger.standing().await?;
    let mut blocks = vec![match &standing.stopped {
        Some(why) => Block::Answer(BAD, words.say("console-ledger-stopped"), vec![why.clone()]),
        None => Block::Answer(GOOD, words.say("console-ledger-good"), Vec::new()),
    }];
    blocks.push(Block::Facts(facts(words, &standing)));
    if let Some(path) = &standing.others_sign {
        let text = words.say_with("console-ledger-others-sign", &[("path", path.display().to_string())]);
        blocks.push(Block::Warning(WARN, text));
    }
    if standing.stopped.is_some() && signed.actor.has(Right::ContinueLedger) {
        let waiting = app.deliveries.perhaps_sent().await?;
        blocks.push(Block::Form(form(words, waiting, typed, problem)));
    }
    if let Some(newest) = ledger.newest_checkpoint().await? {
        blocks.push(Block::Heading(words.say("console-ledger-checkpoint")));
        blocks.push(Block::Text(words.say("console-ledger-checkpoint-text")));
        blocks.push(Block::Verbatim(words.time(newest.at), newest.note));
        blocks.push(Block::Verbatim(words.say("console-ledger-key"), newest.vkey));
    }
    let links = [("console-ledger-public", "/ledger/checkpoint"), ("console-ledger-verify", "/verify")];
    blocks.push(Block::Links(links.map(|(key, path)| (words.say(key), path.to_owned())).to_vec()));
    Ok(Page::new(signed.frame(Place::Ledger, words.say("console-nav-ledger")), blocks).answer())
}

fn facts(words: &Words, it: &Standing) -> Vec<(String, Cell)> {
    let col = |key: &str| words.say(&format!("console-col-{key}"));
    let mut facts = vec![
        (col("entries"), Cell::text(words.number(it.size))),
        (col("unsealed"), Cell::text(words.number(it.pending))),
        (col("root"), Cell::code(&it.root)),
    ];
    facts.extend(it.last_checkpoint_at.map(|at| (col("signed"), Cell::time(words, at))));
    facts.extend(it.signed.map(|size| (col("covers"), Cell::text(words.number(size)))));
    let signs = if it.signs { "console-ledger-signs" } else { "console-ledger-signs-not" };
    facts.push((col("this-machine"), Cell::text(words.say(signs))));
    facts
}

/// The form that lets sealing continue; what a restored copy might send twice is asked for.
fn form(words: &Words, waiting: u64, typed: &Typed, problem: Option<Fault>) -> Form {
    let reason = Field::line(words, "reason", typed.text("reason")).hint(words.say("console-ledger-reason-hint"));
    let mut form = Form::new("continue", "/ledger", words.say("console-ledger-continue"))
        .danger()
        .titled(words.say("console-ledger-continue-title"))
        .saying(words.say("console-ledger-continue-text"))
        .wrong(problem)
        .with([reason]);
    if waiting > 0 {
        let choice = |what: &str| Choice {
            value: what.to_owned(),
            label: words.word("console-ledger-waiting", what),
            chosen: typed.text("waiting") == what,
        };
        let choices = ["leave", "send"].map(choice).to_vec();
        let field = Field::line(words, "waiting", "").by(Input::Radios(choices));
        form = form.with([field.hint(words.counted("console-ledger-waiting-hint", waiting))]);
    }
    form
}

async fn resume(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let waiting = match typed.text("waiting") {
        "send" => Some(Waiting::Send),
        "leave" => Some(Waiting::LeaveUncertain),
        _ => None,
    };
    match Box::pin(app.deliveries.resume(&signed.actor, typed.text("reason"), waiting)).await {
        // Sealing goes on, whoever could not be erased again by now: the service has logged it, and a dispatcher does it.
        Ok(_) => Ok(done(&app, "/ledger", "console-done-continued")),
        Err(error) => {
            let why = wrong(&signed.words, error.into())?;
            page(&app, &signed, &typed, Some(why)).await
        }
    }
}
