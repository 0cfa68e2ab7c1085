//! Everything in which SQLite and PostgreSQL differ, as pairs; no statement is assembled at run time.

use serde::Serialize;
use uuid::Uuid;

use crate::store::Conn;

/// The engine behind the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// One file, one dispatcher.
    Sqlite,
    /// Many nodes.
    Postgres,
}

/// One statement for both engines, in which `rows` is replaced by the rows of a JSON array bound as `$1`: `value ->> 'name'`
/// is a field as text (cast it to a number, `unhex` it to a blob).
macro_rules! bulk {
    ($dialect:expr, $before:literal, rows $(, $after:literal)?) => {
        $dialect.pick(
            // Unlike json_each, this does not write every row out as text, which each `->>` would parse again.
            concat!($before, " jsonb_each($1) ", $($after)?),
            concat!($before, " jsonb_array_elements($1::jsonb) ", $($after)?),
        )
    };
}
pub(in crate::store) use bulk;

/// A statement with conditions that a column is among values, each parameter a list of them as JSON: `IN` for SQLite, `= ANY` for
/// PostgreSQL, which then goes from the values to the rows.
macro_rules! among {
    ($conn:expr, $before:literal $(, in $list:literal $(, $after:literal)?)+) => {
        $crate::store::Dialect::of($conn).pick(
            concat!($before, $(" IN (SELECT value FROM json_each(", $list, "))", $($after,)?)+),
            concat!($before, $(" = ANY (ARRAY(SELECT jsonb_array_elements_text(", $list, "::jsonb)))", $($after,)?)+),
        )
    };
}
pub(in crate::store) use among;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Access {
    /// Reading, of any kind and duration.
    Read,
    /// Writing, and on PostgreSQL reading too.
    Write,
    /// Claiming and settling only.
    Record,
    /// Writing bulk data that counts only once a later transaction on another connection commits, which makes all of it durable.
    Bulk,
    /// Comparing a file with what is stored, and writing what differs.
    Import,
}

impl Dialect {
    /// The engine behind a connection.
    #[must_use]
    pub fn of(conn: &Conn) -> Self {
        if conn.backend_name() == "SQLite" { Self::Sqlite } else { Self::Postgres }
    }

    /// One of a pair.
    #[must_use]
    pub const fn pick(self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite => sqlite,
            Self::Postgres => postgres,
        }
    }

    pub(in crate::store) fn url(self, url: &str, create: bool) -> String {
        match self {
            Self::Sqlite if create => format!("{url}{}mode=rwc", if url.contains('?') { '&' } else { '?' }),
            _ => url.to_owned(),
        }
    }

    pub(in crate::store) const fn begin_write(self) -> &'static str {
        // A deferred transaction that turns into a writer fails at once with SQLITE_BUSY, whatever the timeout.
        self.pick("BEGIN IMMEDIATE", "BEGIN")
    }

    pub(in crate::store) const fn begin_snapshot(self) -> &'static str {
        self.pick("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }

    /// The settings of each new connection.
    pub(in crate::store) fn connection_settings(self, access: Access) -> impl Iterator<Item = &'static str> {
        let (all, more): (&[&str], &[&str]) = match (self, access) {
            (Self::Sqlite, Access::Read) => (READING, &[]),
            (Self::Sqlite, Access::Write) => (WRITING, &[]),
            // Pages that become free are not overwritten at once: it takes them all the time, most of them from the queue.
            (Self::Sqlite, Access::Record) => (WRITING, &["PRAGMA secure_delete = FAST"]),
            // It empties the write-ahead log itself, between its transactions; other connections go on to do so after their commits if
            // they find the log long.
            (Self::Sqlite, Access::Bulk) => {
                (WRITING, &["PRAGMA synchronous = NORMAL", "PRAGMA wal_autocheckpoint = 0"])
            }
            // Its temporary tables may be larger than the memory.
            (Self::Sqlite, Access::Import) => (
                WRITING,
                &["PRAGMA temp_store = FILE", "PRAGMA temp.journal_mode = OFF", "PRAGMA temp.cache_size = -16384"],
            ),
            (Self::Postgres, Access::Read) => (PATIENCE, &[]),
            (Self::Postgres, Access::Write | Access::Import) => (PATIENCE, &[DURABLE]),
            (Self::Postgres, Access::Bulk) => (PATIENCE, &["SET synchronous_commit = off"]),
            // Every statement of the recorder finds a few rows by key. PostgreSQL considers scanning a whole table as good while it is
            // small, or appears to be, and keeps that plan when it has grown.
            (Self::Postgres, Access::Record) => {
                // A scan that is off counts as so costly that each statement with one would be compiled first.
                const BY_KEY: &str =
                    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off";
                (PATIENCE, &[DURABLE, BY_KEY])
            }
        };
        all.iter().chain(more).copied()
    }
}

/// A literal, for the settings below.
macro_rules! lock_wait_s {
    () => {
        10
    };
}

/// How long a statement waits for a lock, in seconds, on either engine.
pub(super) const LOCK_WAIT_S: u64 = lock_wait_s!();

const BUSY_TIMEOUT: &str = concat!("PRAGMA busy_timeout = ", lock_wait_s!(), "000");

const READING: &[&str] = &[BUSY_TIMEOUT, "PRAGMA query_only = ON"];

/// FULL: a commit that was acknowledged survives a power cut. secure_delete: what is erased is overwritten (FAST: within its
/// page; a page that became free is overwritten when the file is rewritten after an erasure). recursive_triggers:
/// without it REPLACE deletes an entry of the ledger and no trigger refuses it.
const WRITING: &[&str] = &[
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    BUSY_TIMEOUT,
    "PRAGMA secure_delete = ON",
    "PRAGMA recursive_triggers = ON",
    "PRAGMA cache_size = -32768",
    // About 64 MB: pages that are written often are copied into the database once, not after every few commits. While a dispatcher
    // runs, the log is emptied before it is that long, beside its commits.
    "PRAGMA wal_autocheckpoint = 16000",
    "PRAGMA temp_store = MEMORY",
    // ANALYZE writes, and delays other writers: a sample of some rows is enough.
    "PRAGMA analysis_limit = 1000",
];

/// A commit that was acknowledged survives a power cut, whatever the default of a role or a database; a stricter setting, for
/// replicas, stays.
const DURABLE: &str =
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// A frozen node must not hold the ledger's head; a node that is gone is detected (by default after two hours); and no statement
/// waits longer for a lock than on SQLite, so that work aborted here does not wait on there.
const PATIENCE: &[&str] = &[concat!(
    "SET idle_in_transaction_session_timeout = '60s'; SET tcp_keepalives_idle = 30; \
     SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; SET lock_timeout = '",
    lock_wait_s!(),
    "s'"
)];

/// Ids as a bulk parameter.
pub fn json_ids(ids: &[Uuid]) -> String {
    json(&ids.iter().map(Uuid::to_string).collect::<Vec<_>>())
}

pub fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("rows of text, numbers and nulls serialise")
}
