//! Deliveries: one notice to one contact, from the freezing of the audience to the outcome.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

use super::customers::json;
use super::dialect::Dialect;
use super::recipients::Recipient;
use super::row::Row;
use super::{Conn, Result};
use crate::domain::address::{Address, AddressKey};
use crate::domain::category::Role;
use crate::domain::coverage::Known;
use crate::domain::delivery::{Failure, Level, State};
use crate::domain::entry::commitment;
use crate::domain::locale::{Locale, ZoneName};

/// A delivery as coverage, status and `informed` show it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Id.
    pub id: Uuid,
    /// The notice.
    pub notice_id: Uuid,
    /// Place in the manifest.
    pub ordinal: u64,
    /// Account id.
    pub account_id: String,
    /// The customer's name at release.
    pub customer_name: String,
    /// Address.
    pub email: String,
    /// Role that was addressed.
    pub role: Role,
    /// State; `sending` while a worker holds it.
    pub state: State,
    /// How strong the evidence is.
    pub level: Option<Level>,
    /// Transactions so far that came past MAIL FROM.
    pub attempts: u64,
    /// The server's last reply, or what an operator found.
    pub reply: Option<String>,
    /// When the state changed last.
    pub at: Timestamp,
}

impl Shown {
    /// Returns true if the state is an operator's finding, and no server's answer.
    #[must_use]
    pub fn is_found(&self) -> bool {
        self.level == Some(Level::OperatorFound)
    }

    /// What coverage counts by.
    #[must_use]
    pub const fn known(&self) -> Known {
        Known { state: self.state, level: self.level, at: self.at }
    }
}

macro_rules! shown {
    ($rest:literal) => {
        concat!(
            "SELECT d.id, d.notice_id, d.ordinal, d.account_id, d.customer_name, d.email, d.role, d.level, d.attempts, \
             d.reply, d.changed_at, CASE WHEN q.lease_owner IS NOT NULL THEN 'sending' ELSE d.state END AS state \
             FROM deliveries d LEFT JOIN queue q ON q.delivery_id = d.id ",
            $rest
        )
    };
}

fn read_shown(row: &sqlx::any::AnyRow) -> Result<Shown> {
    let row = Row::of("deliveries", row);
    Ok(Shown {
        id: row.id("id")?,
        notice_id: row.id("notice_id")?,
        ordinal: row.count("ordinal")?,
        account_id: row.get("account_id")?,
        customer_name: row.get("customer_name")?,
        email: row.get("email")?,
        role: row.parse("role")?,
        state: row.parse("state")?,
        level: row.maybe("level")?,
        attempts: row.count("attempts")?,
        reply: row.get("reply")?,
        at: row.time("changed_at")?,
    })
}

/// A page of a notice's deliveries in manifest order, from `ordinal` on.
pub async fn of_notice(conn: &mut Conn, notice_id: Uuid, ordinal: u64, limit: u32) -> Result<Vec<Shown>> {
    let rows = sqlx::query(shown!("WHERE d.notice_id = $1 AND d.ordinal >= $2 ORDER BY d.ordinal LIMIT $3"))
        .bind(notice_id.to_string())
        .bind(i64::try_from(ordinal).unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?;
    rows.iter().map(read_shown).collect()
}

/// A page of a notice's deliveries that are stored in one state, in manifest order from `ordinal` on. It reads the notice until
/// the page is full.
pub async fn in_state(conn: &mut Conn, notice_id: Uuid, state: State, ordinal: u64, limit: u32) -> Result<Vec<Shown>> {
    // `sending` is the state of a lease: the stored one is another.
    let rows = sqlx::query(shown!(
        "WHERE d.notice_id = $1 AND d.ordinal >= $2 AND CASE WHEN q.lease_owner IS NOT NULL THEN 'sending' \
         ELSE d.state END = $4 ORDER BY d.ordinal LIMIT $3"
    ))
    .bind(notice_id.to_string())
    .bind(i64::try_from(ordinal).unwrap_or(i64::MAX))
    .bind(i64::from(limit))
    .bind(state.as_str())
    .fetch_all(conn)
    .await?;
    rows.iter().map(read_shown).collect()
}

/// A page of a notice's deliveries that failed: ids and ordinals in manifest order from `ordinal` on.
pub async fn failed(
    conn: &mut Conn,
    notice_id: Uuid,
    failure: Failure,
    ordinal: u64,
    limit: u32,
) -> Result<Vec<(Uuid, u64)>> {
    let state = match failure {
        Failure::Rejected | Failure::NotCarried => State::Rejected,
        Failure::Expired => State::Expired,
    };
    let rows = sqlx::query(
        "SELECT d.id, d.ordinal FROM deliveries d
         WHERE d.notice_id = $1 AND d.ordinal >= $2 AND d.state = $4 AND ($5 = 0 OR (d.level IS NULL AND NOT EXISTS (
           SELECT 1 FROM attempts a WHERE a.delivery_id = d.id AND a.outcome = 'rejected' AND a.code IS NOT NULL)))
         ORDER BY d.ordinal LIMIT $3",
    )
    .bind(notice_id.to_string())
    .bind(i64::try_from(ordinal).unwrap_or(i64::MAX))
    .bind(i64::from(limit))
    .bind(state.as_str())
    .bind(i64::from(failure == Failure::NotCarried))
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let row = Row::of("deliveries", row);
            Ok((row.id("id")?, row.count("ordinal")?))
        })
        .collect()
}

/// The account ids of a page of a notice's deliveries, in manifest order from `ordinal` on without repetition, and the ordinal to
/// go on from.
pub async fn accounts(
    conn: &mut Conn,
    notice_id: Uuid,
    ordinal: u64,
    limit: u32,
) -> Result<Option<(Vec<String>, u64)>> {
    let rows = sqlx::query(
        "SELECT account_id, ordinal FROM deliveries WHERE notice_id = $1 AND ordinal >= $2 ORDER BY ordinal LIMIT $3",
    )
    .bind(notice_id.to_string())
    .bind(i64::try_from(ordinal).unwrap_or(i64::MAX))
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?;
    let Some(last) = rows.last() else { return Ok(None) };
    let next = Row::of("deliveries", last).count("ordinal")? + 1;
    let mut seen = BTreeSet::new();
    let mut accounts = Vec::with_capacity(rows.len());
    for row in &rows {
        let account_id: String = Row::of("deliveries", row).get("account_id")?;
        if seen.insert(account_id.clone()) {
            accounts.push(account_id);
        }
    }
    Ok(Some((accounts, next)))
}

/// A notice's deliveries to some customers, by account id, each in manifest order.
pub async fn of_customers(conn: &mut Conn, notice_id: Uuid, accounts: &[&str]) -> Result<BTreeMap<String, Vec<Shown>>> {
    let sql = Dialect::of(conn).pick(
        shown!("WHERE d.notice_id = $1 AND d.account_id IN (SELECT value FROM json_each($2)) ORDER BY d.ordinal + 0"),
        shown!(
            "WHERE d.notice_id = $1 AND d.account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) \
             ORDER BY d.ordinal + 0"
        ),
    );
    let rows = sqlx::query(sql).bind(notice_id.to_string()).bind(json(accounts)).fetch_all(conn).await?;
    let mut found: BTreeMap<String, Vec<Shown>> = BTreeMap::new();
    for row in &rows {
        let shown = read_shown(row)?;
        found.entry(shown.account_id.clone()).or_default().push(shown);
    }
    Ok(found)
}

/// A notice's deliveries to one customer.
pub async fn of_customer(conn: &mut Conn, notice_id: Uuid, account_id: &str) -> Result<Vec<Shown>> {
    // `+ 0`: sorting a handful of rows is cheaper than walking the whole notice in manifest order.
    let rows = sqlx::query(shown!("WHERE d.notice_id = $1 AND d.account_id = $2 ORDER BY d.ordinal + 0"))
        .bind(notice_id.to_string())
        .bind(account_id)
        .fetch_all(conn)
        .await?;
    rows.iter().map(read_shown).collect()
}

/// One delivery.
pub async fn find(conn: &mut Conn, id: Uuid) -> Result<Option<Shown>> {
    let row = sqlx::query(shown!("WHERE d.id = $1")).bind(id.to_string()).fetch_optional(conn).await?;
    row.as_ref().map(read_shown).transpose()
}

/// The deliveries of a notice to some customers: by account id and the key of the address, for follow-ups.
pub async fn to_follow(
    conn: &mut Conn,
    notice_id: Uuid,
    accounts: &[&str],
) -> Result<BTreeMap<(String, AddressKey), String>> {
    let sql = Dialect::of(conn).pick(
        "SELECT id, account_id, email_key FROM deliveries
         WHERE notice_id = $1 AND account_id IN (SELECT value FROM json_each($2)) AND email <> ''",
        "SELECT id, account_id, email_key FROM deliveries
         WHERE notice_id = $1 AND account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) AND email <> ''",
    );
    let rows = sqlx::query(sql).bind(notice_id.to_string()).bind(json(accounts)).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            let row = Row::of("deliveries", row);
            Ok(((row.get("account_id")?, AddressKey::stored(row.get("email_key")?)), row.get("id")?))
        })
        .collect()
}

/// Customers that a notice addressed, from an ordinal on in manifest order, each whole: account ids and names, at least one while
/// there are any, from about `limit` deliveries; and the ordinal to go on from. All deliveries to a customer stand together.
pub async fn customers(
    conn: &mut Conn,
    notice_id: Uuid,
    from: u64,
    limit: u32,
) -> Result<(Vec<(String, String)>, u64)> {
    let rows = sqlx::query(
        "SELECT account_id, customer_name, ordinal FROM deliveries WHERE notice_id = $1 AND ordinal >= $2
         ORDER BY ordinal LIMIT $3",
    )
    .bind(notice_id.to_string())
    .bind(i64::try_from(from).unwrap_or(i64::MAX))
    .bind(i64::from(limit))
    .fetch_all(&mut *conn)
    .await?;
    let mut customers: Vec<(String, String)> = Vec::new();
    let (mut begun, mut next) = (from, from);
    for row in &rows {
        let row = Row::of("deliveries", row);
        let account_id: String = row.get("account_id")?;
        let ordinal = row.count("ordinal")?;
        if customers.last().is_none_or(|(last, _)| *last != account_id) {
            customers.push((account_id, row.get("customer_name")?));
            begun = ordinal;
        }
        next = ordinal + 1;
    }
    if rows.len() == limit as usize {
        // The last one may go on.
        if customers.len() > 1 {
            customers.pop();
            next = begun;
        } else if let Some((account_id, _)) = customers.first() {
            next = after_customer(conn, notice_id, account_id).await?;
        }
    }
    Ok((customers, next))
}

/// The ordinal after the last delivery to a customer.
async fn after_customer(conn: &mut Conn, notice_id: Uuid, account_id: &str) -> Result<u64> {
    let row = sqlx::query(
        "SELECT COALESCE(MAX(ordinal) + 1, 0) AS next FROM deliveries WHERE account_id = $1 AND notice_id = $2",
    )
    .bind(account_id)
    .bind(notice_id.to_string())
    .fetch_one(conn)
    .await?;
    Row::of("deliveries", &row).count("next")
}

/// A page of the customers of a notice's audience with nobody to address, by account id after `after`: account ids and names.
pub async fn unaddressed_after(
    conn: &mut Conn,
    notice_id: Uuid,
    after: &str,
    limit: u32,
) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query(
        "SELECT account_id, customer_name FROM unaddressed WHERE notice_id = $1 AND account_id > $2
         ORDER BY account_id LIMIT $3",
    )
    .bind(notice_id.to_string())
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let row = Row::of("unaddressed", row);
            Ok((row.get("account_id")?, row.get("customer_name")?))
        })
        .collect()
}

/// The customers of a notice's audience with nobody to address: account ids and names.
pub async fn unaddressed(conn: &mut Conn, notice_id: Uuid) -> Result<Vec<(String, String)>> {
    let rows =
        sqlx::query("SELECT account_id, customer_name FROM unaddressed WHERE notice_id = $1 ORDER BY account_id")
            .bind(notice_id.to_string())
            .fetch_all(conn)
            .await?;
    rows.iter()
        .map(|row| {
            let row = Row::of("unaddressed", row);
            Ok((row.get("account_id")?, row.get("customer_name")?))
        })
        .collect()
}

/// Returns true for a customer of a notice's audience with nobody to address.
pub async fn is_unaddressed(conn: &mut Conn, notice_id: Uuid, account_id: &str) -> Result<bool> {
    let row = sqlx::query("SELECT account_id FROM unaddressed WHERE notice_id = $1 AND account_id = $2")
        .bind(notice_id.to_string())
        .bind(account_id)
        .fetch_optional(conn)
        .await?;
    Ok(row.is_some())
}

/// How many deliveries of a notice are in each state; they sum to its recipients.
pub async fn counts(conn: &mut Conn, notice_id: Uuid) -> Result<BTreeMap<State, u64>> {
    let rows = sqlx::query(
        "SELECT CASE WHEN q.lease_owner IS NOT NULL THEN 'sending' ELSE d.state END AS shown, COUNT(*) AS n
         FROM deliveries d LEFT JOIN queue q ON q.delivery_id = d.id WHERE d.notice_id = $1 GROUP BY 1",
    )
    .bind(notice_id.to_string())
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let row = Row::of("deliveries", row);
            Ok((row.parse("shown")?, row.count("n")?))
        })
        .collect()
}

/// How many deliveries of a released notice with so many recipients are in each state, from the counts that the database
/// maintains: the notice is not read.
pub async fn tally(conn: &mut Conn, notice_id: Uuid, recipients: u64) -> Result<BTreeMap<State, u64>> {
    let id = notice_id.to_string();
    let rows = sqlx::query(
        "SELECT state, CAST(SUM(n) AS BIGINT) AS n FROM delivery_counts WHERE notice_id = $1 GROUP BY state",
    )
    .bind(&id)
    .fetch_all(&mut *conn)
    .await?;
    let mut counts = BTreeMap::new();
    for row in &rows {
        let row = Row::of("delivery_counts", row);
        counts.insert(row.parse("state")?, row.count("n")?);
    }
    let others: u64 = counts.values().sum();
    counts.insert(State::Queued, recipients.saturating_sub(others));
    let leased = sqlx::query(
        "SELECT d.state, COUNT(*) AS n FROM queue q JOIN deliveries d ON d.id = q.delivery_id
         WHERE q.lease_owner IS NOT NULL AND q.notice_id = $1 GROUP BY d.state",
    )
    .bind(&id)
    .fetch_all(conn)
    .await?;
    for row in &leased {
        let row = Row::of("deliveries", row);
        let stored: &mut u64 = counts.entry(row.parse("state")?).or_default();
        let leased = row.count("n")?.min(*stored);
        *stored -= leased;
        *counts.entry(State::Sending).or_default() += leased;
    }
    counts.retain(|_, count| *count > 0);
    Ok(counts)
}

/// Adds up the counts that [`tally`] reads. On PostgreSQL every statement that changes states appends its own, so that nodes do
/// not wait for each other; on SQLite there is one for each state. The caller holds the notice's row.
pub async fn add_up(conn: &mut Conn, notice_id: Uuid) -> Result<()> {
    if Dialect::of(conn) == Dialect::Sqlite {
        return Ok(());
    }
    let id = notice_id.to_string();
    let rows = sqlx::query("DELETE FROM delivery_counts WHERE notice_id = $1 RETURNING state, n")
        .bind(&id)
        .fetch_all(&mut *conn)
        .await?;
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for row in &rows {
        let row = Row::of("delivery_counts", row);
        *sums.entry(row.get("state")?).or_default() += row.get::<i64>("n")?;
    }
    for (state, n) in sums.into_iter().filter(|(_, n)| *n != 0) {
        sqlx::query("INSERT INTO delivery_counts (notice_id, state, n) VALUES ($1, $2, $3)")
            .bind(&id)
            .bind(state)
            .bind(n)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// What a worker needs to make and send a delivery's message.
#[derive(Clone, Debug)]
pub struct ToSend {
    /// Id.
    pub id: Uuid,
    /// Place in the manifest.
    pub ordinal: u64,
    /// Account id.
    pub account_id: String,
    /// The customer's name at release.
    pub customer_name: String,
    /// Address.
    pub email: Address,
    /// The person's name.
    pub contact_name: String,
    /// Role addressed.
    pub role: Role,
    /// The person's language, where known.
    pub locale: Option<Locale>,
    /// The person's zone, where known.
    pub time_zone: Option<ZoneName>,
    /// Values of placeholders beyond the names.
    pub merged: BTreeMap<String, String>,
    /// The delivery it follows, for threading.
    pub follows_id: Option<Uuid>,
    /// State as stored.
    pub state: State,
    /// True where the person opted out of the notice's category.
    pub opted_out: bool,
    /// The gravest suppression of the address, `dead` before all others.
    pub suppression: Option<crate::domain::preference::Reason>,
}

impl ToSend {
    /// Whom it is to, as far as recording its end takes.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        Recipient {
            id: self.id,
            ordinal: self.ordinal,
            account_id: self.account_id.clone(),
            email: self.email.as_str().to_owned(),
            role: self.role.as_str().to_owned(),
            customer_name: self.customer_name.clone(),
        }
    }
}

/// What workers need to send these deliveries, all of one notice; those whose person was erased are left out.
pub async fn to_send(conn: &mut Conn, category: &str, ids: &[String]) -> Result<Vec<ToSend>> {
    each_to_send(conn, category, ids).await?.into_iter().collect()
}

/// The same, each by itself: one that cannot be read does not keep the others from being sent.
pub async fn each_to_send(conn: &mut Conn, category: &str, ids: &[String]) -> Result<Vec<Result<ToSend>>> {
    let sql = Dialect::of(conn).pick(
        "SELECT d.id, d.ordinal, d.account_id, d.customer_name, d.email, d.contact_name, d.role, d.locale, d.time_zone,
           d.merged, d.follows_id, d.state,
           (SELECT COUNT(*) FROM preferences p WHERE p.email_key = d.email_key AND p.category = $2) AS opted_out,
           (SELECT s.reason FROM suppressions s WHERE s.email_key = d.email_key
             ORDER BY CASE s.reason WHEN 'dead' THEN 0 ELSE 1 END LIMIT 1) AS suppression
         FROM deliveries d WHERE d.id IN (SELECT value FROM json_each($1)) AND d.email <> ''",
        "SELECT d.id, d.ordinal, d.account_id, d.customer_name, d.email, d.contact_name, d.role, d.locale, d.time_zone,
           d.merged, d.follows_id, d.state,
           (SELECT COUNT(*) FROM preferences p WHERE p.email_key = d.email_key AND p.category = $2) AS opted_out,
           (SELECT s.reason FROM suppressions s WHERE s.email_key = d.email_key
             ORDER BY CASE s.reason WHEN 'dead' THEN 0 ELSE 1 END LIMIT 1) AS suppression
         FROM deliveries d WHERE d.id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) AND d.email <> ''",
    );
    let rows = sqlx::query(sql).bind(json(ids)).bind(category).fetch_all(conn).await?;
    Ok(rows.iter().map(read_to_send).collect())
}

fn read_to_send(row: &sqlx::any::AnyRow) -> Result<ToSend> {
    let row = Row::of("deliveries", row);
    Ok(ToSend {
        id: row.id("id")?,
        ordinal: row.count("ordinal")?,
        account_id: row.get("account_id")?,
        customer_name: row.get("customer_name")?,
        email: row.parse_with("email", Address::parse)?,
        contact_name: row.get("contact_name")?,
        role: row.parse("role")?,
        locale: row.maybe("locale")?,
        time_zone: row.maybe("time_zone")?,
        merged: row.maybe_json("merged")?.unwrap_or_default(),
        follows_id: row.maybe("follows_id")?,
        state: row.parse("state")?,
        opted_out: row.count("opted_out")? > 0,
        suppression: row.maybe("suppression")?,
    })
}

/// A recipient's commitment in the manifest.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Place in the manifest.
    pub ordinal: u64,
    /// Account id.
    pub account_id: String,
    /// Address; empty once erased.
    pub email: String,
    /// Salt of the commitment; deleted with the person.
    pub salt: Option<[u8; 32]>,
    /// The commitment itself, once the salt is deleted.
    pub commitment: Option<[u8; 32]>,
}

impl Committed {
    /// The commitment; `None` where neither it nor its salt is there.
    #[must_use]
    pub fn commitment(&self) -> Option<[u8; 32]> {
        match &self.salt {
            Some(salt) => Some(commitment(salt, &self.account_id, &self.email)),
            None => self.commitment,
        }
    }
}

/// A page of a notice's recipients in manifest order, from `ordinal` on.
pub async fn committed(conn: &mut Conn, notice_id: Uuid, ordinal: u64, limit: u32) -> Result<Vec<Committed>> {
    let rows = sqlx::query(
        "SELECT id, ordinal, account_id, email, salt, commitment FROM deliveries
         WHERE notice_id = $1 AND ordinal >= $2 ORDER BY ordinal LIMIT $3",
    )
    .bind(notice_id.to_string())
    .bind(i64::try_from(ordinal).unwrap_or(i64::MAX))
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?;
    rows.iter().map(read_committed).collect()
}

fn read_committed(row: &sqlx::any::AnyRow) -> Result<Committed> {
    let row = Row::of("deliveries", row);
    Ok(Committed {
        ordinal: row.count("ordinal")?,
        account_id: row.get("account_id")?,
        email: row.get("email")?,
        salt: row.maybe_bytes("salt")?,
        commitment: row.maybe_bytes("commitment")?,
    })
}
