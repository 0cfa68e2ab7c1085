//! Keys of programs: what a bearer presents. `besked_`, then 43 random letters and digits (256 bits), then 6 of a checksum: a scanner
//! for secrets finds one by its prefix and knows by the checksum that it is one.

use std::fmt;

use jiff::Timestamp;
use thiserror::Error;

use crate::domain::clock::from_millis;
use crate::domain::digest::sha256;
use crate::domain::operator::{OperatorName, Roles};
use crate::domain::random::Random;

/// How every key begins.
pub const PREFIX: &str = "besked_";

/// Letters and digits that are random: 62^43 is more than 2^256.
const RANDOM: usize = 43;

/// Letters and digits of the checksum: 62^6 is more than 2^32.
const CHECKSUM: usize = 6;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A text is no key, whatever the database says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is not a key: one begins with `{PREFIX}`, has {} letters and digits after that, and its checksum is right", RANDOM + CHECKSUM)]
pub struct NotAKey;

/// A key. Its text is shown once, when it is made.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// A new key.
    #[must_use]
    pub fn new(random: &Random) -> Self {
        let mut body = String::with_capacity(RANDOM);
        while body.len() < RANDOM {
            // 248 is a multiple of 62: each character is as likely as any other.
            let drawn = random.bytes::<64>().into_iter().filter(|byte| *byte < 248);
            body.extend(drawn.take(RANDOM - body.len()).map(|byte| char::from(ALPHABET[usize::from(byte) % 62])));
        }
        let checksum = checksum(&body);
        Self(format!("{PREFIX}{body}{checksum}"))
    }

    /// Reads a key.
    ///
    /// # Errors
    /// If the text cannot be one.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let rest = text.strip_prefix(PREFIX).filter(|rest| rest.len() == RANDOM + CHECKSUM).ok_or(NotAKey)?;
        let (body, sum) = rest.split_at_checked(RANDOM).ok_or(NotAKey)?;
        if !body.bytes().all(|byte| ALPHABET.contains(&byte)) || sum != checksum(body) {
            return Err(NotAKey);
        }
        Ok(Self(text.to_owned()))
    }

    /// What is stored of it. It needs no salt: nobody guesses 256 bits.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }

    /// The key itself, to be shown to the one who asked for it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(besked_...)")
    }
}

/// What the ledger says of a key: whose it is, for which roles, until when, and by which digest it is known.
#[must_use]
pub fn described(operator: &OperatorName, roles: Roles, expires_at: Option<Timestamp>, hash: &[u8; 32]) -> String {
    let end = expires_at.map_or_else(
        || "no end".to_owned(),
        // As it is stored.
        |end| format!("until {}", from_millis(end.as_millisecond())),
    );
    format!("{operator}: {roles}; {end}; SHA-256 {}", data_encoding::HEXLOWER.encode(hash))
}

/// The CRC-32 (ISO 3309) of the random part, in the alphabet's 62 digits, the highest first.
fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[rest as usize % 62];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_made_and_shown_nowhere() {
        let random = Random::seeded(3);
        let key = Key::new(&random);
        assert_eq!(key.reveal().len(), PREFIX.len() + 49);
        assert_eq!(Key::parse(key.reveal()), Ok(key.clone()));
        assert_eq!(key.hash(), sha256(key.reveal().as_bytes()));
        assert!(!format!("{key:?}").contains(&key.reveal()[8..20]));
        let many: BTreeSet<String> = (0..1000).map(|_| Key::new(&random).reveal().to_owned()).collect();
        assert_eq!(many.len(), 1000);
        let used: BTreeSet<char> = many.iter().flat_map(|key| key[PREFIX.len()..].chars()).collect();
        assert_eq!(used.len(), 62, "every letter and digit occurs");
    }

    #[test]
    fn the_checksum_is_the_one_that_scanners_compute() {
        // 0xCBF43926 is the CRC-32 of "123456789" in every catalogue of them.
        assert_eq!(crc32fast::hash(b"123456789"), 0xCBF4_3926);
        assert_eq!(checksum("123456789"), "3jZRME".to_owned());
    }

    #[test]
    fn a_key_with_any_letter_changed_is_none() {
        let key = Key::new(&Random::seeded(4));
        let text = key.reveal();
        for at in PREFIX.len()..text.len() {
            let other = if text.as_bytes()[at] == b'x' { "y" } else { "x" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(Key::parse(&changed), Err(NotAKey), "{at}");
        }
        for wrong in [
            "",
            "besked_",
            &text[..text.len() - 1],
            &format!("{text}0"),
            &format!(" {text}"),
            &text.replace("besked_", "Besked_"),
        ] {
            assert_eq!(Key::parse(wrong), Err(NotAKey), "{wrong:?}");
        }
        assert_eq!(Key::parse(&format!("besked_{}", "\u{e9}".repeat(24) + "0")), Err(NotAKey), "no character is cut");
    }
}
