//! `besked doctor`: prints what the doctor found.

use super::Place;
use super::failure::{FAILED, Failure};
use super::output::{Output, table};
use super::progress::step;
use crate::doctor::{Check, Verdict, examine};

/// Runs `besked doctor`.
pub async fn doctor(place: &Place, output: &Output) -> Result<u8, Failure> {
    let config = place.load()?.config;
    let spinner = step();
    let checks = examine(&config, &|what| spinner.set_message(format!("checking {what}"))).await;
    spinner.finish_and_clear();
    output.print(&checks, |checks| {
        let rows = checks.iter().map(|it| [it.what.clone(), word(it.verdict).to_owned(), it.detail.clone()]);
        table(["what", "", "detail"], rows) + &records(checks)
    })?;
    Ok(if checks.iter().any(|check| check.verdict == Verdict::Failed) { FAILED } else { 0 })
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::Failed => "FAILED",
    }
}

/// The DNS records to publish, if there are any: whole lines, to be copied.
fn records(checks: &[Check]) -> String {
    let records: String = checks.iter().filter_map(|check| check.record.as_ref()).map(|it| format!("{it}\n")).collect();
    if records.is_empty() { records } else { format!("\nthe DNS must have (not looked up):\n{records}") }
}
