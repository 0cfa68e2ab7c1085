//! `besked doctor`: prints what the doctor found.

use super::Place;
use super::failure::{FAILED, Failure};
use super::output::{Output, table};
use crate::doctor::{Check, Verdict, examine};

/// Runs `besked doctor`.
pub async fn doctor(place: &Place, output: &Output) -> Result<u8, Failure> {
    let checks = examine(&place.load()?.config).await;
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
