//! Requests that may come twice: what a program asks for with an `Idempotency-Key`, so that it is done once.

use uuid::Uuid;

use crate::domain::digest::sha256_of;
use crate::domain::operator::Roles;

/// The longest `Idempotency-Key`, in bytes.
pub const LONGEST_KEY: usize = 200;

/// A request that a program may send again, since it does not know whether the first one was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Digest of operator, method, path and key: a request with the same one is the same.
    pub scope: [u8; 32],
    /// Digest of the body, and of the roles of who asks: the same request has the same one.
    pub digest: [u8; 32],
    /// How many persons were erased before it began: its answer is kept only if none was erased since.
    pub erasures: u64,
    /// Which of the tries this is: of two at the same time, one is done.
    pub token: Uuid,
}

impl Request {
    /// A try of a request.
    #[must_use]
    pub fn new(operator: &str, method: &str, path: &str, key: &str, body: &[u8], token: Uuid) -> Self {
        let lengths = [operator, method, path, key].map(|part| (part.len() as u64).to_be_bytes());
        let parts = [operator, method, path, key];
        let all: Vec<&[u8]> =
            lengths.iter().zip(parts).flat_map(|(length, part)| [length.as_slice(), part.as_bytes()]).collect();
        Self { scope: sha256_of(&all), digest: sha256_of(&[body]), erasures: 0, token }
    }

    /// The same by an operator with these roles: the first answer is not shown to a key with others.
    #[must_use]
    pub fn with_roles(self, roles: Roles) -> Self {
        Self { digest: sha256_of(&[&self.digest, roles.to_string().as_bytes()]), ..self }
    }
}

/// True if a text can be an `Idempotency-Key`: 1 to [`LONGEST_KEY`] visible characters of ASCII.
#[must_use]
pub fn is_key(text: &str) -> bool {
    (1..=LONGEST_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_same_by_operator_method_path_and_key() {
        let of = |operator, path, key, body| Request::new(operator, "POST", path, key, body, Uuid::nil());
        let first = of("robot", "/a", "k", b"x");
        assert_eq!(first, of("robot", "/a", "k", b"x"));
        let other_body = of("robot", "/a", "k", b"y");
        assert!(first.scope == other_body.scope && first.digest != other_body.digest);
        for other in [of("robo", "t/a", "k", b"x"), of("robot", "/ak", "", b"x"), of("other", "/a", "k", b"x")] {
            assert_ne!(first.scope, other.scope);
        }
    }

    #[test]
    fn a_key_is_short_and_can_be_seen() {
        assert!(is_key("8e03978e-40d5-43e8-bc93-6894a57f9324") && is_key(&"x".repeat(200)));
        for wrong in ["", " ", "a b", "a\n", "\u{e5}", &"x".repeat(201)] {
            assert!(!is_key(wrong), "{wrong:?}");
        }
    }
}
