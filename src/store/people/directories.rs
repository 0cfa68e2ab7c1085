//! What is known of the directory that customers are fetched from: one row, shared by all nodes.

use jiff::Timestamp;

use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// The state of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The address that was fetched last with success; empty at first.
    pub url: String,
    /// By what the server knows that file.
    pub etag: Option<String>,
    /// The same, by its time.
    pub modified: Option<String>,
    /// When a node looks next.
    pub due_at: Timestamp,
    /// When it was looked at last with success.
    pub checked_at: Option<Timestamp>,
    /// When a file was imported last.
    pub imported_at: Option<Timestamp>,
    /// Since when it fails.
    pub failed_since: Option<Timestamp>,
}

/// A look that succeeded.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// The address.
    pub url: &'a str,
    /// By what the server knows the file.
    pub etag: Option<&'a str>,
    /// The same, by its time.
    pub modified: Option<&'a str>,
    /// The file was another one, and imported.
    pub imported: bool,
}

/// The state of the directory.
pub async fn find(conn: &mut Conn) -> Result<Known> {
    query!("SELECT url, etag, modified, due_at, checked_at, imported_at, failed_since FROM directory WHERE id = 1")
        .one(conn, |row| {
            let row = Row::of("directory", row);
            Ok(Known {
                url: row.get("url")?,
                etag: row.get("etag")?,
                modified: row.get("modified")?,
                due_at: row.time("due_at")?,
                checked_at: row.maybe_time("checked_at")?,
                imported_at: row.maybe_time("imported_at")?,
                failed_since: row.maybe_time("failed_since")?,
            })
        })
        .await
}

/// Takes the look that is due; until that time it is no other node's. False if another node has taken it.
pub async fn take(conn: &mut Conn, now: Timestamp, until: Timestamp) -> Result<bool> {
    let sql = "UPDATE directory SET due_at = $2 WHERE id = 1 AND due_at <= $1";
    query!(sql, now, until).changed_one(conn).await
}

/// Notes a look that succeeded, and when the next one is.
pub async fn succeeded(conn: &mut Conn, outcome: &Outcome<'_>, now: Timestamp, due_at: Timestamp) -> Result<()> {
    let sql =
        "UPDATE directory SET url = $1, etag = $2, modified = $3, checked_at = $4, due_at = $5, failed_since = NULL,
           imported_at = CASE WHEN $6 = 1 THEN $4 ELSE imported_at END WHERE id = 1";
    query!(sql, outcome.url, outcome.etag, outcome.modified, now, due_at, outcome.imported).run(conn).await
}

/// Notes a look that failed, and when the next one is. Returns since when they fail.
pub async fn failed(conn: &mut Conn, now: Timestamp, due_at: Timestamp) -> Result<Timestamp> {
    let sql = "UPDATE directory SET failed_since = COALESCE(failed_since, $1), due_at = $2 WHERE id = 1 RETURNING failed_since";
    query!(sql, now, due_at).one(conn, |row| Row::of("directory", row).time("failed_since")).await
}
