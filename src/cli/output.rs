//! What commands print: tables for people, JSON for programs, CSV for spreadsheets.

use std::sync::atomic::{AtomicBool, Ordering};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};
use serde::Serialize;

use super::failure::Failure;
pub use crate::domain::clock::shown as time;
pub use crate::domain::json_list::JsonList;
use crate::domain::table::cell::harmless;
pub use crate::domain::words::{count, grouped};

/// True once something was printed to stdout.
static PRINTED: AtomicBool = AtomicBool::new(false);

/// Returns true if data was printed: a second JSON document would spoil the first.
pub fn has_printed() -> bool {
    PRINTED.load(Ordering::Relaxed)
}

/// How to print.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// One JSON document instead of text.
    pub json: bool,
}

impl Output {
    /// Prints `value` as JSON if that is asked for, else the text that `text` makes of it.
    pub fn print<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        let text = if self.json {
            let mut text = serde_json::to_string_pretty(value).map_err(anyhow::Error::from)?;
            text.push('\n');
            text
        } else {
            text(value)
        };
        print(&text)
    }
}

/// Prints data. A reader that has gone away, as `head` does, is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    PRINTED.store(true, Ordering::Relaxed);
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Prints the bytes of data as they are.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    PRINTED.store(true, Ordering::Relaxed);
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// A table under a header, as text; columns whose name begins with `#` hold numbers.
pub fn table<const N: usize>(header: [&'static str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    Rows::new(Form::Table, header).add(rows)
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Aligned columns, for people.
    Table,
    /// Comma-separated values, for spreadsheets.
    Csv,
}

/// Writes rows under a header, a page at a time: no more than a page is in memory.
pub struct Rows<const N: usize> {
    form: Form,
    header: [&'static str; N],
    /// The width of each column so far; the first page sets them, later ones only widen them.
    widths: [u16; N],
    begun: bool,
}

impl<const N: usize> Rows<N> {
    /// Rows under a header; columns whose name begins with `#` hold numbers.
    pub const fn new(form: Form, header: [&'static str; N]) -> Self {
        Self { form, header, widths: [0; N], begun: false }
    }

    /// Returns the text of the next rows, under the header if they are the first.
    pub fn add(&mut self, rows: impl IntoIterator<Item = [String; N]>) -> String {
        let first = !std::mem::replace(&mut self.begun, true);
        match self.form {
            Form::Table => self.aligned(first, rows),
            Form::Csv => self.comma_separated(first, rows),
        }
    }

    fn aligned(&mut self, first: bool, rows: impl IntoIterator<Item = [String; N]>) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        let header = self.header.map(|name| name.trim_start_matches('#').to_uppercase());
        // A row whatever the page: the columns of a table without one are unknown.
        table.add_row(header);
        for row in rows {
            // What comes from outside must not drive the terminal.
            table.add_row(row.map(|cell| cell.replace(char::is_control, " ")));
        }
        let contents = table.column_max_content_widths();
        for (index, column) in table.column_iter_mut().enumerate() {
            self.widths[index] = self.widths[index].max(contents[index]);
            column.set_padding((0, 2));
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(self.widths[index] + 2)));
            if self.header[index].starts_with('#') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let lines = table.lines().skip(usize::from(!first)).map(|line| line.trim_end().to_owned() + "\n");
        lines.collect()
    }

    fn comma_separated(&self, first: bool, rows: impl IntoIterator<Item = [String; N]>) -> String {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let header = self.header.map(|name| name.trim_start_matches('#').replace(' ', "_"));
        let rows = rows.into_iter().map(|row| row.map(|cell| harmless(&cell)));
        for row in first.then_some(header).into_iter().chain(rows) {
            csv.write_record(row).expect("writing to memory succeeds, and all rows are as long as the header");
        }
        let bytes = csv.into_inner().expect("writing to memory succeeds");
        String::from_utf8(bytes).expect("cells are text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_numbers_and_swallow_control_characters() {
        let text =
            table(["name", "#count"], [["a\u{1b}[31m".to_owned(), "1".to_owned()], ["bb".to_owned(), "22".to_owned()]]);
        assert_eq!(text, "NAME    COUNT\na [31m      1\nbb         22\n");
    }

    #[test]
    fn later_pages_of_a_table_are_aligned_with_the_first() {
        let mut rows = Rows::new(Form::Table, ["name", "#count"]);
        let row = |name: &str, count: &str| [[name.to_owned(), count.to_owned()]];
        assert_eq!(rows.add(row("anna", "100")), "NAME  COUNT\nanna    100\n");
        assert_eq!(rows.add(row("b", "1")), "b         1\n");
        assert_eq!(rows.add([]), "");
    }

    #[test]
    fn comma_separated_values_are_no_formulas() {
        let mut rows = Rows::new(Form::Csv, ["account id", "#count"]);
        let row = |name: &str| [[name.to_owned(), "1".to_owned()]];
        assert_eq!(rows.add(row("=1+1")), "account_id,count\n'=1+1,1\n");
        assert_eq!(rows.add(row("a,b")), "\"a,b\",1\n");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
