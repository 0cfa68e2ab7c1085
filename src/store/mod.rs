//! The database: free functions over one connection, SQL beside the rows it reads, one text for SQLite and PostgreSQL.
//!
//! The portable subset, which every statement here uses:
//! - ids are UUIDv7 text made by us; times are integer milliseconds bound from a `Clock`, never the database's `now()`
//!   (except leases and heartbeats on PostgreSQL, see [`queue`] and [`nodes`]);
//! - states are text with a CHECK that repeats the words of `domain`; no booleans: a nullable time says whether and when;
//! - JSON is text and never queried into; it carries bulk parameters only, see [`dialect`];
//! - placeholders are `$1`, ...; optional filters are static: `($1 IS NULL OR state = $1)`; pages go by key, not by offset;
//! - `ON CONFLICT`, `RETURNING`, CTE selects, `UPDATE ... FROM` and partial indexes, but no data-changing CTEs, arrays,
//!   `DISTINCT ON` or intervals.
//!
//! Four things to note when you add a function:
//! 1. It takes `conn: &mut Conn` first, and the caller owns the transaction: an effect and its record commit together.
//! 2. Absent is `Ok(None)`, never an error.
//! 3. A row whose value its column does not allow is [`StoreError::Inconsistent`], with table, column and row named.
//! 4. Call it in `tests/besked/store.rs`, which runs every function on both engines; a test fails if one is not called.
//!
//! A transaction takes its row locks in this order, so that no two wait for each other on PostgreSQL: the ledger's head
//! ([`tree::lock_head`]), places in the queue ([`subjects::lock_queue`], all that it needs at once), the notice
//! ([`notices::lock`]), deliveries. It leaves out what it does not need.

pub mod attestations;
pub mod audit;
pub mod contacts;
pub mod customers;
pub mod deliveries;
mod dialect;
pub mod figures;
pub mod holds;
pub mod imports;
pub mod integrity;
pub mod ledger;
pub mod mentions;
pub mod messages;
pub mod nodes;
pub mod notices;
mod patience;
mod pool;
pub mod preferences;
mod pulse;
pub mod queue;
pub mod recipients;
pub mod rectifications;
pub mod releases;
pub mod retention;
pub(crate) mod row;
pub mod secrets;
pub mod settle;
pub mod shown;
pub mod sole_traders;
pub mod subjects;
pub mod suppressions;
pub mod tally;
pub mod tombstones;
pub mod tree;
mod turn;
pub mod uncertain;
pub mod waiting;
mod writer;

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::future::Future;
use std::os::unix::fs::OpenOptionsExt as _;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{ConnectOptions as _, Connection as _, Executor, SqlStr};
use thiserror::Error;
use tokio::time::timeout;

pub use crate::config::sqlite_path;
use crate::config::without_password;
use crate::domain::kind::Kind;
use dialect::Access;
pub use dialect::Dialect;
use pool::Connections;
pub use pool::Lent;
pub use pulse::beat;
use turn::Turnstile;
pub use turn::Writing;
pub use writer::Writer;

/// The one connection type that every store function takes: pooled connections and transactions both deref to it.
pub type Conn = sqlx::AnyConnection;

/// Why the store failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database returned an error, or nothing.
    #[error("{}", failed(.0))]
    Database(#[from] sqlx::Error),
    /// The database's tables could not be brought up to date.
    #[error("the database could not be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database cannot be opened.
    #[error("cannot open the database `{url}`: {source}")]
    Open {
        /// The URL, without a password.
        url: String,
        /// The cause.
        source: sqlx::Error,
    },
    /// The database exists, but does not answer.
    #[error("the database did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// The database can be reached, perhaps read, but not written.
    #[error("the database cannot be written")]
    Unwritable,
    /// The database does not exist, or is older than this program.
    #[error("the database `{url}` has no tables of this version")]
    NotMigrated {
        /// Its URL.
        url: String,
    },
    /// A stored value is not what its column promises.
    #[error("inconsistent data: table `{table}`, column `{column}`, row `{row}`: {problem}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        row: String,
        /// The problem.
        problem: String,
    },
}

/// The result of store functions.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

impl StoreError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        if self.may_pass() && !self.is_damaged() { Kind::Later } else { Kind::Failed }
    }

    /// True if it may pass without an operator: the database is away, busy, full or read-only.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Database(_) | Self::Silent(_) | Self::Unwritable => true,
            Self::Open { source, .. } => match source {
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
                sqlx::Error::Database(error) => error.is_transient_in_connect_phase() || is_busy(error.as_ref()),
                _ => false,
            },
            Self::Migrate(_) | Self::NotMigrated { .. } | Self::Inconsistent { .. } => false,
        }
    }

    /// True if another process keeps the database locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if is_busy(error.as_ref()))
    }

    /// The error for a log: it names the place, never the value.
    #[must_use]
    pub fn for_logs(&self) -> String {
        match self {
            Self::Inconsistent { table, column, row, .. } => {
                format!("inconsistent data: table `{table}`, column `{column}`, row `{row}`")
            }
            other => other.to_string(),
        }
    }
}

/// What failed, in our words where it is known what the error means.
fn failed(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) if is_busy(error.as_ref()) => {
            "the database is locked by another process".to_owned()
        }
        other => format!("the database failed: {other}"),
    }
}

/// True if SQLite reported that another connection holds the file (SQLITE_BUSY and its extended codes).
fn is_busy(error: &dyn sqlx::error::DatabaseError) -> bool {
    const BUSY: i32 = 5;
    error.code().and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| code & 0xff == BUSY)
}

/// True if there is no such table: SQLITE_ERROR, the only error of a statement known to be correct, or undefined_table.
fn is_no_table(error: &dyn sqlx::error::DatabaseError) -> bool {
    matches!(error.code().as_deref(), Some("1" | "42P01"))
}

/// How often work that is costly to lose starts to write again, each time after ten or twenty seconds.
const AGAIN: u32 = 12;

/// How long opening a database may take.
const OPEN: Duration = Duration::from_secs(15);

/// The database: a cheap handle, cloned freely.
#[derive(Clone, Debug)]
pub struct Store {
    /// The engine.
    pub dialect: Dialect,
    url: String,
    connect: AnyConnectOptions,
    read: Connections,
    write: Connections,
    turnstile: Option<Turnstile>,
}

impl Store {
    /// Opens a database. `sqlite://PATH` creates the file if it is missing and `create` is set.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn open(url: &str, create: bool) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::of_url(url);
        let shown = without_password(url);
        let failed = |source| StoreError::Open { url: shown.clone(), source };
        if create && let Some(path) = sqlite_path(url) {
            create_private(path);
        }
        let connect = AnyConnectOptions::from_str(&dialect.url(url, create)).map_err(failed)?;
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
        let turnstile = sqlite_path(url).and_then(Turnstile::open);
        Ok(Self { dialect, url: shown, connect, read, write, turnstile })
    }

    /// Creates or updates the tables.
    ///
    /// # Errors
    /// If a migration fails; it is then rolled back.
    pub async fn migrate(&self) -> Result<()> {
        let mut conn = self.write.lend().await?;
        migrator(self.dialect).run(&mut *conn).await?;
        Ok(())
    }

    /// Checks that the tables are those of this version.
    ///
    /// # Errors
    /// [`StoreError::NotMigrated`] if they are not.
    pub async fn check(&self) -> Result<()> {
        let mut conn = self.read.lend().await?;
        let latest: Result<Option<i64>, _> =
            sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success").fetch_one(&mut *conn).await;
        match latest {
            Ok(Some(LATEST)) => Ok(()),
            Err(sqlx::Error::Database(error)) if !is_no_table(error.as_ref()) => {
                Err(sqlx::Error::Database(error).into())
            }
            Ok(_) | Err(sqlx::Error::Database(_)) => Err(StoreError::NotMigrated { url: self.url.clone() }),
            Err(error) => Err(error.into()),
        }
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
            // Each of its statements covers all that differs.
            connect = connect.log_slow_statements("off".parse().expect("it is a level"), Duration::ZERO);
        }
        let connections = Connections::new(pool(self.dialect, size, access), connect, watched);
        let again = if access == Access::Record { 0 } else { AGAIN };
        Writer::new(connections, self.dialect, sqlite_path(&self.url).and_then(Turnstile::open), again)
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

    /// Makes sure that nothing deleted is still found in the files. SQLite overwrites freed bytes, but moving rows between pages
    /// leaves copies behind: the file is rewritten, and the write-ahead log emptied. On PostgreSQL dead rows are vacuumed.
    /// Returns false if a reader kept the log from being emptied; the next call empties it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn scrub(&self) -> Result<bool> {
        let mut conn = self.write.lend().await?;
        if self.dialect == Dialect::Postgres {
            for table in [
                "VACUUM contacts",
                "VACUUM deliveries",
                "VACUUM queue",
                "VACUUM attempts",
                "VACUUM messages",
                "VACUUM preferences",
                "VACUUM suppressions",
                "VACUUM reads",
                "VACUUM notice_rows",
                "VACUUM attestations",
                "VACUUM ledger_openings",
            ] {
                conn.execute(table).await?;
            }
            return Ok(true);
        }
        let _turn = match &self.turnstile {
            Some(turnstile) => turnstile.take().await,
            None => None,
        };
        conn.execute("VACUUM").await?;
        let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *conn).await?;
        Ok(row::Row::of("wal_checkpoint", &row).get_at::<i64>(0)? == 0)
    }

    /// Closes all connections; SQLite folds its write-ahead log into the database file.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

/// Creates a SQLite file that only its owner may read: it names persons and holds the key of the links. SQLite gives its own
/// mode to the files beside it. If the file cannot be created, SQLite itself says why.
fn create_private(path: &str) {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    drop(created);
}

/// The first connection, which finds out whether there can be any, with all its settings.
async fn first_connection(connect: &AnyConnectOptions, dialect: Dialect) -> Result<Conn, sqlx::Error> {
    let mut conn = connect.connect().await?;
    for setting in dialect.connection_settings(Access::Write) {
        conn.execute(setting).await?;
    }
    Ok(conn)
}

fn pool(dialect: Dialect, size: u32, access: Access) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(Duration::from_secs(30))
        // A caller that waits for the lock of another process knows that it is slow.
        .acquire_slow_level("off".parse().expect("it is a level"))
        .max_lifetime(None)
        .idle_timeout(None)
        .test_before_acquire(dialect == Dialect::Postgres)
        .after_connect(move |conn, _| {
            Box::pin(async move {
                for setting in dialect.connection_settings(access) {
                    conn.execute(setting).await?;
                }
                Ok(())
            })
        })
}

/// The migrations of both engines, in order: name, SQLite, PostgreSQL.
const MIGRATIONS: [(&str, &str, &str); 1] = [(
    "init",
    include_str!("../../migrations/sqlite/0001_init.sql"),
    include_str!("../../migrations/postgres/0001_init.sql"),
)];

/// Version of the newest migration.
const LATEST: i64 = MIGRATIONS.len() as i64;

fn migrator(dialect: Dialect) -> Migrator {
    let migrations = (1..).zip(MIGRATIONS).map(|(version, (name, sqlite, postgres))| {
        let sql = SqlStr::from_static(dialect.pick(sqlite, postgres));
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}
