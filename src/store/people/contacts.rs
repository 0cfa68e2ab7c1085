//! Contacts: people's addresses at customers.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Deserialize;

use crate::domain::address::Address;
use crate::domain::category::Role;
use crate::domain::customer::Contact;
use crate::domain::locale::{Locale, ZoneName};
use crate::domain::sought::end;
use crate::store::engine::dialect::{Dialect, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// The active contacts of some customers, by account id, in the order of the file.
pub async fn of_customers(conn: &mut Conn, accounts: &[&str]) -> Result<BTreeMap<String, Vec<Contact>>> {
    let sql = Dialect::of(conn).pick(
        "SELECT json_group_array(json_array(account_id, email, role, name, locale, time_zone) ORDER BY position) AS packed
         FROM contacts WHERE account_id IN (SELECT value FROM json_each($1)) AND deactivated_at IS NULL",
        "SELECT json_agg(json_build_array(account_id, email, role, name, locale, time_zone) ORDER BY position)::text AS packed
         FROM contacts
         WHERE account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) AND deactivated_at IS NULL",
    );
    Ok(unpack(query!(sql, json(accounts)).packed(conn, "contacts").await?))
}

/// The contacts that customers had when they left, by account id, in the order of the file. Active customers are not among them.
pub async fn of_left(conn: &mut Conn, accounts: &[&str]) -> Result<BTreeMap<String, Vec<Contact>>> {
    // The import in which a customer leaves deactivates its contacts.
    let sql = Dialect::of(conn).pick(
        "SELECT json_group_array(json_array(k.account_id, k.email, k.role, k.name, k.locale, k.time_zone)
           ORDER BY k.position) AS packed
         FROM customers c CROSS JOIN contacts k ON k.account_id = c.account_id AND k.import_id = c.import_id
         WHERE c.account_id IN (SELECT value FROM json_each($1)) AND c.status = 'left'",
        "SELECT json_agg(json_build_array(k.account_id, k.email, k.role, k.name, k.locale, k.time_zone)
           ORDER BY k.position)::text AS packed
         FROM customers c JOIN contacts k ON k.account_id = c.account_id AND k.import_id = c.import_id
         WHERE c.account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) AND c.status = 'left'",
    );
    Ok(unpack(query!(sql, json(accounts)).packed(conn, "contacts").await?))
}

/// Contacts as they can be used: a language or zone that this version does not know is none, and what has no usable address or
/// role is left out and logged. One stored value must not keep a notice from everybody else; [`unreadable`] counts such contacts.
fn unpack(packed: Vec<Packed>) -> BTreeMap<String, Vec<Contact>> {
    let mut contacts: BTreeMap<String, Vec<Contact>> = BTreeMap::new();
    let (mut locales, mut zones, mut left_out) = (Known::new(), Known::new(), 0_u64);
    for (account_id, email, role, name, locale, time_zone) in packed {
        let (Ok(email), Ok(role)) = (Address::parse(&email), role.parse()) else {
            left_out += 1;
            continue;
        };
        let (locale, time_zone) = (known(&mut locales, locale), known(&mut zones, time_zone));
        contacts.entry(account_id).or_default().push(Contact { email, name, role, locale, time_zone });
    }
    if left_out > 0 {
        tracing::error!(
            count = left_out,
            "contacts whose address or role cannot be read are left out; see `besked doctor`"
        );
    }
    contacts
}

/// An address that begins with what is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Beginning {
    /// The key of the address.
    pub email_key: String,
    /// Account id of the customer.
    pub account_id: String,
    /// The role of the contact.
    pub role: String,
    /// 1 for the first such address among those that the customer's contacts have now, else 0.
    pub first: u8,
}

/// The keys of addresses that begin with a text, in order after `after`, each with a customer that has or had it.
pub async fn beginning(
    conn: &mut Conn,
    beginning: &str,
    [email_key, account_id, role]: [&str; 3],
    limit: u32,
) -> Result<Vec<Beginning>> {
    // The limit is for what is read, whether in use or not.
    let sql = Dialect::of(conn).pick(
        "SELECT json_group_array(json_object('email_key', email_key, 'account_id', account_id, 'role', role, 'first',
             deactivated_at IS NULL AND NOT EXISTS (SELECT 1 FROM contacts e WHERE e.account_id = page.account_id
               AND e.email_key >= $4 AND (e.email_key, e.role) < (page.email_key, page.role) AND e.deactivated_at IS NULL))
           ORDER BY email_key, account_id, role) AS packed FROM (
           SELECT email_key, account_id, role, deactivated_at FROM contacts
           WHERE (email_key, account_id, role) > ($1, $2, $3) AND email_key < $5
           ORDER BY email_key, account_id, role LIMIT $6) AS page",
        "SELECT json_agg(json_build_object('email_key', email_key, 'account_id', account_id, 'role', role, 'first',
             CASE WHEN deactivated_at IS NULL AND NOT EXISTS (SELECT 1 FROM contacts e WHERE e.account_id = page.account_id
               AND e.email_key >= $4 AND (e.email_key, e.role) < (page.email_key, page.role) AND e.deactivated_at IS NULL)
               THEN 1 ELSE 0 END)
           ORDER BY email_key, account_id, role)::text AS packed FROM (
           SELECT email_key, account_id, role, deactivated_at FROM contacts
           WHERE (email_key, account_id, role) > ($1, $2, $3) AND email_key < $5
           ORDER BY email_key, account_id, role LIMIT $6) AS page",
    );
    query!(sql, email_key.max(beginning), account_id, role, beginning, end(beginning), limit)
        .packed(conn, "contacts")
        .await
}

/// The first of the addresses of a customer's contacts that begins with a text, as its key.
pub async fn first_beginning(conn: &mut Conn, account_id: &str, beginning: &str) -> Result<Option<String>> {
    let sql = "SELECT MIN(email_key) AS first FROM contacts
         WHERE account_id = $1 AND email_key >= $2 AND email_key < $3 AND deactivated_at IS NULL";
    query!(sql, account_id, beginning, end(beginning)).one(conn, |row| Row::of("contacts", row).get("first")).await
}

/// How many active contacts have a value that this version cannot read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// Without a usable address or role: they are not addressed.
    pub left_out: u64,
    /// With a language that is taken for none.
    pub locales: u64,
    /// With a time zone that is taken for none.
    pub zones: u64,
}

/// Contacts that [`unreadable`] reads together.
const PAGE: u32 = 10_000;

/// Counts the active contacts with a value that this version cannot read. It reads all of them.
pub async fn unreadable(conn: &mut Conn) -> Result<Unreadable> {
    let mut found = Unreadable::default();
    let (mut locales, mut zones) = (Known::<Locale>::new(), Known::<ZoneName>::new());
    let mut after = [const { String::new() }; 3];
    loop {
        let [account_id, key, role] = &after;
        let sql = "SELECT account_id, email_key, role, email, locale, time_zone FROM contacts
             WHERE deactivated_at IS NULL AND (account_id, email_key, role) > ($1, $2, $3)
             ORDER BY account_id, email_key, role LIMIT $4";
        let rows = query!(sql, account_id, key, role, PAGE).rows(&mut *conn).await?;
        let Some(last) = rows.last() else { return Ok(found) };
        let last = Row::of("contacts", last);
        after = [last.get("account_id")?, last.get("email_key")?, last.get("role")?];
        for row in &rows {
            let row = Row::of("contacts", row);
            let (email, role): (String, String) = (row.get("email")?, row.get("role")?);
            let (locale, zone): (Option<String>, Option<String>) = (row.get("locale")?, row.get("time_zone")?);
            found.left_out += u64::from(Address::parse(&email).is_err() || role.parse::<Role>().is_err());
            found.locales += u64::from(locale.is_some() && known(&mut locales, locale).is_none());
            found.zones += u64::from(zone.is_some() && known(&mut zones, zone).is_none());
        }
        crate::store::beat();
    }
}

/// Account, address, role, name, locale and zone.
type Packed = (String, String, String, String, Option<String>, Option<String>);

/// Locales or zones that were parsed already, and `None` for those that this version does not know: many customers share a few.
type Known<T> = BTreeMap<String, Option<T>>;

fn known<T: Clone + FromStr>(known: &mut Known<T>, text: Option<String>) -> Option<T> {
    let text = text?;
    if let Some(value) = known.get(&text) {
        return value.clone();
    }
    let value = text.parse::<T>().ok();
    known.insert(text, value.clone());
    value
}
