//! Why the database failed, in our words where the cause is known.

use std::time::Duration;

use thiserror::Error;
use uuid::Uuid;

use super::dialect::LOCK_WAIT_S;
use super::words;

use crate::domain::delivery::{Event, State};
use crate::domain::kind::Kind;

/// Why the store failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database returned an error, or nothing.
    #[error("{}", failed(.0))]
    Database(#[from] sqlx::Error),
    /// The database's tables could not be brought up to date.
    #[error("the database could not be migrated: {}", words::not_migrated(.0))]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database cannot be opened.
    #[error("cannot open the database `{url}`: {}", if is_locked(.source) { locked() } else { .why.clone() })]
    Open {
        /// The URL, without a password.
        url: String,
        /// Why not.
        why: String,
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
    /// A newer version of this program made the tables.
    #[error(
        "the tables of the database `{url}` have version {found}, and this version of Besked knows those up to {known}"
    )]
    Newer {
        /// Its URL.
        url: String,
        /// The version of its tables.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// A state that cannot follow is refused.
    #[error("delivery `{delivery}` is {from}: it cannot {}", event.describe())]
    Impossible {
        /// The delivery.
        delivery: Uuid,
        /// Its state.
        from: State,
        /// What was to happen.
        event: Event,
    },
    /// Another try of the same request came first: nothing was done.
    #[error("another request with the same `Idempotency-Key` is being carried out")]
    Repeated,
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
    /// True if the database answered, and refused what was asked of it: the same would be refused again. A commit without an answer
    /// may have succeeded. A row that is not what its columns promise is refused as well.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => !is_transient(error.as_ref()),
            Self::Database(error) => matches!(
                error,
                sqlx::Error::ColumnDecode { .. }
                    | sqlx::Error::Decode(_)
                    | sqlx::Error::Encode(_)
                    | sqlx::Error::ColumnNotFound(_)
            ),
            Self::Impossible { .. } | Self::Inconsistent { .. } | Self::Repeated => true,
            _ => false,
        }
    }

    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Repeated => Kind::Conflict,
            _ if self.may_pass() && !self.is_damaged() => Kind::Later,
            _ => Kind::Failed,
        }
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
            Self::Migrate(_)
            | Self::NotMigrated { .. }
            | Self::Newer { .. }
            | Self::Impossible { .. }
            | Self::Inconsistent { .. }
            | Self::Repeated => false,
        }
    }

    /// True if another process keeps the database locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        let (Self::Database(error) | Self::Open { source: error, .. }) = self else { return false };
        is_locked(error)
    }

    /// What to do if the database is locked.
    pub const WHEN_LOCKED: &str = "an import, a backup or a database client such as `sqlite3` may hold it: nothing is sent or stored until that has ended";

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
    if is_locked(error) { locked() } else { format!("the database failed: {}", words::in_words(error)) }
}

fn locked() -> String {
    format!("the database is locked by another process: it was not free within {LOCK_WAIT_S} s")
}

/// SQLITE_BUSY, or lock_not_available: the end of `lock_timeout`.
fn is_locked(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    is_busy(error.as_ref()) || error.code().as_deref() == Some("55P03")
}

/// True if the same may succeed later: a lock that others hold, a deadlock, a server that ends or has no room (classes 53 and 57).
fn is_transient(error: &dyn sqlx::error::DatabaseError) -> bool {
    let code = error.code();
    let state = code.as_deref().filter(|code| code.len() == SQLSTATE).unwrap_or_default();
    is_busy(error) || matches!(state, "55P03" | "40001" | "40P01") || state.starts_with("53") || state.starts_with("57")
}

/// The length of PostgreSQL's codes. Those of SQLite are shorter.
const SQLSTATE: usize = 5;

/// True if SQLite reported that another connection holds the file (SQLITE_BUSY and its extended codes).
pub(super) fn is_busy(error: &dyn sqlx::error::DatabaseError) -> bool {
    const BUSY: i32 = 5;
    let code = error.code().filter(|code| code.len() < SQLSTATE);
    code.and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| code & 0xff == BUSY)
}

/// True if there is no such table: SQLITE_ERROR, the only error of a statement known to be correct, or undefined_table.
pub(super) fn is_no_table(error: &dyn sqlx::error::DatabaseError) -> bool {
    matches!(error.code().as_deref(), Some("1" | "42P01"))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::error::Error;

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    #[derive(Debug, Error)]
    #[error("{0}")]
    struct Code(&'static str);

    impl DatabaseError for Code {
        fn message(&self) -> &str {
            self.0
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    #[test]
    fn a_refusal_is_what_would_be_refused_again() {
        let is_refusal = |error| StoreError::Database(error).is_refusal();
        let coded = |code| is_refusal(sqlx::Error::Database(Box::new(Code(code))));
        // A byte that is no character (22021), a constraint, an exception of a trigger.
        for code in ["22021", "23505", "P0001", "1811", "19"] {
            assert!(coded(code), "{code}");
        }
        for code in ["5", "261", "517", "55P03", "40001", "40P01", "53100", "57P01"] {
            assert!(!coded(code), "{code}");
        }
        assert!(is_refusal(sqlx::Error::Decode("a".into())) && is_refusal(sqlx::Error::ColumnNotFound("a".to_owned())));
        assert!(!is_refusal(sqlx::Error::PoolTimedOut) && !is_refusal(sqlx::Error::RowNotFound));
    }
}
