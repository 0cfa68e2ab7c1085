//! Customers and their contacts, as a customers file has them.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use crate::domain::address::Address;
use crate::domain::category::Role;
use crate::domain::character::{Named, is_unseen};
use crate::domain::locale::{Locale, ZoneName};
use crate::domain::phrase::{Phrase, PhraseError, seen};
use crate::domain::problem::has_control;

/// A customer's account id: up to 64 printable characters without spaces, as written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(String);

impl AccountId {
    /// Parses an account id.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        if text.len() > 64 {
            return Err("is longer than 64 bytes".to_owned());
        }
        if text.chars().any(|c| matches!(c, ' ' | '\t')) || has_control(text) {
            return Err("contains a space or control character".to_owned());
        }
        // Browsers take them for folders.
        if matches!(text, "." | "..") {
            return Err("is a name for a folder".to_owned());
        }
        // Two ids that look the same must not be two customers.
        if let Some(c) = text.chars().find(|c| is_unseen(*c) || *c == '\u{fffd}') {
            return Err(format!("has {}, which cannot be seen: delete it", Named(c)));
        }
        Ok(Self(if is_nfc(text) { text.to_owned() } else { text.nfc().collect() }))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl Borrow<str> for AccountId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for AccountId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A customer: an account we serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Its account id.
    pub account_id: AccountId,
    /// Its name.
    pub name: String,
    /// Its attributes, each with one or more values.
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// A row of the customers file: a person's address at a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The person's address.
    pub email: Address,
    /// The person's name; may be empty.
    pub name: String,
    /// What the person is responsible for.
    pub role: Role,
    /// The person's language, if known.
    pub locale: Option<Locale>,
    /// The person's time zone, if known.
    pub time_zone: Option<ZoneName>,
}

/// A name that may be shown and put into a header (a [`Phrase`]), or nothing.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn parse_name(text: &str) -> Result<String, String> {
    match Phrase::parse(text) {
        Ok(name) => Ok(name.into_string()),
        Err(PhraseError::Empty) => Ok(String::new()),
        Err(error) => Err(error.to_string()),
    }
}

/// The values of an attribute cell: separated by `;`, blanks dropped.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn parse_attribute(cell: &str) -> Result<Vec<String>, String> {
    // The length first: it costs nothing to judge.
    if cell.len() > 4096 {
        return Err("is longer than 4096 bytes".to_owned());
    }
    let text = seen(cell).map_err(|error| match error {
        PhraseError::Control(_) => "contains a control character or line break".to_owned(),
        other => other.to_string(),
    })?;
    Ok(text.split(';').map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect())
}
