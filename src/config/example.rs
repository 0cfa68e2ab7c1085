//! The commented configuration, and the same with some of its values filled in.

use toml::Value;

/// The commented configuration that `besked init` writes: every key with its default.
pub const EXAMPLE: &str = include_str!("../../config/besked.toml");

/// The commented configuration with these values, each a table, a key and a text. A key that is commented out comes into force.
#[must_use]
pub fn filled(values: &[(&str, &str, &str)]) -> String {
    let mut table = "";
    let mut missing: Vec<_> = values.iter().collect();
    let mut lines = Vec::new();
    for line in EXAMPLE.lines() {
        if let Some(name) = line.trim_start_matches('[').split(']').next().filter(|_| line.starts_with('[')) {
            table = name;
        }
        let bare = line.trim_start_matches("# ");
        let key = bare.split_once(" = ").map(|(key, _)| key);
        match missing.iter().position(|(wanted, name, _)| *wanted == table && Some(*name) == key) {
            Some(index) => {
                let (_, name, text) = missing.remove(index);
                let comment = bare.split_once(" # ").map(|(_, comment)| format!(" # {}", comment.trim()));
                lines.push(format!("{name} = {}{}", Value::from(*text), comment.unwrap_or_default()));
            }
            None => lines.push(line.to_owned()),
        }
    }
    debug_assert!(missing.is_empty(), "no such key: {missing:?}");
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    #[test]
    fn filled_in_it_is_a_configuration_with_all_its_comments() {
        let text = filled(&[
            ("organisation", "name", "Moln \"Norr\" AB"),
            ("organisation", "public_url", "https://notices.example.net"),
            ("sender", "from", "'Moln, Norr' <notices@example.net>"),
            ("relay", "url", "smtp://user@smtp.example.net:587"),
        ]);
        let wrong = parse(&text, "x", &[]).unwrap_err().to_string();
        assert!(wrong.contains("`sender.from`") && wrong.lines().count() == 1, "{wrong}");
        let text = filled(&[("organisation", "name", "Moln \"Norr\" \\ AB"), ("organisation", "seat", "Malmö")]);
        let config = parse(&text, "x", &[]).unwrap();
        assert_eq!(config.organisation.name, "Moln \"Norr\" \\ AB");
        assert_eq!(config.organisation.seat.as_deref(), Some("Malmö"));
        assert_eq!(text.lines().count(), EXAMPLE.lines().count());
        assert_eq!(filled(&[]), EXAMPLE);
    }
}
