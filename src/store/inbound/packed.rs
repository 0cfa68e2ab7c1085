//! The bytes of messages as they are stored: compressed as they come, and read as far as they are looked at. Neither takes memory for the
//! whole of a large message.

use std::io::{self, Read as _, Write as _};

use uuid::Uuid;
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

use crate::domain::digest::Sha256;
use crate::store::{Result, StoreError};

/// The level of zstd at which messages are stored: reports repeat their own text, and higher levels gain little.
const LEVEL: i32 = 3;

/// Bytes that are read at once.
const AT_ONCE: usize = 64 << 10;

/// A message that is packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Its bytes, compressed.
    pub raw: Vec<u8>,
    /// Its size in bytes before that.
    pub size: u64,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

impl Packed {
    /// Packs a message.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut packer = Packer::default();
        packer.add(bytes);
        packer.finish()
    }
}

/// Packs a message whose bytes come one after another.
pub struct Packer {
    encoder: Encoder<'static, Vec<u8>>,
    digest: Sha256,
    size: u64,
}

impl Default for Packer {
    fn default() -> Self {
        let encoder = Encoder::new(Vec::new(), LEVEL).expect("zstd has this level");
        Self { encoder, digest: Sha256::default(), size: 0 }
    }
}

impl Packer {
    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
        self.encoder.write_all(bytes).expect("zstd packs any bytes into memory");
    }

    /// How many bytes were added.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The message.
    #[must_use]
    pub fn finish(self) -> Packed {
        let raw = self.encoder.finish().expect("zstd packs any bytes into memory");
        Packed { raw, size: self.size, sha256: self.digest.finish() }
    }
}

/// The bytes of a message that are stored.
///
/// # Errors
/// If they are damaged.
pub fn unpack(id: Uuid, packed: &[u8], size: u64) -> Result<Vec<u8>> {
    Ok(beginning(id, packed, size, usize::MAX)?.0)
}

/// The first `most` bytes of a message that are stored, and the SHA-256 of all of them.
///
/// # Errors
/// If they are damaged.
pub fn beginning(id: Uuid, packed: &[u8], size: u64, most: usize) -> Result<(Vec<u8>, [u8; 32])> {
    let damaged = |problem: io::Error| StoreError::Inconsistent {
        table: "inbound",
        column: "raw",
        row: id.to_string(),
        problem: problem.to_string(),
    };
    let mut decoder = Decoder::with_buffer(packed).map_err(damaged)?;
    let most = most.min(usize::try_from(size).unwrap_or(usize::MAX));
    let (mut bytes, mut digest, mut found) = (Vec::with_capacity(most), Sha256::default(), 0_u64);
    let mut buffer = vec![0; AT_ONCE];
    loop {
        let count = decoder.read(&mut buffer).map_err(damaged)?;
        if count == 0 {
            break;
        }
        found += count as u64;
        if found > size {
            return Err(damaged(io::Error::other("it is larger than it was")));
        }
        digest.update(&buffer[..count]);
        let room = most - bytes.len();
        bytes.extend_from_slice(&buffer[..count.min(room)]);
    }
    if found == size { Ok((bytes, digest.finish())) } else { Err(damaged(io::Error::other("a part of it is missing"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::digest::sha256;

    #[test]
    fn what_was_packed_in_parts_is_what_is_unpacked() {
        let text: Vec<u8> = (0..=255).cycle().take(300_001).collect();
        let mut packer = Packer::default();
        text.chunks(1_000).for_each(|part| packer.add(part));
        let packed = packer.finish();
        assert_eq!((packed.size, packed.sha256, &packed), (300_001, sha256(&text), &Packed::of(&text)));
        let id = Uuid::from_u128(1);
        assert_eq!(unpack(id, &packed.raw, packed.size).unwrap(), text);
        let (first, digest) = beginning(id, &packed.raw, packed.size, 1_000).unwrap();
        assert_eq!((first.as_slice(), digest), (&text[..1_000], packed.sha256));
        assert_eq!(unpack(id, &Packed::of(b"").raw, 0).unwrap(), b"");
        for (raw, size) in [(&packed.raw[..200], 300_001), (&packed.raw[..], 300_000), (&packed.raw[..], 300_002)] {
            assert!(unpack(id, raw, size).is_err(), "{} {size}", raw.len());
        }
    }
}
