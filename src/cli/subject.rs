//! `besked subject`: a person's rights over what is kept of them.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::Place;
use super::failure::{FAILED, Failure};
use super::file::write_private;
use super::output::{Output, count, print, time};
use super::people::address;
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::ledger::LedgerError;
use crate::people::subjects::record::{Record, record};

/// A person's rights (GDPR Art. 15 to 21).
#[derive(Debug, Subcommand)]
pub enum Command {
    /// All that is kept of an address, with its evidence (Art. 15, 20)
    Export {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
        /// Write it as JSON to this file
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Delete all that names a person; the proofs of others stay (Art. 17)
    Erase {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
        /// On which ground, and which duties to keep it are waived by it; stays in the ledger
        #[arg(long, value_name = "TEXT")]
        ground: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Restrict the processing: no optional mail, masked in lists, looks are noted (Art. 18)
    Restrict {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
    },
    /// Lift a restriction
    Unrestrict {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
    },
    /// Put an address right at every customer (Art. 16)
    Rectify {
        /// The address as it is
        #[arg(value_parser = address)]
        email: Address,
        /// The address as it should be
        #[arg(long, value_name = "NEW", value_parser = address)]
        to: Address,
    },
    /// Out of everything that can be opted out of (Art. 21)
    Object {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
    },
    /// Carry out erasures that a restored copy of the database does not know
    Replay,
}

/// Runs `besked subject`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let app = place.app().await?;
    match command {
        Command::Export { email, output: file } => export(&app, &place.actor()?, &email, file, output).await?,
        Command::Erase { email, ground, yes } => return erase(&app, &email, &ground, yes, output).await,
        Command::Restrict { email } => {
            let changed = app.privacy.restrict(&email, true).await?;
            output.print(&json!({ "email": email.as_str(), "restricted": true, "changed": changed }), |_| {
                format!(
                    "{email} is restricted: no optional notices, masked in lists, looks at its record are noted\n\
                     mandatory notices are still sent to it, and it still counts in every coverage\n"
                )
            })?;
        }
        Command::Unrestrict { email } => {
            let changed = app.privacy.restrict(&email, false).await?;
            if !changed {
                return Err(Failure::invalid(format!("{email} is not restricted")));
            }
            output.print(&json!({ "email": email.as_str(), "restricted": false, "changed": changed }), |_| {
                format!("{email} is no longer restricted\n")
            })?;
        }
        Command::Rectify { email, to } => {
            let contacts = app.privacy.rectify(&email, &to).await?;
            output.print(&json!({ "email": email.as_str(), "to": to.as_str(), "contacts": contacts }), |_| {
                format!(
                    "{to} is in place of {email} at {}\nwhat was sent stays as it was recorded; mend the file that you \
                     import, too\n",
                    count(contacts, "contact", "contacts")
                )
            })?;
        }
        Command::Object { email } => {
            app.privacy.object(&email).await?;
            output.print(&json!({ "email": email.as_str(), "objected": true }), |_| {
                format!("{email} gets nothing optional any more\n")
            })?;
        }
        Command::Replay => {
            let erased = app.privacy.replay().await?;
            output.print(&json!({ "erased": erased }), |_| {
                format!("{} erased again\n", count(erased as u64, "person was", "persons were"))
            })?;
        }
    }
    Ok(0)
}

async fn export(
    app: &App,
    actor: &Actor,
    email: &Address,
    file: Option<PathBuf>,
    output: &Output,
) -> Result<(), Failure> {
    app.privacy.note_read(&email.key(), actor.name(), "subject export").await?;
    // Where nothing can be signed, the rest is still the person's to have.
    let checkpoint = match app.ledger.checkpoint().await {
        Ok(checkpoint) => Some(checkpoint),
        Err(error @ (LedgerError::Stopped(_) | LedgerError::NoKey(_))) => {
            eprintln!("warning: without evidence: {error}");
            None
        }
        Err(error) => return Err(error.into()),
    };
    let mut conn = app.store.snapshot().await?;
    let record = record(&mut conn, checkpoint.as_ref(), email, app.clock.now()).await?;
    if record.is_empty() {
        return Err(Failure::invalid(format!("nothing is kept of {email}")));
    }
    if let Some(file) = file {
        let mut text = serde_json::to_string_pretty(&record).map_err(anyhow::Error::from)?;
        text.push('\n');
        write_private(&file, text.as_bytes())?;
        eprintln!("wrote {}", file.display());
    }
    if output.json { output.print(&record, |_| String::new()) } else { print(&describe(&record)) }
}

async fn erase(app: &App, email: &Address, ground: &str, yes: bool, output: &Output) -> Result<u8, Failure> {
    if !yes && std::io::stdin().is_terminal() {
        eprint!("erase everything that names {email}? It cannot be undone [y/N] ");
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            return Err(Failure::new(FAILED, "nothing was erased"));
        }
    }
    let erased = app.privacy.erase(email, ground).await?;
    output.print(&erased, |it| {
        format!(
            "erased: {}, the person in {} ({} not sent yet and cancelled), {} of the ledger\n",
            count(it.contacts as u64, "contact", "contacts"),
            count(it.deliveries as u64, "delivery", "deliveries"),
            it.cancelled,
            count(it.entries as u64, "opening", "openings"),
        )
    })?;
    if !erased.log_emptied {
        eprintln!(
            "warning: a reader kept SQLite's write-ahead log from being emptied; the next erasure or restart does it"
        );
    }
    eprintln!("evidence files, exports and backups made before still name the person: see docs/privacy.md");
    Ok(0)
}

fn describe(record: &Record) -> String {
    let mut text = format!("All that is kept of {} on {}\n", record.email, time(record.at));
    for contact in &record.contacts {
        let since = contact.deactivated_at.map(|at| format!(", not in use since {}", time(at))).unwrap_or_default();
        let (id, customer, name) = (&contact.account_id, &contact.customer_name, &contact.name);
        text += &format!("\ncontact of customer {id} {customer}: {name} ({}){since}\n", contact.role);
        if let Some(locale) = &contact.locale {
            text += &format!("  language {locale}\n");
        }
        if let Some(zone) = &contact.time_zone {
            text += &format!("  time zone {zone}\n");
        }
    }
    for opt_out in &record.opt_outs {
        text += &format!("\nopted out of {} since {} ({})\n", opt_out.category, time(opt_out.since), opt_out.source);
    }
    for suppression in &record.suppressions {
        text += &format!("\nsuppressed since {}: {}\n", time(suppression.since), suppression.reason);
    }
    for told in &record.deliveries {
        text += &format!("\n{} \"{}\", to {} {}\n", told.category, told.subject, told.account_id, told.customer_name);
        text += &format!(
            "  {}, {}\n  message {}\n",
            told.state.told(told.found_by_operator),
            time(told.at),
            told.message_id
        );
        for attempt in &told.attempts {
            let (at, outcome) = (time(attempt.at), &attempt.outcome);
            text +=
                &format!("  {at}: {outcome} at {}: {}\n", attempt.host, attempt.reply.replace(char::is_control, " "));
        }
    }
    for read in &record.reads {
        text += &format!("\nlooked at by {} with `{}`, {}\n", read.operator, read.what, time(read.at));
    }
    text + &format!("\n{} in the JSON\n", count(record.evidence.len() as u64, "evidence file is", "evidence files are"))
}
