//! What a file is, by its first bytes: a table, or one of the files that are mistaken for one.

use std::fmt;

use crate::domain::table::TableError;

/// A kind of file that is read, or unpacked to see further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text: CSV, as far as it can be known.
    Text,
    /// gzip data.
    Gzip,
    /// A zip archive: workbooks are such.
    Zip,
}

/// A file that is not read: what it is, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    what: String,
    remedy: &'static str,
}

impl Foreign {
    pub(super) fn new(what: impl Into<String>, remedy: &'static str) -> Self {
        Self { what: what.into(), remedy }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.remedy)
    }
}

const SAVE: &str = "save the table as CSV or .xlsx";
const UNPACK: &str = "unpack it first; gzip and workbooks are read as they are";
const EXPORT: &str = "export the table as CSV";

/// First bytes, what such a file is, and what to do.
const MAGIC: [(&[u8], &str, &str); 16] = [
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Excel workbook (.xls), or one with a password",
        "save it without a password as .xlsx or CSV",
    ),
    (b"BZh", "bzip2 data", UNPACK),
    (b"\xfd7zXZ\0", "xz data", UNPACK),
    (b"\x28\xb5\x2f\xfd", "zstd data", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"%PDF-", "a PDF", EXPORT),
    (b"PAR1", "a Parquet file", EXPORT),
    (b"SQLite format 3\0", "an SQLite database", EXPORT),
    (b"{\\rtf", "a text document (RTF)", SAVE),
    (b"\xff\xfe\0\0", "UTF-32 text", "save it as UTF-8"),
    (b"\0\0\xfe\xff", "UTF-32 text", "save it as UTF-8"),
    (b"\x89PNG", "a picture", EXPORT),
    (b"\xff\xd8\xff", "a picture", EXPORT),
    (b"bplist0", "a property list", EXPORT),
    (b"\x7fELF", "a program", EXPORT),
];

/// What text that is no table begins with, in lower case.
const TEXTS: [(&str, &str, &str); 12] = [
    ("<!doctype html", "a web page, although its name may say otherwise", SAVE),
    ("<html", "a web page, although its name may say otherwise", SAVE),
    ("<table", "a web page, although its name may say otherwise", SAVE),
    ("<meta", "a web page, although its name may say otherwise", SAVE),
    ("<?xml", "XML, perhaps an Excel 2003 spreadsheet", SAVE),
    ("{\"", "JSON", EXPORT),
    ("[{", "JSON", EXPORT),
    ("[\"", "JSON", EXPORT),
    ("begin:vcard", "an address book of vCards", EXPORT),
    ("dn:", "LDIF, an export of a directory", EXPORT),
    ("copy ", "a dump of a database", EXPORT),
    ("--\n-- postgresql", "a dump of a database", EXPORT),
];

/// Recognises a file by its first bytes. With a `named` encoding, bytes of zero are part of the text.
///
/// # Errors
/// If it is empty or of a kind that is not read.
pub fn of(start: &[u8], named: bool) -> Result<Kind, TableError> {
    if start.is_empty() {
        return Err(TableError::Empty);
    }
    if start.starts_with(b"\x1f\x8b") {
        return Ok(Kind::Gzip);
    }
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return Ok(Kind::Zip);
    }
    if let Some((_, what, remedy)) = MAGIC.iter().find(|(magic, ..)| start.starts_with(magic)) {
        return Err(TableError::Foreign(Foreign::new(*what, remedy)));
    }
    let has_mark = start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff");
    if !named && !has_mark && start.contains(&0) {
        return Err(TableError::Foreign(with_zeros(start)));
    }
    let text = String::from_utf8_lossy(&start[..start.len().min(64)]).to_lowercase();
    let text = text.trim_start_matches(['\u{feff}', ' ', '\r', '\n', '\t']);
    match TEXTS.iter().find(|(begins, ..)| text.starts_with(begins)) {
        Some((_, what, remedy)) => Err(TableError::Foreign(Foreign::new(*what, remedy))),
        None => Ok(Kind::Text),
    }
}

fn with_zeros(start: &[u8]) -> Foreign {
    let zeros = |odd: usize| start.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    // Every other byte of Latin letters is zero in UTF-16.
    let most = start.len() / 2 * 3 / 4;
    match (zeros(0), zeros(1)) {
        (even, odd) if start.len() > 3 && odd >= most && even == 0 => {
            Foreign::new("UTF-16 without a byte order mark", "save it as UTF-8, or name it: `--encoding utf-16le`")
        }
        (even, odd) if start.len() > 3 && even >= most && odd == 0 => {
            Foreign::new("UTF-16 without a byte order mark", "save it as UTF-8, or name it: `--encoding utf-16be`")
        }
        _ => Foreign::new("no text: it has bytes of zero", EXPORT),
    }
}
