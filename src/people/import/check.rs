//! The first pass: everything that is wrong, in the rows and between them.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::atomic::Ordering;

use tempfile::SpooledTempFile;

use super::between::{Between, Found};
use super::corrections::Corrections;
use super::gathered::Gathered;
use super::load::CHUNK;
use super::rows::Rows;
use super::spool::{Digesting, Spooling, import_error};
use super::{ErasedRow, ImportError, ImportOptions, Imported, Kept, REPORTED};
use crate::domain::customers_file::{BadRow, COLUMNS};
use crate::domain::table::{self, Layout, Source, TableError, Wanted};
use crate::people::subjects::Tombstones;
use crate::store::people::imports::Lacking;

/// The share of the work that is done when the file is checked.
pub(super) const CHECKED: f64 = 0.3;

/// A file that was checked.
pub(super) struct Checked {
    /// What an import of it does.
    pub(super) imported: Imported,
    /// A copy of its text.
    pub(super) copy: SpooledTempFile,
    /// The size of the copy in bytes.
    pub(super) size: u64,
    /// How to read the copy.
    pub(super) layout: Layout,
    /// Its bad rows.
    pub(super) bad: Bad,
    /// The columns that it does not have.
    pub(super) lacking: Lacking,
    /// The attributes that it has a column for.
    pub(super) attributes: Vec<String>,
}

/// The bad rows of a file.
#[derive(Default)]
pub(super) struct Bad {
    /// How many there are.
    pub(super) rows: u64,
    /// How many of them cannot be attributed to a customer.
    pub(super) unattributed: u64,
    /// Lines of those that are right by themselves but contradict an earlier row, in order.
    pub(super) contradicting: Vec<usize>,
    gathered: Gathered,
    kept: BTreeSet<String>,
    kept_more: u64,
    lines: Vec<usize>,
}

impl Bad {
    fn add(&mut self, line: usize, row: BadRow) {
        self.rows += 1;
        row.problems.into_iter().for_each(|problem| self.gathered.add(problem));
        match row.account_id {
            Some(account) if self.kept.len() < REPORTED => drop(self.kept.insert(account.as_str().to_owned())),
            Some(account) if self.kept.contains(account.as_str()) => {}
            Some(_) => self.kept_more += 1,
            None => {
                self.unattributed += 1;
                if self.lines.len() < REPORTED {
                    self.lines.push(line);
                }
            }
        }
    }

    fn report(&mut self, imported: &mut Imported) {
        let bad = std::mem::take(&mut self.gathered).finish();
        (imported.invalid, imported.invalid_more) = (bad.problems, bad.more);
        (imported.mistakes, imported.mistakes_more) = (bad.groups, bad.ungrouped);
        imported.kept = Kept {
            customers: std::mem::take(&mut self.kept).into_iter().collect(),
            more: self.kept_more,
            unknown: Vec::new(),
            unattributed: std::mem::take(&mut self.lines),
        };
    }
}

/// Reads and checks a file.
pub(super) fn check<R: Read + Send>(
    reader: R,
    options: &ImportOptions,
    (erased, corrections): (&Tombstones, &Corrections),
    progress: &(dyn Fn(f64) + Sync),
) -> Result<Checked, ImportError> {
    let mut file = Digesting::new(reader);
    let read = file.count();
    let wanted = Wanted { names: &COLUMNS, encoding: options.encoding, sheet: options.sheet.as_deref() };
    let Source { reader, layout, about } = table::open(&mut file, wanted).map_err(import_error)?;
    let empty = |error| if matches!(error, TableError::Empty) { about.empty() } else { error };
    let mut rows = Rows::open(Spooling::new(reader), layout).map_err(empty).map_err(import_error)?;
    // The rows of a file that is unpacked are more than its size says.
    let mut between = Between::new(options.size.filter(|_| !about.gzip && about.sheet.is_none()));
    let (mut imported, mut bad) = (Imported::default(), Bad::default());
    let mut count = 0_usize;
    while let Some((line, row)) = rows.next().map_err(import_error)? {
        match row {
            Ok(mut row) => {
                // As it is written: a file may have the old address and the corrected one.
                between.note(line, &row).map_err(ImportError::Spool)?;
                if corrections.apply(&mut row) {
                    imported.rectified.push(line);
                }
                let address = row.contact.email.key();
                match erased.erased_at(&address) {
                    // The customer stays; only the person is gone.
                    Some(erased_at) => imported.erased.push(ErasedRow { line, erased_at, address }),
                    None => imported.contacts += 1,
                }
            }
            Err(row) => bad.add(line, row),
        }
        count += 1;
        if count.is_multiple_of(CHUNK) {
            progress(share(read.load(Ordering::Relaxed), options.size) * CHECKED);
        }
    }
    imported.has_header = rows.has_header();
    let (lacking, attributes) = rows.columns();
    let found = between.found(|problem| bad.gathered.add(problem)).map_err(ImportError::Spool)?;
    without_contradicting(&mut imported, &found);
    bad.rows += found.lines.len() as u64;
    bad.contradicting = found.lines;
    let (mut copy, size) = rows.into_reader().finish()?;
    found.renamed.show(&mut copy, layout, &mut bad.gathered)?;
    bad.report(&mut imported);
    imported.sha256 = data_encoding::HEXLOWER.encode(&file.finish());
    imported.file = about;
    Ok(Checked { imported, copy, size, layout, bad, lacking, attributes })
}

/// Counts the rows without those that contradict others.
fn without_contradicting(imported: &mut Imported, found: &Found) {
    imported.customers = found.customers;
    let rows_right = imported.contacts + imported.erased.len() as u64 - found.lines.len() as u64;
    imported.rectified.retain(|line| found.lines.binary_search(line).is_err());
    imported.erased.retain(|row| found.lines.binary_search(&row.line).is_err());
    imported.contacts = rows_right - imported.erased.len() as u64;
}

/// The share of a file that was read, as far as its size is known.
#[expect(clippy::cast_precision_loss, reason = "a share for a progress bar")]
pub(super) fn share(read: u64, size: Option<u64>) -> f64 {
    size.filter(|size| *size > 0).map_or(0.0, |size| (read as f64 / size as f64).min(1.0))
}
