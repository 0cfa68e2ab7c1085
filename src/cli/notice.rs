//! `besked notice`: write, check, release and follow notices.

mod add;
mod file;
mod look;
mod next;
mod send;
mod show;
mod step;

pub use file::read;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Place;
use super::failure::Failure;
use super::output::Output;
use super::pages::Paging;
use crate::cli::args::said;
use crate::domain::address::Address;
use crate::domain::locale::Locale;
use crate::domain::notice::Step;

/// Write, check, release and follow notices.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a notice file, and show how far it reaches
    Check {
        /// The notice file
        file: PathBuf,
    },
    /// Show what a recipient will see
    Preview(Preview),
    /// Send one marked copy, to look at it in a mail client
    Test(Test),
    /// Store a notice file as a draft
    Create(Written),
    /// Replace the content of a notice before its release; this voids an approval
    Edit {
        /// Id or reference
        #[arg(value_parser = said)]
        id: String,
        #[command(flatten)]
        written: Written,
    },
    /// Ask for approval; this approves it too if the category needs no second person
    Submit(Act),
    /// Approve a submitted notice
    Approve(Act),
    /// Decline a submitted notice
    Decline(Act),
    /// Freeze the audience and start sending; a notice with a later `send_at` is scheduled
    Release(Release),
    /// Pause the sending
    Pause(Act),
    /// Resume the sending
    Resume(Act),
    /// Cancel a notice for good: its deliveries that were not sent will not be
    Cancel(Act),
    /// Add recipients to a standing notice, one for each row of a file; a row whose key it has already adds nothing
    Add(Add),
    /// End a standing notice: nobody is added any more; or the series of a notice: no draft is made any more
    Close(Act),
    /// Create, submit and release in one step
    Send(Send),
    /// Write the next notice of a matter, to be completed
    Follow(Follow),
    /// Write a copy of a notice for the next time, to be completed
    Copy(Copy),
    /// List notices, newest first
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a notice, and all steps on it
    Show {
        /// Id or reference
        #[arg(value_parser = said)]
        id: String,
    },
    /// Show the progress of the sending
    Status(Watch),
}

/// A notice file.
#[derive(Debug, Args)]
pub struct Written {
    /// The notice file
    file: PathBuf,
}

/// A step on a notice.
#[derive(Debug, Args)]
pub struct Act {
    /// Id or reference
    #[arg(value_parser = said)]
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = said)]
    reason: Option<String>,
}

/// Freeze the audience and start sending.
#[derive(Debug, Args)]
pub struct Release {
    #[command(flatten)]
    act: Act,
    /// Send it now, even if it has a later `send_at` or is scheduled
    #[arg(long)]
    now: bool,
}

/// Add recipients to a standing notice.
#[derive(Debug, Args)]
pub struct Add {
    /// Id or reference
    #[arg(value_parser = said)]
    id: String,
    /// The file: a table with the columns `account_id`, `key` and those that the notice needs
    #[arg(long, value_name = "FILE")]
    rows: PathBuf,
}

/// Write the next notice of a matter.
#[derive(Debug, Args)]
pub struct Follow {
    /// Id or reference
    #[arg(value_parser = said)]
    id: String,
    /// Of a maintenance: its phase; else the usual next one
    #[arg(long, value_name = "PHASE", conflicts_with_all = ["status", "stage"])]
    phase: Option<String>,
    /// Of a disruption: its status
    #[arg(long, value_name = "STATUS", conflicts_with = "stage")]
    status: Option<String>,
    /// Of a breach: the stage of the investigation
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Write it to this new file, instead of printing it
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Write a copy of a notice.
#[derive(Debug, Args)]
pub struct Copy {
    /// Id or reference
    #[arg(value_parser = said)]
    id: String,
    /// Write it to this new file, instead of printing it
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Show what a recipient will see.
#[derive(Debug, Args)]
pub struct Preview {
    /// The notice file
    file: PathBuf,
    /// As this customer sees it, instead of the first one in the audience
    #[arg(long, value_name = "ID", value_parser = said, allow_hyphen_values = true)]
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
    /// The address to send it to
    #[arg(long, value_parser = |text: &str| Address::parse(text).map_err(|problem| problem.to_string()))]
    to: Address,
    /// As this customer sees it
    #[arg(long, value_name = "ID", value_parser = said, allow_hyphen_values = true)]
    account: Option<String>,
    /// In this language
    #[arg(long)]
    locale: Option<Locale>,
}

/// Create, submit and release in one step.
#[derive(Debug, Args)]
pub struct Send {
    #[command(flatten)]
    written: Written,
    /// Send in this process, and wait until nothing of it is due
    #[arg(long)]
    wait: bool,
    /// Send without a question; required if there is no terminal
    #[arg(long)]
    yes: bool,
}

/// Show the progress of the sending.
#[derive(Debug, Args)]
pub struct Watch {
    /// Id or reference
    #[arg(value_parser = said)]
    id: String,
    /// Show it every second until it is closed; with `--json`, one document a line
    #[arg(long)]
    watch: bool,
}

/// Runs the command.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    // A preview needs no database.
    if let Command::Preview(command) = command {
        return look::preview(command, place, output).await;
    }
    let (app, actor) = place.acting().await?;
    match command {
        Command::Preview(command) => look::preview(command, place, output).await,
        Command::Test(command) => look::test(command, place, output).await,
        Command::Check { file } => look::check(&app, &actor, &file, output).await,
        Command::Create(written) => step::create(place, (&app, &actor), &written.file, output).await,
        Command::Edit { id, written } => step::edit(&app, &actor, &id, &written.file, output).await,
        Command::Submit(act) => step::take(&app, &actor, Step::Submit, act, output).await,
        Command::Approve(act) => step::take(&app, &actor, Step::Approve, act, output).await,
        Command::Decline(act) => step::take(&app, &actor, Step::Decline, act, output).await,
        Command::Release(release) => step::release(&app, &actor, release, output).await,
        Command::Pause(act) => step::take(&app, &actor, Step::Pause, act, output).await,
        Command::Resume(act) => step::take(&app, &actor, Step::Resume, act, output).await,
        Command::Cancel(act) => step::take(&app, &actor, Step::Cancel, act, output).await,
        Command::Close(act) => step::take(&app, &actor, Step::Close, act, output).await,
        Command::Add(command) => add::add(&app, &actor, &command, output).await,
        Command::Send(command) => send::send(place, (&app, &actor), command, output).await,
        Command::Follow(command) => next::follow(&app, &actor, &command, output).await,
        Command::Copy(command) => next::copy(&app, &actor, &command, output).await,
        Command::List { paging } => show::list(&app, &actor, &paging, output).await,
        Command::Show { id } => show::show(&app, &actor, &id, output).await,
        Command::Status(command) => show::status(&app, &actor, &command, output).await,
    }
}
