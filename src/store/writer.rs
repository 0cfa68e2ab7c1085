//! A connection of its own for whoever commits back to back.
//!
//! A pool tests every connection that comes back to it, in a task of its own, and only then gives it out again: for a writer
//! that goes from one transaction to the next that is a detour each time, which it does without.

use sqlx::Executor as _;

use super::pool::{Connections, Lent};
use super::turn::{Turnstile, Writing};
use super::{Dialect, Result};

/// A connection to write with, kept from one transaction to the next for as long as they commit.
#[derive(Debug)]
pub struct Writer {
    connections: Connections,
    dialect: Dialect,
    /// Its own: turns are taken between open files, and this one takes them with the rest of the process too.
    turnstile: Option<Turnstile>,
    kept: Option<Lent>,
}

impl Writer {
    pub(super) const fn new(connections: Connections, dialect: Dialect, turnstile: Option<Turnstile>) -> Self {
        Self { connections, dialect, turnstile, kept: None }
    }

    /// A transaction that writes, as [`Store::write`](super::Store::write) begins one.
    ///
    /// # Errors
    /// Where none can be begun.
    pub async fn begin(&mut self) -> Result<Writing<'_>> {
        let mut lent = match self.kept.take() {
            Some(kept) => kept,
            None => self.connections.lend().await?,
        };
        let turn = match &self.turnstile {
            Some(turnstile) => turnstile.take().await,
            None => None,
        };
        lent.begin(self.dialect.begin_write()).await?;
        Ok(Writing::new(lent, Some(&mut self.kept), turn))
    }

    /// Takes what was written out of SQLite's write-ahead log, which others may write to meanwhile.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn checkpoint(&mut self) -> Result<()> {
        if self.dialect == Dialect::Sqlite {
            let mut lent = match self.kept.take() {
                Some(kept) => kept,
                None => self.connections.lend().await?,
            };
            lent.execute("PRAGMA wal_checkpoint(PASSIVE)").await?;
            self.kept = Some(lent);
        }
        Ok(())
    }

    /// Closes the connection, and waits for it.
    pub async fn close(mut self) {
        drop(self.kept.take());
        self.connections.close().await;
    }
}
