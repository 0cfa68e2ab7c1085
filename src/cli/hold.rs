//! `besked hold`: legal holds, which prevent erasures and purges.

use clap::{ArgGroup, Subcommand};
use uuid::Uuid;

use super::Place;
use super::failure::Failure;
use super::named;
use super::output::{Output, time};
use super::pages::Paging;
use crate::cli::args::{id, said};
use crate::people::holds::{Hold, On, Removed};

/// Legal holds.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Place a hold on a notice or a customer: it is neither erased nor purged
    #[command(group = ArgGroup::new("what").required(true).args(["notice", "account"]))]
    Add {
        /// The notice (id or reference)
        #[arg(long, value_name = "N", value_parser = said, allow_hyphen_values = true)]
        notice: Option<String>,
        /// The customer
        #[arg(long, value_name = "ID", value_parser = said, allow_hyphen_values = true)]
        account: Option<String>,
        /// Why
        #[arg(long, value_name = "TEXT", value_parser = said)]
        reason: String,
    },
    /// List holds
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Lift a hold; the ledger keeps that it existed
    Remove {
        /// Its id
        #[arg(value_parser = id)]
        id: Uuid,
        /// Why
        #[arg(long, value_name = "TEXT", value_parser = said)]
        reason: Option<String>,
    },
}

/// Runs `besked hold`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    match command {
        Command::Add { notice, account, reason } => {
            let notice = match notice {
                Some(name) => Some(named::read(&app, &actor, &name).await?),
                None => None,
            };
            let on = match (&notice, &account) {
                (Some(notice), _) => On::Notice(notice),
                (None, account) => On::Account(account.as_deref().unwrap_or_default()),
            };
            let placed = app.holds.add(&actor, on, &reason).await?;
            output.print(&placed, |placed| format!("{}\n", placed.hold.id))?;
            let hold = &placed.hold;
            if placed.already {
                eprintln!("this hold is in force already, since {}: no second one was placed", time(hold.since));
            }
            eprintln!("nothing under this hold is erased or purged until `besked hold remove {}`", hold.id);
        }
        Command::List { paging } => {
            let header = ["id", "on", "reason", "by", "since"];
            let fetch = async |page| Ok(app.holds.list(&actor, &page).await?);
            paging.print(output, "holds", (header, row), fetch).await?;
        }
        Command::Remove { id, reason } => {
            let hold = app.holds.remove(&actor, id, reason.as_deref()).await?;
            output.print(&Removed { id: hold.id, removed: true }, |_| "lifted\n".to_owned())?;
        }
    }
    Ok(0)
}

fn row(hold: &Hold) -> [String; 5] {
    let notice = hold.notice_id.map(|id| format!("notice {id}"));
    let account = hold.account_id.as_ref().map(|id| format!("customer {id}"));
    let on = notice.or(account).unwrap_or_default();
    [hold.id.to_string(), on, hold.reason.clone(), hold.operator.clone(), time(hold.since)]
}
