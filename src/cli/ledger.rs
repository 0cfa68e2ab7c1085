//! `besked ledger`: its state, its checkpoints and keys, its audit and export.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::Place;
use super::failure::{FAILED, Failure};
use super::file::unusable;
use super::output::{Output, count, grouped, time};
use super::progress::bar;
use crate::cli::args::said;
use crate::deliveries::{DeliveryError, Waiting};
use crate::domain::checkpoint::Checkpoint;
use crate::ledger::audit::{Progress, Verdict};
use crate::ledger::{CheckpointShown, Ledger, Standing};

/// The ledger.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the size, the root and what is unsealed; exit 1 if sealing has stopped
    Status,
    /// Seal all entries, and print the signed checkpoint
    Checkpoint,
    /// Print the key that verifies checkpoints and evidence
    Vkey,
    /// Recompute everything from the rows; if something differs, name the first bad entry and exit 1
    Audit {
        /// A checkpoint that somebody else kept, or the mail with it (.eml): the ledger is compared with it
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Write the log as static files for any tlog-tiles client; writes only what is new
    Export {
        /// The folder
        folder: PathBuf,
    },
    /// Resume sealing after it stopped
    Continue {
        /// Why it may resume: recorded in the ledger
        #[arg(long, value_name = "TEXT", value_parser = said)]
        reason: String,
        /// Send news and surveys that wait: in a restored copy that includes what was sent after the copy was made
        #[arg(long, conflicts_with = "leave_uncertain")]
        resend: bool,
        /// Leave news and surveys that wait uncertain; `besked deliveries uncertain` decides about them
        #[arg(long)]
        leave_uncertain: bool,
    },
}

/// Runs `besked ledger`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    match command {
        Command::Status => {
            let standing = app.ledger.read_by(&actor)?.standing().await?;
            output.print(&standing, describe)?;
            return Ok(if standing.stopped.is_some() { FAILED } else { 0 });
        }
        Command::Checkpoint => {
            let signed = CheckpointShown::from(app.ledger.checkpoint().await?);
            output.print(&signed, |it| it.note.clone())?;
        }
        Command::Vkey => {
            let key = app.ledger.verifier_key()?.to_string();
            output.print(&json!({ "vkey": key }), |_| format!("{key}\n"))?;
        }
        Command::Audit { checkpoint } => return audit(app.ledger.read_by(&actor)?, checkpoint, output).await,
        Command::Export { folder } => {
            let bar = bar(app.ledger.standing().await?.size, "exporting");
            let exported = app.ledger.read_by(&actor)?.export(&folder, &|n| bar.set_position(n)).await?;
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
        Command::Continue { reason, resend, leave_uncertain } => {
            let waiting = match (resend, leave_uncertain) {
                (true, _) => Some(Waiting::Send),
                (_, true) => Some(Waiting::LeaveUncertain),
                _ => None,
            };
            let resumed = match app.deliveries.resume(&actor, &reason, waiting).await {
                Err(DeliveryError::Undecided(waiting)) if std::io::stdin().is_terminal() => {
                    app.deliveries.resume(&actor, &reason, Some(ask(waiting)?)).await?
                }
                resumed => resumed?,
            };
            if resumed.left > 0 {
                let left = count(resumed.left, "delivery", "deliveries");
                eprintln!("{left} left uncertain: see `besked deliveries uncertain list`");
            }
            output.print(&CheckpointShown::from(resumed.signed), |it| it.note.clone())?;
            eprintln!("sealing resumed; the reason is recorded in the ledger");
            let erased = resumed.erased?;
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

/// Asks what becomes of optional mail that a restored copy may send twice.
fn ask(waiting: u64) -> Result<Waiting, Failure> {
    let waiting = count(waiting, "delivery", "deliveries");
    eprint!("{waiting} of news and surveys may have been sent already. Send them? [y: send, u: leave uncertain] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(Waiting::Send),
        "u" | "U" | "uncertain" => Ok(Waiting::LeaveUncertain),
        _ => Err(Failure::new(FAILED, "nothing is decided, and sealing has not resumed")),
    }
}

async fn audit(ledger: &Ledger, checkpoint: Option<PathBuf>, output: &Output) -> Result<u8, Failure> {
    let kept = match checkpoint {
        Some(path) => Some(kept_checkpoint(ledger, &path).await?),
        None => None,
    };
    let size = ledger.standing().await.map_or(0, |standing| standing.size);
    let bar = bar(size, "auditing");
    let report = ledger
        .audit(kept.as_ref(), &|progress| match progress {
            Progress::Pages => bar.set_message("checking the database file"),
            Progress::Entries(n, of) => {
                bar.set_message("");
                bar.set_length(of);
                bar.set_position(n);
            }
            Progress::Deliveries(n) => bar.set_message(count(n, "delivery", "deliveries")),
            Progress::Messages(n) => bar.set_message(count(n, "message", "messages")),
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
            if report.signatures { "" } else { "; signatures were not checked: this machine does not have the key" }
        ),
    })?;
    Ok(if report.verdict == Verdict::Ok { 0 } else { FAILED })
}

/// A checkpoint that somebody kept, from a file.
async fn kept_checkpoint(ledger: &Ledger, path: &Path) -> Result<Checkpoint, Failure> {
    let bytes = std::fs::read(path).map_err(|error| unusable("read", path, &error))?;
    Ok(ledger.kept_checkpoint(&bytes).await?)
}

fn describe(standing: &Standing) -> String {
    let mut text = format!("{}, root {}\n", count(standing.size, "entry", "entries"), standing.root);
    if standing.pending > 0 {
        text += &format!("{} to be sealed\n", count(standing.pending, "entry waits", "entries wait"));
    }
    text += &match (standing.last_checkpoint_at, standing.signed) {
        (Some(at), Some(signed)) => format!("last checkpoint {}, of {}\n", time(at), count(signed, "entry", "entries")),
        _ => "no checkpoint was signed yet\n".to_owned(),
    };
    if let Some(path) = &standing.others_sign {
        let path = path.display();
        text += &format!("other nodes sign: `{path}` is missing here; copy it from one that signs\n");
    } else if !standing.signs {
        text += "this machine does not have the key and does not sign\n";
    }
    if let Some(reason) = &standing.stopped {
        text += &format!(
            "\nsealing has stopped: {reason}\nmandatory notices are sent, news and surveys wait; `besked ledger continue --reason TEXT` resumes sealing and records the reason\n"
        );
    }
    text
}
