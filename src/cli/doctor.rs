//! `besked doctor`: prints what the doctor found.

use std::net::SocketAddr;

use clap::Args;

use super::Place;
use super::args::server;
use super::failure::{FAILED, Failure};
use super::output::{Output, table};
use super::progress::{Patience, step};
use crate::config::Loaded;
use crate::doctor::{Check, Dns, Verdict, examine};

/// Check the configuration, database and keys; sends nothing.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Look up SPF, DKIM, DMARC, MX and PTR for the sender too, and say what to publish
    #[arg(long)]
    dns: bool,
    /// The server to ask instead of this system's, for example one of the domain's own
    #[arg(long, value_name = "ADDRESS:PORT", requires = "dns", value_parser = server)]
    dns_server: Option<SocketAddr>,
}

/// Runs `besked doctor`.
pub async fn doctor(command: Doctor, place: &Place, output: &Output) -> Result<u8, Failure> {
    let Loaded { config, path, .. } = place.load()?;
    let dns = command
        .dns
        .then(|| Dns::new(command.dns_server))
        .transpose()
        .map_err(|problem| Failure::new(FAILED, problem))?;
    let spinner = step();
    let patience = Patience::new(&spinner, "checking the configuration");
    let progress = |what: &str| {
        let what = format!("checking {what}");
        patience.begins(what.clone());
        spinner.set_message(what);
    };
    let checks = patience.beside(examine((&config, &path), dns.as_ref(), &progress)).await;
    spinner.finish_and_clear();
    output.print(&checks, |checks| {
        let rows = checks.iter().map(|it| [it.what.clone(), word(it.verdict).to_owned(), it.detail.clone()]);
        table(["what", "", "detail"], rows) + &records(checks, command.dns)
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
fn records(checks: &[Check], looked_up: bool) -> String {
    let records: String = checks.iter().filter_map(|check| check.record.as_ref()).map(|it| format!("{it}\n")).collect();
    match (records.is_empty(), looked_up) {
        (true, _) => records,
        (false, true) => format!("\npublish in the DNS:\n{records}"),
        (false, false) => format!("\nthe DNS must have (`--dns` looks it up):\n{records}"),
    }
}
