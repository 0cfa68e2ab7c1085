//! Files with the rows to add to a standing notice: a customer may have many, each with its key.

use std::collections::BTreeMap;

use super::{Cells, EMPTY, HEADER, cells, each, placed};
use crate::domain::problem::{Problem, Problems};
use crate::domain::table::TableError;
use crate::domain::table::header::Columns;

/// The key is what makes it safe to add a file twice.
const KEYED: Columns = Columns { known: &["account_id", "key"], required: &["account_id", "key"], ..HEADER };

/// A row with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedRow {
    /// Its line.
    pub line: usize,
    /// The customer, as it was written.
    pub account_id: String,
    /// The key by which its writer knows it.
    pub key: String,
    /// The other values by column.
    pub values: BTreeMap<String, String>,
}

/// The rows of a file: those that can be read, and what is wrong with the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyedRows {
    /// The rows that can be read.
    pub rows: Vec<KeyedRow>,
    /// What is wrong with the others.
    pub problems: Problems,
}

impl KeyedRows {
    /// Parses a table with a header row, the columns `account_id` and `key` and any others: CSV, also in gzip, or a workbook.
    ///
    /// # Errors
    /// What is wrong with the file as a whole: none of its rows can be read.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        Self::read(bytes).unwrap_or_else(|error| Err(Problems(vec![Problem::new(0, "", error.to_string())])))
    }

    fn read(file: &[u8]) -> Result<Result<Self, Problems>, TableError> {
        let (mut rows, mut problems) = (Vec::new(), Problems::default());
        let read = each(file, None, &KEYED, &mut |header, record| {
            let before = problems.0.len();
            let Some(Cells { account, key, mut values }) = cells(header, record, &mut problems) else { return };
            values.remove("key");
            if let (true, Some(account_id)) = (problems.0.len() == before, account) {
                rows.push(KeyedRow { line: record.line, account_id, key: key.unwrap_or_default(), values });
            }
        })?;
        let (_, about) = match read {
            Ok(read) => read,
            Err(problems) => return Ok(Err(problems)),
        };
        if rows.is_empty() && problems.is_empty() {
            problems.add(0, "", EMPTY);
            return Ok(Err(placed(problems, &about)));
        }
        Ok(Ok(Self { rows, problems: placed(problems, &about) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_may_have_many_rows_and_bad_ones_keep_out_no_good_ones() {
        let file = "account_id,key,invoice\nC1,a,F-1\nC1,b,F-2\nC2\nC3,c,\u{7}\n";
        let read = KeyedRows::parse(file.as_bytes()).unwrap();
        let keys: Vec<_> = read.rows.iter().map(|it| (it.account_id.as_str(), it.key.as_str(), it.line)).collect();
        assert_eq!(keys, [("C1", "a", 2), ("C1", "b", 3)]);
        assert_eq!(read.rows[0].values, BTreeMap::from([("invoice".to_owned(), "F-1".to_owned())]));
        assert_eq!(read.problems.0.iter().map(|it| it.line).collect::<Vec<_>>(), [4, 5]);
    }

    #[test]
    fn a_file_without_keys_is_refused_as_a_whole() {
        let problems = KeyedRows::parse(b"account_id,invoice\nC1,F-1\n").unwrap_err().to_string();
        assert!(problems.contains("`key`"), "{problems}");
        assert!(KeyedRows::parse(b"account_id,key\n").unwrap_err().to_string().contains("no rows"));
    }
}
