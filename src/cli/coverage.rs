//! `besked coverage`: who is informed by a notice, customer by customer.

use std::collections::BTreeMap;

use super::Place;
use super::failure::Failure;
use super::informed::describe_stopped;
use super::matters::describe_promise;
use super::named;
use super::output::{Form, JsonList, Output, Rows, count, grouped, print, table, time};
use crate::cli::args::said;
use crate::coverage::{CoverageRow, Covering, Only, Totals};
use crate::domain::clock::Clock;
use crate::domain::placeholder::Text;
use clap::Args;

/// Show who is informed by a notice.
#[derive(Debug, Args)]
pub struct Coverage {
    /// Id or reference
    #[arg(value_parser = said)]
    notice: String,
    /// Only customers that are not informed
    #[arg(long)]
    open: bool,
    /// Only customers that were informed after the deadline
    #[arg(long, conflicts_with = "open")]
    late: bool,
    /// As CSV, one row for each customer
    #[arg(long)]
    csv: bool,
}

/// Prints who is informed: the rows as they are read, then the totals.
pub async fn coverage(command: Coverage, place: &Place, output: &Output) -> Result<u8, Failure> {
    if command.csv && output.json {
        return Err(Failure::invalid("`--csv` and `--json` are two forms of one answer").hint("leave one of them out"));
    }
    let (app, actor) = place.acting().await?;
    let notice = named::read(&app, &actor, &command.notice).await?;
    let covering = app.coverage.coverage(&actor, &notice).await?;
    let only = match (command.open, command.late) {
        (true, _) => Only::Open,
        (_, true) => Only::Late,
        _ => Only::All,
    };
    match (output.json, command.csv) {
        (true, _) => print_json(covering, only).await?,
        (_, true) => print_csv(covering, only).await?,
        _ => print_table(covering, only, &app.context.clock).await?,
    }
    Ok(0)
}

/// Rows whose columns are aligned with each other.
const ALIGNED: usize = 1000;

async fn print_json(mut covering: Covering, only: Only) -> Result<(), Failure> {
    let (mut list, opening) = JsonList::open(&covering.before(), "rows");
    // The first page before anything is printed: an error is no half of a document.
    let mut page = covering.next_of(only).await?;
    print(&opening)?;
    while let Some(rows) = page {
        print(&list.add(&rows)?)?;
        page = covering.next_of(only).await?;
    }
    print(&list.close(&covering.after()))
}

async fn print_csv(mut covering: Covering, only: Only) -> Result<(), Failure> {
    let header = [
        "account_id",
        "customer_name",
        "verdict",
        "addresses",
        "informed_addresses",
        "deliveries",
        "level",
        "informed_since",
        "late",
    ];
    let mut csv = Rows::new(Form::Csv, header);
    while let Some(rows) = covering.next_of(only).await? {
        print(&csv.add(rows.iter().map(|row| {
            [
                row.account_id.clone(),
                row.customer_name.clone(),
                row.verdict.to_string(),
                row.addresses.to_string(),
                row.informed_addresses.to_string(),
                why(row),
                level(row),
                row.informed_since.map(|since| since.to_string()).unwrap_or_default(),
                row.late.to_string(),
            ]
        })))?;
    }
    print(&csv.add([]))
}

async fn print_table(mut covering: Covering, only: Only, clock: &Clock) -> Result<(), Failure> {
    let mut table = Rows::new(Form::Table, ["account", "customer", "verdict", "#addresses", "level", "deliveries"]);
    let mut text = headline(&covering, clock);
    // Those with nobody to address come last, in a page of their own: the columns fit all of a notice that fits in one page.
    let mut rows = covering.next_of(only).await?;
    while let Some(mut page) = rows.take() {
        while page.len() < ALIGNED {
            let Some(more) = covering.next_of(only).await? else { break };
            page.extend(more);
        }
        rows = covering.next_of(only).await?;
        text += &table.add(page.iter().map(|row| {
            [
                row.account_id.clone(),
                row.customer_name.clone(),
                verdict(row),
                format!("{}/{}", row.informed_addresses, row.addresses),
                level(row),
                why(row),
            ]
        }));
        print(&std::mem::take(&mut text))?;
    }
    text += &format!("\n{}", totals(&covering.totals()));
    if covering.escalated > 0 {
        let of = count(covering.escalated, "customer", "customers");
        text += &format!("\ncontacts with other roles were addressed for {of} who had not been informed\n");
    }
    print(&text)
}

/// The notice and its legal clock.
fn headline(covering: &Covering, clock: &Clock) -> String {
    let notice = &covering.notice;
    let mut text = format!("{}: {}\n", notice.category, Text::named(&notice.subject));
    if let Some(released) = notice.released_at {
        text += &format!("released {}\n", time(released));
    }
    if let Some(discovered) = covering.clock.discovered_at {
        text += &match clock.now().duration_since(discovered).as_hours() {
            hours @ 0.. => {
                let hours = count(hours.unsigned_abs(), "hour", "hours");
                format!("discovered {}, {hours} ago\n", time(discovered))
            }
            _ => format!("discovered {}, which is in the future\n", time(discovered)),
        };
    }
    if let Some(deadline) = covering.clock.deadline {
        let passed = if deadline < clock.now() { ", which has passed" } else { "" };
        text += &format!("to be informed by {}{passed}\n", time(deadline));
    }
    for promised in &covering.promises {
        text += &format!("promised: {}\n", describe_promise(promised));
    }
    text += &covering.stopped.as_ref().map(describe_stopped).unwrap_or_default();
    text + "\n"
}

fn totals(totals: &Totals) -> String {
    let mut text = table(
        ["", "#customers", "#share"],
        [
            ("informed", totals.informed),
            ("not decided yet", totals.pending),
            ("not informed", totals.not_informed - totals.cannot_be),
            ("nobody to address", totals.cannot_be),
            ("all", totals.customers),
        ]
        .map(|(name, n)| [name.to_owned(), grouped(n), share(n, totals.customers)]),
    );
    if totals.late > 0 {
        text += &format!("\n{} informed after the deadline\n", count(totals.late, "customer was", "customers were"));
    }
    let undecided = totals.overdue_pending;
    let overdue = [(totals.overdue - undecided, "not informed"), (undecided, "not decided yet")];
    for (number, what) in overdue.into_iter().filter(|(number, _)| *number > 0) {
        text += &format!("\n{} {what}, and past the deadline\n", count(number, "customer", "customers"));
    }
    text
}

fn share(part: u64, whole: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a share to one digit")]
    let percent = if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    format!("{percent:.1} %")
}

fn verdict(row: &CoverageRow) -> String {
    let late = if row.late { ", too late" } else { "" };
    format!("{}{late}", row.verdict.describe())
}

fn level(row: &CoverageRow) -> String {
    row.level.map(|level| level.to_string()).unwrap_or_default()
}

/// How many of a customer's deliveries are in each state.
fn why(row: &CoverageRow) -> String {
    let mut states: BTreeMap<&str, u64> = BTreeMap::new();
    row.deliveries.iter().for_each(|it| *states.entry(it.state.as_str()).or_default() += 1);
    let mut parts: Vec<String> = states.iter().map(|(state, n)| format!("{n} {state}")).collect();
    let standing = row.attested.iter().filter(|it| it.withdrawn.is_none());
    parts.extend(standing.map(|it| format!("attested ({})", it.channel)));
    parts.join(", ")
}
