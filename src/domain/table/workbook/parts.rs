//! The parts of a workbook before it is read: a few bytes can ask for more memory than a machine has. Whatever the library would
//! allocate because a part says so, and not because the part has it, is added up here first.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use memchr::memrchr;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::{Book, DAMAGED, PASSWORD, SHEET, UNPACKED};
use crate::domain::table::{LONGEST_ROW, TableError};

/// The most bytes of a part that is no sheet.
const PART: u64 = 64 << 20;

/// The bytes of the shortest text in the list of texts.
const SHORTEST_TEXT: u64 = 5;

/// The most cells in all sheets together, those between values among them: the library holds a sheet as a rectangle.
const CELLS: u64 = 4_000_000;

/// Rows and columns that a sheet can have.
const ROWS: u64 = 1 << 20;
const COLUMNS: u64 = 1 << 14;

/// Checks that a workbook can be read in bounded memory.
pub(super) fn check(bytes: &[u8], book: Book) -> Result<(), TableError> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|_| DAMAGED)?;
    if has_password(&mut zip)? {
        return Err(PASSWORD);
    }
    let mut left = UNPACKED;
    for index in 0..zip.len() {
        let file = zip.by_index(index).map_err(|_| DAMAGED)?;
        let name = file.name().map_err(|_| DAMAGED)?.to_lowercase();
        let is_sheet = name.contains("worksheets/") || name == "content.xml";
        let limit = if is_sheet { left } else { left.min(PART) };
        let mut part = Part { reader: file.take(limit), is_xml: name.ends_with(".xml"), read: 0, since: 0 };
        let checked = match book {
            Book::Ods if name == "content.xml" => sheets(BufReader::new(&mut part)),
            Book::Xlsx if name.ends_with("sharedstrings.xml") => texts(BufReader::new(&mut part)),
            _ => Ok(()),
        };
        // The part itself knows best why it could not be read.
        let rest = io::copy(&mut part, &mut io::sink());
        match (rest, checked) {
            (Err(_), _) if part.since > LONGEST_ROW => {
                return Err(TableError::LargeWorkbook("a cell of more than 1 MB"));
            }
            (_, Err(error)) => return Err(error),
            (Err(_), Ok(())) => return Err(DAMAGED),
            (Ok(_), Ok(())) => {}
        }
        if part.read == limit {
            let what = if limit == PART { "more than 64 MB in one part" } else { "more than 256 MB unpacked" };
            return Err(TableError::LargeWorkbook(what));
        }
        left -= part.read;
    }
    Ok(())
}

/// True if a part can only be read with a password.
fn has_password(zip: &mut ZipArchive<Cursor<&[u8]>>) -> Result<bool, TableError> {
    for index in 0..zip.len() {
        if zip.by_index_raw(index).map_err(|_| DAMAGED)?.encrypted() {
            return Ok(true);
        }
    }
    let mut manifest = Vec::new();
    if let Ok(file) = zip.by_name("META-INF/manifest.xml") {
        file.take(LONGEST_ROW).read_to_end(&mut manifest).map_err(|_| DAMAGED)?;
    }
    Ok(memchr::memmem::find(&manifest, b"manifest:encryption-data").is_some())
}

/// A part as it is read. In XML, which the library reads from one `<` to the next, these must be near each other.
struct Part<R> {
    reader: R,
    is_xml: bool,
    read: u64,
    /// Bytes since the last `<`.
    since: u64,
}

impl<R: Read> Read for Part<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_xml && self.since > LONGEST_ROW {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let count = self.reader.read(buffer)?;
        self.read += count as u64;
        self.since = match memrchr(b'<', &buffer[..count]) {
            Some(at) => (count - at) as u64,
            None => self.since + count as u64,
        };
        Ok(count)
    }
}

/// Checks how many texts a list says that it has: the library makes room for all of them.
fn texts(part: impl BufRead) -> Result<(), TableError> {
    let (mut xml, mut buffer) = (Reader::from_reader(part), Vec::new());
    loop {
        match xml.read_event_into(&mut buffer).map_err(|_| DAMAGED)? {
            Event::Start(tag) if tag.local_name().as_ref() == "sst" => {
                let said = number(&tag, "uniqueCount").unwrap_or(0);
                let fits = said <= PART / SHORTEST_TEXT;
                return if fits { Ok(()) } else { Err(TableError::LargeWorkbook("more texts than fit into 64 MB")) };
            }
            Event::Eof => return Ok(()),
            _ => buffer.clear(),
        }
    }
}

/// Checks what the sheets of an OpenDocument workbook become when rows and cells are repeated as often as they say. Every element must
/// end: the library looks for the end of a sheet for ever.
fn sheets(part: impl BufRead) -> Result<(), TableError> {
    let mut xml = Reader::from_reader(part);
    let (mut buffer, mut sheets, mut depth) = (Vec::new(), Sheets::default(), 0_u64);
    loop {
        match xml.read_event_into(&mut buffer).map_err(|_| DAMAGED)? {
            Event::Start(tag) => {
                depth += 1;
                sheets.open(&tag);
            }
            Event::Empty(tag) => sheets.open(&tag),
            // One that ends another element, or none, is an error of the reader.
            Event::End(_) => depth -= 1,
            Event::Text(text) => sheets.add(text.len() as u64),
            Event::Eof => return if depth == 0 { Ok(()) } else { Err(DAMAGED) },
            _ => {}
        }
        if sheets.cells() > CELLS {
            return Err(TableError::LargeWorkbook("more than 4 million cells"));
        }
        if sheets.bytes > SHEET as u64 {
            return Err(TableError::LargeWorkbook("more than 64 MB in its sheets"));
        }
        buffer.clear();
    }
}

/// What was read of the sheets so far.
#[derive(Default)]
struct Sheets {
    /// Cells of the sheets before.
    before: u64,
    /// Bytes of values, with each repetition.
    bytes: u64,
    /// The rows of the present sheet, its last row with a value, and its widest one.
    rows: u64,
    last: u64,
    widest: u64,
    /// How often the present row and the present cell are repeated, and the columns of the row.
    row_times: u64,
    cell_times: u64,
    columns: u64,
}

impl Sheets {
    fn open(&mut self, tag: &BytesStart<'_>) {
        match tag.name().as_ref() {
            "table:table" => *self = Self { before: self.cells(), bytes: self.bytes, ..Self::default() },
            "table:table-row" => {
                self.row_times = number(tag, "table:number-rows-repeated").unwrap_or(1).min(ROWS);
                self.rows = (self.rows + self.row_times).min(ROWS);
                self.columns = 0;
            }
            "table:table-cell" | "table:covered-table-cell" => {
                self.cell_times = number(tag, "table:number-columns-repeated").unwrap_or(1).min(COLUMNS);
                self.columns = (self.columns + self.cell_times).min(COLUMNS);
                let mut attributes = tag.attributes();
                let mut names = attributes.with_checks(false).flatten();
                if names.any(|it| it.key.as_ref().starts_with("office:") || it.key.as_ref() == "table:formula") {
                    self.widest = self.widest.max(self.columns);
                    self.last = self.rows;
                    self.add(tag.len() as u64);
                }
            }
            "text:s" => self.add(number(tag, "text:c").unwrap_or(1)),
            _ => {}
        }
    }

    /// Adds bytes of the present cell.
    fn add(&mut self, bytes: u64) {
        let times = self.row_times * self.cell_times;
        self.bytes = self.bytes.saturating_add(bytes.saturating_mul(times));
    }

    const fn cells(&self) -> u64 {
        self.before + self.last * self.widest
    }
}

/// The number in an attribute; the largest one for a number that is too large.
pub(super) fn number(tag: &BytesStart<'_>, name: &str) -> Option<u64> {
    let value = tag.try_get_attribute(name).ok()??.value;
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| value.parse().unwrap_or(u64::MAX))
}
