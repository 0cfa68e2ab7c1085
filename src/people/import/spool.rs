//! Spooling: the text of a file is copied to a temporary file while it is read for the first time, since it is read twice and the
//! file may be a pipe; and what the file is by its bytes.

use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::SpooledTempFile;
use thiserror::Error;

use super::ImportError;
use crate::domain::digest::Sha256;
use crate::domain::table::TableError;

/// Bytes of a file that stay in memory.
const IN_MEMORY: usize = 1 << 20;

/// The temporary file could not be written: not to be taken for a fault of the file that is read.
#[derive(Debug, Error)]
#[error(transparent)]
struct SpoolFailed(io::Error);

/// A reader that digests the bytes of the file, and counts them.
pub(super) struct Digesting<R> {
    reader: R,
    digest: Sha256,
    read: Arc<AtomicU64>,
}

impl<R: Read> Digesting<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, digest: Sha256::default(), read: Arc::default() }
    }

    /// The number of bytes read so far, as it grows.
    pub(super) fn count(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }

    /// The SHA-256 of what was read.
    pub(super) fn finish(self) -> [u8; 32] {
        self.digest.finish()
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.digest.update(&buffer[..count]);
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// A reader that copies what is read.
pub(super) struct Spooling<R> {
    reader: R,
    copy: SpooledTempFile,
    bytes: u64,
}

impl<R: Read> Spooling<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, copy: SpooledTempFile::new(IN_MEMORY), bytes: 0 }
    }

    /// The copy, from its beginning, and its size.
    pub(super) fn finish(mut self) -> Result<(SpooledTempFile, u64), ImportError> {
        self.copy.seek(SeekFrom::Start(0)).map_err(ImportError::Spool)?;
        Ok((self.copy, self.bytes))
    }
}

impl<R: Read> Read for Spooling<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.copy.write_all(&buffer[..count]).map_err(|error| io::Error::other(SpoolFailed(error)))?;
        self.bytes += count as u64;
        Ok(count)
    }
}

/// The error of an import for one that came out of a [`Spooling`] reader.
pub(super) fn import_error(error: TableError) -> ImportError {
    match error {
        TableError::Read(error) => match error.downcast::<SpoolFailed>() {
            Ok(SpoolFailed(error)) => ImportError::Spool(error),
            Err(error) => ImportError::Read(error),
        },
        other => ImportError::File(other),
    }
}
