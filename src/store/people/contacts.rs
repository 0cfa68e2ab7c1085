//! Contacts: people's addresses at customers.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::domain::address::Address;
use crate::domain::customer::Contact;
use crate::store::engine::dialect::{Dialect, json};
use crate::store::engine::row::Row;
use crate::store::{Conn, Result, StoreError};

/// The active contacts of some customers, by account id, in the order of the file.
pub async fn of_customers(conn: &mut Conn, accounts: &[&str]) -> Result<BTreeMap<String, Vec<Contact>>> {
    let sql = Dialect::of(conn).pick(
        "SELECT json_group_array(json_array(account_id, email, role, name, locale, time_zone) ORDER BY position) AS packed
         FROM contacts WHERE account_id IN (SELECT value FROM json_each($1)) AND deactivated_at IS NULL",
        "SELECT json_agg(json_build_array(account_id, email, role, name, locale, time_zone) ORDER BY position)::text AS packed
         FROM contacts
         WHERE account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) AND deactivated_at IS NULL",
    );
    let row = sqlx::query(sql).bind(json(accounts)).fetch_one(conn).await?;
    unpack(Row::of("contacts", &row).packed("packed")?)
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
    let row = sqlx::query(sql).bind(json(accounts)).fetch_one(conn).await?;
    unpack(Row::of("contacts", &row).packed("packed")?)
}

fn unpack(packed: Vec<Packed>) -> Result<BTreeMap<String, Vec<Contact>>> {
    let mut contacts: BTreeMap<String, Vec<Contact>> = BTreeMap::new();
    let (mut locales, mut zones) = (Known::new(), Known::new());
    for (account_id, email, role, name, locale, time_zone) in packed {
        // The parser's message may quote the value, and is left out.
        let wrong = |column| StoreError::Inconsistent {
            table: "contacts",
            column,
            row: account_id.clone(),
            problem: "is not a value of this column".to_owned(),
        };
        let contact = Contact {
            email: Address::parse(&email).map_err(|_| wrong("email"))?,
            name,
            role: role.parse().map_err(|_| wrong("role"))?,
            locale: known(&mut locales, locale).map_err(|_| wrong("locale"))?,
            time_zone: known(&mut zones, time_zone).map_err(|_| wrong("time_zone"))?,
        };
        contacts.entry(account_id).or_default().push(contact);
    }
    Ok(contacts)
}

/// Account, address, role, name, locale and zone.
type Packed = (String, String, String, String, Option<String>, Option<String>);

/// Locales or zones that were parsed already: many customers share a few.
type Known<T> = BTreeMap<String, T>;

fn known<T: Clone + FromStr<Err = String>>(known: &mut Known<T>, text: Option<String>) -> Result<Option<T>, String> {
    let Some(text) = text else { return Ok(None) };
    if let Some(value) = known.get(&text) {
        return Ok(Some(value.clone()));
    }
    let value: T = text.parse()?;
    known.insert(text, value.clone());
    Ok(Some(value))
}
