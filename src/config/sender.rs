//! `[sender]`: the addresses that mail comes from.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::domain::address::parse_domain;

/// `[sender]`: the addresses that mail comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sender {
    /// The From header: `Name <address>`.
    #[serde(serialize_with = "super::text::serialize", deserialize_with = "mailbox")]
    pub from: lettre::message::Mailbox,
    /// The Reply-To header.
    #[serde(serialize_with = "super::text::serialize", deserialize_with = "mailbox")]
    pub reply_to: lettre::message::Mailbox,
    /// The domain of the return paths: each delivery has its own.
    pub bounce_domain: String,
}

impl Sender {
    /// The domain of the From address, which is also that of Message-IDs.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.from.email.domain()
    }
}

impl Default for Sender {
    fn default() -> Self {
        let mailbox = |text: &str| text.parse().expect("the default is a mailbox");
        Self {
            from: mailbox("Example Cloud <notices@example.com>"),
            reply_to: mailbox("support@example.com"),
            bounce_domain: "bounces.example.com".to_owned(),
        }
    }
}

impl Sender {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let is_domain = parse_domain(&self.bounce_domain).is_some();
        (!is_domain).then(|| "`sender.bounce_domain` is not a domain name".to_owned()).into_iter().collect()
    }
}

/// (De)serialises an optional mailbox: an empty text is none.
pub(super) mod maybe {
    use lettre::message::Mailbox;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &Option<Mailbox>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.as_ref().map(Mailbox::to_string).unwrap_or_default())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Mailbox>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() { Ok(None) } else { super::parsed(&text).map(Some) }
    }
}

/// Reads `Name <address>`, or an address alone.
fn mailbox<'de, D: Deserializer<'de>>(deserializer: D) -> Result<lettre::message::Mailbox, D::Error> {
    parsed(&String::deserialize(deserializer)?)
}

fn parsed<E: de::Error>(text: &str) -> Result<lettre::message::Mailbox, E> {
    text.parse().map_err(|_| {
        let text = text.escape_debug();
        let why = if text.to_string().contains('@') { "is not an address" } else { "has no address in angle brackets" };
        E::custom(format!("`{text}` {why}: write `Name <address>`, or an address alone"))
    })
}
