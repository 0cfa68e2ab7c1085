//! Passwords: long enough, not easily guessed, and kept as argon2id (RFC 9106).

use std::fmt;
use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::zxcvbn;

use crate::domain::random::Random;

/// The fewest characters of a password.
pub const SHORTEST: usize = 12;

/// The most characters of a password.
pub const LONGEST: usize = 256;

/// A password that so many guesses find is refused, as the power of ten: the lists of common passwords, and what is made of their words
/// by the usual changes. Three parts that an attacker knows, such as a name and a digit, are a little more than 10^8 guesses.
const GUESSES: f64 = 9.0;

/// Why a text is not accepted as a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// It is too short.
    #[error("the password has fewer than {SHORTEST} characters")]
    Short,
    /// It is too long.
    #[error("the password has more than {LONGEST} characters")]
    Long,
    /// An attacker would try it early.
    #[error("the password is among the first that an attacker tries")]
    Common,
}

/// A password as it was typed, in one spelling: how a keyboard makes an accent does not count (NFKC, as NIST SP 800-63B-4 wants).
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// A new password. `known` are words that an attacker knows of the operator: name, address, organisation.
    ///
    /// # Errors
    /// If it is too short, too long or easily guessed.
    pub fn choose(text: &str, known: &[&str]) -> Result<Self, PasswordError> {
        let password = Self::typed(text);
        match password.0.chars().count() {
            ..SHORTEST => return Err(PasswordError::Short),
            length if length > LONGEST => return Err(PasswordError::Long),
            _ => {}
        }
        // A name counts as a whole and by its words.
        let known: Vec<&str> = known.iter().flat_map(|it| std::iter::once(*it).chain(it.split_whitespace())).collect();
        let guesses = zxcvbn(&password.0, &known).guesses_log10();
        if guesses < GUESSES { Err(PasswordError::Common) } else { Ok(password) }
    }

    /// A password that is to be compared.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        // No longer one is stored, and more work is nobody's to give.
        Self(text.chars().take(LONGEST + 1).nfkc().collect())
    }

    /// What is stored of it: a text with its salt and cost (PHC string format).
    ///
    /// # Errors
    /// If argon2 refuses, which it does for no password of this length.
    pub fn hash(&self, random: &Random) -> Result<String, argon2::password_hash::Error> {
        self.salted(&random.bytes::<16>())
    }

    fn salted(&self, salt: &[u8]) -> Result<String, argon2::password_hash::Error> {
        let hash: PasswordHash = Argon2::default().hash_password_with_salt(self.0.as_bytes(), salt)?;
        Ok(hash.to_string())
    }

    /// True if it is the one of which this is stored. Without a stored one the same work is done: how long an answer takes does not say
    /// whether there is such an operator.
    #[must_use]
    pub fn is(&self, stored: Option<&str>) -> bool {
        let Ok(hash) = PasswordHash::new(stored.unwrap_or(&NOBODYS)) else { return false };
        Argon2::default().verify_password(self.0.as_bytes(), &hash).is_ok() && stored.is_some()
    }
}

/// The hash that a password is compared with if there is no other.
static NOBODYS: LazyLock<String> =
    LazyLock::new(|| Password::typed("nobody has this").salted(&[7; 16]).unwrap_or_default());

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(...)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_and_what_everybody_tries_is_refused() {
        let choose = |text: &str| Password::choose(text, &["Eva Lindqvist", "Example Cloud AB"]).map(drop);
        assert_eq!(choose("kort"), Err(PasswordError::Short));
        assert_eq!(choose("åäöåäöåäöåä"), Err(PasswordError::Short), "characters are counted, not bytes");
        assert_eq!(choose(&"xy z".repeat(65)), Err(PasswordError::Long));
        for common in [
            "password1234",
            "Password1234!",
            "qwertyuiop12",
            "aaaaaaaaaaaa",
            "123456789012",
            "passwordpassword",
            "EvaLindqvist1",
        ] {
            assert_eq!(choose(common), Err(PasswordError::Common), "{common}");
        }
        for good in ["kanot under järnbron vid sju", "correct staple harbour violin", "tGh7#kLq92!xZ"] {
            assert_eq!(choose(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_password_is_stored_as_argon2id_with_a_salt_of_its_own() {
        let random = Random::seeded(6);
        let password = Password::choose("kanot under järnbron", &[]).unwrap();
        let stored = password.hash(&random).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(stored, password.hash(&random).unwrap());
        assert!(password.is(Some(&stored)) && !Password::typed("kanot under jarnbron").is(Some(&stored)));
        assert!(
            Password::typed("kanot under ja\u{308}rnbron").is(Some(&stored)),
            "an accent is one, however it is typed"
        );
        assert!(!Password::typed("nobody has this").is(None) && !password.is(Some("x")));
        assert_eq!(format!("{password:?}"), "Password(...)");
    }
}
