//! Workbooks: a sheet of an .xlsx or .ods file as CSV, a row for each row of the sheet. They are read into memory, within limits; a
//! file that becomes far more than it is, is refused before.

mod parts;
mod shown;

use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{
    CellType, Data, DataRef, ExcelDateTime, Ods, Range, Reader as _, Sheet, SheetType, SheetVisible, Style, Xlsx,
    XlsxFormulaMetadata,
};
use zip::ZipArchive;

use super::kind::Foreign;
use super::{About, LONGEST_ROW, TableError};
use shown::Shown;

/// The largest workbook in bytes.
const LARGEST: u64 = 32 << 20;

/// The most bytes that a workbook may unpack to.
const UNPACKED: u64 = 256 << 20;

/// The most bytes of its sheet as CSV.
const SHEET: usize = 64 << 20;

/// The most columns: a value far to the right is a slip of the hand, and makes every row as wide.
const COLUMNS: usize = 1_000;

/// The most digits that a format may add zeros to.
const LONGEST_ID: usize = 64;

const DAMAGED: TableError = TableError::Workbook(
    "it is damaged or incomplete: open it in a spreadsheet program and save it again, or save the sheet as CSV",
);

const PASSWORD: TableError = TableError::Workbook("it has a password: save it without one");

const NO_SHEET: TableError = TableError::Workbook("it has no sheet with cells: save the table as CSV");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Book {
    Xlsx,
    Ods,
}

/// Reads the sheet of this name; else the first one that is not hidden.
pub(super) fn read(reader: impl Read, wanted: Option<&str>) -> Result<(Vec<u8>, About), TableError> {
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
        Book::Xlsx => xlsx(&bytes, wanted, &mut rows),
        Book::Ods => ods(&bytes, wanted, &mut rows),
    }));
    let about = sheets.unwrap_or(Err(DAMAGED))?;
    Ok((rows.finish()?, about))
}

/// Chooses the sheet that is read.
fn chosen(sheets: &[Sheet], wanted: Option<&str>) -> Result<About, TableError> {
    let tables = || sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let is_shown = |sheet: &&Sheet| sheet.visible == SheetVisible::Visible;
    let sheet = match wanted {
        Some(name) => tables()
            .find(|sheet| sheet.name == name)
            .or_else(|| tables().find(|sheet| sheet.name.to_lowercase() == name.to_lowercase()))
            .ok_or_else(|| TableError::NoSuchSheet {
                wanted: name.to_owned(),
                has: super::named(tables().map(|it| &it.name)),
            })?,
        None => tables().find(is_shown).or_else(|| tables().next()).ok_or(NO_SHEET)?,
    };
    let others = tables().filter(|other| other.name != sheet.name);
    Ok(About {
        sheet: Some(sheet.name.clone()),
        other_sheets: others.clone().map(|it| it.name.clone()).collect(),
        hidden_sheets: tables().filter(|it| !is_shown(it)).map(|it| it.name.clone()).collect(),
        ..About::default()
    })
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

fn xlsx(bytes: &[u8], wanted: Option<&str>, rows: &mut Rows) -> Result<About, TableError> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let about = chosen(book.sheets_metadata(), wanted)?;
    let sheet = about.sheet.as_deref().unwrap_or_default();
    let widths = widths(&mut book, sheet)?;
    let mut cells = book.worksheet_cells_reader(sheet).map_err(unreadable)?;
    while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(unreadable)? {
        let text = match (cell.value, cell.formula) {
            (DataRef::Empty, None) => continue,
            // A formula that nothing has calculated is not nothing: the rule for cells refuses it.
            (DataRef::Empty, Some(formula)) => formula_text(formula),
            (DataRef::SharedString(text), _) => text.to_owned(),
            (value, _) => text(&Data::from(value)),
        };
        let text = match widths.get(&cell.pos) {
            Some(width) if text.bytes().all(|byte| byte.is_ascii_digit()) => format!("{text:0>width$}"),
            _ => text,
        };
        rows.put(cell.pos, text)?;
    }
    let hidden_rows = shown::of_xlsx(bytes, sheet)?.hidden_rows;
    Ok(About { format: "xlsx", hidden_rows, ..about })
}

fn formula_text(formula: XlsxFormulaMetadata) -> String {
    match formula {
        XlsxFormulaMetadata::Normal { formula } | XlsxFormulaMetadata::Shared { formula, .. }
            if !formula.is_empty() =>
        {
            format!("={formula}")
        }
        _ => "=FORMULA".to_owned(),
    }
}

/// The cells whose number is shown with leading zeros, and how many digits it has then: ids such as 00042 are often made that way.
fn widths(book: &mut Xlsx<Cursor<&[u8]>>, sheet: &str) -> Result<HashMap<(u32, u32), usize>, TableError> {
    let mut cells = book.worksheet_cells_reader(sheet).map_err(unreadable)?;
    let zeros: Vec<Option<usize>> = cells.styles().iter().map(zeros).collect();
    let mut widths = HashMap::new();
    if zeros.iter().all(Option::is_none) {
        return Ok(widths);
    }
    while let Some((cell, style)) = cells.next_cell_with_style_id().map_err(unreadable)? {
        if let (Some(width), DataRef::Float(_) | DataRef::Int(_)) =
            (zeros.get(style).copied().flatten(), cell.get_value())
        {
            widths.insert(cell.get_position(), width);
        }
    }
    Ok(widths)
}

/// The digits of a format such as `00000`.
fn zeros(style: &Style) -> Option<usize> {
    let code = &style.number_format.as_ref()?.format_code;
    (code.len() > 1 && code.len() <= LONGEST_ID && code.bytes().all(|byte| byte == b'0')).then_some(code.len())
}

fn ods(bytes: &[u8], wanted: Option<&str>, rows: &mut Rows) -> Result<About, TableError> {
    let mut book: Ods<_> = Ods::new(Cursor::new(bytes)).map_err(unreadable)?;
    let about = chosen(book.sheets_metadata(), wanted)?;
    let name = about.sheet.as_deref().unwrap_or_default();
    let Shown { hidden_rows, padded } = shown::of_ods(bytes, name)?;
    let sheet = book.worksheet_range(name).map_err(unreadable)?;
    let mut cells = placed(&sheet, |value| (*value != Data::Empty).then(|| text(value)));
    let formulas = book.worksheet_formula(name).map_err(unreadable)?;
    for (place, formula) in placed(&formulas, |formula| (!formula.is_empty()).then(|| formula.clone())) {
        let formula = formula.strip_prefix("of:").unwrap_or(&formula).to_owned();
        cells.entry(place).or_insert(formula);
    }
    for (place, text) in cells {
        rows.put(place, padded.get(&place).cloned().unwrap_or(text))?;
    }
    Ok(About { format: "ods", hidden_rows, ..about })
}

/// The cells of a range by their place in the sheet.
fn placed<T: CellType>(range: &Range<T>, text: impl Fn(&T) -> Option<String>) -> BTreeMap<(u32, u32), String> {
    let (row, column) = range.start().unwrap_or_default();
    let place = |begin: u32, at: usize| begin.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
    let cells = range.used_cells().filter_map(|(y, x, value)| Some(((place(row, y), place(column, x)), text(value)?)));
    cells.collect()
}

/// The value of a cell as a person reads it in the sheet, in one form for all countries.
#[expect(clippy::cast_possible_truncation, reason = "a whole number that fits")]
fn text(value: &Data) -> String {
    match value {
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => (*number as i64).to_string(),
        // A spreadsheet keeps 15 digits of a number: what was typed is lost, and the rule for cells refuses what is left.
        Data::Float(number) if number.abs() >= 1e15 => format!("{number:E}").replace('E', "E+"),
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
            return Err(TableError::LongRow(usize::try_from(self.at).unwrap_or(usize::MAX).saturating_add(1)));
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
            return Err(TableError::LargeWorkbook("more than 64 MB in the sheet"));
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
