//! A first notice, to be changed and tried.

use jiff::civil::time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// A maintenance notice for the night a week from now.
pub(super) fn notice(now: Timestamp) -> String {
    let night = now.to_zoned_datetime(TimeZone::UTC).date().saturating_add(7.days());
    let (start, end) =
        (night.to_datetime(time(22, 0, 0, 0)), night.saturating_add(1.days()).to_datetime(time(2, 0, 0, 0)));
    format!(
        r#"+++
category = "maintenance"
reference = "CHG-1"
[audience]
all = true
[fields]
window_start = {start}Z
window_end = {end}Z
services = ["Compute", "Network"]
impact = "Instances may lose network for up to two minutes."
phase = "announced"
+++
We replace two switches that night. You need not do anything.
"#
    )
}
