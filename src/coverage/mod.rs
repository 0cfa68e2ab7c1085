//! Coverage: the status of a notice, which customers are informed, and whether one customer is.
//!
//! Wording claims no more than is known: a 250 says that a server accepted the message, not that anybody read it.

mod attest;
mod error;
mod informed;
mod rows;
mod status;

pub use crate::store::notices::attestations::Attestation;
pub use attest::NewAttestation;
pub use error::CoverageError;
pub use informed::{About, Informed, InformedDelivery, InformedNotice};
pub use rows::{CoverageDelivery, CoverageRow, Covering, Totals};
pub use status::Status;

use crate::context::Context;
use crate::domain::category::Category;
use crate::domain::coverage::{LegalClock, Measure};
use crate::domain::fields::Fields;
use crate::notices::Notices;
use crate::store::notices::Kept;

/// The service for the questions that a manager and a regulator ask.
#[derive(Clone)]
pub struct Coverage {
    context: Context,
    notices: Notices,
}

impl Coverage {
    /// The service over these parts.
    #[must_use]
    pub const fn new(context: Context, notices: Notices) -> Self {
        Self { context, notices }
    }

    /// What counts as informed in a category, now.
    pub(crate) fn measure(&self, category: Category) -> Measure {
        let config = &self.context.config;
        Measure {
            informed_at: config.informed_at(category),
            report_wait: config.report_wait(category),
            now: self.context.clock.now(),
        }
    }

    /// The legal clock of a notice.
    pub(crate) fn clock(&self, notice: &Kept) -> LegalClock {
        let within = self.context.config.deadline(notice.category);
        LegalClock::new(discovered_at(notice), notice.released_at, notice.follows_id.is_some(), within)
    }
}

/// When the breach that a notice is about was discovered.
fn discovered_at(notice: &Kept) -> Option<jiff::Timestamp> {
    if notice.category != Category::SecurityBreach {
        return None;
    }
    match notice.parsed().ok()?.editions.into_iter().next()?.fields {
        Fields::SecurityBreach(breach) => Some(breach.discovered_at),
        _ => None,
    }
}
