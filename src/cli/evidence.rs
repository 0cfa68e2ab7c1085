//! `besked evidence`: proof for others.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::Place;
use super::failure::Failure;
use super::file::{Form, create_private, unusable, write_private};
use super::named;
use super::output::{Output, count};
use super::progress::spinner;
use crate::app::App;
use crate::cli::args::said;
use crate::domain::actor::Actor;
use crate::evidence::{Choice, Proof, Proved, Request, Scope};

/// Evidence.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write what the ledger proves about a notice, or about each notice with a reference
    Export(Export),
}

/// Write evidence.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("choice").required(true).args(["notice", "reference"])))]
pub struct Export {
    /// Id or reference of one notice
    #[arg(long, value_name = "N", value_parser = said, allow_hyphen_values = true)]
    notice: Option<String>,
    /// All released notices of the matters of this reference, oldest first; from the second on the file's name gets a number
    #[arg(long, value_name = "R", value_parser = said, allow_hyphen_values = true)]
    reference: Option<String>,
    /// For this customer only: nobody else is named in the file
    #[arg(long, value_name = "ID", conflicts_with = "everyone", value_parser = said, allow_hyphen_values = true)]
    account: Option<String>,
    /// For all customers: every recipient is named in the file
    #[arg(long)]
    everyone: bool,
    /// Where to write the evidence
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Where to write a report for people, with the evidence in it (PDF/A-3)
    #[arg(long, value_name = "FILE")]
    pdf: Option<PathBuf>,
    /// With the exact bytes that were sent
    #[arg(long)]
    with_message: bool,
}

/// Files that were written.
#[derive(Serialize)]
struct Exported {
    file: PathBuf,
    pdf: Option<PathBuf>,
    #[serde(flatten)]
    proved: Proved,
}

/// Runs `besked evidence`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let Command::Export(command) = command;
    let mut request = request(&command)?;
    let (app, actor) = place.acting().await?;
    if let Choice::Notice(name) = &mut request.notices {
        *name = named::read(&app, &actor, name).await?;
    }
    let exported = write(&app, &actor, &request, (&command.output, command.pdf.as_deref())).await?;
    output.print(&json!({ "evidence": exported }), |_| exported.iter().map(describe).collect())?;
    Ok(0)
}

fn request(command: &Export) -> Result<Request, Failure> {
    let notices = match (&command.notice, &command.reference) {
        (Some(notice), _) => Choice::Notice(notice.clone()),
        (None, reference) => Choice::Reference(reference.clone().unwrap_or_default()),
    };
    let scope = match (&command.account, command.everyone) {
        (Some(account), _) => Scope::Customer(account.clone()),
        (None, true) => Scope::Everyone,
        (None, false) => {
            return Err(Failure::invalid("evidence needs the customer that it is for").hint(
                "`--account ID` names the persons of one customer; `--everyone` names every recipient of every customer",
            ));
        }
    };
    if command.pdf.as_ref() == Some(&command.output) {
        return Err(
            Failure::invalid("`--output` and `--pdf` name the same file").hint("give the PDF a name of its own")
        );
    }
    Ok(Request { notices, scope, with_messages: command.with_message })
}

/// Writes the evidence that is asked for, and a PDF of each file if wanted.
async fn write(
    app: &App,
    actor: &Actor,
    request: &Request,
    (path, pdf): (&Path, Option<&Path>),
) -> Result<Vec<Exported>, Failure> {
    let mut exported = Vec::new();
    for (number, proof) in (1..).zip(app.evidence.prepare(actor, request).await?) {
        if matches!(request.scope, Scope::Everyone) {
            let recipients = count(proof.recipients(), "recipient", "recipients");
            eprintln!("warning: this file names every recipient of every customer: {recipients}");
        }
        exported.push(write_one(&proof, numbered(path, number), pdf.map(|pdf| numbered(pdf, number))).await?);
    }
    Ok(exported)
}

/// Writes the evidence about one notice for one customer, with the messages, and its PDF.
pub async fn write_for_customer(
    app: &App,
    actor: &Actor,
    (notice, account): (String, &str),
    (path, pdf): (&Path, &Path),
) -> Result<(), Failure> {
    let scope = Scope::Customer(account.to_owned());
    let request = Request { notices: Choice::Notice(notice), scope, with_messages: true };
    write(app, actor, &request, (path, Some(pdf))).await.map(drop)
}

async fn write_one(proof: &Proof, path: PathBuf, pdf: Option<PathBuf>) -> Result<Exported, Failure> {
    let progress = spinner("proving entries");
    let counting = progress.clone();
    let mut file = create_private(&path, Form::Json)?;
    let proved = proof.write(&mut file, &|n| counting.set_position(n)).await;
    progress.finish_and_clear();
    let proved = proved?;
    file.finish()?;
    if let Some(pdf) = &pdf {
        let bytes = std::fs::read(&path).map_err(|error| unusable("read", &path, &error))?;
        let name = path.file_name().map_or_else(|| "evidence.json".into(), |name| name.to_string_lossy());
        write_private(pdf, Form::Pdf, &proof.pdf(&bytes, &name).await?)?;
    }
    Ok(Exported { file: path, pdf, proved })
}

/// The path of a further file of several: `evidence.json`, `evidence-2.json`, ...
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{number}{extension}"))
}

fn describe(exported: &Exported) -> String {
    let contents = &exported.proved.contents;
    let mut text = format!(
        "wrote {} with {}, {}, {}\n",
        exported.file.display(),
        count(contents.entries, "entry", "entries"),
        count(contents.recipients, "recipient", "recipients"),
        count(contents.messages, "message", "messages")
    );
    if let Some(pdf) = &exported.pdf {
        text += &format!("wrote {}\n", pdf.display());
    }
    if contents.unsealed > 0 {
        text += &format!(
            "{} not covered by a checkpoint yet and therefore missing\n",
            count(contents.unsealed, "entry is", "entries are")
        );
    }
    text
}
