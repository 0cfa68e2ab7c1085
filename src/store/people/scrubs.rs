//! Whether the file still has to be scrubbed of what was deleted, see [`Store::scrub`](crate::store::Store::scrub): a scrub comes
//! after the transaction that deletes, and may fail or be put off.

use jiff::Timestamp;

use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// What was deleted since the last scrub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Transactions that deleted.
    pub count: u64,
    /// The time of the first one.
    pub since: Timestamp,
}

/// Records that a transaction deletes; it locks the ledger's head.
pub async fn mark(conn: &mut Conn, now: Timestamp) -> Result<()> {
    let sql = "UPDATE ledger_head SET unscrubbed = unscrubbed + 1, unscrubbed_since = COALESCE(unscrubbed_since, $1)
         WHERE id = 1";
    query!(sql, now).run(conn).await
}

/// Returns what was deleted since the last scrub; `None` if nothing was.
pub async fn due(conn: &mut Conn) -> Result<Option<Due>> {
    let sql = "SELECT id, unscrubbed, unscrubbed_since FROM ledger_head WHERE id = 1";
    let row = query!(sql).row(conn).await?;
    let row = Row::of("ledger_head", &row);
    let (count, since) = (row.count("unscrubbed")?, row.maybe_time("unscrubbed_since")?);
    Ok(since.filter(|_| count > 0).map(|since| Due { count, since }))
}

/// Records that what was due is scrubbed. What was deleted meanwhile stays due.
pub async fn done(conn: &mut Conn, due: Due) -> Result<()> {
    let sql = "UPDATE ledger_head SET unscrubbed = unscrubbed - $1,
           unscrubbed_since = CASE WHEN unscrubbed = $1 THEN NULL ELSE unscrubbed_since END
         WHERE id = 1 AND unscrubbed >= $1";
    query!(sql, due.count).run(conn).await
}
