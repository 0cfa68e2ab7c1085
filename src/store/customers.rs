//! Customers and their attributes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::Row as _;
use uuid::Uuid;

use super::dialect::{Dialect, bulk};
use super::row::Row;
use super::{Conn, Result};
use crate::domain::customer::AccountId;

/// A customer as an import brings it.
#[derive(Clone, Debug, Serialize)]
pub struct CustomerRow<'a> {
    /// Account id.
    pub account_id: &'a str,
    /// Name.
    pub name: &'a str,
}

/// One value of an attribute of a customer.
#[derive(Clone, Debug, Serialize)]
pub struct AttributeRow<'a> {
    /// Account id.
    pub account_id: &'a str,
    /// Name of the attribute.
    pub name: &'a str,
    /// The value.
    pub value: &'a str,
    /// Its place among the values.
    pub position: usize,
}

/// A customer in a list.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Account id.
    pub account_id: String,
    /// Name.
    pub name: String,
    /// How many active contacts it has.
    pub contacts: u64,
}

/// A customer with all that is known of it, contacts excepted.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// Account id.
    pub account_id: String,
    /// Name.
    pub name: String,
    /// `active` or `left`.
    pub status: String,
    /// Attributes.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// When it was imported last.
    pub updated_at: Timestamp,
}

/// Adds or updates customers of one import.
pub async fn upsert(conn: &mut Conn, import_id: &str, now: Timestamp, rows: &[CustomerRow<'_>]) -> Result<()> {
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO customers (account_id, name, status, import_id, updated_at)
         SELECT value ->> 'account_id', value ->> 'name', 'active', $2, $3 FROM",
        rows,
        "WHERE true ON CONFLICT (account_id) DO UPDATE SET
         name = excluded.name, status = 'active', import_id = excluded.import_id, updated_at = excluded.updated_at"
    );
    sqlx::query(sql).bind(json(rows)).bind(import_id).bind(now.as_millisecond()).execute(conn).await?;
    Ok(())
}

/// Adds or updates attribute values of one import.
pub async fn upsert_attributes(conn: &mut Conn, import_id: &str, rows: &[AttributeRow<'_>]) -> Result<()> {
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO customer_attributes (account_id, name, value, position, import_id)
         SELECT value ->> 'account_id', value ->> 'name', value ->> 'value', CAST(value ->> 'position' AS BIGINT), $2
         FROM",
        rows,
        "WHERE true ON CONFLICT (account_id, name, value) DO UPDATE SET
         position = excluded.position, import_id = excluded.import_id"
    );
    sqlx::query(sql).bind(json(rows)).bind(import_id).execute(conn).await?;
    Ok(())
}

/// Ends an import: what its customers had and the file has not goes away; with `replace`, so do customers not in the file.
pub async fn finish_import(conn: &mut Conn, import_id: &str, now: Timestamp, replace: bool) -> Result<()> {
    if replace {
        sqlx::query(
            "UPDATE customers SET status = 'left', updated_at = $2 WHERE import_id <> $1 AND status = 'active'",
        )
        .bind(import_id)
        .bind(now.as_millisecond())
        .execute(&mut *conn)
        .await?;
    }
    sqlx::query(
        "DELETE FROM customer_attributes WHERE import_id <> $1
         AND account_id IN (SELECT account_id FROM customers WHERE import_id = $1)",
    )
    .bind(import_id)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "UPDATE contacts SET deactivated_at = $2 WHERE import_id <> $1 AND deactivated_at IS NULL
         AND account_id IN (SELECT account_id FROM customers WHERE import_id = $1 OR status = 'left')",
    )
    .bind(import_id)
    .bind(now.as_millisecond())
    .execute(conn)
    .await?;
    Ok(())
}

/// How many customers are active.
pub async fn count_active(conn: &mut Conn) -> Result<u64> {
    let row = sqlx::query("SELECT COUNT(*) AS n FROM customers WHERE status = 'active'").fetch_one(conn).await?;
    Row::of("customers", &row).count("n")
}

/// A page of active customers after `after`, in the order of their account ids.
pub async fn list(conn: &mut Conn, after: Option<&str>, limit: u32) -> Result<Vec<Listed>> {
    let rows = sqlx::query(
        "SELECT c.account_id, c.name, (SELECT COUNT(*) FROM contacts k
           WHERE k.account_id = c.account_id AND k.deactivated_at IS NULL) AS contacts
         FROM customers c WHERE c.status = 'active' AND c.account_id > $1 ORDER BY c.account_id LIMIT $2",
    )
    .bind(after.unwrap_or_default())
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let row = Row::of("customers", row);
            Ok(Listed { account_id: row.get("account_id")?, name: row.get("name")?, contacts: row.count("contacts")? })
        })
        .collect()
}

/// One customer, whether active or not.
pub async fn find(conn: &mut Conn, account_id: &str) -> Result<Option<Found>> {
    let row = sqlx::query("SELECT account_id, name, status, updated_at FROM customers WHERE account_id = $1")
        .bind(account_id)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let row = Row::of("customers", &row);
    Ok(Some(Found {
        account_id: row.get("account_id")?,
        name: row.get("name")?,
        status: row.get("status")?,
        updated_at: row.time("updated_at")?,
        attributes: attributes(conn, &[account_id]).await?.remove(account_id).unwrap_or_default(),
    }))
}

/// The attributes of some customers, by account id.
pub async fn attributes(conn: &mut Conn, accounts: &[&str]) -> Result<BTreeMap<String, BTreeMap<String, Vec<String>>>> {
    let sql = Dialect::of(conn).pick(
        "SELECT account_id, name, value FROM customer_attributes
         WHERE account_id IN (SELECT value FROM json_each($1)) ORDER BY account_id, name, position, value",
        "SELECT account_id, name, value FROM customer_attributes
         WHERE account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) ORDER BY account_id, name, position, value",
    );
    let mut attributes: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for row in sqlx::query(sql).bind(json(accounts)).fetch_all(conn).await? {
        let (account, name): (String, String) = (row.try_get("account_id")?, row.try_get("name")?);
        attributes.entry(account).or_default().entry(name).or_default().push(row.try_get("value")?);
    }
    Ok(attributes)
}

/// What a selection of customers asks for. Empty means that there is no such condition.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    accounts: String,
    conditions: String,
    names: i64,
}

impl Selection {
    /// A selection of customers that are one of `accounts` and have, for each name, one of its values.
    #[must_use]
    pub fn new(accounts: &[AccountId], attributes: &[(String, Vec<String>)]) -> Self {
        #[derive(Serialize)]
        struct Condition<'a> {
            name: &'a str,
            value: &'a str,
        }
        let conditions: Vec<_> = attributes
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| Condition { name, value }))
            .collect();
        Self {
            accounts: json(accounts),
            conditions: json(&conditions),
            names: i64::try_from(attributes.len()).unwrap_or(i64::MAX),
        }
    }
}

/// A page of the active customers that a selection holds for, after `after`: account ids and names in order.
pub async fn select(conn: &mut Conn, selection: &Selection, after: &str, limit: u32) -> Result<Vec<(String, String)>> {
    let sql = Dialect::of(conn).pick(
        "SELECT c.account_id, c.name FROM customers c
         WHERE c.status = 'active' AND c.account_id > $1
           AND ($2 = '[]' OR c.account_id IN (SELECT value FROM json_each($2)))
           AND ($4 = 0 OR $4 = (SELECT COUNT(DISTINCT a.name) FROM customer_attributes a
             WHERE a.account_id = c.account_id AND (a.name, a.value) IN
               (SELECT value ->> 'name', value ->> 'value' FROM json_each($3))))
         ORDER BY c.account_id LIMIT $5",
        "SELECT c.account_id, c.name FROM customers c
         WHERE c.status = 'active' AND c.account_id > $1
           AND ($2 = '[]' OR c.account_id IN (SELECT jsonb_array_elements_text($2::jsonb)))
           AND ($4 = 0 OR $4 = (SELECT COUNT(DISTINCT a.name) FROM customer_attributes a
             WHERE a.account_id = c.account_id AND (a.name, a.value) IN
               (SELECT value ->> 'name', value ->> 'value' FROM jsonb_array_elements($3::jsonb))))
         ORDER BY c.account_id LIMIT $5",
    );
    let rows = sqlx::query(sql)
        .bind(after)
        .bind(&selection.accounts)
        .bind(&selection.conditions)
        .bind(selection.names)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| Ok((row.try_get("account_id")?, row.try_get("name")?))).collect()
}

/// Ids as a bulk parameter.
pub(super) fn json_ids(ids: &[Uuid]) -> String {
    json(&ids.iter().map(Uuid::to_string).collect::<Vec<_>>())
}

pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("rows of text, numbers and nulls serialise")
}
