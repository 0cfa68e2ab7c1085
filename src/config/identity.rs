//! What of the example is left in a configuration: who sends, as every mail says.

use super::Config;
use super::sender::ReturnPath;

impl Config {
    /// The keys that say who sends and still have the values of the example.
    #[must_use]
    pub fn left_from_example(&self) -> Vec<&'static str> {
        let example = Self::default();
        let (ours, theirs) = (&self.organisation, &example.organisation);
        let (from, its) = (&self.sender, &example.sender);
        let has_bounces = from.return_path == ReturnPath::Delivery;
        [
            ("organisation.name", ours.name == theirs.name),
            ("organisation.address", ours.address == theirs.address),
            ("organisation.privacy_contact", ours.privacy_contact == theirs.privacy_contact),
            ("organisation.public_url", ours.public_url.as_str() == theirs.public_url.as_str()),
            ("sender.from", from.from == its.from),
            ("sender.reply_to", from.reply_to == its.reply_to),
            // It is in every signature of the ledger, so that it cannot be corrected quietly.
            ("ledger.origin", self.ledger.origin == example.ledger.origin),
            ("sender.bounce_domain", has_bounces && from.bounce_domain == its.bounce_domain),
        ]
        .into_iter()
        .filter_map(|(key, is_left)| is_left.then_some(key))
        .collect()
    }

    /// A warning about what is left of the example.
    pub(super) fn example_warning(&self) -> Option<String> {
        let left = in_words(&self.left_from_example());
        (!left.is_empty()).then(|| {
            format!("still as in the example: {left}; no notice is released to customers until these are your own")
        })
    }
}

/// Keys, as they are shown.
fn in_words(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{EXAMPLE, parse};

    #[test]
    fn what_is_left_of_the_example_is_named() {
        let mut config = parse(EXAMPLE, "example", &[]).unwrap();
        assert_eq!(config.left_from_example().len(), 8);
        config.organisation.name = "Moln Norr AB".to_owned();
        config.sender.return_path = ReturnPath::From;
        assert_eq!(config.left_from_example().len(), 6);
        assert!(config.example_warning().is_some_and(|it| it.contains("`organisation.address`, ")));
    }
}
