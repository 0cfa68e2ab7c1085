//! Reading a notice from its file, with the rows of its audience file.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use uuid::Uuid;

use crate::domain::audience::Audience;
use crate::domain::notice::{Notice, content_digest};
use crate::domain::placeholder::Placeholder;
use crate::domain::problem::{Problem, Problems};
use crate::domain::rows_file::Rows;
use crate::store::notices::Written;

/// A notice file that is valid, and the rows of its audience file.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The file as written.
    pub source: String,
    /// What it says.
    pub notice: Notice,
    /// The rows of its audience file, where it has one.
    pub rows: Option<Rows>,
    /// Digest of both.
    pub digest: [u8; 32],
}

/// Why a file is not a draft.
#[derive(Debug, Error)]
pub enum DraftError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is wrong.
    #[error("`{path}` is not valid:\n{problems}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong.
        problems: Problems,
    },
}

impl Draft {
    /// Reads and checks a notice file; the path of an audience file is relative to it.
    ///
    /// # Errors
    /// Where a file cannot be read, or with everything that is wrong with it.
    pub fn read(path: &Path) -> Result<Self, DraftError> {
        let bytes = read(path)?;
        let invalid = |problems| DraftError::Invalid { path: path.to_owned(), problems };
        let source = String::from_utf8(bytes).map_err(|_| {
            let mut problems = Problems::default();
            problems.add(0, "", "the file is not UTF-8: save it as UTF-8");
            invalid(problems)
        })?;
        let source = source.strip_prefix('\u{FEFF}').unwrap_or(&source).to_owned();
        let notice = Notice::parse(&source).map_err(invalid)?;
        let rows = match &notice.audience {
            Audience::Rows { file } => Some(read_rows(&path.parent().unwrap_or(Path::new("")).join(file))?),
            _ => None,
        };
        let problems = unknown_columns(&notice, rows.as_ref().map(|rows| rows.columns.as_slice()));
        if !problems.is_empty() {
            return Err(invalid(Problems(problems)));
        }
        let mut draft = Self { source, notice, rows, digest: [0; 32] };
        let stored = draft.stored_rows();
        let parts = stored.iter().flat_map(|(account, data)| [account.as_str(), data.as_str()]);
        draft.digest = content_digest(&draft.source, parts);
        Ok(draft)
    }

    /// As it is kept.
    pub(super) fn written<'a>(&'a self, subject: &'a str, follows_id: Option<Uuid>, author: &'a str) -> Written<'a> {
        Written {
            category: self.notice.category,
            reference: self.notice.reference.as_deref(),
            subject,
            follows_id,
            source: &self.source,
            digest: self.digest,
            author,
            send_at: self.notice.send_at,
        }
    }

    /// The rows as they are kept: account ids, and JSON objects of column and value.
    pub(super) fn stored_rows(&self) -> Vec<(String, String)> {
        let rows = self.rows.iter().flat_map(|rows| &rows.rows);
        rows.map(|(account, values)| {
            let data = serde_json::to_string(values).expect("a map of texts serialises");
            (account.as_str().to_owned(), data)
        })
        .collect()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, DraftError> {
    std::fs::read(path).map_err(|source| DraftError::Read { path: path.to_owned(), source })
}

fn read_rows(path: &Path) -> Result<Rows, DraftError> {
    Rows::parse(&read(path)?).map_err(|problems| DraftError::Invalid { path: path.to_owned(), problems })
}

/// Placeholders that name a column the audience file does not have.
fn unknown_columns(notice: &Notice, columns: Option<&[String]>) -> Vec<Problem> {
    let unknown = notice.placeholders().into_iter().filter_map(|placeholder| match placeholder {
        Placeholder::Row(column) => match columns {
            None => Some((column, "needs an audience `file` with this column".to_owned())),
            Some(columns) if !columns.contains(&column) => {
                let problem = format!("the audience file has no such column (it has {})", columns.join(", "));
                Some((column, problem))
            }
            Some(_) => None,
        },
        _ => None,
    });
    unknown.map(|(column, problem)| Problem { line: 0, field: format!("row.{column}"), problem }).collect()
}
