//! The rows of a table one after the other, each with its line. Rows without a value are left out.

use std::collections::VecDeque;
use std::io::{self, Read};

use memchr::{memchr, memchr_iter};

use super::{LONGEST_ROW, Layout, TableError};

/// Bytes read at once.
const BUFFER: usize = 1 << 16;

/// Reads rows.
pub struct Records<R> {
    csv: csv::Reader<Guard<R>>,
    record: csv::ByteRecord,
    layout: Layout,
    rows: usize,
    /// Line feeds up to the end of the row that was read last.
    passed: usize,
}

/// A row of a table.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The line it begins on.
    pub line: usize,
    /// Its cells.
    pub fields: &'a csv::ByteRecord,
    /// True if a quote ends a cell before the cell ends: `"Kund \"Norr\" AB"`, as MySQL writes it. What the cells are is not known.
    pub is_torn: bool,
}

impl<'a> Record<'a> {
    /// Its cells, one after the other.
    #[must_use]
    pub fn cells(&self) -> Vec<&'a [u8]> {
        self.fields.iter().collect()
    }
}

/// What is wrong with a row that is torn, and what to do.
pub const TORN: &str = "has text behind a closing quote: a quote within a cell is doubled (`\"\"`), and not written as `\\\"`; \
     export the table as CSV again, with doubled quotes";

impl<R: Read> Records<R> {
    /// Reads the rows of a text.
    pub fn new(reader: R, layout: Layout) -> Self {
        let quotes = Quotes {
            separator: layout.separator,
            state: State::Begin,
            line: 1 + layout.lines_before,
            opened: 0,
            read: 0,
            feeds: VecDeque::new(),
            torn: VecDeque::new(),
        };
        let guard = Guard { reader, read: 0, upto: LONGEST_ROW, quotes };
        let csv = csv::ReaderBuilder::new()
            .delimiter(layout.separator)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER)
            .from_reader(guard);
        Self { csv, record: csv::ByteRecord::new(), layout, rows: 0, passed: 0 }
    }

    /// The next row with a value, and the line it begins on: the header is the first one.
    ///
    /// # Errors
    /// If the file cannot be read on, or is no table.
    pub fn record(&mut self) -> Result<Option<Record<'_>>, TableError> {
        loop {
            let guard = self.csv.get_mut();
            guard.upto = guard.read + LONGEST_ROW;
            let next = self.layout.lines_before + 1 + if self.layout.by_row { self.rows } else { self.passed };
            let read = self.csv.read_byte_record(&mut self.record).map_err(|error| match read_error(error) {
                TableError::LongRow(_) => TableError::LongRow(next),
                other => other,
            });
            if !read? {
                return Ok(None);
            }
            self.rows += 1;
            let line = self.layout.lines_before + self.line();
            let is_torn = self.is_torn();
            if !self.record.iter().all(is_blank) {
                return Ok(Some(Record { line, fields: &self.record, is_torn }));
            }
        }
    }

    /// The line on which the row begins that was read last. It is counted from its end: the parser counts blank lines, and the
    /// line feed of the row before it, as part of it.
    fn line(&mut self) -> usize {
        if self.layout.by_row {
            return self.rows;
        }
        let end = self.csv.position().byte();
        let feeds = &mut self.csv.get_mut().quotes.feeds;
        let mut last = None;
        while feeds.front().is_some_and(|at| *at < end) {
            last = feeds.pop_front();
            self.passed += 1;
        }
        let is_ended_by_feed = last.is_some_and(|at| at + 1 == end);
        let inside = memchr_iter(b'\n', self.record.as_slice()).count();
        (1 + self.passed).saturating_sub(usize::from(is_ended_by_feed) + inside)
    }

    /// True if a quote in the row that was read last ends a cell early.
    fn is_torn(&mut self) -> bool {
        let end = self.csv.position().byte();
        let torn = &mut self.csv.get_mut().quotes.torn;
        let before = torn.len();
        while torn.front().is_some_and(|at| *at < end) {
            torn.pop_front();
        }
        torn.len() < before
    }

    /// Bytes read so far.
    pub fn read(&self) -> u64 {
        self.csv.get_ref().read
    }

    /// The reader.
    pub fn into_inner(self) -> R {
        self.csv.into_inner().reader
    }
}

/// True for a cell without a value.
#[must_use]
pub fn is_blank(field: &[u8]) -> bool {
    field.iter().all(u8::is_ascii_whitespace) || std::str::from_utf8(field).is_ok_and(|text| text.trim().is_empty())
}

fn read_error(error: csv::Error) -> TableError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        other => TableError::Read(io::Error::other(format!("{other:?}"))),
    }
}

/// Reads no row without end, and knows where a quote was opened.
struct Guard<R> {
    reader: R,
    read: u64,
    upto: u64,
    quotes: Quotes,
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let too_long = self.read >= self.upto;
        let count = if too_long { 0 } else { self.reader.read(buffer)? };
        if count == 0 {
            // A quote that is never closed takes all that follows for one cell.
            return match self.quotes.state {
                State::Quoted if too_long => Err(TableError::LongQuote(self.quotes.opened).into()),
                State::Quoted => Err(TableError::OpenQuote(self.quotes.opened).into()),
                _ if too_long => Err(TableError::LongRow(0).into()),
                _ => Ok(0),
            };
        }
        self.quotes.pass(&buffer[..count]);
        self.read += count as u64;
        Ok(count)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At the beginning of a cell.
    Begin,
    /// In a cell without quotes, or behind them.
    Plain,
    /// In quotes.
    Quoted,
    /// Behind a quote in quotes: the end of the cell, or half of a quote that is doubled.
    Quote,
    /// Behind the closing quote, where only blanks may follow.
    Closed,
}

/// Follows the quotes as the parser of the rows does, which does not say where one was opened.
struct Quotes {
    separator: u8,
    state: State,
    line: usize,
    opened: usize,
    read: u64,
    /// Where the line feeds are that the parser was given and has not passed.
    feeds: VecDeque<u64>,
    /// Where text follows a closing quote, in what the parser was given and has not passed.
    torn: VecDeque<u64>,
}

impl Quotes {
    fn pass(&mut self, bytes: &[u8]) {
        self.feeds.extend(memchr_iter(b'\n', bytes).map(|at| self.read + at as u64));
        let begin = self.read;
        self.read += bytes.len() as u64;
        if matches!(self.state, State::Begin | State::Plain) && memchr(b'"', bytes).is_none() {
            self.line += memchr_iter(b'\n', bytes).count();
            self.state =
                if bytes.last().is_some_and(|last| self.ends_cell(*last)) { State::Begin } else { State::Plain };
            return;
        }
        for (at, byte) in bytes.iter().enumerate() {
            self.state = match (self.state, *byte) {
                (State::Begin, b'"') => {
                    self.opened = self.line;
                    State::Quoted
                }
                (State::Quote, b'"') => State::Quoted,
                (State::Quoted, b'"') => State::Quote,
                (State::Quoted, _) => State::Quoted,
                (_, byte) if self.ends_cell(byte) => State::Begin,
                (State::Quote | State::Closed, b' ' | b'\t') => State::Closed,
                (State::Quote | State::Closed, _) => {
                    self.torn.push_back(begin + at as u64);
                    State::Plain
                }
                _ => State::Plain,
            };
            self.line += usize::from(*byte == b'\n');
        }
    }

    const fn ends_cell(&self, byte: u8) -> bool {
        byte == self.separator || byte == b'\n' || byte == b'\r'
    }
}
