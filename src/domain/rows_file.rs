//! Audience files: the rows name the customers, each with its own values. And files with the rows to add to a standing notice.

mod keyed;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Bound;

use unicode_normalization::UnicodeNormalization as _;

use crate::domain::customer::AccountId;
use crate::domain::phrase::PhraseError;
use crate::domain::problem::{Problem, Problems, has_control, shown};
use crate::domain::table::header::{Columns, Header};
use crate::domain::table::records::{Record, Records, TORN};
use crate::domain::table::{self, About, TableError, Wanted};

/// The size limit of an audience file, in bytes.
pub const MAX_BYTES: usize = 64 << 20;

/// Any column may be there beside the one that names the customer.
const HEADER: Columns = Columns {
    known: &["account_id"],
    required: &["account_id"],
    wrong: |name| (has_control(name) || name.contains('\u{fffd}')).then(|| "is no name of a column".to_owned()),
    not_utf8: "is not UTF-8: save the file as UTF-8",
};

pub use keyed::{KeyedRow, KeyedRows};

/// The rows of an audience file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The names of the columns other than `account_id`.
    pub columns: Vec<String>,
    /// The values of each customer by column.
    pub rows: BTreeMap<AccountId, BTreeMap<String, String>>,
}

impl Rows {
    /// Parses a table with a header row, a column `account_id` and any others: CSV, also in gzip, or a workbook. Each customer has
    /// at most one row.
    ///
    /// # Errors
    /// All problems, with their lines: the first [`REPORTED`], and how many there are beyond.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        Self::parse_sheet(bytes, None)
    }

    /// The same of a workbook's sheet with this name, instead of the first one that is not hidden.
    ///
    /// # Errors
    /// See [`Rows::parse`]; or if the file has no such sheet.
    pub fn parse_sheet(bytes: &[u8], sheet: Option<&str>) -> Result<Self, Problems> {
        Self::read(bytes, sheet).unwrap_or_else(|error| Err(Problems(vec![Problem::new(0, "", error.to_string())])))
    }

    fn read(file: &[u8], sheet: Option<&str>) -> Result<Result<Self, Problems>, TableError> {
        let (mut rows, mut problems, mut more) = (Self::default(), Problems::default(), 0_usize);
        let read = each(file, sheet, &HEADER, &mut |header, record| {
            rows.add(header, record, &mut problems);
            more += problems.0.len().saturating_sub(REPORTED);
            problems.0.truncate(REPORTED);
        })?;
        let (header, about) = match read {
            Ok(read) => read,
            Err(problems) => return Ok(Err(problems)),
        };
        rows.columns =
            header.names().iter().filter(|name| !matches!(name.as_str(), "" | "account_id")).cloned().collect();
        if rows.rows.is_empty() && problems.is_empty() {
            problems.add(0, "", EMPTY);
        }
        let mut problems = placed(problems, &about);
        if more > 0 {
            problems.add(0, "", format!("and {more} more problems"));
        }
        Ok(if problems.is_empty() { Ok(rows) } else { Err(problems) })
    }

    /// Returns the rows after an account, in order.
    pub fn after(&self, account: &str) -> impl Iterator<Item = (&AccountId, &BTreeMap<String, String>)> {
        self.rows.range::<str, _>((Bound::Excluded(account), Bound::Unbounded))
    }

    fn add(&mut self, header: &Header, record: &Record<'_>, problems: &mut Problems) {
        let before = problems.0.len();
        let Some(Cells { account, values, .. }) = cells(header, record, problems) else { return };
        let Some(account) = account else { return };
        match AccountId::parse(&account) {
            Err(problem) => problems.add(record.line, "account_id", problem),
            Ok(id) if self.rows.contains_key(&id) => {
                problems.add(record.line, "account_id", format!("`{id}` has a row already"));
            }
            Ok(id) if problems.0.len() == before => drop(self.rows.insert(id, values)),
            Ok(_) => {}
        }
    }
}

/// A row as it is in the file.
struct Cells {
    account: Option<String>,
    key: Option<String>,
    /// The other values by column.
    values: BTreeMap<String, String>,
}

/// The cells of a record; what is wrong with them is added to the problems.
fn cells(header: &Header, record: &Record<'_>, problems: &mut Problems) -> Option<Cells> {
    let line = record.line;
    if record.is_torn {
        problems.add(line, "", TORN);
        return None;
    }
    let record = record.cells();
    let read = match header.cells(line, &record) {
        Ok(read) => read,
        Err(problem) => {
            problems.0.push(problem);
            return None;
        }
    };
    problems.0.extend(read.problems);
    let mut problem = |name: &str, value: &str, problem: &str| {
        problems.0.push(Problem { value: Some(shown(value)), ..Problem::new(line, name, problem) });
    };
    let mut cells = Cells { account: None, key: None, values: BTreeMap::new() };
    for (name, value) in header.names().iter().zip(read.texts) {
        let Some(value) = value else { continue };
        match name.as_str() {
            "account_id" => cells.account = Some(value.to_owned()),
            "" => {}
            _ if has_control(value) => problem(name, value, "contains a control character or line break"),
            _ if value.contains('\u{fffd}') => problem(name, value, &PhraseError::Lost.to_string()),
            _ => {
                if name == "key" {
                    cells.key = Some(value.to_owned());
                }
                cells.values.insert(name.clone(), value.nfc().collect::<String>());
            }
        }
    }
    Some(cells)
}

/// Reads the records of a table, and returns its header and what it is; or what is wrong with it as a whole.
fn each(
    file: &[u8],
    sheet: Option<&str>,
    columns: &Columns,
    take: &mut dyn FnMut(&Header, &Record<'_>),
) -> Result<Result<(Header, About), Problems>, TableError> {
    if file.len() > MAX_BYTES {
        let mut problems = Problems::default();
        problems.add(0, "", format!("the file is larger than {} MB", MAX_BYTES >> 20));
        return Ok(Err(problems));
    }
    let source = table::open(file, Wanted { names: columns.required, sheet, ..Wanted::default() })?;
    let about = source.about;
    let mut records = Records::new(source.reader.take(MAX_BYTES as u64), source.layout);
    let header = records.record()?.ok_or_else(|| about.empty())?;
    let header = match Header::parse(header.line, &header.cells(), columns) {
        Ok(header) => header,
        Err(problems) => return Ok(Err(placed(Problems(problems), &about))),
    };
    while let Some(record) = records.record()? {
        take(&header, &record);
    }
    Ok(Ok((header, about)))
}

/// What is said of a file without rows.
const EMPTY: &str = "the file has a header and no rows under it";

/// The problems in the order of their lines, with the sheet that these are of.
fn placed(problems: Problems, about: &About) -> Problems {
    let mut problems = problems.sorted();
    if let Some(place) = about.place().filter(|_| !problems.is_empty()) {
        problems.add(0, "", place + "; a notice reads the first sheet that is not hidden: `sheet = \"NAME\"` in `[audience]` reads another");
    }
    problems
}

/// Problems that are reported; the others are counted.
pub const REPORTED: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_customer_has_its_own_values() {
        let rows = Rows::parse("\u{FEFF}account_id,invoice\nC1,F-1\nC2,F-2\n".as_bytes()).unwrap();
        assert_eq!(rows.columns, ["invoice"]);
        assert_eq!(rows.rows[&AccountId::parse("C2").unwrap()]["invoice"], "F-2");
    }

    #[test]
    fn all_problems_are_reported() {
        let problems = Rows::parse(b"account_id,a\nC1,x\nC1,y\nC2\nC 3,z\n").unwrap_err();
        let texts: Vec<_> = problems.0.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "line 3: `account_id`: `C1` has a row already",
                "line 4: the row has 1 field, the header 2; each row has a cell for each column, an empty one if there is no value",
                "line 5: `account_id`: contains a space or control character",
            ]
        );
        let bad = Rows::parse(b"Account_ID,a,a,\xe5\nC1,x,y,z\n").unwrap_err().0;
        let texts: Vec<_> = bad.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["line 1: `a`: is in the header twice", "line 1: `header`: column 4 is not UTF-8: save the file as UTF-8",]
        );
        let bad = Rows::parse(b"account_id,a,\nC\xe5,x,\nC2,\xe5,\nC3,x,stray\n").unwrap_err().0;
        let texts: Vec<_> = bad.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "line 2: `account_id` `C\u{e5}`: is not UTF-8: save the file as UTF-8",
                "line 3: `a` `\u{e5}`: is not UTF-8: save the file as UTF-8",
                "line 4: `column 3` `stray`: has a value, but no name in the header",
            ]
        );
        assert!(Rows::parse(b"a,a\n").is_err());
        assert!(Rows::parse(b"account_id\n").is_err());
        assert!(Rows::parse(b"").is_err());
    }
}
