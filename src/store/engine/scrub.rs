//! Scrubbing: nothing deleted stays in the files.

use sqlx::Executor as _;

use super::{Dialect, Result, Store, row};

impl Store {
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
}
