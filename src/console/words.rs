//! The words of a page: its strings, times and numbers in the operator's language and zone.

use fluent_bundle::{FluentArgs, FluentValue};
use jiff::Timestamp;

use crate::domain::locale::{Locale, ZoneName};
use crate::mail::compose::dates::Dates;
use crate::mail::locale::Language;

/// A moment, also behind references: templates pass some.
pub trait Moment {
    /// The time.
    fn moment(&self) -> Timestamp;
}

impl Moment for Timestamp {
    fn moment(&self) -> Timestamp {
        *self
    }
}

impl<T: Moment> Moment for &T {
    fn moment(&self) -> Timestamp {
        (**self).moment()
    }
}

/// A count, also behind references.
pub trait Count {
    /// The number.
    fn count(&self) -> u64;
}

impl Count for u64 {
    fn count(&self) -> u64 {
        *self
    }
}

impl Count for usize {
    fn count(&self) -> u64 {
        u64::try_from(*self).unwrap_or(u64::MAX)
    }
}

impl<T: Count> Count for &T {
    fn count(&self) -> u64 {
        (**self).count()
    }
}

/// Strings, times and numbers for one operator. Cheap to clone.
#[derive(Clone)]
pub struct Words {
    language: &'static Language,
    zone: ZoneName,
}

impl Words {
    /// Words in a language and zone; English if there are no strings in that language.
    #[must_use]
    pub fn new(locale: &Locale, zone: &ZoneName) -> Self {
        Self { language: Language::of(locale), zone: zone.clone() }
    }

    /// The BCP 47 tag of the language, for `lang`.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        self.language.tag()
    }

    /// True if there is a string with this key.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.language.has(key)
    }

    /// The time zone.
    #[must_use]
    pub const fn zone(&self) -> &ZoneName {
        &self.zone
    }

    /// The string of a key without variables.
    #[must_use]
    pub fn say(&self, key: &str) -> String {
        self.string(key, None)
    }

    /// The string of a key with its variables: texts, or numbers that choose a plural.
    #[must_use]
    pub fn say_with<'a, V>(&self, key: &str, values: &[(&'static str, V)]) -> String
    where
        V: Clone + Into<FluentValue<'a>>,
    {
        let values = values.iter().map(|(name, value)| (*name, value.clone().into()));
        self.string(key, Some(&values.collect()))
    }

    /// The string of a key that counts something: `$count` chooses the plural, `$number` is the number as it is read.
    #[must_use]
    pub fn counted(&self, key: &str, count: impl Count) -> String {
        let count = count.count();
        let values = [("count", FluentValue::from(count)), ("number", FluentValue::from(self.number(count)))];
        self.string(key, Some(&values.into_iter().collect()))
    }

    /// The string of a key and a word of a list, such as a state: `console-state-sending`.
    #[must_use]
    pub fn word(&self, key: &str, word: impl std::fmt::Display) -> String {
        self.say(&format!("{key}-{word}").replace('_', "-"))
    }

    /// The label of a field that a form posts; its name, if it has none.
    #[must_use]
    pub fn label(&self, name: &str) -> String {
        let keys = [format!("console-input-{name}"), format!("console-field-{}", name.trim_start_matches("f."))];
        let mut keys = keys.iter().map(|key| key.replace('_', "-"));
        keys.find(|key| self.has(key)).map_or_else(|| name.to_owned(), |key| self.say(&key))
    }

    /// A number with its thousands apart.
    #[must_use]
    pub fn number(&self, number: impl std::fmt::Display) -> String {
        let text = number.to_string();
        let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
        let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
        let between = self.say("console-thousands");
        let groups: Vec<&str> =
            whole.as_bytes().rchunks(3).rev().filter_map(|it| std::str::from_utf8(it).ok()).collect();
        format!("{sign}{}{}", groups.join(between.trim_matches('"')), rest.replace('.', &self.say("console-decimal")))
    }

    /// A share of a whole in percent, rounded down so that less than all is never 100.
    #[must_use]
    pub fn percent(&self, part: impl Count, whole: impl Count) -> String {
        let percent = part.count().saturating_mul(100).checked_div(whole.count()).unwrap_or(0);
        self.say_with("console-percent", &[("number", percent.to_string())])
    }

    /// A date: `1 December 2026`.
    #[must_use]
    pub fn date(&self, at: impl Moment) -> String {
        self.dates().date(at.moment().to_zoned_datetime(self.zone.time_zone()).date())
    }

    /// A moment with the name of the zone: `1 December 2026, 22:00 CET`.
    #[must_use]
    pub fn time(&self, at: impl Moment) -> String {
        let local = at.moment().to_zoned_datetime(self.zone.time_zone());
        let zone = local.strftime("%Z").to_string();
        // Zones without letters are shown by their offset.
        let zone = if zone.starts_with(['+', '-']) { format!("UTC{zone}") } else { zone };
        let clock = local.strftime("%H:%M").to_string();
        let date = self.dates().date(local.date());
        format!("{} {zone}", self.say_with("date-and-time", &[("date", date), ("time", clock)]))
    }

    /// The time of day with the name of the zone: `22:00 CET`.
    #[must_use]
    pub fn clock(&self, at: impl Moment) -> String {
        at.moment().to_zoned_datetime(self.zone.time_zone()).strftime("%H:%M %Z").to_string()
    }

    /// A moment for `datetime`: RFC 3339 in UTC.
    #[must_use]
    pub fn machine(&self, at: impl Moment) -> String {
        at.moment().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// A moment for a field of `datetime-local`, in the operator's zone.
    #[must_use]
    pub fn local(&self, at: impl Moment) -> String {
        at.moment().to_zoned_datetime(self.zone.time_zone()).strftime("%Y-%m-%dT%H:%M").to_string()
    }

    /// The time between two moments: `1 day 4 hours`.
    #[must_use]
    pub fn duration(&self, start: impl Moment, end: impl Moment) -> String {
        self.dates().duration(start.moment(), end.moment())
    }

    /// Several items in one phrase: `a, b and c`.
    #[must_use]
    pub fn list(&self, items: &[String]) -> String {
        self.language.list(items)
    }

    /// A string. A missing one is shown as its key, since a page without one word is better than none.
    fn string(&self, key: &str, values: Option<&FluentArgs<'_>>) -> String {
        self.language.find(key, values).unwrap_or_else(|| {
            tracing::error!(key, language = self.tag(), "a page needs a string that does not exist");
            key.to_owned()
        })
    }

    fn dates(&self) -> Dates {
        Dates::new(self.language, &self.zone)
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Words({}, {})", self.language.tag(), self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(locale: &str, zone: &str) -> Words {
        Words::new(&locale.parse().unwrap(), &zone.parse().unwrap())
    }

    #[test]
    fn a_missing_string_is_its_key() {
        let words = words("sv", "UTC");
        assert_eq!(words.say("console-no-such-string"), "console-no-such-string");
        assert_eq!(words.word("console-task", "not_known"), "console-task-not-known");
        assert_eq!(words.counted("console-no-such-count", 2_u64), "console-no-such-count");
    }

    #[test]
    fn numbers_and_times_are_those_of_the_language_and_zone() {
        let (english, swedish) = (words("en-GB", "UTC"), words("sv", "Europe/Stockholm"));
        assert_eq!((english.number(999), english.number(1_234_567)), ("999".into(), "1,234,567".into()));
        assert_eq!((swedish.number(-1000), swedish.number("1234.5")), ("-1\u{a0}000".into(), "1\u{a0}234,5".into()));
        assert_eq!((english.percent(999_u64, 1000_u64), english.percent(0_u64, 0_u64)), ("99%".into(), "0%".into()));
        let at: Timestamp = "2026-12-01T21:00:00Z".parse().unwrap();
        assert_eq!(english.time(at), "1 December 2026, 21:00 UTC");
        assert_eq!(swedish.time(at), "1 december 2026 kl. 22:00 CET");
        assert_eq!(words("en", "America/Sao_Paulo").time(at), "1 December 2026, 18:00 UTC-03");
        assert_eq!(
            (english.machine(at).as_str(), swedish.local(at).as_str()),
            ("2026-12-01T21:00:00Z", "2026-12-01T22:00")
        );
    }
}
