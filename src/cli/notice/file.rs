//! Notice files: the only place that knows where a notice and the rows of its audience are on the disk.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::cli::failure::Failure;
use crate::domain::audience::Audience;
use crate::domain::notice::Notice;
use crate::domain::problem::Problems;
use crate::domain::rows_file::Rows;
use crate::notices::Draft;

/// Why a file is not a notice.
#[derive(Debug, Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is invalid.
    #[error("`{path}` is not valid:\n{problems}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All problems.
        problems: Problems,
    },
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::invalid(error)
    }
}

/// Reads a notice file, and its audience file, whose path is relative to it.
///
/// # Errors
/// If a file cannot be read, or with all problems in one.
pub fn read(path: &Path) -> Result<Draft, FileError> {
    let invalid = |problems| FileError::Invalid { path: path.to_owned(), problems };
    let source = String::from_utf8(bytes(path)?).map_err(|_| {
        let mut problems = Problems::default();
        problems.add(0, "", "the file is not UTF-8: save it as UTF-8");
        invalid(problems)
    })?;
    let notice = Notice::parse(source.strip_prefix('\u{FEFF}').unwrap_or(&source)).map_err(invalid)?;
    let rows = match &notice.audience {
        Audience::Rows { file } => Some(rows(&path.parent().unwrap_or(Path::new("")).join(file))?),
        _ => None,
    };
    Draft::of(&source, rows).map_err(invalid)
}

fn rows(path: &Path) -> Result<Rows, FileError> {
    Rows::parse(&bytes(path)?).map_err(|problems| FileError::Invalid { path: path.to_owned(), problems })
}

fn bytes(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(|source| FileError::Read { path: path.to_owned(), source })
}
