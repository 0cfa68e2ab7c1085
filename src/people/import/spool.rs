//! Spooling: a file is copied to a temporary one while it is read for the first time, since it is read twice.

use std::io::{self, Read, Seek as _, SeekFrom, Write as _};

use tempfile::SpooledTempFile;
use thiserror::Error;

use super::ImportError;
use crate::domain::digest::Sha256;

/// Bytes of a file that stay in memory.
const IN_MEMORY: usize = 1 << 20;

/// The temporary file could not be written: not to be taken for a fault of the file that is read.
#[derive(Debug, Error)]
#[error(transparent)]
struct SpoolFailed(io::Error);

/// A reader that copies what is read.
pub(super) struct Spooling<R> {
    reader: R,
    copy: SpooledTempFile,
    digest: Sha256,
}

impl<R: Read> Spooling<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, copy: SpooledTempFile::new(IN_MEMORY), digest: Sha256::default() }
    }

    /// The copy, from its beginning, and the SHA-256 of what was read.
    pub(super) fn finish(mut self) -> Result<(SpooledTempFile, [u8; 32]), ImportError> {
        self.copy.seek(SeekFrom::Start(0)).map_err(ImportError::Spool)?;
        Ok((self.copy, self.digest.finish()))
    }
}

impl<R: Read> Read for Spooling<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.copy.write_all(&buffer[..count]).map_err(|error| io::Error::other(SpoolFailed(error)))?;
        self.digest.update(&buffer[..count]);
        Ok(count)
    }
}

/// The error of an import for one that came out of a [`Spooling`] reader.
pub(super) fn import_error(error: io::Error) -> ImportError {
    match error.downcast::<SpoolFailed>() {
        Ok(SpoolFailed(error)) => ImportError::Spool(error),
        Err(error) => ImportError::Read(error),
    }
}
