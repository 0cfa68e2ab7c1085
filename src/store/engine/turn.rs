//! Turns at writing a SQLite file, between processes.
//!
//! SQLite lets the process that asks at the right moment write next: a dispatcher that commits back to back starves a command
//! that polls. So writers pass a turnstile of two file locks: the process that waits for its turn holds the first, and nobody
//! gets past it. It is about fairness only: SQLite's own lock keeps writers apart, and a turn that takes too long is skipped.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::store::Conn;
use crate::store::engine::pool::Lent;

/// How long to wait for a turn: a process that was stopped during its turn must not stop the others.
const PATIENCE: Duration = Duration::from_secs(10);

/// The turnstile beside a SQLite file.
#[derive(Clone, Debug)]
pub(in crate::store) struct Turnstile {
    waiting: Arc<File>,
    writing: Arc<File>,
    /// A thread is already waiting, for a caller that stopped waiting.
    at_wait: Arc<AtomicBool>,
}

impl Turnstile {
    /// The turnstile of a database file; `None` if its files cannot be created: there are then no turns.
    pub(in crate::store) fn open(path: &Path) -> Option<Self> {
        let file = |suffix: &str| -> io::Result<Arc<File>> {
            let mut path = path.as_os_str().to_owned();
            path.push(suffix);
            Ok(Arc::new(OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?))
        };
        Some(Self { waiting: file(".waiting").ok()?, writing: file(".writing").ok()?, at_wait: Arc::default() })
    }

    /// Takes a turn; returns `None` if that took too long.
    pub(in crate::store) async fn take(&self) -> Option<Turn> {
        if self.waiting.try_lock().is_ok() {
            let turn = self.writing.try_lock().is_ok().then(|| Turn(self.writing.clone()));
            if turn.is_some() {
                // Nobody waits: the next one may enter.
                let _ = self.waiting.unlock();
                return turn;
            }
        }
        // One thread, however long the process with the turn was stopped.
        if self.at_wait.swap(true, Ordering::Relaxed) {
            return None;
        }
        let (given, waited) = oneshot::channel();
        let turnstile = self.clone();
        // Not a thread of the runtime, which a process waits for at its end: the process with the turn may be stopped for good.
        let waiting = thread::Builder::new().name("turnstile".to_owned()).spawn(move || {
            let turn = turnstile.wait();
            turnstile.at_wait.store(false, Ordering::Relaxed);
            // A turn that comes too late is dropped.
            drop(given.send(turn));
        });
        if waiting.is_err() {
            self.at_wait.store(false, Ordering::Relaxed);
            return None;
        }
        timeout(PATIENCE, waited).await.ok()?.ok()?.ok()
    }

    fn wait(&self) -> io::Result<Turn> {
        self.waiting.lock()?;
        self.writing.lock()?;
        let turn = Turn(self.writing.clone());
        self.waiting.unlock()?;
        Ok(turn)
    }
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(in crate::store) struct Turn(Arc<File>);

impl Drop for Turn {
    fn drop(&mut self) {
        // The lock ends with the process at the latest.
        let _ = self.0.unlock();
    }
}

/// A transaction that writes, with its turn. It is rolled back if it is dropped.
#[derive(Debug)]
pub struct Writing<'c> {
    // In this order: the turn ends when the transaction has.
    lent: Lent,
    /// Where the connection goes once the transaction has ended, if not back to the pool.
    keeper: Option<&'c mut Option<Lent>>,
    _turn: Option<Turn>,
}

impl<'c> Writing<'c> {
    /// Over a connection that has begun.
    pub(in crate::store) const fn new(lent: Lent, keeper: Option<&'c mut Option<Lent>>, turn: Option<Turn>) -> Self {
        Self { lent, keeper, _turn: turn }
    }

    /// Commits.
    ///
    /// # Errors
    /// If the database fails; whether it has committed is then unknown.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.lent.end("COMMIT").await?;
        if let Some(keeper) = self.keeper {
            *keeper = Some(self.lent);
        }
        Ok(())
    }

    /// Rolls back, and waits for it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn rollback(mut self) -> Result<(), sqlx::Error> {
        self.lent.end("ROLLBACK").await?;
        if let Some(keeper) = self.keeper {
            *keeper = Some(self.lent);
        }
        Ok(())
    }
}

impl Deref for Writing<'_> {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.lent
    }
}

impl DerefMut for Writing<'_> {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.lent
    }
}
