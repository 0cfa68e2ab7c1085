//! E-mail addresses: parsed once, sent to as written, and compared by their key.

mod suggestion;

use std::fmt;

use thiserror::Error;
use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;

use crate::domain::character::{Named, is_mark, is_unseen, look_alike};
use crate::domain::domain_name::{DomainError, DomainName};

/// The longest address, in octets (RFC 5321 section 4.5.3.1.3, without the angle brackets).
pub const LONGEST: usize = 254;

pub use suggestion::suggestion;

/// An address that mail can be sent to: the local part as written, the domain as lower-case A-label (RFC 5890).
///
/// Equality is that of the spelling. Two spellings name the same mailbox exactly if their [keys](Address::key) are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    text: String,
    at: usize,
}

/// The comparison key of an address: `Anna@Example.com` and `anna@example.com` have the same one.
///
/// It is the case-folded local part in NFC, and the domain as lower-case A-labels. Opt-outs, suppressions, tombstones and the
/// rights of a person go by the key. A key is compared and stored, never shown and never sent to: a mail server may
/// distinguish spellings, and some keys are no valid address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressKey(String);

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

    /// The key that decides whether two addresses are the same.
    #[must_use]
    pub fn key(&self) -> AddressKey {
        let local = self.local();
        let local = if local.is_ascii() { local.to_ascii_lowercase() } else { fold(local) };
        AddressKey(format!("{local}@{}", self.domain()))
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

impl AddressKey {
    /// The key of an address as it is stored; `None` for an address that was erased.
    #[must_use]
    pub fn of(email: &str) -> Option<Self> {
        Address::parse(email).ok().map(|address| address.key())
    }

    /// The key that was stored in this form.
    #[must_use]
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The form in which it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain, as lower-case A-labels.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// The caseless form of a text (Unicode D145: canonical equivalents and all cases have the same one), in NFC.
fn fold(text: &str) -> String {
    UniCase::unicode(text.nfd().collect::<String>()).to_folded_case().nfc().collect()
}

/// The characters that separate an address from the words around it.
fn is_apart(c: char) -> bool {
    c.is_whitespace() || "<>()[]{},;:\"'".contains(c)
}

/// The punctuation that ends a sentence and no address.
const STOPS: [char; 3] = ['.', '!', '?'];

/// The keys of the addresses that a text mentions, in order.
pub fn mentions(text: &str) -> impl Iterator<Item = AddressKey> {
    let words = text.split(is_apart).map(|word| word.trim_matches(STOPS));
    words.filter(|word| word.contains('@')).filter_map(AddressKey::of)
}

/// True if a text mentions an address, in any spelling. An address that only begins or ends like it is another one.
#[must_use]
pub fn mentioned(text: &str, key: &AddressKey) -> bool {
    mentions(text).any(|mention| mention == *key)
}

/// The text with `replace` of each mention of an address, in any spelling, in the mention's place.
pub fn replace_mentions(text: &str, key: &AddressKey, replace: impl Fn(&str) -> String) -> String {
    let mut replaced = String::with_capacity(text.len());
    for piece in text.split_inclusive(is_apart) {
        let word = piece.strip_suffix(is_apart).unwrap_or(piece);
        let begin = word.len() - word.trim_start_matches(STOPS).len();
        let mention = word.trim_matches(STOPS);
        if mention.contains('@') && AddressKey::of(mention).as_ref() == Some(key) {
            replaced += &piece[..begin];
            replaced += &replace(mention);
            replaced += &piece[begin + mention.len()..];
        } else {
            replaced += piece;
        }
    }
    replaced
}

/// A domain name as lower-case A-labels, if it is one with at least two labels. [`DomainName::parse`] says why it is not.
#[must_use]
pub fn parse_domain(domain: &str) -> Option<String> {
    DomainName::parse(domain).ok().map(|name| name.to_string())
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

/// A key is personal data as well.
impl fmt::Debug for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AddressKey(***@{})", self.domain())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        Address::parse(text).unwrap().key().as_str().to_owned()
    }

    #[test]
    fn spellings_of_one_mailbox_have_one_key() {
        for (one, other) in [
            ("Anna@Example.com", "anna@example.com"),
            ("\u{c5}sa@x.example", "a\u{30a}sa@x.example"),
            ("\u{c5}SA@R\u{e4}ksm\u{f6}rg\u{e5}s.example", "\u{e5}sa@xn--rksmrgs-5wao1o.example"),
            ("Stra\u{df}e@x.example", "STRASSE@x.example"),
            (
                "\u{3a3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c2}@x.example",
                "\u{3c3}\u{38a}\u{3a3}\u{3a5}\u{3a6}\u{39f}\u{3a3}@x.example",
            ),
        ] {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
    }

    #[test]
    fn different_mailboxes_have_different_keys() {
        for (one, other) in [
            ("anna@x.example", "anna@y.example"),
            ("anna+news@x.example", "anna@x.example"),
            ("a.nna@x.example", "anna@x.example"),
            ("asa@x.example", "\u{e5}sa@x.example"),
        ] {
            assert_ne!(key(one), key(other), "{one} {other}");
        }
    }

    #[test]
    fn a_text_mentions_an_address_and_not_one_that_ends_like_it() {
        let anna = AddressKey::of("anna@x.example").unwrap();
        for text in ["anna@x.example", "told Anna (Anna@X.EXAMPLE).", "<anna@x.example>, Bo", "mailto:anna@x.example"] {
            assert!(mentioned(text, &anna), "{text}");
        }
        for text in ["johanna@x.example", "anna@x.example.org", "anna at x.example", "anna@y.x.example", ""] {
            assert!(!mentioned(text, &anna), "{text}");
        }
    }

    /// An address with a local part of any characters that are allowed there.
    fn any_address() -> impl Strategy<Value = Address> {
        let european = "[\u{c0}-\u{587}\u{1e00}-\u{1fff}]{1,12}";
        let text = prop_oneof!["[a-zA-Z0-9!+_-]{1,20}", european, "[\\PC&&[^\\s@]]{1,16}"];
        text.prop_filter_map("not a local part", |local| Address::parse(&format!("{local}@x.example")).ok())
    }

    fn spelled(address: &Address, spell: impl Fn(&str) -> String) -> Option<Address> {
        Address::parse(&format!("{}@{}", spell(address.local()), address.domain())).ok()
    }

    proptest! {
        #[test]
        fn a_key_stays_the_same_under_case_and_composition(address in any_address()) {
            let spellings: [fn(&str) -> String; 4] = [
                |local| local.nfd().collect::<String>().to_lowercase(),
                |local| local.nfd().collect::<String>().to_uppercase(),
                |local| local.nfd().collect(),
                |local| local.nfc().collect(),
            ];
            // In capitals, the Turkish dotless i is an I as any other.
            prop_assume!(!address.local().contains('\u{131}'));
            for spell in spellings {
                if let Some(other) = spelled(&address, spell) {
                    prop_assert_eq!(address.key().0, other.key().0);
                }
            }
        }

        #[test]
        fn the_key_of_a_key_is_that_key(address in any_address()) {
            if let Ok(again) = Address::parse(address.key().as_str()) {
                prop_assert_eq!(again.key(), address.key());
            }
        }

        #[test]
        fn a_key_keeps_the_domain(address in any_address()) {
            let key = address.key();
            prop_assert_eq!(key.domain(), address.domain());
        }
    }

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
}
