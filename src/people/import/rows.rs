//! The rows of a customers file, one after the other, with the lines they begin on.

use std::io::{self, Chain, Cursor, Read};

use crate::domain::customers_file::{BadRow, Header, Row, RowParser};
use crate::domain::problem::Problem;

/// The longest row in bytes: a file without line breaks is no customers file, and must not fill the memory.
const LONGEST_ROW: u64 = 1 << 20;

/// Bytes read at once.
const BUFFER: usize = 1 << 16;

/// A row, or what is wrong with it, and the line it begins on.
type NumberedRow = (usize, Result<Row, BadRow>);

pub(super) struct Rows<R> {
    csv: csv::Reader<Chain<Cursor<Vec<u8>>, Counted<R>>>,
    record: csv::ByteRecord,
    parser: Option<RowParser>,
    header_problems: Vec<Problem>,
    size: Option<u64>,
}

impl<R: Read> Rows<R> {
    /// The rows behind the header; `size` is that of the file, if it is known.
    pub(super) fn open(reader: R, size: Option<u64>) -> io::Result<Self> {
        let mut reader = Counted { reader, read: 0, upto: LONGEST_ROW };
        let mut start = Vec::new();
        (&mut reader).take(3).read_to_end(&mut start)?;
        if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is UTF-16: save it as UTF-8"));
        }
        // A byte order mark, as spreadsheets write it, is no part of the first column's name.
        if start == [0xEF, 0xBB, 0xBF] {
            start.clear();
        }
        let reader = Cursor::new(start).chain(reader);
        let mut csv = csv::ReaderBuilder::new().flexible(true).buffer_capacity(BUFFER).from_reader(reader);
        let header = csv.byte_headers().map_err(read_error)?.clone();
        let (parser, header_problems) = match Header::parse(&header.iter().collect::<Vec<_>>()) {
            Ok(header) => (Some(RowParser::new(header)), Vec::new()),
            Err(problems) => (None, problems),
        };
        Ok(Self { csv, record: csv::ByteRecord::new(), parser, header_problems, size })
    }

    /// The next row; a bad header counts as one bad row in line 1.
    pub(super) fn next(&mut self) -> io::Result<Option<NumberedRow>> {
        let Some(parser) = &mut self.parser else {
            let problems = std::mem::take(&mut self.header_problems);
            return Ok((!problems.is_empty()).then_some((1, Err(BadRow { account_id: None, problems }))));
        };
        let counted = self.csv.get_mut().get_mut().1;
        counted.upto = counted.read + LONGEST_ROW;
        if !self.csv.read_byte_record(&mut self.record).map_err(read_error)? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or(0));
        let fields: Vec<&[u8]> = self.record.iter().collect();
        Ok(Some((line, parser.parse(line, &fields))))
    }

    /// The share of the file that was read, as far as its size is known.
    #[expect(clippy::cast_precision_loss, reason = "a share for a progress bar")]
    pub(super) fn share(&self) -> f64 {
        let read = self.csv.get_ref().get_ref().1.read;
        self.size.filter(|size| *size > 0).map_or(0.0, |size| (read as f64 / size as f64).min(1.0))
    }

    pub(super) fn into_reader(self) -> R {
        self.csv.into_inner().into_inner().1.reader
    }
}

fn read_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Counts what is read, and reads no further than `upto`.
struct Counted<R> {
    reader: R,
    read: u64,
    upto: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read >= self.upto {
            let text = format!("a row is longer than {LONGEST_ROW} bytes: this is no customers file");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let count = self.reader.read(buffer)?;
        self.read += count as u64;
        Ok(count)
    }
}
