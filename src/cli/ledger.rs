//! `besked ledger`: how the record stands, and what others need to check it.

use clap::Subcommand;
use serde_json::json;

use super::failure::{FAILED, Failure};
use super::output::{Output, count, grouped, print, time};
use super::{Place, operator};
use crate::ledger::Standing;
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
    /// Let sealing go on after it stopped
    Continue {
        /// Why it may go on: it is recorded in the ledger
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Who you are
        #[arg(long = "as", value_name = "OPERATOR")]
        operator: Option<String>,
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
        Command::Continue { reason, operator: named } => {
            let signed = app.ledger.resume(&reason, &operator(named)).await?;
            print_checkpoint(&signed, output)?;
            eprintln!("sealing goes on; the reason is recorded in the ledger");
        }
    }
    Ok(0)
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
