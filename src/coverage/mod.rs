//! Coverage: the status of a notice, which customers are informed, and whether one customer is.
//!
//! Wording claims no more than is known: a 250 says that a server accepted the message, not that anybody read it.

mod attest;
mod counts;
mod error;
mod history;
mod informed;
mod pages;
mod rows;
mod status;
mod stopped;
mod written;

pub use crate::store::notices::attestations::Attestation;
pub use attest::{Attested, NewAttestation};
pub use counts::Counted;
pub use error::CoverageError;
pub use informed::{About, Informed, InformedDelivery, InformedNotice, LastVersion};
pub use rows::{CoverageDelivery, CoverageRow, Covering, Totals};
pub use status::Status;
pub use stopped::Stopped;
pub use written::Only;

use counts::Counts;

use crate::context::Context;
use crate::domain::coverage::{LegalClock, Measure};
use crate::notices::Notices;
use crate::store::notices::Kept;

/// The service for the questions that a manager and a regulator ask.
#[derive(Clone)]
pub struct Coverage {
    context: Context,
    notices: Notices,
    counts: Counts,
}

impl Coverage {
    /// The service over these parts.
    #[must_use]
    pub fn new(context: Context, notices: Notices) -> Self {
        Self { context, notices, counts: Counts::default() }
    }

    /// What counts as informed of a notice, now.
    pub(crate) fn measure(&self, notice: &Kept) -> Measure {
        let (config, category) = (&self.context.config, notice.category);
        Measure {
            informed_at: notice.terms.map_or_else(|| config.informed_at(category), |terms| terms.informed_at),
            report_wait: config.report_wait(category),
            now: self.context.clock.now(),
        }
    }

    /// The legal clock of a notice.
    pub(crate) fn clock(&self, notice: &Kept) -> LegalClock {
        if let Some(terms) = notice.terms {
            return LegalClock { discovered_at: notice.discovered_at(), deadline: terms.deadline };
        }
        let within = self.context.config.deadline(notice.category);
        LegalClock::new(notice.discovered_at(), notice.released_at, notice.follows_id.is_some(), within)
    }
}
