//! Preferences: a person's opt-outs, by address; they hold at every customer.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::address::{Address, AddressKey};
use crate::domain::category::Category;
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// An opt-out.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = preference::OptOut)]
pub struct OptOut {
    /// The category.
    pub category: Category,
    /// When it was set.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The way by which it reached us, as in [`Source`](crate::domain::preference::Source).
    pub source: String,
}

/// Opts an address out of a category. Returns false if it was opted out already.
pub async fn opt_out(
    conn: &mut Conn,
    address: &Address,
    category: Category,
    now: Timestamp,
    source: &str,
) -> Result<bool> {
    let sql = "INSERT INTO preferences (email_key, email, category, opted_out_at, source) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (email_key, category) DO NOTHING";
    query!(sql, address.key().as_str(), address.as_str(), category.as_str(), now, source).changed_one(conn).await
}

/// Withdraws an opt-out. Returns false if there was none.
pub async fn opt_in(conn: &mut Conn, key: &AddressKey, category: Category) -> Result<bool> {
    let sql = "DELETE FROM preferences WHERE email_key = $1 AND category = $2";
    query!(sql, key.as_str(), category.as_str()).changed_one(conn).await
}

/// The opt-outs of an address.
pub async fn of_address(conn: &mut Conn, key: &AddressKey) -> Result<Vec<OptOut>> {
    let sql =
        "SELECT email_key, category, opted_out_at, source FROM preferences WHERE email_key = $1 ORDER BY category";
    query!(sql, key.as_str())
        .all(conn, |row| {
            let row = Row::of("preferences", row);
            Ok(OptOut {
                category: row.parse("category")?,
                since: row.time("opted_out_at")?,
                source: row.get("source")?,
            })
        })
        .await
}
