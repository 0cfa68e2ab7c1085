//! Reading files whose size has a limit: a path may name anything, such as a device that never ends.

use std::fs::File;
use std::io::{Error, Read as _, Result};
use std::path::Path;

/// The largest key or password file, in bytes.
pub(super) const LARGEST_KEY: u64 = 64_000;

/// The largest configuration, or file of certificates, in bytes.
pub(super) const LARGEST_TEXT: u64 = 4_000_000;

/// Reads a file of at most `most` bytes.
///
/// # Errors
/// If it is larger, or cannot be read.
pub(super) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Error::other(format!("it is larger than {} kB, so it is something else", most / 1000)));
    }
    Ok(bytes)
}

/// Reads a key as PEM, without a mark of the byte order before it.
///
/// # Errors
/// If it is no text, too large, or cannot be read.
pub fn read_pem(path: &Path) -> Result<String> {
    let text = String::from_utf8(read(path, LARGEST_KEY)?);
    let text = text.map_err(|_| Error::other("it is no text: a key is PEM, in UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}
