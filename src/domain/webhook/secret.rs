//! Secrets of webhooks, and the signatures that they make.

use std::fmt;

use data_encoding::BASE64;

use crate::domain::entry::hmac;
use crate::domain::random::Random;

/// How every secret begins.
const PREFIX: &str = "whsec_";

/// A secret that the receiver of a webhook knows too. Its text is shown once, when it is made.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A new secret.
    #[must_use]
    pub fn new(random: &Random) -> Self {
        Self(random.bytes())
    }

    /// One that was stored.
    #[must_use]
    pub const fn stored(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What is stored of it: all of it, since it signs.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The secret itself, to be shown to the one who asked for it.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", BASE64.encode(&self.0))
    }

    /// The signature of a call, without its version.
    fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        BASE64.encode(&hmac(&self.0, format!("{id}.{seconds}.{body}").as_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(whsec_...)")
    }
}

/// The value of `webhook-signature`: one signature for each secret, the present one first.
#[must_use]
pub fn signatures<'a>(secrets: impl IntoIterator<Item = &'a Secret>, id: &str, seconds: i64, body: &str) -> String {
    let signed = secrets.into_iter().map(|secret| format!("v1,{}", secret.sign(id, seconds, body)));
    signed.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_once_and_in_no_log() {
        let secret = Secret::new(&Random::seeded(3));
        let text = secret.reveal();
        assert_eq!(BASE64.decode(text.strip_prefix("whsec_").unwrap().as_bytes()).unwrap(), secret.as_bytes());
        assert_eq!(Secret::stored(*secret.as_bytes()), secret);
        assert_eq!(format!("{secret:?}"), "Secret(whsec_...)");
    }

    /// The MAC over the text that Standard Webhooks names, computed with `openssl dgst -sha256 -mac HMAC`.
    #[test]
    fn a_signature_covers_id_time_and_body() {
        let secret = Secret::stored([7; 32]);
        let signed = signatures([&secret], "msg_1", 1_700_000_000, "{\"type\":\"ping\"}");
        assert_eq!(signed, "v1,XtGpxggqsZ4/o5i3zKUd5vplvy//IXSDeOPRfEeuBzM=");
        for (id, at, body) in
            [("msg_2", 1_700_000_000, "{}"), ("msg_1", 1_700_000_001, "{}"), ("msg_1", 1_700_000_000, "{ }")]
        {
            assert_ne!(signatures([&secret], id, at, body), signatures([&secret], "msg_1", 1_700_000_000, "{}"));
        }
        let two = signatures([&secret, &Secret::stored([8; 32])], "msg_1", 1_700_000_000, "{\"type\":\"ping\"}");
        assert!(two.starts_with(&format!("{signed} v1,")) && two.matches("v1,").count() == 2, "{two}");
    }
}
