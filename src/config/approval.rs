//! `[approval]`: when an approval does not hold any more.

use serde::{Deserialize, Serialize};

use crate::domain::prints::Changed;

/// `[approval]`: when an approval does not hold any more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Approval {
    /// The share of the recipients that may be others at the release than at the approval of a second person.
    pub audience_change: f64,
}

impl Default for Approval {
    fn default() -> Self {
        Self { audience_change: 0.2 }
    }
}

impl Approval {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let is_valid = self.audience_change >= 0.0 && self.audience_change.is_finite();
        let problem = || "`approval.audience_change` must be a share such as 0.2, or 0.0 for none".to_owned();
        if is_valid { Vec::new() } else { vec![problem()] }
    }

    /// True if an audience changed by more than an approval covers.
    #[must_use]
    pub fn is_void_by(&self, changed: &Changed) -> bool {
        let by = changed.then.abs_diff(changed.now).max(changed.others.unwrap_or(0));
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
        let (by, then) = (by as f64, changed.then as f64);
        by > then * self.audience_change
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_more_are_covered_and_many_others_are_not() {
        let approval = Approval::default();
        let changed = |then, now, others| Changed { then, now, others };
        assert!(!approval.is_void_by(&changed(12, 13, Some(1))));
        assert!(!approval.is_void_by(&changed(10, 8, Some(0))) && approval.is_void_by(&changed(10, 7, Some(0))));
        assert!(approval.is_void_by(&changed(10, 10, Some(3))), "as many, but others");
        assert!(approval.is_void_by(&changed(0, 1, Some(1))) && approval.is_void_by(&changed(30_000, 40_000, None)));
        let strict = Approval { audience_change: 0.0 };
        assert!(strict.is_void_by(&changed(1000, 1001, Some(1))));
        for wrong in [-0.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Approval { audience_change: wrong }.problems().len(), 1);
        }
    }
}
