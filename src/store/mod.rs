//! What is kept: free functions over one connection, SQL beside the rows it makes, one text for SQLite and PostgreSQL.
//!
//! The portable subset, kept to by every statement here:
//! - ids are UUIDv7 text made by us; times are integer milliseconds bound from a `Clock`, never the database's `now()`
//!   (leases and nodes' beats on PostgreSQL excepted, see [`queue`] and [`nodes`]);
//! - states are text with a CHECK that repeats the words of `domain`; no booleans: a nullable time says whether and when;
//! - JSON is text and never queried into; it carries bulk parameters only, see [`dialect`];
//! - placeholders are `$1`, ...; optional filters are static: `($1 IS NULL OR state = $1)`; pages go by key, not by offset;
//! - `ON CONFLICT`, `RETURNING`, CTE selects, `UPDATE ... FROM` and partial indexes, but no data-changing CTEs, arrays,
//!   `DISTINCT ON` or intervals.
//!
//! Four things to note when you add a function:
//! 1. It takes `conn: &mut Conn` first, and the caller owns the transaction: an effect and its record commit together.
//! 2. Absent is `Ok(None)`, never an error.
//! 3. A row that cannot be what it says is [`StoreError::Inconsistent`], with table, column and row named.
//! 4. Call it in `tests/besked/store.rs`, which runs every function on both engines; a test fails where one is not called.

pub mod attestations;
pub mod audit;
pub mod contacts;
pub mod customers;
pub mod deliveries;
mod dialect;
pub mod figures;
pub mod holds;
pub mod ledger;
pub mod messages;
pub mod nodes;
pub mod notices;
pub mod preferences;
pub mod queue;
mod row;
pub mod secrets;
pub mod settle;
pub mod subjects;
pub mod suppressions;
pub mod tree;
mod turn;
pub mod uncertain;
mod writer;

use std::borrow::Cow;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyPool, Executor, SqlStr, Transaction};
use thiserror::Error;

pub use dialect::Dialect;
use turn::Turnstile;
pub use turn::Writing;
pub use writer::Writer;

/// The one connection type that every store function takes: pooled connections and transactions both deref to it.
pub type Conn = sqlx::AnyConnection;

/// Why the store could not do what it was asked to.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database said no, or nothing.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The database's tables could not be brought up to date.
    #[error("the database could not be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database cannot be opened.
    #[error("cannot open the database `{url}`: {source}")]
    Open {
        /// Where it was looked for, without a password.
        url: String,
        /// Why not.
        source: sqlx::Error,
    },
    /// The database has not been made, or is older than this program.
    #[error("the database `{url}` has no tables of this version")]
    NotMigrated {
        /// Which database.
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
        /// What is wrong.
        problem: String,
    },
}

/// The result of store functions.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// The database: a cheap handle, cloned freely.
#[derive(Clone, Debug)]
pub struct Store {
    /// The engine.
    pub dialect: Dialect,
    url: String,
    read: AnyPool,
    write: AnyPool,
    turnstile: Option<Turnstile>,
}

impl Store {
    /// Opens a database. `sqlite://PATH` makes the file where it is missing, if `create` is set.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub async fn open(url: &str, create: bool) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::of_url(url);
        let shown = without_password(url);
        let failed = |source| StoreError::Open { url: shown.clone(), source };
        let full = dialect.url(url, create);
        let (read, write) = match dialect {
            // One writer: SQLite has no more, and waiting in a pool is fair where waiting for a file lock is not.
            Dialect::Sqlite => {
                let write = pool(dialect, 1, false).connect(&full).await.map_err(failed)?;
                let read = pool(dialect, 4, true).connect(&full).await.map_err(failed)?;
                (read, write)
            }
            Dialect::Postgres => {
                let both = pool(dialect, 8, false).connect(&full).await.map_err(failed)?;
                (both.clone(), both)
            }
        };
        let turnstile = sqlite_path(url).and_then(Turnstile::open);
        Ok(Self { dialect, url: shown, read, write, turnstile })
    }

    /// Makes or updates the tables.
    ///
    /// # Errors
    /// Where a migration fails; it is rolled back then.
    pub async fn migrate(&self) -> Result<()> {
        migrator(self.dialect).run(&self.write).await?;
        Ok(())
    }

    /// Checks that the tables are those of this version.
    ///
    /// # Errors
    /// [`StoreError::NotMigrated`] where they are not.
    pub async fn check(&self) -> Result<()> {
        let latest: Result<i64, _> =
            sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success").fetch_one(&self.read).await;
        match latest {
            Ok(version) if version == LATEST => Ok(()),
            // No such table, or nothing in it.
            Ok(_) | Err(sqlx::Error::Database(_) | sqlx::Error::ColumnDecode { .. }) => {
                Err(StoreError::NotMigrated { url: self.url.clone() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A connection to read from.
    ///
    /// # Errors
    /// Where none can be had.
    pub async fn read(&self) -> Result<PoolConnection<Any>> {
        Ok(self.read.acquire().await?)
    }

    /// A transaction in which everything read is of one moment, however long it takes.
    ///
    /// # Errors
    /// Where none can be begun.
    pub async fn snapshot(&self) -> Result<Transaction<'static, Any>> {
        Ok(self.read.begin_with(self.dialect.begin_snapshot()).await?)
    }

    /// A transaction that writes. On SQLite it holds the write lock from its first moment.
    ///
    /// # Errors
    /// Where none can be begun.
    pub async fn write(&self) -> Result<Writing<'static>> {
        // The connection first: within a process its pool lets one after the other have it.
        let conn = self.write.acquire().await?;
        let turn = match &self.turnstile {
            Some(turnstile) => turnstile.take().await,
            None => None,
        };
        Ok(Writing::new(Transaction::begin(conn, Some(SqlStr::from_static(self.dialect.begin_write()))).await?, turn))
    }

    /// A connection of its own to write with, for whoever commits back to back.
    #[must_use]
    pub fn writer(&self) -> Writer {
        Writer::new(self.clone(), sqlite_path(&self.url).and_then(Turnstile::open))
    }

    /// Lets the planner know how large the tables are. Called after a bulk enqueue: PostgreSQL plans the claim as a sort of
    /// the whole queue until it knows better.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn analyze_queue(&self) -> Result<()> {
        self.write.execute("ANALYZE queue").await?;
        Ok(())
    }

    /// Makes sure that nothing deleted is still found in the files. On SQLite freed bytes are overwritten as they are freed, but
    /// moving rows between pages leaves copies behind: the file is written anew, and the write-ahead log emptied. On PostgreSQL
    /// dead rows are vacuumed. False where a reader kept the log from being emptied; the next call does it then.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn scrub(&self) -> Result<bool> {
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
                self.write.execute(table).await?;
            }
            return Ok(true);
        }
        self.write.execute("VACUUM").await?;
        let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.write).await?;
        Ok(row::Row::of("wal_checkpoint", &row).get_at::<i64>(0)? == 0)
    }

    /// Closes all connections; SQLite folds its write-ahead log into the database file.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

fn pool(dialect: Dialect, size: u32, read_only: bool) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(Duration::from_secs(30))
        .max_lifetime(None)
        .idle_timeout(None)
        .test_before_acquire(dialect == Dialect::Postgres)
        .after_connect(move |conn, _| {
            Box::pin(async move {
                for setting in dialect.connection_settings(read_only) {
                    conn.execute(*setting).await?;
                }
                Ok(())
            })
        })
}

/// The migrations of both engines, in order: name, SQLite, PostgreSQL.
const MIGRATIONS: [(&str, &str, &str); 3] = [
    (
        "init",
        include_str!("../../migrations/sqlite/0001_init.sql"),
        include_str!("../../migrations/postgres/0001_init.sql"),
    ),
    (
        "proof",
        include_str!("../../migrations/sqlite/0002_proof.sql"),
        include_str!("../../migrations/postgres/0002_proof.sql"),
    ),
    (
        "dispatch",
        include_str!("../../migrations/sqlite/0003_dispatch.sql"),
        include_str!("../../migrations/postgres/0003_dispatch.sql"),
    ),
];

/// Version of the newest migration.
const LATEST: i64 = MIGRATIONS.len() as i64;

fn migrator(dialect: Dialect) -> Migrator {
    let migrations = (1..).zip(MIGRATIONS).map(|(version, (name, sqlite, postgres))| {
        let sql = SqlStr::from_static(dialect.pick(sqlite, postgres));
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// The file behind a SQLite URL; `None` for a URL of another engine.
#[must_use]
pub fn sqlite_path(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
    Some(path.split('?').next().unwrap_or(path))
}

/// A database URL that may be shown.
#[must_use]
pub fn without_password(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => {
            // Cannot fail for a URL that has a password.
            let _ = parsed.set_password(Some("***"));
            parsed.to_string()
        }
        _ => url.to_owned(),
    }
}
