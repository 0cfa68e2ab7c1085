//! `[limits]`: limits towards the domains of recipients, all relays together, and of messages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::domain_name::DomainName;

/// `[limits]`: limits towards the domains of recipients, all relays together.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Messages per second by domain.
    pub domain_rate_per_second: BTreeMap<DomainName, f64>,
    /// Concurrent deliveries to one domain; 0 for no limit.
    pub domain_connections: u32,
    /// The largest message, in bytes; a notice whose mails are larger is refused.
    #[serde(with = "size")]
    pub message_size: u64,
}

/// The least limit of messages: the layout alone has some ten thousand bytes.
const LEAST_SIZE: u64 = 50_000;

impl Default for Limits {
    fn default() -> Self {
        Self { domain_rate_per_second: BTreeMap::new(), domain_connections: 8, message_size: 1_000_000 }
    }
}

impl Limits {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let rates = self.domain_rate_per_second.iter();
        let size = (self.message_size < LEAST_SIZE)
            .then(|| format!("`limits.message_size` must be at least `{}`", size::format(LEAST_SIZE)));
        rates
            .filter(|(_, rate)| !(rate.is_finite() && **rate > 0.0))
            .map(|(domain, _)| format!("`limits.domain_rate_per_second.{domain}` must be above zero"))
            .chain(size)
            .collect()
    }
}

/// Sizes as people write them: `500kB`, `1MB`.
mod size {
    use serde::{Deserialize, Deserializer, Serializer, de};

    /// Units, the largest first.
    const UNITS: [(&str, u64); 3] = [("MB", 1_000_000), ("kB", 1_000), ("B", 1)];

    pub(super) fn parse(text: &str) -> Result<u64, String> {
        let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
        unit.and_then(|(number, bytes)| number.trim().parse::<u64>().ok()?.checked_mul(bytes))
            .ok_or_else(|| format!("`{}` is not a size such as `500kB` or `1MB`", text.escape_debug()))
    }

    pub(super) fn format(size: u64) -> String {
        let unit = UNITS.iter().find(|(_, bytes)| size >= *bytes && size.is_multiple_of(*bytes));
        unit.map_or_else(|| format!("{size}B"), |(unit, bytes)| format!("{}{unit}", size / bytes))
    }

    pub(super) fn serialize<S: Serializer>(size: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format(*size))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_they_are_read() {
        for (text, bytes) in [("500kB", 500_000), ("1MB", 1_000_000), ("1500kB", 1_500_000), ("70001B", 70_001)] {
            assert_eq!((size::parse(text), size::format(bytes)), (Ok(bytes), text.to_owned()));
        }
        for bad in ["", "1", "MB", "1 M", "-1kB", "1.5MB", "1MiB", "99999999999999MB"] {
            assert!(size::parse(bad).is_err(), "{bad}");
        }
        let limits = Limits { message_size: 40_000, ..Limits::default() };
        assert_eq!(limits.problems(), ["`limits.message_size` must be at least `50kB`"]);
    }
}
