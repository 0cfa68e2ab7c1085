//! A notice: one message to an audience, written as Markdown with TOML front matter, and the states it goes through.

pub mod reference;
mod state;
pub mod writers;

use jiff::Timestamp;

use crate::domain::audience::Audience;
use crate::domain::category::{Category, nearest_category};
use crate::domain::digest::Sha256;
use crate::domain::fields::Fields;
use crate::domain::front_matter::{Document, Reader, Section, sections};
use crate::domain::locale::Locale;
use crate::domain::markdown;
use crate::domain::placeholder::{Placeholder, Text};
use crate::domain::problem::{Lines, Problems};
use crate::domain::schedule::Schedule;
use crate::domain::schedule::series::Series;
use crate::domain::wrong::Wrong;
pub use state::{Standing, State, Step};

/// The size limit of a notice file, in bytes: mail clients clip far smaller messages.
pub const MAX_SOURCE_BYTES: usize = 1 << 20;

/// Different placeholders in a notice.
const MAX_PLACEHOLDERS: usize = 100;

/// A valid notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The kind of notice.
    pub category: Category,
    /// The author's own number of the matter, such as a change or case number.
    pub reference: Option<String>,
    /// The reference or id of the notice that this one continues.
    pub follows: Option<String>,
    /// The rule that selects its customers.
    pub audience: Audience,
    /// It is a standing notice: recipients are added to it after its release.
    pub standing: bool,
    /// When it is sent.
    pub schedule: Schedule,
    /// Its text in each language; the first is the default.
    pub editions: Vec<Edition>,
}

/// The text of a notice in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// The language; `None` for the first edition, which is in the organisation's default language.
    pub locale: Option<Locale>,
    /// The subject; without it, that of the category.
    pub subject: Option<Text>,
    /// The fields, with their texts in this language if they are translated.
    pub fields: Fields,
    /// The Markdown body; it may be blank unless the category requires one.
    pub body: Text,
}

impl Notice {
    /// When the breach that it is about was discovered, if it is about one.
    #[must_use]
    pub fn discovered_at(&self) -> Option<Timestamp> {
        match &self.editions.first()?.fields {
            Fields::SecurityBreach(breach) => Some(breach.discovered_at),
            _ => None,
        }
    }

    /// Parses a notice file.
    ///
    /// # Errors
    /// All problems of the file, in line order.
    pub fn parse(source: &str) -> Result<Self, Problems> {
        if source.len() > MAX_SOURCE_BYTES {
            let mut problems = Problems::default();
            problems.add(0, "", format!("the file is larger than {} MB", MAX_SOURCE_BYTES >> 20));
            return Err(problems);
        }
        let sections = sections(source)?;
        let (first, others) = sections.split_first().expect("`sections` returns at least one");
        let mut problems = Problems::default();
        if !first.label.is_empty() {
            problems.add(first.line, "", "the first section has no locale: it is in the default language");
        }
        let (category, mut notice) = read_first(first, &mut problems);
        let mut locales = Vec::new();
        for section in others {
            let original = notice.as_ref().map(|notice| notice.fields());
            let edition = read_edition(section, category, original, &mut locales, &mut problems);
            if let Some(notice) = &mut notice {
                notice.editions.extend(edition);
            }
        }
        if notice.as_ref().is_some_and(|notice| notice.placeholders().len() > MAX_PLACEHOLDERS) {
            problems.add(0, "", format!("a notice has at most {MAX_PLACEHOLDERS} different placeholders"));
        }
        match notice {
            Some(notice) if problems.is_empty() => Ok(notice),
            _ => Err(problems.sorted()),
        }
    }

    /// Returns the edition for a contact whose language is `locale`: the first one, whose language is `default`, if the notice has
    /// no other in it.
    #[must_use]
    pub fn edition(&self, locale: &Locale, default: &Locale) -> &Edition {
        let tags: Vec<&Locale> =
            self.editions.iter().map(|edition| edition.locale.as_ref().unwrap_or(default)).collect();
        let best = locale.best_of(tags.iter().copied()).unwrap_or(default);
        let index = tags.iter().position(|tag| *tag == best).unwrap_or(0);
        &self.editions[index]
    }

    /// The fields in the default language.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.editions[0].fields
    }

    /// The placeholders in it, each once.
    #[must_use]
    pub fn placeholders(&self) -> Vec<Placeholder> {
        let mut all: Vec<Placeholder> = Vec::new();
        for edition in &self.editions {
            all.extend(edition.subject.iter().flat_map(Text::placeholders));
            all.extend(edition.body.placeholders());
            edition.fields.texts().iter().for_each(|text| all.extend(text.placeholders()));
        }
        all.sort();
        all.dedup();
        all
    }
}

/// Reads the first section: its category, and the notice with one edition unless something in it is wrong.
fn read_first(section: &Section<'_>, problems: &mut Problems) -> (Option<Category>, Option<Notice>) {
    let document = Document::new(section.toml, section.line + 1);
    let table = document.parse();
    let top = Reader::top(&document, &table);
    top.require("category");
    let category = read_category(&top);
    let reference = top.word("reference");
    let follows = top.keys().any(|key| key == "follows").then(|| top.blank_or_word("follows")).flatten();
    if category == Some(Category::SecurityBreach) {
        top.require("reference");
    }
    let subject = top.subject();
    let audience = Audience::read(&top, category, follows.is_some());
    let schedule = Schedule::read(&top, category);
    let fields = match (category, top.table("fields")) {
        (Some(category), Some(fields)) => Fields::read(category, &fields),
        (_, None) => {
            top.require("fields");
            None
        }
        (None, Some(_)) => None,
    };
    if category.is_some() {
        top.finish();
    }
    Series::check(&top, fields.as_ref(), audience.as_ref());
    let body = read_body(section, category, problems);
    problems.0.extend(document.into_problems().0);
    let notice = || {
        let edition = Edition { locale: None, subject, fields: fields?, body: body? };
        let (audience, standing) = audience?;
        Some(Notice { category: category?, reference, follows, audience, standing, schedule, editions: vec![edition] })
    };
    (category, notice())
}

/// Reads the section of another language. Where the first section is wrong there are no `original` fields to translate; the
/// problems of this one are found all the same.
fn read_edition(
    section: &Section<'_>,
    category: Option<Category>,
    original: Option<&Fields>,
    locales: &mut Vec<Locale>,
    problems: &mut Problems,
) -> Option<Edition> {
    let locale = section.label.parse::<Locale>().map_err(|problem| problems.add(section.line, "", problem)).ok();
    if let Some(locale) = &locale {
        if locales.contains(locale) {
            problems.add(section.line, "", format!("a second section for `{}`", section.label));
        }
        locales.push(locale.clone());
    }
    let document = Document::new(section.toml, section.line + 1);
    let table = document.parse();
    let top = Reader::top(&document, &table);
    let subject = top.subject();
    let fields = match (top.table("fields"), original, category) {
        (Some(section), Some(original), _) => Some(original.translated(&section)),
        (Some(section), None, Some(category)) => {
            Fields::check_translated(category, &section);
            None
        }
        (None, original, _) => original.cloned(),
        (Some(_), None, None) => None,
    };
    top.finish();
    let body = read_body(section, category, problems);
    problems.0.extend(document.into_problems().0);
    Some(Edition { locale: Some(locale?), subject, fields: fields?, body: body? })
}

fn read_category(top: &Reader<'_, '_>) -> Option<Category> {
    let word = top.word("category")?;
    let category: Result<Category, String> = word.parse();
    category
        .map_err(|problem| {
            top.problem(
                "category",
                nearest_category(&word)
                    .map_or(problem, |near| format!("`{word}` is not a category, did you mean `{near}`?")),
            );
        })
        .ok()
}

fn read_body(section: &Section<'_>, category: Option<Category>, problems: &mut Problems) -> Option<Text> {
    let is_the_message = matches!(category, Some(Category::AgreementChange | Category::News));
    if is_the_message && section.body.trim().is_empty() {
        let wrong = if category == Some(Category::News) {
            Wrong::known("body-of-news", "is required: the text of the news")
        } else {
            Wrong::known("body-of-agreement", "is required: the full changed text")
        };
        problems.add(section.body_line, "body", wrong);
    }
    let body = section.markdown();
    let markdown::Reading { code, problems: mut found, .. } = markdown::read(&body);
    let text = Text::markdown(&body, code).map_err(|placeholders| found.extend(placeholders)).ok();
    let lines = Lines::of(&body);
    for (offset, problem) in found {
        problems.add(section.body_line + lines.at(offset), "body", problem);
    }
    text
}

impl Reader<'_, '_> {
    /// Returns a word, or nothing if the value is empty, as in a template.
    fn blank_or_word(&self, key: &'static str) -> Option<String> {
        if self.is_blank(key) { None } else { self.word(key) }
    }
}

/// SHA-256 over all that is approved and named in ledger entries: the text as written and the rows of its audience file, each with
/// its length, so that no two contents have the same input.
#[must_use]
pub fn content_digest<'a>(source: &'a str, rows: impl IntoIterator<Item = &'a str>) -> [u8; 32] {
    let mut digest = ContentDigest::new(source);
    rows.into_iter().for_each(|row| digest.add(row));
    digest.finish()
}

/// The [`content_digest`] of a content that comes piece by piece.
pub struct ContentDigest(Sha256);

impl ContentDigest {
    /// Begins with the text as written.
    #[must_use]
    pub fn new(source: &str) -> Self {
        let mut digest = Self(Sha256::default());
        digest.add(source);
        digest
    }

    /// Adds the next piece of a row.
    pub fn add(&mut self, part: &str) {
        self.0.update(&(part.len() as u64).to_be_bytes());
        self.0.update(part.as_bytes());
    }

    /// The digest.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAINTENANCE: &str = r#"+++
category = "maintenance"
reference = "CHG-2041"
[audience]
attributes = { region = ["sto2"] }
[fields]
window_start = 2026-12-01T22:00:00+01:00
window_end = 2026-12-02T02:00:00+01:00
services = ["Compute", "Network"]
impact = "Instances may lose network for up to two minutes."
phase = "announced"
+++
Dear {{ contact.name }}, we replace two switches.

+++ sv
subject = "Nätverksunderhåll i Sto2"
[fields]
impact = "Instanser kan tappa nätet i upp till två minuter."
+++
Vi byter två växlar.
"#;

    fn problems(source: &str) -> Vec<String> {
        Notice::parse(source).unwrap_err().0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_notice_has_an_edition_for_each_language() {
        let notice = Notice::parse(MAINTENANCE).unwrap();
        let (en, sv, de) = ("en".parse().unwrap(), "sv-FI".parse().unwrap(), "de".parse().unwrap());
        assert_eq!(notice.editions.len(), 2);
        assert!(notice.edition(&sv, &en).body.as_str().starts_with("Vi byter"));
        assert!(notice.edition(&de, &en).body.as_str().starts_with("Dear"));
        let Fields::Maintenance(fields) = &notice.edition(&sv, &en).fields else { panic!("wrong fields") };
        assert!(fields.impact.as_str().starts_with("Instanser"));
        assert_eq!(fields.services.len(), 2);
        assert_eq!(notice.placeholders(), [Placeholder::ContactName]);
    }

    #[test]
    fn all_problems_are_reported_at_once_with_their_lines() {
        let source = MAINTENANCE
            .replace("window_end = 2026-12-02T02:00:00+01:00", "window_end = 2026-12-01T02:00:00+01:00")
            .replace("phase = \"announced\"", "phase = \"soon\"\ncolour = \"red\"")
            .replace("impact = \"Instances", "impct = \"Instances")
            .replace("{{ contact.name }}", "{{ contact.nme }}")
            .replace("subject = \"Nät", "subjct = \"Nät")
            .replace("impact = \"Instanser", "colour = \"Instanser");
        assert_eq!(
            problems(&source),
            [
                "line 6: `fields.impact`: is required",
                "line 8: `fields.window_end`: must be after `window_start`",
                "line 10: `fields.impct`: is not known here, did you mean `impact`?",
                "line 11: `fields.phase`: `soon` is not a phase (`announced`, `rescheduled`, `cancelled`, `started`, `completed`)",
                "line 12: `fields.colour`: is not known here (known: action_needed, impact, impact_level, phase, previous_end, \
             previous_start, services, window_end, window_start)",
                "line 14: `body`: unknown placeholder `contact.nme`, did you mean `contact.name`?",
                "line 17: `subjct`: is not known here, did you mean `subject`?",
                "line 19: `fields.colour`: is not known here (known: action_needed, impact, services)",
            ]
        );
    }

    #[test]
    fn a_syntax_error_is_one_problem_and_hides_no_other() {
        let source =
            MAINTENANCE.replace("2026-12-01T22", "2026-02-30T22").replace("phase = \"announced\"", "colour = 1");
        assert_eq!(
            problems(&source),
            [
                "line 6: `fields.phase`: is required",
                "line 7: not valid TOML: there is no such date or time: a part of it is not between 01 and 28",
                "line 11: `fields.colour`: is not known here (known: action_needed, impact, impact_level, phase, previous_end, \
             previous_start, services, window_end, window_start)",
            ]
        );
        let source = MAINTENANCE.replace("\"Network\"]", "\"Network\"");
        assert!(problems(&source).iter().all(|problem| problem.contains("not valid TOML")), "{:?}", problems(&source));
    }

    #[test]
    fn a_time_without_zone_is_refused() {
        let source = MAINTENANCE.replace("22:00:00+01:00", "22:00:00");
        assert_eq!(
            problems(&source),
            ["line 7: `fields.window_start`: needs a time of day and a zone offset, such as 2026-12-01T22:00:00+01:00",]
        );
    }

    #[test]
    fn a_subject_cannot_inject_a_header() {
        let source =
            MAINTENANCE.replace("reference = \"CHG", "subject = \"a\\r\\nBcc: x@example.com\"\nreference = \"CHG");
        assert!(problems(&source)[0].starts_with("line 3: `subject`: "), "{:?}", problems(&source));
    }

    #[test]
    fn the_digest_binds_source_and_rows() {
        assert_ne!(content_digest("ab", []), content_digest("a", ["b"]));
        assert_ne!(content_digest("a", ["b", "c"]), content_digest("a", ["bc"]));
    }

    #[test]
    fn only_a_draft_can_be_submitted_and_only_a_released_notice_paused() {
        let allowed = |step: Step| State::ALL.iter().filter(|state| state.after(step).is_some()).count();
        assert_eq!(allowed(Step::Submit), 1);
        assert_eq!(allowed(Step::Pause), 1);
        assert_eq!(State::Released.after(Step::Edit), None);
        assert_eq!(State::Closed.steps().count(), 0);
    }
}
