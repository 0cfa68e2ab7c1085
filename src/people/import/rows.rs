//! The rows of a customers file, one after the other, with the lines they begin on.

use std::io::Read;

use crate::domain::customers_file::{self, BadRow, Row, RowParser};
use crate::domain::problem::Problem;
use crate::domain::table::records::{Records, TORN};
use crate::domain::table::{Layout, TableError};
use crate::store::people::imports::Lacking;

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
        let header = records.record()?.ok_or(TableError::Empty)?;
        let line = header.line;
        let (parser, header_problems) = match customers_file::header(line, &header.cells()) {
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
        let Some(record) = self.records.record()? else { return Ok(None) };
        let line = record.line;
        if record.is_torn {
            let problems = vec![Problem::new(line, "", TORN)];
            return Ok(Some((line, Err(BadRow { account_id: None, problems }))));
        }
        Ok(Some((line, parser.parse(line, &record.cells()))))
    }

    /// True if the header can be read: without it no row can.
    pub(super) const fn has_header(&self) -> bool {
        self.parser.is_some()
    }

    /// The columns of contacts that the header lacks, and the attributes that it has.
    pub(super) fn columns(&self) -> (Lacking, Vec<String>) {
        let Some(parser) = &self.parser else { return (Lacking::default(), Vec::new()) };
        let lacks = |name| !parser.has(name);
        let lacking = Lacking {
            role: lacks("role"),
            contact_name: lacks("contact_name"),
            locale: lacks("locale"),
            time_zone: lacks("time_zone"),
        };
        (lacking, parser.attributes())
    }

    /// Bytes of text read so far.
    pub(super) fn read(&self) -> u64 {
        self.records.read()
    }

    pub(super) fn into_reader(self) -> R {
        self.records.into_inner()
    }
}
