//! `besked inbound`: what came back by mail.

use std::io::{Read as _, stdin};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::Place;
use super::failure::{Failure, TRY_LATER};
use super::output::{Output, print_bytes, time};
use super::pages::Paging;
use crate::app::App;
use crate::cli::args::{id, said};
use crate::domain::forward::State;
use crate::domain::inbound::Route;
use crate::domain::words::{count, kilobytes};
use crate::inbound::mailbox::{Messages, files};
use crate::inbound::{InboundError, Incoming, Stored};

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
    /// Print a message as it came; with `--json` what became of it, and the message as base64
    Show {
        /// Its id
        #[arg(value_parser = id)]
        id: Uuid,
    },
}

/// Store one message from standard input.
#[derive(Debug, Args)]
pub struct Deliver {
    /// The envelope recipient, such as `${original_recipient}` of Postfix
    #[arg(long, value_name = "ADDRESS", value_parser = said)]
    recipient: Option<String>,
    /// The envelope sender, such as `${sender}` of Postfix; empty for a report
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,
}

/// Store the messages of files.
#[derive(Debug, Args)]
pub struct Read {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Runs `besked inbound`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    match command {
        Command::Deliver(command) => deliver(command, place).await,
        Command::Read(command) => read(&command, &place.app().await?, output).await,
        Command::List { unmatched, paging } => {
            let (app, actor) = (place.app().await?, place.actor()?);
            let header = ["id", "at", "route", "#size", "state", "delivery"];
            let fetch = async |page| Ok(app.inbound.list(&actor, unmatched, &page).await?);
            paging.print(output, "inbound", (header, row), fetch).await?;
            Ok(0)
        }
        Command::Show { id } => {
            let (app, actor) = (place.app().await?, place.actor()?);
            let (stored, bytes) = app.inbound.show(&actor, id).await?;
            if output.json {
                let eml = bytes.map(|bytes| data_encoding::BASE64.encode(&bytes));
                output.print(&json!({ "message": stored, "eml": eml }), |_| String::new())?;
            } else {
                print_bytes(&bytes.ok_or_else(|| deleted(&stored))?)?;
            }
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

fn row(stored: &Stored) -> [String; 6] {
    let delivery = stored.delivery_id.map(|id| id.to_string()).unwrap_or_default();
    let (route, disposition) = (stored.route.to_string(), stored.disposition.to_string());
    [stored.id.to_string(), time(stored.at), route, kilobytes(stored.size), disposition, delivery]
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
        Ok(_) => Ok(0),
        Err(error @ (InboundError::NotAMessage | InboundError::TooLarge(_))) => Err(Failure::new(NOT_A_MESSAGE, error)),
        Err(error) => Err(later(error.into())),
    }
}

/// What was done with the messages of files.
#[derive(Debug, Default, Serialize)]
struct Stores {
    /// Messages that were stored.
    stored: u64,
    /// Messages that were stored before.
    already: u64,
    /// Messages that could not be stored, with their file.
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
struct Refused {
    file: PathBuf,
    problem: String,
}

async fn read(command: &Read, app: &App, output: &Output) -> Result<u8, Failure> {
    let mut stores = Stores::default();
    for path in &command.paths {
        let unreadable = |error| Failure::invalid(format!("`{}` cannot be read: {error}", path.display()));
        for file in files(path).map_err(unreadable)? {
            read_file(&file, app, &mut stores).await?;
        }
    }
    output.print(&stores, |stores| {
        let already = match stores.already {
            0 => String::new(),
            already => format!(", {} stored before", count(already, "message", "messages")),
        };
        let refused: String =
            stores.refused.iter().map(|it| format!("{}: {}\n", it.file.display(), it.problem)).collect();
        format!("{refused}{} stored{already}\n", count(stores.stored, "message", "messages"))
    })?;
    Ok(if stores.refused.is_empty() { 0 } else { super::failure::INVALID })
}

async fn read_file(file: &Path, app: &App, stores: &mut Stores) -> Result<(), Failure> {
    let messages = Messages::open(file, app.inbound.largest());
    let unreadable = |error: std::io::Error| Failure::invalid(format!("`{}` cannot be read: {error}", file.display()));
    for bytes in messages.map_err(unreadable)? {
        let message = Incoming { route: Route::File, recipient: None, sender: None, bytes: bytes.map_err(unreadable)? };
        match app.inbound.deliver(message).await {
            Ok(taken) if taken.already => stores.already += 1,
            Ok(_) => stores.stored += 1,
            Err(error @ (InboundError::NotAMessage | InboundError::TooLarge(_))) => {
                stores.refused.push(Refused { file: file.to_owned(), problem: error.to_string() });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
