//! `besked deliveries uncertain`: deliveries whose outcome is unknown, for the operator who decides about them.

use clap::Subcommand;
use uuid::Uuid;

use super::resend;
use crate::app::App;
use crate::cli::args::{id, said};
use crate::cli::failure::Failure;
use crate::cli::named;
use crate::cli::output::{Output, time};
use crate::cli::pages::Paging;
use crate::deliveries::{Doubt, Finding};
use crate::domain::actor::Actor;

/// Deliveries whose outcome is unknown.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List them
    List {
        /// Only of this notice: id or reference
        #[arg(long, value_parser = said, allow_hyphen_values = true)]
        notice: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Send again: a recipient who already has the message gets it twice
    Resend {
        /// Ids of the deliveries
        #[arg(required = true, value_name = "ID", value_parser = id)]
        ids: Vec<Uuid>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Record what was found out, for example in the relay's log
    #[command(group = clap::ArgGroup::new("finding").required(true).args(["accepted", "rejected"]))]
    Settle {
        /// Id of the delivery
        #[arg(value_parser = id)]
        id: Uuid,
        /// The server accepted it
        #[arg(long)]
        accepted: bool,
        /// The server did not accept it
        #[arg(long)]
        rejected: bool,
        /// The source of the finding, in one line
        #[arg(long, value_name = "TEXT", value_parser = said)]
        text: String,
        /// Who found it out
        #[arg(long, value_name = "WHO", value_parser = said)]
        by: String,
    },
}

/// Runs the command.
pub async fn run(command: Command, app: &App, actor: &Actor, output: &Output) -> Result<u8, Failure> {
    match command {
        Command::List { notice, paging } => {
            let header = ["id", "notice", "account", "email", "since", "relay", "sent again", "reply"];
            let notice = match notice {
                Some(name) => Some(named::read(app, actor, &name).await?),
                None => None,
            };
            let fetch = async |page| Ok(app.deliveries.uncertain(actor, notice.as_deref(), &page).await?);
            paging.print(output, "uncertain", (header, row), fetch).await?;
            Ok(0)
        }
        Command::Resend { ids, yes } => resend::resend(app, actor, &ids, yes, output).await,
        Command::Settle { id, accepted, text, by, .. } => {
            let finding = Finding { accepted, text: &text, by: &by };
            let recorded = app.deliveries.settle(actor, id, &finding).await?;
            output.print(&recorded, |it| format!("recorded: {}\n", it.state.describe_at(it.level)))?;
            Ok(0)
        }
    }
}

fn row(doubt: &Doubt) -> [String; 8] {
    [
        doubt.id.to_string(),
        doubt.notice.to_string(),
        doubt.account_id.clone(),
        doubt.email.clone(),
        time(doubt.at),
        doubt.relay.clone().unwrap_or_default(),
        doubt.again_at.map_or_else(|| "waits for you".to_owned(), time),
        doubt.reply.clone().unwrap_or_default(),
    ]
}
