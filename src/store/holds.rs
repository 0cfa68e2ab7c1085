//! Legal holds: what must not be erased or purged.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::row::Row;
use super::{Conn, Result};

/// A legal hold, on a notice or on a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// Id.
    pub id: Uuid,
    /// The notice.
    pub notice_id: Option<Uuid>,
    /// The customer.
    pub account_id: Option<String>,
    /// Why.
    pub reason: String,
    /// Who put it.
    pub operator: String,
    /// Since when.
    pub since: Timestamp,
}

/// Puts a hold.
pub async fn insert(conn: &mut Conn, hold: &Hold) -> Result<()> {
    sqlx::query(
        "INSERT INTO holds (id, notice_id, account_id, reason, operator, since) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(hold.id.to_string())
    .bind(hold.notice_id.map(|id| id.to_string()))
    .bind(&hold.account_id)
    .bind(&hold.reason)
    .bind(&hold.operator)
    .bind(hold.since.as_millisecond())
    .execute(conn)
    .await?;
    Ok(())
}

/// Lifts a hold. False where there is none with this id.
pub async fn remove(conn: &mut Conn, id: Uuid) -> Result<bool> {
    let done = sqlx::query("DELETE FROM holds WHERE id = $1").bind(id.to_string()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// All holds, the oldest first.
pub async fn list(conn: &mut Conn) -> Result<Vec<Hold>> {
    let rows = sqlx::query("SELECT id, notice_id, account_id, reason, operator, since FROM holds ORDER BY id")
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let row = Row::of("holds", row);
            Ok(Hold {
                id: row.id("id")?,
                notice_id: row.maybe("notice_id")?,
                account_id: row.get("account_id")?,
                reason: row.get("reason")?,
                operator: row.get("operator")?,
                since: row.time("since")?,
            })
        })
        .collect()
}
