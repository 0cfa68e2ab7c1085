//! E-mail addresses: parsed once, normalised for good.

use std::fmt;

use thiserror::Error;

use crate::domain::problem::has_control;

/// An address that mail can be sent to: the local part as written, the domain as lower-case A-label (RFC 5890).
///
/// Two addresses are the same recipient exactly when they are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    text: String,
    at: usize,
}

/// Why a text is not an address that Besked sends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// A control character, space or line break.
    #[error("contains a space or control character")]
    Control,
    /// No `@`, or nothing beside it.
    #[error("is not of the form `local@domain`")]
    Form,
    /// `"john doe"@example.com`: allowed by RFC 5321, refused here since relays disagree about it.
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
    /// A character outside RFC 5322 dot-atom (or RFC 6531 UTF-8), or a misplaced dot.
    #[error("has a character in its local part that is not allowed there")]
    Local,
    /// Not a host name, also not after IDNA (UTS 46) processing.
    #[error("has a domain that is not a valid host name")]
    Domain,
}

impl Address {
    /// Parses and normalises an address.
    ///
    /// # Errors
    /// [`AddressError`] names the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if has_control(text) || text.chars().any(char::is_whitespace) {
            return Err(AddressError::Control);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Form)?;
        if local.is_empty() || domain.is_empty() {
            return Err(AddressError::Form);
        }
        if local.starts_with('"') {
            return Err(AddressError::Quoted);
        }
        if domain.starts_with('[') {
            return Err(AddressError::Literal);
        }
        if local.len() > 64 {
            return Err(AddressError::LocalTooLong);
        }
        if !is_dot_atom(local) {
            return Err(AddressError::Local);
        }
        if text.len() > 1024 {
            return Err(AddressError::TooLong); // before IDNA, whose cost grows with the length
        }
        let domain = parse_domain(domain).ok_or(AddressError::Domain)?;
        let text = format!("{local}@{domain}");
        if text.len() > 254 {
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

    /// True where the local part needs SMTPUTF8 (RFC 6531); the domain never does.
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.text.is_ascii()
    }
}

/// A domain name as lower-case A-labels, if it is one with at least two labels.
#[must_use]
pub fn parse_domain(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii_strict(domain).ok()?;
    let plausible = ascii.contains('.') && !ascii.ends_with('.') && !ascii.split('.').any(str::is_empty);
    let all_digits = ascii.split('.').next_back().is_some_and(|tld| tld.bytes().all(|b| b.is_ascii_digit()));
    (plausible && !all_digits).then_some(ascii)
}

fn is_dot_atom(local: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii();
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(allowed))
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
            ("a b@example.com", AddressError::Control),
            ("a@example.com\r\nBcc: b@example.com", AddressError::Control),
            ("a\0@example.com", AddressError::Control),
            ("example.com", AddressError::Form),
            ("a@", AddressError::Form),
            ("\"a\"@example.com", AddressError::Quoted),
            ("a@[192.0.2.1]", AddressError::Literal),
            (long.as_str(), AddressError::LocalTooLong),
            ("a..b@example.com", AddressError::Local),
            (".a@example.com", AddressError::Local),
            ("a,b@example.com", AddressError::Local),
            ("a<b>@example.com", AddressError::Local),
            ("a@b@example.com", AddressError::Local),
            ("a@localhost", AddressError::Domain),
            ("a@exa_mple.com", AddressError::Domain),
            ("a@-example.com", AddressError::Domain),
            ("a@example..com", AddressError::Domain),
            ("a@192.0.2.1", AddressError::Domain),
        ] {
            assert_eq!(Address::parse(text), Err(why), "{text:?}");
        }
        assert!(Address::parse(&longer).is_err());
    }

    #[test]
    fn debug_output_does_not_tell_who() {
        assert_eq!(format!("{:?}", Address::parse("secret@example.com").unwrap()), "Address(***@example.com)");
    }
}
