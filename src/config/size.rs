//! Sizes as people write them: `500kB`, `1MB`.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_they_are_read() {
        for (text, bytes) in [("500kB", 500_000), ("1MB", 1_000_000), ("1500kB", 1_500_000), ("70001B", 70_001)] {
            assert_eq!((parse(text), format(bytes)), (Ok(bytes), text.to_owned()));
        }
        for bad in ["", "1", "MB", "1 M", "-1kB", "1.5MB", "1MiB", "99999999999999MB"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
