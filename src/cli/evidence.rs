//! `besked evidence` and `besked verify`: proof for others, and the check of it, which needs neither database nor network.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::Place;
use super::failure::{FAILED, Failure};
use super::file::{create_private, unusable, write_private};
use super::output::{Output, count, grouped, time};
use super::progress::spinner;
use crate::app::App;
use crate::cli::args::said;
use crate::domain::actor::Actor;
use crate::domain::delivery::Level;
use crate::domain::entry::Event;
use crate::domain::evidence::{self as format, Evidence};
use crate::domain::note::VerifierKey;
use crate::evidence::{Choice, Proof, Request, Scope, Written};

/// Evidence.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write what the ledger proves about a notice, or about each notice with a reference
    Export(Export),
}

/// Write evidence.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("choice").required(true).args(["notice", "reference"])))]
pub struct Export {
    /// Id or reference of one notice
    #[arg(long, value_name = "N", value_parser = said)]
    notice: Option<String>,
    /// All released notices with this reference, oldest first; from the second on the file's name gets a number
    #[arg(long, value_name = "R", value_parser = said)]
    reference: Option<String>,
    /// For this customer only: nobody else is named in the file
    #[arg(long, value_name = "ID", conflicts_with = "everyone", value_parser = said)]
    account: Option<String>,
    /// For all customers: every recipient is named in the file
    #[arg(long)]
    everyone: bool,
    /// Where to write the evidence
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Where to write a report for people, with the evidence in it (PDF/A-3)
    #[arg(long, value_name = "FILE")]
    pdf: Option<PathBuf>,
    /// With the exact bytes that were sent
    #[arg(long)]
    with_message: bool,
}

/// Check an evidence file.
#[derive(Debug, Args)]
pub struct Verify {
    /// The evidence
    file: PathBuf,
    /// The ledger's verifier key (as `besked ledger vkey` prints it), or a file with it
    #[arg(long, value_name = "VKEY-OR-FILE", value_parser = said)]
    key: String,
}

/// Files that were written.
#[derive(Serialize)]
struct Exported {
    file: PathBuf,
    pdf: Option<PathBuf>,
    #[serde(flatten)]
    written: Written,
}

/// Runs `besked evidence`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let Command::Export(command) = command;
    let actor = place.actor()?;
    let request = request(&command)?;
    let app = place.app().await?;
    let exported = write(&app, &actor, &request, (&command.output, command.pdf.as_deref())).await?;
    output.print(&json!({ "evidence": exported }), |_| exported.iter().map(describe).collect())?;
    Ok(0)
}

fn request(command: &Export) -> Result<Request, Failure> {
    let notices = match (&command.notice, &command.reference) {
        (Some(notice), _) => Choice::Notice(notice.clone()),
        (None, reference) => Choice::Reference(reference.clone().unwrap_or_default()),
    };
    let scope = match (&command.account, command.everyone) {
        (Some(account), _) => Scope::Customer(account.clone()),
        (None, true) => Scope::Everyone,
        (None, false) => {
            return Err(Failure::invalid("evidence needs the customer that it is for").hint(
                "`--account ID` names the persons of one customer; `--everyone` names every recipient of every customer",
            ));
        }
    };
    Ok(Request { notices, scope, with_messages: command.with_message })
}

/// Writes the evidence that is asked for, and a PDF of each file if wanted.
async fn write(
    app: &App,
    actor: &Actor,
    request: &Request,
    (path, pdf): (&Path, Option<&Path>),
) -> Result<Vec<Exported>, Failure> {
    let mut exported = Vec::new();
    for (number, proof) in (1..).zip(app.evidence.prepare(actor, request).await?) {
        if matches!(request.scope, Scope::Everyone) {
            let recipients = count(proof.recipients(), "recipient", "recipients");
            eprintln!("warning: this file names every recipient of every customer: {recipients}");
        }
        exported.push(write_one(&proof, numbered(path, number), pdf.map(|pdf| numbered(pdf, number))).await?);
    }
    Ok(exported)
}

/// Writes the evidence about one notice for one customer, with the messages, and its PDF.
pub async fn write_for_customer(
    app: &App,
    actor: &Actor,
    (notice, account): (String, &str),
    (path, pdf): (&Path, &Path),
) -> Result<(), Failure> {
    let scope = Scope::Customer(account.to_owned());
    let request = Request { notices: Choice::Notice(notice), scope, with_messages: true };
    write(app, actor, &request, (path, Some(pdf))).await.map(drop)
}

async fn write_one(proof: &Proof, path: PathBuf, pdf: Option<PathBuf>) -> Result<Exported, Failure> {
    let progress = spinner("proving entries");
    let counting = progress.clone();
    let mut file = create_private(&path)?;
    let written = proof.write(&mut file, &|n| counting.set_position(n)).await;
    progress.finish_and_clear();
    let written = written?;
    file.finish()?;
    if let Some(pdf) = &pdf {
        let bytes = std::fs::read(&path).map_err(|error| unusable("read", &path, &error))?;
        let name = path.file_name().map_or_else(|| "evidence.json".into(), |name| name.to_string_lossy());
        write_private(pdf, &proof.pdf(&bytes, &name).await?)?;
    }
    Ok(Exported { file: path, pdf, written })
}

/// The path of a further file of several: `evidence.json`, `evidence-2.json`, ...
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{number}{extension}"))
}

fn describe(exported: &Exported) -> String {
    let contents = &exported.written.contents;
    let mut text = format!(
        "wrote {} with {}, {}, {}\n",
        exported.file.display(),
        count(contents.entries, "entry", "entries"),
        count(contents.recipients, "recipient", "recipients"),
        count(contents.messages, "message", "messages")
    );
    if let Some(pdf) = &exported.pdf {
        text += &format!("wrote {}\n", pdf.display());
    }
    if contents.unsealed > 0 {
        text += &format!(
            "{} not covered by a checkpoint yet and therefore missing\n",
            count(contents.unsealed, "entry is", "entries are")
        );
    }
    text
}

/// What `verify` answers.
#[derive(Serialize)]
struct Answer {
    verdict: &'static str,
    problem: Option<String>,
    entries: Vec<Entry>,
    recipients: u64,
    /// Recipients of the manifest, so that one can see whether the file has all of them.
    recipients_in_manifest: Option<u64>,
    messages: u64,
    checkpoint: Option<Checkpoint>,
}

#[derive(Serialize)]
struct Entry {
    index: u64,
    event: Event,
    level: Option<Level>,
    time: Timestamp,
    proves: String,
    does_not_prove: String,
}

#[derive(Serialize)]
struct Checkpoint {
    origin: String,
    size: u64,
    root: String,
}

/// Runs `besked verify`.
pub fn verify(command: &Verify, output: &Output) -> Result<u8, Failure> {
    let key = key(&command.key)?;
    let file = File::open(&command.file).map_err(|error| unusable("read", &command.file, &error))?;
    let answer = match format::verify(BufReader::with_capacity(1 << 16, file), &key) {
        Ok(evidence) => Answer::valid(evidence),
        Err(problem) => Answer::invalid(problem.to_string()),
    };
    output.print(&answer, Answer::describe)?;
    Ok(if answer.problem.is_none() { 0 } else { FAILED })
}

/// A verifier key, as text or in a file.
fn key(text_or_file: &str) -> Result<VerifierKey, Failure> {
    let wrong = |error| {
        Failure::invalid(format!("`--key` is neither a verifier key nor a file with one: {error}"))
            .hint("`besked ledger vkey` prints it, on the machine that has the ledger")
    };
    if let Ok(key) = VerifierKey::parse(text_or_file.trim()) {
        return Ok(key);
    }
    let mut text = text_or_file.to_owned();
    if let Ok(file) = File::open(text_or_file) {
        text.clear();
        // A key has some hundred bytes, whatever the file has.
        let read = std::io::Read::read_to_string(&mut std::io::Read::take(file, 4096), &mut text);
        read.map_err(|error| unusable("read", Path::new(text_or_file), &error))?;
    }
    VerifierKey::parse(text.trim()).map_err(wrong)
}

impl Answer {
    fn valid(evidence: Evidence) -> Self {
        let entries = evidence.entries.into_iter().map(|it| Entry {
            index: it.index,
            event: it.fact.event,
            level: it.fact.level,
            time: it.fact.at,
            proves: it.claim.proves,
            does_not_prove: it.claim.does_not_prove,
        });
        Self {
            verdict: "valid",
            problem: None,
            entries: entries.collect(),
            recipients: evidence.recipients.len() as u64,
            recipients_in_manifest: evidence.recipients_in_manifest,
            messages: evidence.messages.len() as u64,
            checkpoint: Some(Checkpoint {
                origin: evidence.checkpoint.origin().to_owned(),
                size: evidence.checkpoint.size(),
                root: data_encoding::BASE64.encode(&evidence.checkpoint.root()),
            }),
        }
    }

    fn invalid(problem: String) -> Self {
        Self {
            verdict: "invalid",
            problem: Some(problem),
            entries: Vec::new(),
            recipients: 0,
            recipients_in_manifest: None,
            messages: 0,
            checkpoint: None,
        }
    }

    fn describe(&self) -> String {
        let Some(checkpoint) = &self.checkpoint else {
            return format!("INVALID: {}\n", self.problem.as_deref().unwrap_or("no reason is known"));
        };
        let mut text = format!(
            "VALID: {} in the ledger {}, by its checkpoint of {}\n",
            count(self.entries.len() as u64, "entry is", "entries are"),
            checkpoint.origin,
            count(checkpoint.size, "entry", "entries"),
        );
        if let Some(all) = self.recipients_in_manifest {
            text +=
                &format!("recipients proved to be in the manifest: {} of {}\n", grouped(self.recipients), grouped(all));
        }
        if self.messages > 0 {
            text += &format!("{} exactly as sent\n", count(self.messages, "message", "messages"));
        }
        for entry in &self.entries {
            let level = entry.level.map(|level| format!(" ({level})")).unwrap_or_default();
            text += &format!("\nentry {}: {}{level}, {}\n", entry.index, entry.event, time(entry.time));
            text += &format!("  proves: {}\n  {}\n", entry.proves, entry.does_not_prove);
        }
        text
    }
}
