//! `besked customers`: import them, list them, look at one.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Place;
use super::failure::Failure;
use super::output::{Output, count, table, time};
use super::progress::bar;
use crate::app::App;
use crate::domain::actor::Actor;
use crate::people::import::{ImportError, ImportOptions, Imported, import};
use crate::people::mask::Mask;
use crate::store::{contacts, customers};

/// Import and look at customers.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Import a customers file (CSV)
    Import(Import),
    /// List active customers
    List(List),
    /// Show one customer with its contacts
    Show {
        /// Account id
        account: String,
    },
}

/// Import a customers file.
#[derive(Debug, Args)]
pub struct Import {
    /// The file
    file: PathBuf,
    /// Check the file only
    #[arg(long)]
    dry_run: bool,
    /// Import the good rows of a file with bad ones
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

/// List active customers.
#[derive(Debug, Args)]
pub struct List {
    /// How many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Begin after this account id
    #[arg(long, value_name = "ACCOUNT")]
    after: Option<String>,
}

/// Runs the command.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let app = place.app().await?;
    match command {
        Command::Import(command) => run_import(&app, command, output).await,
        Command::List(command) => list(&app, command, output).await,
        Command::Show { account } => show(&app, &account, output).await,
    }
}

async fn run_import(app: &App, command: Import, output: &Output) -> Result<u8, Failure> {
    // A restored copy is brought up to date first: otherwise the import would bring erased persons back.
    if !command.dry_run {
        app.subjects.exchange(&Actor::system("import")).await?;
    }
    let tombstones = app.subjects.tombstones().await?;
    let options = ImportOptions {
        dry_run: command.dry_run,
        skip_invalid: command.skip_invalid,
        replace: command.replace,
        allow_shrink: command.allow_shrink,
        tombstones,
        revive: command.revive_erased,
    };
    let now = app.clock.now();
    let id = app.random.id(now).to_string();
    let progress = bar(1000, "importing");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share from 0 to 1")]
    let tell = |share: f64| progress.set_position((share * 1000.0) as u64);
    let imported = import(&app.store, now, &id, &command.file, options, &tell).await;
    progress.finish_and_clear();
    if let (true, Err(ImportError::Invalid(problems))) = (output.json, &imported) {
        let nothing = Imported { invalid: problems.0.clone(), ..Imported::default() };
        output.print(&nothing, |_| String::new())?;
    }
    let imported = imported?;
    if command.revive_erased && !command.dry_run {
        let addresses: Vec<_> = imported.erased.iter().map(|row| row.address.clone()).collect();
        app.subjects.revived(&addresses).await?;
    }
    for row in &imported.erased {
        let what = if command.revive_erased { "is stored anew" } else { "is left out" };
        eprintln!("warning: line {}: this person was erased {} and {what}", row.line, time(row.erased_at));
    }
    if !imported.erased.is_empty() && !command.revive_erased {
        eprintln!("\nhint: remove them where the file comes from; `--revive-erased` stores them again");
    }
    output.print(&imported, |imported| describe(imported, command.dry_run))?;
    Ok(0)
}

fn describe(imported: &Imported, dry_run: bool) -> String {
    let done = if dry_run { "would import" } else { "imported" };
    let mut text = format!(
        "{done} {} with {}\n",
        count(imported.customers, "customer", "customers"),
        count(imported.contacts, "contact", "contacts")
    );
    for problem in &imported.invalid {
        text += &format!("skipped {problem}\n");
    }
    text
}

async fn list(app: &App, command: List, output: &Output) -> Result<u8, Failure> {
    let mut conn = app.store.read().await?;
    let listed = customers::list(&mut conn, command.after.as_deref(), command.limit).await?;
    let full = listed.len() == command.limit as usize;
    let next = if full { listed.last().map(|customer| customer.account_id.clone()) } else { None };
    output.print(&json!({ "customers": listed, "next": next }), |_| {
        let rows = listed.iter().map(|it| [it.account_id.clone(), it.name.clone(), it.contacts.to_string()]);
        let mut text = table(["account", "name", "#contacts"], rows);
        if let Some(next) = &next {
            text += &format!("\nmore: besked customers list --after {next}\n");
        }
        text
    })?;
    Ok(0)
}

async fn show(app: &App, account: &str, output: &Output) -> Result<u8, Failure> {
    let mut conn = app.store.read().await?;
    let customer = customers::find(&mut conn, account).await?.ok_or_else(|| {
        Failure::invalid(format!("there is no customer `{account}`"))
            .hint("`besked customers list` shows whom you have")
    })?;
    let contacts = contacts::of_customers(&mut conn, &[account]).await?.remove(account).unwrap_or_default();
    let mask = Mask::load(&mut conn).await?;
    let contact_rows: Vec<_> = contacts
        .iter()
        .map(|it| {
            json!({ "email": mask.address(it.email.as_str()), "name": mask.name(it.email.as_str(), &it.name), "role": it.role, "locale": it.locale, "time_zone": it.time_zone })
        })
        .collect();
    let document = json!({
        "account_id": customer.account_id, "name": customer.name, "status": customer.status,
        "attributes": customer.attributes, "updated_at": customer.updated_at, "contacts": contact_rows,
    });
    output.print(&document, |_| {
        let mut text = format!("{}  {} ({})\n", customer.account_id, customer.name, customer.status);
        for (name, values) in &customer.attributes {
            text += &format!("{name}: {}\n", values.join(", "));
        }
        text += &format!("changed: {}\n\n", time(customer.updated_at));
        let rows = contacts.iter().map(|it| {
            let zone = it.time_zone.as_ref().map_or("", |zone| zone.as_str());
            let locale = it.locale.as_ref().map_or("", |locale| locale.as_str());
            [
                it.role.to_string(),
                mask.name(it.email.as_str(), &it.name),
                mask.address(it.email.as_str()),
                locale.to_owned(),
                zone.to_owned(),
            ]
        });
        text + &table(["role", "name", "email", "locale", "zone"], rows)
    })?;
    Ok(0)
}
