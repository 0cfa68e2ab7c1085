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
    /// Stored messages whose deliveries are not finished: they are recorded then.
    waiting: u64,
    /// Files and folders that are no mail by their names.
    passed_over: u64,
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
    /// Files and folders that are no mail by their names.
    passed_over: u64,
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

/// What is wrong with a folder without mail.
const NO_MAIL: &str = "there is no mail in this folder: it is no Maildir, and no file in it ends in `.eml`";

/// Messages that are stored together.
const AT_ONCE: usize = 50;

/// Bytes that are stored together.
const BYTES_AT_ONCE: usize = 8_000_000;

/// Files to read, with what is wrong with the rest.
#[derive(Debug, Default)]
struct Paths {
    files: Vec<PathBuf>,
    passed_over: u64,
    refused: Vec<Refused>,
}

/// Runs the command.
pub(super) async fn read(command: &Read, app: &App, output: &Output) -> Result<u8, Failure> {
    let mut paths = Paths::default();
    let mut wrong = Vec::new();
    for path in &command.paths {
        match files(path) {
            Ok(found) => {
                paths.files.extend(found.files);
                paths.passed_over += found.passed_over;
                if found.has_none {
                    paths.refused.push(Refused { file: path.clone(), problem: NO_MAIL.to_owned() });
                }
            }
            Err(error) => wrong.push(format!("`{}` cannot be read: {}", path.display(), cause(&error))),
        }
    }
    if !wrong.is_empty() {
        return Err(Failure::invalid(wrong.join("\n")));
    }
    if command.dry_run { examine(paths, app, output).await } else { store(paths, app, output).await }
}

fn unreadable(path: &Path, error: &io::Error) -> Refused {
    Refused { file: path.to_owned(), problem: format!("cannot be read: {}", cause(error)) }
}

/// The messages of a file; what cannot be read is added to the refused ones.
fn messages<'a>(file: &'a Path, app: &App, refused: &'a mut Vec<Refused>) -> impl Iterator<Item = Vec<u8>> {
    let opened = Messages::open(file, app.inbound.largest());
    let opened = opened.map_err(|error| refused.push(unreadable(file, &error))).ok();
    opened.into_iter().flatten().filter_map(|bytes| bytes.map_err(|error| refused.push(unreadable(file, &error))).ok())
}

async fn examine(paths: Paths, app: &App, output: &Output) -> Result<u8, Failure> {
    let Paths { files, passed_over, refused } = paths;
    let mut examined = Examined { passed_over, refused, ..Examined::default() };
    for file in &files {
        let mut refused = Vec::new();
        for bytes in messages(file, app, &mut refused) {
            match app.inbound.examine(bytes, None).await {
                Ok(tied) => examined.messages.push(Said::of(file, tied)),
                Err(error @ (InboundError::NotAMessage | InboundError::TooLarge(_))) => {
                    examined.refused.push(Refused { file: file.clone(), problem: error.to_string() });
                }
                Err(error) => return Err(error.into()),
            }
        }
        examined.refused.append(&mut refused);
    }
    output.print(&examined, |examined| {
        let refused: String = examined.refused.iter().map(describe).collect();
        let header = ["file", "kind", "match", "delivery", "recipients", "action", "status", "verdict"];
        refused + &table(header, examined.messages.iter().map(Said::row)) + &describe_passed_over(examined.passed_over)
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

async fn store(paths: Paths, app: &App, output: &Output) -> Result<u8, Failure> {
    let Paths { files, passed_over, refused } = paths;
    let mut stores = Stores { passed_over, refused, ..Stores::default() };
    for file in &files {
        store_file(file, app, &mut stores).await?;
    }
    let worked = app.inbound.work_once().await?;
    (stores.recorded, stores.unmatched, stores.waiting) = (worked.recorded, worked.unmatched, worked.waiting);
    output.print(&stores, |stores| {
        let already = match stores.already {
            0 => String::new(),
            already => format!(", {} stored before", count(already, "message", "messages")),
        };
        let waiting = match stores.waiting {
            0 => String::new(),
            waiting => format!(", {waiting} to be recorded once their deliveries are finished"),
        };
        let refused: String = stores.refused.iter().map(describe).collect();
        let matched =
            format!("{} recorded with their deliveries, {} about no known delivery", stores.recorded, stores.unmatched);
        let stored = count(stores.stored, "message", "messages");
        let passed_over = describe_passed_over(stores.passed_over);
        format!("{refused}{stored} stored{already}: {matched}{waiting}\n{passed_over}")
    })?;
    Ok(if stores.refused.is_empty() { 0 } else { INVALID })
}

fn describe(refused: &Refused) -> String {
    format!("`{}`: {}\n", refused.file.display(), refused.problem)
}

fn describe_passed_over(passed_over: u64) -> String {
    match passed_over {
        0 => String::new(),
        some => format!("{} passed over: only `.eml` files of a folder are read\n", count(some, "entry", "entries")),
    }
}

async fn store_file(file: &Path, app: &App, stores: &mut Stores) -> Result<(), Failure> {
    let mut refused = Vec::new();
    let mut found = messages(file, app, &mut refused).peekable();
    while found.peek().is_some() {
        let (mut together, mut size) = (Vec::new(), 0);
        while together.len() < AT_ONCE
            && size < BYTES_AT_ONCE
            && let Some(bytes) = found.next()
        {
            size += bytes.len();
            together.push(Incoming { route: Route::File, recipient: None, sender: None, bytes });
        }
        for taken in app.inbound.deliver_all(together).await? {
            match taken {
                Ok(taken) if taken.already => stores.already += 1,
                Ok(_) => stores.stored += 1,
                Err(error) => stores.refused.push(Refused { file: file.to_owned(), problem: error.to_string() }),
            }
        }
    }
    drop(found);
    stores.refused.append(&mut refused);
    Ok(())
}
