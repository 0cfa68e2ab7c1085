//! `besked deliveries uncertain`: deliveries whose outcome is unknown, for the operator who decides about them.

use clap::Subcommand;
use serde_json::{Map, json};
use uuid::Uuid;

use super::resend;
use crate::app::App;
use crate::cli::args::{id, said};
use crate::cli::failure::Failure;
use crate::cli::named;
use crate::cli::output::{JsonList, Output, count, print, time};
use crate::cli::pages::Paging;
use crate::deliveries::{Doubt, Finding};
use crate::domain::actor::Actor;
use crate::domain::page::PageRequest;

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
    #[command(group = clap::ArgGroup::new("which").required(true).args(["ids", "notice"]))]
    Resend {
        /// Ids of the deliveries
        #[arg(value_name = "ID", value_parser = id)]
        ids: Vec<Uuid>,
        /// All of this notice: id or reference
        #[arg(long, value_parser = said, allow_hyphen_values = true)]
        notice: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Record what was found out, for example in the relay's log
    #[command(group = clap::ArgGroup::new("finding").required(true).args(["accepted", "rejected"]))]
    #[command(group = clap::ArgGroup::new("which").required(true).args(["id", "notice"]))]
    Settle {
        /// Id of the delivery
        #[arg(value_parser = id)]
        id: Option<Uuid>,
        /// All of this notice: id or reference
        #[arg(long, value_parser = said, allow_hyphen_values = true)]
        notice: Option<String>,
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
        /// Do not ask before all of a notice are settled
        #[arg(long)]
        yes: bool,
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
        Command::Resend { notice: Some(notice), yes, .. } => {
            resend::resend_uncertain(app, actor, &notice, yes, output).await
        }
        Command::Resend { ids, yes, .. } => resend::resend(app, actor, &ids, yes, output).await,
        Command::Settle { id, notice, accepted, text, by, yes, .. } => {
            let finding = Finding { accepted, text: &text, by: &by };
            if let Some(notice) = notice {
                return settle_all(app, actor, (&notice, &finding), yes, output).await;
            }
            // One of both is there.
            let recorded = app.deliveries.settle(actor, id.unwrap_or_default(), &finding).await?;
            output.print(&recorded, |it| format!("recorded: {}\n", it.state.describe_at(it.level)))?;
            Ok(0)
        }
    }
}

/// Settles all uncertain deliveries of a notice.
async fn settle_all(
    app: &App,
    actor: &Actor,
    (notice, finding): (&str, &Finding<'_>),
    yes: bool,
    output: &Output,
) -> Result<u8, Failure> {
    let notice = named::read(app, actor, notice).await?;
    let doubts = app.deliveries.doubts(actor, &notice).await?;
    if doubts > 0 && !yes {
        let what = count(doubts, "uncertain delivery", "uncertain deliveries");
        let how = if finding.accepted { "accepted by the mail server" } else { "not accepted by the mail server" };
        let said = format!("this records {what} as {how}, for good");
        resend::ask(&said, &format!("record {what} as {how}, for good?"), "nothing is recorded")?;
    }
    let (mut list, opening) = JsonList::open(&Map::new(), "settled");
    let (mut settled, mut skipped) = (0, Vec::new());
    let mut after = None;
    loop {
        let request = PageRequest { after: after.take(), limit: resend::AT_ONCE };
        let page = app.deliveries.settle_uncertain(actor, &notice, finding, &request).await?;
        if output.json {
            // Nothing before the first page: an error is no half of a document.
            if settled == 0 && skipped.is_empty() && request.after.is_none() {
                print(&opening)?;
            }
            print(&list.add(&page.settled)?)?;
        }
        settled += page.settled.len() as u64;
        skipped.extend(page.skipped);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if output.json {
        print(&list.close(&Map::from_iter([("skipped".to_owned(), json!(skipped))])))?;
        return Ok(0);
    }
    resend::warn_of(&skipped);
    let how = if finding.accepted { "accepted" } else { "rejected" };
    print(&match settled {
        0 => "no delivery of the notice is uncertain\n".to_owned(),
        n => format!("{} recorded as {how}\n", count(n, "delivery", "deliveries")),
    })?;
    Ok(0)
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
