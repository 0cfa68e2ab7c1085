//! Emptying SQLite's write-ahead log beside a writer that commits back to back, so that none of its commits has to.

use sqlx::Executor as _;
use tokio::task::JoinHandle;

use super::pool::Connections;
use super::turn::Turnstile;

/// After how many transactions the log is emptied: about 30 MB, so that pages which are written often are copied into the database
/// once. A commit empties a log that is twice as long.
const EVERY: u32 = 320;

/// A connection for checkpoints.
#[derive(Debug)]
pub(in crate::store) struct Checkpoints {
    connections: Connections,
    turnstile: Option<Turnstile>,
    count: u32,
    work: Option<JoinHandle<()>>,
}

impl Checkpoints {
    pub(in crate::store) const fn new(connections: Connections, turnstile: Option<Turnstile>) -> Self {
        Self { connections, turnstile, count: 0, work: None }
    }

    /// Counts a transaction, and begins a checkpoint if it is time for one.
    pub(in crate::store) fn count(&mut self) {
        self.count += 1;
        if self.count < EVERY || self.work.as_ref().is_some_and(|work| !work.is_finished()) {
            return;
        }
        self.count = 0;
        let (connections, turnstile) = (self.connections.clone(), self.turnstile.clone());
        self.work = Some(tokio::spawn(async move {
            if let Err(error) = checkpoint(&connections, turnstile).await {
                tracing::debug!(%error, "the write-ahead log could not be emptied: a commit does it");
            }
        }));
    }

    /// Closes the connection, and waits for it. What is in the log stays there.
    pub(in crate::store) async fn close(self) {
        if let Some(work) = self.work {
            work.abort();
        }
        self.connections.close().await;
    }
}

async fn checkpoint(connections: &Connections, turnstile: Option<Turnstile>) -> Result<(), sqlx::Error> {
    let mut lent = connections.lend().await?;
    // Others write meanwhile: each time less is left.
    for _ in 0..2 {
        lent.execute("PRAGMA wal_checkpoint(PASSIVE)").await?;
    }
    // The log starts over only if nothing is left.
    let _turn = match &turnstile {
        Some(turnstile) => turnstile.take().await,
        None => None,
    };
    lent.execute("PRAGMA wal_checkpoint(PASSIVE)").await?;
    Ok(())
}
