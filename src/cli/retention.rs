//! `besked hold` and `besked retention`: what must be kept, and what must go.

use clap::{ArgGroup, Subcommand};
use serde_json::json;
use uuid::Uuid;

use super::Place;
use super::failure::Failure;
use super::output::{Output, count, table, time};
use crate::store::customers;
use crate::store::holds::{self, Hold};

/// Legal holds.
#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    /// Keep a notice or a customer from being erased and purged
    #[command(group = ArgGroup::new("what").required(true).args(["notice", "account"]))]
    Add {
        /// The notice (id or reference)
        #[arg(long, value_name = "N")]
        notice: Option<String>,
        /// The customer
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// List holds
    List,
    /// Lift a hold
    Remove {
        /// Its id
        id: Uuid,
    },
}

/// Runs `besked hold`.
pub async fn hold(command: HoldCommand, place: &Place, output: &Output) -> Result<u8, Failure> {
    let app = place.app().await?;
    match command {
        HoldCommand::Add { notice, account, reason } => {
            if !crate::domain::problem::is_line(&reason) {
                return Err(Failure::invalid("`--reason` must be one line of text"));
            }
            let notice_id = match notice {
                Some(name) => Some(app.notices.named(&name).await?.id),
                None => None,
            };
            if let Some(account) = &account
                && customers::find(&mut *app.store.read().await?, account).await?.is_none()
            {
                return Err(Failure::invalid(format!("there is no customer `{account}`"))
                    .hint("`besked customers list` shows whom you have"));
            }
            let since = app.clock.now();
            let id = app.random.id(since);
            let hold =
                Hold { id, notice_id, account_id: account, reason, operator: place.actor()?.name().to_owned(), since };
            let mut tx = app.store.write().await?;
            holds::insert(&mut tx, &hold).await?;
            tx.commit().await.map_err(anyhow::Error::from)?;
            output.print(&hold, |hold| format!("{}\n", hold.id))?;
            eprintln!("nothing under this hold is erased or purged until `besked hold remove {id}`");
        }
        HoldCommand::List => {
            let list = holds::list(&mut *app.store.read().await?).await?;
            output.print(&json!({ "holds": list }), |_| {
                let rows = list.iter().map(|it| {
                    let notice = it.notice_id.map(|id| format!("notice {id}"));
                    let on = notice.or_else(|| it.account_id.as_ref().map(|id| format!("customer {id}")));
                    [it.id.to_string(), on.unwrap_or_default(), it.reason.clone(), it.operator.clone(), time(it.since)]
                });
                table(["id", "on", "reason", "by", "since"], rows)
            })?;
        }
        HoldCommand::Remove { id } => {
            let mut tx = app.store.write().await?;
            let removed = holds::remove(&mut tx, id).await?;
            tx.commit().await.map_err(anyhow::Error::from)?;
            if !removed {
                return Err(Failure::invalid(format!("there is no hold `{id}`")).hint("`besked hold list` shows them"));
            }
            output.print(&json!({ "id": id, "removed": true }), |_| "lifted\n".to_owned())?;
        }
    }
    Ok(0)
}

/// Retention.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Delete persons from the record of notices whose time is over; `serve` and `dispatch` do it hourly
    Run {
        /// Only tell what would be deleted
        #[arg(long)]
        dry_run: bool,
    },
}

/// Runs `besked retention`.
pub async fn retention(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let Command::Run { dry_run } = command;
    let app = place.app().await?;
    let purged = app.retention.run(dry_run).await?;
    let persons: u64 = purged.iter().map(|notice| notice.persons).sum();
    output.print(&json!({ "dry_run": dry_run, "persons": persons, "notices": purged }), |_| {
        let done = if dry_run { "would delete" } else { "deleted" };
        let mut text = format!(
            "{done} {} from the record of {}\n",
            count(persons, "person", "persons"),
            count(purged.len() as u64, "notice", "notices")
        );
        if !purged.is_empty() {
            let rows = purged.iter().map(|it| {
                [
                    it.notice_id.to_string(),
                    it.category.to_string(),
                    it.reference.clone().unwrap_or_default(),
                    time(it.released_at),
                    time(it.expired_at),
                    it.persons.to_string(),
                    it.held.to_string(),
                ]
            });
            text += "\n";
            text +=
                &table(["notice", "category", "reference", "released", "time over", "#persons", "#under a hold"], rows);
        }
        text
    })?;
    Ok(0)
}
