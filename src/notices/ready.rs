//! The check of a notice before it is stored or submitted: against the time, and against the configuration of its category.

use super::{NoticeError, Notices};
use crate::audience::Reach;
use crate::domain::check::{Circumstances, Findings, LeadTime, check_at};
use crate::domain::problem::Problems;

/// The result of a check.
#[derive(Clone, Debug)]
pub struct Checked {
    /// How far the notice reaches.
    pub reach: Reach,
    /// What its author should know before the release.
    pub warnings: Problems,
}

impl Notices {
    /// Checks the text of a notice against the time and the configuration. Returns the warnings.
    pub(super) fn ready(&self, source: &str) -> Result<Problems, NoticeError> {
        let findings = self.findings(source);
        if findings.problems.is_empty() { Ok(findings.warnings) } else { Err(NoticeError::NotReady(findings.problems)) }
    }

    /// The problems of a text with the time and the configuration, to be reported with those that it has in itself.
    #[must_use]
    pub fn untimely(&self, source: &str) -> Problems {
        self.findings(source).problems
    }

    fn findings(&self, source: &str) -> Findings {
        let config = &self.context.config;
        let lead_time = |category, kind| {
            let required = config.lead_time_required(category);
            config.lead_time(category, kind).map(|least| LeadTime { least, required })
        };
        check_at(
            source,
            &Circumstances {
                now: self.context.clock.now(),
                zone: config.organisation.default_time_zone.time_zone(),
                default_locale: &config.organisation.default_locale,
                lead_time: &lead_time,
            },
        )
    }
}
