//! Deliveries: one notice to one contact, from the freezing of the audience to the outcome.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use uuid::Uuid;

pub use crate::store::sending::shown::{Shown, To, failed, find, in_state, of_customer, of_customers, of_notice, to};
pub use crate::store::sending::tally::{add_up, counts, maintained, tally};

use crate::domain::address::{Address, AddressKey};
use crate::domain::category::Role;
use crate::domain::delivery::State;
use crate::domain::locale::{Locale, ZoneName};
use crate::store::engine::dialect::{Dialect, among, json, json_ids};
use crate::store::engine::query::query;
use crate::store::engine::row::{Row, place};
use crate::store::notices::Continued;
use crate::store::sending::recipients::Recipient;
use crate::store::{Conn, Result, StoreError};

/// Message-IDs in a thread at most: the first one and the last ones, as `References` commonly has them.
const THREAD: usize = 10;

/// The messages of a matter that contacts of some customers had, as far as we know: by account id and the key of the address, for
/// follow-ups. They are Message-IDs without brackets, with blanks between them, the last one last.
pub async fn threads(
    conn: &mut Conn,
    continued: &Continued,
    accounts: &[&str],
) -> Result<BTreeMap<(String, AddressKey), String>> {
    let sql = among!(
        conn,
        "SELECT d.id, d.account_id, d.email_key, d.thread, n.message_domain
         FROM notices n JOIN deliveries d ON d.notice_id = n.id
         WHERE n.matter_id = $1 AND n.id <> $2 AND n.sequence < $3
           AND d.account_id", in "$4",
        " AND d.state IN ('accepted', 'delivered', 'uncertain') AND d.email <> ''
         ORDER BY n.sequence, d.id"
    );
    let query = query!(
        sql,
        continued.matter_id,
        continued.notice_id,
        continued.before.map_or(i64::MAX, |place| i64::try_from(place).unwrap_or(i64::MAX)),
        json(accounts)
    );
    let mut threads = BTreeMap::new();
    for row in &query.rows(conn).await? {
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
    let sql = among!(
        conn,
        "SELECT id, account_id, email, row_key FROM deliveries
         WHERE notice_id = $1 AND account_id", in "$2",
        " AND row_key", in "$3",
        " ORDER BY ordinal + 0"
    );
    let query = query!(sql, notice_id, json(accounts), json(keys));
    let mut found: BTreeMap<String, Vec<OfRow>> = BTreeMap::new();
    for row in &query.rows(conn).await? {
        let row = Row::of("deliveries", row);
        let of_row = OfRow { id: row.get("id")?, account_id: row.get("account_id")?, email: row.get("email")? };
        found.entry(row.get("row_key")?).or_default().push(of_row);
    }
    Ok(found)
}

/// What was mailed as a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailed {
    /// The delivery.
    pub id: Uuid,
    /// Its address; empty once the person was erased.
    pub email: String,
    /// The domain of its Message-ID.
    pub message_domain: String,
}

/// What was mailed as these deliveries, as far as there are such.
pub async fn mailed(conn: &mut Conn, ids: &[Uuid]) -> Result<Vec<Mailed>> {
    let sql = Dialect::of(conn).pick(
        "SELECT d.id, d.email, n.message_domain FROM json_each($1) AS k
         CROSS JOIN deliveries d CROSS JOIN notices n WHERE d.id = k.value AND n.id = d.notice_id",
        "SELECT d.id, d.email, n.message_domain FROM deliveries d JOIN notices n ON n.id = d.notice_id
         WHERE d.id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))",
    );
    query!(sql, json_ids(ids))
        .all(conn, |row| {
            let row = Row::of("deliveries", row);
            Ok(Mailed { id: row.id("id")?, email: row.get("email")?, message_domain: row.get("message_domain")? })
        })
        .await
}

/// The newest delivery to an address.
pub async fn latest_to(conn: &mut Conn, key: &AddressKey) -> Result<Option<Uuid>> {
    // `id` begins with its time.
    let sql = "SELECT MAX(id) AS id FROM deliveries WHERE email_key = $1 AND email_key <> ''";
    query!(sql, key.as_str()).one(conn, |row| Row::of("deliveries", row).maybe("id")).await
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
    let sql = "SELECT account_id, customer_name, ordinal FROM deliveries WHERE notice_id = $1 AND ordinal >= $2
         ORDER BY ordinal LIMIT $3";
    let rows = query!(sql, notice_id, from, limit).rows(&mut *conn).await?;
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
    let sql = among!(
        conn,
        "SELECT DISTINCT account_id FROM deliveries
         WHERE notice_id = $1 AND account_id", in "$2",
        " AND ordinal + 0 < $3"
    );
    query!(sql, notice_id, json(accounts), ordinal).all(conn, |row| Row::of("deliveries", row).get("account_id")).await
}

/// A page of the customers of a notice's audience with nobody to address, by account id after `after`: account ids and names.
pub async fn unaddressed_after(
    conn: &mut Conn,
    notice_id: Uuid,
    after: &str,
    limit: u32,
) -> Result<Vec<(String, String)>> {
    let sql = "SELECT account_id, customer_name FROM unaddressed WHERE notice_id = $1 AND account_id > $2
         ORDER BY account_id LIMIT $3";
    query!(sql, notice_id, after, limit)
        .all(conn, |row| {
            let row = Row::of("unaddressed", row);
            Ok((row.get("account_id")?, row.get("customer_name")?))
        })
        .await
}

/// Returns the name at release of a customer of a notice's audience with nobody to address; `None` if it is none of them.
pub async fn unaddressed_name(conn: &mut Conn, notice_id: Uuid, account_id: &str) -> Result<Option<String>> {
    let sql = "SELECT customer_name FROM unaddressed WHERE notice_id = $1 AND account_id = $2";
    query!(sql, notice_id, account_id).first(conn, |row| Row::of("unaddressed", row).get("customer_name")).await
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

/// What a message to a delivery `d` of a notice `n` needs, as one value: a row with a column for each would cost a multiple. Its
/// fields are those of [`Packed`].
macro_rules! packed {
    ($array:literal) => {
        concat!(
            "CAST(",
            $array,
            "(d.ordinal, d.account_id, d.customer_name, d.email, d.contact_name, d.role, d.locale, d.time_zone, d.merged, d.thread,
               (SELECT f.id FROM feeds f WHERE f.account_id = d.account_id AND n.category = 'maintenance'), d.state,
               (SELECT COUNT(*) FROM preferences p WHERE p.email_key = d.email_key AND p.category = n.category),
               (SELECT s.reason FROM suppressions s WHERE s.email_key = d.email_key
                 ORDER BY CASE s.reason WHEN 'dead' THEN 0 ELSE 1 END LIMIT 1)) AS TEXT)"
        )
    };
}
pub(super) use packed;

/// The fields of `packed!`, as they are stored.
#[derive(Deserialize)]
struct Packed {
    ordinal: i64,
    account_id: String,
    customer_name: String,
    email: String,
    contact_name: String,
    role: String,
    locale: Option<String>,
    time_zone: Option<String>,
    merged: Option<String>,
    thread: Option<String>,
    feed: Option<String>,
    state: String,
    opted_out: u64,
    suppression: Option<String>,
}

/// What workers need to send these deliveries; those whose person was erased are left out.
pub async fn to_send(conn: &mut Conn, ids: &[String]) -> Result<Vec<ToSend>> {
    let sql = Dialect::of(conn).pick(
        concat!(
            "SELECT d.id, ",
            packed!("json_array"),
            " AS packed FROM deliveries d JOIN notices n ON n.id = d.notice_id
              WHERE d.id IN (SELECT value FROM json_each($1)) AND d.email <> ''"
        ),
        concat!(
            "SELECT d.id, ",
            packed!("json_build_array"),
            " AS packed FROM deliveries d JOIN notices n ON n.id = d.notice_id
              WHERE d.id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) AND d.email <> ''"
        ),
    );
    query!(sql, json(ids))
        .all(conn, |row| {
            let row = Row::of("deliveries", row);
            ToSend::unpack(row.id("id")?, &row.get::<String>("packed")?)
        })
        .await
}

impl ToSend {
    /// Reads what `packed!` made.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] if a value is not what its column promises.
    pub fn unpack(id: Uuid, packed: &str) -> Result<Self> {
        let wrong =
            |column, problem| StoreError::Inconsistent { table: "deliveries", column, row: id.to_string(), problem };
        // A parser's own message may quote the value, which may be personal data.
        let unreadable = |column| wrong(column, "is not a value of this column".to_owned());
        let it: Packed = serde_json::from_str(packed).map_err(|problem| wrong("packed", place(&problem)))?;
        let merged = it.merged.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            id,
            ordinal: u64::try_from(it.ordinal).map_err(|_| unreadable("ordinal"))?,
            account_id: it.account_id,
            customer_name: it.customer_name,
            email: Address::parse(&it.email).map_err(|_| unreadable("email"))?,
            contact_name: it.contact_name,
            role: it.role.parse().map_err(|_| unreadable("role"))?,
            locale: it.locale.and_then(|locale| locale.parse().ok()),
            time_zone: it.time_zone.and_then(|zone| zone.parse().ok()),
            merged: merged.map_err(|problem| wrong("merged", place(&problem)))?.unwrap_or_default(),
            thread: it.thread.as_deref().unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
            feed: it.feed.map(|feed| feed.parse().map_err(|_| unreadable("feed"))).transpose()?,
            state: it.state.parse().map_err(|_| unreadable("state"))?,
            opted_out: it.opted_out > 0,
            suppression: it
                .suppression
                .map(|reason| reason.parse().map_err(|_| unreadable("suppression")))
                .transpose()?,
        })
    }
}
