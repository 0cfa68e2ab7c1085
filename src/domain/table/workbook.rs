//! Workbooks: the first sheet of an .xlsx or .ods file as CSV, a row for each row of the sheet. They are read into memory, within
//! limits; a file that becomes far more than it is, is refused before.

mod parts;

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{Data, DataRef, ExcelDateTime, Ods, Reader as _, Xlsx};
use zip::ZipArchive;

use super::kind::Foreign;
use super::{About, LONGEST_ROW, TableError};

/// The largest workbook in bytes.
const LARGEST: u64 = 32 << 20;

/// The most bytes of its sheet as CSV.
const SHEET: usize = 64 << 20;

/// The most columns: a value far to the right is a slip of the hand, and makes every row as wide.
const COLUMNS: usize = 1_000;

const DAMAGED: TableError = TableError::Workbook(
    "it is damaged or incomplete: open it in a spreadsheet program and save it again, or save its first sheet as CSV",
);

const PASSWORD: TableError = TableError::Workbook("it has a password: save it without one");

const NO_SHEET: TableError = TableError::Workbook("it has no sheet with cells: save the table as CSV");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Book {
    Xlsx,
    Ods,
}

/// Reads the first sheet.
pub(super) fn read(reader: impl Read) -> Result<(Vec<u8>, About), TableError> {
    let mut bytes = Vec::new();
    reader.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(TableError::LargeWorkbook("more than 32 MB"));
    }
    let book = recognised(&bytes)?;
    parts::check(&bytes, book)?;
    let mut rows = Rows {
        csv: csv::WriterBuilder::new().flexible(true).from_writer(Vec::new()),
        row: Vec::new(),
        bytes: 0,
        at: 0,
        width: 0,
    };
    // The library calculates with numbers of a file without checking them.
    let sheets = catch_unwind(AssertUnwindSafe(|| match book {
        Book::Xlsx => xlsx(bytes, &mut rows).map(|names| ("xlsx", names)),
        Book::Ods => ods(bytes, &mut rows).map(|names| ("ods", names)),
    }));
    let (format, names) = sheets.unwrap_or(Err(DAMAGED))?;
    let csv = rows.finish()?;
    let mut names = names.into_iter();
    let about = About { format, sheet: names.next(), other_sheets: names.collect(), ..About::default() };
    Ok((csv, about))
}

/// What kind of workbook a zip archive is, if it is one.
fn recognised(bytes: &[u8]) -> Result<Book, TableError> {
    let archive = || "a zip archive".to_owned();
    let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|_| DAMAGED)?;
    let names: Vec<String> = zip.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect();
    let has = |name: &str| names.iter().any(|it| it == name);
    let mime = || {
        let mut text = String::new();
        let file =
            ZipArchive::new(Cursor::new(bytes)).ok()?.by_name("mimetype").ok()?.take(100).read_to_string(&mut text);
        file.is_ok().then_some(text)
    };
    let foreign = |what: String, remedy| Err(TableError::Foreign(Foreign::new(what, remedy)));
    if has("xl/workbook.xml") {
        return Ok(Book::Xlsx);
    } else if has("xl/workbook.bin") {
        return foreign("a binary Excel workbook (.xlsb)".to_owned(), "save it as .xlsx or CSV");
    } else if has("word/document.xml") {
        return foreign("a text document (.docx)".to_owned(), "save the table as CSV or .xlsx");
    } else if names.iter().any(|name| name.ends_with(".iwa")) {
        return foreign("an Apple Numbers document".to_owned(), "export it as CSV or .xlsx");
    } else if let Some(mime) = has("mimetype").then(mime).flatten() {
        if !mime.starts_with("application/vnd.oasis.opendocument.spreadsheet") {
            return foreign("an OpenDocument file without sheets".to_owned(), "save the table as CSV, .ods or .xlsx");
        }
        return Ok(Book::Ods);
    } else if has("mimetype") && has("content.xml") {
        // Its type cannot be read: the archive has a password, which its parts say.
        return Ok(Book::Ods);
    }
    let what = names.first().map_or_else(archive, |name| format!("{} with `{}`", archive(), name.escape_debug()));
    foreign(what, "unpack it first; gzip and workbooks are read as they are")
}

/// What a library says is about its own reading; what to do is the same for all of it.
fn unreadable<E>(_: E) -> TableError {
    DAMAGED
}

fn xlsx(bytes: Vec<u8>, rows: &mut Rows) -> Result<Vec<String>, TableError> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let names = book.sheet_names();
    let first = names.first().ok_or(NO_SHEET)?;
    let mut cells = book.worksheet_cells_reader(first).map_err(unreadable)?;
    while let Some(cell) = cells.next_cell().map_err(unreadable)? {
        let text = match cell.get_value() {
            DataRef::Empty => continue,
            DataRef::SharedString(text) => (*text).to_owned(),
            value => text(&Data::from(value.clone())),
        };
        rows.put(cell.get_position(), text)?;
    }
    Ok(names)
}

fn ods(bytes: Vec<u8>, rows: &mut Rows) -> Result<Vec<String>, TableError> {
    let mut book: Ods<_> = Ods::new(Cursor::new(bytes)).map_err(unreadable)?;
    let names = book.sheet_names();
    let sheet = book.worksheet_range_at(0).ok_or(NO_SHEET)?;
    let sheet = sheet.map_err(unreadable)?;
    let (row, column) = sheet.start().unwrap_or_default();
    let place = |begin: u32, at: usize| begin.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
    for (y, x, value) in sheet.used_cells() {
        rows.put((place(row, y), place(column, x)), text(value))?;
    }
    Ok(names)
}

/// The value of a cell as a person reads it in the sheet, in one form for all countries.
#[expect(clippy::cast_possible_truncation, reason = "a whole number that fits")]
fn text(value: &Data) -> String {
    match value {
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => (*number as i64).to_string(),
        Data::Float(number) => number.to_string(),
        Data::Bool(true) => "TRUE".to_owned(),
        Data::Bool(false) => "FALSE".to_owned(),
        Data::DateTime(time) => time_text(time),
        Data::DateTimeIso(text) => text.strip_suffix("T00:00:00").unwrap_or(text).replace('T', " "),
        other => other.to_string(),
    }
}

fn time_text(time: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    let clock = format!("{hour:02}:{minute:02}:{second:02}");
    if time.is_duration() || (time.as_f64() >= 0.0 && time.as_f64() < 1.0) {
        return clock;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second) == (0, 0, 0) { date } else { format!("{date} {clock}") }
}

/// The rows as they are written.
struct Rows {
    csv: csv::Writer<Vec<u8>>,
    row: Vec<String>,
    /// The bytes of the present row.
    bytes: u64,
    /// The row of the sheet that the cells are of, from 0.
    at: u32,
    /// The columns of the first row with a value: a sheet has no cells behind the last value of a row.
    width: usize,
}

impl Rows {
    fn put(&mut self, (row, column): (u32, u32), text: String) -> Result<(), TableError> {
        while self.at < row {
            self.end_row()?;
        }
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if column >= COLUMNS {
            return Err(TableError::FarCell { row: self.at.saturating_add(1), column: column.saturating_add(1) });
        }
        self.bytes += text.len() as u64;
        if self.bytes > LONGEST_ROW {
            return Err(TableError::LongRow);
        }
        if column >= self.row.len() {
            self.row.resize(column + 1, String::new());
        }
        self.row[column] = text;
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), TableError> {
        if self.width == 0 {
            self.width = self.row.len();
        }
        // A row without a cell is one of a single empty cell: it counts as a row of the sheet.
        self.row.resize(self.row.len().max(self.width).max(1), String::new());
        self.csv.write_record(&self.row).map_err(unreadable)?;
        self.row.clear();
        self.bytes = 0;
        self.at += 1;
        if self.csv.get_ref().len() > SHEET {
            return Err(TableError::LargeWorkbook("more than 64 MB in its first sheet"));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u8>, TableError> {
        if !self.row.is_empty() {
            self.end_row()?;
        }
        self.csv.into_inner().map_err(unreadable)
    }
}
