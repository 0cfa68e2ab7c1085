//! `[[dkim]]`: a key that every message is signed with (RFC 6376, RFC 8463).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::error::KeyRejected;
use ring::signature::{Ed25519KeyPair, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};

use crate::domain::domain_name::DomainName;
use crate::domain::words::cause;

/// A domain that signs every message, and its key. Several entries make several signatures.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dkim {
    /// The domain that signs (`d=`): that of the From address or a parent of it, so that DMARC counts it.
    pub domain: DomainName,
    /// The selector of the key (`s=`).
    pub selector: String,
    /// The private key as PEM: RSA of 2048 to 4096 bits (PKCS#1 or PKCS#8), or Ed25519 (PKCS#8).
    pub key_file: PathBuf,
    /// The key, read from `key_file` on load.
    #[serde(skip)]
    key: Option<Arc<DkimKey>>,
}

/// A private key, of which nothing is ever printed.
pub enum DkimKey {
    /// Signs with `rsa-sha256`.
    Rsa(RsaKeyPair),
    /// Signs with `ed25519-sha256`.
    Ed25519(Ed25519KeyPair),
}

impl fmt::Debug for DkimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Dkim {
    /// The key; `None` only in a configuration that was not loaded.
    #[must_use]
    pub fn key(&self) -> Option<&DkimKey> {
        self.key.as_deref()
    }

    /// The name of the DNS record with the public key (RFC 6376 section 3.6.2.1).
    #[must_use]
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// A warning if DMARC does not count the signature for mail from this domain.
    #[must_use]
    pub fn warning(&self, from_domain: &DomainName) -> Option<String> {
        let (domain, name) = (&self.domain, self.record_name());
        (!self.is_aligned(from_domain))
            .then(|| format!("`{name}`: DMARC does not count a signature of `{domain}` for mail from `{from_domain}`"))
    }

    /// Relaxed alignment (RFC 7489 section 3.1.1) as far as names alone show it: the domain itself, a parent or a child of it.
    pub(super) fn is_aligned(&self, from_domain: &DomainName) -> bool {
        from_domain.is_within(&self.domain) || self.domain.is_within(from_domain)
    }

    /// Reads the key. Returns every problem with its configuration key.
    pub(super) fn read(&mut self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if !is_selector(&self.selector) || self.record_name().len() > 253 {
            problems.push(("selector", "must be a name of letters, digits, hyphens, underscores and dots".to_owned()));
        }
        match read_key(&self.key_file) {
            Ok(key) => self.key = Some(Arc::new(key)),
            Err(problem) => problems.push(("key_file", format!("`{}` {problem}", self.key_file.display()))),
        }
        problems
    }
}

/// Reads all keys. Returns every problem.
pub(super) fn read(entries: &mut [Dkim]) -> Vec<String> {
    let mut problems = Vec::new();
    for index in 0..entries.len() {
        let (before, rest) = entries.split_at_mut(index);
        let entry = &mut rest[0];
        problems.extend(entry.read().into_iter().map(|(key, problem)| format!("`dkim.{index}.{key}` {problem}")));
        if before.iter().any(|other| other.record_name().eq_ignore_ascii_case(&entry.record_name())) {
            problems.push(format!("`dkim.{index}.selector` is used twice: `{}`", entry.record_name()));
        }
    }
    problems
}

/// RFC 6376 section 3.1: labels of a domain name, one or more; with underscores, which names of the DNS have too.
fn is_selector(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.split('.').all(is_label)
}

fn read_key(path: &Path) -> Result<DkimKey, String> {
    let pem = super::read_pem(path).map_err(|error| format!("cannot be read: {}", cause(&error)))?;
    if pem.contains("BEGIN ENCRYPTED") || pem.contains("4,ENCRYPTED") {
        return Err("is encrypted: decrypt it with `openssl pkey -in FILE -out PLAIN`, and protect the file".to_owned());
    }
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| "holds no private key as PEM".to_owned())?;
    match &der {
        PrivateKeyDer::Pkcs1(key) => rsa(RsaKeyPair::from_der(key.secret_pkcs1_der())),
        // A PKCS#8 key is of either kind.
        PrivateKeyDer::Pkcs8(key) => match Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der()) {
            Ok(key) => Ok(DkimKey::Ed25519(key)),
            Err(_) => rsa(RsaKeyPair::from_pkcs8(key.secret_pkcs8_der())),
        },
        _ => Err(NEITHER.to_owned()),
    }
}

const NEITHER: &str = "holds neither an RSA nor an Ed25519 key, and DKIM knows no others";

fn rsa(key: Result<RsaKeyPair, KeyRejected>) -> Result<DkimKey, String> {
    // ring says no more than one word.
    key.map(DkimKey::Rsa).map_err(|error| match error.to_string().as_str() {
        "TooSmall" => "holds an RSA key of less than 2048 bits: make a new one of 2048".to_owned(),
        "TooLarge" => "holds an RSA key of more than 4096 bits: make a new one of 2048".to_owned(),
        "WrongAlgorithm" => NEITHER.to_owned(),
        reason => format!("holds a key that cannot be used: {reason}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_labels() {
        for good in ["besked1", "2026-11", "a.b.c", "S1", "k1_2026"] {
            assert!(is_selector(good), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "-a", "a-", "å", "a b", "a;b", "a\r\nb", &"x".repeat(64)] {
            assert!(!is_selector(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_name_that_is_too_long_or_written_otherwise() {
        let entry = |domain: &str, selector: &str| Dkim {
            domain: domain.parse().unwrap(),
            selector: selector.to_owned(),
            key_file: "none".into(),
            key: None,
        };
        let long = vec!["x".repeat(60); 4].join(".");
        let told: Vec<&str> = entry("example.com", &long).read().into_iter().map(|(key, _)| key).collect();
        assert_eq!(told, ["selector", "key_file"]);
        let international = entry("EXÄMPLE.com", "s1");
        assert_eq!(international.record_name(), "s1._domainkey.xn--exmple-cua.com");
        assert_eq!(international.warning(&"notices.exämple.com".parse().unwrap()), None);
    }
}
