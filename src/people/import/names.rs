//! The names of a customer that a file names in two ways: only hashes are compared, so the names are read once more for the report.

use std::collections::HashMap;
use std::io::{Seek as _, SeekFrom};

use tempfile::SpooledTempFile;

use super::gathered::Gathered;
use super::rows::Rows;
use super::spool::import_error;
use super::{ImportError, REPORTED};
use crate::domain::problem::shown;
use crate::domain::table::Layout;

/// Lines whose customer has another name in an earlier line, with that line: the first [`REPORTED`] of them.
#[derive(Debug, Default)]
pub(super) struct Renamed(Vec<(usize, usize)>);

impl Renamed {
    pub(super) fn add(&mut self, line: usize, first: usize) {
        if self.0.len() < REPORTED {
            self.0.push((line, first));
        }
    }

    /// Adds both names to the problems of these lines. The copy of the file is at its beginning then.
    pub(super) fn show(
        &self,
        copy: &mut SpooledTempFile,
        layout: Layout,
        gathered: &mut Gathered,
    ) -> Result<(), ImportError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut names: HashMap<usize, Option<String>> =
            self.0.iter().flat_map(|(line, first)| [(*line, None), (*first, None)]).collect();
        let mut rows = Rows::open(&mut *copy, layout).map_err(import_error)?;
        while let Some((line, row)) = rows.next().map_err(import_error)? {
            if let (Some(name), Ok(row)) = (names.get_mut(&line), row) {
                *name = Some(row.customer_name);
            }
        }
        let name = |line: &usize| names.get(line).cloned().flatten().unwrap_or_default();
        for (line, first) in &self.0 {
            let (here, there) = (shown(&name(line)), shown(&name(first)));
            gathered.correct(*line, "customer_name", |problem| {
                problem.value = Some(here.clone());
                problem.problem = format!("is not the name that this account has in line {first}, `{there}`");
            });
        }
        copy.seek(SeekFrom::Start(0)).map_err(ImportError::Spool)?;
        Ok(())
    }
}
