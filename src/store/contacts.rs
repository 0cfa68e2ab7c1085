//! Contacts: people's addresses at customers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::customers::json;
use super::dialect::{Dialect, bulk};
use super::row::Row;
use super::{Conn, Result};
use crate::domain::address::Address;
use crate::domain::customer::Contact;

/// A contact as an import brings it.
#[derive(Clone, Debug, Serialize)]
pub struct ContactRow<'a> {
    /// Account id.
    pub account_id: &'a str,
    /// Normalised address.
    pub email: &'a str,
    /// Role.
    pub role: &'a str,
    /// Name.
    pub name: &'a str,
    /// Locale tag.
    pub locale: Option<&'a str>,
    /// Time zone.
    pub time_zone: Option<&'a str>,
    /// Its place in the file.
    pub position: usize,
}

/// Adds, updates or reactivates contacts of one import.
pub async fn upsert(conn: &mut Conn, import_id: &str, rows: &[ContactRow<'_>]) -> Result<()> {
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO contacts (account_id, email, role, name, locale, time_zone, position, import_id, deactivated_at)
         SELECT value ->> 'account_id', value ->> 'email', value ->> 'role', value ->> 'name', value ->> 'locale',
           value ->> 'time_zone', CAST(value ->> 'position' AS BIGINT), $2, NULL FROM",
        rows,
        "WHERE true ON CONFLICT (account_id, email, role) DO UPDATE SET
         name = excluded.name, locale = excluded.locale, time_zone = excluded.time_zone, position = excluded.position,
         import_id = excluded.import_id, deactivated_at = NULL"
    );
    sqlx::query(sql).bind(json(rows)).bind(import_id).execute(conn).await?;
    Ok(())
}

/// The active contacts of some customers, by account id, in the order of the file.
pub async fn of_customers(conn: &mut Conn, accounts: &[&str]) -> Result<BTreeMap<String, Vec<Contact>>> {
    let sql = Dialect::of(conn).pick(
        "SELECT account_id, email, role, name, locale, time_zone FROM contacts
         WHERE account_id IN (SELECT value FROM json_each($1)) AND deactivated_at IS NULL ORDER BY position",
        "SELECT account_id, email, role, name, locale, time_zone FROM contacts
         WHERE account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) AND deactivated_at IS NULL
         ORDER BY position",
    );
    let mut contacts: BTreeMap<String, Vec<Contact>> = BTreeMap::new();
    for row in &sqlx::query(sql).bind(json(accounts)).fetch_all(conn).await? {
        let row = Row::of("contacts", row);
        contacts.entry(row.get("account_id")?).or_default().push(Contact {
            email: row.parse_with("email", Address::parse)?,
            name: row.get("name")?,
            role: row.parse("role")?,
            locale: row.maybe("locale")?,
            time_zone: row.maybe("time_zone")?,
        });
    }
    Ok(contacts)
}
