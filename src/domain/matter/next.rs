//! Writes the next notice of a matter, and the copy of a notice for the next time, as the text of a notice file. Every member is on a
//! line of its own; what only a person can know has its old value and a comment.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::Progress;
use crate::domain::fields::{IncidentStatus, Phase, Stage};
use crate::domain::problem::Problems;
use crate::domain::structured::{Structured, structure};

/// The body of these is about what was planned: it is not carried.
const fn keeps_body(progress: Option<Progress>) -> bool {
    matches!(progress, None | Some(Progress::Phase(Phase::Announced | Phase::Rescheduled)))
}

/// Writes the notice that follows one with this text. `follows` names that one, `progress` is what the new one says, if its category
/// has a word for it.
///
/// # Errors
/// If this version cannot read or write the text.
pub fn follow_up(source: &str, follows: &str, progress: Option<Progress>, now: Timestamp) -> Result<String, Problems> {
    let mut page = Page::of(source)?;
    page.set("follows", follows.into());
    if !source.contains("{{ row.") && !source.contains("{{row.") {
        // Its customers are those of the notice that it follows.
        page.document.remove("audience");
        page.file = Vec::new();
    }
    let planned = matches!(progress, Some(Progress::Phase(Phase::Announced | Phase::Rescheduled)));
    page.unscheduled(planned);
    if page.document.contains_key("subject") {
        page.comment("subject", "of the notice before: keep its beginning, so that the thread stays one");
    }
    if !keeps_body(progress) {
        page.each_edition(|members| drop(members.insert("body".to_owned(), "".into())));
    }
    match progress {
        Some(Progress::Phase(phase)) => page.maintenance(phase),
        Some(Progress::Status(status)) => page.disruption(status, now),
        Some(Progress::Stage(stage)) => page.breach(stage),
        None => {}
    }
    page.written()
}

/// Writes a copy of a notice with this text, as a matter of its own. A follow-up has no audience of its own: that of the notice with
/// the text `begun` is taken then.
///
/// # Errors
/// If this version cannot read or write the text.
pub fn copy(source: &str, begun: &str, first: Option<Progress>) -> Result<String, Problems> {
    let mut page = Page::of(source)?;
    if !page.document.contains_key("audience") {
        let Page { mut document, file, .. } = Page::of(begun)?;
        page.document.extend(document.remove_entry("audience"));
        page.file = file;
    }
    page.document.remove("follows");
    page.unscheduled(true);
    if page.document.contains_key("reference") {
        page.comment("reference", "of the notice that this is a copy of: the new matter has one of its own");
    }
    if !page.file.is_empty() {
        page.comment("file", "its rows are not copied: name a file that has them");
    }
    if let Some(first) = first {
        page.field(first.key(), first.as_str().into());
    }
    for key in ["previous_start", "previous_end", "resolved_at"] {
        page.drop_field(key);
    }
    for key in [
        "closes_at",
        "discovered_at",
        "due_date",
        "effective_date",
        "invoice_number",
        "next_update_at",
        "occurred_from",
        "occurred_until",
        "period",
        "right_until",
        "started_at",
        "version",
        "window_end",
        "window_start",
    ] {
        page.comment(key, "as it was: write the new one");
    }
    page.written()
}

/// Writes the next notice of a series from the text of the last one: the same for another window, as a matter of its own. It has no
/// reference yet.
///
/// # Errors
/// If this version cannot read or write the text.
pub fn of_series(source: &str, (start, end): (Timestamp, Timestamp), zone: &TimeZone) -> Result<String, Problems> {
    let mut page = Page::of(source)?;
    page.document.remove("reference");
    page.drop_scheduled(&["send_at", "send_at_local"]);
    for (key, time) in [("window_start", start), ("window_end", end)] {
        let time = time.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z");
        page.field(key, time.to_string().into());
    }
    page.written()
}

/// A notice that is being written.
struct Page {
    document: Map<String, Value>,
    /// The audience file and its sheet: a document does not name files.
    file: Vec<(&'static str, String)>,
    comments: Vec<(&'static str, &'static str)>,
}

impl Page {
    fn of(source: &str) -> Result<Self, Problems> {
        let Value::Object(mut document) = structure(source, None)? else { return Err(Problems::default()) };
        let mut file = Vec::new();
        if let Some(Value::Object(audience)) = document.get_mut("audience") {
            for key in ["file", "sheet"] {
                if let Some(Value::String(name)) = audience.remove(key) {
                    file.push((key, name));
                }
            }
        }
        Ok(Self { document, file, comments: Vec::new() })
    }

    fn set(&mut self, key: &str, value: Value) {
        self.document.insert(key.to_owned(), value);
    }

    fn comment(&mut self, key: &'static str, comment: &'static str) {
        self.comments.push((key, comment));
    }

    fn fields(&mut self) -> Option<&mut Map<String, Value>> {
        self.document.get_mut("fields").and_then(Value::as_object_mut)
    }

    fn field(&mut self, key: &str, value: Value) {
        self.fields().map(|fields| fields.insert(key.to_owned(), value));
    }

    fn drop_field(&mut self, key: &str) {
        self.fields().map(|fields| fields.remove(key));
    }

    fn each_edition(&mut self, mut change: impl FnMut(&mut Map<String, Value>)) {
        change(&mut self.document);
        let editions = self.document.get_mut("editions").and_then(Value::as_object_mut);
        editions.into_iter().flatten().filter_map(|(_, it)| it.as_object_mut()).for_each(change);
    }

    /// A text that says something else now is in no language any more.
    fn drop_texts(&mut self, key: &str) {
        self.each_edition(|members| {
            members.get_mut("fields").and_then(Value::as_object_mut).map(|fields| fields.remove(key));
        });
    }

    /// Leaves out when the notice before was sent; `planned` keeps what else was scheduled with its window.
    fn unscheduled(&mut self, planned: bool) {
        if !planned {
            self.document.remove("schedule");
            return;
        }
        self.drop_scheduled(&["send_at", "send_at_local", "spread", "reminder", "every", "until"]);
    }

    fn drop_scheduled(&mut self, keys: &[&str]) {
        let Some(schedule) = self.document.get_mut("schedule").and_then(Value::as_object_mut) else { return };
        for key in keys {
            schedule.remove(*key);
        }
        if schedule.is_empty() {
            self.document.remove("schedule");
        }
    }

    fn maintenance(&mut self, phase: Phase) {
        self.field("phase", phase.as_str().into());
        for key in ["previous_start", "previous_end"] {
            self.drop_field(key);
        }
        if phase == Phase::Rescheduled {
            for (old, new) in [("window_start", "previous_start"), ("window_end", "previous_end")] {
                if let Some(time) = self.fields().and_then(|fields| fields.get(old).cloned()) {
                    self.field(new, time);
                }
            }
            self.comment("window_start", "the old start: write the new one");
            self.comment("window_end", "the old end: write the new one");
        }
        if matches!(phase, Phase::Cancelled | Phase::Completed) {
            self.drop_texts("action_needed");
        }
        // Of a completed one it stays as announced: whether the work ended early follows from the time of the notice.
        if phase == Phase::Started {
            self.comment("window_end", "as announced: correct it if the work takes longer");
        }
        if !matches!(phase, Phase::Cancelled | Phase::Completed) {
            self.comment("impact", "as announced: correct it if it has changed");
        }
    }

    fn disruption(&mut self, status: IncidentStatus, now: Timestamp) {
        let shown = Value::String(now.strftime("%Y-%m-%dT%H:%M:00Z").to_string());
        self.field("status", status.as_str().into());
        self.drop_field("resolved_at");
        if status == IncidentStatus::Resolved {
            self.drop_field("next_update_at");
            self.drop_texts("workaround");
            self.field("resolved_at", shown);
            self.comment("resolved_at", "now: correct it if it ended before");
        } else {
            if self.fields().is_some_and(|fields| !fields.contains_key("next_update_at")) {
                self.field("next_update_at", shown);
            }
            self.comment("next_update_at", "the old promise: write when the next update follows");
        }
        self.comment("impact", "as it was: write what customers notice now");
    }

    fn breach(&mut self, stage: Stage) {
        self.field("stage", stage.as_str().into());
        for key in ["nature", "likely_consequences", "measures_taken", "data_affected"] {
            self.comment(key, "as it was said before: write what is known now");
        }
    }

    fn written(self) -> Result<String, Problems> {
        let Self { document, file, comments } = self;
        let bytes = serde_json::to_vec(&Value::Object(document)).expect("a document serialises");
        let written = Structured::parse(&bytes)?;
        if !written.problems.is_empty() {
            return Err(written.problems);
        }
        let (mut text, mut fences) = (String::new(), 0);
        for line in written.source.split_inclusive('\n') {
            let ended = line.trim_end();
            fences += usize::from(ended == "+++");
            text += ended;
            if fences < 2 {
                text += &trailing(ended, &comments);
            }
            text.push('\n');
            if fences < 2 && ended == "[audience]" {
                for (key, name) in &file {
                    let line = format!("{key} = {}", serde_json::to_string(name).expect("a text serialises"));
                    text += &format!("{line}{}\n", trailing(&line, &comments));
                }
            }
        }
        Ok(text)
    }
}

/// The comment of a line, with what parts it from the value.
fn trailing(line: &str, comments: &[(&'static str, &'static str)]) -> String {
    let key = line.split_once(" = ").map(|(key, _)| key);
    let of_key = comments.iter().find(|(name, _)| Some(*name) == key);
    of_key.map(|(_, comment)| format!("  # {comment}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::matter::Said;
    use crate::domain::notice::Notice;

    const ALL: [&str; 8] = [
        include_str!("../../../config/demo/notices/1-security-breach.md"),
        include_str!("../../../config/demo/notices/2-disruption.md"),
        include_str!("../../../config/demo/notices/3-maintenance.md"),
        include_str!("../../../config/demo/notices/4-agreement-change.md"),
        include_str!("../../../config/demo/notices/5-security-measures-change.md"),
        include_str!("../../../config/demo/notices/6-billing.md"),
        include_str!("../../../config/demo/notices/7-news.md"),
        include_str!("../../../config/demo/notices/8-survey.md"),
    ];

    fn now() -> Timestamp {
        "2026-12-01T10:00:30Z".parse().unwrap()
    }

    #[test]
    fn every_follow_up_of_every_category_is_a_notice_that_says_what_was_asked() {
        for source in ALL {
            let before = Notice::parse(source).unwrap();
            let words = Progress::all(before.category);
            let wanted: Vec<_> = if words.is_empty() { vec![None] } else { words.into_iter().map(Some).collect() };
            for progress in wanted {
                let text = follow_up(source, "CHG-1", progress, now()).unwrap();
                let notice = Notice::parse(&text).unwrap_or_else(|problems| panic!("{progress:?}: {problems}\n{text}"));
                assert_eq!(Said::of(&notice).progress, progress, "{text}");
                assert_eq!(notice.follows.as_deref(), Some("CHG-1"));
                assert_eq!(notice.reference, before.reference);
                assert_eq!(notice.editions.len(), before.editions.len(), "languages are carried");
                assert!(!text.lines().any(|line| line.starts_with('#') && line.contains(" = ")), "{text}");
                // Those of its matter may follow it in turn.
                let again = follow_up(&text, "CHG-1", progress, now()).unwrap();
                Notice::parse(&again).unwrap();
            }
        }
    }

    #[test]
    fn a_moved_window_keeps_the_old_one() {
        let moved = follow_up(ALL[2], "CHG-2041", Some(Progress::Phase(Phase::Rescheduled)), now()).unwrap();
        assert!(moved.contains("previous_start = 2026-12-14T22:00:00+01:00\n"), "{moved}");
        assert!(
            moved.contains("window_start = 2026-12-14T22:00:00+01:00  # the old start: write the new one\n"),
            "{moved}"
        );
        assert!(moved.contains("We are replacing"), "a plan that moves keeps its text");
        let done = follow_up(&moved, "CHG-2041", Some(Progress::Phase(Phase::Completed)), now()).unwrap();
        assert!(
            !done.contains("previous_") && !done.contains("We are replacing") && !done.contains("action_needed"),
            "{done}"
        );
    }

    #[test]
    fn the_next_of_a_series_is_the_same_for_another_window() {
        let every = "[schedule]\nevery = \"monthly, first Tuesday 22:00\"\nreminders = [\"-24h\"]\nuntil = 2027-12-31\n[fields]";
        let source = ALL[2].replacen("[fields]", every, 1);
        let window = ("2027-01-05T21:00:00Z".parse().unwrap(), "2027-01-06T01:00:00Z".parse().unwrap());
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        let text = of_series(&source, window, &zone).unwrap();
        let (before, next) = (Notice::parse(&source).unwrap(), Notice::parse(&text).unwrap());
        assert!(text.contains("window_start = 2027-01-05T22:00:00+01:00\n") && !text.contains("  # "), "{text}");
        assert_eq!(Said::of(&next).window, Some(window));
        assert_eq!((&next.schedule, &next.audience, &next.reference), (&before.schedule, &before.audience, &None));
        assert_eq!(of_series(&text, window, &zone).unwrap(), text);
    }

    #[test]
    fn a_copy_is_a_matter_of_its_own() {
        for source in ALL {
            let before = Notice::parse(source).unwrap();
            let first = Progress::all(before.category).first().copied();
            for text in [source.to_owned(), follow_up(source, "X-1", first, now()).unwrap()] {
                let text = copy(&text, source, first).unwrap();
                let notice = Notice::parse(&text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
                assert_eq!((Said::of(&notice).progress, &notice.follows), (first, &None));
                assert_eq!(notice.audience, before.audience, "{text}");
            }
        }
    }
}
