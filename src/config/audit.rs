//! `[audit]`: how long the audit log is kept.

use serde::{Deserialize, Serialize};

use crate::domain::retention::Period;

/// `[audit]`: how long the audit log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// For how many days its rows are kept.
    pub keep_days: u32,
}

impl Default for Audit {
    fn default() -> Self {
        Self { keep_days: 730 }
    }
}

impl Audit {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let is_valid = (1..=3650).contains(&self.keep_days);
        if is_valid { Vec::new() } else { vec!["`audit.keep_days` must be 1 to 3650".to_owned()] }
    }

    /// The same as a period.
    #[must_use]
    pub fn kept_for(&self) -> Period {
        Period::Days(i64::from(self.keep_days))
    }
}
