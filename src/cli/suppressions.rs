//! `besked suppressions`: addresses that are not mailed.

use super::Place;
use super::failure::Failure;
use super::nobody::warn_of_nobody;
use super::output::{Output, time};
use super::pages::Paging;
use super::preferences::address;
use crate::domain::address::Address;
use crate::domain::preference::Reason;
use crate::people::suppressions::{Listed, Suppressed, Unsuppressed};
use clap::Subcommand;

/// Addresses that are not mailed.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List suppressed addresses
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Suppress an address
    Add {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
        /// The reason: dead, complaint or manual
        #[arg(long, value_parser = Reason::parse_addable)]
        reason: Reason,
    },
    /// Lift the suppression of an address
    Remove {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
    },
}

/// Runs the command.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    match command {
        Command::List { paging } => {
            let row = |it: &Listed| [it.email.clone(), it.reason.to_string(), time(it.since)];
            let fetch = async |page| Ok(app.suppressions.list(&actor, &page).await?);
            paging.print(output, "suppressions", (["email", "reason", "since"], row), fetch).await?;
        }
        Command::Add { email, reason } => {
            let added = app.suppressions.add(&actor, &email, reason).await?;
            warn_of_nobody(&app, &actor, &email).await?;
            output.print(&Suppressed { email: email.as_str().to_owned(), reason, added }, |_| {
                format!("{email} is suppressed: {reason}\n")
            })?;
        }
        Command::Remove { email } => {
            let reasons = app.suppressions.remove(&actor, &email).await?;
            let names = reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ");
            let lifted = Unsuppressed { email: email.as_str().to_owned(), removed: reasons.len(), reasons };
            output.print(&lifted, |_| format!("{email} is no longer suppressed; lifted: {names}\n"))?;
        }
    }
    Ok(0)
}
