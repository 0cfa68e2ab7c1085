//! Locales (BCP 47 tags) and time zones (IANA names), and what people's tools write in place of them.

mod codes;
mod names;
mod windows;
mod zone;

pub use zone::ZoneName;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Serialize, Serializer};
use unic_langid::LanguageIdentifier;

/// The language of a contact, for example `sv` or `en-GB`, in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locale(String);

impl Locale {
    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language alone: `en` of `en-GB`.
    #[must_use]
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }

    /// Returns the best of `available` for this locale: the same tag, else the same language.
    pub fn best_of<'a, I>(&self, available: I) -> Option<&'a Locale>
    where
        I: IntoIterator<Item = &'a Locale> + Clone,
    {
        let mut exact = available.clone().into_iter();
        exact
            .find(|candidate| *candidate == self)
            .or_else(|| available.into_iter().find(|candidate| candidate.language() == self.language()))
    }
}

impl FromStr for Locale {
    type Err = String;

    /// Parses a tag of a known language: `sv`, `en-GB`, also as systems write it: `sv_SE.UTF-8`. A word that means a language is
    /// refused with its tag: stored as it is, it would name no language that any notice has.
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |problem: String| Err(format!("`{}` {problem}", text.escape_debug()));
        let tag = text.split(['.', '@']).next().unwrap_or_default();
        if let Some(code) = meant(text) {
            return refuse(format!("is not a language tag: write `{code}`"));
        }
        let Some(language) = LanguageIdentifier::from_str(tag).ok().filter(|tag| !tag.language.is_empty()) else {
            return refuse("is not a language tag such as `sv` or `en-GB`".to_owned());
        };
        let code = language.language.as_str();
        if !LANGUAGES.contains(code) {
            return refuse("is not a known language: write a tag such as `sv` or `en-GB`".to_owned());
        }
        match language.region.as_ref().map(|region| region.as_str()) {
            Some("UK") => refuse(format!("is not a language tag: write `{code}-GB`")),
            // A region may be a number of the UN: `es-419`.
            Some(region) if region.len() == 2 && !REGIONS.contains(region) => {
                refuse(format!("has an unknown region: write `{code}`"))
            }
            _ => Ok(Self(language.to_string())),
        }
    }
}

// The tag of each recipient is read again when its mail is made: the lists are not searched for it.
static LANGUAGES: LazyLock<HashSet<&str>> =
    LazyLock::new(|| codes::TWO.split(' ').chain(codes::THREE.split(' ')).collect());
static REGIONS: LazyLock<HashSet<&str>> = LazyLock::new(|| codes::REGIONS.split(' ').collect());
static MISTAKEN_CODES: LazyLock<Pairs> = LazyLock::new(|| pairs(MISTAKEN));
static LONG_CODES: LazyLock<Pairs> = LazyLock::new(|| pairs(codes::LONG));
static NAMES: LazyLock<Pairs> = LazyLock::new(|| pairs(names::NAMES));

/// Codes by what people write in their place.
type Pairs = HashMap<&'static str, &'static str>;

/// The first of each name counts.
fn pairs(text: &'static str) -> Pairs {
    let mut pairs = Pairs::new();
    for (name, code) in text.split(' ').filter_map(|pair| pair.split_once(':')) {
        pairs.entry(name).or_insert(code);
    }
    pairs
}

/// Codes of countries and of Windows that stand in columns of languages.
const MISTAKEN: &str = "dk:da jp:ja cn:zh tw:zh gr:el cz:cs ua:uk us:en gb:en nz:en at:de mx:es sve:sv enu:en eng:en \
     1053:sv-SE 1033:en-US 2057:en-GB 1031:de-DE 1030:da-DK 1044:nb-NO 1035:fi-FI 1036:fr-FR iw:he ji:yi in:id";

/// The tag that a name of a language, or another code for it, means.
fn meant(text: &str) -> Option<&'static str> {
    let lower = text.trim().to_lowercase();
    // `Swedish (Sweden)`, `English - United States`
    let name = lower.split([' ', '(', '-', '_', ',']).next().unwrap_or_default();
    let whole = lower.replace(' ', "_");
    let is_long = |key: &str| key.len() > 3 || !key.is_ascii();
    let of_name = |key: &str| NAMES.get(key).filter(|_| is_long(key));
    let found = MISTAKEN_CODES.get(lower.as_str()).or_else(|| LONG_CODES.get(name).filter(|_| name.len() == 3));
    found.or_else(|| of_name(&whole)).or_else(|| of_name(name)).copied()
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Locale {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_canonical_and_match_by_language() {
        let en: Locale = "en".parse().unwrap();
        let available = [en.clone(), "sv".parse().unwrap()];
        assert_eq!("EN_gb".parse::<Locale>().unwrap().as_str(), "en-GB");
        assert_eq!("en-GB".parse::<Locale>().unwrap().best_of(&available), Some(&en));
        assert_eq!("de".parse::<Locale>().unwrap().best_of(&available), None);
        for bad in ["", "swedish language", "x", "sv\r\n"] {
            assert!(bad.parse::<Locale>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_tools_write_in_place_of_a_tag_is_read_or_refused_with_the_tag() {
        for (text, tag) in [
            ("sv_SE", "sv-SE"),
            ("sv_SE.UTF-8", "sv-SE"),
            ("de_DE@euro", "de-DE"),
            ("zh_Hant_TW", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("NB-no", "nb-NO"),
            ("fit", "fit"),
            ("se", "se"),
        ] {
            assert_eq!(text.parse::<Locale>().unwrap().as_str(), tag);
        }
        for (text, said) in [
            ("Swedish", "`Swedish` is not a language tag: write `sv`"),
            ("Svenska", "write `sv`"),
            ("English", "write `en`"),
            ("Engelska", "write `en`"),
            ("Deutsch", "write `de`"),
            ("Français (France)", "write `fr`"),
            ("Swedish (Sweden)", "write `sv`"),
            ("Norsk bokmål", "write `nb`"),
            ("swe", "write `sv`"),
            ("ENG", "write `en`"),
            ("SVE", "write `sv`"),
            ("1053", "write `sv-SE`"),
            ("DK", "write `da`"),
            ("en-UK", "write `en-GB`"),
            ("sv-XX", "has an unknown region: write `sv`"),
            ("xx", "is not a known language"),
            ("qqq-SE", "is not a known language"),
            ("C", "is not a language tag such as"),
            ("sv;q=0.8", "is not a language tag such as"),
            ("NULL", "is not"),
        ] {
            let error = text.parse::<Locale>().unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
