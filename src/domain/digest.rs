//! Digests of what may be long.

use ring::digest::{SHA256, digest};

/// SHA-256 (FIPS 180-4) of a message or another text of some length. The ledger's own hashes are of a few bytes and are made where
/// they are defined; for this one it counts that processors without instructions for it are many.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
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
        }
    }
}
