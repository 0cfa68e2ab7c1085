//! Notice files: the only place that knows where a notice and the rows of its audience are on the disk.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::cli::failure::Failure;
use crate::domain::front_matter::audience_file;
use crate::domain::notice::{MAX_SOURCE_BYTES, Notice};
use crate::domain::problem::{Problem, Problems};
use crate::domain::rows_file::{MAX_BYTES, Rows};
use crate::domain::words::cause;
use crate::notices::Draft;

/// Why a file is not a notice.
#[derive(Debug, Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {}", cause(.source))]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The notice or its audience file is invalid.
    #[error("{}", listed(.0))]
    Invalid(Vec<(PathBuf, Problems)>),
}

impl FileError {
    /// The problems in all files; none if a file cannot be read.
    pub fn problems(&self) -> Option<Vec<&Problem>> {
        match self {
            Self::Read { .. } => None,
            Self::Invalid(files) => Some(files.iter().flat_map(|(_, problems)| &problems.0).collect()),
        }
    }
}

fn listed(files: &[(PathBuf, Problems)]) -> String {
    let file = |(path, problems): &(PathBuf, Problems)| format!("`{}` is not valid:\n{problems}", path.display());
    files.iter().map(file).collect::<Vec<_>>().join("\n")
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let hint = match &error {
            FileError::Read { .. } => "name a notice file: Markdown below a front matter between `+++` lines",
            FileError::Invalid(_) => {
                "fix these lines and run `besked notice check FILE` again; docs/files.md has every field"
            }
        };
        Self::invalid(error).hint(hint)
    }
}

/// Reads a notice file, or standard input for `-`, and its audience file, whose path is relative to it. If something in them is wrong, `untimely` finds the
/// problems of the text with the time and the configuration, so that all are reported at once.
///
/// # Errors
/// If the notice file cannot be read, or with all problems in both files.
pub fn read(path: &Path, untimely: impl FnOnce(&str) -> Problems) -> Result<Draft, FileError> {
    let bytes = match path {
        path if path == Path::new("-") => contents(io::stdin(), MAX_SOURCE_BYTES),
        path => File::open(path).and_then(|file| contents(file, MAX_SOURCE_BYTES)),
    };
    let bytes = bytes.map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    if bytes.len() > MAX_SOURCE_BYTES {
        let mut problems = Problems::default();
        problems.add(0, "", format!("the file is larger than {} MB", MAX_SOURCE_BYTES >> 20));
        return Err(FileError::Invalid(vec![(path.to_owned(), problems)]));
    }
    let Ok(source) = String::from_utf8(bytes) else {
        let mut problems = Problems::default();
        problems.add(0, "", "the file is not UTF-8: save it as UTF-8");
        return Err(FileError::Invalid(vec![(path.to_owned(), problems)]));
    };
    let source = source.strip_prefix('\u{FEFF}').unwrap_or(&source);
    let mut refused = Vec::new();
    let draft = match rows(path, source) {
        Ok(rows) => Draft::of(source, rows),
        Err((file, problems)) => {
            let in_notice = Notice::parse(source).err().unwrap_or_default();
            if file == path {
                Err(Problems([in_notice.0, problems.0].concat()))
            } else {
                refused.push((file, problems));
                Err(in_notice)
            }
        }
    };
    let mut problems = match draft {
        Ok(draft) => return Ok(draft),
        Err(problems) => problems,
    };
    problems.0.extend(untimely(source).0);
    if !problems.is_empty() {
        refused.insert(0, (path.to_owned(), problems.limited()));
    }
    Err(FileError::Invalid(refused))
}

/// Reads up to a byte more than a file may have: what has no end must not fill the memory.
pub(super) fn contents(file: impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the audience file that a notice names, or returns its problems. One that cannot be read is a problem of the notice.
fn rows(notice: &Path, source: &str) -> Result<Option<Rows>, (PathBuf, Problems)> {
    let Some(named) = audience_file(source) else { return Ok(None) };
    let path = notice.parent().unwrap_or(Path::new("")).join(&named.path);
    match File::open(&path).and_then(|file| contents(file, MAX_BYTES)) {
        Ok(bytes) => {
            Rows::parse_sheet(&bytes, named.sheet.as_deref()).map(Some).map_err(|problems| (path, problems.limited()))
        }
        Err(error) => {
            let mut problems = Problems::default();
            problems.add(named.line, "audience.file", format!("cannot read `{}`: {}", path.display(), cause(&error)));
            Err((notice.to_owned(), problems))
        }
    }
}
