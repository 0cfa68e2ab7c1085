//! Tables: CSV files and workbooks as people's tools make them. [`open`] finds out what a file is, before any row is judged;
//! [`records::Records`] reads its rows, in flat memory and only once.

pub mod cell;
pub mod header;
pub mod kind;
pub mod records;
pub mod text;
pub mod workbook;

use std::fmt;
use std::io::{self, Cursor, Read};

use encoding_rs::Encoding;
use flate2::read::MultiGzDecoder;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::domain::table::kind::{Foreign, Kind};
use crate::domain::table::text::Start;
use crate::domain::words::count;

/// The longest row in bytes: a file without line breaks is no table, and must not fill the memory.
pub const LONGEST_ROW: u64 = 1 << 20;

/// Sheets that are named in a summary.
const NAMED: usize = 5;

/// Bytes by which the kind of a file is recognised.
const RECOGNISED_BY: u64 = 4096;

/// Why a file as a whole is no table that is read.
#[derive(Debug, Error)]
pub enum TableError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(io::Error),
    /// A file of another kind.
    #[error("the file is {0}")]
    Foreign(Foreign),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// There is nothing in the sheet that was read.
    #[error("the sheet `{sheet}` of the workbook is empty{}", elsewhere(.others))]
    EmptySheet {
        /// The sheet.
        sheet: String,
        /// The other sheets.
        others: Vec<String>,
    },
    /// The workbook has no sheet of the name that was asked for.
    #[error("the workbook has no sheet `{wanted}`: it has {has}")]
    NoSuchSheet {
        /// The name.
        wanted: String,
        /// Its sheets.
        has: String,
    },
    /// A sheet was asked for, and the file has none.
    #[error("the file is no workbook: it has no sheets to choose from")]
    NoSheets,
    /// Another character stands between the columns.
    #[error("the file is separated by `{}`: save it with commas, semicolons or tabs between the columns", .0.escape_debug())]
    Separator(char),
    /// A quote without its other half.
    #[error("the quote opened in line {0} is not closed")]
    OpenQuote(usize),
    /// A quote whose other half is further away than a row may be long.
    #[error("the quote opened in line {0} is not closed within {LONGEST_ROW} bytes, which is the longest row")]
    LongQuote(usize),
    /// No row of a table is so long.
    #[error("the row in line {0} is longer than {LONGEST_ROW} bytes: this is no table with a line for each row")]
    LongRow(usize),
    /// The data between gzip's header and its checksum.
    #[error("the file is gzip data that is damaged or ends early: make or copy it again")]
    Gzip,
    /// A workbook that cannot be read.
    #[error("the workbook cannot be read: {0}")]
    Workbook(&'static str),
    /// A workbook is read into memory.
    #[error("the workbook is larger than Besked reads ({0}): save the sheet as CSV")]
    LargeWorkbook(&'static str),
    /// A value where no table has one.
    #[error(
        "the sheet has a value far from the table, in column {column} of row {row}: delete it, or save the table as CSV"
    )]
    FarCell {
        /// The row, counted from 1.
        row: u32,
        /// The column, counted from 1.
        column: usize,
    },
}

impl From<io::Error> for TableError {
    fn from(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Read)
    }
}

impl From<TableError> for io::Error {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Read(error) => error,
            other => Self::other(other),
        }
    }
}

/// How the rows of a text follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What stands between the columns.
    pub separator: u8,
    /// Lines of the file before the text.
    pub lines_before: usize,
    /// Rows are counted and not lines: those of a sheet, or of a file without line feeds.
    pub by_row: bool,
}

/// What a file turned out to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct About {
    /// `csv`, `xlsx` or `ods`.
    pub format: &'static str,
    /// What stands between the columns of a CSV file.
    #[serde(serialize_with = "separator_text")]
    pub separator: Option<u8>,
    /// The encoding of a CSV file.
    pub encoding: Option<&'static str>,
    /// True for gzip.
    pub gzip: bool,
    /// The sheet of a workbook that was read.
    pub sheet: Option<String>,
    /// The other sheets, which are not read.
    pub other_sheets: Vec<String>,
    /// Those of all sheets that are hidden.
    pub hidden_sheets: Vec<String>,
    /// Rows of the sheet that are hidden, and read all the same.
    pub hidden_rows: u64,
}

/// Some names of sheets in words.
fn named<'a>(names: impl Iterator<Item = &'a String>) -> String {
    listed(&names.map(|it| format!("`{}`", it.escape_debug())).collect::<Vec<_>>())
}

fn listed(names: &[String]) -> String {
    let first = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Where else a table may be.
fn elsewhere(others: &[String]) -> String {
    match others.len() {
        0 => String::new(),
        _ => format!("; the workbook also has {}", named(others.iter())),
    }
}

impl About {
    /// Why there are no rows.
    #[must_use]
    pub fn empty(&self) -> TableError {
        self.sheet.clone().map_or(TableError::Empty, |sheet| {
            let others = self.other_sheets.clone();
            TableError::EmptySheet { sheet, others }
        })
    }

    /// The sheet that the rows are of, for errors about them.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let sheet = self.sheet.as_ref()?;
        Some(format!("these are rows of the sheet `{}`{}", sheet.escape_debug(), elsewhere(&self.other_sheets)))
    }
}

fn separator_text<S: Serializer>(separator: &Option<u8>, serializer: S) -> Result<S::Ok, S::Error> {
    separator.map(|it| char::from(it).to_string()).serialize(serializer)
}

/// What a person did not necessarily expect of the file; nothing for UTF-8 with commas.
impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        match self.separator {
            Some(b';') => words.push("separated by semicolons".to_owned()),
            Some(b'\t') => words.push("separated by tabs".to_owned()),
            _ => {}
        }
        words.extend(self.encoding.filter(|it| *it != "UTF-8").map(|it| format!("read as {it}")));
        words.extend(self.gzip.then(|| "unpacked".to_owned()));
        let name = |sheet: &String| {
            let hidden = if self.hidden_sheets.contains(sheet) { " (hidden)" } else { "" };
            format!("`{}`{hidden}", sheet.escape_debug())
        };
        words.extend(self.sheet.as_ref().map(|sheet| format!("sheet {} of the workbook", name(sheet))));
        if !self.other_sheets.is_empty() {
            words.push(format!("without {}", listed(&self.other_sheets.iter().map(name).collect::<Vec<_>>())));
        }
        if self.hidden_rows > 0 {
            words.push(format!("with {}", count(self.hidden_rows, "row that is hidden", "rows that are hidden")));
        }
        f.write_str(&words.join(", "))
    }
}

/// A file whose kind is known, and its text.
pub struct Source<'a> {
    /// Its rows as UTF-8 text (as far as the file is), without byte order mark and `sep=` line.
    pub reader: Box<dyn Read + Send + 'a>,
    /// How to read them.
    pub layout: Layout,
    /// What the file is.
    pub about: About,
}

/// How a file is to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Names of columns, by which the separator is recognised.
    pub names: &'a [&'a str],
    /// The encoding of a file that has no byte order mark and is not UTF-8.
    pub encoding: Option<&'static Encoding>,
    /// The sheet of a workbook; else the first one that is not hidden.
    pub sheet: Option<&'a str>,
}

/// Finds out what a file is.
///
/// # Errors
/// If it is no table that is read.
pub fn open<'a>(reader: impl Read + Send + 'a, wanted: Wanted<'_>) -> Result<Source<'a>, TableError> {
    let (start, reader) = begun(Box::new(reader), RECOGNISED_BY)?;
    if kind::of(&start, wanted.encoding.is_some())? != Kind::Gzip {
        return plain(&start, reader, wanted);
    }
    let unpacked = Unpacking(MultiGzDecoder::new(reader));
    let (start, reader) = begun(Box::new(unpacked), RECOGNISED_BY)?;
    let mut source = plain(&start, reader, wanted)?;
    source.about.gzip = true;
    Ok(source)
}

fn plain<'a>(start: &[u8], reader: Box<dyn Read + Send + 'a>, wanted: Wanted<'_>) -> Result<Source<'a>, TableError> {
    match kind::of(start, wanted.encoding.is_some())? {
        Kind::Text if wanted.sheet.is_some() => Err(TableError::NoSheets),
        Kind::Text => {
            let (decoded, encoding) = text::decoded(start, reader, wanted.encoding);
            let Start { rest, layout } = text::start(decoded, wanted.names)?;
            let about = About {
                format: "csv",
                separator: Some(layout.separator),
                encoding: Some(encoding.name()),
                ..About::default()
            };
            Ok(Source { reader: rest, layout, about })
        }
        Kind::Zip => {
            let (csv, about) = workbook::read(reader, wanted.sheet)?;
            let layout = Layout { separator: b',', lines_before: 0, by_row: true };
            Ok(Source { reader: Box::new(Cursor::new(csv)), layout, about })
        }
        Kind::Gzip => Err(TableError::Foreign(Foreign::new("gzip data within gzip data", "unpack it once"))),
    }
}

/// The first bytes of a reader, and a reader of all.
fn begun<'a>(
    mut reader: Box<dyn Read + Send + 'a>,
    bytes: u64,
) -> Result<(Vec<u8>, Box<dyn Read + Send + 'a>), TableError> {
    let mut start = Vec::new();
    (&mut reader).take(bytes).read_to_end(&mut start)?;
    let all = Cursor::new(start.clone()).chain(reader);
    Ok((start, Box::new(all)))
}

/// Tells damaged gzip data from a file that cannot be read.
struct Unpacking<R: Read>(MultiGzDecoder<R>);

impl<R: Read> Read for Unpacking<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                TableError::Gzip.into()
            }
            _ => error,
        })
    }
}

/// The encoding of this name, as web pages have them: `windows-1252`, `utf-16le`, `iso-8859-15`.
///
/// # Errors
/// If there is none of this name.
pub fn encoding(name: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label_no_replacement(name.trim().as_bytes()).ok_or_else(|| {
        format!("`{}` is not an encoding such as `windows-1252`, `utf-16le` or `utf-8`", name.escape_debug())
    })
}
