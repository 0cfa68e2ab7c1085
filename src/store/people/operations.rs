//! Who did what, beyond notices and deliveries, for as long as the ledger's entries about it name somebody.

use jiff::Timestamp;
use uuid::Uuid;

use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// An `operated` entry that still names who did it.
#[derive(Clone, Debug)]
pub struct Operated {
    /// The entry.
    pub entry_id: Uuid,
    /// When it was done.
    pub at: Timestamp,
    /// Canonical bytes of its person part.
    pub person: Vec<u8>,
}

/// A page of the `operated` entries of before a time, by time and id, after `after`. An entry about a notice whose persons are
/// still stored goes with these, one about a delivery with its person; those about an address at a customer under a hold, or about a
/// notice under one, are left out.
pub async fn ended(
    conn: &mut Conn,
    before: Timestamp,
    after: Option<(Timestamp, Uuid)>,
    limit: u32,
) -> Result<Vec<Operated>> {
    let (at, id) = after.map_or((i64::MIN, Uuid::nil()), |(at, id)| (at.as_millisecond(), id));
    let sql = "SELECT o.entry_id, o.at, o.person FROM ledger_openings o
         WHERE o.event = 'operated' AND o.delivery_id IS NULL AND o.person_salt IS NOT NULL
           AND o.at < $1 AND (o.at, o.entry_id) > ($2, $3)
           AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.id = o.notice_id AND n.purged_at IS NULL)
           AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.notice_id = o.notice_id)
           AND NOT EXISTS (SELECT 1 FROM contacts k JOIN holds h ON h.account_id = k.account_id
             WHERE k.email_key = o.subject)
           AND NOT EXISTS (SELECT 1 FROM deliveries d JOIN holds h ON h.account_id = d.account_id OR h.notice_id = d.notice_id
             WHERE d.email_key = o.subject AND d.email_key <> '')
         ORDER BY o.at, o.entry_id LIMIT $4";
    query!(sql, before, at, id, limit)
        .all(conn, |row| {
            let row = Row::of("ledger_openings", row);
            Ok(Operated { entry_id: row.id("entry_id")?, at: row.time("at")?, person: row.get("person")? })
        })
        .await
}
