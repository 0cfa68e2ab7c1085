//! How many deliveries of a notice are in each state.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::delivery::State;
use crate::store::engine::dialect::Dialect;
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// How many deliveries of a notice are in each state; they sum to its recipients.
pub async fn counts(conn: &mut Conn, notice_id: Uuid) -> Result<BTreeMap<State, u64>> {
    let sql = "SELECT CASE WHEN q.lease_owner IS NOT NULL THEN 'sending' ELSE d.state END AS shown, COUNT(*) AS n
         FROM deliveries d LEFT JOIN queue q ON q.delivery_id = d.id WHERE d.notice_id = $1 GROUP BY 1";
    query!(sql, notice_id)
        .all(conn, |row| {
            let row = Row::of("deliveries", row);
            Ok((row.parse("shown")?, row.count("n")?))
        })
        .await
}

/// How many deliveries of a released notice with so many recipients are in each state, from the counts that the database
/// maintains: the notice is not read.
pub async fn tally(conn: &mut Conn, notice_id: Uuid, recipients: u64) -> Result<BTreeMap<State, u64>> {
    let id = notice_id.to_string();
    let sql = "SELECT state, CAST(SUM(n) AS BIGINT) AS n FROM delivery_counts WHERE notice_id = $1 GROUP BY state";
    let rows = query!(sql, &id).rows(&mut *conn).await?;
    let mut counts = BTreeMap::new();
    for row in &rows {
        let row = Row::of("delivery_counts", row);
        counts.insert(row.parse("state")?, row.count("n")?);
    }
    let others: u64 = counts.values().sum();
    counts.insert(State::Queued, recipients.saturating_sub(others));
    let sql = "SELECT d.state, COUNT(*) AS n FROM queue q JOIN deliveries d ON d.id = q.delivery_id
         WHERE q.lease_owner IS NOT NULL AND q.notice_id = $1 GROUP BY d.state";
    let leased = query!(sql, &id).rows(conn).await?;
    for row in &leased {
        let row = Row::of("deliveries", row);
        let stored: &mut u64 = counts.entry(row.parse("state")?).or_default();
        let leased = row.count("n")?.min(*stored);
        *stored -= leased;
        *counts.entry(State::Sending).or_default() += leased;
    }
    counts.retain(|_, count| *count > 0);
    Ok(counts)
}

/// How many deliveries of a notice are in each state other than `queued`, as the database maintains it.
pub async fn maintained(conn: &mut Conn, notice_id: Uuid) -> Result<BTreeMap<State, i64>> {
    let sql = "SELECT state, CAST(SUM(n) AS BIGINT) AS n FROM delivery_counts WHERE notice_id = $1 GROUP BY state";
    let rows = query!(sql, notice_id).rows(conn).await?;
    let mut counts = BTreeMap::new();
    for row in &rows {
        let row = Row::of("delivery_counts", row);
        counts.insert(row.parse("state")?, row.get("n")?);
    }
    counts.retain(|_, count| *count != 0);
    Ok(counts)
}

/// Adds up the counts that [`tally`] reads. On PostgreSQL every statement that changes states appends its own, so that nodes do
/// not wait for each other; on SQLite there is one for each state. The caller holds the notice's row.
pub async fn add_up(conn: &mut Conn, notice_id: Uuid) -> Result<()> {
    if Dialect::of(conn) == Dialect::Sqlite {
        return Ok(());
    }
    let id = notice_id.to_string();
    let rows =
        query!("DELETE FROM delivery_counts WHERE notice_id = $1 RETURNING state, n", &id).rows(&mut *conn).await?;
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for row in &rows {
        let row = Row::of("delivery_counts", row);
        *sums.entry(row.get("state")?).or_default() += row.get::<i64>("n")?;
    }
    for (state, n) in sums.into_iter().filter(|(_, n)| *n != 0) {
        let sql = "INSERT INTO delivery_counts (notice_id, state, n) VALUES ($1, $2, $3)";
        query!(sql, &id, state, n).run(&mut *conn).await?;
    }
    Ok(())
}
