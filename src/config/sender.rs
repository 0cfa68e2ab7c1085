//! `[sender]`: the addresses that mail comes from.

use lettre::message::Mailbox;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::domain::address::{Address, parse_domain};
use crate::domain::problem::has_control;

/// `[sender]`: the addresses that mail comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sender {
    /// The From header: `Name <address>`.
    #[serde(serialize_with = "super::text::serialize", deserialize_with = "mailbox")]
    pub from: Mailbox,
    /// The Reply-To header.
    #[serde(serialize_with = "super::text::serialize", deserialize_with = "mailbox")]
    pub reply_to: Mailbox,
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
    /// Turns the domain into A-labels. Returns every value that is not valid, by its key.
    pub(super) fn settle(&mut self) -> Vec<String> {
        match parse_domain(self.bounce_domain.trim()) {
            Some(domain) => {
                self.bounce_domain = domain;
                Vec::new()
            }
            None => vec!["`sender.bounce_domain` is not a domain name".to_owned()],
        }
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
fn mailbox<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mailbox, D::Error> {
    parsed(&String::deserialize(deserializer)?)
}

fn parsed<E: de::Error>(text: &str) -> Result<Mailbox, E> {
    named(text).map_err(E::custom)
}

/// Parses `Name <address>`, or an address alone. A name needs quotes only if it could be taken for several addresses; the domain becomes A-labels, because not every server takes others.
fn named(text: &str) -> Result<Mailbox, String> {
    let text = text.trim();
    let shown = text.escape_debug();
    let (name, address) = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, address)) => (name.trim(), address.trim()),
        None if text.contains('@') && !text.contains(char::is_whitespace) => ("", text),
        None if text.contains('@') => {
            return Err(format!("`{shown}` has its address not in angle brackets: write `Name <address>`"));
        }
        None => return Err(format!("`{shown}` has no address: write `Name <address>`, or an address alone")),
    };
    let name = match name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\\\"", "\"").replace("\\\\", "\\"),
        // Header syntax: a comma begins another address, a colon a group.
        None if name.contains([',', ';', ':', '@', '<', '>']) => {
            let name = name.escape_debug();
            return Err(format!(
                "`{name}` needs quotes, or it reads as several addresses: write '\"{name}\" <{address}>'"
            ));
        }
        None => name.to_owned(),
    };
    if has_control(&name) {
        return Err(format!("`{shown}` must be one line"));
    }
    let address = Address::parse(address).map_err(|problem| format!("`{}` {problem}", address.escape_debug()))?;
    if address.needs_smtputf8() {
        return Err(format!(
            "`{address}` has letters before the `@` that not every mail server takes: use those of ASCII"
        ));
    }
    let email = lettre::Address::new(address.local(), address.domain())
        .map_err(|_| format!("`{address}` is no address that mail can be sent from"))?;
    Ok(Mailbox::new((!name.is_empty()).then_some(name), email))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_has_a_name_as_people_write_it() {
        for (text, name, address) in [
            ("Example Cloud <notices@example.com>", Some("Example Cloud"), "notices@example.com"),
            ("Example (Cloud) A.B. <a@example.com>", Some("Example (Cloud) A.B."), "a@example.com"),
            ("\"Example, Cloud\" <a@example.com>", Some("Example, Cloud"), "a@example.com"),
            ("\"Example: Cloud\" <a@example.com>", Some("Example: Cloud"), "a@example.com"),
            ("Åsa på Räksmörgås <a@räksmörgås.example>", Some("Åsa på Räksmörgås"), "a@xn--rksmrgs-5wao1o.example"),
            ("<a@example.com>", None, "a@example.com"),
            (" a@EXAMPLE.com\n", None, "a@example.com"),
        ] {
            let mailbox = named(text).unwrap();
            assert_eq!((mailbox.name.as_deref(), mailbox.email.to_string().as_str()), (name, address), "{text}");
            // A header can carry it, and another reader finds the same.
            assert!(mailbox.to_string().parse::<Mailbox>().is_ok(), "{mailbox}");
            assert_eq!(named(&mailbox.to_string()).unwrap(), mailbox);
        }
        for (text, why) in [
            ("Example Cloud", "has no address"),
            ("Example a@example.com", "angle brackets"),
            ("a@example.com, b@example.com", "angle brackets"),
            ("Example Cloud AB, Karlskrona <a@example.com>", "needs quotes"),
            ("A <a@example.com>, B <b@example.com>", "needs quotes"),
            ("åsa@example.com", "ASCII"),
            ("A <a@b@example.com>", "a@b@example.com"),
            ("A <a@localhost>", "domain"),
            ("A\nBcc: x <a@example.com>", "one line"),
            ("", "has no address"),
        ] {
            let problem = named(text).unwrap_err();
            assert!(problem.contains(why), "{text}: {problem}");
        }
    }
}
