//! Audience files: the rows name the customers, each with its own values.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::domain::customer::AccountId;
use crate::domain::problem::{Problems, has_control};
use crate::domain::words::count;

/// The size limit of an audience file, in bytes.
pub const MAX_BYTES: usize = 64 << 20;

/// The rows of an audience file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The names of the columns other than `account_id`.
    pub columns: Vec<String>,
    /// The values of each customer by column.
    pub rows: BTreeMap<AccountId, BTreeMap<String, String>>,
}

impl Rows {
    /// Parses CSV text with a header row, a column `account_id` and any others. Each customer has at most one row.
    ///
    /// # Errors
    /// All problems, with their lines.
    pub fn parse(text: &[u8]) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        if text.len() > MAX_BYTES {
            problems.add(0, "", format!("the file is larger than {MAX_BYTES} bytes"));
            return Err(problems);
        }
        let Ok(text) = std::str::from_utf8(text) else {
            problems.add(0, "", "the file is not UTF-8: save it as UTF-8");
            return Err(problems);
        };
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let mut csv = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
        let header = csv.headers().cloned().unwrap_or_default();
        let account = read_header(&header, &mut problems);
        let mut rows = Self::default();
        if let (Some(account), true) = (account, problems.is_empty()) {
            rows.columns = header.iter().filter(|name| *name != "account_id").map(str::to_owned).collect();
            for record in csv.records() {
                rows.read(&header, account, record, &mut problems);
            }
            if rows.rows.is_empty() && problems.is_empty() {
                problems.add(0, "", "the file has no rows");
            }
        }
        if problems.is_empty() { Ok(rows) } else { Err(problems.sorted()) }
    }

    /// Returns the rows after an account, in order.
    pub fn after(&self, account: &str) -> impl Iterator<Item = (&AccountId, &BTreeMap<String, String>)> {
        self.rows.range::<str, _>((Bound::Excluded(account), Bound::Unbounded))
    }

    fn read(
        &mut self,
        header: &csv::StringRecord,
        account: usize,
        record: csv::Result<csv::StringRecord>,
        problems: &mut Problems,
    ) {
        let record = match record {
            Ok(record) => record,
            Err(error) => return problems.add(0, "", error.to_string()),
        };
        let line = record.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or(0));
        if record.len() != header.len() {
            let problem = format!(
                "the row has {}, but the header has {}",
                count(record.len() as u64, "field", "fields"),
                header.len()
            );
            return problems.add(line, "", problem);
        }
        let before = problems.0.len();
        let mut values = BTreeMap::new();
        for (name, value) in header.iter().zip(&record).filter(|(name, _)| *name != "account_id") {
            if has_control(value) {
                problems.add(line, name, "contains a control character or line break");
            }
            values.insert(name.to_owned(), value.to_owned());
        }
        match AccountId::parse(&record[account]) {
            Err(problem) => problems.add(line, "account_id", problem),
            Ok(id) if self.rows.contains_key(&id) => {
                problems.add(line, "account_id", format!("`{id}` has a row already"));
            }
            Ok(id) if problems.0.len() == before => drop(self.rows.insert(id, values)),
            Ok(_) => {}
        }
    }
}

fn read_header(header: &csv::StringRecord, problems: &mut Problems) -> Option<usize> {
    for (index, name) in header.iter().enumerate() {
        if header.iter().take(index).any(|earlier| earlier == name) {
            problems.add(1, name, "is in the header twice");
        }
        if name.is_empty() || has_control(name) {
            problems.add(1, "", format!("column {} has no name", index + 1));
        }
    }
    let account = header.iter().position(|name| name == "account_id");
    if account.is_none() {
        problems.add(1, "account_id", "is missing from the header");
    }
    account
}

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
                "line 4: the row has 1 field, but the header has 2",
                "line 5: `account_id`: contains a space or control character",
            ]
        );
        assert!(Rows::parse(b"a,a\n").is_err());
        assert!(Rows::parse(b"account_id\n").is_err());
        assert!(Rows::parse(b"").is_err());
    }
}
