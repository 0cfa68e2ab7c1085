//! `besked deliveries resend`: sending again on an operator's decision.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::str::FromStr;

use clap::Args;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::cli::args::{id, said};
use crate::cli::failure::{FAILED, Failure};
use crate::cli::named;
use crate::cli::output::{JsonList, Output, count, print};
use crate::deliveries::{Resent, Skipped};
use crate::domain::actor::Actor;
use crate::domain::delivery::{Failure as Failed, State};
use crate::domain::page::PageRequest;

/// Deliveries that are put back, or settled, in one transaction.
pub const AT_ONCE: u32 = 500;

/// Send again what failed of mandatory notices, or is uncertain: a recipient who already has the message gets it twice.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["ids", "notice"]))]
pub struct Resend {
    /// Ids of the deliveries
    #[arg(value_name = "ID", value_parser = id)]
    ids: Vec<Uuid>,
    /// All of this notice that failed in one way, or are uncertain: id or reference
    #[arg(long, requires = "state", value_parser = said, allow_hyphen_values = true)]
    notice: Option<String>,
    /// The way: rejected, expired, bounced, not_carried, not_composed or uncertain
    #[arg(long, requires = "notice")]
    state: Option<Which>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Which deliveries of a notice are sent again.
#[derive(Clone, Copy, Debug)]
enum Which {
    /// Those that failed in this way.
    Failed(Failed),
    /// Those whose outcome is unknown.
    Uncertain,
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == State::Uncertain.as_str() {
            return Ok(Self::Uncertain);
        }
        text.parse().map(Self::Failed).map_err(|error: String| format!("{error}, and is not `uncertain`"))
    }
}

/// Runs the command.
pub async fn run(command: Resend, app: &App, actor: &Actor, output: &Output) -> Result<u8, Failure> {
    match (command.notice, command.state) {
        (Some(notice), Some(Which::Uncertain)) => resend_uncertain(app, actor, &notice, command.yes, output).await,
        (Some(notice), Some(Which::Failed(failure))) => {
            confirm(&format!("all deliveries of the notice that are {failure}"), command.yes)?;
            let notice = named::read(app, actor, &notice).await?;
            resend_all(output, async |page| Ok(app.deliveries.resend_failed(actor, &notice, failure, &page).await?))
                .await
        }
        _ => resend(app, actor, &command.ids, command.yes, output).await,
    }
}

/// Sends all uncertain deliveries of a notice again.
pub async fn resend_uncertain(
    app: &App,
    actor: &Actor,
    notice: &str,
    yes: bool,
    output: &Output,
) -> Result<u8, Failure> {
    let notice = named::read(app, actor, notice).await?;
    match app.deliveries.doubts(actor, &notice).await? {
        0 if !output.json => {
            print("no delivery of the notice is uncertain\n")?;
            return Ok(0);
        }
        0 => {}
        doubts => confirm(&count(doubts, "uncertain delivery", "uncertain deliveries"), yes)?,
    }
    resend_all(output, async |page| Ok(app.deliveries.resend_uncertain(actor, &notice, &page).await?)).await
}

/// Sends single deliveries again, all of them or none, and says in which state each is now.
pub async fn resend(app: &App, actor: &Actor, ids: &[Uuid], yes: bool, output: &Output) -> Result<u8, Failure> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids.dedup();
    confirm(&count(ids.len() as u64, "delivery", "deliveries"), yes)?;
    let states = app.deliveries.resend(actor, &ids).await?;
    output.print(&json!({ "resent": ids }), |_| describe(ids.len() as u64) + &in_states(&states))?;
    Ok(0)
}

/// What is known of deliveries that wait to be sent again.
fn in_states(states: &BTreeMap<State, u64>) -> String {
    let line = |(state, n): (&State, &u64)| {
        let n = count(*n, "is", "are");
        match state {
            State::Uncertain => {
                format!("{n} in the queue now, and uncertain only until the next attempt has its reply\n")
            }
            state => format!("{n} {state} now\n"),
        }
    };
    states.iter().map(line).collect()
}

/// Sends again what a service puts back page by page.
async fn resend_all(
    output: &Output,
    next: impl AsyncFn(PageRequest) -> Result<Resent, Failure>,
) -> Result<u8, Failure> {
    let mut page = next(PageRequest { after: None, limit: AT_ONCE }).await?;
    let (mut list, opening) = JsonList::open(&Map::new(), "resent");
    let (mut resent, mut skipped) = (0, Vec::new());
    if output.json {
        print(&opening)?;
    }
    loop {
        resent += page.resent.len() as u64;
        if output.json {
            print(&list.add(&page.resent)?)?;
            skipped.extend(page.skipped);
        } else {
            warn_of(&page.skipped);
        }
        let Some(after) = page.next else { break };
        page = next(PageRequest { after: Some(after), limit: AT_ONCE }).await?;
    }
    if output.json {
        let after: Map<String, Value> = Map::from_iter([("skipped".to_owned(), json!(skipped))]);
        print(&list.close(&after))?;
    } else {
        print(&describe(resent))?;
    }
    Ok(0)
}

/// Names the deliveries that were left as they are, and why.
pub fn warn_of(skipped: &[Skipped]) {
    skipped.iter().for_each(|it| eprintln!("skipped {}: {}", it.id, it.why));
}

fn describe(resent: u64) -> String {
    let put_back = count(resent, "delivery", "deliveries");
    format!("{put_back} put back into the queue; `besked serve` or `besked dispatch` sends\n")
}

fn confirm(what: &str, yes: bool) -> Result<(), Failure> {
    let warning = "a recipient who already has the message gets it twice";
    let (said, asked) = (format!("this sends {what} again: {warning}"), format!("send {what} again? {warning}"));
    if yes { Ok(()) } else { ask(&said, &asked, "nothing is sent again") }
}

/// Asks at a terminal; a program passes `--yes`, since nobody is there to ask.
pub fn ask(said: &str, asked: &str, refused: &str) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::invalid(said).hint("confirm with `--yes`"));
    }
    eprint!("{asked} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Failure::new(FAILED, refused)) }
}
