//! E-mail addresses: parsed once, sent to as written, and compared by their key.

mod key;
mod mention;
mod suggestion;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

use crate::domain::character::{Named, is_mark, is_unseen, look_alike};
use crate::domain::domain_name::{DomainError, DomainName};

pub use key::{AddressKey, fold};
pub use mention::{mentioned, mentions, replace_mentions};
pub use suggestion::suggestion;

/// The longest address, in octets (RFC 5321 section 4.5.3.1.3, without the angle brackets).
pub const LONGEST: usize = 254;

/// An address that mail can be sent to: the local part as written, the domain as lower-case A-label (RFC 5890).
///
/// Equality is that of the spelling. Two spellings name the same mailbox exactly if their [keys](Address::key) are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    text: String,
    at: usize,
}

/// Why a text is not an address that Besked sends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// There is no `@`.
    #[error("has no `@`: an address is `local@domain`")]
    NoAt,
    /// An `@` in the local part.
    #[error("has two `@`")]
    TwoAts,
    /// Nothing before the `@`.
    #[error("has nothing before the `@`")]
    NoLocal,
    /// Nothing behind the `@`.
    #[error("has nothing behind the `@`")]
    NoDomain,
    /// `Anna Berg <anna@example.com>`, or an address among other words.
    #[error("has more than an address: write the address alone")]
    NotAlone,
    /// `mailto:anna@example.com`.
    #[error("has a scheme such as `mailto:` before the address: write the address alone")]
    Scheme,
    /// `anna@example.com; bo@example.com`.
    #[error("has more than one address: write one row for each contact")]
    Several,
    /// `"john doe"@example.com`: allowed by RFC 5321, and refused because relays disagree about it.
    #[error("has a quoted local part, which is not supported")]
    Quoted,
    /// `john@[192.0.2.1]`.
    #[error("has an address literal instead of a domain, which is not supported")]
    Literal,
    /// RFC 5321 section 4.5.3.1.1.
    #[error("has a local part of more than 64 octets")]
    LocalTooLong,
    /// RFC 5321 section 4.5.3.1.3, less the two angle brackets.
    #[error("is longer than 254 octets")]
    TooLong,
    /// The local part begins with a dot.
    #[error("begins with a dot")]
    FirstDot,
    /// The local part ends with a dot.
    #[error("has a dot before the `@`")]
    LastDot,
    /// Two dots in a row in the local part.
    #[error("has two dots in a row")]
    TwoDots,
    /// A character that cannot be seen.
    #[error("has {}, which cannot be seen", Named(*.0))]
    Unseen(char),
    /// A character that was put in place of another.
    #[error("has {}: write `{meant}`", Named(*.found))]
    LookAlike {
        /// The character.
        found: char,
        /// The one that was probably meant.
        meant: char,
    },
    /// An accent without its letter.
    #[error("has {} without a letter before it", Named(*.0))]
    Mark(char),
    /// A character outside RFC 5322 dot-atom.
    #[error("has {}, which no local part has", Named(*.0))]
    Character(char),
    /// Not a domain name.
    #[error("has a domain that {0}")]
    Domain(DomainError),
}

impl Address {
    /// Parses and normalises an address: what it accepts can be put into a header and into an SMTP command, as ASCII or with
    /// SMTPUTF8 (RFC 6531).
    ///
    /// # Errors
    /// [`AddressError`] names the first rule that the text breaks; [`suggestion`] is what was probably meant.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if let Some(at) = plain(text) {
            return Ok(Self { text: text.to_owned(), at });
        }
        Self::parse_any(text)
    }

    fn parse_any(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.len() > 1024 {
            return Err(AddressError::TooLong); // before what costs more the longer it is
        }
        not_more_than_one(text)?;
        if let Some(c) = text.chars().find(|c| is_unseen(*c)) {
            return Err(AddressError::Unseen(c));
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoAt)?;
        if local.is_empty() || domain.is_empty() {
            return Err(if local.is_empty() { AddressError::NoLocal } else { AddressError::NoDomain });
        }
        let local: String = local.nfc().collect();
        check_local(&local)?;
        if domain.starts_with('[') {
            return Err(AddressError::Literal);
        }
        let domain = DomainName::parse(domain).map_err(AddressError::Domain)?;
        let text = format!("{local}@{domain}");
        if text.len() > LONGEST {
            return Err(AddressError::TooLong);
        }
        Ok(Self { at: local.len(), text })
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the `@`, as written.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.text[..self.at]
    }

    /// The part after the `@`, lower-case A-labels.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// The address with all but the first letter of its local part hidden: enough for its owner to recognise it.
    #[must_use]
    pub fn masked(&self) -> String {
        masked(self.local(), self.domain())
    }

    /// True if the local part needs SMTPUTF8 (RFC 6531); the domain never does.
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.text.is_ascii()
    }
}

/// An address with all but the first letter of its local part hidden.
#[must_use]
pub fn masked(local: &str, domain: &str) -> String {
    format!("{}\u{2026}@{domain}", local.chars().next().unwrap_or('*'))
}

/// Where the `@` is in an address of the usual characters that is normalised already, as nearly all are: each message asks for two, and
/// all rules would take longer than the rest of its parsing.
fn plain(text: &str) -> Option<usize> {
    let (local, domain) = text.split_once('@')?;
    let is_atom =
        |atom: &str| !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-_".contains(&b));
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        let is_ldh = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        (1..=63).contains(&bytes.len())
            && bytes.iter().all(is_ldh)
            && !label.starts_with('-')
            && !label.ends_with('-')
            && bytes.get(2..4) != Some(b"--")
    };
    let is_name = domain.rsplit_once('.').is_some_and(|(_, last)| !last.bytes().all(|b| b.is_ascii_digit()));
    let is_plain = local.len() <= 64 && text.len() <= LONGEST && local.split('.').all(is_atom);
    (is_plain && is_name && domain.split('.').all(is_label)).then_some(local.len())
}

/// Refuses what a cell of an address book has besides an address, or more than one.
fn not_more_than_one(text: &str) -> Result<(), AddressError> {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let many = text.matches('@').count() > 1;
    if many && text.contains([';', ',', '|', '/', '\n', ' ']) {
        return Err(AddressError::Several);
    }
    if ["mailto:", "smtp:", "sip:", "e-mail:", "email:"].iter().any(|scheme| lower.starts_with(scheme)) {
        return Err(AddressError::Scheme);
    }
    // A name before the address, or a remark in brackets behind it; a blank within it is another mistake.
    let in_words = text.trim().rsplit_once(char::is_whitespace).is_some_and(|(_, last)| Address::parse(last).is_ok())
        || text.split_once(" (").is_some_and(|(first, _)| Address::parse(first.trim()).is_ok());
    let quoted = text.len() > 2 && text.starts_with('"') && text.ends_with('"');
    if (text.contains('@') && text.contains('<') && text.ends_with('>')) || in_words || quoted {
        return Err(AddressError::NotAlone);
    }
    Ok(())
}

/// Checks a local part: RFC 5322 dot-atom with RFC 6531 UTF-8, in which every character can be seen.
fn check_local(local: &str) -> Result<(), AddressError> {
    if local.contains('@') {
        return Err(AddressError::TwoAts);
    }
    if local.starts_with('"') {
        return Err(AddressError::Quoted);
    }
    if local.starts_with('.') {
        return Err(AddressError::FirstDot);
    }
    if local.ends_with('.') {
        return Err(AddressError::LastDot);
    }
    if local.contains("..") {
        return Err(AddressError::TwoDots);
    }
    if local.len() > 64 {
        return Err(AddressError::LocalTooLong);
    }
    for atom in local.split('.') {
        if let Some(c) = atom.chars().next().filter(|c| is_mark(*c)) {
            return Err(AddressError::Mark(c));
        }
        for found in atom.chars() {
            if is_unseen(found) {
                return Err(AddressError::Unseen(found));
            }
            if let Some(meant) = look_alike(found) {
                return Err(AddressError::LookAlike { found, meant });
            }
            if found.is_ascii() && !is_atext(found) {
                return Err(AddressError::Character(found));
            }
        }
    }
    Ok(())
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Addresses are personal data: `{:?}` in a log or error shows the domain only.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address(***@{})", self.domain())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_domain_is_normalised_and_the_local_part_kept() {
        let address = Address::parse("Åsa.Öberg@Räksmörgås.Example").unwrap();
        assert_eq!(address.as_str(), "Åsa.Öberg@xn--rksmrgs-5wao1o.example");
        assert_eq!(address.local(), "Åsa.Öberg");
        assert!(address.needs_smtputf8());
        assert_eq!(Address::parse("A@EXAMPLE.com").unwrap().as_str(), "A@example.com");
    }

    #[test]
    fn what_cannot_be_sent_to_is_refused_with_its_reason() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}.example.com", ["b".repeat(60).as_str(); 5].join("."));
        for (text, why) in [
            ("", AddressError::Empty),
            ("a b@example.com", AddressError::NotAlone),
            ("ab @example.com", AddressError::Unseen(' ')),
            ("a\0@example.com", AddressError::Unseen('\0')),
            ("example.com", AddressError::NoAt),
            ("@example.com", AddressError::NoLocal),
            ("a@", AddressError::NoDomain),
            ("\"a\"@example.com", AddressError::Quoted),
            ("a@[192.0.2.1]", AddressError::Literal),
            (long.as_str(), AddressError::LocalTooLong),
            ("a..b@example.com", AddressError::TwoDots),
            (".a@example.com", AddressError::FirstDot),
            ("a.@example.com", AddressError::LastDot),
            ("a,b@example.com", AddressError::Character(',')),
            ("a<b>@example.com", AddressError::Character('<')),
            ("a@b@example.com", AddressError::TwoAts),
            ("a@localhost", AddressError::Domain(DomainError::OneLabel)),
            ("a@exa_mple.com", AddressError::Domain(DomainError::Character('_'))),
            ("a@-example.com", AddressError::Domain(DomainError::Hyphen)),
            ("a@example..com", AddressError::Domain(DomainError::Dot)),
            ("a@192.0.2.1", AddressError::Domain(DomainError::Number)),
        ] {
            assert_eq!(Address::parse(text), Err(why), "{text:?}");
        }
        assert!(Address::parse("a@example.com\r\nBcc: b@example.com").is_err());
        assert!(Address::parse(&longer).is_err());
    }

    #[test]
    fn debug_output_shows_only_the_domain() {
        let address = Address::parse("secret@example.com").unwrap();
        assert_eq!(format!("{address:?}"), "Address(***@example.com)");
        assert_eq!(format!("{:?}", address.key()), "AddressKey(***@example.com)");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn what_is_plain_is_an_address_by_all_rules(
            local in "[a-zA-Z0-9+_.-]{0,70}",
            domain in "([a-z0-9xn-]{0,66}[.]){0,3}[a-z0-9-]{0,8}",
        ) {
            let text = format!("{local}@{domain}");
            if plain(&text).is_some() {
                prop_assert_eq!(Address::parse(&text), Address::parse_any(&text));
            }
        }
    }
}
