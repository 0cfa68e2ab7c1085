//! `besked retention`: deletes what is not needed any more.

use clap::Subcommand;
use serde_json::json;

use super::Place;
use super::failure::Failure;
use super::output::{Output, count, table, time};

/// Retention.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Delete persons whose retention has ended; `serve` and `dispatch` do it hourly
    Run {
        /// Only report what would be deleted
        #[arg(long)]
        dry_run: bool,
    },
}

/// Runs `besked retention`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let Command::Run { dry_run } = command;
    let app = place.app().await?;
    let purged = app.retention.run(&place.actor()?, dry_run).await?;
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
