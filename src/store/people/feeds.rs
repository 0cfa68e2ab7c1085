//! Feeds: the calendars that customers subscribe to, and the notices that are in them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::locale::{Locale, ZoneName};
use crate::store::engine::dialect::{among, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// Makes the feed of a customer, unless it has one. Returns its id, and whether it was made.
pub async fn make(conn: &mut Conn, account_id: &str, id: Uuid, now: Timestamp) -> Result<(Uuid, bool)> {
    let sql = "INSERT INTO feeds (account_id, id, created_at) VALUES ($1, $2, $3) ON CONFLICT (account_id) DO NOTHING";
    query!(sql, account_id, id, now).run(&mut *conn).await?;
    let sql = "SELECT id FROM feeds WHERE account_id = $1";
    let found = query!(sql, account_id).one(conn, |row| Row::of("feeds", row).id("id")).await?;
    Ok((found, found == id))
}

/// The id of the feed of a customer, if it has one.
pub async fn of_customer(conn: &mut Conn, account_id: &str) -> Result<Option<Uuid>> {
    query!("SELECT id FROM feeds WHERE account_id = $1", account_id)
        .first(conn, |row| Row::of("feeds", row).id("id"))
        .await
}

/// Ends the feed of a customer. Returns its id, if it had one.
pub async fn remove(conn: &mut Conn, account_id: &str) -> Result<Option<Uuid>> {
    query!("DELETE FROM feeds WHERE account_id = $1 RETURNING id", account_id)
        .first(conn, |row| Row::of("feeds", row).id("id"))
        .await
}

/// The customer whose feed this is, as long as it is stored.
pub async fn customer(conn: &mut Conn, id: Uuid) -> Result<Option<String>> {
    let sql = "SELECT f.account_id FROM feeds f JOIN customers c ON c.account_id = f.account_id WHERE f.id = $1";
    query!(sql, id).first(conn, |row| Row::of("feeds", row).get("account_id")).await
}

/// The last notice of a matter that was for a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// The notice.
    pub notice_id: Uuid,
    /// The matter.
    pub matter_id: Uuid,
    /// The reference of the first notice of the matter.
    pub reference: Option<String>,
    /// Its place among the released notices of the matter, from 1.
    pub sequence: u64,
    /// The language of the first recipient who is still known, if it is.
    pub locale: Option<Locale>,
    /// Their zone, if known.
    pub zone: Option<ZoneName>,
    /// Values of placeholders beyond the names.
    pub merged: BTreeMap<String, String>,
}

/// True for a notice of this name that was for the customer `$1`: with a delivery that was not cancelled, or, unless it was cancelled itself, with
/// nobody to address.
macro_rules! theirs {
    ($notice:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM deliveries d WHERE d.account_id = $1 AND d.notice_id = ",
            $notice,
            ".id AND d.state <> 'cancelled') OR (",
            $notice,
            ".state <> 'cancelled' AND EXISTS (SELECT 1 FROM unaddressed u WHERE u.notice_id = ",
            $notice,
            ".id AND u.account_id = $1)))"
        )
    };
}

/// The maintenance that a customer was to be informed of: the last notice of each matter, if its window has not ended before `since`, those
/// that end last first, at most `limit`. A notice that was cancelled before it went out to the customer does not count.
pub async fn maintenance(conn: &mut Conn, account_id: &str, since: Timestamp, limit: usize) -> Result<Vec<Last>> {
    let sql = concat!(
        "SELECT n.id, n.matter_id, n.sequence, f.reference FROM notices n LEFT JOIN notices f ON f.id = n.matter_id
         WHERE n.window_end >= $2 AND n.sequence IS NOT NULL AND ",
        theirs!("n"),
        " AND NOT EXISTS (SELECT 1 FROM notices l WHERE l.matter_id = n.matter_id AND l.sequence > n.sequence
             AND l.window_end IS NOT NULL AND ",
        theirs!("l"),
        ") ORDER BY n.window_end DESC, n.matter_id LIMIT $3"
    );
    let rows = query!(sql, account_id, since, limit).rows(&mut *conn).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let row = Row::of("notices", row);
        found.push(Last {
            notice_id: row.id("id")?,
            matter_id: row.id("matter_id")?,
            reference: row.get("reference")?,
            sequence: row.count("sequence")?,
            locale: None,
            zone: None,
            merged: BTreeMap::new(),
        });
    }
    view(conn, account_id, &mut found).await?;
    Ok(found)
}

/// Completes the notices by their first recipients at the customer. One who was erased has neither language nor values.
async fn view(conn: &mut Conn, account_id: &str, found: &mut [Last]) -> Result<()> {
    let ids: Vec<String> = found.iter().map(|last| last.notice_id.to_string()).collect();
    let sql = among!(
        conn,
        "SELECT notice_id, locale, time_zone, merged FROM deliveries
         WHERE account_id = $1 AND notice_id", in "$2",
        " AND state <> 'cancelled'
         ORDER BY CASE WHEN email = '' THEN 1 ELSE 0 END, ordinal"
    );
    let rows = query!(sql, account_id, json(&ids)).rows(conn).await?;
    let mut seen = BTreeSet::new();
    for row in &rows {
        let row = Row::of("deliveries", row);
        let notice = row.id("notice_id")?;
        if let Some(last) = found.iter_mut().find(|last| last.notice_id == notice).filter(|_| seen.insert(notice)) {
            last.locale = row.known("locale")?;
            last.zone = row.known("time_zone")?;
            last.merged = row.maybe_json("merged")?.unwrap_or_default();
        }
    }
    Ok(())
}
