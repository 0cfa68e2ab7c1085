//! `besked deliveries`: single deliveries, attempt by attempt.

mod uncertain;

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::Place;
use super::failure::Failure;
use super::output::{Output, print, table, time};
use crate::domain::address::AddressKey;
use crate::domain::delivery::{Outcome, State};
use crate::domain::problem::is_line;
use crate::people::mask::Mask;
use crate::store::{deliveries, messages, settle};

/// Look at single deliveries.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List a notice's deliveries
    List {
        /// Id or reference of the notice
        notice: String,
        /// Only in this state
        #[arg(long)]
        state: Option<State>,
    },
    /// Show a delivery with its attempts
    Show {
        /// Id of the delivery
        id: Uuid,
        /// Print the message exactly as it was sent
        #[arg(long)]
        message: bool,
    },
    /// Record what came back after a server took a message
    #[command(group = clap::ArgGroup::new("what").required(true).args(["bounced", "delivered"]))]
    Report {
        /// Id of the delivery: it stands in the message as X-Besked-Delivery
        id: Uuid,
        /// It was returned
        #[arg(long)]
        bounced: bool,
        /// It reached its mailbox
        #[arg(long)]
        delivered: bool,
        /// The words of the report
        #[arg(long, value_name = "TEXT")]
        text: String,
    },
    /// Those of which nobody knows whether a server took them
    #[command(subcommand)]
    Uncertain(uncertain::Command),
}

/// Runs the command.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let app = place.app().await?;
    let actor = place.actor()?;
    match command {
        Command::Uncertain(command) => return uncertain::run(command, &app, &actor, output).await,
        Command::List { notice, state } => {
            let notice = app.notices.named(&notice).await?;
            let mut conn = app.store.snapshot().await?;
            let mut all = deliveries::of_notice(&mut conn, notice.id, 0, u32::MAX).await?;
            // A release that was broken off may have left a part of a set, which nobody was promised anything by.
            all.retain(|_| notice.released_at.is_some());
            all.retain(|delivery| state.is_none_or(|state| delivery.state == state));
            let mask = Mask::load(&mut conn).await?;
            for delivery in &mut all {
                delivery.reply = delivery.reply.as_ref().map(|reply| mask.text(&delivery.email, reply));
                delivery.email = mask.address(&delivery.email);
            }
            let document: Vec<_> = all.iter().map(brief).collect();
            output.print(&json!({ "deliveries": document }), |_| {
                let rows = all.iter().map(|it| {
                    let reply = it.reply.clone().unwrap_or_default();
                    [it.id.to_string(), it.account_id.clone(), it.email.clone(), it.state.to_string(), reply]
                });
                table(["id", "account", "email", "state", "reply"], rows)
            })?;
        }
        Command::Show { id, message } => {
            let mut conn = app.store.snapshot().await?;
            let delivery = deliveries::find(&mut conn, id).await?;
            let delivery = delivery.ok_or_else(|| Failure::invalid(format!("there is no delivery `{id}`")))?;
            if let Some(key) = AddressKey::of(&delivery.email) {
                app.subjects.note_read(&actor, &key, "deliveries show").await?;
            }
            if message {
                let bytes = messages::find(&mut conn, id).await?;
                let bytes = bytes.ok_or_else(|| Failure::invalid("nothing was sent for this delivery"))?;
                print(&String::from_utf8_lossy(&bytes))?;
                return Ok(0);
            }
            let attempts = settle::attempts(&mut conn, id).await?;
            let mut document = brief(&delivery);
            document["attempts"] = json!(attempts);
            output.print(&document, |_| {
                let mut text = format!(
                    "{} to {} ({}, customer {})\n{}: {}\n\n",
                    delivery.id,
                    delivery.email,
                    delivery.role,
                    delivery.account_id,
                    delivery.state,
                    delivery.state.told(delivery.found)
                );
                let rows = attempts.iter().map(|it| {
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
                text += &table(["#attempt", "at", "relay", "stage", "outcome", "dsn", "reply"], rows);
                text
            })?;
        }
        Command::Report { id, bounced, text, .. } => {
            if !is_line(&text) || text.len() > 2000 {
                return Err(Failure::invalid("`--text` must be one line of at most 2000 bytes"));
            }
            let outcome = if bounced { Outcome::Bounced } else { Outcome::Delivered };
            let state =
                crate::deliveries::reports::record(&app.store, &app.clock, &app.random, id, outcome, &text).await?;
            output.print(&json!({ "id": id, "state": state }), |_| format!("recorded: {}\n", state.describe()))?;
        }
    }
    Ok(0)
}

fn brief(delivery: &deliveries::Shown) -> serde_json::Value {
    json!({
        "id": delivery.id, "notice": delivery.notice_id, "ordinal": delivery.ordinal, "account_id": delivery.account_id,
        "email": delivery.email, "role": delivery.role, "state": delivery.state,
        "found_by_operator": delivery.found, "level": delivery.level,
        "attempts": delivery.attempts, "reply": delivery.reply, "at": delivery.at,
    })
}
