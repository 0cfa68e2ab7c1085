//! The first pass: everything that is wrong, in the rows and between them.

use std::collections::BTreeSet;
use std::io::Read;

use tempfile::SpooledTempFile;

use super::between::Between;
use super::corrections::Corrections;
use super::load::CHUNK;
use super::rows::Rows;
use super::spool::{Spooling, import_error};
use super::{ErasedRow, ImportError, Imported, Kept, REPORTED};
use crate::domain::customers_file::BadRow;
use crate::domain::problem::Problem;
use crate::people::subjects::Tombstones;

/// The share of the work that is done when the file is checked.
pub(super) const CHECKED: f64 = 0.3;

/// A file that was checked.
pub(super) struct Checked {
    /// What an import of it does.
    pub(super) imported: Imported,
    /// Its copy.
    pub(super) copy: SpooledTempFile,
    /// Its size in bytes.
    pub(super) size: u64,
    /// Its bad rows.
    pub(super) bad: Bad,
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
    problems: Vec<Problem>,
    more: u64,
    kept: BTreeSet<String>,
    kept_more: u64,
    lines: Vec<usize>,
}

impl Bad {
    fn add(&mut self, line: usize, row: BadRow) {
        self.rows += 1;
        for problem in row.problems {
            if self.problems.len() < REPORTED {
                self.problems.push(problem);
            } else {
                self.more += 1;
            }
        }
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
}

/// Reads and checks a file.
pub(super) fn check<R: Read>(
    reader: R,
    size: Option<u64>,
    (erased, corrections): (&Tombstones, &Corrections),
    progress: &(dyn Fn(f64) + Sync),
) -> Result<Checked, ImportError> {
    let mut rows = Rows::open(Spooling::new(reader), size).map_err(import_error)?;
    let mut between = Between::new(size);
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
            progress(rows.share() * CHECKED);
        }
    }
    let found = between.found().map_err(ImportError::Spool)?;
    imported.customers = found.customers;
    let rows_right = imported.contacts + imported.erased.len() as u64 - found.lines.len() as u64;
    imported.rectified.retain(|line| found.lines.binary_search(line).is_err());
    imported.erased.retain(|row| found.lines.binary_search(&row.line).is_err());
    imported.contacts = rows_right - imported.erased.len() as u64;
    bad.rows += found.lines.len() as u64;
    bad.contradicting = found.lines;
    let room = REPORTED - bad.problems.len();
    bad.more += found.more + found.problems.len().saturating_sub(room) as u64;
    bad.problems.extend(found.problems.into_iter().take(room));
    bad.problems.sort_by_key(|problem| problem.line);
    let (copy, sha256) = rows.into_reader().finish()?;
    imported.sha256 = data_encoding::HEXLOWER.encode(&sha256);
    imported.invalid = std::mem::take(&mut bad.problems);
    imported.invalid_more = bad.more;
    imported.kept = Kept {
        customers: std::mem::take(&mut bad.kept).into_iter().collect(),
        more: bad.kept_more,
        unattributed: std::mem::take(&mut bad.lines),
    };
    Ok(Checked { imported, copy, size: size.unwrap_or(0), bad })
}
