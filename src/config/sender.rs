//! `[sender]`: the addresses that mail comes from.

use lettre::message::Mailbox;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::domain::address;
use crate::domain::category::{Category, Class};
use crate::domain::domain_name::DomainName;

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
    pub bounce_domain: DomainName,
    /// Whether each delivery has its own return path.
    pub return_path: ReturnPath,
}

/// The address in MAIL FROM, which reports come back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnPath {
    /// Each delivery has its own at `bounce_domain`, so that a report names its delivery whatever is in it.
    #[default]
    Delivery,
    /// That of the From header, for a relay whose user may send as itself only.
    From,
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
            bounce_domain: "bounces.example.com".parse().expect("the default is a domain name"),
            return_path: ReturnPath::Delivery,
        }
    }
}

/// The domain of a From address.
pub(super) fn domain_of(from: &Mailbox) -> DomainName {
    DomainName::parse(from.email.domain()).expect("a From address is read with its domain")
}

impl Sender {
    /// Why return paths cannot be made.
    pub(super) fn problem(&self) -> Option<String> {
        let longest = address::LONGEST - RETURN_PATH_LOCAL - "@".len();
        (self.bounce_domain.as_str().len() > longest).then(|| {
            format!(
                "`sender.bounce_domain` is longer than {longest} bytes: with the name of a delivery before it, it would be no address"
            )
        })
    }
}

/// The length of the local part of a return path: `b+` and a token.
pub const RETURN_PATH_LOCAL: usize = 41;

/// The length of the local part of an address for replies: `reply+` and a token.
pub const REPLY_LOCAL: usize = 45;

/// The longest `List-Id`, in octets (RFC 2919 section 3).
const LONGEST_LIST_ID: usize = 255;

/// Why mail cannot be sent from an address, if its domain is too long for the `List-Id` of an optional category.
fn too_long_for_a_list(address: &address::Address) -> Option<String> {
    let optional = Category::ALL.iter().filter(|category| category.class() == Class::Optional);
    let longest = optional.map(|category| category.as_str().len()).max()? + ".".len() + address.domain().len();
    let domain = address.domain();
    (longest > LONGEST_LIST_ID).then(|| format!("`{domain}` is too long a domain for the `List-Id` of a mail"))
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

/// Parses `Name <address>`, or an address alone, that every mail server takes as a sender.
fn named(text: &str) -> Result<Mailbox, String> {
    let mailbox = crate::domain::mailbox::Mailbox::parse(text)
        .map_err(|problem| format!("`{}` {problem}", text.trim().escape_debug()))?;
    let address = &mailbox.address;
    if address.needs_smtputf8() {
        return Err(format!(
            "`{address}` has letters before the `@` that not every mail server takes: use those of ASCII"
        ));
    }
    if let Some(problem) = too_long_for_a_list(address) {
        return Err(problem);
    }
    let email = lettre::Address::new(address.local(), address.domain())
        .map_err(|_| format!("`{address}` is no address that mail can be sent from"))?;
    Ok(Mailbox::new(mailbox.name.map(|name| name.as_str().to_owned()), email))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_room_for_what_is_made_of_it() {
        // 253 octets is the longest domain there is.
        let domain = |length: usize| {
            let labels = ["d".repeat(60).as_str(); 4].join(".");
            format!("{}.example", &labels[labels.len() - (length - ".example".len())..])
        };
        let problem = |length| Sender { bounce_domain: domain(length).parse().unwrap(), ..Sender::default() }.problem();
        assert_eq!(problem(212), None);
        assert!(
            problem(213).unwrap().starts_with("`sender.bounce_domain` is longer than 212 bytes"),
            "{:?}",
            problem(213)
        );
        assert!(named(&format!("A <a@{}>", domain(248))).is_ok());
        assert!(named(&format!("A <a@{}>", domain(249))).unwrap_err().contains("List-Id"));
    }

    #[test]
    fn a_sender_has_a_name_as_people_write_it() {
        for (text, name, address) in [
            ("Example Cloud <notices@example.com>", Some("Example Cloud"), "notices@example.com"),
            ("Example Cloud A.B. <a@example.com>", Some("Example Cloud A.B."), "a@example.com"),
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
            ("Example Cloud", "`Example Cloud` "),
            ("Example a@example.com", "alone"),
            ("a@example.com, b@example.com", "more than one"),
            ("Example Cloud AB, Karlskrona <a@example.com>", "in quotes"),
            ("A <a@example.com>, B <b@example.com>", "in quotes"),
            ("åsa@example.com", "ASCII"),
            ("A <a@b@example.com>", "`A <a@b@example.com>`"),
            ("A <a@localhost>", "domain"),
            ("A\nBcc: x <a@example.com>", "quotes"),
            ("A\nBcc <a@example.com>", "line break"),
            ("", "empty"),
        ] {
            let problem = named(text).unwrap_err();
            assert!(problem.contains(why), "{text}: {problem}");
        }
    }
}
