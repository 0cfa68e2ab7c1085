//! Connections, lent one at a time, and the supervision of the pools that lend them.
//!
//! A PostgreSQL server that vanishes silently (a firewall that dropped the flow, a host that lost power) leaves
//! connections behind on which every statement waits for ever. sqlx 0.9 tests a connection before it takes it back and waits
//! for that without a limit, so that each such connection occupies its place in the pool for good
//! (<https://github.com/transact-rs/sqlx/issues/4349>). Here the return has a deadline, and if a caller waits for a
//! connection in vain although a new one can be opened, the whole pool is replaced.
//!
//! Transactions begin and end by plain statements: sqlx counts open ones itself, and on SQLite its count stays wrong after
//! the engine has rolled one back by itself, as it does when the disk is full or fails.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyPool, ConnectOptions, Connection, Executor};
use tokio::time::timeout;

use crate::store::Conn;
use crate::store::engine::patience::wait;
use crate::store::engine::pulse;

/// How long the return of a connection may take; it is then dropped.
const RETURN: Duration = Duration::from_secs(5);

/// How long a caller waits for a connection before the pool is checked, and replaced if need be.
const WAIT: Duration = Duration::from_secs(5);

/// The same if all connections are lent: they are then probably just in use.
const WAIT_IN_USE: Duration = Duration::from_secs(60);

/// How many such waits there are before the caller fails.
const WAITS: u32 = 6;

/// A pool that can be replaced: a cheap handle, cloned freely.
#[derive(Clone, Debug)]
pub(in crate::store) struct Connections {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: AnyPoolOptions,
    connect: AnyConnectOptions,
    /// A file's connections do not vanish.
    watched: bool,
    current: RwLock<Arc<Generation>>,
}

/// A pool, and what is known about its connections.
#[derive(Debug)]
struct Generation {
    pool: AnyPool,
    lent: AtomicU32,
    /// When a connection last went out or came back.
    moved: Mutex<Instant>,
}

impl Connections {
    /// Connections opened on demand.
    pub(in crate::store) fn new(options: AnyPoolOptions, connect: AnyConnectOptions, watched: bool) -> Self {
        let current = RwLock::new(Arc::new(Generation::new(&options, &connect)));
        Self { shared: Arc::new(Shared { options, connect, watched, current }) }
    }

    /// A connection; it returns when it is dropped.
    ///
    /// # Errors
    /// If none is available.
    pub(in crate::store) async fn lend(&self) -> Result<Lent, sqlx::Error> {
        loop {
            let generation = self.current();
            match self.acquire(&generation).await {
                // It was replaced meanwhile.
                Err(sqlx::Error::PoolClosed) if !Arc::ptr_eq(&generation, &self.current()) => {}
                Err(error) => return Err(error),
                Ok(conn) => {
                    pulse::beat();
                    generation.lent.fetch_add(1, Ordering::Relaxed);
                    generation.moves();
                    return Ok(Lent { conn: Some(conn), generation, state: LentState::Free });
                }
            }
        }
    }

    async fn acquire(&self, generation: &Arc<Generation>) -> Result<PoolConnection<Any>, sqlx::Error> {
        let acquired = async {
            loop {
                match generation.pool.acquire().await {
                    // By a clock that ran on while this process was stopped: the wait is measured by the time that the process ran.
                    Err(sqlx::Error::PoolTimedOut) => {}
                    acquired => return acquired,
                }
            }
        };
        let mut acquired = std::pin::pin!(async {
            tokio::select! {
                biased;
                acquired = acquired => acquired,
                // It may be testing a connection that has vanished.
                () = generation.pool.close_event() => Err(sqlx::Error::PoolClosed),
            }
        });
        for _ in 0..WAITS {
            match wait(WAIT, &mut acquired).await {
                Some(acquired) => return acquired,
                None if self.shared.watched => self.examine(generation).await?,
                None => {}
            }
        }
        Err(sqlx::Error::PoolTimedOut)
    }

    /// Finds out why no connection is available: returns the reason if no new one can be opened either, and replaces the pool if
    /// one can.
    async fn examine(&self, generation: &Arc<Generation>) -> Result<(), sqlx::Error> {
        let in_use = generation.lent.load(Ordering::Relaxed) >= self.shared.options.get_max_connections();
        let patience = if in_use { WAIT_IN_USE } else { WAIT };
        if generation.still_for() < patience {
            return Ok(());
        }
        self.fresh().await?;
        if generation.still_for() >= patience && self.replace(generation) {
            tracing::warn!("no connection to the database came back although it answers: all were replaced");
            let pool = generation.pool.clone();
            // Wakes the waiting callers, and ends when the last connection has returned, if it does.
            tokio::spawn(async move { pool.close().await });
        }
        Ok(())
    }

    /// True if a new connection can be opened and used.
    async fn fresh(&self) -> Result<(), sqlx::Error> {
        let used = async {
            let mut conn = self.shared.connect.connect().await?;
            conn.ping().await?;
            conn.close().await
        };
        wait(WAIT, used).await.unwrap_or_else(|| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
    }

    fn replace(&self, generation: &Arc<Generation>) -> bool {
        let mut current = self.shared.current.write().unwrap_or_else(PoisonError::into_inner);
        let replaced = Arc::ptr_eq(&current, generation);
        if replaced {
            *current = Arc::new(Generation::new(&self.shared.options, &self.shared.connect));
        }
        replaced
    }

    fn current(&self) -> Arc<Generation> {
        self.shared.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes all connections, and waits for those that are lent.
    pub(in crate::store) async fn close(&self) {
        self.current().pool.close().await;
    }
}

impl Generation {
    fn new(options: &AnyPoolOptions, connect: &AnyConnectOptions) -> Self {
        let pool = options.clone().connect_lazy_with(connect.clone());
        Self { pool, lent: AtomicU32::new(0), moved: Mutex::new(Instant::now()) }
    }

    fn moves(&self) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn still_for(&self) -> Duration {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// The state of a lent connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LentState {
    /// In no transaction.
    Free,
    /// In a transaction, to be rolled back.
    Begun,
    /// A transaction was being begun or ended, and its state is unknown.
    Unsure,
}

/// A lent connection. Dropping it returns it, rolled back if a transaction was open; a connection that cannot be returned in
/// time is closed.
#[derive(Debug)]
pub struct Lent {
    conn: Option<PoolConnection<Any>>,
    generation: Arc<Generation>,
    state: LentState,
}

impl Lent {
    /// Begins a transaction.
    ///
    /// # Errors
    /// If the database fails.
    pub(in crate::store) async fn begin(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.state = LentState::Unsure;
        let begun = self.execute(statement).await;
        match &begun {
            Ok(_) => self.state = LentState::Begun,
            // It returned an error.
            Err(sqlx::Error::Database(_)) => self.state = LentState::Free,
            Err(_) => {}
        }
        begun.map(|_| ())
    }

    /// Ends the transaction by `COMMIT` or `ROLLBACK`.
    ///
    /// # Errors
    /// If the database fails; the result is then unknown.
    pub(in crate::store) async fn end(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.state = LentState::Unsure;
        self.execute(statement).await?;
        self.state = LentState::Free;
        pulse::beat();
        Ok(())
    }
}

/// What dropping a connection does, but with a limit.
async fn give_back(mut conn: PoolConnection<Any>, state: LentState) {
    if state == LentState::Begun && !matches!(timeout(RETURN, conn.execute("ROLLBACK")).await, Ok(Ok(_))) {
        // It did not answer, or the engine has rolled back by itself: a new connection is better in both cases.
        drop(conn.detach());
        return;
    }
    if timeout(RETURN, conn.return_to_pool()).await.is_err() {
        tracing::debug!("a connection to the database did not come back in time and is dropped");
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        let (generation, state) = (self.generation.clone(), self.state);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if state == LentState::Unsure {
            conn.close_on_drop();
            drop(conn);
            generation.lent.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        runtime.spawn(async move {
            give_back(conn, state).await;
            generation.lent.fetch_sub(1, Ordering::Relaxed);
            generation.moves();
        });
    }
}

impl Deref for Lent {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        self.conn.as_ref().expect("it is there until it is dropped")
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Conn {
        self.conn.as_mut().expect("it is there until it is dropped")
    }
}
