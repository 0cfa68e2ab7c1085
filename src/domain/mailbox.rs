//! Mailboxes: an address with a name, as From and Reply-To have them: `Example Cloud <notices@example.com>`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::domain::address::{Address, AddressError};
use crate::domain::phrase::{Phrase, PhraseError};

/// An address, and the name that is shown with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The name, if it has one.
    pub name: Option<Phrase>,
    /// The address.
    pub address: Address,
}

/// Why a text is no mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MailboxError {
    /// A name without quotes has a character that ends a name in a header (RFC 5322 section 3.2.3).
    #[error("has `{found}` in the name: put the name in quotes: `\"{name}\" <{address}>`")]
    Unquoted {
        /// The first such character.
        found: char,
        /// The name.
        name: String,
        /// The text between the angle brackets.
        address: String,
    },
    /// A quote or a bracket that is not closed.
    #[error("has `{0}` without its other half: a mailbox is `Name <address>`")]
    Unclosed(char),
    /// Something behind the address.
    #[error("has more behind the `>`: a mailbox is `Name <address>`")]
    Behind,
    /// The name.
    #[error("has a name that {0}")]
    Name(#[from] PhraseError),
    /// The address.
    #[error("has an address that {0}")]
    Address(#[from] AddressError),
}

impl Mailbox {
    /// Parses `address`, `<address>`, `Name <address>` or `"Name" <address>`.
    ///
    /// # Errors
    /// [`MailboxError`] says what is wrong and, where that is plain, what to write.
    pub fn parse(text: &str) -> Result<Self, MailboxError> {
        let text = text.trim();
        let Some((name, rest)) = text.rsplit_once('<') else {
            return Ok(Self { name: None, address: Address::parse(text)? });
        };
        let (address, behind) = rest.split_once('>').ok_or(MailboxError::Unclosed('<'))?;
        if !behind.trim().is_empty() {
            return Err(MailboxError::Behind);
        }
        let name = match name.trim() {
            "" => None,
            name => Some(Phrase::parse(&unquoted(name, address)?)?),
        };
        Ok(Self { name, address: Address::parse(address.trim())? })
    }
}

/// A name as it is meant: without its quotes and their backslashes.
fn unquoted(name: &str, address: &str) -> Result<String, MailboxError> {
    if let Some(inside) = name.strip_prefix('"') {
        let inside = inside.strip_suffix('"').ok_or(MailboxError::Unclosed('"'))?;
        let (mut text, mut chars) = (String::with_capacity(inside.len()), inside.chars());
        while let Some(c) = chars.next() {
            match c {
                '\\' => text.push(chars.next().ok_or(MailboxError::Unclosed('\\'))?),
                '"' => return Err(MailboxError::Unclosed('"')),
                c => text.push(c),
            }
        }
        return Ok(text);
    }
    // A dot is not allowed either, but everybody writes and reads `Example Inc.` without quotes.
    match name.chars().find(|c| "()<>[]:;@\\,\"".contains(*c)) {
        Some('"') => Err(MailboxError::Unclosed('"')),
        Some(found) => Err(MailboxError::Unquoted { found, name: name.to_owned(), address: address.to_owned() }),
        None => Ok(name.to_owned()),
    }
}

impl FromStr for Mailbox {
    type Err = MailboxError;

    fn from_str(text: &str) -> Result<Self, MailboxError> {
        Self::parse(text)
    }
}

/// The form that [`Mailbox::parse`] reads; not that of a header, where a name may need encoded words.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => self.address.fmt(f),
            Some(name) => {
                let name = name.as_str().replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{name}\" <{}>", self.address)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_has_a_name_or_none() {
        for (text, name, address) in [
            ("notices@example.com", None, "notices@example.com"),
            ("<notices@example.com>", None, "notices@example.com"),
            ("Example Inc. <Notices@EXAMPLE.com> ", Some("Example Inc."), "Notices@example.com"),
            ("\"Cloud, \\\"Nord\\\"\" <n@example.com>", Some("Cloud, \"Nord\""), "n@example.com"),
            ("Räksmörgås <n@räksmörgås.example>", Some("Räksmörgås"), "n@xn--rksmrgs-5wao1o.example"),
        ] {
            let mailbox = Mailbox::parse(text).unwrap();
            assert_eq!((mailbox.name.as_ref().map(Phrase::as_str), mailbox.address.as_str()), (name, address));
            assert_eq!(Mailbox::parse(&mailbox.to_string()), Ok(mailbox), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_write() {
        for (text, said) in [
            (
                "Example Cloud AB, Karlskrona <n@example.com>",
                "has `,` in the name: put the name in quotes: `\"Example Cloud AB, Karlskrona\" <n@example.com>`",
            ),
            ("Cloud [Nord] <n@example.com>", "put the name in quotes"),
            ("\"Cloud <n@example.com>", "has `\"` without its other half"),
            ("Cloud <n@example.com", "has `<` without its other half"),
            ("Cloud <n@example.com> AB", "has more behind the `>`"),
            ("Cloud\u{202e} <n@example.com>", "has a name that has U+202E RIGHT-TO-LEFT OVERRIDE"),
            ("Cloud <n.@example.com>", "has an address that has a dot before the `@`"),
            ("Cloud <n@localhost>", "has an address that has a domain that has no dot"),
        ] {
            let error = Mailbox::parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
