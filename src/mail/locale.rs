//! The fixed strings of a mail in each language: one Fluent file per language under `templates/locale/`.
//!
//! A new language is one new file and one line in [`SOURCES`].

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use crate::domain::locale::Locale;

/// Every language, first the one that is used for languages without a file.
const SOURCES: &[(&str, &str)] =
    &[("en", include_str!("../../templates/locale/en.ftl")), ("sv", include_str!("../../templates/locale/sv.ftl"))];

static LANGUAGES: LazyLock<Vec<Language>> =
    LazyLock::new(|| SOURCES.iter().map(|(tag, source)| Language::parse(tag, source)).collect());

/// A language with fixed strings.
pub struct Language {
    tag: &'static str,
    strings: FluentBundle<FluentResource>,
}

impl Language {
    fn parse(tag: &'static str, source: &str) -> Self {
        let identifier: LanguageIdentifier = tag.parse().expect("the tags in SOURCES are language tags");
        let mut strings = FluentBundle::new_concurrent(vec![identifier]);
        // Fluent's isolation marks around values would break addresses, and some clients display them.
        strings.set_use_isolating(false);
        let resource = FluentResource::try_new(source.to_owned()).expect("the files in SOURCES are tested");
        strings.add_resource(resource).expect("each key occurs once");
        Self { tag, strings }
    }

    /// Every language.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &LANGUAGES
    }

    /// The language as a locale.
    #[must_use]
    pub fn locale(&self) -> Locale {
        self.tag.parse().expect("the tags in SOURCES are language tags")
    }

    /// The language for a contact: English if there are no strings in the contact's own.
    #[must_use]
    pub fn of(locale: &Locale) -> &'static Self {
        LANGUAGES.iter().find(|language| language.tag == locale.language()).unwrap_or(&LANGUAGES[0])
    }

    /// Its BCP 47 tag.
    #[must_use]
    pub const fn tag(&self) -> &'static str {
        self.tag
    }

    /// The string of a key that has no variables.
    #[must_use]
    pub fn text(&self, key: &str) -> String {
        self.format(key, None)
    }

    /// The string of a key with its variables.
    #[must_use]
    pub fn with(&self, key: &str, variables: &[(&'static str, &str)]) -> String {
        let variables =
            variables.iter().map(|(name, value)| (*name, FluentValue::from(*value))).collect::<FluentArgs>();
        self.format(key, Some(&variables))
    }

    /// The string of a key with variables that are texts or numbers.
    #[must_use]
    pub fn with_values(&self, key: &str, variables: FluentArgs<'_>) -> String {
        self.format(key, Some(&variables))
    }

    /// True if there is a string with this key.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.strings.has_message(key)
    }

    /// The string of a key that counts something.
    #[must_use]
    pub fn count(&self, key: &str, count: i64) -> String {
        let variables = [("count", FluentValue::from(count))].into_iter().collect::<FluentArgs>();
        self.format(key, Some(&variables))
    }

    /// Several items in one phrase: `a, b and c`.
    #[must_use]
    pub fn list(&self, items: &[String]) -> String {
        match items {
            [] => String::new(),
            [one] => one.clone(),
            [first @ .., last] => format!("{} {} {last}", first.join(", "), self.text("and")),
        }
    }

    /// A text with soft hyphens in its long compounds, for a narrow column. The string `soft-hyphens` has their first parts.
    #[must_use]
    pub fn soft(&self, text: &str) -> String {
        let parts = self.text("soft-hyphens");
        let mut soft = String::with_capacity(text.len() + 8);
        for word in text.split_inclusive(char::is_whitespace) {
            let lower = word.to_lowercase();
            let longest = parts.split(' ').filter(|part| lower.starts_with(part)).max_by_key(|part| part.len());
            // Lower case has as many bytes in the letters of these words.
            let at = longest.map(str::len).filter(|at| lower.len() == word.len() && word.is_char_boundary(*at));
            match at.and_then(|at| word.split_at_checked(at)) {
                Some((first, rest)) if rest.trim_end().chars().count() >= REST => {
                    soft.extend([first, "\u{ad}", rest]);
                }
                _ => soft.push_str(word),
            }
        }
        soft
    }

    /// The string of a key with its variables, or `None` if there is no such string.
    #[must_use]
    pub fn find(&self, key: &str, variables: Option<&FluentArgs<'_>>) -> Option<String> {
        let pattern = self.strings.get_message(key)?.value()?;
        let mut errors = Vec::new();
        let text = self.strings.format_pattern(pattern, variables, &mut errors);
        debug_assert!(errors.is_empty(), "string `{key}` in `{}`: {errors:?}", self.tag);
        Some(text.into_owned())
    }

    // A mail with the name of a string in it must not be sent: here, a missing string ends what asks for it.
    fn format(&self, key: &str, variables: Option<&FluentArgs<'_>>) -> String {
        self.find(key, variables).unwrap_or_else(|| panic!("no string `{key}` in `{}`", self.tag))
    }
}

/// Letters of a compound that come after a soft hyphen, at least.
const REST: usize = 5;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// The variables that each key uses.
    fn keys(source: &str) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut keys: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut key = "";
        for line in source.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            if !line.starts_with([' ', '}']) {
                key = line.split(' ').next().unwrap();
                assert!(keys.insert(key, BTreeSet::new()).is_none(), "`{key}` occurs twice");
            }
            let variables = line.split('$').skip(1).map(|rest| rest.split([' ', '}']).next().unwrap());
            keys.get_mut(key).unwrap().extend(variables);
        }
        keys
    }

    #[test]
    fn every_language_has_every_string_with_the_same_variables() {
        let english = keys(SOURCES[0].1);
        assert!(english.len() > 100);
        for (tag, source) in SOURCES {
            assert_eq!(keys(source), english, "{tag}");
        }
    }

    #[test]
    fn long_compounds_break_with_a_hyphen() {
        let [english, swedish] = Language::all() else { panic!("other languages") };
        assert_eq!(swedish.soft("Personuppgiftsincident: SEC-1"), "Personuppgifts\u{ad}incident: SEC-1");
        assert_eq!(swedish.soft("En betalningsreferens"), "En betalnings\u{ad}referens");
        assert_eq!(english.soft("Personal data breach"), "Personal data breach");
    }

    #[test]
    fn a_language_without_a_file_is_english() {
        let tag = |locale: &str| Language::of(&locale.parse().unwrap()).tag();
        assert_eq!((tag("sv-FI"), tag("en-GB"), tag("de")), ("sv", "en", "en"));
    }

    #[test]
    fn plurals_and_lists_follow_the_language() {
        let [english, swedish] = Language::all() else { panic!("other languages") };
        assert_eq!((english.count("hours", 1), english.count("hours", 4)), ("1 hour".into(), "4 hours".into()));
        assert_eq!((swedish.count("hours", 1), swedish.count("hours", 4)), ("1 timme".into(), "4 timmar".into()));
        assert_eq!(swedish.list(&["A".into(), "B".into(), "C".into()]), "A, B och C");
    }
}
