//! The rows of audience files, and those that were added to standing notices, as long as a notice needs them.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::Row as _;
use uuid::Uuid;

use crate::store::engine::dialect::{Dialect, among, bulk, json};
use crate::store::engine::query::query;
use crate::store::{Conn, Result};

/// Adds the rows of an audience file, each a JSON object of column and value.
pub async fn insert(conn: &mut Conn, id: Uuid, rows: &[(String, String)]) -> Result<()> {
    #[derive(Serialize)]
    struct RowOf<'a> {
        account_id: &'a str,
        data: &'a str,
    }
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO notice_rows (notice_id, account_id, data) SELECT $2, value ->> 'account_id', value ->> 'data' FROM",
        rows
    );
    for chunk in rows.chunks(2000) {
        let chunk: Vec<_> = chunk.iter().map(|(account_id, data)| RowOf { account_id, data }).collect();
        query!(sql, json(&chunk), id).run(&mut *conn).await?;
    }
    Ok(())
}

/// Removes the rows of an audience file.
pub async fn delete(conn: &mut Conn, id: Uuid) -> Result<()> {
    query!("DELETE FROM notice_rows WHERE notice_id = $1", id).run(conn).await
}

/// A page of an audience file's rows, by account id after `after`.
pub async fn page(conn: &mut Conn, id: Uuid, after: &str, limit: u32) -> Result<BTreeMap<String, String>> {
    let sql = "SELECT account_id, data FROM notice_rows WHERE notice_id = $1 AND key = '' AND account_id > $2 ORDER BY account_id LIMIT $3";
    query!(sql, id, after, limit).all(conn, |row| Ok((row.try_get("account_id")?, row.try_get("data")?))).await
}

/// The rows of an audience file for some accounts.
pub async fn of(conn: &mut Conn, id: Uuid, accounts: &[&str]) -> Result<BTreeMap<String, String>> {
    let sql = among!(
        conn,
        "SELECT account_id, data FROM notice_rows
         WHERE notice_id = $1 AND key = '' AND account_id", in "$2"
    );
    query!(sql, id, json(accounts)).all(conn, |row| Ok((row.try_get("account_id")?, row.try_get("data")?))).await
}

/// A row that was added to a standing notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Added {
    /// The key by which its sender knows it.
    pub key: String,
    /// The customer.
    pub account_id: String,
    /// Its values, as a JSON object of column and value.
    pub data: String,
}

/// Adds rows to a standing notice. A key that it has already is refused.
pub async fn add(conn: &mut Conn, id: Uuid, rows: &[Added]) -> Result<()> {
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO notice_rows (notice_id, account_id, key, data)
         SELECT $2, value ->> 'account_id', value ->> 'key', value ->> 'data' FROM",
        rows
    );
    query!(sql, json(&rows), id).run(conn).await
}

/// The rows of a standing notice with some keys.
pub async fn with_keys(conn: &mut Conn, id: Uuid, keys: &[&str]) -> Result<Vec<Added>> {
    // From the keys to the rows: without statistics SQLite would read all rows of the notice for each call.
    let sql = Dialect::of(conn).pick(
        "SELECT r.key, r.account_id, r.data FROM json_each($2) AS k
         CROSS JOIN notice_rows AS r WHERE r.notice_id = $1 AND r.key = k.value AND r.key <> ''",
        "SELECT key, account_id, data FROM notice_rows
         WHERE notice_id = $1 AND key <> '' AND key = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb)))",
    );
    query!(sql, id, json(keys))
        .all(conn, |row| {
            Ok(Added { key: row.try_get("key")?, account_id: row.try_get("account_id")?, data: row.try_get("data")? })
        })
        .await
}
