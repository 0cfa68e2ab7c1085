//! What a person sees of a sheet and the library does not say: rows that are hidden, and numbers that are shown with leading zeros.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Cursor, Read as _};

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::parts::number;
use super::{DAMAGED, UNPACKED};
use crate::domain::table::TableError;

/// A place in a sheet: row and column, from 0.
type Place = (u32, u32);

/// What is shown of a sheet.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Rows with a cell that are hidden, by a filter or by hand.
    pub(super) hidden_rows: u64,
    /// Numbers that are shown with leading zeros, of an OpenDocument sheet.
    pub(super) padded: HashMap<Place, String>,
}

fn part<'a>(
    zip: &'a mut ZipArchive<Cursor<&'a [u8]>>,
    name: &str,
) -> Result<Reader<impl BufRead + use<'a>>, TableError> {
    let file = zip.by_name(name).map_err(|_| DAMAGED)?;
    let mut xml = Reader::from_reader(BufReader::new(file.take(UNPACKED)));
    xml.config_mut().check_end_names = false;
    Ok(xml)
}

/// Calls `see` with each tag that opens in a part.
fn tags(bytes: &[u8], name: &str, mut see: impl FnMut(&BytesStart<'_>)) -> Result<(), TableError> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|_| DAMAGED)?;
    let (mut xml, mut buffer) = (part(&mut zip, name)?, Vec::new());
    loop {
        match xml.read_event_into(&mut buffer).map_err(|_| DAMAGED)? {
            Event::Start(tag) | Event::Empty(tag) => see(&tag),
            Event::Eof => return Ok(()),
            _ => {}
        }
        buffer.clear();
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = tag.attributes();
    let found = attributes.with_checks(false).flatten().find(|it| it.key.local_name().as_ref() == name)?;
    unescape(&found.value).ok().map(Cow::into_owned)
}

/// Counts the hidden rows of a sheet in an Excel workbook.
pub(super) fn of_xlsx(bytes: &[u8], sheet: &str) -> Result<Shown, TableError> {
    let (mut id, mut target) = (None, None);
    tags(bytes, "xl/workbook.xml", |tag| {
        if tag.local_name().as_ref() == "sheet" && attribute(tag, "name").as_deref() == Some(sheet) {
            id = attribute(tag, "id");
        }
    })?;
    tags(bytes, "xl/_rels/workbook.xml.rels", |tag| {
        if tag.local_name().as_ref() == "Relationship" && id.is_some() && attribute(tag, "Id") == id {
            target = attribute(tag, "Target");
        }
    })?;
    let Some(target) = target else { return Ok(Shown::default()) };
    let path = target.strip_prefix('/').map_or_else(|| format!("xl/{target}"), str::to_owned);
    let (mut shown, mut is_hidden) = (Shown::default(), false);
    let read = tags(bytes, &path, |tag| match tag.local_name().as_ref() {
        "row" => is_hidden = attribute(tag, "hidden").is_some_and(|it| it == "1" || it == "true"),
        "c" if is_hidden => {
            shown.hidden_rows += 1;
            is_hidden = false;
        }
        _ => {}
    });
    // Where the sheet lies is the library's business: what it reads is not refused because it was not found here.
    Ok(read.map(|()| shown).unwrap_or_default())
}

/// Counts the hidden rows of a sheet in an OpenDocument workbook, and finds its numbers with leading zeros.
pub(super) fn of_ods(bytes: &[u8], sheet: &str) -> Result<Shown, TableError> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|_| DAMAGED)?;
    let (mut xml, mut buffer) = (part(&mut zip, "content.xml")?, Vec::new());
    let mut table = Table { sheet, ..Table::default() };
    loop {
        match xml.read_event_into(&mut buffer).map_err(|_| DAMAGED)? {
            Event::Start(tag) => table.open(&tag, false),
            Event::Empty(tag) => table.open(&tag, true),
            Event::Text(text) if table.is_number => table.text.push_str(&text),
            Event::End(tag) if tag.name().as_ref().ends_with("table-cell") => table.end_cell(),
            Event::Eof => return Ok(table.shown),
            _ => {}
        }
        buffer.clear();
    }
}

/// The sheet as it is read.
#[derive(Default)]
struct Table<'a> {
    sheet: &'a str,
    shown: Shown,
    is_read: bool,
    row: u64,
    row_times: u64,
    column: u64,
    is_hidden: bool,
    /// True in a cell that is a number; its text is how it is shown.
    is_number: bool,
    text: String,
}

impl Table<'_> {
    fn open(&mut self, tag: &BytesStart<'_>, is_empty: bool) {
        match tag.name().as_ref() {
            "table:table" => {
                self.is_read = attribute(tag, "name").as_deref() == Some(self.sheet);
                (self.row, self.row_times) = (0, 0);
            }
            "table:table-row" if self.is_read => {
                self.row += self.row_times;
                self.row_times = number(tag, "table:number-rows-repeated").unwrap_or(1);
                self.column = 0;
                self.is_hidden = attribute(tag, "visibility").is_some_and(|it| it != "visible");
            }
            "table:table-cell" | "table:covered-table-cell" if self.is_read => {
                let kind = attribute(tag, "value-type");
                if self.is_hidden && kind.is_some() {
                    self.shown.hidden_rows += self.row_times;
                    self.is_hidden = false;
                }
                self.is_number = kind.as_deref() == Some("float") && !is_empty;
                self.text.clear();
                self.column += number(tag, "table:number-columns-repeated").unwrap_or(1);
            }
            _ => {}
        }
    }

    fn end_cell(&mut self) {
        let text = self.text.trim();
        let is_padded = text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
        if self.is_number && is_padded {
            let place = [self.row, self.column.saturating_sub(1)].map(|at| u32::try_from(at).unwrap_or(u32::MAX));
            self.shown.padded.insert((place[0], place[1]), text.to_owned());
        }
        self.is_number = false;
    }
}
