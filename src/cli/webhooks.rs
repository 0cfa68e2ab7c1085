//! `besked webhooks`: other systems that are called when something happens.

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::Place;
use super::args::{id, said};
use super::failure::{FAILED, Failure};
use super::output::{Output, table, time};
use super::pages::Paging;
use crate::domain::webhook::HookEvent;
use crate::webhooks::{Change, Detailed, Made, NewWebhook, Shown, Tested};

/// Other systems that are called when something happens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a webhook; its secret is printed once and can never be shown again
    Add {
        /// Its address: https://, and http:// within a network of `[webhooks] allow`
        #[arg(value_parser = said)]
        url: String,
        /// What it is called for, such as notice.closed; several are possible
        #[arg(long = "event", value_name = "E", required = true)]
        events: Vec<HookEvent>,
    },
    /// List webhooks: never their secrets
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a webhook with the last attempts to call it
    Show {
        /// Its id
        #[arg(value_parser = id)]
        id: Uuid,
    },
    /// Change where a webhook is or what it is called for
    Set {
        /// Its id
        #[arg(value_parser = id)]
        id: Uuid,
        /// Another address
        #[arg(long, value_name = "URL", value_parser = said, required_unless_present = "events")]
        url: Option<String>,
        /// What it is called for instead; several are possible
        #[arg(long = "event", value_name = "E")]
        events: Vec<HookEvent>,
    },
    /// Call a webhook now, once, with a `ping`
    Test {
        /// Its id
        #[arg(value_parser = id)]
        id: Uuid,
    },
    /// Make another secret, printed once; the former one signs besides for a day
    Rotate {
        /// Its id
        #[arg(value_parser = id)]
        id: Uuid,
    },
    /// Call a webhook no more
    Disable {
        /// Its id
        #[arg(value_parser = id)]
        id: Uuid,
    },
    /// Call a disabled webhook again, also for what is still queued
    Enable {
        /// Its id
        #[arg(value_parser = id)]
        id: Uuid,
    },
}

/// Runs `besked webhooks`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    let webhooks = &app.webhooks;
    match command {
        Command::Add { url, events } => {
            let new = NewWebhook { url: &url, events: events.into_iter().collect() };
            let made = webhooks.add(&actor, &new).await?;
            place.made(made.shown.id);
            print_secret(&made, output)?;
            let id = made.shown.id;
            eprintln!("this is the only time that the secret is shown; `besked webhooks test {id}` calls the webhook");
        }
        Command::List { paging } => {
            let header = ["id", "url", "events", "state", "#queued", "last success"];
            let fetch = async |page| Ok(webhooks.list(&actor, &page).await?);
            paging.print(output, "webhooks", (header, row), fetch).await?;
        }
        Command::Show { id } => output.print(&webhooks.show(&actor, id).await?, describe_all)?,
        Command::Set { id, url, events } => {
            let events = (!events.is_empty()).then(|| events.into_iter().collect());
            let change = Change { url: url.as_deref(), events };
            output.print(&webhooks.set(&actor, id, &change).await?, describe)?;
        }
        Command::Test { id } => return print_test(&webhooks.test(&actor, id).await?, output),
        Command::Rotate { id } => {
            let made = webhooks.rotate(&actor, id).await?;
            print_secret(&made, output)?;
            eprintln!("this is the only time that the secret is shown; the former one signs besides for a day");
        }
        Command::Disable { id } => {
            let disabled = webhooks.disable(&actor, id).await?;
            let text = if disabled { "disabled\n" } else { "it was disabled already\n" };
            output.print(&json!({ "id": id, "disabled": disabled }), |_| text.to_owned())?;
        }
        Command::Enable { id } => {
            let enabled = webhooks.enable(&actor, id).await?;
            let text = if enabled { "enabled\n" } else { "it was not disabled\n" };
            output.print(&json!({ "id": id, "enabled": enabled }), |_| text.to_owned())?;
        }
    }
    Ok(0)
}

/// Prints a secret, alone for a person, and with its webhook for a program.
fn print_secret(made: &Made, output: &Output) -> Result<(), Failure> {
    let secret = made.secret.reveal();
    let mut document = serde_json::to_value(&made.shown).map_err(anyhow::Error::from)?;
    document["secret"] = secret.as_str().into();
    output.print(&document, |_| format!("{secret}\n"))?;
    if let Some(warning) = &made.warning {
        eprintln!("warning: {warning}");
    }
    Ok(())
}

/// Prints how a test ended. Exits with 1 if the receiver did not accept it.
fn print_test(tested: &Tested, output: &Output) -> Result<u8, Failure> {
    let (problem, took) = (tested.attempt.problem.as_deref(), tested.attempt.took_ms);
    output.print(tested, |_| match problem {
        None => format!("accepted after {took} ms\n"),
        Some(problem) => format!("not accepted: {problem}\n"),
    })?;
    Ok(if tested.ok { 0 } else { FAILED })
}

fn maybe(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "never".to_owned(), time)
}

fn events(it: &Shown) -> String {
    it.events.iter().map(|event| event.as_str()).collect::<Vec<_>>().join(", ")
}

fn row(it: &Shown) -> [String; 6] {
    let queued = it.queued.to_string();
    [it.id.to_string(), it.url.clone(), events(it), it.state.to_owned(), queued, maybe(it.succeeded_at)]
}

/// A webhook line by line, without what does not apply.
fn describe(it: &Shown) -> String {
    let why = it.disabled_by.map(|why| why.to_string());
    let lines = [
        ("webhook", Some(it.id.to_string())),
        ("url", Some(it.url.clone())),
        ("events", Some(events(it))),
        ("state", Some(it.state.to_owned())),
        ("added", Some(time(it.created_at))),
        ("last success", Some(maybe(it.succeeded_at))),
        ("queued", Some(it.queued.to_string())),
        ("failing since", it.failing_since.map(time)),
        ("next call", it.retry_at.map(time)),
        ("former secret", it.former_secret_until.map(|until| format!("signs besides until {}", time(until)))),
        ("disabled", it.disabled_at.map(time)),
        ("disabled by", why),
    ];
    let shown = lines.into_iter().filter_map(|(name, value)| Some((name, value?)));
    shown.map(|(name, value)| format!("{name:<15}{value}\n")).collect()
}

fn describe_all(it: &Detailed) -> String {
    let mut text = describe(&it.shown);
    if !it.attempts.is_empty() {
        let header = ["at", "event", "call", "#attempt", "#status", "#ms", "problem"];
        let row = |it: &crate::webhooks::Attempt| {
            let status = it.status.map(|status| status.to_string()).unwrap_or_default();
            let problem = it.problem.clone().unwrap_or_default();
            let (call, attempt, took) = (it.call_id.to_string(), it.attempt.to_string(), it.took_ms.to_string());
            [time(it.at), it.event.to_string(), call, attempt, status, took, problem]
        };
        text += &format!("\n{}", table(header, it.attempts.iter().map(row)));
    }
    text
}
