//! The check of a notice before it is stored or submitted: against the time, and against the configuration of its category.

use super::{NoticeError, Notices};
use crate::audience::Reach;
use crate::domain::check::{Circumstances, LeadTime};
use crate::domain::notice::Notice;
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
    /// Checks a notice, whose text is `source`, against the time and the configuration. Returns the warnings.
    pub(super) fn ready(&self, source: &str, notice: &Notice) -> Result<Problems, NoticeError> {
        let config = &self.context.config;
        let required = config.lead_time_required(notice.category);
        let least = config.lead_time(notice.category, notice.agreement_kind());
        let findings = notice.check_at(
            source,
            &Circumstances {
                now: self.context.clock.now(),
                zone: config.organisation.default_time_zone.time_zone(),
                default_locale: &config.organisation.default_locale,
                lead_time: least.map(|least| LeadTime { least, required }),
            },
        );
        if findings.problems.is_empty() { Ok(findings.warnings) } else { Err(NoticeError::NotReady(findings.problems)) }
    }
}
