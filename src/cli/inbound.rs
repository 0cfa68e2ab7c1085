//! `besked inbound`: what came back by mail.

mod files;

use std::io::{Read as _, stdin};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use uuid::Uuid;

use super::Place;
use super::failure::{Failure, TRY_LATER};
use super::output::{Output, print_bytes, time};
use super::pages::Paging;
use super::returned::{describe_report, replied};
use crate::cli::args::{id, said};
use crate::domain::forward::State;
use crate::domain::inbound::Route;
use crate::domain::words::kilobytes;
use crate::inbound::work::Worked;
use crate::inbound::{InboundError, Incoming, Shown, Stored};

/// Not a mail message (`EX_DATAERR` of sysexits.h): the mail server returns it.
const NOT_A_MESSAGE: u8 = 65;

/// What came back by mail.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Store one message from standard input, as a mail server pipes it: 0 stored, 65 not a message, 75 try later
    Deliver(Deliver),
    /// Store the messages of files: .eml files, mbox files, Maildirs, or folders of .eml files
    Read(Read),
    /// List what came, the newest first
    List {
        /// Only what is about no known delivery
        #[arg(long)]
        unmatched: bool,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show what a message is, and what it says of a delivery
    Show {
        /// Its id
        #[arg(value_parser = id)]
        id: Uuid,
        /// Print the message as it came; with `--json` as base64
        #[arg(long)]
        message: bool,
    },
}

/// Store one message from standard input.
#[derive(Debug, Args)]
pub struct Deliver {
    /// The envelope recipient, such as `${original_recipient}` of Postfix
    #[arg(long, value_name = "ADDRESS", value_parser = said, allow_hyphen_values = true)]
    recipient: Option<String>,
    /// The envelope sender, such as `${sender}` of Postfix; empty for a report
    #[arg(long, value_name = "ADDRESS", allow_hyphen_values = true)]
    sender: Option<String>,
}

/// Store the messages of files.
#[derive(Debug, Args)]
pub struct Read {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Say what each message is and what it would do; store nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `besked inbound`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    match command {
        Command::Deliver(command) => deliver(command, place).await,
        Command::Read(command) => {
            let app = place.app().await?;
            if !command.dry_run {
                app.inbound.fed_by(&place.actor(&app).await?)?;
            }
            files::read(&command, &app, output).await
        }
        Command::List { unmatched, paging } => {
            let (app, actor) = place.acting().await?;
            let header = ["id", "at", "route", "#size", "state", "kind", "match", "delivery"];
            let fetch = async |page| Ok(app.inbound.list(&actor, unmatched, &page).await?);
            paging.print(output, "inbound", (header, row), fetch).await?;
            Ok(0)
        }
        Command::Show { id, message: true } => {
            let (app, actor) = place.acting().await?;
            let (stored, bytes) = app.inbound.message(&actor, id).await?;
            if output.json {
                let eml = bytes.map(|bytes| data_encoding::BASE64.encode(&bytes));
                output.print(&json!({ "message": stored, "eml": eml }), |_| String::new())?;
            } else {
                print_bytes(&bytes.ok_or_else(|| deleted(&stored))?)?;
            }
            Ok(0)
        }
        Command::Show { id, message: false } => {
            let (app, actor) = place.acting().await?;
            output.print(&app.inbound.show(&actor, id).await?, describe)?;
            Ok(0)
        }
    }
}

/// Why there is nothing to print.
fn deleted(stored: &Stored) -> InboundError {
    match stored.forward {
        Some(forward) if forward.state == State::Forwarded => InboundError::Forwarded { id: stored.id, at: forward.at },
        _ => InboundError::Deleted(stored.id),
    }
}

fn row(stored: &Stored) -> [String; 8] {
    let delivery = stored.delivery_id.map(|id| id.to_string()).unwrap_or_default();
    let (route, disposition) = (stored.route.to_string(), stored.disposition.to_string());
    let kind = stored.kind.map(|kind| kind.to_string()).unwrap_or_default();
    let tie = stored.tie.map(|tie| tie.to_string()).unwrap_or_default();
    [stored.id.to_string(), time(stored.at), route, kilobytes(stored.size), disposition, kind, tie, delivery]
}

fn describe(shown: &Shown) -> String {
    let stored = &shown.message;
    let kind = stored.kind.map_or_else(|| "not read yet".to_owned(), |kind| kind.to_string());
    let mut text = format!("{}: {kind}, {}, {}\n", stored.id, stored.disposition, kilobytes(stored.size));
    text += &format!("came {} by {}\n", time(stored.at), stored.route);
    if let Some(tie) = stored.tie {
        text += &format!("tied to a delivery by {}\n", tie.describe());
    }
    if let Some(delivery) = stored.delivery_id {
        text += &format!("delivery {delivery}\n");
    }
    shown.reports.iter().for_each(|report| text += &format!("{}\n", describe_report(report)));
    text += &stored.forward.map(|forward| replied(&forward)).unwrap_or_default();
    match &shown.sha256 {
        Some(sha256) => text + &format!("SHA-256 {sha256}\n`--message` prints it as it came\n"),
        None => text + "its bytes were deleted\n",
    }
}

/// Stores the message on standard input. Whatever keeps it from being stored now asks the mail server to try again: a mail that is
/// returned is lost to the ledger.
async fn deliver(command: Deliver, place: &Place) -> Result<u8, Failure> {
    let later = |failure: Failure| failure.with_code(TRY_LATER);
    let app = place.app().await.map_err(later)?;
    let mut bytes = Vec::new();
    stdin()
        .lock()
        .take(app.inbound.largest() as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| later(error.into()))?;
    let Deliver { recipient, sender } = command;
    let message = Incoming { route: Route::Pipe, recipient, sender, bytes };
    match app.inbound.deliver(message).await {
        Ok(_) => {
            // It is committed: whatever keeps it from being read now, the dispatcher reads it later. The mail server waits for this
            // process, which does not work off what others left.
            if let Err(error) = app.inbound.work_page(&mut Worked::default()).await {
                tracing::warn!(%error, "the message is stored, and will be read later");
            }
            Ok(0)
        }
        Err(error @ (InboundError::NotAMessage | InboundError::TooLarge(_))) => Err(Failure::new(NOT_A_MESSAGE, error)),
        Err(error) => Err(later(error.into())),
    }
}
