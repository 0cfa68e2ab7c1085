//! Legal holds: what must not be erased or purged.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::store::engine::dialect::{among, json, json_ids};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A legal hold, on a notice or on a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = hold::Hold)]
pub struct Hold {
    /// Id.
    pub id: Uuid,
    /// The notice, if it is on one.
    pub notice_id: Option<Uuid>,
    /// The customer, if it is on one.
    pub account_id: Option<String>,
    /// The reason.
    pub reason: String,
    /// Who placed it.
    pub operator: String,
    /// When it was placed.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// Places a hold.
pub async fn insert(conn: &mut Conn, hold: &Hold) -> Result<()> {
    let sql = "INSERT INTO holds (id, notice_id, account_id, reason, operator, since) VALUES ($1, $2, $3, $4, $5, $6)";
    query!(sql, hold.id, hold.notice_id, &hold.account_id, &hold.reason, &hold.operator, hold.since).run(conn).await
}

/// Deletes a hold, and returns it; `None` if there is none with this id.
pub async fn remove(conn: &mut Conn, id: Uuid) -> Result<Option<Hold>> {
    let sql = "DELETE FROM holds WHERE id = $1 RETURNING id, notice_id, account_id, reason, operator, since";
    query!(sql, id).first(conn, read).await
}

/// A page of holds by id, after `after`.
pub async fn list(conn: &mut Conn, after: Option<Uuid>, limit: u32) -> Result<Vec<Hold>> {
    let sql = "SELECT id, notice_id, account_id, reason, operator, since FROM holds WHERE id > $1 ORDER BY id LIMIT $2";
    query!(sql, after.unwrap_or(Uuid::nil()), limit).all(conn, read).await
}

/// The holds on one of these customers or notices, the oldest first.
pub async fn on(conn: &mut Conn, accounts: &[String], notices: &[Uuid]) -> Result<Vec<Hold>> {
    let sql = among!(
        conn,
        "SELECT id, notice_id, account_id, reason, operator, since FROM holds WHERE account_id", in "$1",
        " OR notice_id", in "$2",
        " ORDER BY id"
    );
    query!(sql, json(&accounts), json_ids(notices)).all(conn, read).await
}

/// True if the record of a notice has a customer: it was addressed, could not be addressed, or is attested as informed.
pub async fn is_recorded(conn: &mut Conn, account_id: &str) -> Result<bool> {
    let sql = "SELECT CASE WHEN EXISTS (SELECT 1 FROM deliveries WHERE account_id = $1)
           OR EXISTS (SELECT 1 FROM unaddressed WHERE account_id = $1)
           OR EXISTS (SELECT 1 FROM attestations WHERE account_id = $1) THEN 1 ELSE 0 END AS n";
    Ok(query!(sql, account_id).count(conn, "holds").await? > 0)
}

pub(super) fn read(row: &sqlx::any::AnyRow) -> Result<Hold> {
    let row = Row::of("holds", row);
    Ok(Hold {
        id: row.id("id")?,
        notice_id: row.maybe("notice_id")?,
        account_id: row.get("account_id")?,
        reason: row.get("reason")?,
        operator: row.get("operator")?,
        since: row.time("since")?,
    })
}
