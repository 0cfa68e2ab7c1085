//! A row that is added to a standing notice, from outside and as it is stored.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use crate::audience::RowOf;
use crate::domain::customer::AccountId;
use crate::domain::problem::{Problem, Problems, check_line, has_control};
use crate::domain::wrong::Wrong;
use crate::store::engine::row::place;
use crate::store::notices::rows;
use crate::store::{Conn, StoreError};

/// The longest key, in bytes.
const LONGEST_KEY: usize = 200;

/// The most that the values of a row may have, in bytes: they are in each of its mails.
const LARGEST: usize = 64 << 10;

/// A row as a caller has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRow {
    /// Its line in a file.
    pub line: usize,
    /// Its place in a JSON document, as a pointer.
    pub pointer: Option<String>,
    /// The customer.
    pub account_id: String,
    /// The key by which the caller knows it: the notice takes it once.
    pub key: String,
    /// Its values by column.
    pub values: BTreeMap<String, String>,
}

/// A row that is well formed.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    pub(super) at: At,
    pub(super) row: RowOf,
}

/// Where a row is.
#[derive(Clone, Debug)]
pub(super) struct At {
    line: usize,
    pointer: Option<String>,
}

impl At {
    /// A problem of a field of the row.
    pub(super) fn problem(&self, field: &str, problem: impl Into<Wrong>) -> Problem {
        let pointer = self.pointer.as_ref().map(|row| {
            if field.is_empty() {
                row.clone()
            } else {
                format!("{row}/{}", field.replace('~', "~0").replace('/', "~1"))
            }
        });
        Problem { pointer: pointer.map(String::into_boxed_str), ..Problem::new(self.line, field, problem) }
    }
}

impl NewRow {
    /// The row, if it is well formed; else its problems are added.
    pub(super) fn check(self, problems: &mut Problems) -> Option<Checked> {
        let before = problems.0.len();
        let at = At { line: self.line, pointer: self.pointer };
        let account_id = AccountId::parse(&self.account_id);
        if let Err(problem) = &account_id {
            problems.0.push(at.problem("account_id", problem.to_string()));
        }
        if let Err(error) = check_line("key", &self.key, LONGEST_KEY) {
            problems.0.push(at.problem("key", error.problem()));
        }
        let mut values = BTreeMap::new();
        for (name, value) in self.values {
            if has_control(&name) || has_control(&value) {
                problems.0.push(at.problem(&name, "contains a control character or line break"));
            }
            values.insert(name, value.nfc().collect::<String>());
        }
        if values.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > LARGEST {
            problems.0.push(at.problem("", format!("its values have more than {LARGEST} bytes")));
        }
        let account_id = account_id.ok()?;
        (problems.0.len() == before).then_some(Checked { at, row: RowOf { account_id, key: self.key, values } })
    }
}

/// The rows of a standing notice with some keys. One whose person was erased has no values any more.
///
/// # Errors
/// If one cannot be read, or the database fails.
pub async fn stored(conn: &mut Conn, notice: Uuid, keys: &[&str]) -> Result<Vec<RowOf>, StoreError> {
    let mut found = Vec::new();
    for row in rows::with_keys(conn, notice, keys).await? {
        let inconsistent = |problem: String| StoreError::Inconsistent {
            table: "notice_rows",
            column: "data",
            row: format!("{notice} {}", row.key),
            problem,
        };
        let values = serde_json::from_str(&row.data).map_err(|problem| inconsistent(place(&problem)))?;
        let account_id = AccountId::parse(&row.account_id).map_err(|problem| inconsistent(problem.to_string()))?;
        found.push(RowOf { account_id, key: row.key, values });
    }
    Ok(found)
}
