//! How addresses are shown: those whose data is restricted are masked in lists, those that were erased are named so.

use std::collections::BTreeSet;

use crate::domain::address::{AddressKey, masked, mentions, replace_mentions};
use crate::store::people::subjects;
use crate::store::{Conn, StoreError};

/// What is shown in place of an erased address.
const ERASED: &str = "(erased)";

/// Knows which addresses are to be masked.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    restricted: BTreeSet<AddressKey>,
}

impl Mask {
    /// The mask of these addresses as the restrictions are now. It masks no other address: all restrictions there are may be
    /// many more than what is shown at once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn of(conn: &mut Conn, emails: impl IntoIterator<Item = &str>) -> Result<Self, StoreError> {
        let keys: BTreeSet<AddressKey> = emails.into_iter().filter_map(AddressKey::of).collect();
        if keys.is_empty() {
            return Ok(Self::default());
        }
        let keys: Vec<&str> = keys.iter().map(AddressKey::as_str).collect();
        Ok(Self { restricted: subjects::restricted(conn, &keys).await?.into_iter().collect() })
    }

    /// True if an address is restricted, in any spelling.
    fn hides(&self, email: &str) -> bool {
        self.hidden(email).is_some()
    }

    /// The key of an address that is restricted.
    fn hidden(&self, email: &str) -> Option<AddressKey> {
        if self.restricted.is_empty() {
            None
        } else {
            AddressKey::of(email).filter(|key| self.restricted.contains(key))
        }
    }

    /// An address as it is shown in lists: its first letter and its domain where it is restricted.
    #[must_use]
    pub fn address(&self, email: &str) -> String {
        match email.split_once('@') {
            None if email.is_empty() => ERASED.to_owned(),
            Some((local, domain)) if self.hides(email) => masked(local, domain),
            _ => email.to_owned(),
        }
    }

    /// A person's name as it is shown beside the address.
    #[must_use]
    pub fn name(&self, email: &str, name: &str) -> String {
        match name.chars().next() {
            Some(first) if self.hides(email) => format!("{first}***"),
            _ => name.to_owned(),
        }
    }

    /// A text about an address: servers like to repeat it in their replies, and not always as it was written.
    #[must_use]
    pub fn text(&self, email: &str, text: &str) -> String {
        match self.hidden(email) {
            Some(key) => replace_mentions(text, |it| *it == key, |mention| self.address(mention)),
            None => text.to_owned(),
        }
    }
}

/// Masks the restricted addresses in words that somebody wrote, such as those of attestations.
///
/// # Errors
/// If the database fails.
pub async fn mask_words<'a>(
    conn: &mut Conn,
    words: impl IntoIterator<Item = &'a mut String>,
) -> Result<(), StoreError> {
    let words: Vec<&mut String> = words.into_iter().filter(|words| words.contains('@')).collect();
    let mentioned: BTreeSet<AddressKey> = words.iter().flat_map(|words| mentions(words)).collect();
    if mentioned.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = mentioned.iter().map(AddressKey::as_str).collect();
    let mask = Mask { restricted: subjects::restricted(conn, &keys).await?.into_iter().collect() };
    if !mask.restricted.is_empty() {
        for words in words {
            *words = replace_mentions(words, |it| mask.restricted.contains(it), |mention| mask.address(mention));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restricted_addresses_are_masked_and_erased_ones_named() {
        let mask = Mask { restricted: AddressKey::of("anna@x.example").into_iter().collect() };
        assert_eq!(mask.address("anna@x.example"), "a…@x.example");
        assert_eq!(mask.address("Anna@x.example"), "A…@x.example");
        assert_eq!(mask.address("bo@x.example"), "bo@x.example");
        assert_eq!(mask.address(""), "(erased)");
        assert_eq!(mask.text("anna@x.example", "550 <anna@x.example>: no"), "550 <a…@x.example>: no");
        assert_eq!(
            mask.text("anna@x.example", "550 5.1.1 <Anna@X.example>: no, ANNA@x.example!"),
            "550 5.1.1 <A…@X.example>: no, A…@x.example!"
        );
    }
}
