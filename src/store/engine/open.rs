//! Opening: the file, the first connection, and the pool with its settings.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{ConnectOptions as _, Executor as _};

use super::dialect::Access;
use super::{Conn, Dialect};

/// Creates a SQLite file that only its owner may read: it names persons and holds the key of the links. SQLite gives its own
/// mode to the files beside it. If the file cannot be created, SQLite itself says why.
pub(super) fn create_private(path: &Path) {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    drop(created);
}

/// The first connection, which finds out whether there can be any, with all its settings.
pub(super) async fn first_connection(connect: &AnyConnectOptions, dialect: Dialect) -> Result<Conn, sqlx::Error> {
    let mut conn = connect.connect().await?;
    for setting in dialect.connection_settings(Access::Write) {
        conn.execute(setting).await?;
    }
    Ok(conn)
}

/// A pool whose connections have the settings of this use.
pub(super) fn pool(dialect: Dialect, size: u32, access: Access) -> AnyPoolOptions {
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
