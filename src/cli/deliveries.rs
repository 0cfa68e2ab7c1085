//! `besked deliveries`: single deliveries, attempt by attempt.

mod resend;
mod uncertain;

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::Place;
use super::failure::Failure;
use super::named;
use super::output::{Output, print_bytes, table, time};
use super::pages::Paging;
use super::returned::{describe_report, replied};
use crate::app::App;
use crate::cli::args::{id, said};
use crate::cli::preferences::address;
use crate::deliveries::{Delivery, Tried, Wanted};
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::domain::delivery::{Outcome, Reason, State};
use crate::domain::reply::{in_short, is_stated};

/// Look at single deliveries, report on them, send them again.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the deliveries of a notice, to a customer or to an address
    #[command(group = clap::ArgGroup::new("whose").required(true).multiple(true).args(["notice", "account", "email"]))]
    List {
        /// Id or reference of the notice
        #[arg(value_parser = said)]
        notice: Option<String>,
        /// Only those to this customer; the newest first
        #[arg(long, value_name = "ID", value_parser = said, allow_hyphen_values = true)]
        account: Option<String>,
        /// Only those to this address; the newest first
        #[arg(long, value_name = "E", value_parser = address)]
        email: Option<Address>,
        /// Only in this state
        #[arg(long)]
        state: Option<State>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a delivery with its attempts
    Show {
        /// Id of the delivery
        #[arg(value_parser = id)]
        id: Uuid,
        /// Print the message exactly as it was sent; with `--json` as base64
        #[arg(long)]
        message: bool,
    },
    /// Record what an operator found out after a server accepted a message, or withdraw that
    #[command(group = clap::ArgGroup::new("what").required(true).args(["bounced", "delivered", "withdraw"]))]
    Report {
        /// Id of the delivery, as X-Besked-Delivery in the message has it
        #[arg(value_parser = id)]
        id: Uuid,
        /// It was returned
        #[arg(long)]
        bounced: bool,
        /// It reached its mailbox
        #[arg(long)]
        delivered: bool,
        /// The finding was wrong: what was recorded before it counts again
        #[arg(long)]
        withdraw: bool,
        /// The source of the finding, or why it is withdrawn, in one line
        #[arg(long, value_name = "TEXT", value_parser = said)]
        text: String,
    },
    /// Send again what failed of mandatory notices, or is uncertain
    Resend(resend::Resend),
    /// Deliveries whose outcome is unknown
    #[command(subcommand)]
    Uncertain(uncertain::Command),
}

/// Runs the command.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    match command {
        Command::Uncertain(command) => uncertain::run(command, &app, &actor, output).await,
        Command::Resend(command) => resend::run(command, &app, &actor, output).await,
        Command::List { notice, account, email, state, paging } => {
            let header = ["id", "account", "email", "state", "reply"];
            let row = |it: &Delivery<u64>| {
                let unsent = || it.reason.map(|reason| reason.describe().to_owned());
                let reply = it.reply.as_deref().map(|reply| in_short(reply).into_owned());
                let reply = reply.or_else(unsent).unwrap_or_default();
                [it.id.to_string(), it.account_id.clone(), it.email.clone(), it.state.to_string(), reply]
            };
            let notice = match notice {
                Some(name) => Some(named::read(&app, &actor, &name).await?),
                None => None,
            };
            let wanted =
                Wanted { notice: notice.as_deref(), account: account.as_deref(), email: email.as_ref(), state };
            let fetch = async |page| Ok(app.deliveries.list(&actor, &wanted, &page).await?);
            paging.print(output, "deliveries", (header, row), fetch).await?;
            Ok(0)
        }
        Command::Show { id, message: true } => show_message(&app, &actor, id, output).await,
        Command::Show { id, message: false } => {
            output.print(&app.deliveries.show(&actor, id).await?, describe)?;
            Ok(0)
        }
        Command::Report { id, withdraw: true, text, .. } => {
            let recorded = app.deliveries.withdraw(&actor, id, &text).await?;
            output.print(&recorded, |it| format!("withdrawn: it is {} again\n", it.state.describe_at(it.level)))?;
            Ok(0)
        }
        Command::Report { id, bounced, text, .. } => {
            let outcome = if bounced { Outcome::Bounced } else { Outcome::Delivered };
            let recorded = app.deliveries.report(&actor, id, outcome, &text).await?;
            output.print(&recorded, |it| format!("recorded: {}\n", it.state.describe_at(it.level)))?;
            Ok(0)
        }
    }
}

async fn show_message(app: &App, actor: &Actor, id: Uuid, output: &Output) -> Result<u8, Failure> {
    let message = app.deliveries.message(actor, id).await?;
    if output.json {
        let sha256 = data_encoding::HEXLOWER.encode(&message.sha256);
        let eml = data_encoding::BASE64.encode(&message.bytes);
        output.print(&json!({ "id": message.id, "sha256": sha256, "eml": eml }), |_| String::new())?;
    } else {
        print_bytes(&message.bytes)?;
    }
    Ok(0)
}

fn describe(delivery: &Delivery<Vec<Tried>>) -> String {
    let mut text = format!(
        "{} to {} ({}, customer {})\n{}: {}\n",
        delivery.id,
        delivery.email,
        delivery.role,
        delivery.account_id,
        delivery.state,
        delivery.state.describe_as(delivery.level, delivery.reason)
    );
    if let Some(found) = delivery.reply.as_ref().filter(|reply| is_stated(reply)) {
        text += &format!("{}\n", found.replace(char::is_control, " "));
    }
    text += match (delivery.reason, delivery.state) {
        (Some(Reason::NotCarried), _) => {
            "it is larger than a relay accepts, or needs SMTPUTF8 or 8BITMIME: the log says which, `besked doctor` what each relay \
             offers\n"
        }
        (None, State::Queued) if delivery.attempts.is_empty() => {
            "no attempt is recorded: it waits for its time or its turn, or no relay let it begin (`besked relays` shows what they replied)\n"
        }
        _ => "",
    };
    text.extend(delivery.replies.iter().map(replied));
    let rows = delivery.attempts.iter().map(|it| {
        [
            it.attempt.to_string(),
            time(it.at),
            it.relay.clone(),
            it.stage.clone(),
            it.outcome.clone(),
            if it.dsn { "asked" } else { "" }.to_owned(),
            it.reply.clone(),
        ]
    });
    text += "\n";
    text += &table(["#attempt", "at", "relay", "stage", "outcome", "dsn", "reply"], rows);
    delivery.reports.iter().for_each(|report| text += &format!("{}\n", describe_report(report)));
    text
}
