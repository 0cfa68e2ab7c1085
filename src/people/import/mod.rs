//! Imports: a customers file says who the customers and their contacts are.
//!
//! The rows are read twice. The first pass checks all of them, so that every bad row is reported and nothing is stored by halves;
//! it copies the file to a temporary one on the way. The second pass loads the copy beside the database, where it is compared with
//! what is stored. Then the differences are written in one transaction: other writers wait for the differences, not for the file.
//! Both passes stream, and take the same memory for files of up to 2 GB; beyond that the first one takes more.

mod between;
mod changes;
mod check;
mod corrections;
mod gathered;
mod load;
mod names;
mod rows;
mod spool;

use std::collections::BTreeSet;
use std::io::{self, Read};

use encoding_rs::Encoding;
use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;
use uuid::Uuid;

use check::{Checked, check};
use corrections::Corrections;
use load::load;

pub use changes::{Change, Changes, ContactChange, ContactChanges, KeptColumn};
pub use gathered::{BadRows, Group};

use crate::context::Context;
use crate::domain::actor::{Action, Actor};
use crate::domain::address::AddressKey;
use crate::domain::kind::Kind;
use crate::domain::problem::Problem;
use crate::domain::right::{Forbidden, Right};
use crate::domain::table::{About, TableError};
use crate::domain::words::cause;
use crate::ledger::operated::{Operation, record};
use crate::people::subjects::{SubjectError, Subjects};
use crate::store::people::imports::Removal;
use crate::store::people::{customer_words, customers, import_changes, imports, tombstones};
use crate::store::proof::tree;
use crate::store::{StoreError, Writer};

/// Problems that are reported; the others are counted.
pub const REPORTED: usize = 500;

/// How an import treats what it finds.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Check only; store nothing.
    pub dry_run: bool,
    /// Store the good rows of a file with bad ones.
    pub skip_invalid: bool,
    /// Customers that are not in the file have left.
    pub replace: bool,
    /// With `replace`: take a file with less than half of today's customers.
    pub allow_shrink: bool,
    /// What to do with contacts of erased persons.
    pub erased: Erased,
    /// The size of the file in bytes, if it is known: progress needs it.
    pub size: Option<u64>,
    /// The encoding of a file that is not UTF-8 and has no byte order mark.
    pub encoding: Option<&'static Encoding>,
    /// The sheet of a workbook; else the first one that is not hidden.
    pub sheet: Option<String>,
    /// What was shown of the file before: an import that would do something else is refused.
    pub seen: Option<Seen>,
}

/// What was shown of a file, and of what it was compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// How often customers had been changed by then.
    pub revision: u64,
}

/// What an import does with contacts of erased persons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Erased {
    /// Leave them out.
    #[default]
    LeaveOut,
    /// Store them again, and record that this was on purpose.
    Revive,
}

/// What an import did, or with `dry_run` would do.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = import::Imported)]
pub struct Imported {
    /// Customers in the file.
    pub customers: u64,
    /// Contacts in the file, without those of erased persons that are left out.
    pub contacts: u64,
    /// Problems of rows, which were skipped: the first [`REPORTED`] of them.
    pub invalid: Vec<Problem>,
    /// Problems beyond those.
    pub invalid_more: u64,
    /// All problems by mistake: what is wrong in ten thousand rows is one of these.
    #[schema(value_type = Vec<Object>)]
    pub mistakes: Vec<Group>,
    /// Problems beyond those.
    pub mistakes_more: u64,
    /// What skipped rows left as it was.
    pub kept: Kept,
    /// Rows of persons who were erased; left out unless they are to be revived.
    pub erased: Vec<ErasedRow>,
    /// Lines with an address that was corrected since: the corrected one is stored.
    pub rectified: Vec<usize>,
    /// Why the journal of this node lacks who was revived, if it does: the next import, erasure or dispatcher writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unwritten: Option<String>,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// What the file is.
    #[schema(value_type = Object)]
    pub file: About,
    /// What changed, or with `dry_run` would change.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub changes: Option<Changes>,
    /// True if the columns are known: without them no row can be read, and none can be skipped.
    #[serde(skip)]
    pub has_header: bool,
    /// How often customers had been changed when the file was compared with them.
    #[serde(skip)]
    pub revision: u64,
}

/// Customers with a skipped row keep all contacts and attributes that they have, and do not leave: a typing error in a file must
/// not end anyone's notices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = import::Kept)]
pub struct Kept {
    /// Account ids of these customers: the first [`REPORTED`] of them.
    pub customers: Vec<String>,
    /// Skipped rows of customers beyond those.
    pub more: u64,
    /// Account ids that are not stored and of which no row was good: nothing of these was imported.
    pub unknown: Vec<String>,
    /// Lines of the first skipped rows that cannot be attributed to a customer. If there is one, nothing is removed from any
    /// customer and none leaves.
    pub unattributed: Vec<usize>,
}

/// A row of a person who was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = import::ErasedRow)]
pub struct ErasedRow {
    /// Its line.
    pub line: usize,
    /// When the person was erased.
    #[schema(value_type = String, format = DateTime)]
    pub erased_at: Timestamp,
    /// The key of the address, which reviving the person needs; never shown.
    #[serde(skip)]
    pub address: AddressKey,
}

/// Why nothing was imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The file cannot be read.
    #[error("cannot read the customers file: {}", cause(.0))]
    Read(io::Error),
    /// The file as a whole is no table that is read.
    #[error("cannot read the customers file: {0}")]
    File(TableError),
    /// A temporary file could not be written.
    #[error("cannot write temporary files: {}", cause(.0))]
    Spool(io::Error),
    /// Rows are wrong, and they were not to be skipped.
    #[error("{0}")]
    Invalid(BadRows),
    /// `replace` with a file that is unlikely to be meant so.
    #[error("the file has {file} customers, {active} are active now: refusing to replace them all")]
    Shrinks {
        /// Customers in the file.
        file: u64,
        /// Customers now.
        active: u64,
    },
    /// A person was erased while the file was checked.
    #[error("a person was erased meanwhile; nothing was imported")]
    Erased,
    /// An address was corrected while the file was checked.
    #[error("an address was corrected meanwhile; nothing was imported")]
    Rectified,
    /// Customers were changed since it was shown what the file changes.
    #[error("customers were changed since the changes were shown; nothing was imported")]
    Outdated,
    /// The file is not the one whose changes were shown.
    #[error("the file is not the one whose changes were shown; nothing was imported")]
    Altered,
    /// It is not known who was erased.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The database failed; nothing was stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ImportError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Read(_) | Self::File(_) | Self::Invalid(_) | Self::Shrinks { .. } => Kind::Invalid,
            Self::Spool(_) | Self::Altered => Kind::Failed,
            Self::Outdated => Kind::Conflict,
            Self::Erased | Self::Rectified => Kind::Later,
            Self::Subject(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}

/// Imports a customers file. `progress` is called with the share of the work that is done, from 0 to 1.
///
/// # Errors
/// See [`ImportError`]; nothing is stored then.
pub async fn import(
    (context, subjects): (&Context, &Subjects),
    actor: &Actor,
    reader: impl Read + Send,
    options: &ImportOptions,
    progress: &(dyn Fn(f64) + Sync),
) -> Result<Imported, ImportError> {
    actor.may_at_all(Right::Import)?;
    if !options.dry_run {
        // A restored copy is brought up to date first: otherwise the import would bring erased persons back.
        subjects.exchange(&Actor::system("import")).await?;
    }
    let tombstones = subjects.tombstones().await?;
    let corrections = Corrections::load(&mut *context.store.read().await?).await?;
    let mut checked = apart(|| check(reader, options, (&tombstones, &corrections), progress))?;
    if options.seen.as_ref().is_some_and(|seen| seen.sha256 != checked.imported.sha256) {
        return Err(ImportError::Altered);
    }
    if options.erased == Erased::Revive {
        checked.imported.contacts += checked.imported.erased.len() as u64;
    }
    accept(context, &mut checked, options).await?;
    let mut writer = context.store.import_writer();
    let revive = options.erased == Erased::Revive;
    load(writer.connection().await?, &mut checked, &corrections, revive, progress).await?;
    name_unknown(writer.connection().await?, &mut checked.imported.kept).await?;
    if options.dry_run {
        let conn = writer.connection().await?;
        checked.imported.revision = imports::compare(conn, removal(&checked, options), checked.lacking).await?;
        checked.imported.changes = Some(changes::read(conn, &checked, true).await?);
        writer.close().await;
    } else {
        let known = (actor, tombstones.stored, &corrections);
        let changes = write((context, subjects), &mut writer, known, &checked, options).await?;
        checked.imported.changes = Some(changes);
        writer.close().await;
        if revive {
            // Once the marks are in the database, the next exchange completes the journal: the import is done.
            checked.imported.unwritten = match subjects.write_journal().await {
                Ok(unwritten) => unwritten.map(|error| error.to_string()),
                Err(error) => Some(error.to_string()),
            };
        }
    }
    progress(1.0);
    Ok(checked.imported)
}

/// Does work that keeps a processor busy for seconds: at a server, other tasks of this thread go on beside it.
fn apart<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        // There is no other thread that the tasks could go on in.
        _ => work(),
    }
}

/// The sheet that the rows of a workbook are of, and how to read another one.
fn place(file: &About) -> Option<String> {
    let other = if file.other_sheets.is_empty() { "" } else { ": `--sheet NAME` reads another" };
    file.place().map(|place| place + other)
}

/// Tells customers with a skipped row that keep what they have from those that have nothing.
async fn name_unknown(conn: &mut crate::store::Conn, kept: &mut Kept) -> Result<(), StoreError> {
    if !kept.customers.is_empty() {
        kept.unknown = import_changes::unknown_kept(conn, u32::try_from(REPORTED).unwrap_or(u32::MAX)).await?;
        kept.customers.retain(|account| kept.unknown.binary_search(account).is_err());
    }
    Ok(())
}

/// Refuses a file with bad rows that are not to be skipped, an empty one, and one that would make most customers leave.
async fn accept(context: &Context, checked: &mut Checked, options: &ImportOptions) -> Result<(), ImportError> {
    let imported = &mut checked.imported;
    let nothing_to_store = imported.customers == 0;
    if !imported.invalid.is_empty() && (!options.skip_invalid || nothing_to_store) {
        return Err(ImportError::Invalid(BadRows {
            problems: std::mem::take(&mut imported.invalid),
            more: imported.invalid_more,
            groups: std::mem::take(&mut imported.mistakes),
            ungrouped: imported.mistakes_more,
            has_header: imported.has_header,
            has_good: !nothing_to_store,
            place: place(&imported.file),
        }));
    }
    if nothing_to_store {
        let text = "the file has a header and no rows under it";
        let place = place(&imported.file);
        return Err(ImportError::Invalid(BadRows { place, ..BadRows::of(Problem::new(0, "", text)) }));
    }
    if options.replace && !options.allow_shrink {
        let active = customers::count_active(&mut *context.store.read().await?).await?;
        if imported.customers * 2 < active {
            return Err(ImportError::Shrinks { file: imported.customers, active });
        }
    }
    Ok(())
}

/// Compares the file that was loaded beside the database with what is stored, and writes what differs, which it returns. `erased` is the number of
/// tombstones that the file was checked with, and so are the corrections.
async fn write(
    (context, subjects): (&Context, &Subjects),
    writer: &mut Writer,
    (actor, erased, corrections): (&Actor, u64, &Corrections),
    checked: &Checked,
    options: &ImportOptions,
) -> Result<Changes, ImportError> {
    let now = context.clock.now();
    let id = context.random.id(now);
    loop {
        let conn = writer.connection().await?;
        let revision = imports::compare(conn, removal(checked, options), checked.lacking).await?;
        // The revision that was seen stays the one that is compared: if another import commits below, the loop comes here again.
        if options.seen.as_ref().is_some_and(|seen| seen.revision != revision) {
            return Err(ImportError::Outdated);
        }
        let changes = changes::read(conn, checked, false).await?;
        customer_words::gather(conn).await?;
        let mut tx = writer.begin().await?;
        imports::write_customers(&mut tx, &id.to_string(), now).await?;
        // No erasure comes in between from here on; one that came before must not be undone.
        tree::lock_head(&mut tx).await?;
        if tombstones::count(&mut tx).await? != erased {
            return Err(ImportError::Erased);
        }
        if Corrections::load(&mut tx).await? != *corrections {
            return Err(ImportError::Rectified);
        }
        if imports::revision(&mut tx).await? != revision {
            // Another import committed: the differences have changed.
            tx.rollback().await.map_err(StoreError::from)?;
            continue;
        }
        imports::write_contacts(&mut tx, &id.to_string(), now).await?;
        // A file without differences changes nothing that a queue would have to be compared with.
        if imports::differs(&mut tx).await? {
            imports::revise(&mut tx).await?;
        }
        if options.erased == Erased::Revive {
            let revived: BTreeSet<&AddressKey> = checked.imported.erased.iter().map(|row| &row.address).collect();
            subjects.revive(&mut tx, revived).await?;
        }
        let summary = summary(checked, options);
        record_import(context, &mut tx, actor, (id, now), &summary).await?;
        tx.commit().await.map_err(StoreError::from)?;
        return Ok(changes);
    }
}

/// What is removed because the file does not have it.
const fn removal(checked: &Checked, options: &ImportOptions) -> Removal {
    match (checked.bad.unattributed, options.replace) {
        (1.., _) => Removal::Nothing,
        (0, true) => Removal::Everywhere,
        (0, false) => Removal::InFile,
    }
}

async fn record_import(
    context: &Context,
    conn: &mut crate::store::Conn,
    actor: &Actor,
    (id, now): (Uuid, Timestamp),
    summary: &str,
) -> Result<(), StoreError> {
    let operation = Operation::new(Action::Import).object(id).reason(summary);
    record(conn, actor, &operation, now, &context.random).await
}

/// What the ledger says about an import.
fn summary(checked: &Checked, options: &ImportOptions) -> String {
    let Imported { customers, contacts, sha256, erased, .. } = &checked.imported;
    let mut text = format!("sha256 {sha256}; {customers} customers, {contacts} contacts");
    if checked.bad.rows > 0 {
        text += &format!(", {} rows skipped", checked.bad.rows);
    }
    text += match removal(checked, options) {
        Removal::Everywhere => ", customers that are not in the file left",
        Removal::InFile => "",
        Removal::Nothing => ", nothing was removed",
    };
    if options.erased == Erased::Revive && !erased.is_empty() {
        text += &format!(", {} erased persons stored again", erased.len());
    }
    text
}
