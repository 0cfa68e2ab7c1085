//! Time zones by name.

use std::fmt;
use std::str::FromStr;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::Serialize;

use super::windows::WINDOWS;

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
    pub fn time_zone(&self) -> TimeZone {
        // The zone files of the machine are newer than the program, but may lack a name.
        let found = TimeZone::get(&self.0).or_else(|_| TimeZoneDatabase::bundled().get(&self.0));
        found.unwrap_or(TimeZone::UTC)
    }
}

impl FromStr for ZoneName {
    type Err = String;

    /// Parses a name of the database, or a Windows name (`W. Europe Standard Time`). Names of files of the machine, whose meaning
    /// depends on it, are refused.
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |problem: &str| Err(format!("`{}` {problem}", text.escape_debug()));
        if text.eq_ignore_ascii_case("UTC") {
            return Ok(Self::utc());
        }
        let lower = text.to_ascii_lowercase();
        if ["localtime", "local", "posixrules", "factory"].contains(&lower.as_str()) {
            return refuse("depends on the machine: write a time zone such as `Europe/Stockholm`");
        }
        // The names are those of the database, not the files of this machine: `posix/...`, `right/...`, `tzdata.zi`. Its spelling
        // makes `europe/stockholm` and `Europe/Stockholm` one zone.
        let known = TimeZoneDatabase::bundled().get(text).ok();
        if let Some(name) = known.as_ref().and_then(TimeZone::iana_name) {
            return Ok(Self(name.to_owned()));
        }
        if let Some((_, zone)) = WINDOWS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Ok(Self((*zone).to_owned()));
        }
        if let Some(zone) = of_city(text) {
            return refuse(&format!("is not a time zone: write `{zone}`"));
        }
        let digits = lower.trim_start_matches(['(', 'u', 't', 'c', 'g', 'm', 'z', ' ']);
        if digits.starts_with(['+', '-', '\u{2212}', '\u{b1}']) {
            return refuse("is an offset, which knows no summer time: write a time zone such as `Europe/Stockholm`");
        }
        if (3..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase()) {
            return refuse(
                "is not a time zone: an abbreviation may mean several; write one such as `Europe/Stockholm`",
            );
        }
        refuse("is not a time zone such as `Europe/Stockholm`")
    }
}

/// The zone of a city in a text: of `Stockholm`, `Europe / Stockholm` or `(UTC+01:00) Amsterdam, Berlin, Stockholm`, the last one.
fn of_city(text: &str) -> Option<String> {
    let plain = |text: &str| text.to_lowercase().replace('_', " ");
    let parts: Vec<String> = text.split(['/', '\\', ',', '(', ')', ';']).map(|part| plain(part.trim())).collect();
    let zones: Vec<String> = TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect();
    let of = |part: &String| {
        let mut found = zones.iter().filter(|zone| zone.rsplit_once('/').is_some_and(|(_, city)| plain(city) == *part));
        // Older names of countries' zones: `Eastern` alone may be any of several.
        let is_old = |zone: &str| {
            ["Etc/", "posix", "Canada/", "US/", "Mexico/", "Brazil/", "Chile/"].iter().any(|it| zone.starts_with(it))
        };
        found.find(|zone| !is_old(zone)).cloned()
    };
    parts.iter().rev().filter(|part| part.len() > 3).find_map(of)
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
    fn zones_are_of_the_database() {
        for (text, zone) in [
            ("europe/stockholm", "Europe/Stockholm"),
            ("Europe/Kiev", "Europe/Kiev"),
            ("America/Nuuk", "America/Nuuk"),
            ("UTC", "UTC"),
            ("CET", "CET"),
            ("W. Europe Standard Time", "Europe/Berlin"),
            ("romance standard time", "Europe/Paris"),
            ("GMT Standard Time", "Europe/London"),
        ] {
            assert_eq!(text.parse::<ZoneName>().unwrap().as_str(), zone);
        }
        for (text, said) in [
            ("", "is not a time zone such as"),
            ("Mars/Olympus", "is not a time zone such as"),
            ("localtime", "depends on the machine"),
            ("posixrules", "depends on the machine"),
            ("Factory", "depends on the machine"),
            ("Local", "depends on the machine"),
            ("posix/Europe/Stockholm", "write `Europe/Stockholm`"),
            ("right/Europe/Stockholm", "write `Europe/Stockholm`"),
            ("Stockholm", "write `Europe/Stockholm`"),
            ("Europe\\Stockholm", "write `Europe/Stockholm`"),
            ("(UTC+01:00) Amsterdam, Berlin, Stockholm", "write `Europe/Stockholm`"),
            ("New York", "write `America/New_York`"),
            ("GMT+1", "is an offset"),
            ("UTC+01:00", "is an offset"),
            ("+0100", "is an offset"),
            ("(GMT-05:00) Eastern", "is an offset"),
            ("CEST", "an abbreviation may mean several"),
            ("PST", "an abbreviation may mean several"),
            ("tzdata.zi", "is not a time zone such as"),
        ] {
            let error = text.parse::<ZoneName>().unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn each_windows_name_leads_to_a_zone() {
        for (name, zone) in WINDOWS {
            assert!(TimeZoneDatabase::bundled().get(zone).is_ok(), "{name}: {zone}");
        }
    }
}
