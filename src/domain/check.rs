//! The check of a valid notice against its circumstances: the time at which it is to be released, and the configuration.
//!
//! A stored notice stays valid whatever the time is, so parsing does not look at the clock. A notice that is written or
//! submitted does: it must not announce what is over, report what has not happened yet, or come too late.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::fields::{AgreementKind, Fields, IncidentStatus, Phase};
use crate::domain::front_matter::{line_of, sections};
use crate::domain::locale::Locale;
use crate::domain::notice::Notice;
use crate::domain::problem::Problems;

/// The circumstances that a notice is checked in.
#[derive(Clone, Debug)]
pub struct Circumstances<'a> {
    /// The present time.
    pub now: Timestamp,
    /// The zone in which the days of dates begin and end.
    pub zone: TimeZone,
    /// The language of the first section.
    pub default_locale: &'a Locale,
    /// The lead time of such a notice, if it has one.
    pub lead_time: Option<LeadTime>,
}

/// The least time between the release of a notice and what it announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeadTime {
    /// The time.
    pub least: Duration,
    /// Whether a notice below it is refused.
    pub required: bool,
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What has to be corrected before the notice can be released.
    pub problems: Problems,
    /// What its author should know.
    pub warnings: Problems,
}

impl Notice {
    /// The kind of an agreement change.
    #[must_use]
    pub fn agreement_kind(&self) -> Option<AgreementKind> {
        match self.fields() {
            Fields::AgreementChange(it) => Some(it.kind),
            _ => None,
        }
    }

    /// Checks the notice, whose text is `source`, against its circumstances.
    #[must_use]
    pub fn check_at(&self, source: &str, circumstances: &Circumstances<'_>) -> Findings {
        let release = self.send_at.map_or(circumstances.now, |send_at| send_at.max(circumstances.now));
        let mut check = Check { source, circumstances, release, findings: Findings::default() };
        check.languages(self);
        check.schedule(self);
        match self.fields() {
            Fields::SecurityBreach(it) => {
                check.past("discovered_at", it.discovered_at);
                check.past("occurred_from", it.occurred_from);
                check.past("occurred_until", it.occurred_until);
                if it.occurred_from.is_some_and(|from| it.discovered_at < from) {
                    check.problem("discovered_at", "is before `occurred_from`");
                }
            }
            Fields::Disruption(it) => {
                if it.status != IncidentStatus::Possible {
                    check.past("started_at", it.started_at);
                }
                check.past("resolved_at", it.resolved_at);
                if it.next_update_at.is_some_and(|next| next <= release) {
                    check.warning("next_update_at", "is over when the notice is released");
                }
            }
            Fields::Maintenance(it) => {
                if matches!(it.phase, Phase::Announced | Phase::Rescheduled) && it.window_end <= release {
                    check.problem("window_end", "is over when the notice is released");
                }
                let previous = (it.previous_start, it.previous_end);
                if it.phase == Phase::Rescheduled && previous == (Some(it.window_start), Some(it.window_end)) {
                    check.problem("previous_start", "is the same window as the new one");
                }
            }
            Fields::AgreementChange(it) => {
                if it.right_until > it.effective_date {
                    check.problem("right_until", "is after `effective_date`");
                }
                if it.right_until < check.date(release) {
                    check.problem("right_until", "is over when the notice is released");
                }
            }
            Fields::Survey(it) => {
                if it.closes_at <= release {
                    check.problem("closes_at", "is over when the notice is released");
                }
            }
            Fields::SecurityMeasuresChange(_) | Fields::Billing(_) | Fields::News(_) => {}
        }
        check.lead_time(self.fields());
        Findings { problems: check.findings.problems.sorted(), warnings: check.findings.warnings.sorted() }
    }
}

struct Check<'a> {
    source: &'a str,
    circumstances: &'a Circumstances<'a>,
    /// The earliest time of the release.
    release: Timestamp,
    findings: Findings,
}

impl Check<'_> {
    /// The first section is the one in the default language, so another one for it would never be shown.
    fn languages(&mut self, notice: &Notice) {
        let Ok(sections) = sections(self.source) else { return };
        for (edition, section) in notice.editions.iter().zip(sections) {
            if edition.locale.as_ref() == Some(self.circumstances.default_locale) {
                let language = section.label;
                let problem = format!("`{language}` is the default language: its text is the first section");
                self.findings.problems.add(section.line, "", problem);
            }
        }
    }

    fn schedule(&mut self, notice: &Notice) {
        if notice.send_at.is_some_and(|send_at| send_at < self.circumstances.now) {
            let line = line_of(self.source, "schedule", "send_at");
            self.findings.warnings.add(line, "schedule.send_at", "is in the past: the release is immediate");
        }
    }

    /// Reports a time that has not come yet.
    fn past(&mut self, key: &str, time: impl Into<Option<Timestamp>>) {
        if time.into().is_some_and(|time| time > self.circumstances.now) {
            self.problem(key, "is in the future");
        }
    }

    fn lead_time(&mut self, fields: &Fields) {
        let Some(lead_time) = self.circumstances.lead_time else { return };
        let Some((key, left)) = self.left(fields) else { return };
        let least = SignedDuration::try_from(lead_time.least).unwrap_or(SignedDuration::MAX);
        if left >= least {
            return;
        }
        let when = match left {
            left if left <= SignedDuration::ZERO => "not after the release".to_owned(),
            left => format!("{} after the release", length(left)),
        };
        let text = format!("is {when}, and the lead time is {}", length(least));
        if lead_time.required { self.problem(key, &text) } else { self.warning(key, &text) }
    }

    /// The key of the time that a notice announces, and how long after the release it is. Dates count by whole days.
    fn left(&self, fields: &Fields) -> Option<(&'static str, SignedDuration)> {
        let days = |date: Date| date.duration_since(self.date(self.release));
        match fields {
            Fields::Maintenance(it) if matches!(it.phase, Phase::Announced | Phase::Rescheduled) => {
                Some(("window_start", it.window_start.duration_since(self.release)))
            }
            Fields::AgreementChange(it) => Some(("effective_date", days(it.effective_date))),
            Fields::SecurityMeasuresChange(it) => Some(("effective_date", days(it.effective_date))),
            _ => None,
        }
    }

    fn date(&self, time: Timestamp) -> Date {
        time.to_zoned_datetime(self.circumstances.zone.clone()).date()
    }

    fn problem(&mut self, key: &str, problem: &str) {
        self.findings.problems.add(line_of(self.source, "fields", key), format!("fields.{key}"), problem);
    }

    fn warning(&mut self, key: &str, warning: &str) {
        self.findings.warnings.add(line_of(self.source, "fields", key), format!("fields.{key}"), warning);
    }
}

/// A length of time in words: whole days from two days on, else hours or minutes.
fn length(duration: SignedDuration) -> String {
    let (number, unit) = match (duration.as_hours(), duration.as_mins()) {
        (48.., _) => (duration.as_hours() / 24, "day"),
        (1.., _) => (duration.as_hours(), "hour"),
        (_, minutes) => (minutes, "minute"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAINTENANCE: &str = include_str!("../../config/demo/notices/3-maintenance.md");
    const BREACH: &str = include_str!("../../config/demo/notices/1-security-breach.md");
    const AGREEMENT: &str = include_str!("../../config/demo/notices/4-agreement-change.md");
    const DISRUPTION: &str = include_str!("../../config/demo/notices/2-disruption.md");
    const SURVEY: &str = include_str!("../../config/demo/notices/8-survey.md");
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// The problems and warnings of a notice, checked at a time of 2026-11-24 if none is named.
    fn found(source: &str, now: &str, lead_time: Option<(u32, bool)>) -> (Vec<String>, Vec<String>) {
        let circumstances = Circumstances {
            now: now.parse().unwrap(),
            zone: TimeZone::get("Europe/Stockholm").unwrap(),
            default_locale: &"en".parse().unwrap(),
            lead_time: lead_time.map(|(days, required)| LeadTime { least: days * DAY, required }),
        };
        let findings = Notice::parse(source).unwrap().check_at(source, &circumstances);
        let texts = |problems: Problems| problems.0.iter().map(ToString::to_string).collect();
        (texts(findings.problems), texts(findings.warnings))
    }

    const NOW: &str = "2026-11-24T10:00:00Z";

    #[test]
    fn the_notices_of_the_demo_are_plausible() {
        for source in [MAINTENANCE, BREACH, AGREEMENT, DISRUPTION, SURVEY] {
            assert_eq!(found(source, NOW, None), (vec![], vec![]));
        }
    }

    #[test]
    fn impossible_dates_are_refused_with_their_line() {
        let same_window = MAINTENANCE.replace(
            "phase = \"announced\"",
            "phase = \"rescheduled\"\nprevious_start = 2026-12-14T21:00:00Z\nprevious_end = 2026-12-15T01:00:00Z",
        );
        let resolved = DISRUPTION.replace("\"identified\"", "\"resolved\"\nresolved_at = 2026-11-24T11:00:00Z");
        for (source, now, wanted) in [
            (BREACH.replace("23T11:35", "25T11:35").as_str(), NOW, "`fields.discovered_at`: is in the future"),
            (&BREACH.replace("T11:35", "T06:35"), NOW, "`fields.discovered_at`: is before `occurred_from`"),
            (&BREACH.replace("23T11:50", "25T11:50"), NOW, "`fields.occurred_until`: is in the future"),
            (MAINTENANCE, "2026-12-15T01:00:00Z", "`fields.window_end`: is over when the notice is released"),
            (&same_window, NOW, "`fields.previous_start`: is the same window as the new one"),
            (&DISRUPTION.replace("10:12", "11:30"), NOW, "`fields.started_at`: is in the future"),
            (&resolved, NOW, "`fields.resolved_at`: is in the future"),
            (&AGREEMENT.replace("2027-01-31", "2027-02-02"), NOW, "`fields.right_until`: is after `effective_date`"),
            (AGREEMENT, "2027-01-31T23:30:00Z", "`fields.right_until`: is over when the notice is released"),
            (SURVEY, "2027-01-22T16:00:00Z", "`fields.closes_at`: is over when the notice is released"),
        ] {
            let (problems, _) = found(source, now, None);
            assert_eq!(problems.len(), 1, "{wanted}: {problems:?}");
            let key = wanted.split(['.', '`']).nth(2).unwrap();
            let line = source.lines().position(|line| line.starts_with(&format!("{key} ="))).unwrap() + 1;
            assert_eq!(problems[0], format!("line {line}: {wanted}"));
        }
    }

    #[test]
    fn a_possible_disruption_may_lie_ahead_and_what_is_over_may_be_reported() {
        let possible = DISRUPTION.replace("10:12", "11:30").replace("\"identified\"", "\"possible\"");
        assert_eq!(found(&possible, NOW, None).0, Vec::<String>::new());
        let completed = MAINTENANCE.replace("\"announced\"", "\"completed\"");
        assert_eq!(found(&completed, "2026-12-15T01:00:00Z", Some((5, true))), (vec![], vec![]));
    }

    #[test]
    fn the_time_of_a_scheduled_release_counts() {
        let scheduled = |time: &str| format!("[schedule]\nsend_at = {time}\n[fields]\n");
        let source = MAINTENANCE.replacen("[fields]\n", &scheduled("2026-12-16T00:00:00Z"), 1);
        assert_eq!(found(&source, NOW, None).0, ["line 10: `fields.window_end`: is over when the notice is released"]);
        let source = MAINTENANCE.replacen("[fields]\n", &scheduled("2026-12-13T00:00:00Z"), 1);
        assert_eq!(
            found(&source, NOW, Some((5, false))).1,
            ["line 9: `fields.window_start`: is 45 hours after the release, and the lead time is 5 days"]
        );
        let source = MAINTENANCE.replacen("[fields]\n", &scheduled("2026-11-24T09:00:00Z"), 1);
        let past = "line 7: `schedule.send_at`: is in the past: the release is immediate";
        assert_eq!(found(&source, NOW, None), (vec![], vec![past.to_owned()]));
    }

    #[test]
    fn too_short_a_notice_is_a_warning_or_a_refusal() {
        let text = "line 7: `fields.window_start`: is 2 days after the release, and the lead time is 5 days";
        let now = "2026-12-12T20:00:00Z";
        assert_eq!(found(MAINTENANCE, now, Some((5, false))), (vec![], vec![text.to_owned()]));
        assert_eq!(found(MAINTENANCE, now, Some((5, true))), (vec![text.to_owned()], vec![]));
        assert_eq!(found(MAINTENANCE, now, Some((2, true))), (vec![], vec![]));
        // Days of the calendar: from the afternoon of the second to the first of next month are 30.
        let effective = "2027-01-02T15:00:00Z";
        assert_eq!(found(AGREEMENT, effective, Some((30, true))), (vec![], vec![]));
        assert_eq!(found(AGREEMENT, effective, Some((31, true))).0.len(), 1);
    }

    #[test]
    fn a_second_section_in_the_default_language_is_refused() {
        let source = MAINTENANCE.replace("+++ sv\n", "+++ en\n");
        let line = source.lines().position(|line| line == "+++ en").unwrap() + 1;
        assert_eq!(
            found(&source, NOW, None).0,
            [format!("line {line}: `en` is the default language: its text is the first section")]
        );
    }
}
