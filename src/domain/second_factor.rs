//! The second factor: codes by time (TOTP, RFC 6238) from an app, and recovery codes for who has lost it.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Builder, Totp};

use crate::domain::digest::sha256;
use crate::domain::random::Random;

/// Bytes of a secret: as many as SHA-1 has (RFC 4226 section 4).
pub const SECRET: usize = 20;

/// How many recovery codes there are at first.
pub const CODES: usize = 10;

/// The secret that an app shares with Besked.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; SECRET]);

impl Secret {
    /// A new secret.
    #[must_use]
    pub fn new(random: &Random) -> Self {
        Self(random.bytes())
    }

    /// A stored secret.
    #[must_use]
    pub const fn stored(bytes: [u8; SECRET]) -> Self {
        Self(bytes)
    }

    /// What is stored: the secret itself, since it must be known to check a code.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; SECRET] {
        &self.0
    }

    /// The secret as one types it into an app, in groups of four.
    #[must_use]
    pub fn typed(&self) -> String {
        let text = BASE32_NOPAD.encode(&self.0);
        text.as_bytes().chunks(4).map(|it| String::from_utf8_lossy(it)).collect::<Vec<_>>().join(" ")
    }

    /// What the picture for an app says: the form that all apps read (`otpauth:`).
    #[must_use]
    pub fn address(&self, issuer: &str, account: &str) -> String {
        let part = |text: &str| utf8_percent_encode(&text.replace(':', " "), NON_ALPHANUMERIC).to_string();
        let (issuer, account, secret) = (part(issuer), part(account), BASE32_NOPAD.encode(&self.0));
        format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
    }

    /// The step of time of a code, if it is right now and no code of that step or a later one was taken: a code counts once (RFC 6238
    /// section 5.2). The clock of a device may be 30 seconds off.
    #[must_use]
    pub fn check(&self, code: &str, now: Timestamp, last: Option<i64>) -> Option<i64> {
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let step = self.totp()?.check(&digits, u64::try_from(now.as_second()).ok()?)?;
        i64::try_from(step).ok().filter(|step| last.is_none_or(|last| *step > last))
    }

    /// The code at a time, as an app shows it.
    #[must_use]
    pub fn code(&self, now: Timestamp) -> String {
        let at = u64::try_from(now.as_second()).unwrap_or(0);
        self.totp().map(|totp| totp.generate(at).to_string()).unwrap_or_default()
    }

    fn totp(&self) -> Option<Totp> {
        Builder::new().with_secret(self.0).build().ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}

/// A recovery code: 80 random bits, as `abcd-efgh-ijkl-mnop`. Besked keeps its SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(String);

impl RecoveryCode {
    /// A new code.
    #[must_use]
    pub fn new(random: &Random) -> Self {
        let text = BASE32_NOPAD.encode(&random.bytes::<10>()).to_lowercase();
        Self(text.as_bytes().chunks(4).map(|it| String::from_utf8_lossy(it)).collect::<Vec<_>>().join("-"))
    }

    /// The code itself, which is shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Self::hash_of(&self.0).unwrap_or_default()
    }

    /// What would be stored of a text if it is a code, however it is written; `None` if it cannot be one.
    #[must_use]
    pub fn hash_of(text: &str) -> Option<[u8; 32]> {
        let letters: String =
            text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        (letters.len() == 16).then(|| sha256(letters.as_bytes()))
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(...)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, with six digits in place of eight.
        let secret = Secret::stored(*b"12345678901234567890");
        for (second, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(secret.code(at(second)), code);
            assert_eq!(secret.check(code, at(second), None), Some(second / 30));
        }
    }

    #[test]
    fn a_code_counts_once_and_for_a_device_that_is_half_a_minute_off() {
        let secret = Secret::new(&Random::seeded(8));
        let (now, step) = (at(1_800_000_000), 60_000_000);
        let code = secret.code(now);
        assert_eq!(secret.check(&format!(" {} {} ", &code[..3], &code[3..]), now, None), Some(step));
        assert_eq!(secret.check(&code, now, Some(step)), None, "it was taken before");
        assert_eq!(secret.check(&code, now, Some(step - 1)), Some(step));
        assert_eq!(
            (secret.check(&code, at(1_800_000_059), None), secret.check(&code, at(1_800_000_060), None)),
            (Some(step), None)
        );
        assert_eq!(secret.check(&code, at(1_799_999_970), None), Some(step));
        for wrong in ["", "12345", "1234567", "+23456", "abcdef"] {
            assert_eq!(secret.check(wrong, now, None), None, "{wrong}");
        }
    }

    #[test]
    fn apps_read_the_address() {
        let secret = Secret::stored(*b"12345678901234567890");
        assert_eq!(
            secret.address("Moln & Norr: AB", "Åsa"),
            "otpauth://totp/Moln%20%26%20Norr%20%20AB:%C3%85sa?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Moln%20%26%20Norr%20%20AB&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(secret.typed(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
    }

    #[test]
    fn a_recovery_code_is_known_however_it_is_written() {
        let code = RecoveryCode::new(&Random::seeded(9));
        assert_eq!(code.reveal().len(), 19);
        let written = code.reveal().replace('-', " ").to_uppercase();
        assert_eq!(RecoveryCode::hash_of(&written), Some(code.hash()));
        assert_eq!(RecoveryCode::hash_of("287082"), None);
        assert!(!format!("{code:?}").contains(code.reveal()));
    }
}
