//! The ledger's tables: openings (what an entry says and under which salts), and pending leaves that wait for their index.
//!
//! Entries are appended here in the transaction that does what they record. Nothing in this file changes an entry.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::customers::json;
use super::dialect::{Dialect, bulk};
use super::row::{Row, hex};
use super::{Conn, Result};
use crate::domain::entry::Entry;

/// An entry, with what it is about.
#[derive(Clone, Debug)]
pub struct Opening<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// The notice.
    pub notice_id: Option<Uuid>,
    /// The delivery.
    pub delivery_id: Option<Uuid>,
    /// The address that it is about, where it is about no delivery.
    pub subject: Option<&'a str>,
    /// When.
    pub at: Timestamp,
}

impl<'a> Opening<'a> {
    /// Of an entry about a delivery.
    #[must_use]
    pub const fn of_delivery(entry: &'a Entry, notice_id: Uuid, delivery_id: Uuid, at: Timestamp) -> Self {
        Self { entry, notice_id: Some(notice_id), delivery_id: Some(delivery_id), subject: None, at }
    }

    /// Of an entry about a notice as a whole.
    #[must_use]
    pub const fn of_notice(entry: &'a Entry, notice_id: Uuid, at: Timestamp) -> Self {
        Self { entry, notice_id: Some(notice_id), delivery_id: None, subject: None, at }
    }

    /// Of an entry about an address, whatever notices went there.
    #[must_use]
    pub const fn of_address(entry: &'a Entry, address: &'a str, at: Timestamp) -> Self {
        Self { entry, notice_id: None, delivery_id: None, subject: Some(address), at }
    }

    /// Of an entry about the ledger itself.
    #[must_use]
    pub const fn about_nothing(entry: &'a Entry, at: Timestamp) -> Self {
        Self { entry, notice_id: None, delivery_id: None, subject: None, at }
    }
}

#[derive(Serialize)]
struct OpeningRow<'a> {
    id: String,
    notice_id: Option<String>,
    delivery_id: Option<String>,
    subject: Option<&'a str>,
    event: &'static str,
    at: i64,
    fact: String,
    fact_salt: String,
    person: String,
    person_salt: String,
    leaf: String,
}

/// Appends entries; they get their index later.
pub async fn append(conn: &mut Conn, openings: &[Opening<'_>]) -> Result<()> {
    if openings.is_empty() {
        return Ok(());
    }
    let dialect = Dialect::of(conn);
    let rows: Vec<_> = openings
        .iter()
        .map(|opening| OpeningRow {
            id: opening.entry.id.to_string(),
            notice_id: opening.notice_id.map(|id| id.to_string()),
            delivery_id: opening.delivery_id.map(|id| id.to_string()),
            subject: opening.subject,
            event: opening.entry.event.as_str(),
            at: opening.at.as_millisecond(),
            fact: hex(&opening.entry.fact),
            fact_salt: hex(&opening.entry.fact_salt),
            person: hex(&opening.entry.person),
            person_salt: hex(&opening.entry.person_salt),
            leaf: hex(&opening.entry.leaf),
        })
        .collect();
    let rows = json(&rows);
    let openings = bulk!(
        dialect,
        "INSERT INTO ledger_openings (entry_id, notice_id, delivery_id, subject, event, at, fact, fact_salt, person,
           person_salt)
         SELECT value ->> 'id', value ->> 'notice_id', value ->> 'delivery_id', value ->> 'subject', value ->> 'event',
           CAST(value ->> 'at' AS BIGINT), unhex(value ->> 'fact'), unhex(value ->> 'fact_salt'),
           unhex(value ->> 'person'), unhex(value ->> 'person_salt') FROM",
        rows
    );
    sqlx::query(openings).bind(&rows).execute(&mut *conn).await?;
    let pending = bulk!(
        dialect,
        "INSERT INTO ledger_pending (entry_id, leaf) SELECT value ->> 'id', unhex(value ->> 'leaf') FROM",
        rows
    );
    sqlx::query(pending).bind(&rows).execute(conn).await?;
    Ok(())
}

/// An entry's opening as stored; person and salt are absent once erased.
#[derive(Clone, Debug)]
pub struct StoredOpening {
    /// The entry.
    pub entry_id: Uuid,
    /// Its delivery.
    pub delivery_id: Option<Uuid>,
    /// Its event.
    pub event: String,
    /// Canonical bytes of the fact.
    pub fact: Vec<u8>,
    /// Salt of the fact.
    pub fact_salt: Vec<u8>,
    /// Canonical bytes of the person.
    pub person: Option<Vec<u8>>,
    /// Salt of the person.
    pub person_salt: Option<Vec<u8>>,
}

/// All entries about a notice, in the order they were made.
pub async fn of_notice(conn: &mut Conn, notice_id: Uuid) -> Result<Vec<StoredOpening>> {
    let rows = sqlx::query(
        "SELECT entry_id, delivery_id, event, fact, fact_salt, person, person_salt FROM ledger_openings
         WHERE notice_id = $1 AND delivery_id IS NULL
         UNION ALL SELECT o.entry_id, o.delivery_id, o.event, o.fact, o.fact_salt, o.person, o.person_salt
         FROM deliveries d JOIN ledger_openings o ON o.delivery_id = d.id WHERE d.notice_id = $1 ORDER BY 1",
    )
    .bind(notice_id.to_string())
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let row = Row::of("ledger_openings", row);
            Ok(StoredOpening {
                entry_id: row.id("entry_id")?,
                delivery_id: row.maybe("delivery_id")?,
                event: row.get("event")?,
                fact: row.get("fact")?,
                fact_salt: row.get("fact_salt")?,
                person: row.get("person")?,
                person_salt: row.get("person_salt")?,
            })
        })
        .collect()
}

/// How many entries have their index, and how many wait for one.
pub async fn sizes(conn: &mut Conn) -> Result<(u64, u64)> {
    let row = sqlx::query(
        "SELECT (SELECT size FROM ledger_head WHERE id = 1) AS size, (SELECT COUNT(*) FROM ledger_pending) AS pending",
    )
    .fetch_one(conn)
    .await?;
    let row = Row::of("ledger_head", &row);
    Ok((row.count("size")?, row.count("pending")?))
}
