//! Which attributes customers have, and which values of one: each is found by a step in the index, whatever the number of customers.

use sqlx::Row as _;

use crate::store::engine::query::query;
use crate::store::{Conn, Result};

/// The names of attributes, in order, at most `limit`.
pub async fn names(conn: &mut Conn, limit: u32) -> Result<Vec<String>> {
    let sql = "WITH RECURSIVE k (name, n) AS (
           SELECT (SELECT MIN(name) FROM customer_attributes), 1
           UNION ALL SELECT (SELECT MIN(a.name) FROM customer_attributes a WHERE a.name > k.name), k.n + 1
           FROM k WHERE k.name IS NOT NULL AND k.n < $1)
         SELECT name FROM k WHERE name IS NOT NULL ORDER BY name";
    query!(sql, limit).all(conn, |row| Ok(row.try_get("name")?)).await
}

/// The values of an attribute, in order, at most `limit`.
pub async fn values(conn: &mut Conn, name: &str, limit: u32) -> Result<Vec<String>> {
    let sql = "WITH RECURSIVE k (value, n) AS (
           SELECT (SELECT MIN(value) FROM customer_attributes WHERE name = $1), 1
           UNION ALL SELECT (SELECT MIN(a.value) FROM customer_attributes a WHERE a.name = $1 AND a.value > k.value), k.n + 1
           FROM k WHERE k.value IS NOT NULL AND k.n < $2)
         SELECT value FROM k WHERE value IS NOT NULL ORDER BY value";
    query!(sql, name, limit).all(conn, |row| Ok(row.try_get("value")?)).await
}
