//! Domain names: one rule for recipients, senders, relays, keys and links. A parsed one is lower-case A-labels (RFC 5890).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::domain::character::{Named, is_unseen};

/// A domain name with at least two labels, in lower-case A-labels: `xn--rksmrgs-5wao1o.example`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(String);

/// Why a text is not a domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DomainError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// A name of the local network.
    #[error("has no dot: write the whole name, such as `mail.example.com`")]
    OneLabel,
    /// Two dots in a row, or one at the beginning.
    #[error("has a dot without a name before it")]
    Dot,
    /// The dot of the DNS root.
    #[error("ends with a dot")]
    LastDot,
    /// An address instead of a name.
    #[error("is an IP address or a number, not a name")]
    Number,
    /// A character of no domain name.
    #[error("has {}, which no domain has", Named(*.0))]
    Character(char),
    /// RFC 5890 section 2.3.1.
    #[error("has a label that begins or ends with a hyphen")]
    Hyphen,
    /// RFC 1035 section 2.3.4.
    #[error("has a label of more than 63 octets")]
    LongLabel,
    /// RFC 1035 section 2.3.4.
    #[error("is longer than 253 octets")]
    TooLong,
    /// What UTS 46 does not allow, or an `xn--` label that decodes to nothing allowed.
    #[error("is not a valid internationalised domain name (IDNA)")]
    Idna,
}

impl DomainName {
    /// Parses and normalises a domain name.
    ///
    /// # Errors
    /// [`DomainError`] names the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        if text.is_empty() {
            return Err(DomainError::Empty);
        }
        if text.len() > 1024 {
            return Err(DomainError::TooLong); // before IDNA, whose cost grows with the length
        }
        // IDNA drops some of these without a word.
        let is_wrong = |c: &char| is_unseen(*c) || (c.is_ascii() && !c.is_ascii_alphanumeric() && !"-.".contains(*c));
        if let Some(c) = text.chars().find(is_wrong) {
            return Err(DomainError::Character(c));
        }
        let ascii = if text.is_ascii() && !text.to_ascii_lowercase().contains("xn--") {
            text.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::STD3)
                .map_err(|_| DomainError::Idna)?
                .into_owned()
        };
        check_labels(&ascii)?;
        // The other rules of IDNA; the ones above have words of their own.
        let ascii = idna::domain_to_ascii_strict(&ascii).map_err(|_| DomainError::Idna)?;
        Ok(Self(ascii))
    }

    /// The name, as lower-case A-labels.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if this is `parent` or a name below it.
    #[must_use]
    pub fn is_within(&self, parent: &Self) -> bool {
        self.0.strip_suffix(parent.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

/// Domains that nobody can own, for examples and tests (RFC 2606, RFC 6761).
const RESERVED: [&str; 7] = ["example", "test", "invalid", "localhost", "example.com", "example.net", "example.org"];

/// True for a domain that is reserved for examples and tests, and for a name below one.
#[must_use]
pub fn is_reserved(domain: &str) -> bool {
    let is_below = |name: &&str| domain.strip_suffix(*name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    RESERVED.iter().any(is_below)
}

fn check_labels(ascii: &str) -> Result<(), DomainError> {
    let inside = ascii.strip_suffix('.').unwrap_or(ascii);
    if inside.is_empty() || inside.split('.').any(str::is_empty) {
        return Err(DomainError::Dot);
    }
    if inside.len() < ascii.len() {
        return Err(DomainError::LastDot);
    }
    if ascii.split('.').next_back().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        return Err(DomainError::Number);
    }
    if !ascii.contains('.') {
        return Err(DomainError::OneLabel);
    }
    if ascii.split('.').any(|label| label.starts_with('-') || label.ends_with('-')) {
        return Err(DomainError::Hyphen);
    }
    if ascii.split('.').any(|label| label.len() > 63) {
        return Err(DomainError::LongLabel);
    }
    if ascii.len() > 253 { Err(DomainError::TooLong) } else { Ok(()) }
}

impl FromStr for DomainName {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        Self::parse(text)
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for DomainName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DomainName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(text.trim()).map_err(|error| de::Error::custom(format!("`{}` {error}", text.escape_debug())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_lower_case_a_labels() {
        for (text, name) in [
            ("Example.COM", "example.com"),
            ("räksmörgås.example", "xn--rksmrgs-5wao1o.example"),
            ("ra\u{308}ksmo\u{308}rga\u{30a}s.example", "xn--rksmrgs-5wao1o.example"),
            ("XN--RKSMRGS-5WAO1O.example", "xn--rksmrgs-5wao1o.example"),
            ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
            ("a-b.c--d.example", "a-b.c--d.example"),
        ] {
            assert_eq!(DomainName::parse(text).map(|it| it.to_string()), Ok(name.to_owned()), "{text}");
        }
    }

    #[test]
    fn each_rule_has_its_words() {
        let label = format!("{}.example", "b".repeat(64));
        let long = format!("{}.example", ["b".repeat(60).as_str(); 5].join("."));
        for (text, why) in [
            ("", DomainError::Empty),
            ("localhost", DomainError::OneLabel),
            ("a..example", DomainError::Dot),
            (".example.com", DomainError::Dot),
            (".", DomainError::Dot),
            ("example.com.", DomainError::LastDot),
            ("192.0.2.1", DomainError::Number),
            ("2001:db8::1", DomainError::Character(':')),
            ("exa_mple.com", DomainError::Character('_')),
            ("example,com", DomainError::Character(',')),
            ("exam\u{200b}ple.com", DomainError::Character('\u{200b}')),
            ("exam\u{ad}ple.com", DomainError::Character('\u{ad}')),
            ("example.com\n", DomainError::Character('\n')),
            ("-example.com", DomainError::Hyphen),
            (label.as_str(), DomainError::LongLabel),
            (long.as_str(), DomainError::TooLong),
            ("xn--a.example", DomainError::Idna),
            ("\u{2764}\u{301}\u{338}\u{2260}.example\u{ffff}", DomainError::Character('\u{ffff}')),
        ] {
            assert_eq!(DomainName::parse(text), Err(why), "{text:?}");
        }
        let parsed = |text| DomainName::parse(text).unwrap();
        assert!(parsed("a.example.com").is_within(&parsed("example.com")));
        assert!(!parsed("notexample.com").is_within(&parsed("example.com")));
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_ascii_and_stays_as_it_is(text in "[\\PC]{1,20}\\.[a-zåäö]{2,8}") {
            if let Ok(name) = DomainName::parse(&text) {
                prop_assert!(name.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b)));
                prop_assert_eq!(DomainName::parse(name.as_str()), Ok(name));
            }
        }
    }
}
