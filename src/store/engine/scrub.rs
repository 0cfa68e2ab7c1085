//! Scrubbing: nothing deleted stays in the files.

use sqlx::Executor as _;

use super::{Dialect, Result, Store, row};

/// The tables that persons are deleted from.
const VACUUM: &str = "VACUUM contacts, customers, customer_words, customer_attributes, deliveries, unaddressed, queue, attempts, moulds, \
     notices, notice_rows, notice_steps, attestations, holds, preferences, suppressions, rectifications, reads, tasks, inbound, reports, \
     ledger_openings, begun_forms, uploads, upload_parts, notice_reviews, notice_sources";

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
            conn.execute(VACUUM).await?;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The statements that erasures and retention are made of.
    const SOURCES: [&str; 12] = [
        include_str!("../people/customers.rs"),
        include_str!("../people/customer_words.rs"),
        include_str!("../people/expired.rs"),
        include_str!("../people/holds.rs"),
        include_str!("../people/mentions.rs"),
        include_str!("../people/rectifications.rs"),
        include_str!("../people/retention.rs"),
        include_str!("../people/sole_traders.rs"),
        include_str!("../people/subjects.rs"),
        include_str!("../notices/attestations.rs"),
        include_str!("../operators/forms.rs"),
        include_str!("../operators/uploads.rs"),
    ];

    #[test]
    fn every_table_that_persons_are_deleted_from_is_vacuumed() {
        let is_name = |c: char| c == '_' || c.is_ascii_lowercase();
        let mut tables = BTreeSet::new();
        for text in SOURCES {
            for before in ["DELETE FROM ", "UPDATE ", "expired_rows!(\n                \""] {
                for (at, _) in text.match_indices(before) {
                    let rest = &text[at + before.len()..];
                    tables.insert(&rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())]);
                }
            }
        }
        tables.retain(|table| !table.is_empty());
        let listed: BTreeSet<&str> = VACUUM.split_once(' ').unwrap().1.split(", ").collect();
        assert!(tables.len() > 12, "the search finds tables: {tables:?}");
        assert_eq!(tables.difference(&listed).collect::<Vec<_>>(), [&""; 0]);
    }
}
