//! Releases: the hold of a process on one, and what it writes: a delivery for each recipient with its place in the queue, and
//! the customers with nobody to address.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::reviews;
use crate::domain::address::Address;
use crate::domain::coverage::Terms;
use crate::domain::notice::{Standing, State};
use crate::store::engine::dialect::{Dialect, bulk, json};
use crate::store::engine::query::query;
use crate::store::engine::row::{Row, address_columns};
use crate::store::{Conn, Result};

/// Time after which an owner that does not renew its hold loses it, in milliseconds.
const RELEASE_MS: i64 = 30_000;

/// The begin of a release.
#[derive(Clone, Copy, Debug)]
pub struct Releasing<'a> {
    /// The process that holds the release.
    pub owner: &'a str,
    /// Who releases the notice.
    pub actor: &'a str,
    /// Why, in the actor's words.
    pub reason: Option<&'a str>,
    /// Digest of the content that is released.
    pub digest: &'a [u8; 32],
    /// The present time.
    pub now: Timestamp,
}

/// Begins the release of a notice that may be released, or whose release another process has abandoned: its first actor and
/// the reason remain on record then. Returns false if there is nothing to begin, or its content is another one.
pub async fn begin_release(conn: &mut Conn, id: Uuid, releasing: &Releasing<'_>) -> Result<bool> {
    let sql = "UPDATE notices SET state = 'releasing', release_owner = $2, release_until = $3 + $4,
           release_by = CASE state WHEN 'releasing' THEN COALESCE(release_by, $5) ELSE $5 END,
           release_reason = CASE state WHEN 'releasing' THEN release_reason ELSE $7 END
         WHERE id = $1 AND digest = $6 AND (state IN ('approved', 'scheduled') OR (state = 'releasing' AND release_until < $3))";
    query!(
        sql,
        id,
        releasing.owner,
        releasing.now,
        RELEASE_MS,
        releasing.actor,
        releasing.digest.to_vec(),
        releasing.reason
    )
    .changed_one(conn)
    .await
}

/// Renews the hold on a release. Returns false if it was cancelled or taken over.
pub async fn hold_release(conn: &mut Conn, id: Uuid, owner: &str, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE notices SET release_until = $3 + $4 WHERE id = $1 AND state = 'releasing' AND release_owner = $2";
    query!(sql, id, owner, now, RELEASE_MS).changed_one(conn).await
}

/// Ends a release that `owner` holds and that was refused: the notice is `to` again. Returns false if it was cancelled or taken
/// over.
pub async fn end_release(conn: &mut Conn, id: Uuid, owner: &str, to: State) -> Result<bool> {
    let sql = "UPDATE notices SET state = $3, release_by = NULL, release_reason = NULL
         WHERE id = $1 AND state = 'releasing' AND release_owner = $2";
    query!(sql, id, owner, to.as_str()).changed_one(conn).await
}

/// What a release records of a notice.
#[derive(Clone, Copy, Debug)]
pub struct Released<'a> {
    /// Customers in its audience.
    pub customers: u64,
    /// Its recipients.
    pub recipients: u64,
    /// Domain of its Message-IDs.
    pub message_domain: &'a str,
    /// What it is held to.
    pub terms: Terms,
    /// Salt of the commitments to customers with nobody to address.
    pub salt: &'a [u8; 32],
    /// Revision of the customers and contacts that the audience was read from.
    pub revision: u64,
    /// Recipients may be added to it.
    pub standing: bool,
}

/// Makes a notice whose audience is frozen a released one. Returns false if it is no longer being released.
pub async fn set_released(conn: &mut Conn, id: Uuid, now: Timestamp, released: &Released<'_>) -> Result<bool> {
    let sql = "UPDATE notices SET state = 'released', release_by = NULL, release_reason = NULL, released_at = $2, customers = $3,
           recipients = $4, message_domain = $5, audience_salt = $6, contacts_revision = $7,
           informed_at = $8, deadline = $9, standing = $10, approved_audience = NULL, approved_revision = NULL,
           sequence = 1 + COALESCE((SELECT MAX(m.sequence) FROM notices m WHERE m.matter_id = notices.matter_id), 0),
           speaks = CASE WHEN phase IS NULL OR EXISTS (SELECT 1 FROM reminders r WHERE r.reminder_id = notices.id) THEN 0 ELSE 1 END
         WHERE id = $1 AND state = 'releasing'";
    let done = query!(
        sql,
        id,
        now,
        released.customers,
        released.recipients,
        released.message_domain,
        released.salt.to_vec(),
        released.revision,
        released.terms.informed_at.as_str(),
        released.terms.deadline,
        released.standing.then(|| Standing::Open.as_str())
    )
    .changed(&mut *conn)
    .await?;
    let is_released = done == 1;
    if is_released {
        // Nobody decides about it any more.
        reviews::delete(conn, id).await?;
    }
    Ok(is_released)
}

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
    /// The Message-IDs of the messages of the matter that the recipient had before, without brackets, with blanks between them.
    pub thread: Option<String>,
    /// The key of the row that it is added with to a standing notice.
    pub row_key: Option<String>,
    /// When its schedule has it sent, in milliseconds, if that is later than the release.
    pub not_before: Option<i64>,
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
           time_zone, merged, salt, thread, row_key, not_before, state, attempts, changed_at)
         SELECT value ->> 'id', $2, CAST(value ->> 'ordinal' AS BIGINT), value ->> 'account_id',
           value ->> 'customer_name', value ->> 'email', value ->> 'email_key', value ->> 'contact_name',
           value ->> 'role', value ->> 'locale', value ->> 'time_zone', value ->> 'merged', unhex(value ->> 'salt'), value ->> 'thread', value ->> 'row_key',
           CAST(value ->> 'not_before' AS BIGINT), 'queued', 0, $3
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
    query!(deliveries, &packed.rows, notice_id, now).run(&mut *conn).await?;
    // From what was just written: parsing the rows a second time would cost more than reading them.
    let queue = dialect.pick(
        "INSERT OR ROLLBACK INTO queue (delivery_id, notice_id, lane, domain, due_at, attempts, waited, token, not_before)
         SELECT id, notice_id, $4, substr(email, instr(email, '@') + 1), COALESCE(not_before, $5), 0, 0, 0, not_before
         FROM deliveries WHERE notice_id = $1 AND ordinal >= $2 AND ordinal < $3",
        "INSERT INTO queue (delivery_id, notice_id, lane, domain, due_at, attempts, waited, token, not_before)
         SELECT id, notice_id, $4, substr(email, strpos(email, '@') + 1), COALESCE(not_before, $5), 0, 0, 0, not_before
         FROM deliveries WHERE notice_id = $1 AND ordinal >= $2 AND ordinal < $3",
    );
    query!(queue, notice_id, packed.from, packed.to, lane, now).run(conn).await
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
    query!(sql, json(&rows), notice_id).run(conn).await
}

/// How many deliveries a release has written, and how many customers with nobody to address.
pub async fn written(conn: &mut Conn, notice_id: Uuid) -> Result<(u64, u64)> {
    let sql = "SELECT (SELECT COUNT(*) FROM deliveries WHERE notice_id = $1) AS deliveries,
           (SELECT COUNT(*) FROM unaddressed WHERE notice_id = $1) AS unaddressed";
    query!(sql, notice_id)
        .one(conn, |row| {
            let row = Row::of("deliveries", row);
            Ok((row.count("deliveries")?, row.count("unaddressed")?))
        })
        .await
}

/// Removes some of the deliveries of a release that did not come to its manifest; returns how many. To be called until it returns 0.
pub async fn discard(conn: &mut Conn, notice_id: Uuid, limit: u32) -> Result<u64> {
    let id = notice_id.to_string();
    // First: while there are deliveries, whoever comes after one that was killed finds that something is left.
    query!("DELETE FROM unaddressed WHERE notice_id = $1", &id).run(&mut *conn).await?;
    let sql = "DELETE FROM queue WHERE delivery_id IN (SELECT id FROM deliveries WHERE notice_id = $1 ORDER BY ordinal LIMIT $2)";
    query!(sql, &id, limit).run(&mut *conn).await?;
    let sql =
        "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE notice_id = $1 ORDER BY ordinal LIMIT $2)";
    query!(sql, &id, limit).changed(conn).await
}

/// True for a delivery `d` to a customer `c` whose contact is no longer an active one. The contacts of customers that left count
/// only if `$2` is 1.
macro_rules! is_gone {
    () => {
        "d.email <> '' AND ($2 = 1 OR c.status = 'active') AND NOT EXISTS (SELECT 1 FROM contacts k
           WHERE k.account_id = d.account_id AND k.email_key = d.email_key AND k.deactivated_at IS NULL)"
    };
}

/// The queued deliveries of a notice whose contact is no longer an active one, at most `limit`, each with whether a worker holds
/// it. The contacts of customers that left count only if `left`: a mandatory notice still reaches them.
pub async fn gone(conn: &mut Conn, notice_id: Uuid, left: bool, limit: u32) -> Result<Vec<(Uuid, bool)>> {
    let sql = concat!(
        "SELECT q.delivery_id, q.lease_owner FROM queue q
           JOIN deliveries d ON d.id = q.delivery_id JOIN customers c ON c.account_id = d.account_id
         WHERE q.notice_id = $1 AND ",
        is_gone!(),
        " ORDER BY q.lease_owner NULLS FIRST, q.delivery_id LIMIT $3"
    );
    query!(sql, notice_id, left, limit)
        .all(conn, |row| {
            let row = Row::of("queue", row);
            Ok((row.id("delivery_id")?, row.get::<Option<String>>("lease_owner")?.is_some()))
        })
        .await
}

/// Those of some deliveries whose contact is no longer an active one; see [`gone`].
pub async fn gone_of(conn: &mut Conn, ids: &[String], left: bool) -> Result<Vec<Uuid>> {
    let sql = Dialect::of(conn).pick(
        concat!(
            "SELECT d.id FROM deliveries d JOIN customers c ON c.account_id = d.account_id
             WHERE d.id IN (SELECT value FROM json_each($1)) AND ",
            is_gone!(),
            ""
        ),
        concat!(
            "SELECT d.id FROM deliveries d JOIN customers c ON c.account_id = d.account_id
             WHERE d.id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) AND ",
            is_gone!(),
            ""
        ),
    );
    query!(sql, json(ids), left).all(conn, |row| Row::of("deliveries", row).id("id")).await
}

/// Counts recipients that were added to a released notice.
pub async fn add_recipients(conn: &mut Conn, notice_id: Uuid, count: u64) -> Result<()> {
    let sql = "UPDATE notices SET recipients = recipients + $2 WHERE id = $1";
    query!(sql, notice_id, count).run(conn).await
}
