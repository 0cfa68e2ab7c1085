//! `besked deliveries uncertain`: deliveries in doubt, for the operator who decides about them.

use std::io::{IsTerminal as _, Write as _};

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use crate::app::App;
use crate::cli::failure::{FAILED, Failure};
use crate::cli::output::{Output, count, table, time};
use crate::deliveries::reports::{Finding, settle};
use crate::deliveries::uncertain::resend;
use crate::domain::actor::Actor;
use crate::domain::problem::is_line;
use crate::people::mask::Mask;
use crate::store::uncertain::{self, Doubt};

/// Deliveries of which nobody knows whether a server took them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List them
    List {
        /// Only of this notice: id or reference
        #[arg(long)]
        notice: Option<String>,
    },
    /// Send again: whoever has the first one already gets it twice
    Resend {
        /// Ids of the deliveries
        #[arg(required = true, value_name = "ID")]
        ids: Vec<Uuid>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Record what was found out, for example in the relay's log
    #[command(group = clap::ArgGroup::new("finding").required(true).args(["accepted", "rejected"]))]
    Settle {
        /// Id of the delivery
        id: Uuid,
        /// The server took it
        #[arg(long)]
        accepted: bool,
        /// The server did not take it
        #[arg(long)]
        rejected: bool,
        /// Where that shows
        #[arg(long, value_name = "WORDS")]
        text: String,
        /// Who found it out
        #[arg(long, value_name = "WHO")]
        by: String,
    },
}

/// Runs the command.
pub async fn run(command: Command, app: &App, actor: &Actor, output: &Output) -> Result<u8, Failure> {
    match command {
        Command::List { notice } => list(app, notice, output).await,
        Command::Resend { ids, yes } => {
            if !yes && !confirmed(ids.len())? {
                return Err(Failure::new(FAILED, "nothing is sent again"));
            }
            resend(&app.store, &app.clock, &app.random, &ids, actor.name()).await?;
            output.print(&json!({ "resent": ids }), |_| {
                let put_back = count(ids.len() as u64, "delivery", "deliveries");
                format!("{put_back} put back into the queue; `besked serve` or `besked dispatch` sends\n")
            })?;
            Ok(0)
        }
        Command::Settle { id, accepted, text, by, .. } => {
            for (name, text) in [("--text", &text), ("--by", &by)] {
                if !is_line(text) || text.len() > 1000 {
                    return Err(Failure::invalid(format!("`{name}` must be one line of at most 1000 bytes")));
                }
            }
            let finding = Finding { text: &text, by: &by };
            let state = settle(&app.store, &app.clock, &app.random, id, accepted, &finding).await?;
            output.print(&json!({ "id": id, "state": state }), |_| format!("recorded: {}\n", state.told(true)))?;
            Ok(0)
        }
    }
}

async fn list(app: &App, notice: Option<String>, output: &Output) -> Result<u8, Failure> {
    let notice = match notice {
        Some(named) => Some(app.notices.named(&named).await?.id),
        None => None,
    };
    let mut conn = app.store.snapshot().await?;
    let mask = Mask::load(&mut conn).await?;
    let mut doubts: Vec<Doubt> = Vec::new();
    loop {
        let after = doubts.last().map(|last| (last.notice, last.id));
        let page = uncertain::list(&mut conn, notice, after, 1000).await?;
        if page.is_empty() {
            break;
        }
        doubts.extend(page);
    }
    for doubt in &mut doubts {
        doubt.reply = doubt.reply.as_ref().map(|reply| mask.text(&doubt.email, reply));
        doubt.email = mask.address(&doubt.email);
    }
    output.print(&json!({ "uncertain": doubts }), |_| {
        let rows = doubts.iter().map(|it| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let again = it.again_at.map_or_else(|| "waits for you".to_owned(), time);
            let who = (it.account_id.clone(), it.email.clone());
            [
                it.id.to_string(),
                it.notice.to_string(),
                who.0,
                who.1,
                time(it.at),
                text(&it.relay),
                again,
                text(&it.reply),
            ]
        });
        table(["id", "notice", "account", "email", "since", "relay", "sent again", "reply"], rows)
    })?;
    Ok(0)
}

/// Asks at a terminal; a program says `--yes`, as it has nobody to ask.
fn confirmed(deliveries: usize) -> Result<bool, Failure> {
    let what = count(deliveries as u64, "delivery", "deliveries");
    let warning = "whoever has the message already gets it twice";
    if !std::io::stdin().is_terminal() {
        return Err(
            Failure::invalid(format!("{what} to be sent again: {warning}")).hint("say that it is meant so: `--yes`")
        );
    }
    eprint!("send {what} again? {warning} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
