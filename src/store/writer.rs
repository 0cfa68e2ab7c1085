//! A connection of its own for whoever commits back to back.
//!
//! A pool tests every connection that comes back to it, in a task of its own, and only then gives it out again: for a writer
//! that goes from one transaction to the next that is a detour each time, which it does without.

use sqlx::{ConnectOptions as _, Executor as _, SqlStr, Transaction};

use super::turn::{Turnstile, Writing};
use super::{Conn, Result, Store};

/// A connection to write with, opened when it is needed.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    /// Its own: turns are taken between open files, and this one takes them with the pool too.
    turnstile: Option<Turnstile>,
    conn: Option<Conn>,
}

impl Writer {
    pub(super) const fn new(store: Store, turnstile: Option<Turnstile>) -> Self {
        Self { store, turnstile, conn: None }
    }

    /// A transaction that writes, as [`Store::write`] begins one.
    ///
    /// # Errors
    /// Where none can be begun.
    pub async fn begin(&mut self) -> Result<Writing<'_>> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.connect().await?,
        };
        let turn = match &self.turnstile {
            Some(turnstile) => turnstile.take().await,
            None => None,
        };
        let begin = SqlStr::from_static(self.store.dialect.begin_write());
        Ok(Writing::new(Transaction::begin(self.conn.insert(conn), Some(begin)).await?, turn))
    }

    /// Gives the connection up, after trouble: whatever state it is in, the next transaction has a new one.
    pub fn give_up(&mut self) {
        self.conn = None;
    }

    async fn connect(&self) -> Result<Conn> {
        let mut conn = self.store.write.connect_options().connect().await?;
        for setting in self.store.dialect.connection_settings(false) {
            conn.execute(*setting).await?;
        }
        Ok(conn)
    }
}
