//! `besked inbound read`: the messages of files.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use uuid::Uuid;

use super::Read;
use crate::app::App;
use crate::cli::failure::{Failure, INVALID};
use crate::cli::output::{Output, table};
use crate::domain::inbound::Route;
use crate::domain::report::{Action, MatchKind, MessageKind, Report, Status, Verdict};
use crate::domain::words::{cause, count};
use crate::inbound::mailbox::{Messages, files};
use crate::inbound::tie::Tied;
use crate::inbound::{InboundError, Incoming};

/// What was done with the messages of files.
#[derive(Debug, Default, Serialize)]
struct Stores {
    /// Messages that were stored.
    stored: u64,
    /// Messages that were stored before.
    already: u64,
    /// Stored messages that are recorded with a delivery now.
    recorded: u64,
    /// Stored messages that are about no known delivery.
    unmatched: u64,
    /// Messages that could not be stored, with their file.
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
struct Refused {
    file: PathBuf,
    problem: String,
}

/// What the messages of files are.
#[derive(Debug, Default, Serialize)]
struct Examined {
    messages: Vec<Said>,
    refused: Vec<Refused>,
}

/// What a message is, and what it says. Action, status and verdict are those of its worst report.
#[derive(Debug, Serialize)]
struct Said {
    file: PathBuf,
    kind: MessageKind,
    #[serde(rename = "match")]
    tie: MatchKind,
    delivery: Option<Uuid>,
    recipients: Vec<String>,
    action: Action,
    status: Option<Status>,
    verdict: Verdict,
    reports: Vec<SaidOf>,
    /// Why it was not read, if it is over a bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    excess: Option<String>,
}

/// What a message says of one recipient.
#[derive(Debug, Serialize)]
struct SaidOf {
    recipient: Option<String>,
    original_recipient: Option<String>,
    action: Action,
    status: Option<Status>,
    verdict: Verdict,
}

/// Runs the command.
pub(super) async fn read(command: &Read, app: &App, output: &Output) -> Result<u8, Failure> {
    let mut found = Vec::new();
    for path in &command.paths {
        found.extend(files(path).map_err(|error| unreadable(path, &error))?);
    }
    if command.dry_run { examine(&found, app, output).await } else { store(&found, app, output).await }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::invalid(format!("`{}` cannot be read: {}", path.display(), cause(error)))
}

async fn examine(files: &[PathBuf], app: &App, output: &Output) -> Result<u8, Failure> {
    let mut examined = Examined::default();
    for file in files {
        for bytes in Messages::open(file, app.inbound.largest()).map_err(|error| unreadable(file, &error))? {
            let bytes = bytes.map_err(|error| unreadable(file, &error))?;
            match app.inbound.examine(bytes, None).await {
                Ok(tied) => examined.messages.push(Said::of(file, tied)),
                Err(error @ (InboundError::NotAMessage | InboundError::TooLarge(_))) => {
                    examined.refused.push(Refused { file: file.clone(), problem: error.to_string() });
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    output.print(&examined, |examined| {
        let refused: String = examined.refused.iter().map(describe).collect();
        let header = ["file", "kind", "match", "delivery", "recipients", "action", "status", "verdict"];
        refused + &table(header, examined.messages.iter().map(Said::row))
    })?;
    Ok(if examined.refused.is_empty() { 0 } else { INVALID })
}

impl Said {
    fn of(file: &Path, tied: Tied) -> Self {
        let message = tied.message;
        let (action, verdict) = (message.action(), message.verdict());
        let status = message.worst().and_then(|report| report.status);
        let recipients = message.reports.iter().filter_map(|report| report.recipient.clone()).collect();
        Self {
            file: file.to_owned(),
            kind: message.kind,
            tie: tied.tie.kind,
            delivery: tied.tie.delivery,
            recipients,
            action,
            status,
            verdict,
            reports: message.reports.into_iter().map(SaidOf::from).collect(),
            excess: message.excess.map(|excess| excess.to_string()),
        }
    }

    fn row(&self) -> [String; 8] {
        let file = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let delivery = self.delivery.map(|id| id.to_string()).unwrap_or_default();
        let status = self.status.map(|status| status.to_string()).unwrap_or_default();
        let (kind, tie) = (self.kind.to_string(), self.tie.to_string());
        let (action, verdict) = (self.action.to_string(), self.verdict.to_string());
        [file, kind, tie, delivery, self.recipients.join(" "), action, status, verdict]
    }
}

impl From<Report> for SaidOf {
    fn from(report: Report) -> Self {
        Self {
            recipient: report.recipient,
            original_recipient: report.original_recipient,
            action: report.action,
            status: report.status,
            verdict: report.verdict,
        }
    }
}

async fn store(files: &[PathBuf], app: &App, output: &Output) -> Result<u8, Failure> {
    let mut stores = Stores::default();
    for file in files {
        store_file(file, app, &mut stores).await?;
    }
    let worked = app.inbound.work_once().await?;
    (stores.recorded, stores.unmatched) = (worked.recorded, worked.unmatched);
    output.print(&stores, |stores| {
        let already = match stores.already {
            0 => String::new(),
            already => format!(", {} stored before", count(already, "message", "messages")),
        };
        let refused: String = stores.refused.iter().map(describe).collect();
        let matched =
            format!("{} recorded with their deliveries, {} about no known delivery", stores.recorded, stores.unmatched);
        format!("{refused}{} stored{already}: {matched}\n", count(stores.stored, "message", "messages"))
    })?;
    Ok(if stores.refused.is_empty() { 0 } else { INVALID })
}

fn describe(refused: &Refused) -> String {
    format!("{}: {}\n", refused.file.display(), refused.problem)
}

async fn store_file(file: &Path, app: &App, stores: &mut Stores) -> Result<(), Failure> {
    for bytes in Messages::open(file, app.inbound.largest()).map_err(|error| unreadable(file, &error))? {
        let bytes = bytes.map_err(|error| unreadable(file, &error))?;
        let message = Incoming { route: Route::File, recipient: None, sender: None, bytes };
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
