//! A person's data, wherever it is kept: found by address, and cleared.
//!
//! What is cleared here is overwritten in the file on SQLite (`secure_delete`); [`crate::store::Store::scrub`] then leaves
//! no copy in the file or its log. PostgreSQL keeps old row versions until VACUUM, and its log until it is recycled.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::address::{Address, AddressKey};
use crate::domain::category::{Category, Role};
use crate::domain::delivery::State;
use crate::store::engine::dialect::{Dialect, among, bulk, json, json_ids};
use crate::store::engine::query::query;
use crate::store::engine::row::{Row, hex};
use crate::store::people::imports;
use crate::store::{Conn, Result};

/// A contact as a person may see it.
#[derive(Clone, Debug, Serialize)]
pub struct SubjectContact {
    /// Account id.
    pub account_id: String,
    /// Name of the customer.
    pub customer_name: String,
    /// Name of the person.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Language.
    pub locale: Option<String>,
    /// Time zone.
    pub time_zone: Option<String>,
    /// Since when it is no longer in use.
    pub deactivated_at: Option<Timestamp>,
}

/// The contacts with an address.
pub async fn contacts(conn: &mut Conn, key: &AddressKey) -> Result<Vec<SubjectContact>> {
    let sql = "SELECT k.account_id, COALESCE(c.name, '') AS customer_name, k.name, k.role, k.locale, k.time_zone, k.deactivated_at
         FROM contacts k LEFT JOIN customers c ON c.account_id = k.account_id WHERE k.email_key = $1
         ORDER BY k.account_id, k.role";
    query!(sql, key.as_str())
        .all(conn, |row| {
            let row = Row::of("contacts", row);
            Ok(SubjectContact {
                account_id: row.get("account_id")?,
                customer_name: row.get("customer_name")?,
                name: row.get("name")?,
                role: row.parse("role")?,
                locale: row.get("locale")?,
                time_zone: row.get("time_zone")?,
                deactivated_at: row.maybe_time("deactivated_at")?,
            })
        })
        .await
}

/// A delivery that names a person.
#[derive(Clone, Debug)]
pub struct SubjectDelivery {
    /// Id.
    pub id: Uuid,
    /// Its notice.
    pub notice_id: Uuid,
    /// Category of the notice.
    pub category: Category,
    /// When the notice was released.
    pub released_at: Option<Timestamp>,
    /// Place in the manifest.
    pub ordinal: u64,
    /// Account id.
    pub account_id: String,
    /// Address.
    pub email: String,
    /// Salt of the commitment.
    pub salt: Option<[u8; 32]>,
    /// State as stored.
    pub state: State,
    /// The end of the notice, or the last change of the delivery if that is later or the notice has not ended.
    pub ended_at: Timestamp,
}

macro_rules! deliveries {
    ($rest:literal) => {
        concat!(
            "SELECT d.id, d.notice_id, n.category, n.released_at, d.ordinal, d.account_id, d.email, d.salt, d.state, \
             d.changed_at, n.closed_at \
             FROM deliveries d JOIN notices n ON n.id = d.notice_id ",
            $rest
        )
    };
}

fn read_delivery(row: &sqlx::any::AnyRow) -> Result<SubjectDelivery> {
    let row = Row::of("deliveries", row);
    let changed_at = row.time("changed_at")?;
    Ok(SubjectDelivery {
        id: row.id("id")?,
        notice_id: row.id("notice_id")?,
        category: row.parse("category")?,
        released_at: row.maybe_time("released_at")?,
        ordinal: row.count("ordinal")?,
        account_id: row.get("account_id")?,
        email: row.get("email")?,
        salt: row.maybe_bytes("salt")?,
        state: row.parse("state")?,
        ended_at: row.maybe_time("closed_at")?.max(Some(changed_at)).unwrap_or(changed_at),
    })
}

/// Holds the places in the queue of deliveries until the transaction ends; returns those in it, and whether a worker has them.
pub async fn lock_queue(conn: &mut Conn, deliveries: &[Uuid]) -> Result<Vec<(Uuid, bool)>> {
    let sql = Dialect::of(conn).pick(
        "SELECT delivery_id, lease_owner FROM queue WHERE delivery_id IN (SELECT value FROM json_each($1))",
        "SELECT delivery_id, lease_owner FROM queue
         WHERE delivery_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) FOR UPDATE",
    );
    query!(sql, json_ids(deliveries))
        .all(conn, |row| {
            let row = Row::of("queue", row);
            Ok((row.id("delivery_id")?, row.get::<Option<String>>("lease_owner")?.is_some()))
        })
        .await
}

/// Removes deliveries of releases that did not come to their manifest: nothing was promised by them.
pub async fn discard(conn: &mut Conn, deliveries: &[Uuid]) -> Result<()> {
    for sql in [
        among!(conn, "DELETE FROM queue WHERE delivery_id", in "$1"),
        among!(conn, "DELETE FROM deliveries WHERE id", in "$1"),
    ] {
        query!(sql, json_ids(deliveries)).run(&mut *conn).await?;
    }
    Ok(())
}

/// The deliveries to an address.
pub async fn deliveries(conn: &mut Conn, key: &AddressKey) -> Result<Vec<SubjectDelivery>> {
    let sql = deliveries!("WHERE d.email_key = $1 AND d.email_key <> '' ORDER BY d.notice_id, d.ordinal");
    query!(sql, key.as_str()).all(conn, read_delivery).await
}

/// Deliveries of a notice that still name a person, from `ordinal` on, those to customers under a hold left out.
pub async fn unpurged(conn: &mut Conn, notice_id: Uuid, ordinal: u64, limit: u32) -> Result<Vec<SubjectDelivery>> {
    let sql = deliveries!(
        "WHERE d.notice_id = $1 AND d.ordinal >= $2 AND d.salt IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.account_id = d.account_id OR h.notice_id = $1)
         ORDER BY d.ordinal LIMIT $3"
    );
    query!(sql, notice_id, ordinal, limit).all(conn, read_delivery).await
}

/// Some deliveries of a category's closed notices whose customers left, and which were released, before a time. Of a customer that
/// is not stored any more nobody knows when it left: its time counts from the end of the notice, or from the last change of the
/// delivery if that is later. Those to customers under a hold are left out.
pub async fn ended_contracts(
    conn: &mut Conn,
    category: Category,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<SubjectDelivery>> {
    let sql = deliveries!(
        "WHERE n.category = $1 AND n.released_at < $2 AND n.closed_at IS NOT NULL AND d.salt IS NOT NULL
           AND (d.account_id IN (SELECT account_id FROM customers WHERE status = 'left' AND updated_at < $2)
             OR n.closed_at < $2 AND d.changed_at < $2
               AND NOT EXISTS (SELECT 1 FROM customers c WHERE c.account_id = d.account_id))
           AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.account_id = d.account_id OR h.notice_id = d.notice_id)
         LIMIT $3"
    );
    query!(sql, category.as_str(), before, limit).all(conn, read_delivery).await
}

/// A delivery whose person is cleared, and what stays of its commitment.
#[derive(Clone, Debug)]
pub struct Cleared {
    /// The delivery.
    pub id: Uuid,
    /// The recipient's commitment, meaningless without its salt.
    pub commitment: [u8; 32],
}

/// Clears the persons of deliveries: openings, salts, addresses, names, messages, replies, places in the queue. Returns the
/// entries whose opening was deleted.
pub async fn clear_deliveries(conn: &mut Conn, cleared: &[Cleared]) -> Result<Vec<Uuid>> {
    #[derive(Serialize)]
    struct ClearedRow {
        id: String,
        commitment: String,
    }
    if cleared.is_empty() {
        return Ok(Vec::new());
    }
    let dialect = Dialect::of(conn);
    let rows: Vec<_> =
        cleared.iter().map(|it| ClearedRow { id: it.id.to_string(), commitment: hex(&it.commitment) }).collect();
    let rows = json(&rows);
    let deliveries = bulk!(
        dialect,
        "UPDATE deliveries SET commitment = r.commitment, salt = NULL, email = '', email_key = '', contact_name = '',
           merged = NULL, row_key = NULL, reply = NULL, locale = NULL, time_zone = NULL
         FROM (SELECT value ->> 'id' AS id, unhex(value ->> 'commitment') AS commitment FROM",
        rows,
        ") AS r WHERE deliveries.id = r.id"
    );
    query!(deliveries, &rows).run(&mut *conn).await?;
    let openings = bulk!(
        dialect,
        "UPDATE ledger_openings SET person = NULL, person_salt = NULL, mould = NULL, mould_values = NULL, subject = NULL
         WHERE person_salt IS NOT NULL AND delivery_id IN (SELECT value ->> 'id' FROM",
        rows,
        ") RETURNING entry_id"
    );
    let openings = query!(openings, &rows).all(&mut *conn, entry_id).await?;
    for statement in [
        bulk!(dialect, "UPDATE attempts SET reply = '' WHERE delivery_id IN (SELECT value ->> 'id' FROM", rows, ")"),
        bulk!(dialect, "DELETE FROM queue WHERE delivery_id IN (SELECT value ->> 'id' FROM", rows, ")"),
        bulk!(
            dialect,
            "UPDATE reports SET recipient = NULL, diagnostic = NULL, remote = NULL
             WHERE delivery_id IN (SELECT value ->> 'id' FROM",
            rows,
            ")"
        ),
        bulk!(
            dialect,
            "UPDATE inbound SET raw = NULL, recipient = NULL, sender = NULL
             WHERE delivery_id IN (SELECT value ->> 'id' FROM",
            rows,
            ")"
        ),
    ] {
        query!(statement, &rows).run(&mut *conn).await?;
    }
    Ok(openings)
}

pub(in crate::store) fn entry_id(row: &sqlx::any::AnyRow) -> Result<Uuid> {
    Row::of("ledger_openings", row).id("entry_id")
}

/// Clears whatever is kept of an address itself, deliveries excepted. Returns the entries whose opening was deleted.
pub async fn clear_address(conn: &mut Conn, key: &AddressKey) -> Result<Vec<Uuid>> {
    let sql = "UPDATE ledger_openings SET person = NULL, person_salt = NULL, mould = NULL, mould_values = NULL, subject = NULL WHERE subject = $1
         RETURNING entry_id";
    let openings = query!(sql, key).all(&mut *conn, entry_id).await?;
    for statement in [
        "DELETE FROM contacts WHERE email_key = $1",
        "DELETE FROM preferences WHERE email_key = $1",
        "DELETE FROM suppressions WHERE email_key = $1",
        "DELETE FROM reads WHERE email_key = $1",
    ] {
        query!(statement, key.as_str()).run(&mut *conn).await?;
    }
    Ok(openings)
}

/// Clears openings that are found one by one.
pub async fn clear_openings(conn: &mut Conn, entries: &[Uuid]) -> Result<()> {
    let sql = among!(
        conn,
        "UPDATE ledger_openings SET person = NULL, person_salt = NULL, mould = NULL, mould_values = NULL, subject = NULL
         WHERE entry_id", in "$1"
    );
    query!(sql, json_ids(entries)).run(conn).await
}

/// Puts an address in place of another at every contact. If a customer has both in one role, the old one is deleted. Returns
/// how many contacts changed.
pub async fn replace_address(conn: &mut Conn, old: &AddressKey, new: &Address) -> Result<u64> {
    imports::revise(conn).await?;
    let key = new.key();
    if *old != key {
        merge_contacts(conn, old, &key).await?;
    }
    let sql = "UPDATE contacts SET email_key = $2, email = $3 WHERE email_key = $1";
    let done = query!(sql, old.as_str(), key.as_str(), new.as_str()).changed(&mut *conn).await?;
    // An objection and a restriction are the person's, not the address's; that the old address is dead says nothing of the new.
    for statement in [
        "INSERT INTO preferences (email_key, email, category, opted_out_at, source)
         SELECT $2, $3, category, opted_out_at, source FROM preferences WHERE email_key = $1
         ON CONFLICT (email_key, category) DO NOTHING",
        "INSERT INTO suppressions (email_key, email, reason, since)
         SELECT $2, $3, reason, since FROM suppressions WHERE email_key = $1 AND reason <> 'dead'
         ON CONFLICT (email_key, reason) DO NOTHING",
    ] {
        query!(statement, old.as_str(), key.as_str(), new.as_str()).run(&mut *conn).await?;
    }
    Ok(done)
}

/// Deletes the contacts of an address at customers that have another one in the same role already; that one is in use again if
/// the deleted one was.
async fn merge_contacts(conn: &mut Conn, old: &AddressKey, new: &AddressKey) -> Result<()> {
    for statement in [
        "UPDATE contacts SET deactivated_at = NULL WHERE email_key = $2 AND EXISTS (SELECT 1 FROM contacts k
           WHERE k.account_id = contacts.account_id AND k.role = contacts.role AND k.email_key = $1
             AND k.deactivated_at IS NULL)",
        "DELETE FROM contacts WHERE email_key = $1 AND EXISTS (SELECT 1 FROM contacts k
           WHERE k.account_id = contacts.account_id AND k.role = contacts.role AND k.email_key = $2)",
    ] {
        query!(statement, old.as_str(), new.as_str()).run(&mut *conn).await?;
    }
    Ok(())
}

/// Lifts the restriction of an address. False where there was none.
pub async fn lift_restriction(conn: &mut Conn, key: &AddressKey) -> Result<bool> {
    let sql = "DELETE FROM suppressions WHERE email_key = $1 AND reason = 'restricted'";
    query!(sql, key.as_str()).changed_one(conn).await
}

/// Those of these addresses whose data is restricted.
pub async fn restricted(conn: &mut Conn, among: &[&str]) -> Result<Vec<AddressKey>> {
    let sql = among!(
        conn,
        "SELECT email_key FROM suppressions WHERE reason = 'restricted'
           AND email_key", in "$1",
        " ORDER BY email_key"
    );
    query!(sql, json(&among))
        .all(conn, |row| Ok(AddressKey::stored(Row::of("suppressions", row).get("email_key")?)))
        .await
}

/// A page of the addresses whose data is restricted, in the order of their keys, after `after`.
pub async fn restricted_after(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<AddressKey>> {
    let sql = "SELECT email_key FROM suppressions WHERE reason = 'restricted' AND email_key > $1
         ORDER BY email_key LIMIT $2";
    query!(sql, after, limit)
        .all(conn, |row| Ok(AddressKey::stored(Row::of("suppressions", row).get("email_key")?)))
        .await
}

/// Somebody's look at the record of a person whose data is restricted.
#[derive(Clone, Debug, Serialize)]
pub struct Read {
    /// Who looked.
    pub operator: String,
    /// At what.
    pub what: String,
    /// When.
    pub at: Timestamp,
}

/// Notes a look.
pub async fn insert_read(conn: &mut Conn, id: Uuid, key: &AddressKey, read: &Read) -> Result<()> {
    let sql = "INSERT INTO reads (id, email_key, operator, what, at) VALUES ($1, $2, $3, $4, $5)";
    query!(sql, id, key.as_str(), &read.operator, &read.what, read.at).run(conn).await
}

/// Who looked at an address's record.
pub async fn reads(conn: &mut Conn, key: &AddressKey) -> Result<Vec<Read>> {
    let sql = "SELECT id, operator, what, at FROM reads WHERE email_key = $1 ORDER BY id";
    query!(sql, key.as_str())
        .all(conn, |row| {
            let row = Row::of("reads", row);
            Ok(Read { operator: row.get("operator")?, what: row.get("what")?, at: row.time("at")? })
        })
        .await
}

/// A page of the keys of all addresses that are stored anywhere, in order, after `after`.
pub async fn addresses(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<AddressKey>> {
    // Each table gives a page in the order of its index: all of them together would be read again for every page.
    let sql = "SELECT email_key FROM (
           SELECT email_key FROM (SELECT DISTINCT email_key FROM contacts
             WHERE email_key > $1 ORDER BY email_key LIMIT $2) AS a
           UNION SELECT email_key FROM (SELECT DISTINCT email_key FROM deliveries
             WHERE email_key > $1 AND email_key <> '' ORDER BY email_key LIMIT $2) AS b
           UNION SELECT email_key FROM (SELECT DISTINCT email_key FROM preferences
             WHERE email_key > $1 ORDER BY email_key LIMIT $2) AS c
           UNION SELECT email_key FROM (SELECT DISTINCT email_key FROM suppressions
             WHERE email_key > $1 ORDER BY email_key LIMIT $2) AS d
           UNION SELECT email_key FROM (SELECT DISTINCT email_key FROM reads
             WHERE email_key > $1 ORDER BY email_key LIMIT $2) AS e
           UNION SELECT old_key FROM (SELECT old_key FROM rectifications
             WHERE old_key > $1 ORDER BY old_key LIMIT $2) AS f
           UNION SELECT new_key FROM (SELECT DISTINCT new_key FROM rectifications
             WHERE new_key > $1 ORDER BY new_key LIMIT $2) AS g
           UNION SELECT subject FROM (SELECT DISTINCT subject FROM ledger_openings
             WHERE subject > $1 ORDER BY subject LIMIT $2) AS h) AS everywhere ORDER BY email_key LIMIT $2";
    query!(sql, after, limit).all(conn, |row| Ok(AddressKey::stored(Row::of("contacts", row).get("email_key")?))).await
}
