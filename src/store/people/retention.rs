//! What retention has ended for: found by kind, and deleted in pieces.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::address::AddressKey;
use crate::domain::category::Category;
use crate::store::engine::dialect::{among, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::people::customer_words;
use crate::store::people::subjects::entry_id;
use crate::store::{Conn, Result, escalations};

/// Customers that left before a time, by account, after `after`; those under a hold, and those with a record in one of
/// `categories` that still names a person, are left out: such a record needs to know when the contract ended.
pub async fn left_customers(
    conn: &mut Conn,
    before: Timestamp,
    categories: &[Category],
    after: &str,
    limit: u32,
) -> Result<Vec<String>> {
    let sql = among!(
        conn,
        "SELECT c.account_id FROM customers c WHERE c.status = 'left' AND c.updated_at < $1 AND c.account_id > $3
           AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.account_id = c.account_id)
           AND NOT EXISTS (SELECT 1 FROM deliveries d JOIN notices n ON n.id = d.notice_id
             WHERE d.account_id = c.account_id AND d.salt IS NOT NULL
               AND n.category", in "$2",
        ") ORDER BY c.account_id LIMIT $4"
    );
    let categories: Vec<&str> = categories.iter().map(|category| category.as_str()).collect();
    query!(sql, before, json(&categories), after, limit)
        .all(conn, |row| Row::of("customers", row).get("account_id"))
        .await
}

/// The number of customers that left before a time, and stay since they are under a hold.
pub async fn count_held_customers(conn: &mut Conn, before: Timestamp) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM customers c WHERE c.status = 'left' AND c.updated_at < $1
         AND EXISTS (SELECT 1 FROM holds h WHERE h.account_id = c.account_id)";
    query!(sql, before).count(conn, "customers").await
}

/// Deletes customers with their attributes and contacts.
pub async fn delete_customers(conn: &mut Conn, accounts: &[String]) -> Result<()> {
    customer_words::remove(conn, accounts, false).await?;
    for sql in [
        among!(conn, "DELETE FROM contacts WHERE account_id", in "$1"),
        among!(conn, "DELETE FROM customer_attributes WHERE account_id", in "$1"),
        among!(conn, "DELETE FROM customers WHERE account_id", in "$1"),
    ] {
        query!(sql, json(&accounts)).run(&mut *conn).await?;
    }
    Ok(())
}

/// Notices that were never released and whose last step was before a time, by id, after `after`; those under a hold are left out.
pub async fn drafts(conn: &mut Conn, before: Timestamp, after: &str, limit: u32) -> Result<Vec<Uuid>> {
    let sql = "SELECT n.id FROM notices n WHERE n.released_at IS NULL AND n.created_at < $1 AND n.id > $2
           AND n.state IN ('draft', 'submitted', 'approved', 'declined', 'cancelled')
           AND NOT EXISTS (SELECT 1 FROM notice_steps s WHERE s.notice_id = n.id AND s.at >= $1)
           AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.notice_id = n.id)
           AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.notice_id = n.id) ORDER BY n.id LIMIT $3";
    ids(conn, sql, before, after, limit).await
}

/// Cancels a notice that was never released, so that nobody edits it any more. Returns false if it had a step since `before`.
pub async fn retire_draft(conn: &mut Conn, id: Uuid, before: Timestamp) -> Result<bool> {
    let sql = "UPDATE notices SET state = 'cancelled' WHERE id = $1 AND released_at IS NULL
           AND state IN ('draft', 'submitted', 'approved', 'declined', 'cancelled')
           AND NOT EXISTS (SELECT 1 FROM notice_steps s WHERE s.notice_id = notices.id AND s.at >= $2)";
    query!(sql, id, before).changed_one(conn).await
}

/// Deletes a notice that was never released, with its steps. Its rows are deleted before.
pub async fn delete_draft(conn: &mut Conn, id: Uuid) -> Result<()> {
    for sql in [
        "DELETE FROM notice_rows WHERE notice_id = $1",
        "DELETE FROM notice_steps WHERE notice_id = $1",
        "DELETE FROM notice_reviews WHERE notice_id = $1",
        "DELETE FROM notice_sources WHERE notice_id = $1",
        "DELETE FROM notices WHERE id = $1 AND released_at IS NULL",
    ] {
        query!(sql, id).run(&mut *conn).await?;
    }
    Ok(())
}

/// True if the customer with this account is under no hold.
macro_rules! is_free {
    ($account:literal) => {
        concat!(" AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.account_id = ", $account, ")")
    };
}

/// Notices that closed before a time and still have rows of an audience file, by id, after `after`.
pub async fn with_audience_rows(conn: &mut Conn, before: Timestamp, after: &str, limit: u32) -> Result<Vec<Uuid>> {
    let sql = "SELECT n.id FROM notices n WHERE n.closed_at < $1 AND n.id > $2
           AND EXISTS (SELECT 1 FROM notice_rows r WHERE r.notice_id = n.id) ORDER BY n.id LIMIT $3";
    ids(conn, sql, before, after, limit).await
}

/// Notices that closed before a time and still have attempts, by id, after `after`.
pub async fn with_attempts(conn: &mut Conn, before: Timestamp, after: &str, limit: u32) -> Result<Vec<Uuid>> {
    let sql = "SELECT n.id FROM notices n WHERE n.closed_at < $1 AND n.id > $2 AND n.attempts_purged_at IS NULL
         ORDER BY n.id LIMIT $3";
    ids(conn, sql, before, after, limit).await
}

async fn ids(conn: &mut Conn, sql: &'static str, before: Timestamp, after: &str, limit: u32) -> Result<Vec<Uuid>> {
    query!(sql, before, after, limit).all(conn, |row| Row::of("notices", row).id("id")).await
}

/// The number of rows of a notice's audience file, and of those whose customers are under a hold.
pub async fn count_audience_rows(conn: &mut Conn, notice_id: Uuid) -> Result<(u64, u64)> {
    let sql = "SELECT COUNT(*) AS n, COUNT(CASE WHEN EXISTS (SELECT 1 FROM holds h WHERE h.account_id = r.account_id) THEN 1 END) AS held
         FROM notice_rows r WHERE r.notice_id = $1";
    query!(sql, notice_id)
        .one(conn, |row| {
            let row = Row::of("notice_rows", row);
            Ok((row.count("n")?, row.count("held")?))
        })
        .await
}

/// Deletes up to `limit` rows of a notice's audience file whose customers are under no hold; returns their number.
pub async fn delete_audience_rows(conn: &mut Conn, notice_id: Uuid, limit: u32) -> Result<u64> {
    let sql = concat!(
        "DELETE FROM notice_rows WHERE notice_id = $1
               AND account_id IN (SELECT r.account_id FROM notice_rows r WHERE r.notice_id = $1",
        is_free!("r.account_id"),
        " LIMIT $2)"
    );
    query!(sql, notice_id, limit).changed(conn).await
}

/// The number of attempts for the deliveries of a notice that were made before a time, and of those to customers under a hold.
pub async fn count_attempts(conn: &mut Conn, notice_id: Uuid, before: Timestamp) -> Result<(u64, u64)> {
    let sql = "SELECT COUNT(*) AS n, COUNT(CASE WHEN EXISTS (SELECT 1 FROM holds h WHERE h.account_id = d.account_id) THEN 1 END) AS held
         FROM deliveries d JOIN attempts a ON a.delivery_id = d.id WHERE d.notice_id = $1 AND a.at < $2";
    query!(sql, notice_id, before)
        .one(conn, |row| {
            let row = Row::of("attempts", row);
            Ok((row.count("n")?, row.count("held")?))
        })
        .await
}

/// Deletes the attempts that were made before a time for the deliveries of a notice from `first` to before `end` in the manifest,
/// those to customers under a hold excepted; returns their number.
pub async fn delete_attempts(
    conn: &mut Conn,
    notice_id: Uuid,
    (first, end): (u64, u64),
    before: Timestamp,
) -> Result<u64> {
    let place = |ordinal: u64| i64::try_from(ordinal).unwrap_or(i64::MAX);
    let sql = concat!(
        "DELETE FROM attempts WHERE at < $4 AND delivery_id IN
               (SELECT d.id FROM deliveries d WHERE d.notice_id = $1 AND d.ordinal >= $2 AND d.ordinal < $3",
        is_free!("d.account_id"),
        ")"
    );
    query!(sql, notice_id, place(first), place(end), before).changed(conn).await
}

/// Records that the attempts of a notice were deleted, if it has none left and none is to come. What is sent again later takes
/// the mark away.
pub async fn set_attempts_purged(conn: &mut Conn, notice_id: Uuid, now: Timestamp) -> Result<()> {
    let sql = "UPDATE notices SET attempts_purged_at = $2 WHERE id = $1 AND resent_at IS NULL AND NOT EXISTS
           (SELECT 1 FROM deliveries d JOIN attempts a ON a.delivery_id = d.id WHERE d.notice_id = $1)";
    query!(sql, notice_id, now).run(conn).await
}

/// Addresses that the ledger has entries about and nothing else is stored about, the last one before a time; by key, after `after`.
pub async fn orphaned_addresses(
    conn: &mut Conn,
    before: Timestamp,
    after: &str,
    limit: u32,
) -> Result<Vec<AddressKey>> {
    let sql = "SELECT o.subject FROM ledger_openings o WHERE o.subject > $2
           AND NOT EXISTS (SELECT 1 FROM contacts k WHERE k.email_key = o.subject)
           AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.email_key = o.subject AND d.email_key <> '')
           AND NOT EXISTS (SELECT 1 FROM preferences p WHERE p.email_key = o.subject)
           AND NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.email_key = o.subject)
           AND NOT EXISTS (SELECT 1 FROM rectifications r WHERE r.old_key = o.subject)
         GROUP BY o.subject HAVING MAX(o.at) < $1 ORDER BY o.subject LIMIT $3";
    query!(sql, before, after, limit)
        .all(conn, |row| Ok(AddressKey::stored(Row::of("ledger_openings", row).get("subject")?)))
        .await
}

/// True while a legal hold is on a notice, or on a customer that it addressed, could not address, or is attested for.
pub async fn is_held(conn: &mut Conn, notice_id: Uuid) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM holds h WHERE h.notice_id = $1
           OR h.account_id IN (SELECT account_id FROM deliveries WHERE notice_id = $1)
           OR h.account_id IN (SELECT account_id FROM unaddressed WHERE notice_id = $1)
           OR h.account_id IN (SELECT account_id FROM attestations WHERE notice_id = $1)";
    Ok(query!(sql, notice_id).count(conn, "holds").await? > 0)
}

/// True while a legal hold is on the notice itself: then everything of it stays. A hold on a customer keeps what is the customer's.
pub async fn is_notice_held(conn: &mut Conn, notice_id: Uuid) -> Result<bool> {
    Ok(query!("SELECT COUNT(*) AS n FROM holds h WHERE h.notice_id = $1", notice_id).count(conn, "holds").await? > 0)
}

/// Clears the persons in the entries about a notice as a whole: who took its steps, and the words of attestations. Returns the
/// entries whose opening was deleted.
pub async fn clear_steps(conn: &mut Conn, notice_id: Uuid) -> Result<Vec<Uuid>> {
    let sql = "UPDATE ledger_openings SET person = NULL, person_salt = NULL, mould = NULL, mould_values = NULL, subject = NULL
         WHERE notice_id = $1 AND delivery_id IS NULL AND event IN ('attested', 'operated') AND person_salt IS NOT NULL
         RETURNING entry_id";
    query!(sql, notice_id).all(conn, entry_id).await
}

/// Clears what a notice as a whole stores about persons once its deliveries are cleared: the words of attestations, rows, steps
/// with the entries about them; tasks; moulds, of which no message is stored any more; and records that it is purged. Returns the entries whose opening was deleted.
pub async fn clear_notice(conn: &mut Conn, notice_id: Uuid, now: Timestamp) -> Result<Vec<Uuid>> {
    let id = notice_id.to_string();
    let openings = clear_steps(conn, notice_id).await?;
    for statement in [
        "UPDATE attestations SET note = '', witness = '', withdrawn_why = NULL WHERE notice_id = $1",
        "DELETE FROM notice_rows WHERE notice_id = $1",
        "DELETE FROM notice_steps WHERE notice_id = $1",
        "DELETE FROM moulds WHERE notice_id = $1",
        "DELETE FROM tasks WHERE notice_id = $1",
    ] {
        query!(statement, &id).run(&mut *conn).await?;
    }
    escalations::unwatch(conn, notice_id).await?;
    let sql = "UPDATE notices SET purged_at = $2 WHERE id = $1";
    query!(sql, &id, now).run(conn).await?;
    Ok(openings)
}

/// A notice whose persons may be purged.
#[derive(Clone, Debug)]
pub struct Expirable {
    /// Id.
    pub id: Uuid,
    /// Category.
    pub category: Category,
    /// The author's reference.
    pub reference: Option<String>,
    /// When it was released.
    pub released_at: Timestamp,
    /// Deliveries that still name a person.
    pub persons: u64,
}

macro_rules! expirable {
    ($rest:literal) => {
        concat!(
            "SELECT n.id, n.category, n.reference, n.released_at,
               (SELECT COUNT(*) FROM deliveries d WHERE d.notice_id = n.id AND d.salt IS NOT NULL) AS persons
             FROM notices n WHERE ",
            $rest
        )
    };
}

fn read_expirable(row: &sqlx::any::AnyRow) -> Result<Expirable> {
    let row = Row::of("notices", row);
    Ok(Expirable {
        id: row.id("id")?,
        category: row.parse("category")?,
        reference: row.get("reference")?,
        released_at: row.time("released_at")?,
        persons: row.count("persons")?,
    })
}

/// Notices of a category that were released before a time and are neither purged nor under a hold: closed, or paused before
/// `paused`.
pub async fn expirable(
    conn: &mut Conn,
    category: Category,
    before: Timestamp,
    paused: Timestamp,
) -> Result<Vec<Expirable>> {
    let sql = expirable!(
        "n.category = $1 AND n.released_at < $2 AND n.purged_at IS NULL
           AND (n.closed_at IS NOT NULL OR n.paused_at < $3)
           AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.notice_id = n.id) ORDER BY n.id"
    );
    query!(sql, category.as_str(), before, paused).all(conn, read_expirable).await
}

/// A released notice, as far as retention is concerned.
pub async fn find(conn: &mut Conn, id: Uuid) -> Result<Option<Expirable>> {
    query!(expirable!("n.id = $1 AND n.released_at IS NOT NULL"), id).first(conn, read_expirable).await
}

/// The number of deliveries by notice that [`crate::store::people::subjects::ended_contracts`] would find.
pub async fn count_ended_contracts(conn: &mut Conn, category: Category, before: Timestamp) -> Result<Vec<(Uuid, u64)>> {
    let sql = "SELECT d.notice_id, COUNT(*) AS n FROM deliveries d JOIN notices n ON n.id = d.notice_id
         WHERE n.category = $1 AND n.released_at < $2 AND n.closed_at IS NOT NULL AND d.salt IS NOT NULL
           AND (d.account_id IN (SELECT account_id FROM customers WHERE status = 'left' AND updated_at < $2)
             OR n.closed_at < $2 AND d.changed_at < $2
               AND NOT EXISTS (SELECT 1 FROM customers c WHERE c.account_id = d.account_id))
           AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.account_id = d.account_id OR h.notice_id = d.notice_id)
         GROUP BY d.notice_id ORDER BY d.notice_id";
    query!(sql, category.as_str(), before)
        .all(conn, |row| {
            let row = Row::of("deliveries", row);
            Ok((row.id("notice_id")?, row.count("n")?))
        })
        .await
}

/// Closed notices of a category that were released before a time, name no person any more and are not purged: those whose customers
/// without a delivery have all left before that time.
pub async fn concluded(conn: &mut Conn, category: Category, before: Timestamp) -> Result<Vec<Uuid>> {
    let sql = "SELECT n.id FROM notices n WHERE n.category = $1 AND n.released_at < $2 AND n.closed_at IS NOT NULL
           AND n.purged_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.notice_id = n.id AND d.salt IS NOT NULL)
           AND NOT EXISTS (SELECT 1 FROM unaddressed u JOIN customers c ON c.account_id = u.account_id
             WHERE u.notice_id = n.id AND (c.status = 'active' OR c.updated_at >= $2)) ORDER BY n.id";
    query!(sql, category.as_str(), before).all(conn, |row| Row::of("notices", row).id("id")).await
}
