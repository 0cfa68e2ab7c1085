//! `besked customers`: import them, list them, look at one.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::Place;
use super::failure::Failure;
use super::output::{Output, count, table, time};
use super::pages::Paging;
use super::progress::{bar, spinner};
use crate::app::App;
use crate::cli::args::said;
use crate::domain::actor::Actor;
use crate::domain::table::{TableError, encoding};
use crate::domain::words::cause;
use crate::people::customers::{Listed, Shown};
use crate::people::directory::Synced;
use crate::people::feeds::Revoked;
use crate::people::import::{
    Change, Changes, ContactChanges, Erased, ImportError, ImportOptions, Imported, Kept, KeptColumn,
};

/// Import and look at customers.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Import a customers file (CSV, also in gzip; .xlsx, .ods)
    Import(Import),
    /// List active customers
    List {
        /// Those whose account id, words of the name or one of whose addresses begin with this
        #[arg(long, value_name = "TEXT", value_parser = said)]
        search: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Fetch the customers file of `[directory]` now, and import it if it has changed
    Sync,
    /// Print the address of a customer's calendar of maintenance, which is made unless it has one
    Calendar {
        /// Account id
        #[arg(value_parser = said)]
        account: String,
        /// End the address; the next one is another
        #[arg(long)]
        revoke: bool,
    },
    /// Show one customer with its contacts
    Show {
        /// Account id
        #[arg(value_parser = said)]
        account: String,
    },
}

/// Import a customers file.
#[derive(Debug, Args)]
pub struct Import {
    /// The file; `-` reads standard input
    file: PathBuf,
    /// Check the file, and show what would change; store nothing
    #[arg(long)]
    dry_run: bool,
    /// The encoding of a file that is not UTF-8, such as `windows-1252`
    #[arg(long, value_name = "NAME", value_parser = encoding)]
    encoding: Option<&'static encoding_rs::Encoding>,
    /// The sheet of a workbook; else the first one that is not hidden
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// Import the good rows of a file with bad ones; customers with a bad row keep all contacts they have
    #[arg(long)]
    skip_invalid: bool,
    /// Customers that are not in the file have left
    #[arg(long)]
    replace: bool,
    /// With --replace: take a file with less than half of today's customers
    #[arg(long, requires = "replace")]
    allow_shrink: bool,
    /// Store the rows of persons who were erased, too
    #[arg(long)]
    revive_erased: bool,
}

/// Runs the command.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    match command {
        Command::Import(command) => run_import(&app, &actor, &command, output).await?,
        Command::List { search, paging } => {
            let row = |it: &Listed| [it.account_id.clone(), it.name.clone(), it.contacts.to_string()];
            let fetch = async |page| {
                Ok(match &search {
                    Some(text) => app.customers.search(&actor, text, &page).await?,
                    None => app.customers.list(&actor, &page).await?,
                })
            };
            paging.print(output, "customers", (["account", "name", "#contacts"], row), fetch).await?;
        }
        Command::Sync => sync(&app, &actor, output).await?,
        Command::Calendar { account, revoke: true } => {
            let what = |it: &Revoked| match it.revoked {
                true => format!("the calendar of {} has no address any more\n", it.account_id),
                false => format!("the calendar of {} has no address\n", it.account_id),
            };
            output.print(&app.feeds.revoke(&actor, &account).await?, what)?;
        }
        Command::Calendar { account, revoke: false } => {
            output.print(&app.feeds.give(&actor, &account).await?, |it| format!("{}\n", it.url))?;
        }
        Command::Show { account } => output.print(&app.customers.show(&actor, &account).await?, describe)?,
    }
    Ok(0)
}

async fn sync(app: &App, actor: &Actor, output: &Output) -> Result<(), Failure> {
    let progress = spinner("fetching");
    let synced = app.directory.sync(actor).await;
    progress.finish_and_clear();
    match synced? {
        Synced::Unchanged => {
            let nothing = serde_json::json!({ "changed": false });
            output
                .print(&nothing, |_| "the directory has the file that was imported last: nothing changed\n".to_owned())
        }
        Synced::Imported(imported) => {
            warn(&imported, false);
            let mut document = serde_json::to_value(&imported).unwrap_or_default();
            document["changed"] = true.into();
            output.print(&document, |_| summary(&imported, false))
        }
    }
}

/// Opens the file, or standard input; returns its size if it has one.
fn open(path: &Path) -> std::io::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(std::io::stdin()), None));
    }
    let file = File::open(path)?;
    let size = file.metadata().map(|it| it.is_file().then_some(it.len()))?;
    Ok((Box::new(file), size))
}

async fn run_import(app: &App, actor: &Actor, command: &Import, output: &Output) -> Result<(), Failure> {
    let unreadable =
        |error: &dyn Display| Failure::invalid(format!("cannot read `{}`: {error}", command.file.display()));
    let (file, size) = open(&command.file).map_err(|error| unreadable(&cause(&error)))?;
    let options = ImportOptions {
        dry_run: command.dry_run,
        skip_invalid: command.skip_invalid,
        replace: command.replace,
        allow_shrink: command.allow_shrink,
        erased: if command.revive_erased { Erased::Revive } else { Erased::LeaveOut },
        size,
        encoding: command.encoding,
        sheet: command.sheet.clone(),
        seen: None,
    };
    let progress = bar(1000, "importing");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share from 0 to 1")]
    let show = |share: f64| progress.set_position((share * 1000.0) as u64);
    let imported = app.customers.import(actor, file, &options, &show).await;
    progress.finish_and_clear();
    let imported = match imported {
        Err(ImportError::Read(error)) => return Err(unreadable(&cause(&error))),
        Err(ImportError::File(error)) => {
            let failure = unreadable(&error);
            let is_another = matches!(&error, TableError::EmptySheet { others, .. } if !others.is_empty());
            return Err(if is_another { failure.hint("`--sheet NAME` reads another sheet") } else { failure });
        }
        Err(ImportError::Invalid(rows)) if output.json => {
            let nothing = Imported {
                invalid: rows.problems.clone(),
                invalid_more: rows.more,
                mistakes: rows.groups.clone(),
                mistakes_more: rows.ungrouped,
                ..Imported::default()
            };
            output.print(&nothing, |_| String::new())?;
            return Err(ImportError::Invalid(rows).into());
        }
        imported => imported?,
    };
    warn(&imported, command.revive_erased);
    output.print(&imported, |imported| summary(imported, command.dry_run))
}

/// Warns of rows that were not taken as they are.
fn warn(imported: &Imported, revive_erased: bool) {
    for row in &imported.erased {
        let what = if revive_erased { "stored again" } else { "left out" };
        eprintln!("warning: line {}: this person was erased on {} and is {what}", row.line, time(row.erased_at));
    }
    if !imported.erased.is_empty() && !revive_erased {
        eprintln!("\nhint: remove them from the source of the file; `--revive-erased` stores them again");
    }
    if imported.file.hidden_rows > 0 {
        let rows = count(imported.file.hidden_rows, "row of the sheet is", "rows of the sheet are");
        eprintln!("warning: {rows} hidden, perhaps by a filter, and read all the same");
    }
    if let Some(error) = &imported.unwritten {
        eprintln!(
            "warning: the journal of this node does not say yet who was revived, the dispatcher retries: {error}"
        );
    }
    for line in &imported.rectified {
        eprintln!("warning: line {line}: this address was corrected, and the corrected one is stored");
    }
    if !imported.rectified.is_empty() {
        eprintln!("\nhint: correct them in the source of the file");
    }
}

fn summary(imported: &Imported, dry_run: bool) -> String {
    let done = if dry_run { "would import" } else { "imported" };
    let about = Some(imported.file.to_string()).filter(|about| !about.is_empty());
    let mut text = format!(
        "{done} {} with {}{}\n",
        count(imported.customers, "customer", "customers"),
        count(imported.contacts, "contact", "contacts"),
        about.map_or_else(String::new, |about| format!(" ({about})")),
    );
    for mistake in &imported.mistakes {
        text += &format!("skipped {mistake}\n");
    }
    if imported.mistakes_more > 0 {
        text += &format!("and {}\n", count(imported.mistakes_more, "more problem", "more problems"));
    }
    text += &kept(&imported.kept);
    imported.changes.as_ref().map_or(text.clone(), |changes| text + &changed(changes, dry_run))
}

/// What an import changes, or would change.
fn changed(changes: &Changes, dry_run: bool) -> String {
    let Changes { new, changed, gone, reactivated, contacts, attributes, gone_attributes, .. } = changes;
    let mut text = format!("customers: {new} new, {changed} changed, {gone} gone, {reactivated} reactivated\n");
    let ContactChanges { new, changed, gone, reactivated } = contacts;
    text += &format!("contacts: {new} new, {changed} changed, {gone} gone, {reactivated} reactivated\n");
    if attributes + gone_attributes > 0 {
        text += &format!("attribute values: {attributes} set, {gone_attributes} gone\n");
    }
    for KeptColumn { column, keep } in &changes.kept {
        let (one, many) = if column.starts_with("attr.") { ("customer", "customers") } else { ("contact", "contacts") };
        let keeps = if *keep == 1 { "keeps the value that is" } else { "keep the values that are" };
        text += &format!("the file has no column `{column}`: {} {keeps} stored\n", count(*keep, one, many));
    }
    if dry_run && !changes.customers.is_empty() {
        let rows = changes.customers.iter().map(|it| [it.account_id.clone(), it.change.clone(), what(it)]);
        text += &format!("\n{}", table(["account", "change", "what"], rows));
    }
    if changes.more > 0 {
        text += &format!("and {}\n", count(changes.more, "more customer", "more customers"));
    }
    text
}

/// Contacts of a customer that are named in a table.
const NAMED: usize = 5;

/// What changes of a customer.
fn what(change: &Change) -> String {
    let mut parts: Vec<String> =
        change.addresses.iter().take(NAMED).map(|it| format!("{} ({}) {}", it.email, it.role, it.change)).collect();
    let ContactChanges { new, changed, gone, reactivated } = change.contacts;
    let more = (new + changed + gone + reactivated).saturating_sub(parts.len() as u64);
    parts.extend((more > 0).then(|| count(more, "more contact", "more contacts")));
    parts.extend(change.renamed.then(|| "another name".to_owned()));
    let values = |n| count(n, "attribute value", "attribute values");
    parts.extend((change.attributes > 0).then(|| format!("{} set", values(change.attributes))));
    parts.extend((change.gone_attributes > 0).then(|| format!("{} gone", values(change.gone_attributes))));
    parts.join(", ")
}

/// What skipped rows left as it was.
fn kept(kept: &Kept) -> String {
    let mut text = String::new();
    for account in &kept.customers {
        text += &format!("kept as it was: {account}: nothing was removed from this customer, and it did not leave\n");
    }
    for account in &kept.unknown {
        text += &format!("not imported: {account}: no row of this customer is good, and it is not stored yet\n");
    }
    if kept.more > 0 {
        text += &format!("and the customers of {}\n", count(kept.more, "more skipped row", "more skipped rows"));
    }
    for line in &kept.unattributed {
        text += &format!(
            "line {line} cannot be attributed to a customer: no contact was deactivated, and no customer left\n"
        );
    }
    text
}

fn describe(shown: &Shown) -> String {
    let mut text = format!("{}  {} ({})\n", shown.account_id, shown.name, shown.status);
    for (name, values) in &shown.attributes {
        text += &format!("{name}: {}\n", values.join(", "));
    }
    text += &format!("changed: {}\n\n", time(shown.updated_at));
    let rows = shown.contacts.iter().map(|it| {
        let (locale, zone) = (it.locale.clone().unwrap_or_default(), it.time_zone.clone().unwrap_or_default());
        let role = if it.former { format!("{} (former)", it.role) } else { it.role.to_string() };
        [role, it.name.clone(), it.email.clone(), locale, zone]
    });
    text += &table(["role", "name", "email", "locale", "zone"], rows);
    if !shown.tasks.is_empty() {
        let rows = shown.tasks.iter().map(|it| {
            let deadline = it.deadline.map(time).unwrap_or_default();
            [it.id.to_string(), it.kind.to_string(), deadline, it.reason.clone()]
        });
        text += &format!("\n{}", table(["task", "kind", "deadline", "reason"], rows));
    }
    text
}
