//! `besked ledger`: how the record stands, and what others need to check it.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::Place;
use super::failure::{FAILED, Failure};
use super::output::{Output, count, grouped, print, time};
use super::progress::bar;
use crate::app::App;
use crate::domain::checkpoint::Checkpoint;
use crate::ledger::Standing;
use crate::ledger::audit::{Progress, Verdict};
use crate::ledger::export::export;
use crate::store::tree::Signed;

/// The ledger.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// How the ledger stands; exit 1 where sealing has stopped
    Status,
    /// Seal what waits, and print the signed checkpoint
    Checkpoint,
    /// Print the key that verifies checkpoints and evidence
    Vkey,
    /// Recompute everything from the rows; exit 1 and the first bad entry where something does not fit
    Audit {
        /// A checkpoint that somebody else kept, to hold the ledger against
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Write the log as static files that any tlog-tiles client can read; only what is new
    Export {
        /// The folder
        folder: PathBuf,
    },
    /// Let sealing go on after it stopped
    Continue {
        /// Why it may go on: it is recorded in the ledger
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// Runs `besked ledger`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let app = place.app().await?;
    match command {
        Command::Status => {
            let standing = app.ledger.standing().await?;
            output.print(&standing, describe)?;
            return Ok(if standing.stopped.is_some() { FAILED } else { 0 });
        }
        Command::Checkpoint => print_checkpoint(&app.ledger.checkpoint().await?, output)?,
        Command::Vkey => {
            let key = app.ledger.verifier_key()?.to_string();
            output.print(&json!({ "vkey": key }), |_| format!("{key}\n"))?;
        }
        Command::Audit { checkpoint } => return audit(&app, checkpoint, output).await,
        Command::Export { folder } => {
            let checkpoint = app.ledger.checkpoint().await?;
            let bar = bar(checkpoint.size, "exporting");
            let mut conn = app.store.snapshot().await?;
            let exported = export(&mut conn, &checkpoint, &folder, &|n| bar.set_position(n)).await?;
            bar.finish_and_clear();
            output.print(&exported, |it| {
                format!(
                    "{} holds the log of {}: {} written, {} there already\n",
                    folder.display(),
                    count(it.size, "entry", "entries"),
                    count(it.written, "file", "files"),
                    grouped(it.kept)
                )
            })?;
        }
        Command::Continue { reason } => {
            let signed = app.ledger.resume(&reason, place.actor()?.name()).await?;
            print_checkpoint(&signed, output)?;
            eprintln!("sealing goes on; the reason is recorded in the ledger");
            let erased = app.subjects.exchange(&place.actor()?).await?.erased;
            if erased > 0 {
                eprintln!(
                    "{} since this copy was made, and erased again",
                    count(erased as u64, "person was erased", "persons were erased")
                );
            }
        }
    }
    Ok(0)
}

async fn audit(app: &App, checkpoint: Option<PathBuf>, output: &Output) -> Result<u8, Failure> {
    let kept = match checkpoint {
        Some(path) => Some(kept_checkpoint(app, &path).await?),
        None => None,
    };
    let size = app.ledger.standing().await.map_or(0, |standing| standing.size);
    let bar = bar(size, "auditing");
    let report = app
        .ledger
        .audit(kept.as_ref(), &|progress| match progress {
            Progress::Entries(n, of) => {
                bar.set_length(of);
                bar.set_position(n);
            }
            Progress::Deliveries(n) => bar.set_message(format!("{} deliveries", grouped(n))),
            Progress::Messages(n) => bar.set_message(format!("{} messages", grouped(n))),
        })
        .await?;
    bar.finish_and_clear();
    output.print(&report, |report| match &report.problem {
        Some(problem) => format!("DAMAGED: {problem}\n"),
        None => format!(
            "ok: {}, {}, {} and {} fit together{}\n",
            count(report.entries, "entry", "entries"),
            count(report.deliveries, "delivery", "deliveries"),
            count(report.messages, "message", "messages"),
            count(report.checkpoints, "checkpoint", "checkpoints"),
            if report.signatures { "" } else { "; signatures were not checked: this machine has not the key" }
        ),
    })?;
    Ok(if report.verdict == Verdict::Ok { 0 } else { FAILED })
}

/// A checkpoint that somebody kept: the note itself, or a mail with it, by any key that the ledger had.
async fn kept_checkpoint(app: &App, path: &Path) -> Result<Checkpoint, Failure> {
    let unusable = |problem: String| Failure::invalid(format!("cannot use `{}`: {problem}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?.replace("\r\n", "\n");
    let origin = format!("{}\n", app.config.ledger.origin);
    // In a mail it stands below other words.
    let begins = if text.starts_with(&origin) { Some(0) } else { text.rfind(&format!("\n{origin}")).map(|at| at + 1) };
    let note = format!("{}\n", text[begins.unwrap_or(0)..].trim_end());
    let mut problem = String::new();
    for key in app.ledger.verifier_keys().await? {
        match Checkpoint::open(&note, &key) {
            Ok(checkpoint) => return Ok(checkpoint),
            Err(error) => problem = error.to_string(),
        }
    }
    Err(unusable(problem))
}

fn print_checkpoint(signed: &Signed, output: &Output) -> Result<(), Failure> {
    if output.json {
        return output.print(&json!({ "size": signed.size, "note": signed.note, "at": signed.at }), |_| String::new());
    }
    print(&signed.note)
}

fn describe(standing: &Standing) -> String {
    let mut text = format!("{}, root {}\n", count(standing.size, "entry", "entries"), standing.root);
    if standing.pending > 0 {
        text += &format!("{} to be sealed\n", count(standing.pending, "entry waits", "entries wait"));
    }
    text += &match (standing.last_checkpoint_at, standing.signed) {
        (Some(at), Some(signed)) => format!("last checkpoint {}, of {} entries\n", time(at), grouped(signed)),
        _ => "no checkpoint was signed yet\n".to_owned(),
    };
    if !standing.signs {
        text += "this machine has not the key and does not sign\n";
    }
    if let Some(reason) = &standing.stopped {
        text += &format!(
            "\nsealing has stopped: {reason}\nsending goes on; `besked ledger continue --reason TEXT` lets sealing go on, with the reason on record\n"
        );
    }
    text
}
