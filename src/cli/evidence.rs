//! `besked evidence` and `besked verify`: proof that leaves the house, and the check of it that needs no house.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::Place;
use super::failure::{FAILED, Failure};
use super::file::{create_private, unusable, write_private};
use super::output::{Output, count, time};
use super::progress::spinner;
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::delivery::Level;
use crate::domain::entry::Event;
use crate::domain::evidence::{self as format, Evidence};
use crate::domain::note::VerifierKey;
use crate::ledger::evidence::{Contents, Wanted, export};
use crate::ledger::report::{self, Report, Words};
use crate::store::notices::Kept;
use crate::store::{Conn, customers, subjects};

/// Evidence.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write what the ledger proves of a notice
    Export {
        /// Id or reference
        #[arg(long, value_name = "N")]
        notice: String,
        /// For this customer only: nobody else is named in the file
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        /// Where to write the evidence
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Where to write a report for people, with the evidence in it (PDF/A-3)
        #[arg(long, value_name = "FILE")]
        pdf: Option<PathBuf>,
        /// With the exact bytes that were sent
        #[arg(long)]
        with_message: bool,
    },
}

/// Check an evidence file.
#[derive(Debug, Args)]
pub struct Verify {
    /// The evidence
    file: PathBuf,
    /// The ledger's verifier key (as `besked ledger vkey` prints it), or a file with it
    #[arg(long, value_name = "VKEY-OR-FILE")]
    key: String,
}

/// Runs `besked evidence`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let Command::Export { notice, account, output: path, pdf, with_message } = command;
    let app = place.app().await?;
    let notice = app.notices.named(&notice).await?;
    note_reads(&app, &place.actor()?, &notice, account.as_deref()).await?;
    let contents = write(&app, &notice, account.as_deref(), with_message, (&path, pdf.as_deref())).await?;
    tell(&contents, &path, pdf.as_deref(), output)?;
    Ok(0)
}

/// Evidence names people: of those whose data is restricted, that it was made is noted.
async fn note_reads(app: &App, operator: &Actor, notice: &Kept, account: Option<&str>) -> Result<(), Failure> {
    let restricted = subjects::restricted(&mut *app.store.read().await?).await?;
    for key in restricted {
        let deliveries = subjects::deliveries(&mut *app.store.read().await?, &key).await?;
        let named = |account_id: &str| account.is_none_or(|account| account == account_id);
        if deliveries.iter().any(|it| it.notice_id == notice.id && named(&it.account_id)) {
            app.subjects.note_read(operator, &key, "evidence export").await?;
        }
    }
    Ok(())
}

/// Writes evidence of a notice, and a report of it where that is wanted.
pub async fn write(
    app: &App,
    notice: &Kept,
    account: Option<&str>,
    with_messages: bool,
    (path, pdf): (&Path, Option<&Path>),
) -> Result<Contents, Failure> {
    let checkpoint = app.ledger.checkpoint().await?;
    let wanted = Wanted { notice_id: notice.id, account_id: account, address: None, with_messages };
    let progress = spinner("proving entries");
    let counting = progress.clone();
    let mut file = create_private(path)?;
    let mut conn = app.store.snapshot().await?;
    let made = export(&mut conn, &checkpoint, &wanted, &mut file, &|n| counting.set_position(n)).await;
    progress.finish_and_clear();
    let contents = made?;
    file.finish()?;
    if let Some(pdf) = pdf {
        write_report(app, &mut conn, notice, account, path, pdf).await?;
    }
    Ok(contents)
}

/// Writes the report of an evidence file, from what the file proves.
async fn write_report(
    app: &App,
    conn: &mut Conn,
    notice: &Kept,
    account: Option<&str>,
    path: &Path,
    pdf: &Path,
) -> Result<(), Failure> {
    let key = app.ledger.verifier_key()?;
    let file = std::fs::read(path).map_err(|error| unusable("read", path, &error))?;
    let evidence = format::verify(file.as_slice(), &key)
        .map_err(|error| Failure::new(FAILED, format!("the evidence just written does not hold: {error}")))?;
    let customer = match account {
        Some(account) => customers::find(conn, account).await?,
        None => None,
    };
    let words = Words::of(conn, notice, account).await?;
    let file_name = path.file_name().map_or_else(|| "evidence.json".into(), |name| name.to_string_lossy());
    let report = Report {
        organisation: &app.config.organisation,
        made_at: app.clock.now(),
        notice,
        account,
        customer_name: customer.as_ref().map(|customer| customer.name.as_str()),
        words: &words,
        evidence: &evidence,
        file_name: &file_name,
        file: &file,
        verifier_key: &key.to_string(),
    };
    write_private(pdf, &report::pdf(&report)?)
}

fn tell(contents: &Contents, path: &Path, pdf: Option<&Path>, output: &Output) -> Result<(), Failure> {
    let document = json!({ "file": path, "pdf": pdf, "contents": contents });
    output.print(&document, |_| {
        let mut text = format!(
            "wrote {} with {}, {}, {}\n",
            path.display(),
            count(contents.entries, "entry", "entries"),
            count(contents.recipients, "recipient", "recipients"),
            count(contents.messages, "message", "messages")
        );
        if let Some(pdf) = pdf {
            text += &format!("wrote {}\n", pdf.display());
        }
        if contents.unsealed > 0 {
            text += &format!(
                "{} not covered by a checkpoint yet and thus missing\n",
                count(contents.unsealed, "entry is", "entries are")
            );
        }
        text
    })
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
            text += &format!("recipients proved to be in the manifest: {} of {all}\n", self.recipients);
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
