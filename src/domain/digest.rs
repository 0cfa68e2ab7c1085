//! SHA-256 (FIPS 180-4) by ring, for all digests: it is fast also on processors without SHA-256 instructions.

use ring::digest::{Context, SHA256, digest};

/// The SHA-256 of a text.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// The SHA-256 of several texts, concatenated.
#[must_use]
pub fn sha256_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::default();
    parts.iter().for_each(|part| digest.update(part));
    digest.finish()
}

/// The SHA-256 of a text that comes in parts.
#[derive(Clone)]
pub struct Sha256(Context);

impl Default for Sha256 {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Sha256 {
    /// Adds a part.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The SHA-256 of all parts.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::sha256;

    #[test]
    fn it_is_what_another_library_makes_of_it() {
        let text: Vec<u8> = (0..=255).cycle().take(13_009).collect();
        for length in [0, 1, 55, 56, 63, 64, 65, 4_096, 13_009] {
            let theirs: [u8; 32] = Sha256::digest(&text[..length]).into();
            assert_eq!(sha256(&text[..length]), theirs, "{length} bytes");
            let mut parts = super::Sha256::default();
            text[..length].chunks(100).for_each(|part| parts.update(part));
            assert_eq!(parts.finish(), theirs, "{length} bytes in parts");
        }
    }
}
