//! `besked notice`: write, check, release and follow notices.

mod look;
mod send;

pub use send::report;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::Place;
use super::failure::Failure;
use super::output::{Output, count, table, time};
use super::progress::spinner;
use crate::app::App;
use crate::coverage::{Status, status};
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::domain::locale::Locale;
use crate::domain::notice::{State, Step};
use crate::notices::{Draft, DraftError};
use crate::store::notices::{self, Kept};

/// Write, check, release and follow notices.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a notice file, and say how far it reaches
    Check {
        /// The notice file
        file: PathBuf,
    },
    /// Show what a recipient will see
    Preview(Preview),
    /// Send one marked copy, to look at it in a mail client
    Test(Test),
    /// Keep a notice file as a draft
    Create(Written),
    /// Replace the content of a notice that is not released; an approval is void then
    Edit {
        /// Id or reference
        id: String,
        #[command(flatten)]
        written: Written,
    },
    /// Ask for approval; approved at once where the category needs no second person
    Submit(Act),
    /// Approve a submitted notice
    Approve(Act),
    /// Decline a submitted notice
    Decline(Act),
    /// Freeze the audience and let the sending begin
    Release(Act),
    /// Stop the sending for now
    Pause(Act),
    /// Let the sending go on
    Resume(Act),
    /// Stop a notice for good: what was not sent will not be
    Cancel(Act),
    /// Create, submit and release in one go
    Send(Send),
    /// List notices, newest first
    List(List),
    /// Show a notice, and who did what to it
    Show {
        /// Id or reference
        id: String,
    },
    /// How far the sending is
    Status(Watch),
}

/// A notice file, and who wrote it.
#[derive(Debug, Args)]
pub struct Written {
    /// The notice file
    file: PathBuf,
}

/// A step on a notice.
#[derive(Debug, Args)]
pub struct Act {
    /// Id or reference
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Show what a recipient will see.
#[derive(Debug, Args)]
pub struct Preview {
    /// The notice file
    file: PathBuf,
    /// As this customer sees it; else as the first one in the audience
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// In this language
    #[arg(long)]
    locale: Option<Locale>,
    /// Which part
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// A form of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The plain text
    Text,
    /// The HTML
    Html,
    /// The whole message
    Eml,
}

/// Send one marked copy.
#[derive(Debug, Args)]
pub struct Test {
    /// The notice file
    file: PathBuf,
    /// Where to send it
    #[arg(long, value_parser = |text: &str| Address::parse(text).map_err(|problem| problem.to_string()))]
    to: Address,
    /// As this customer sees it
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// In this language
    #[arg(long)]
    locale: Option<Locale>,
}

/// Create, submit and release in one go.
#[derive(Debug, Args)]
pub struct Send {
    #[command(flatten)]
    written: Written,
    /// Send in this process, and wait until nothing of it is due
    #[arg(long)]
    wait: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// List notices.
#[derive(Debug, Args)]
pub struct List {
    /// How many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Only notices older than this one
    #[arg(long, value_name = "ID")]
    before: Option<uuid::Uuid>,
}

/// How far the sending is.
#[derive(Debug, Args)]
pub struct Watch {
    /// Id or reference
    id: String,
    /// Show it again every second, until it is closed
    #[arg(long)]
    watch: bool,
}

/// Runs the command.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    match command {
        Command::Preview(command) => look::preview(command, place).await,
        Command::Test(command) => look::test(command, place, output).await,
        Command::Check { file } => check(&place.app().await?, &file, output).await,
        Command::Create(written) => create(&place.app().await?, &place.actor()?, written, output).await,
        Command::Edit { id, written } => edit(&place.app().await?, &place.actor()?, &id, written, output).await,
        Command::Submit(act) => step(&place.app().await?, &place.actor()?, Step::Submit, act, output).await,
        Command::Approve(act) => step(&place.app().await?, &place.actor()?, Step::Approve, act, output).await,
        Command::Decline(act) => step(&place.app().await?, &place.actor()?, Step::Decline, act, output).await,
        Command::Release(act) => step(&place.app().await?, &place.actor()?, Step::Release, act, output).await,
        Command::Pause(act) => step(&place.app().await?, &place.actor()?, Step::Pause, act, output).await,
        Command::Resume(act) => step(&place.app().await?, &place.actor()?, Step::Resume, act, output).await,
        Command::Cancel(act) => step(&place.app().await?, &place.actor()?, Step::Cancel, act, output).await,
        Command::Send(command) => send::send(&place.app().await?, &place.actor()?, command, output).await,
        Command::List(command) => list(&place.app().await?, &command, output).await,
        Command::Show { id } => show(&place.app().await?, &id, output).await,
        Command::Status(command) => show_status(&place.app().await?, &command, output).await,
    }
}

async fn check(app: &App, file: &std::path::Path, output: &Output) -> Result<u8, Failure> {
    let draft = Draft::read(file);
    if let (true, Err(DraftError::Invalid { problems, .. })) = (output.json, &draft) {
        output.print(&json!({ "problems": problems }), |_| String::new())?;
    }
    let draft = draft?;
    let reach = app.notices.check(&draft).await?;
    let document = json!({
        "category": draft.notice.category, "class": draft.notice.category.class(),
        "customers": reach.customers, "recipients": reach.recipients, "unaddressed": reach.unaddressed,
        "sample": reach.sample,
    });
    output.print(&document, |_| {
        let category = draft.notice.category;
        let mut text = format!(
            "valid: {category} ({}), to {}\nreaches {} at {}\n",
            category.class(),
            draft.notice.audience.describe(),
            count(reach.customers, "customer", "customers"),
            count(reach.recipients, "address", "addresses"),
        );
        if reach.unaddressed > 0 {
            let who = count(reach.unaddressed, "of these customers has", "of these customers have");
            text += &format!("{who} nobody to address\n");
        }
        text += "for example:\n";
        reach.sample.iter().for_each(|name| text += &format!("  {name}\n"));
        text
    })?;
    Ok(0)
}

async fn create(app: &App, actor: &Actor, written: Written, output: &Output) -> Result<u8, Failure> {
    let draft = Draft::read(&written.file)?;
    let id = app.notices.create(&draft, actor.name()).await?;
    let document = json!({ "id": id, "state": State::Draft, "recipients": 0 });
    output.print(&document, |_| format!("{id}\n"))?;
    Ok(0)
}

async fn edit(app: &App, actor: &Actor, id: &str, written: Written, output: &Output) -> Result<u8, Failure> {
    let draft = Draft::read(&written.file)?;
    let notice = app.notices.named(id).await?;
    app.notices.edit(notice.id, &draft, actor.name()).await?;
    print_state(app, &notice, output).await
}

async fn step(app: &App, actor: &Actor, step: Step, act: Act, output: &Output) -> Result<u8, Failure> {
    let notice = app.notices.named(&act.id).await?;
    let (id, who, why) = (notice.id, actor.name(), act.reason.as_deref());
    match step {
        Step::Submit => drop(app.notices.submit(id, who).await?),
        Step::Approve => app.notices.approve(id, who, why).await?,
        Step::Decline => app.notices.decline(id, who, why).await?,
        Step::Release => release(app, &notice, who, why).await?,
        Step::Pause => app.notices.pause(id, who, why).await?,
        Step::Resume => app.notices.resume(id, who, why).await?,
        Step::Cancel => app.notices.cancel(id, who, why).await?,
        Step::Create | Step::Edit => {}
    }
    print_state(app, &notice, output).await
}

/// Releases a notice, showing how many recipients are written.
async fn release(app: &App, notice: &Kept, who: &str, why: Option<&str>) -> Result<(), Failure> {
    let progress = spinner("freezing the audience");
    let frozen = app.notices.release(notice.id, who, why, &|count| progress.set_position(count)).await;
    progress.finish_and_clear();
    match frozen {
        Ok(_) => Ok(()),
        Err(error) => Err(broken_off(app, notice.id, error.into()).await),
    }
}

/// Says of a release that was broken off what becomes of it: whoever sent the notice anew would send it twice.
async fn broken_off(app: &App, id: Uuid, failure: Failure) -> Failure {
    let state = app.notices.named(&id.to_string()).await.map(|notice| notice.state);
    match state {
        Ok(State::Releasing) => failure.hint_first(format!(
            "do not send it anew: `besked serve` or `dispatch` takes the release up again within a minute; \
             `besked notice status {id}` shows it"
        )),
        Err(_) => {
            failure.hint_first(format!("do not send it anew: `besked notice status {id}` tells what became of it"))
        }
        Ok(_) => failure,
    }
}

async fn print_state(app: &App, notice: &Kept, output: &Output) -> Result<u8, Failure> {
    let notice = app.notices.named(&notice.id.to_string()).await?;
    let document = json!({ "id": notice.id, "state": notice.state, "recipients": notice.recipients });
    output.print(&document, |_| describe_state(&notice, app.clock.now()))?;
    Ok(0)
}

fn describe_state(notice: &Kept, now: Timestamp) -> String {
    let more = match notice.state {
        State::Submitted => "; waits for a second person to approve it".to_owned(),
        State::Approved if notice.is_overdue(now) => {
            let at = notice.send_at.map(time).unwrap_or_default();
            format!("; its time was {at} and it is not released: `besked notice show {}` says why", notice.id)
        }
        State::Scheduled => notice.send_at.map(|at| format!(" for {}", time(at))).unwrap_or_default(),
        State::Released if notice.paused_at.is_some() => ", paused".to_owned(),
        State::Released => format!(" to {}", count(notice.recipients, "recipient", "recipients")),
        _ => String::new(),
    };
    format!("{} {}{more}\n", notice.id, notice.state)
}

async fn list(app: &App, command: &List, output: &Output) -> Result<u8, Failure> {
    let kept = notices::list(&mut *app.store.read().await?, command.before, command.limit).await?;
    let now = app.clock.now();
    let document: Vec<_> = kept.iter().map(|notice| brief(notice, now)).collect();
    output.print(&json!({ "notices": document }), |_| {
        let rows = kept.iter().map(|it| {
            [
                it.id.to_string(),
                it.category.to_string(),
                match it.state {
                    _ if it.paused_at.is_some() => "paused".to_owned(),
                    _ if it.is_overdue(now) => "overdue".to_owned(),
                    state => state.to_string(),
                },
                it.reference.clone().unwrap_or_default(),
                it.recipients.to_string(),
                it.subject.clone(),
            ]
        });
        table(["id", "category", "state", "reference", "#recipients", "subject"], rows)
    })?;
    Ok(0)
}

fn brief(notice: &Kept, now: Timestamp) -> serde_json::Value {
    json!({
        "id": notice.id, "category": notice.category, "class": notice.category.class(), "state": notice.state,
        "reference": notice.reference, "subject": notice.subject, "author": notice.author,
        "approved_by": notice.approved_by, "created_at": notice.created_at, "send_at": notice.send_at,
        "released_at": notice.released_at, "closed_at": notice.closed_at, "customers": notice.customers,
        "recipients": notice.recipients, "follows": notice.follows_id, "overdue": notice.is_overdue(now),
    })
}

async fn show(app: &App, id: &str, output: &Output) -> Result<u8, Failure> {
    let notice = app.notices.named(id).await?;
    let steps = app.notices.steps(notice.id).await?;
    let mut document = brief(&notice, app.clock.now());
    document["source"] = json!(notice.source);
    document["digest"] = json!(data_encoding::HEXLOWER.encode(&notice.digest));
    document["steps"] = json!(steps);
    output.print(&document, |_| {
        let mut text = describe_state(&notice, app.clock.now());
        text += &format!("{}: {}\n\n", notice.category, notice.subject);
        let rows = steps.iter().map(|step| {
            [time(step.at), step.step.to_string(), step.operator.clone(), step.reason.clone().unwrap_or_default()]
        });
        text += &table(["when", "what", "who", "why"], rows);
        text + "\n" + &notice.source
    })?;
    Ok(0)
}

async fn show_status(app: &App, command: &Watch, output: &Output) -> Result<u8, Failure> {
    loop {
        let notice = app.notices.named(&command.id).await?;
        let status = status(&mut *app.store.read().await?, &notice).await?;
        if command.watch && !output.json {
            super::output::print("\u{1b}[2J\u{1b}[H")?;
        }
        output.print(&status, |status| describe_status(status, &notice, app.clock.now()))?;
        if !command.watch || notice.closed_at.is_some() {
            return Ok(0);
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(0),
            () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
        }
    }
}

/// How a notice stands, as a table of counts with what each means.
fn describe_status(status: &Status, notice: &Kept, now: Timestamp) -> String {
    let mut text = format!("{}: {}\n{}", notice.category, notice.subject, describe_state(notice, now));
    let present = status.counts.iter().filter(|(_, count)| **count > 0);
    let rows = present.map(|(state, count)| [state.to_string(), count.to_string(), state.describe().to_owned()]);
    if status.recipients > 0 {
        text += "\n";
        text += &table(["state", "#deliveries", "meaning"], rows);
    }
    text
}
