//! The window of a maintenance: whether it is on a day on which nobody works, and whether its mails and reminders are sent
//! before it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Circumstances, Findings};
use crate::domain::category::Category;
use crate::domain::clock::shown;
use crate::domain::fields::Phase;
use crate::domain::front_matter::{Reader, placeholders_at};
use crate::domain::placeholder::Placeholder;
use crate::domain::schedule::series::Every;
use crate::domain::schedule::{Schedule, latest};

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
    if let Some(schedule) = &schedule {
        ends(schedule, (start, end), &circumstances.zone, findings);
    }
    if let Some(schedule) = &schedule
        && let Some(every) = schedule.word("every").and_then(|text| text.parse::<Every>().ok())
        && !every.has(start, &circumstances.zone)
    {
        let zone = circumstances.zone.iana_name().unwrap_or("the organisation's zone");
        let next = every.next(end, &circumstances.zone).map(|next| format!(": the next one begins at {}", shown(next)));
        let text = format!("the window is none of `{every}` in {zone}{}", next.unwrap_or_default());
        findings.warnings.add(schedule.line("every"), "schedule.every", text);
    }
    reminders((category, source), top, (start, release), circumstances, findings);
}

/// Warns of mails that would go out after the window has begun, and of reminders that would not, or before the announcement.
fn reminders(
    (category, source): (Category, &str),
    top: &Reader<'_, '_>,
    (start, release): (Timestamp, Timestamp),
    circumstances: &Circumstances<'_>,
    findings: &mut Findings,
) {
    let (quiet, zone) = ((circumstances.quiet_hours)(category), &circumstances.zone);
    let schedule = Schedule::read(top, Some(category));
    let last = latest(&schedule, quiet, release, zone);
    let table = top.table("schedule");
    let line = |key: &str| table.as_ref().map_or(0, |table| table.line(key));
    if last >= start && release < start {
        let key = match (schedule.send_at_local, schedule.spread.is_zero()) {
            (Some(_), _) => "send_at_local",
            (None, false) => "spread",
            // The quiet hours of the category hold all of it.
            (None, true) => "send_at",
        };
        let text = format!("the last mails go out at {}, when the window has begun", shown(last));
        findings.warnings.add(line(key), format!("schedule.{key}"), text);
    }
    let own = schedule.reminders.as_ref();
    let all = &own.unwrap_or(circumstances.reminders).0;
    if !all.is_empty() && placeholders_at(source).iter().any(|(_, it)| matches!(it, Placeholder::Row(_))) {
        let text =
            "is not possible with placeholders of an audience file: a reminder goes to customers without its rows";
        match own {
            Some(_) => findings.problems.add(line("reminders"), "schedule.reminders", text),
            None => {
                let text = "those of the category are not sent: a reminder goes to customers without the rows of an audience file";
                findings.warnings.add(0, "schedule.reminders", text);
            }
        }
        return;
    }
    for before in all {
        let due = before.due(start);
        let sent = latest(&Schedule::default(), quiet, due, zone);
        let why = match () {
            () if due <= release && own.is_none() => continue,
            () if due <= release => "would be due before the release: it is not sent".to_owned(),
            () if sent >= start => {
                format!(
                    "would wait for the end of the quiet hours at {}, when the window has begun: it is not sent then",
                    shown(sent)
                )
            }
            () if sent < last => {
                format!("would be sent before the last announcements, which go out at {}", shown(last))
            }
            () => continue,
        };
        findings.warnings.add(line("reminders"), "schedule.reminders", format!("the reminder `{before}` {why}"));
    }
}
