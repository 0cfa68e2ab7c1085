//! The comparison key of an address.

use std::fmt;

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;

use super::Address;

/// The comparison key of an address: `Anna@Example.com` and `anna@example.com` have the same one.
///
/// It is the case-folded local part in NFC, and the domain as lower-case A-labels. Opt-outs, suppressions, tombstones and the
/// rights of a person go by the key. A key is compared and stored, never shown and never sent to: a mail server may
/// distinguish spellings, and some keys are no valid address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressKey(String);

impl Address {
    /// The key that decides whether two addresses are the same.
    #[must_use]
    pub fn key(&self) -> AddressKey {
        let local = self.local();
        let local = if local.is_ascii() { local.to_ascii_lowercase() } else { fold(local) };
        AddressKey(format!("{local}@{}", self.domain()))
    }
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
#[must_use]
pub fn fold(text: &str) -> String {
    UniCase::unicode(text.nfd().collect::<String>()).to_folded_case().nfc().collect()
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
}
