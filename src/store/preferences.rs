//! Preferences: a person's opt-outs, by address; they hold at every customer.

use jiff::Timestamp;
use serde::Serialize;

use super::row::Row;
use super::{Conn, Result};
use crate::domain::category::Category;

/// An opt-out.
#[derive(Clone, Debug, Serialize)]
pub struct OptOut {
    /// The category.
    pub category: Category,
    /// Since when.
    pub since: Timestamp,
    /// How it came: `operator`, `one-click`, ...
    pub source: String,
}

/// Opts an address out of a category. False where it was already.
pub async fn opt_out(conn: &mut Conn, email: &str, category: Category, now: Timestamp, source: &str) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO preferences (email, category, opted_out_at, source) VALUES ($1, $2, $3, $4)
         ON CONFLICT (email, category) DO NOTHING",
    )
    .bind(email)
    .bind(category.as_str())
    .bind(now.as_millisecond())
    .bind(source)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Withdraws an opt-out. False where there was none.
pub async fn opt_in(conn: &mut Conn, email: &str, category: Category) -> Result<bool> {
    let done = sqlx::query("DELETE FROM preferences WHERE email = $1 AND category = $2")
        .bind(email)
        .bind(category.as_str())
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The opt-outs of an address.
pub async fn of_address(conn: &mut Conn, email: &str) -> Result<Vec<OptOut>> {
    let rows =
        sqlx::query("SELECT email, category, opted_out_at, source FROM preferences WHERE email = $1 ORDER BY category")
            .bind(email)
            .fetch_all(conn)
            .await?;
    rows.iter()
        .map(|row| {
            let row = Row::of("preferences", row);
            Ok(OptOut {
                category: row.parse("category")?,
                since: row.time("opted_out_at")?,
                source: row.get("source")?,
            })
        })
        .collect()
}
