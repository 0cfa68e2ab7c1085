//! A connection for a caller that commits back to back.
//!
//! A pool tests every connection that returns to it, in a task of its own, and lends it again only then: a detour after each
//! transaction, which this writer avoids.

use sqlx::Executor as _;

use super::error::is_busy;
use super::{Conn, Dialect, Result};
use crate::store::engine::checkpoints::Checkpoints;
use crate::store::engine::pool::{Connections, Lent};
use crate::store::engine::turn::{Turn, Turnstile, Writing};

/// Takes a turn and begins to write: on SQLite up to `again` more times if another connection holds the file for too long.
pub(in crate::store) async fn begin_write(
    lent: &mut Lent,
    dialect: Dialect,
    turnstile: Option<&Turnstile>,
    mut again: u32,
) -> Result<Option<Turn>> {
    loop {
        let turn = match turnstile {
            Some(turnstile) => turnstile.take().await,
            None => None,
        };
        match lent.begin(dialect.begin_write()).await {
            Err(sqlx::Error::Database(error)) if again > 0 && is_busy(error.as_ref()) => again -= 1,
            begun => return Ok(begun.map(|()| turn)?),
        }
    }
}

/// A connection to write with, kept from one transaction to the next as long as they commit.
#[derive(Debug)]
pub struct Writer {
    connections: Connections,
    dialect: Dialect,
    /// A turnstile of its own: turns are taken between open files, and this writer takes turns with the rest of its process too.
    turnstile: Option<Turnstile>,
    kept: Option<Lent>,
    /// How often to start again if another connection holds a SQLite file for too long.
    again: u32,
    /// Empties SQLite's write-ahead log, if this writer has to leave that to it.
    checkpoints: Option<Checkpoints>,
}

impl Writer {
    pub(in crate::store) const fn new(
        connections: Connections,
        dialect: Dialect,
        turnstile: Option<Turnstile>,
        again: u32,
    ) -> Self {
        Self { connections, dialect, turnstile, kept: None, again, checkpoints: None }
    }

    /// The same with a connection of its own for checkpoints.
    pub(in crate::store) fn with(self, checkpoints: Option<Checkpoints>) -> Self {
        Self { checkpoints, ..self }
    }

    /// A transaction that writes, as [`Store::write`](crate::store::Store::write) begins one.
    ///
    /// # Errors
    /// If none can be begun.
    pub async fn begin(&mut self) -> Result<Writing<'_>> {
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.count();
        }
        let mut lent = match self.kept.take() {
            Some(kept) => kept,
            None => self.connections.lend().await?,
        };
        let turn = begin_write(&mut lent, self.dialect, self.turnstile.as_ref(), self.again).await?;
        Ok(Writing::new(lent, Some(&mut self.kept), turn))
    }

    /// The connection, in no transaction.
    ///
    /// # Errors
    /// If none is available.
    pub async fn connection(&mut self) -> Result<&mut Conn> {
        let lent = match self.kept.take() {
            Some(kept) => kept,
            None => self.connections.lend().await?,
        };
        Ok(self.kept.insert(lent))
    }

    /// Moves what was written from SQLite's write-ahead log into the file; others may write meanwhile.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn checkpoint(&mut self) -> Result<()> {
        if self.dialect == Dialect::Sqlite {
            self.connection().await?.execute("PRAGMA wal_checkpoint(PASSIVE)").await?;
        }
        Ok(())
    }

    /// Closes the connection, and waits for it.
    pub async fn close(mut self) {
        drop(self.kept.take());
        self.connections.close().await;
        if let Some(checkpoints) = self.checkpoints {
            checkpoints.close().await;
        }
    }
}
