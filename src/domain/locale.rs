//! Locales (BCP 47 tags) and time zones (IANA names).

use std::fmt;
use std::str::FromStr;

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

    fn from_str(text: &str) -> Result<Self, String> {
        let language = LanguageIdentifier::from_str(text)
            .ok()
            .filter(|tag| !tag.language.is_empty())
            .ok_or_else(|| format!("`{}` is not a language tag such as `sv` or `en-GB`", text.escape_debug()))?;
        Ok(Self(language.to_string()))
    }
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

/// A time zone of the IANA database, for example `Europe/Stockholm`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ZoneName(String);

impl ZoneName {
    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The rules of the zone.
    #[must_use]
    pub fn time_zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(&self.0).unwrap_or(jiff::tz::TimeZone::UTC)
    }
}

impl FromStr for ZoneName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("`{}` is not a time zone such as `Europe/Stockholm`", text.escape_debug());
        let zone = jiff::tz::TimeZone::get(text).map_err(|_| unknown())?;
        // The spelling of the database makes `europe/stockholm` and `Europe/Stockholm` one zone.
        Ok(Self(zone.iana_name().ok_or_else(unknown)?.to_owned()))
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
    fn zones_are_of_the_database() {
        assert_eq!("europe/stockholm".parse::<ZoneName>().unwrap().as_str(), "Europe/Stockholm");
        assert!("Mars/Olympus".parse::<ZoneName>().is_err());
        assert!("".parse::<ZoneName>().is_err());
    }
}
