//! The check of a valid notice against its circumstances: the time at which it is to be released, and the configuration; and what its
//! author should know about its words and links.
//!
//! A stored notice stays valid whatever the time is, so parsing does not look at the clock. A notice that is written or
//! submitted does: it must not announce what is over, report what has not happened yet, or come too late. The check reads the
//! text value by value, so that it also finds the problems of a notice that is not valid for other reasons.

mod addresses;
mod clock;
mod links;
mod markup;
mod text;
mod tone;
mod translation;
mod window;

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::category::Category;
use crate::domain::fields::{AgreementKind, IncidentStatus, Phase};
use crate::domain::front_matter::{Document, Reader, sections};
use crate::domain::locale::Locale;
use crate::domain::problem::Problems;
use crate::domain::reminder::Reminders;
use crate::domain::schedule::{QuietHours, instant};
use crate::domain::wrong::Wrong;

pub use addresses::{is_role_address, needs_smtputf8};

/// The circumstances that a notice is checked in.
pub struct Circumstances<'a> {
    /// The present time.
    pub now: Timestamp,
    /// The zone in which the days of dates begin and end.
    pub zone: TimeZone,
    /// The language of the first section.
    pub default_locale: &'a Locale,
    /// The lead time of a notice, if it has one.
    pub lead_time: &'a dyn Fn(Category, Option<AgreementKind>) -> Option<LeadTime>,
    /// The time within which customers must be informed, if the category has one.
    pub deadline: &'a dyn Fn(Category) -> Option<Duration>,
    /// The domains of the organisation, as lower-case A-labels: a link to one that looks like them is reported.
    pub own_domains: &'a [String],
    /// Days on which no work is planned.
    pub holidays: &'a [Date],
    /// The hours in which no mail of a category goes out, if it has any.
    pub quiet_hours: &'a dyn Fn(Category) -> Option<QuietHours>,
    /// The reminders of maintenances that name none.
    pub reminders: &'a Reminders,
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

/// Checks the text of a notice against its circumstances. Leaves out what is missing or wrong in itself.
#[must_use]
pub fn check_at(source: &str, circumstances: &Circumstances<'_>) -> Findings {
    let Ok(sections) = sections(source) else { return Findings::default() };
    let Some(first) = sections.first() else { return Findings::default() };
    let document = Document::new(first.toml, first.line + 1);
    let table = document.parse();
    let top = Reader::top(&document, &table);
    let mut findings = Findings::default();
    // The first section is the one in the default language, so another one for it would never be shown.
    for section in &sections[1..] {
        if section.label.parse::<Locale>().is_ok_and(|locale| locale == *circumstances.default_locale) {
            let problem = format!("`{}` is the default language: its text is the first section", section.label);
            findings.problems.add(section.line, "", problem);
        }
    }
    let release = release(&top, circumstances, &mut findings);
    let category = top.parsed::<Category>("category");
    sections.iter().for_each(|section| text::check(section, category, circumstances, &mut findings));
    sections[1..].iter().for_each(|section| translation::check(first, section, category, &mut findings));
    if let (Some(category), Some(fields)) = (category, top.table("fields")) {
        let mut check = Check { fields: &fields, circumstances, release, leads_from: release, findings };
        check.dates(category);
        check.lead_time(category);
        findings = check.findings;
        findings.warnings.0.extend(clock::check(&top, release, circumstances).0);
        window::check((category, source), &top, release, circumstances, &mut findings);
    }
    Findings { problems: findings.problems.sorted(), warnings: findings.warnings.sorted() }
}

/// How long an approval, or a dispatcher that was down, may delay a release: a lead time that was observed at the submission is
/// still observed then.
const DELAY: SignedDuration = SignedDuration::from_hours(1);

/// Checks whether a notice that was found in order before can still be released at `release`. Breach and disruption notices always
/// can: who is in danger, or without service, is informed late rather than not at all, and nothing in them is over by waiting.
#[must_use]
pub fn check_release(source: &str, release: Timestamp, circumstances: &Circumstances<'_>) -> Problems {
    let Ok(sections) = sections(source) else { return Problems::default() };
    let Some(first) = sections.first() else { return Problems::default() };
    let document = Document::new(first.toml, first.line + 1);
    let table = document.parse();
    let top = Reader::top(&document, &table);
    let (Some(category), Some(fields)) = (top.parsed::<Category>("category"), top.table("fields")) else {
        return Problems::default();
    };
    if matches!(category, Category::SecurityBreach | Category::Disruption) {
        return Problems::default();
    }
    let leads_from = release.saturating_sub(DELAY).unwrap_or(release);
    let mut check = Check { fields: &fields, circumstances, release, leads_from, findings: Findings::default() };
    check.dates(category);
    // A reminder comes when its time has come: the notice that it repeats was sent in time, or a person decided otherwise.
    if !top.table("schedule").is_some_and(|schedule| schedule.is_there("reminder")) {
        check.lead_time(category);
    }
    check.findings.problems.sorted()
}

/// Checks a notice that is to be released at `release` against its legal clock: a warning says what its author should know, and that
/// it goes out is more important than when.
#[must_use]
pub fn check_clock(source: &str, release: Timestamp, circumstances: &Circumstances<'_>) -> Problems {
    let Ok(sections) = sections(source) else { return Problems::default() };
    let Some(first) = sections.first() else { return Problems::default() };
    let document = Document::new(first.toml, first.line + 1);
    let table = document.parse();
    clock::check(&Reader::top(&document, &table), release, circumstances)
}

/// The earliest time of the release.
fn release(top: &Reader<'_, '_>, circumstances: &Circumstances<'_>, findings: &mut Findings) -> Timestamp {
    let now = circumstances.now;
    let Some(schedule) = top.table("schedule") else { return now };
    if let Some(local) = schedule.local_time("send_at_local") {
        let send_at = instant(local, &circumstances.zone);
        if send_at < now {
            let text = "is in the past in the organisation's zone: there and further east the mail goes out at once";
            findings.warnings.add(schedule.line("send_at_local"), "schedule.send_at_local", text);
        }
        return send_at.max(now);
    }
    let Some(send_at) = schedule.time("send_at") else { return now };
    if send_at < now {
        let line = schedule.line("send_at");
        findings.warnings.add(line, "schedule.send_at", "is in the past: the release is immediate");
    }
    send_at.max(now)
}

struct Check<'a> {
    fields: &'a Reader<'a, 'a>,
    circumstances: &'a Circumstances<'a>,
    /// The earliest time of the release.
    release: Timestamp,
    /// The time from which the lead time counts.
    leads_from: Timestamp,
    findings: Findings,
}

impl Check<'_> {
    fn dates(&mut self, category: Category) {
        match category {
            Category::SecurityBreach => self.breach(),
            Category::Disruption => self.disruption(),
            Category::Maintenance => self.maintenance(),
            Category::AgreementChange => {
                let (until, effective) = (self.fields.date("right_until"), self.fields.date("effective_date"));
                if effective.is_some_and(|effective| until.is_some_and(|until| until > effective)) {
                    self.problem(
                        "right_until",
                        Wrong::known("after", "is after `effective_date`").with("field", "effective_date"),
                    );
                }
                if until.is_some_and(|until| until < self.date(self.release)) {
                    self.problem("right_until", over());
                }
            }
            Category::Survey => self.not_over("closes_at"),
            Category::SecurityMeasuresChange | Category::Billing | Category::News => {}
        }
    }

    fn breach(&mut self) {
        for key in ["discovered_at", "occurred_from", "occurred_until"] {
            self.past(key);
        }
        let from = self.fields.time("occurred_from");
        if self.fields.time("discovered_at").is_some_and(|discovered| from.is_some_and(|from| discovered < from)) {
            self.problem(
                "discovered_at",
                Wrong::known("before", "is before `occurred_from`").with("field", "occurred_from"),
            );
        }
    }

    fn disruption(&mut self) {
        if self.fields.parsed::<IncidentStatus>("status").is_some_and(|status| status != IncidentStatus::Possible) {
            self.past("started_at");
        }
        self.past("resolved_at");
        if self.fields.time("next_update_at").is_some_and(|next| next <= self.release) {
            self.problem("next_update_at", over());
        }
    }

    fn maintenance(&mut self) {
        let phase = self.fields.parsed::<Phase>("phase");
        if matches!(phase, Some(Phase::Announced | Phase::Rescheduled)) {
            self.not_over("window_end");
        }
        let window = |start, end| Some((self.fields.time(start)?, self.fields.time(end)?));
        let (planned, previous) = (window("window_start", "window_end"), window("previous_start", "previous_end"));
        if phase == Some(Phase::Rescheduled) && planned.is_some() && planned == previous {
            self.problem("previous_start", Wrong::known("same-window", "is the same window as the new one"));
        }
    }

    /// Reports a time that has not come yet.
    fn past(&mut self, key: &'static str) {
        if self.fields.time(key).is_some_and(|time| time > self.circumstances.now) {
            self.problem(key, Wrong::known("future", "is in the future"));
        }
    }

    /// Reports a time that has passed at the release.
    fn not_over(&mut self, key: &'static str) {
        if self.fields.time(key).is_some_and(|time| time <= self.release) {
            self.problem(key, over());
        }
    }

    fn lead_time(&mut self, category: Category) {
        let kind = || self.fields.parsed::<AgreementKind>("kind");
        let kind = if category == Category::AgreementChange { kind() } else { None };
        let Some(lead_time) = (self.circumstances.lead_time)(category, kind) else { return };
        let Some((key, left)) = self.left(category) else { return };
        let least = SignedDuration::try_from(lead_time.least).unwrap_or(SignedDuration::MAX);
        if left >= least {
            return;
        }
        let when = match left {
            left if left <= SignedDuration::ZERO => "not after the release".to_owned(),
            left => format!("{} after the release", length(left)),
        };
        let text = format!("is {when}, and the lead time is {}", length(least));
        if lead_time.required { self.problem(key, text) } else { self.warning(key, &text) }
    }

    /// The key of the time that a notice announces, and how long after the release it is. Dates count by whole days.
    fn left(&self, category: Category) -> Option<(&'static str, SignedDuration)> {
        match category {
            Category::Maintenance => {
                let phase = self.fields.parsed("phase")?;
                let start = self.fields.time("window_start")?.duration_since(self.leads_from);
                matches!(phase, Phase::Announced | Phase::Rescheduled).then_some(("window_start", start))
            }
            Category::AgreementChange | Category::SecurityMeasuresChange => {
                let effective = self.fields.date("effective_date")?;
                Some(("effective_date", effective.duration_since(self.date(self.leads_from))))
            }
            _ => None,
        }
    }

    fn date(&self, time: Timestamp) -> Date {
        time.to_zoned_datetime(self.circumstances.zone.clone()).date()
    }

    fn problem(&mut self, key: &str, problem: impl Into<Wrong>) {
        self.findings.problems.add(self.fields.line(key), format!("fields.{key}"), problem);
    }

    fn warning(&mut self, key: &str, warning: &str) {
        self.findings.warnings.add(self.fields.line(key), format!("fields.{key}"), warning);
    }
}

/// What is wrong with a time that has passed before anybody reads of it.
fn over() -> Wrong {
    Wrong::known("over", "is over when the notice is released")
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
    use crate::domain::notice::Notice;

    const MAINTENANCE: &str = include_str!("../../config/demo/notices/3-maintenance.md");
    const BREACH: &str = include_str!("../../config/demo/notices/1-security-breach.md");
    const AGREEMENT: &str = include_str!("../../config/demo/notices/4-agreement-change.md");
    const DISRUPTION: &str = include_str!("../../config/demo/notices/2-disruption.md");
    const SURVEY: &str = include_str!("../../config/demo/notices/8-survey.md");
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// The problems and warnings of a notice, checked at a time of 2026-11-24 if none is named.
    fn found(source: &str, now: &str, lead_time: Option<(u32, bool)>) -> (Vec<String>, Vec<String>) {
        Notice::parse(source).unwrap();
        let circumstances = Circumstances {
            now: now.parse().unwrap(),
            zone: TimeZone::get("Europe/Stockholm").unwrap(),
            default_locale: &"en".parse().unwrap(),
            deadline: &|category| (category == Category::SecurityBreach).then_some(3 * DAY),
            lead_time: &|_, _| lead_time.map(|(days, required)| LeadTime { least: days * DAY, required }),
            own_domains: &["example.com".to_owned()],
            holidays: &[],
            quiet_hours: &|_| None,
            reminders: &Reminders::default(),
        };
        let findings = check_at(source, &circumstances);
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
            (
                &DISRUPTION.replace("next_update_at = 2026-11-24T12:00", "next_update_at = 2026-11-24T11:00"),
                NOW,
                "`fields.next_update_at`: is over when the notice is released",
            ),
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
