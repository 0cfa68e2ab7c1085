//! The rows of a customers file, one after the other, with the lines they begin on.

use std::io::Read;

use crate::domain::customers_file::{self, BadRow, Row, RowParser};
use crate::domain::problem::Problem;
use crate::domain::table::records::Records;
use crate::domain::table::{Layout, TableError};

/// A row, or what is wrong with it, and the line it begins on.
type NumberedRow = (usize, Result<Row, BadRow>);

pub(super) struct Rows<R> {
    records: Records<R>,
    parser: Option<RowParser>,
    header: usize,
    header_problems: Vec<Problem>,
}

impl<R: Read> Rows<R> {
    /// The rows behind the header.
    pub(super) fn open(reader: R, layout: Layout) -> Result<Self, TableError> {
        let mut records = Records::new(reader, layout);
        let (line, header) = records.record()?.ok_or(TableError::Empty)?;
        let (parser, header_problems) = match customers_file::header(line, &header.iter().collect::<Vec<_>>()) {
            Ok(header) => (Some(RowParser::new(header)), Vec::new()),
            Err(problems) => (None, problems),
        };
        Ok(Self { records, parser, header: line, header_problems })
    }

    /// The next row; a bad header counts as one bad row in its line.
    pub(super) fn next(&mut self) -> Result<Option<NumberedRow>, TableError> {
        let Some(parser) = &mut self.parser else {
            let problems = std::mem::take(&mut self.header_problems);
            return Ok((!problems.is_empty()).then_some((self.header, Err(BadRow { account_id: None, problems }))));
        };
        let Some((line, record)) = self.records.record()? else { return Ok(None) };
        let fields: Vec<&[u8]> = record.iter().collect();
        Ok(Some((line, parser.parse(line, &fields))))
    }

    /// True if the header can be read: without it no row can.
    pub(super) const fn has_header(&self) -> bool {
        self.parser.is_some()
    }

    /// Bytes of text read so far.
    pub(super) fn read(&self) -> u64 {
        self.records.read()
    }

    pub(super) fn into_reader(self) -> R {
        self.records.into_inner()
    }
}
