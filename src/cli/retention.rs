//! `besked retention`: deletes what is not needed any more.

use clap::Subcommand;
use serde_json::json;

use super::Place;
use super::failure::Failure;
use super::output::{Output, count, table, time};
use crate::people::retention::Report;

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
    let (app, actor) = place.acting().await?;
    let report = app.retention.run(&actor, dry_run).await?;
    let persons: u64 = report.notices.iter().map(|notice| notice.persons).sum();
    let answer = json!({ "dry_run": dry_run, "persons": persons, "notices": report.notices, "records": report.records, "held": report.held });
    output.print(&answer, |_| describe(&report, persons, dry_run))?;
    if let Some(error) = &report.unscrubbed {
        eprintln!("warning: what was deleted may still be in the file, which could not be rewritten: {error}");
        eprintln!("\nhint: the dispatcher does it at night, or this command if you repeat it");
    }
    Ok(0)
}

fn describe(report: &Report, persons: u64, dry_run: bool) -> String {
    let mut text = format!(
        "{} {} from the record of {}\n\n",
        if dry_run { "would delete" } else { "deleted" },
        count(persons, "person", "persons"),
        count(report.notices.len() as u64, "notice", "notices")
    );
    if !report.notices.is_empty() {
        let rows = report.notices.iter().map(|it| {
            [
                it.notice_id.to_string(),
                it.category.to_string(),
                it.reference.clone().unwrap_or_default(),
                time(it.released_at),
                it.expired_at.map_or_else(|| "with each contract".to_owned(), time),
                it.persons.to_string(),
                it.held.to_string(),
            ]
        });
        let columns = ["notice", "category", "reference", "released", "expired", "#persons", "#that stay"];
        text += &table(columns, rows);
        text.push('\n');
    }
    let held = |kind| report.held.get(kind).copied().unwrap_or_default();
    let rows = report.records.iter().map(|(kind, count)| [kind.to_string(), count.to_string(), held(kind).to_string()]);
    text += &table(["records", if dry_run { "#to delete" } else { "#deleted" }, "#that stay"], rows);
    for notice in report.notices.iter().filter(|notice| notice.uncertain > 0) {
        text += &format!(
            "\n{} of {} may have been sent, and stay uncertain until an operator decides: `besked deliveries uncertain list --notice {}`\n",
            count(notice.uncertain, "delivery", "deliveries"),
            notice.reference.clone().unwrap_or_else(|| notice.notice_id.to_string()),
            notice.notice_id
        );
    }
    if report.notices.iter().any(|notice| notice.held > 0) || !report.held.is_empty() {
        text += "\nwhat stays is under a legal hold, or its contract still counts: `besked hold list` shows the holds and why\n";
    }
    text
}
