//! How addresses are shown: those that the reader may not see are masked, and in lists those whose data is restricted; those that were
//! erased are named so.

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
    /// The reader may see no address.
    blind: bool,
}

impl Mask {
    /// The mask of these addresses as the restrictions are now, for a reader who sees addresses, or does not. It masks no other
    /// address for one who does: all restrictions there are may be many more than what is shown at once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn of(conn: &mut Conn, sees: bool, emails: impl IntoIterator<Item = &str>) -> Result<Self, StoreError> {
        if !sees {
            return Ok(Self { restricted: BTreeSet::new(), blind: true });
        }
        let keys: BTreeSet<AddressKey> = emails.into_iter().filter_map(AddressKey::of).collect();
        if keys.is_empty() {
            return Ok(Self::default());
        }
        let keys: Vec<&str> = keys.iter().map(AddressKey::as_str).collect();
        Ok(Self { restricted: subjects::restricted(conn, &keys).await?.into_iter().collect(), blind: false })
    }

    /// True if an address is not shown, in any spelling.
    fn hides(&self, email: &str) -> bool {
        self.blind || self.hidden(email).is_some()
    }

    /// The key of an address that is restricted.
    fn hidden(&self, email: &str) -> Option<AddressKey> {
        if self.restricted.is_empty() {
            None
        } else {
            AddressKey::of(email).filter(|key| self.restricted.contains(key))
        }
    }

    /// An address as it is shown: its first letter and its domain where it is hidden.
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
        if self.blind {
            return replace_mentions(text, |_| true, |mention| self.address(mention));
        }
        match self.hidden(email) {
            Some(key) => replace_mentions(text, |it| *it == key, |mention| self.address(mention)),
            None => text.to_owned(),
        }
    }
}

/// Masks the addresses in words that somebody wrote, such as those of attestations: all of them for a reader who sees none, else those
/// that are restricted.
///
/// # Errors
/// If the database fails.
pub async fn mask_words<'a>(
    conn: &mut Conn,
    sees: bool,
    words: impl IntoIterator<Item = &'a mut String>,
) -> Result<(), StoreError> {
    let words: Vec<&mut String> = words.into_iter().filter(|words| words.contains('@')).collect();
    if !sees {
        let blind = Mask { restricted: BTreeSet::new(), blind: true };
        for words in words {
            *words = blind.text("", words);
        }
        return Ok(());
    }
    let mentioned: BTreeSet<AddressKey> = words.iter().flat_map(|words| mentions(words)).collect();
    if mentioned.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = mentioned.iter().map(AddressKey::as_str).collect();
    let mask = Mask { restricted: subjects::restricted(conn, &keys).await?.into_iter().collect(), blind: false };
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
        let mask = Mask { restricted: AddressKey::of("anna@x.example").into_iter().collect(), blind: false };
        assert_eq!(mask.address("anna@x.example"), "a…@x.example");
        assert_eq!(mask.address("Anna@x.example"), "A…@x.example");
        assert_eq!(mask.address("bo@x.example"), "bo@x.example");
        assert_eq!(mask.address(""), "(erased)");
        assert_eq!(mask.text("anna@x.example", "550 <anna@x.example>: no"), "550 <a…@x.example>: no");
        let blind = Mask { blind: true, ..Mask::default() };
        assert_eq!(
            (blind.address("bo@x.example"), blind.address("")),
            ("b…@x.example".to_owned(), "(erased)".to_owned())
        );
        assert_eq!(blind.name("bo@x.example", "Bo Berg"), "B***");
        assert_eq!(blind.text("", "550 <bo@x.example> via eva@y.example"), "550 <b…@x.example> via e…@y.example");
        assert_eq!(
            mask.text("anna@x.example", "550 5.1.1 <Anna@X.example>: no, ANNA@x.example!"),
            "550 5.1.1 <A…@X.example>: no, A…@x.example!"
        );
    }
}
