//! The calendar entry of a maintenance notice (RFC 5545, RFC 5546), with the properties that programs of network operators read
//! (MAINTNOTE).
//!
//! A customer has one entry for each matter, whose UID is made from both, and each notice of the matter changes it.

use crate::config::{CalendarMethod, Config};
use crate::domain::calendar::{Method, escape, folded, person, time};
use crate::domain::fields::{Fields, ImpactLevel, Maintenance, Phase};
use crate::domain::notice::{Edition, Notice};
use crate::mail::compose::slots::{Part, Piece};
use crate::mail::compose::views::Maker;

/// The name of the file that has the entry.
pub const FILE: &str = "maintenance.ics";

/// An entry with slots where customers differ.
#[derive(Debug)]
pub struct Entry {
    /// What a calendar program is asked to do with it.
    pub method: Method,
    /// The lines between `BEGIN:VEVENT` and `END:VEVENT`.
    pub lines: Vec<Line>,
}

/// A content line, without folds.
#[derive(Debug)]
pub enum Line {
    /// The same for all recipients.
    Fixed(String),
    /// The UID of the customer's entry of the matter.
    Uid,
    /// The recipient, who is invited.
    Attendee,
    /// The name with a colon, and the value with slots, which is not escaped yet.
    Property(&'static str, Vec<Piece>),
}

impl Line {
    /// A text that is the same for all recipients.
    fn text(name: &str, value: &str) -> Self {
        let mut line = format!("{name}:");
        escape(value, &mut line);
        Self::Fixed(line)
    }
}

impl Entry {
    /// The entry of a notice; `None` in other categories than maintenance.
    pub fn new(config: &Config, notice: &Notice, edition: &Edition, maker: &Maker<'_>) -> Option<Self> {
        let (Fields::Maintenance(it), Fields::Maintenance(original)) = (&edition.fields, notice.fields()) else {
            return None;
        };
        let method = match (it.phase, config.calendar.method) {
            (Phase::Cancelled, _) => Method::Cancel,
            (_, CalendarMethod::Publish) => Method::Publish,
            (_, CalendarMethod::Request) => Method::Request,
        };
        let from = config.from_of(notice.category);
        let cut = |text: &str| maker.marks.cut(text, Part::Text);
        let stamp = |name: &str, at| Line::Fixed(format!("{name}:{}", time(at)));
        let mut lines = vec![
            Line::Uid,
            Line::Fixed(format!("SEQUENCE:{}", maker.course.sequence)),
            stamp("DTSTAMP", maker.course.at),
            stamp("DTSTART", it.window_start),
            stamp("DTEND", it.window_end),
            Line::Property("SUMMARY:", cut(&summary(edition, it, maker))),
            Line::Property("DESCRIPTION:", cut(&description(it, maker))),
            Line::Fixed(person("ORGANIZER", from.name.as_deref().unwrap_or_default(), from.email.as_ref())),
        ];
        lines.extend((config.calendar.method == CalendarMethod::Request).then_some(Line::Attendee));
        lines.push(Line::Fixed(format!("STATUS:{}", status(it.phase))));
        // The time is not blocked: who reads the calendar is not busy.
        lines.push(Line::Fixed("TRANSP:TRANSPARENT".to_owned()));
        lines.push(Line::text("X-MAINTNOTE-PROVIDER", from.email.domain()));
        lines.push(Line::Property("X-MAINTNOTE-ACCOUNT:", cut(&maker.marks.account_id())));
        let matter = maker.course.matter_id.to_string();
        lines.push(Line::text("X-MAINTNOTE-MAINTENANCE-ID", maker.course.reference.unwrap_or(&matter)));
        // Programs compare these: they are not translated.
        lines.extend(original.services.iter().map(|service| {
            let service = maker.marks.text(service);
            Line::Property("X-MAINTNOTE-OBJECT-ID:", cut(&service))
        }));
        lines.push(Line::text("X-MAINTNOTE-IMPACT", impact(it.impact_level)));
        lines.push(Line::text("X-MAINTNOTE-STATUS", maintenance_status(it.phase)));
        Some(Self { method, lines })
    }
}

/// The lines of a calendar before its entries.
#[must_use]
pub fn head(method: Option<Method>) -> Vec<String> {
    let mut lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Besked//Besked//EN"].map(str::to_owned).to_vec();
    lines.extend(method.map(|method| format!("METHOD:{method}")));
    lines
}

/// The lines of a calendar to subscribe to before its entries. Programs are asked to fetch it again each hour.
#[must_use]
pub fn feed_head(name: &str) -> Vec<String> {
    let mut lines = head(Some(Method::Publish));
    // The second of each is what older programs read.
    lines.extend([property("NAME:", name), property("X-WR-CALNAME:", name)]);
    lines.extend(["REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H"].map(str::to_owned));
    lines
}

/// The last line of a calendar.
pub const END: &str = "END:VCALENDAR";

/// A line of a recipient: `name` as it is, and the value escaped, with its folds.
#[must_use]
pub fn property(name: &str, value: &str) -> String {
    let mut line = name.to_owned();
    escape(value, &mut line);
    folded(&line)
}

/// The line of the recipient who is invited, with its folds.
#[must_use]
pub fn attendee(name: &str, address: &str) -> String {
    folded(&person("ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=FALSE", name, address))
}

/// The author's subject, or what all subjects of the matter have in common.
fn summary(edition: &Edition, it: &Maintenance, maker: &Maker<'_>) -> String {
    match &edition.subject {
        Some(subject) => maker.marks.text(subject),
        None => maker.language.with("maintenance-subject", &[("services", &maker.listed(&it.services))]),
    }
}

/// What is new, what the customer notices, and what the customer has to do.
fn description(it: &Maintenance, maker: &Maker<'_>) -> String {
    let mut parts = vec![maker.maintenance_opening(it).text, maker.marks.text(&it.impact).trim().to_owned()];
    if let Some(action) = &it.action_needed {
        let heading = maker.language.text("maintenance-action");
        parts.push(format!("{heading}:\n{}", maker.marks.text(action).trim()));
    }
    parts.join("\n\n")
}

const fn status(phase: Phase) -> &'static str {
    match phase {
        Phase::Cancelled => "CANCELLED",
        Phase::Announced | Phase::Rescheduled | Phase::Started | Phase::Completed => "CONFIRMED",
    }
}

const fn maintenance_status(phase: Phase) -> &'static str {
    match phase {
        Phase::Announced | Phase::Rescheduled => "CONFIRMED",
        Phase::Cancelled => "CANCELLED",
        Phase::Started => "IN-PROCESS",
        Phase::Completed => "COMPLETED",
    }
}

/// An outage if the author did not say it, as the standard has it.
const fn impact(level: Option<ImpactLevel>) -> &'static str {
    match level {
        Some(ImpactLevel::NoImpact) => "NO-IMPACT",
        Some(ImpactLevel::ReducedRedundancy) => "REDUCED-REDUNDANCY",
        Some(ImpactLevel::Degraded) => "DEGRADED",
        Some(ImpactLevel::Outage) | None => "OUTAGE",
    }
}
