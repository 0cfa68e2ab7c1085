//! What each field takes, in the order in which a person is asked for it: forms are made from this.

use super::{AgreementKind, Fields, ImpactLevel, IncidentStatus, MeasureKind, OurRole, Phase, Stage};
use crate::domain::category::Category;

/// A field of a category, as a person fills it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its key in `[fields]`.
    pub key: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// A notice is refused without it, whatever the other fields say.
    pub is_required: bool,
    /// It is required or refused by what another field says.
    pub depends: bool,
    /// It is in words, which the section of a locale translates.
    pub is_worded: bool,
}

/// What a field takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Takes {
    /// One line of text.
    Line,
    /// A paragraph.
    Text,
    /// Texts, one a line.
    List,
    /// A time.
    Time,
    /// A day.
    Date,
    /// One of these words.
    Choice(Vec<&'static str>),
    /// The https address of a page.
    Link,
}

/// The fields whose need another field decides.
const DEPENDING: [&str; 4] = ["next_update_at", "previous_end", "previous_start", "resolved_at"];

macro_rules! words_of {
    ($type:ty) => {
        Takes::Choice(<$type>::ALL.iter().map(|word| word.as_str()).collect())
    };
}

impl Fields {
    /// The fields of a category.
    #[must_use]
    pub fn inputs(category: Category) -> Vec<Input> {
        let (required, worded) = (Self::required_keys(category), Self::worded_keys(category));
        let input = |(key, takes): (&'static str, Takes)| Input {
            key,
            takes,
            is_required: required.contains(&key),
            depends: DEPENDING.contains(&key),
            is_worded: worded.contains(&key),
        };
        taken(category).into_iter().map(input).collect()
    }
}

fn taken(category: Category) -> Vec<(&'static str, Takes)> {
    use Takes::{Date, Line, Link, List, Text, Time};
    match category {
        Category::SecurityBreach => of_breach(),
        Category::Disruption => vec![
            ("status", words_of!(IncidentStatus)),
            ("services", List),
            ("impact", Text),
            ("started_at", Time),
            ("next_update_at", Time),
            ("resolved_at", Time),
            ("workaround", Text),
        ],
        Category::Maintenance => of_maintenance(),
        Category::AgreementChange => vec![
            ("kind", words_of!(AgreementKind)),
            ("document", Line),
            ("version", Line),
            ("effective_date", Date),
            ("summary", List),
            ("right", Text),
            ("right_until", Date),
        ],
        Category::SecurityMeasuresChange => vec![
            ("measure", Line),
            ("kind", words_of!(MeasureKind)),
            ("change", Text),
            ("effective_date", Date),
            ("effect", Text),
        ],
        Category::Billing => vec![
            ("invoice_number", Line),
            ("period", Line),
            ("amount", Line),
            ("currency", Line),
            ("due_date", Date),
            ("payment_reference", Line),
        ],
        Category::News => vec![("title", Line)],
        Category::Survey => vec![("question", Text), ("link", Link), ("closes_at", Time)],
    }
}

fn of_breach() -> Vec<(&'static str, Takes)> {
    use Takes::{List, Text, Time};
    vec![
        ("stage", words_of!(Stage)),
        ("our_role", words_of!(OurRole)),
        ("discovered_at", Time),
        ("nature", Text),
        ("data_affected", List),
        ("likely_consequences", Text),
        ("measures_taken", Text),
        ("recommended_actions", List),
        ("contact_point", Text),
        ("occurred_from", Time),
        ("occurred_until", Time),
    ]
}

fn of_maintenance() -> Vec<(&'static str, Takes)> {
    use Takes::{List, Text, Time};
    vec![
        ("phase", words_of!(Phase)),
        ("services", List),
        ("window_start", Time),
        ("window_end", Time),
        ("previous_start", Time),
        ("previous_end", Time),
        ("impact", Text),
        ("impact_level", words_of!(ImpactLevel)),
        ("action_needed", Text),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::front_matter::{Document, Reader};

    /// Every field of a category, with a value of its kind.
    fn filled(category: Category) -> String {
        let mut text = "[fields]\n".to_owned();
        for (index, Input { key, takes, .. }) in Fields::inputs(category).into_iter().enumerate() {
            let value = match takes {
                Takes::Line | Takes::Text => "\"x\"".to_owned(),
                Takes::List => "[\"x\"]".to_owned(),
                Takes::Time => format!("2026-12-01T22:{index:02}:00Z"),
                Takes::Date => format!("2026-12-{:02}", index + 1),
                Takes::Choice(words) => format!("\"{}\"", words[0]),
                Takes::Link => "\"https://example.com/\"".to_owned(),
            };
            text += &format!("{key} = {value}\n");
        }
        text
    }

    #[test]
    fn every_field_is_asked_for_and_takes_what_is_read() {
        for category in Category::ALL.iter().copied() {
            let keys: BTreeSet<&str> = Fields::inputs(category).iter().map(|input| input.key).collect();
            assert!(Fields::required_keys(category).iter().all(|key| keys.contains(key)), "{category}");
            assert!(Fields::text_keys(category).iter().all(|key| keys.contains(key)), "{category}");
            let source = filled(category);
            let document = Document::new(&source, 1);
            let table = document.parse();
            let fields = Reader::top(&document, &table).table("fields").unwrap();
            drop(Fields::read(category, &fields));
            let problems: Vec<String> = document.into_problems().0.iter().map(ToString::to_string).collect();
            // What one word excludes is excluded here too.
            let wrong = |it: &&String| !it.contains("resolved_at") && !it.contains("must be after");
            assert_eq!(problems.iter().find(wrong), None, "{category}");
        }
    }
}
