//! The lock beside a SQLite database: one dispatcher at a time.
//!
//! The process that holds it knows that every claim in the database is from the past. The operating system releases it when
//! the process ends, for whatever reason.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::config::DatabaseUrl;
use crate::domain::kind::Kind;
use crate::domain::words::cause;

/// Why this process may not dispatch.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process does.
    #[error("another dispatcher is working on this database (it holds `{0}`)")]
    Held(PathBuf),
    /// The lock file cannot be used.
    #[error("cannot lock `{path}`: {}", cause(.source))]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl LockError {
    /// The kind of this error.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Held(_) => Kind::Later,
            Self::Io { .. } => Kind::Failed,
        }
    }
}

/// The right to dispatch, held until it is dropped.
#[derive(Debug)]
pub struct DispatchLock {
    file: File,
}

impl DispatchLock {
    /// Takes the lock of a SQLite database; returns `None` if the URL names another engine, whose nodes share the work.
    ///
    /// # Errors
    /// If another process holds it, or the file cannot be created.
    pub fn take(url: &DatabaseUrl) -> Result<Option<Self>, LockError> {
        let Some(path) = url.file() else { return Ok(None) };
        // A link to the database is the same database.
        let mut path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).into_os_string();
        path.push(".dispatcher");
        let path = PathBuf::from(path);
        let failed = |source| LockError::Io { path: path.clone(), source };
        let file = open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Err(LockError::Held(path)),
            Err(TryLockError::Error(source)) => Err(LockError::Io { path, source }),
        }
    }
}

impl Drop for DispatchLock {
    fn drop(&mut self) {
        // A process being started shares the open file for a moment: closing the file would not release the lock.
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the dispatcher's lock is released a moment later, when the file is closed");
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_dispatcher_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("b.db").display());
        let held = DispatchLock::take(&url.parse().unwrap()).unwrap();
        assert!(held.is_some());
        assert!(matches!(DispatchLock::take(&url.parse().unwrap()), Err(LockError::Held(_))));
        drop(held);
        assert!(DispatchLock::take(&url.parse().unwrap()).unwrap().is_some());
        std::fs::write(directory.path().join("b.db"), "").unwrap();
        std::os::unix::fs::symlink(directory.path().join("b.db"), directory.path().join("link.db")).unwrap();
        let by_link = format!("sqlite://{}", directory.path().join("link.db").display());
        let held = DispatchLock::take(&by_link.parse().unwrap()).unwrap();
        assert!(matches!(DispatchLock::take(&url.parse().unwrap()), Err(LockError::Held(_))), "by whatever path");
        drop(held);
        assert!(DispatchLock::take(&"postgres://x@y/z".parse().unwrap()).unwrap().is_none());
    }
}
