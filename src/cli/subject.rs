//! `besked subject`: a person's rights over what is stored about them.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::Place;
use super::failure::{FAILED, Failure};
use super::file::{Form, write_private};
use super::nobody::warn_of_nobody;
use super::output::{Output, count, print, table, time};
use super::pages::AT_ONCE;
use super::preferences::address;
use crate::app::App;
use crate::cli::args::{id, said};
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::domain::category::{Category, Class};
use crate::domain::duty::Duty;
use crate::domain::page::PageRequest;
use crate::people::subjects::record::Record;
use crate::people::subjects::{Decision, Erased, Erasure, Objected, Objecting, Objection, Rectified, Restricting};

/// A person's rights (GDPR Art. 15 to 21).
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything that is stored about an address, with its evidence (Art. 15, 20)
    Export {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
        /// Write it as JSON to this file
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Delete everything that names a person; the proofs of others stay valid (Art. 17)
    Erase {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
        /// The ground; stays in the ledger
        #[arg(long, value_name = "TEXT", value_parser = said)]
        ground: String,
        /// A duty to keep the record that does not apply here: `retention:CATEGORY` or `hold:ID`
        #[arg(long, value_name = "DUTY")]
        waive: Vec<Duty>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Restrict the processing: no optional mail, masked in lists, every view is logged (Art. 18)
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
    /// Correct an address at every customer (Art. 16)
    Rectify {
        /// The address as it is
        #[arg(value_parser = address)]
        email: Address,
        /// The address as it should be
        #[arg(long, value_name = "NEW", value_parser = address)]
        to: Address,
        /// The new address is known already, and is the same person's
        #[arg(long)]
        yes: bool,
    },
    /// Record an objection (Art. 21): opt out of optional categories; an objection to mandatory ones is recorded
    Object {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
        /// A category the person objects to; all optional ones by default
        #[arg(long, value_name = "CATEGORY")]
        category: Vec<Category>,
        /// The person's grounds; required for mandatory categories
        #[arg(long, value_name = "TEXT", value_parser = said)]
        note: Option<String>,
    },
    /// List the objections to mandatory categories that wait for a decision
    Objections {
        /// Also those that are decided
        #[arg(long)]
        all: bool,
    },
    /// Record the decision about an objection to mandatory categories (Art. 21(1))
    #[command(group = clap::ArgGroup::new("what").required(true).args(["uphold", "decline"]))]
    Decide {
        /// Its id
        #[arg(value_parser = id)]
        id: Uuid,
        /// The person's grounds prevail
        #[arg(long)]
        uphold: bool,
        /// Compelling grounds to send the notices prevail
        #[arg(long)]
        decline: bool,
        /// Why
        #[arg(long, value_name = "TEXT", value_parser = said)]
        reason: String,
    },
    /// Repeat erasures that a restored copy of the database lacks
    Replay,
}

/// Runs `besked subject`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    match command {
        Command::Export { email, output: file } => export(&app, &actor, &email, file, output).await?,
        Command::Erase { email, ground, waive, yes } => {
            confirmed(&app.subjects.addresses(&actor, &email).await?, yes)?;
            let erasure = Erasure { address: &email, ground: &ground, waived: &waive };
            print_erased(&app.subjects.erase(&actor, &erasure).await?, output)?;
        }
        Command::Objections { all } => objections(&app, &actor, all, output).await?,
        Command::Decide { id, uphold, reason, .. } => decide(&app, &actor, (id, uphold), &reason, output).await?,
        Command::Restrict { email } => {
            warn_of_nobody(&app, &actor, &email).await?;
            let changed = app.subjects.restrict(&actor, &email).await?;
            let answer = Restricting { email: email.as_str().to_owned(), restricted: true, changed };
            output.print(&answer, |_| {
                format!(
                    "{email} is restricted: no optional notices, masked in lists; every view of the record is logged\n\
                     mandatory notices are still sent to it, and it still counts in every coverage\n"
                )
            })?;
        }
        Command::Unrestrict { email } => {
            app.subjects.unrestrict(&actor, &email).await?;
            let answer = Restricting { email: email.as_str().to_owned(), restricted: false, changed: true };
            output.print(&answer, |_| format!("{email} is no longer restricted\n"))?;
        }
        Command::Rectify { email, to, yes } => {
            let contacts = match yes {
                true => app.subjects.rectify_as_one(&actor, &email, &to).await?,
                false => app.subjects.rectify(&actor, &email, &to).await?,
            };
            let (old, new) = (email.as_str().to_owned(), to.as_str().to_owned());
            output.print(&Rectified { email: old, to: new, contacts: Some(contacts) }, |_| {
                format!(
                    "{to} replaces {email} at {}; what was sent stays as it was recorded\n",
                    count(contacts, "contact", "contacts")
                )
            })?;
        }
        Command::Object { email, category, note } => {
            object(&app, &actor, &email, (category, note.as_deref()), output).await?;
        }
        Command::Replay => {
            let exchanged = app.subjects.exchange(&actor).await?;
            output.print(&json!({ "erased": exchanged.erased }), |_| {
                format!("{} erased again\n", count(exchanged.erased as u64, "person was", "persons were"))
            })?;
            if let Some(error) = exchanged.unwritten {
                return Err(Failure::new(FAILED, error));
            }
        }
    }
    Ok(0)
}

async fn object(
    app: &App,
    actor: &Actor,
    email: &Address,
    (category, note): (Vec<Category>, Option<&str>),
    output: &Output,
) -> Result<(), Failure> {
    let optional = || Category::ALL.iter().copied().filter(|it| it.class() == Class::Optional).collect();
    let categories: Vec<Category> = if category.is_empty() { optional() } else { category };
    let objection = app.subjects.object(actor, email, &categories, note).await?;
    warn_of_nobody(app, actor, email).await?;
    let answer = Objecting { email: email.as_str().to_owned(), objected: true, objection };
    output.print(&answer, |answer| describe_objection(email, &answer.objection))?;
    Ok(())
}

async fn objections(app: &App, actor: &Actor, all: bool, output: &Output) -> Result<(), Failure> {
    let (mut objections, mut after) = (Vec::new(), None);
    loop {
        let page = app.subjects.objections(actor, !all, &PageRequest { after, limit: AT_ONCE }).await?;
        objections.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    output.print(&json!({ "objections": objections }), |_| describe_objections(&objections))
}

async fn decide(
    app: &App,
    actor: &Actor,
    (id, uphold): (Uuid, bool),
    reason: &str,
    output: &Output,
) -> Result<(), Failure> {
    let decision = if uphold { Decision::Upheld } else { Decision::Declined };
    let decided = app.subjects.decide(actor, id, decision, reason).await?;
    output.print(&decided, |it| describe_decided(it, decision))
}

async fn export(
    app: &App,
    actor: &Actor,
    email: &Address,
    file: Option<PathBuf>,
    output: &Output,
) -> Result<(), Failure> {
    let exported = app.subjects.export(actor, email).await?;
    if let Some(error) = &exported.without_evidence {
        eprintln!("warning: without evidence: {error}");
    }
    let record = exported.record;
    if let Some(file) = file {
        let mut text = serde_json::to_string_pretty(&record).map_err(anyhow::Error::from)?;
        text.push('\n');
        write_private(&file, Form::Json, text.as_bytes())?;
        eprintln!("wrote {}", file.display());
    }
    if output.json { output.print(&record, |_| String::new()) } else { print(&describe(&record)) }
}

/// Asks before an erasure; without a terminal it needs `--yes`.
fn confirmed(addresses: &[Address], yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::invalid("nothing was erased: there is no terminal to ask at")
            .hint("an erasure cannot be undone; `--yes` confirms it"));
    }
    // An address that was corrected is the same person's: whoever has it now is erased too.
    let addresses = addresses.iter().map(Address::as_str).collect::<Vec<_>>().join(" and ");
    eprint!("erase everything that names {addresses}? It cannot be undone [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Failure::new(FAILED, "nothing was erased")) }
}

fn print_erased(erased: &Erased, output: &Output) -> Result<(), Failure> {
    output.print(erased, |it| {
        format!(
            "erased: {}, the person in {} ({} not sent yet and cancelled), {} of the ledger\n",
            count(it.contacts as u64, "contact", "contacts"),
            count(it.deliveries as u64, "delivery", "deliveries"),
            it.cancelled,
            count(it.entries as u64, "opening", "openings"),
        )
    })?;
    if erased.unreleased_rows > 0 {
        let rows = count(erased.unreleased_rows as u64, "row", "rows");
        eprintln!(
            "warning: {rows} of audience files of unreleased notices still name the person: edit or cancel these notices"
        );
    }
    if let Some(error) = &erased.unwritten {
        eprintln!("warning: the journal of this node lacks this erasure, the dispatcher retries: {error}");
    }
    if let Some(error) = &erased.unscrubbed {
        eprintln!(
            "warning: the person is erased, but the file could not be rewritten, and may still have the bytes: {error}"
        );
        eprintln!("\nhint: `besked retention run` or the dispatcher, at night, does it");
    } else if !erased.log_emptied {
        eprintln!(
            "warning: SQLite's write-ahead log is in use and was not emptied; the next erasure or restart empties it"
        );
    }
    eprintln!("evidence files, exports and backups that exist already still name the person: see docs/privacy.md");
    Ok(())
}

fn describe_objections(objections: &[Objected]) -> String {
    let rows = objections.iter().map(|it| {
        let categories: Vec<&str> = it.categories.iter().map(|it| it.as_str()).collect();
        let decided = it.decided.as_ref().map(|it| format!("{} {}: {}", it.decision, time(it.at), it.reason));
        let decided = decided.unwrap_or_else(|| "waits for a decision".to_owned());
        [it.id.to_string(), it.email.clone(), categories.join(", "), time(it.at), it.grounds.clone(), decided]
    });
    table(["id", "email", "categories", "since", "grounds", "decision"], rows)
}

fn describe_decided(it: &Objected, decision: Decision) -> String {
    let then = match decision {
        Decision::Upheld => {
            "these notices are sent as long as the contact has the role: change or remove it in the customers file"
        }
        Decision::Declined => "these notices are sent as before",
    };
    format!("the objection of {} is {decision}; {then}\nanswer the person, with the reason\n", it.email)
}

fn describe_objection(email: &Address, objection: &Objection) -> String {
    let names = |categories: &[Category]| categories.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ");
    let mut text = String::new();
    if !objection.opted_out.is_empty() {
        text += &format!("{email} is opted out of {}\n", names(&objection.opted_out));
    }
    text += "mandatory notices are still sent\n";
    if !objection.recorded.is_empty() {
        text += &format!(
            "the objection to {} is recorded{}: decide on it (Art. 21(1)) and answer the person within a month\n",
            names(&objection.recorded),
            if objection.already { " already" } else { "" }
        );
        let id = objection.id.map(|id| id.to_string()).unwrap_or_default();
        text += &format!("  besked subject decide {id} --uphold|--decline --reason TEXT\n");
    }
    text
}

fn describe(record: &Record) -> String {
    let mut text = format!("Everything that is stored about {} on {}\n", record.email, time(record.at));
    for it in &record.rectifications {
        text += &format!("\naddress {} corrected to {}, {}\n", it.old, it.new, time(it.at));
    }
    for contact in &record.contacts {
        let since = contact.deactivated_at.map(|at| format!(", deactivated since {}", time(at))).unwrap_or_default();
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
    for it in &record.deliveries {
        text += &format!("\n{} \"{}\", to {} {}\n", it.category, it.subject, it.account_id, it.customer_name);
        text +=
            &format!("  {}, {}\n  message {}\n", it.state.describe_as(it.level, it.reason), time(it.at), it.message_id);
        text += &it.message_damaged.as_ref().map(|why| format!("  {why}\n")).unwrap_or_default();
        for attempt in &it.attempts {
            let (at, outcome) = (time(attempt.at), &attempt.outcome);
            text +=
                &format!("  {at}: {outcome} at {}: {}\n", attempt.host, attempt.reply.replace(char::is_control, " "));
        }
    }
    for it in &record.attestations {
        text += &format!("\nattested by {} ({}, {}): {}\n", it.by, it.channel, time(it.at), it.note);
    }
    for row in &record.audience_rows {
        text += &format!("\nin the audience file of notice {}, customer {}\n", row.notice_id, row.account_id);
        for (column, value) in &row.values {
            text += &format!("  {column}: {value}\n");
        }
    }
    for it in &record.operations {
        let reason = if it.reason.is_empty() { String::new() } else { format!(": {}", it.reason) };
        text += &format!("\n{} by {}, {}{reason}\n", it.action, it.by, time(it.at));
    }
    for it in &record.reasons {
        let about = it.notice_id.map(|id| format!("notice {id}"));
        let about = about.or_else(|| it.account_id.as_ref().map(|id| format!("customer {id}"))).unwrap_or_default();
        text += &format!("\nmentioned in a reason about {about}, {}: {}\n", time(it.at), it.reason);
    }
    for read in &record.reads {
        text += &format!("\nlooked at by {} with `{}`, {}\n", read.operator, read.what, time(read.at));
    }
    text + &format!("\n{} in the JSON\n", count(record.evidence.len() as u64, "evidence file is", "evidence files are"))
}
