//! What a release writes: a delivery for each recipient with its place in the queue, and the customers with nobody to address.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::customers::json;
use super::dialect::{Dialect, bulk};
use super::row::{Row, address_columns};
use super::{Conn, Result};
use crate::domain::address::Address;

/// A recipient, as the freezing of an audience makes it: a delivery and its place in the queue.
#[derive(Clone, Debug, Serialize)]
pub struct NewDelivery {
    /// Id.
    pub id: String,
    /// Place in the manifest, from 0.
    pub ordinal: u64,
    /// Account id.
    pub account_id: String,
    /// Name of the customer, now.
    pub customer_name: String,
    /// The address as it is sent to.
    #[serde(flatten, serialize_with = "address_columns")]
    pub email: Address,
    /// Name of the person.
    pub contact_name: String,
    /// Role that matched.
    pub role: &'static str,
    /// Locale tag.
    pub locale: Option<String>,
    /// Time zone.
    pub time_zone: Option<String>,
    /// Values of placeholders beyond the names, as a JSON object.
    pub merged: Option<String>,
    /// Salt of the recipient's commitment, in hexadecimal.
    pub salt: String,
    /// The delivery of the notice followed that went to the same recipient.
    pub follows_id: Option<String>,
}

/// Deliveries with contiguous ordinals, as they are handed to the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// JSON.
    pub rows: String,
    /// The first ordinal.
    pub from: u64,
    /// The one after the last.
    pub to: u64,
}

impl Packed {
    /// Packs rows with contiguous ordinals.
    #[must_use]
    pub fn of(rows: &[NewDelivery]) -> Self {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Self::default() };
        Self { rows: json(rows), from: first.ordinal, to: last.ordinal + 1 }
    }
}

/// Into the deliveries of notice `$2`, at the time `$3`, from the rows that follow.
macro_rules! into_deliveries {
    () => {
        "INTO deliveries (id, notice_id, ordinal, account_id, customer_name, email, email_key, contact_name, role, locale,
           time_zone, merged, salt, follows_id, state, attempts, changed_at)
         SELECT value ->> 'id', $2, CAST(value ->> 'ordinal' AS BIGINT), value ->> 'account_id',
           value ->> 'customer_name', value ->> 'email', value ->> 'email_key', value ->> 'contact_name',
           value ->> 'role', value ->> 'locale', value ->> 'time_zone', value ->> 'merged', unhex(value ->> 'salt'), value ->> 'follows_id', 'queued', 0, $3
         FROM"
    };
}

/// Adds deliveries and queues them. Nothing is sent before the notice is released. Where a row is refused, SQLite has rolled the
/// whole transaction back.
pub async fn insert(conn: &mut Conn, notice_id: Uuid, lane: i64, now: Timestamp, packed: &Packed) -> Result<()> {
    if packed.from == packed.to {
        return Ok(());
    }
    let dialect = Dialect::of(conn);
    // OR ROLLBACK: else SQLite keeps a copy of every page that the statement changes, in case it must take back that one alone.
    let deliveries = dialect.pick(
        concat!("INSERT OR ROLLBACK ", into_deliveries!(), " jsonb_each($1)"),
        concat!("INSERT ", into_deliveries!(), " jsonb_array_elements($1::jsonb)"),
    );
    sqlx::query(deliveries)
        .bind(&packed.rows)
        .bind(notice_id.to_string())
        .bind(now.as_millisecond())
        .execute(&mut *conn)
        .await?;
    // From what was just written: parsing the rows a second time would cost more than reading them.
    let queue = dialect.pick(
        "INSERT OR ROLLBACK INTO queue (delivery_id, notice_id, lane, domain, due_at, attempts, waited, token)
         SELECT id, notice_id, $4, substr(email, instr(email, '@') + 1), $5, 0, 0, 0
         FROM deliveries WHERE notice_id = $1 AND ordinal >= $2 AND ordinal < $3",
        "INSERT INTO queue (delivery_id, notice_id, lane, domain, due_at, attempts, waited, token)
         SELECT id, notice_id, $4, substr(email, strpos(email, '@') + 1), $5, 0, 0, 0
         FROM deliveries WHERE notice_id = $1 AND ordinal >= $2 AND ordinal < $3",
    );
    sqlx::query(queue)
        .bind(notice_id.to_string())
        .bind(i64::try_from(packed.from).unwrap_or(i64::MAX))
        .bind(i64::try_from(packed.to).unwrap_or(i64::MAX))
        .bind(lane)
        .bind(now.as_millisecond())
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes customers of the audience with nobody to address.
pub async fn insert_unaddressed(conn: &mut Conn, notice_id: Uuid, customers: &[(String, String)]) -> Result<()> {
    #[derive(Serialize)]
    struct Customer<'a> {
        account_id: &'a str,
        name: &'a str,
    }
    let rows: Vec<_> = customers.iter().map(|(account_id, name)| Customer { account_id, name }).collect();
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO unaddressed (notice_id, account_id, customer_name)
         SELECT $2, value ->> 'account_id', value ->> 'name' FROM",
        rows
    );
    sqlx::query(sql).bind(json(&rows)).bind(notice_id.to_string()).execute(conn).await?;
    Ok(())
}

/// How many deliveries a release has written, and how many customers with nobody to address.
pub async fn written(conn: &mut Conn, notice_id: Uuid) -> Result<(u64, u64)> {
    let row = sqlx::query(
        "SELECT (SELECT COUNT(*) FROM deliveries WHERE notice_id = $1) AS deliveries,
           (SELECT COUNT(*) FROM unaddressed WHERE notice_id = $1) AS unaddressed",
    )
    .bind(notice_id.to_string())
    .fetch_one(conn)
    .await?;
    let row = Row::of("deliveries", &row);
    Ok((row.count("deliveries")?, row.count("unaddressed")?))
}

/// Removes some of the deliveries of a release that did not come to its manifest; gives how many. Call until it gives 0.
pub async fn discard(conn: &mut Conn, notice_id: Uuid, limit: u32) -> Result<u64> {
    let id = notice_id.to_string();
    // First: while there are deliveries, whoever comes after one that was killed finds that something is left.
    sqlx::query("DELETE FROM unaddressed WHERE notice_id = $1").bind(&id).execute(&mut *conn).await?;
    sqlx::query(
        "DELETE FROM queue WHERE delivery_id IN (SELECT id FROM deliveries WHERE notice_id = $1 ORDER BY ordinal LIMIT $2)",
    )
    .bind(&id)
    .bind(i64::from(limit))
    .execute(&mut *conn)
    .await?;
    let done = sqlx::query(
        "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE notice_id = $1 ORDER BY ordinal LIMIT $2)",
    )
    .bind(&id)
    .bind(i64::from(limit))
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
