//! The window of a maintenance: whether it is on a day on which nobody works, and whether its reminders can be sent.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Circumstances, Findings};
use crate::domain::category::Category;
use crate::domain::clock::shown;
use crate::domain::fields::Phase;
use crate::domain::front_matter::{Reader, placeholders_at};
use crate::domain::placeholder::Placeholder;
use crate::domain::reminder::Before;
use crate::domain::schedule::series::Every;

/// Warns of a series that is over before a second window.
fn ends(schedule: &Reader<'_, '_>, (start, end): (Timestamp, Timestamp), zone: &TimeZone, findings: &mut Findings) {
    let every = schedule.word("every").and_then(|text| text.parse::<Every>().ok());
    let (Some(every), Some(until)) = (every, schedule.is_there("until").then(|| schedule.date("until")).flatten())
    else {
        return;
    };
    let text = if zone.to_datetime(start).date() > until {
        "is before the window of this notice: the series has no other one".to_owned()
    } else {
        match every.next(end, zone).filter(|next| zone.to_datetime(*next).date() > until) {
            Some(next) => format!("is before the next window, which begins at {}: this one is the last", shown(next)),
            None => return,
        }
    };
    findings.warnings.add(schedule.line("until"), "schedule.until", text);
}

/// Checks a notice that is to be released at `release`.
pub(super) fn check(
    (category, source): (Category, &str),
    top: &Reader<'_, '_>,
    release: Timestamp,
    circumstances: &Circumstances<'_>,
    findings: &mut Findings,
) {
    let (Some(fields), schedule) = (top.table("fields"), top.table("schedule")) else { return };
    if let Some(schedule) = schedule.as_ref().filter(|schedule| schedule.is_there("reminder")) {
        let text = "is set by the dispatcher alone: name the times of reminders in `reminders`";
        findings.problems.add(schedule.line("reminder"), "schedule.reminder", text);
    }
    let phase = fields.parsed::<Phase>("phase").filter(|_| category == Category::Maintenance);
    if !matches!(phase, Some(Phase::Announced | Phase::Rescheduled)) {
        return;
    }
    let Some(start) = fields.time("window_start") else { return };
    let end = fields.time("window_end").unwrap_or(start);
    let day = |time: Timestamp| circumstances.zone.to_datetime(time).date();
    for holiday in circumstances.holidays.iter().filter(|it| (day(start)..=day(end)).contains(*it)) {
        let text = format!("the window is on a holiday of the organisation, {holiday}");
        findings.warnings.add(fields.line("window_start"), "fields.window_start", text);
    }
    let Some(schedule) = schedule else { return };
    ends(&schedule, (start, end), &circumstances.zone, findings);
    if let Some(every) = schedule.word("every").and_then(|text| text.parse::<Every>().ok())
        && !every.has(start, &circumstances.zone)
    {
        let zone = circumstances.zone.iana_name().unwrap_or("the organisation's zone");
        let next = every.next(end, &circumstances.zone).map(|next| format!(": the next one begins at {}", shown(next)));
        let text = format!("the window is none of `{every}` in {zone}{}", next.unwrap_or_default());
        findings.warnings.add(schedule.line("every"), "schedule.every", text);
    }
    let has_columns = || placeholders_at(source).iter().any(|(_, it)| matches!(it, Placeholder::Row(_)));
    if schedule.is_there("reminders") && !schedule.is_empty("reminders") && has_columns() {
        let text =
            "is not possible with placeholders of an audience file: a reminder goes to customers without its rows";
        findings.problems.add(schedule.line("reminders"), "schedule.reminders", text);
    }
    for before in schedule.words("reminders").unwrap_or_default().iter().filter_map(|text| Before::parse(text).ok()) {
        if before.due(start) <= release {
            let text = format!("the reminder `{before}` would be due before the release: it is not sent");
            findings.warnings.add(schedule.line("reminders"), "schedule.reminders", text);
        }
    }
}
