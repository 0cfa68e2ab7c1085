//! Deliveries: one notice to one contact, from the freezing of the audience to the outcome.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

pub use crate::store::sending::shown::{Shown, To, failed, find, in_state, of_customer, of_customers, of_notice, to};
pub use crate::store::sending::tally::{add_up, counts, maintained, tally};

use crate::domain::address::{Address, AddressKey};
use crate::domain::category::Role;
use crate::domain::delivery::State;
use crate::domain::locale::{Locale, ZoneName};
use crate::store::engine::dialect::{Dialect, json};
use crate::store::engine::row::Row;
use crate::store::notices::Continued;
use crate::store::sending::recipients::Recipient;
use crate::store::{Conn, Result};

/// Message-IDs in a thread at most: the first one and the last ones, as `References` commonly has them.
const THREAD: usize = 10;

/// The messages of a matter that contacts of some customers had, as far as we know: by account id and the key of the address, for
/// follow-ups. They are Message-IDs without brackets, with blanks between them, the last one last.
pub async fn threads(
    conn: &mut Conn,
    continued: &Continued,
    accounts: &[&str],
) -> Result<BTreeMap<(String, AddressKey), String>> {
    let sql = Dialect::of(conn).pick(
        "SELECT d.id, d.account_id, d.email_key, d.thread, n.message_domain
         FROM notices n JOIN deliveries d ON d.notice_id = n.id
         WHERE n.matter_id = $1 AND n.id <> $2 AND n.sequence < $3
           AND d.account_id IN (SELECT value FROM json_each($4))
           AND d.state IN ('accepted', 'delivered', 'uncertain') AND d.email <> ''
         ORDER BY n.sequence, d.id",
        "SELECT d.id, d.account_id, d.email_key, d.thread, n.message_domain
         FROM notices n JOIN deliveries d ON d.notice_id = n.id
         WHERE n.matter_id = $1 AND n.id <> $2 AND n.sequence < $3
           AND d.account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($4::jsonb)))
           AND d.state IN ('accepted', 'delivered', 'uncertain') AND d.email <> ''
         ORDER BY n.sequence, d.id",
    );
    let query = sqlx::query(sql)
        .bind(continued.matter_id.to_string())
        .bind(continued.notice_id.to_string())
        .bind(continued.before.map_or(i64::MAX, |place| i64::try_from(place).unwrap_or(i64::MAX)))
        .bind(json(accounts));
    let mut threads = BTreeMap::new();
    for row in &query.fetch_all(conn).await? {
        let row = Row::of("deliveries", row);
        let (id, domain): (String, String) = (row.get("id")?, row.get("message_domain")?);
        let before: Option<String> = row.maybe("thread")?;
        let mut ids: Vec<&str> = before.as_deref().unwrap_or_default().split_whitespace().collect();
        if ids.len() >= THREAD {
            ids.drain(1..=ids.len() - THREAD + 1);
        }
        let last = format!("{id}@{domain}");
        ids.push(&last);
        threads.insert((row.get("account_id")?, AddressKey::stored(row.get("email_key")?)), ids.join(" "));
    }
    Ok(threads)
}

/// A delivery of a row that was added to a standing notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfRow {
    /// Id.
    pub id: String,
    /// Account id.
    pub account_id: String,
    /// Address.
    pub email: String,
}

/// The deliveries of a standing notice for rows with some keys, all of them of some customers: by key, in manifest order.
pub async fn of_rows(
    conn: &mut Conn,
    notice_id: Uuid,
    accounts: &[&str],
    keys: &[&str],
) -> Result<BTreeMap<String, Vec<OfRow>>> {
    // Found by the customers: there is no index of keys, which would be written with each delivery of every notice.
    let sql = Dialect::of(conn).pick(
        "SELECT id, account_id, email, row_key FROM deliveries
         WHERE notice_id = $1 AND account_id IN (SELECT value FROM json_each($2))
           AND row_key IN (SELECT value FROM json_each($3)) ORDER BY ordinal + 0",
        "SELECT id, account_id, email, row_key FROM deliveries
         WHERE notice_id = $1 AND account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb)))
           AND row_key = ANY (ARRAY(SELECT jsonb_array_elements_text($3::jsonb))) ORDER BY ordinal + 0",
    );
    let query = sqlx::query(sql).bind(notice_id.to_string()).bind(json(accounts)).bind(json(keys));
    let mut found: BTreeMap<String, Vec<OfRow>> = BTreeMap::new();
    for row in &query.fetch_all(conn).await? {
        let row = Row::of("deliveries", row);
        let of_row = OfRow { id: row.get("id")?, account_id: row.get("account_id")?, email: row.get("email")? };
        found.entry(row.get("row_key")?).or_default().push(of_row);
    }
    Ok(found)
}

/// The newest delivery to an address.
pub async fn latest_to(conn: &mut Conn, key: &AddressKey) -> Result<Option<Uuid>> {
    // `id` begins with its time.
    let row = sqlx::query("SELECT MAX(id) AS id FROM deliveries WHERE email_key = $1 AND email_key <> ''")
        .bind(key.as_str())
        .fetch_one(conn)
        .await?;
    Row::of("deliveries", &row).maybe("id")
}

/// A page of the customers that a notice addressed: account ids and names of those whose first delivery is among the next `limit`
/// from an ordinal on, and the ordinal to continue from; `None` at the end. A page may be empty: a customer whose deliveries
/// were replaced after the release has some at the end of the manifest, too.
pub async fn customers(
    conn: &mut Conn,
    notice_id: Uuid,
    from: u64,
    limit: u32,
) -> Result<Option<(Vec<(String, String)>, u64)>> {
    let rows = sqlx::query(
        "SELECT account_id, customer_name, ordinal FROM deliveries WHERE notice_id = $1 AND ordinal >= $2
         ORDER BY ordinal LIMIT $3",
    )
    .bind(notice_id.to_string())
    .bind(i64::try_from(from).unwrap_or(i64::MAX))
    .bind(i64::from(limit))
    .fetch_all(&mut *conn)
    .await?;
    let Some(last) = rows.last() else { return Ok(None) };
    let next = Row::of("deliveries", last).count("ordinal")? + 1;
    let mut customers: Vec<(String, String)> = Vec::new();
    for row in &rows {
        let row = Row::of("deliveries", row);
        customers.push((row.get("account_id")?, row.get("customer_name")?));
    }
    let accounts: Vec<&str> = customers.iter().map(|(account_id, _)| account_id.as_str()).collect();
    let mut seen = addressed_before(conn, notice_id, &accounts, from).await?;
    customers.retain(|(account_id, _)| seen.insert(account_id.clone()));
    Ok(Some((customers, next)))
}

/// Those of some accounts with a delivery of a notice before an ordinal.
async fn addressed_before(
    conn: &mut Conn,
    notice_id: Uuid,
    accounts: &[&str],
    ordinal: u64,
) -> Result<BTreeSet<String>> {
    // `+ 0`: the deliveries are found by their accounts, not by reading all of the notice before the ordinal.
    let sql = Dialect::of(conn).pick(
        "SELECT DISTINCT account_id FROM deliveries
         WHERE notice_id = $1 AND account_id IN (SELECT value FROM json_each($2)) AND ordinal + 0 < $3",
        "SELECT DISTINCT account_id FROM deliveries WHERE notice_id = $1
           AND account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) AND ordinal + 0 < $3",
    );
    let rows = sqlx::query(sql)
        .bind(notice_id.to_string())
        .bind(json(accounts))
        .bind(i64::try_from(ordinal).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| Row::of("deliveries", row).get("account_id")).collect()
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

/// Returns the name at release of a customer of a notice's audience with nobody to address; `None` if it is none of them.
pub async fn unaddressed_name(conn: &mut Conn, notice_id: Uuid, account_id: &str) -> Result<Option<String>> {
    let row = sqlx::query("SELECT customer_name FROM unaddressed WHERE notice_id = $1 AND account_id = $2")
        .bind(notice_id.to_string())
        .bind(account_id)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(|row| Row::of("unaddressed", row).get("customer_name")).transpose()
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
    /// The Message-IDs of the messages of the matter that the recipient had before, without brackets, the last one last.
    pub thread: Vec<String>,
    /// The feed of the customer's calendar, in a notice about maintenance.
    pub feed: Option<Uuid>,
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
            row_key: None,
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
           d.merged, d.thread, d.state,
           (SELECT f.id FROM feeds f WHERE f.account_id = d.account_id AND $2 = 'maintenance') AS feed,
           (SELECT COUNT(*) FROM preferences p WHERE p.email_key = d.email_key AND p.category = $2) AS opted_out,
           (SELECT s.reason FROM suppressions s WHERE s.email_key = d.email_key
             ORDER BY CASE s.reason WHEN 'dead' THEN 0 ELSE 1 END LIMIT 1) AS suppression
         FROM deliveries d WHERE d.id IN (SELECT value FROM json_each($1)) AND d.email <> ''",
        "SELECT d.id, d.ordinal, d.account_id, d.customer_name, d.email, d.contact_name, d.role, d.locale, d.time_zone,
           d.merged, d.thread, d.state,
           (SELECT f.id FROM feeds f WHERE f.account_id = d.account_id AND $2 = 'maintenance') AS feed,
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
    let thread: Option<String> = row.maybe("thread")?;
    Ok(ToSend {
        id: row.id("id")?,
        ordinal: row.count("ordinal")?,
        account_id: row.get("account_id")?,
        customer_name: row.get("customer_name")?,
        email: row.parse_with("email", Address::parse)?,
        contact_name: row.get("contact_name")?,
        role: row.parse("role")?,
        locale: row.known("locale")?,
        time_zone: row.known("time_zone")?,
        merged: row.maybe_json("merged")?.unwrap_or_default(),
        thread: thread.as_deref().unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        feed: row.maybe("feed")?,
        state: row.parse("state")?,
        opted_out: row.count("opted_out")? > 0,
        suppression: row.maybe("suppression")?,
    })
}
