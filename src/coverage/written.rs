//! The coverage of a notice as a document: what stands before its rows and after them, and which rows it has.

use serde_json::{Map, Value, json};

use super::{CoverageError, CoverageRow, Covering};
use crate::domain::coverage::Verdict;

/// Which rows are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Only {
    /// All.
    #[default]
    All,
    /// Those of customers that are not informed.
    Open,
    /// Those of customers that were informed after the deadline.
    Late,
}

impl Covering {
    /// Returns those of the next rows that are wanted, or `None` at the end. The totals count the others too.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next_of(&mut self, only: Only) -> Result<Option<Vec<CoverageRow>>, CoverageError> {
        let mut rows = self.next().await?;
        if let Some(rows) = &mut rows {
            rows.retain(|row| match only {
                Only::All => true,
                Only::Open => row.verdict != Verdict::Informed,
                Only::Late => row.late,
            });
        }
        Ok(rows)
    }

    /// The members before the rows.
    #[must_use]
    pub fn before(&self) -> Map<String, Value> {
        members(json!({
            "notice": self.notice.id, "category": self.notice.category, "released_at": self.notice.released_at,
            "discovered_at": self.clock.discovered_at, "deadline": self.clock.deadline, "stopped": self.stopped,
            "promises": self.promises,
            "escalated": self.escalated,
        }))
    }

    /// The members after the rows: the totals of those that were read.
    #[must_use]
    pub fn after(&self) -> Map<String, Value> {
        members(json!(self.totals()))
    }
}

fn members(object: Value) -> Map<String, Value> {
    if let Value::Object(members) = object { members } else { Map::new() }
}
