//! Feeds: the calendars that customers subscribe to, and the notices that are in them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::locale::{Locale, ZoneName};
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// Makes the feed of a customer, unless it has one. Returns its id, and whether it was made.
pub async fn make(conn: &mut Conn, account_id: &str, id: Uuid, now: Timestamp) -> Result<(Uuid, bool)> {
    sqlx::query(
        "INSERT INTO feeds (account_id, id, created_at) VALUES ($1, $2, $3) ON CONFLICT (account_id) DO NOTHING",
    )
    .bind(account_id)
    .bind(id.to_string())
    .bind(now.as_millisecond())
    .execute(&mut *conn)
    .await?;
    let row = sqlx::query("SELECT id FROM feeds WHERE account_id = $1").bind(account_id).fetch_one(conn).await?;
    let found = Row::of("feeds", &row).id("id")?;
    Ok((found, found == id))
}

/// The id of the feed of a customer, if it has one.
pub async fn of_customer(conn: &mut Conn, account_id: &str) -> Result<Option<Uuid>> {
    let row = sqlx::query("SELECT id FROM feeds WHERE account_id = $1").bind(account_id).fetch_optional(conn).await?;
    row.as_ref().map(|row| Row::of("feeds", row).id("id")).transpose()
}

/// Ends the feed of a customer. Returns its id, if it had one.
pub async fn remove(conn: &mut Conn, account_id: &str) -> Result<Option<Uuid>> {
    let row = sqlx::query("DELETE FROM feeds WHERE account_id = $1 RETURNING id")
        .bind(account_id)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(|row| Row::of("feeds", row).id("id")).transpose()
}

/// The customer whose feed this is, as long as it is stored.
pub async fn customer(conn: &mut Conn, id: Uuid) -> Result<Option<String>> {
    let sql = "SELECT f.account_id FROM feeds f JOIN customers c ON c.account_id = f.account_id WHERE f.id = $1";
    let row = sqlx::query(sql).bind(id.to_string()).fetch_optional(conn).await?;
    row.as_ref().map(|row| Row::of("feeds", row).get("account_id")).transpose()
}

/// The last notice of a matter that was for a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// The notice.
    pub notice_id: Uuid,
    /// Its place among the released notices of the matter, from 1.
    pub sequence: u64,
    /// The language of the first recipient, if known.
    pub locale: Option<Locale>,
    /// Their zone, if known.
    pub zone: Option<ZoneName>,
    /// Values of placeholders beyond the names.
    pub merged: BTreeMap<String, String>,
}

/// Deliveries to a customer that are looked at: the newest ones.
const NEWEST: i64 = 2000;

/// The maintenance that a customer was to be informed of: the last notice of each matter, by the matter, among the notices from `from`
/// on. A notice that was cancelled before it went out to the customer does not count.
pub async fn maintenance(conn: &mut Conn, account_id: &str, from: Uuid) -> Result<BTreeMap<Uuid, Last>> {
    let rows = sqlx::query(
        "SELECT d.notice_id, n.matter_id, n.sequence, d.locale, d.time_zone, d.merged
         FROM deliveries d JOIN notices n ON n.id = d.notice_id
         WHERE d.account_id = $1 AND d.notice_id >= $2 AND n.category = 'maintenance' AND n.released_at IS NOT NULL
           AND d.state <> 'cancelled'
         ORDER BY d.notice_id DESC, d.ordinal LIMIT $3",
    )
    .bind(account_id)
    .bind(from.to_string())
    .bind(NEWEST)
    .fetch_all(&mut *conn)
    .await?;
    let without = sqlx::query(
        "SELECT u.notice_id, n.matter_id, n.sequence, NULL AS locale, NULL AS time_zone, NULL AS merged
         FROM unaddressed u JOIN notices n ON n.id = u.notice_id
         WHERE u.account_id = $1 AND u.notice_id >= $2 AND n.category = 'maintenance' AND n.released_at IS NOT NULL
         ORDER BY u.notice_id DESC LIMIT $3",
    )
    .bind(account_id)
    .bind(from.to_string())
    .bind(NEWEST)
    .fetch_all(conn)
    .await?;
    let mut last: BTreeMap<Uuid, Last> = BTreeMap::new();
    for row in rows.iter().chain(&without) {
        let row = Row::of("deliveries", row);
        let (matter, sequence) = (row.id("matter_id")?, row.count("sequence")?);
        // The first recipient of each notice comes first.
        if last.get(&matter).is_none_or(|known| known.sequence < sequence) {
            let found = Last {
                notice_id: row.id("notice_id")?,
                sequence,
                locale: row.known("locale")?,
                zone: row.known("time_zone")?,
                merged: row.maybe_json("merged")?.unwrap_or_default(),
            };
            last.insert(matter, found);
        }
    }
    Ok(last)
}
