//! The engine: connections, transactions and turns, the two dialects, and the migrations. It knows no table of ours but the
//! migrations'.
//!
//! Four kinds of waiting, each with a limit:
//! - [`patience`]: for the answer to an SQL call, counted in time that this process ran: a machine that slept is not a slow one;
//! - [`pool`]: for a connection, and for a server that vanished without closing it (PostgreSQL);
//! - [`pulse`]: for work of many transactions, as long as one of them moves on;
//! - [`turn`] and [`writer`]: for the turn to write a SQLite file, which is fair between processes.

pub(in crate::store) mod batch;
mod checkpoints;
pub(in crate::store) mod dialect;
mod error;
pub mod integrity;
mod migrations;
mod open;
mod patience;
mod pool;
mod pulse;
pub(in crate::store) mod query;
pub(crate) mod row;
mod scrub;
mod turn;
mod words;
mod writer;

use std::future::Future;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::time::timeout;

use crate::config::DatabaseUrl;
use checkpoints::Checkpoints;
use dialect::Access;
pub use dialect::Dialect;
pub use error::{Result, StoreError};
use migrations::{LATEST, migrator};
use open::{create_private, first_connection, pool};
use pool::Connections;
pub use pool::Lent;
pub use pulse::beat;
use turn::Turnstile;
pub use turn::Writing;
pub use writer::Writer;

/// The one connection type that every store function takes: pooled connections and transactions both deref to it.
pub type Conn = sqlx::AnyConnection;

/// How often work that is costly to lose starts to write again, each time after ten or twenty seconds.
const AGAIN: u32 = 12;

/// How long opening a database may take.
const OPEN: Duration = Duration::from_secs(15);

/// The database: a cheap handle, cloned freely.
#[derive(Clone, Debug)]
pub struct Store {
    /// The engine.
    pub dialect: Dialect,
    url: DatabaseUrl,
    connect: AnyConnectOptions,
    read: Connections,
    write: Connections,
    turnstile: Option<Turnstile>,
}

impl Store {
    /// Opens a database. A SQLite file is made if it is missing and `create` is set.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn open(url: &DatabaseUrl, create: bool) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let dialect = url.file().map_or(Dialect::Postgres, |_| Dialect::Sqlite);
        let shown = url.to_string();
        let failed = |source| {
            let why = words::unopened(&source, url.file());
            StoreError::Open { url: shown.clone(), why, source }
        };
        if create && let Some(path) = url.file() {
            create_private(path);
        }
        let connect = AnyConnectOptions::from_str(&dialect.url(&url.expose(), create)).map_err(failed)?;
        // A transaction that waits for its turn is not slow.
        let connect = connect.log_slow_statements("warn".parse().expect("it is a level"), Duration::from_secs(15));
        // A connection of its own first: a pool would retry for long, and hide the reason.
        let tried = async { first_connection(&connect, dialect).await?.close().await };
        match patience::wait(OPEN, tried).await {
            Some(tried) => tried.map_err(failed)?,
            None => return Err(failed(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))),
        }
        let connections =
            |size, access| Connections::new(pool(dialect, size, access), connect.clone(), dialect == Dialect::Postgres);
        let (read, write) = match dialect {
            // One writer: SQLite allows no more, and waiting in a pool is fair while waiting for a file lock is not.
            Dialect::Sqlite => (connections(4, Access::Read), connections(1, Access::Write)),
            Dialect::Postgres => {
                let both = connections(8, Access::Write);
                (both.clone(), both)
            }
        };
        let turnstile = url.file().and_then(Turnstile::open);
        Ok(Self { dialect, url: url.clone(), connect, read, write, turnstile })
    }

    /// Creates or updates the tables.
    ///
    /// # Errors
    /// If a migration fails; it is then rolled back.
    pub async fn migrate(&self) -> Result<()> {
        let mut conn = self.write.lend().await?;
        if let Ok(Some(found)) = version(&mut conn).await {
            self.refuse_newer(found)?;
        }
        migrator(self.dialect).run(&mut *conn).await?;
        Ok(())
    }

    /// Checks that the tables are those of this version.
    ///
    /// # Errors
    /// [`StoreError::NotMigrated`] or [`StoreError::Newer`] if they are not.
    pub async fn check(&self) -> Result<()> {
        let mut conn = self.read.lend().await?;
        match version(&mut conn).await {
            Ok(Some(LATEST)) => Ok(()),
            Ok(Some(found)) if found > LATEST => self.refuse_newer(found),
            Err(sqlx::Error::Database(error)) if !error::is_no_table(error.as_ref()) => {
                Err(sqlx::Error::Database(error).into())
            }
            Ok(_) | Err(sqlx::Error::Database(_)) => Err(StoreError::NotMigrated { url: self.url.to_string() }),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses tables that a newer version made: what they hold may not be what this one writes.
    fn refuse_newer(&self, found: i64) -> Result<()> {
        if found <= LATEST {
            return Ok(());
        }
        Err(StoreError::Newer { url: self.url.to_string(), found, known: LATEST })
    }

    /// A connection to read from.
    ///
    /// # Errors
    /// If none is available.
    pub async fn read(&self) -> Result<Lent> {
        Ok(self.read.lend().await?)
    }

    /// A transaction that reads everything as of one moment, however long it takes.
    ///
    /// # Errors
    /// If none can be begun.
    pub async fn snapshot(&self) -> Result<Lent> {
        let mut lent = self.read.lend().await?;
        lent.begin(self.dialect.begin_snapshot()).await?;
        Ok(lent)
    }

    /// A transaction that writes. On SQLite it holds the write lock from its first moment.
    ///
    /// # Errors
    /// If none can be begun.
    pub async fn write(&self) -> Result<Writing<'static>> {
        self.write_after(0).await
    }

    /// Like [`Store::write`], for work that is costly to lose: a large first import may hold a SQLite file for longer than others
    /// wait, and this call waits for it.
    ///
    /// # Errors
    /// If none can be begun.
    pub async fn write_patiently(&self) -> Result<Writing<'static>> {
        self.write_after(AGAIN).await
    }

    async fn write_after(&self, again: u32) -> Result<Writing<'static>> {
        // The connection first: within a process its pool serves one caller after the other.
        let mut lent = self.write.lend().await?;
        let turn = writer::begin_write(&mut lent, self.dialect, self.turnstile.as_ref(), again).await?;
        Ok(Writing::new(lent, None, turn))
    }

    /// Does work of many transactions, and aborts it if the database returns nothing for `limit`: a call that waits for a server
    /// that vanished silently would wait for ever. A single statement over the whole database must finish within it.
    /// On SQLite, whose file cannot vanish so, there is no limit.
    ///
    /// # Errors
    /// The errors of the work, and [`StoreError::Silent`].
    pub async fn watched<T, E: From<StoreError>>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match self.dialect {
            Dialect::Sqlite => work.await,
            Dialect::Postgres => pulse::watch(limit, work).await,
        }
    }

    /// Does one transaction, and aborts it after `limit` on PostgreSQL. Its result is then unknown.
    ///
    /// # Errors
    /// The errors of the work, and [`StoreError::Silent`].
    pub async fn within<T, E: From<StoreError>>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match self.dialect {
            Dialect::Sqlite => work.await,
            Dialect::Postgres => timeout(limit, work).await.unwrap_or_else(|_| Err(StoreError::Silent(limit).into())),
        }
    }

    /// A writer connection for a caller that commits back to back.
    #[must_use]
    pub fn writer(&self) -> Writer {
        // A second one on PostgreSQL: the loop does not wait for a connection that vanished silently.
        let size = if self.dialect == Dialect::Postgres { 2 } else { 1 };
        self.writer_over(size, Access::Record)
    }

    /// A connection for bulk data that counts only once a later transaction of [`Store::write`] has committed: a power cut may
    /// lose its last commits, and the next process must be able to do without them.
    #[must_use]
    pub fn bulk_writer(&self) -> Writer {
        self.writer_over(1, Access::Bulk)
    }

    /// A connection for an import, whose temporary tables live and end with it.
    #[must_use]
    pub fn import_writer(&self) -> Writer {
        self.writer_over(1, Access::Import)
    }

    fn writer_over(&self, size: u32, access: Access) -> Writer {
        let watched = self.dialect == Dialect::Postgres;
        let mut connect = self.connect.clone();
        if access == Access::Import {
            // Each of its statements covers all that differs: none counts as slow.
            connect = connect.log_slow_statements("off".parse().expect("it is a level"), Duration::MAX);
        }
        let connections = Connections::new(pool(self.dialect, size, access), connect, watched);
        let again = if access == Access::Record { 0 } else { AGAIN };
        let turnstile = || self.url.file().and_then(Turnstile::open);
        let checkpoints = (access == Access::Record && self.dialect == Dialect::Sqlite).then(|| {
            let connections = Connections::new(pool(self.dialect, 1, Access::Write), self.connect.clone(), watched);
            Checkpoints::new(connections, turnstile())
        });
        Writer::new(connections, self.dialect, turnstile(), again).with(checkpoints)
    }

    /// Updates the statistics of the planner. Called after a bulk enqueue: PostgreSQL plans the claim as a sort of the whole
    /// queue until then.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn analyze_queue(&self) -> Result<()> {
        self.write.lend().await?.execute("ANALYZE queue").await?;
        Ok(())
    }

    /// Closes all connections; SQLite folds its write-ahead log into the database file.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

/// The version of the tables, if there are any.
async fn version(conn: &mut Conn) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success").fetch_one(conn).await
}
