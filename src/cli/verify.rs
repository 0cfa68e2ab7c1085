//! `besked verify`: the check of an evidence file, which needs neither database nor network.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::args::said;
use super::failure::{FAILED, Failure};
use super::file::unusable;
use super::output::{JsonList, Output, count, print, print_bytes, time};
use crate::domain::delivery::Level;
use crate::domain::entry::Event;
use crate::domain::evidence::{Invalid, Part, Proven, Recipient, Summary, verify_each};
use crate::domain::note::VerifierKey;

/// Check an evidence file.
#[derive(Debug, Args)]
pub struct Verify {
    /// The evidence
    file: PathBuf,
    /// The ledger's verifier key (as `besked ledger vkey` prints it), or a file with it
    #[arg(long, value_name = "VKEY-OR-FILE", value_parser = said)]
    key: String,
}

/// Runs `besked verify`.
pub fn verify(command: &Verify, output: &Output) -> Result<u8, Failure> {
    let key = key(&command.key)?;
    let file = open(&command.file)?;
    let mut answer = Answer::new(output.json)?;
    let mut kept = Ok(());
    let verified = verify_each(BufReader::with_capacity(1 << 16, file), &key, &mut |part| {
        if kept.is_ok() {
            kept = match part {
                Part::Entry(entry) => answer.add(*entry),
                Part::Recipient(recipient) => answer.name(&recipient),
                Part::Message(_) => Ok(()),
            };
        }
    });
    kept?;
    match verified {
        Err(Invalid::Unreadable(problem)) => {
            Err(Failure::invalid(format!("cannot read `{}`: {problem}", command.file.display())))
        }
        Ok(summary) => answer.valid(&summary).map(|()| 0),
        Err(problem) => invalid(&problem.to_string(), output).map(|()| FAILED),
    }
}

/// Opens an evidence file. What cannot be one is a mistake, and no verdict about evidence.
fn open(path: &Path) -> Result<File, Failure> {
    let cannot = |error| unusable("read", path, &error);
    let mut file = File::open(path).map_err(cannot)?;
    if file.metadata().map_err(cannot)?.is_dir() {
        return Err(Failure::invalid(format!("`{}` is a folder", path.display()))
            .hint("name the evidence file in it, which `besked evidence export` wrote"));
    }
    let mut begin = Vec::new();
    io::Read::take(&mut file, 5).read_to_end(&mut begin).map_err(cannot)?;
    if begin == b"%PDF-" {
        let hint =
            "the evidence file is attached to it: save it with a PDF viewer or `pdfdetach -saveall`, and check that";
        return Err(
            Failure::invalid(format!("`{}` is a PDF, which proves nothing by itself", path.display())).hint(hint)
        );
    }
    file.rewind().map_err(cannot)?;
    Ok(file)
}

/// A verifier key, as text or in a file.
fn key(text_or_file: &str) -> Result<VerifierKey, Failure> {
    let wrong = |error| {
        Failure::invalid(format!("`--key` is neither a verifier key nor a file with one: {error}"))
            .hint("`besked ledger vkey` prints it, on the machine that has the ledger")
    };
    if let Ok(key) = VerifierKey::parse(text_or_file.trim()) {
        return Ok(key);
    }
    let mut text = text_or_file.to_owned();
    if let Ok(file) = File::open(text_or_file) {
        text.clear();
        // A key has some hundred bytes, whatever the file has.
        let read = std::io::Read::read_to_string(&mut std::io::Read::take(file, 4096), &mut text);
        read.map_err(|error| unusable("read", Path::new(text_or_file), &error))?;
    }
    // Some editors put a byte order mark first.
    VerifierKey::parse(text.trim_start_matches('\u{feff}').trim()).map_err(wrong)
}

#[derive(Serialize)]
struct Entry {
    index: u64,
    event: Event,
    level: Option<Level>,
    time: Timestamp,
    proves: String,
    does_not_prove: String,
}

impl From<Proven> for Entry {
    fn from(it: Proven) -> Self {
        Self {
            index: it.index,
            event: it.fact.event,
            level: it.fact.level,
            time: it.fact.at,
            proves: it.claim.proves,
            does_not_prove: it.claim.does_not_prove,
        }
    }
}

impl Entry {
    fn describe(&self) -> String {
        let level = self.level.map(|level| format!(" ({level})")).unwrap_or_default();
        let mut text = format!("\nentry {}: {}{level}, {}\n", self.index, self.event, time(self.time));
        text += &format!("  proves: {}\n  {}\n", self.proves, self.does_not_prove);
        text
    }
}

/// The answer as it is put together. The verdict comes first, and is known last: the entries wait in a file without a name.
struct Answer {
    entries: BufWriter<File>,
    /// Whether a recipient was named.
    named: bool,
    /// The document, if it is to be JSON.
    json: Option<JsonList>,
}

impl Answer {
    fn new(json: bool) -> Result<Self, Failure> {
        let json = json.then(|| JsonList::open(&Map::new(), "entries").0);
        Ok(Self { entries: BufWriter::new(tempfile::tempfile()?), named: false, json })
    }

    fn add(&mut self, entry: Proven) -> Result<(), Failure> {
        let entry = Entry::from(entry);
        let text = match &mut self.json {
            Some(list) => list.add(&[entry])?,
            None => entry.describe(),
        };
        Ok(self.entries.write_all(text.as_bytes())?)
    }

    /// Adds a recipient, after the entries.
    fn name(&mut self, it: &Recipient) -> Result<(), Failure> {
        let first = !std::mem::replace(&mut self.named, true);
        let text = match &mut self.json {
            Some(list) => {
                let begin = if first { list.then("named") } else { String::new() };
                begin
                    + &list.add(&[json!({
                        "ordinal": it.ordinal, "account_id": it.account_id, "email": it.address, "added": it.added
                    })])?
            }
            None => {
                let begin = if first { "\nwho is proved to be a recipient, by the place among them\n" } else { "" };
                let added = if it.added { ", added after the release" } else { "" };
                let who = format!("customer {}, {}{added}", it.account_id, it.address);
                format!("{begin}  {}: {}\n", it.ordinal, who.replace(char::is_control, " "))
            }
        };
        Ok(self.entries.write_all(text.as_bytes())?)
    }

    fn valid(self, summary: &Summary) -> Result<(), Failure> {
        let mut entries = self.entries.into_inner().map_err(io::IntoInnerError::into_error)?;
        entries.rewind()?;
        let Some(mut list) = self.json else {
            print(&describe(summary))?;
            return copy(entries);
        };
        print(&opening("valid", None))?;
        copy(entries)?;
        if !self.named {
            print(&list.then("named"))?;
        }
        print(&list.close(&totals(Some(summary))))
    }
}

/// Prints that a file proves nothing, and why.
fn invalid(problem: &str, output: &Output) -> Result<(), Failure> {
    if !output.json {
        return print(&format!("INVALID: {problem}\n"));
    }
    let (mut list, _) = JsonList::open(&Map::new(), "entries");
    let named = list.then("named");
    print(&format!("{}{named}{}", opening("invalid", Some(problem)), list.close(&totals(None))))
}

fn copy(mut entries: File) -> Result<(), Failure> {
    let mut bytes = vec![0; 1 << 16];
    loop {
        match entries.read(&mut bytes)? {
            0 => return Ok(()),
            read => print_bytes(&bytes[..read])?,
        }
    }
}

fn opening(verdict: &str, problem: Option<&str>) -> String {
    JsonList::open(&members(json!({ "verdict": verdict, "problem": problem })), "entries").1
}

fn totals(summary: Option<&Summary>) -> Map<String, Value> {
    let checkpoint = summary.map(|summary| &summary.checkpoint).map(
        |it| json!({ "origin": it.origin(), "size": it.size(), "root": data_encoding::BASE64.encode(&it.root()) }),
    );
    members(json!({
        "recipients": summary.map_or(0, |summary| summary.recipients),
        // So that one can see whether the file has all of them.
        "recipients_in_manifest": summary.and_then(|summary| summary.recipients_in_manifest),
        "recipients_added": summary.map_or(0, |summary| summary.added),
        "messages": summary.map_or(0, |summary| summary.messages),
        "checkpoint": checkpoint,
    }))
}

fn members(object: Value) -> Map<String, Value> {
    if let Value::Object(members) = object { members } else { Map::new() }
}

fn describe(summary: &Summary) -> String {
    let checkpoint = &summary.checkpoint;
    let mut text = format!(
        "VALID: {} in the ledger {}, by its checkpoint of {}\n",
        count(summary.entries, "entry is", "entries are"),
        checkpoint.origin(),
        count(checkpoint.size(), "entry", "entries"),
    );
    if let Some(all) = summary.recipients_in_manifest {
        text += &format!("recipients proved to be among those of the notice: {} of {all}\n", summary.recipients);
        if summary.added > 0 {
            let (fixed, added) = (all - summary.added, summary.added);
            text += &format!("  {fixed} of the {all} are in the manifest, {added} were added after the release\n");
        }
    }
    if summary.messages > 0 {
        text += &format!("{} exactly as sent\n", count(summary.messages, "message", "messages"));
    }
    text
}
