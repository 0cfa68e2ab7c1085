//! The legal clock of a notice about a breach: whether it is released in time, and whether the discovery can be when it says.

use jiff::{SignedDuration, Timestamp};

use super::{Circumstances, length};
use crate::domain::category::Category;
use crate::domain::clock::shown;
use crate::domain::front_matter::Reader;
use crate::domain::problem::Problems;

/// A discovery that is longer ago is hardly meant: a wrong year, or a sample.
const LONG_AGO: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Checks a notice that is to be released at `release`. That of a notice which follows another starts at its release: nothing is
/// late about it.
pub(super) fn check(top: &Reader<'_, '_>, release: Timestamp, circumstances: &Circumstances<'_>) -> Problems {
    let mut warnings = Problems::default();
    let Some(fields) = top.table("fields") else { return warnings };
    let Some(category) = top.parsed::<Category>("category") else { return warnings };
    let Some(discovered) = fields.time("discovered_at") else { return warnings };
    let ago = circumstances.now.duration_since(discovered);
    if ago > LONG_AGO {
        let text = format!("is {} ago: is the year right?", length(ago));
        warnings.add(fields.line("discovered_at"), "fields.discovered_at", text);
    }
    let within = (circumstances.deadline)(category).and_then(|within| SignedDuration::try_from(within).ok());
    let Some(within) = within.filter(|_| !top.is_there("follows")) else { return warnings };
    let Ok(deadline) = discovered.checked_add(within) else { return warnings };
    if release <= deadline {
        return warnings;
    }
    let by = format!("customers must be informed by {}, {} after `discovered_at`", shown(deadline), length(within));
    if deadline < circumstances.now {
        let text = format!("the deadline has passed: {by}");
        warnings.add(fields.line("discovered_at"), "fields.discovered_at", text);
    } else if let Some(schedule) = top.table("schedule") {
        let key = if schedule.is_there("send_at_local") { "send_at_local" } else { "send_at" };
        warnings.add(schedule.line(key), format!("schedule.{key}"), format!("is after the deadline: {by}"));
    }
    warnings
}
