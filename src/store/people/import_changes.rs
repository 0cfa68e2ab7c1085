//! What an import would change, by customer: read from the differences that [`imports::compare`](super::imports::compare) found.

use super::imports::Lacking;
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A customer that an import would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// Account id.
    pub account_id: String,
    /// `new`, `changed`, `gone` or `reactivated`.
    pub change: String,
    /// True if its name changes.
    pub renamed: bool,
    /// Its contacts and attribute values.
    pub totals: Totals,
}

/// A contact that an import changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactRow {
    /// Account id.
    pub account_id: String,
    /// Address.
    pub email: String,
    /// Role.
    pub role: String,
    /// `new`, `changed`, `gone` or `reactivated`.
    pub change: String,
}

/// How many contacts and attribute values an import changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Contacts that their customer has not had.
    pub new_contacts: u64,
    /// Contacts that their customer has had before.
    pub reactivated_contacts: u64,
    /// Contacts whose name, language, zone, spelling or place changes.
    pub changed_contacts: u64,
    /// Contacts that are deactivated.
    pub gone_contacts: u64,
    /// Attribute values that are added or moved.
    pub attributes: u64,
    /// Attribute values that are removed.
    pub gone_attributes: u64,
}

impl Totals {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            new_contacts: row.count("new")?,
            reactivated_contacts: row.count("again")?,
            changed_contacts: row.count("changed")?,
            gone_contacts: row.count("gone")?,
            attributes: row.count("attributes")?,
            gone_attributes: row.count("gone_attributes")?,
        })
    }
}

/// What the file does not say and is stored for customers in it: the names of the columns, with how many customers or contacts have
/// a value in them. `attributes` are those that the file has.
pub async fn kept(conn: &mut Conn, lacking: Lacking, attributes: &[String]) -> Result<Vec<(String, u64)>> {
    let mut kept = Vec::new();
    for (is_lacking, column, sql) in [
        (
            lacking.contact_name,
            "contact_name",
            "SELECT COUNT(*) AS n FROM file_contacts WHERE role <> '' AND name <> ''",
        ),
        (lacking.role, "role", "SELECT COUNT(*) AS n FROM file_contacts WHERE role NOT IN ('', 'service')"),
        (lacking.locale, "locale", "SELECT COUNT(*) AS n FROM file_contacts WHERE role <> '' AND locale IS NOT NULL"),
        (
            lacking.time_zone,
            "time_zone",
            "SELECT COUNT(*) AS n FROM file_contacts WHERE role <> '' AND time_zone IS NOT NULL",
        ),
    ] {
        if is_lacking {
            kept.push((column.to_owned(), query!(sql).count(&mut *conn, "file_contacts").await?));
        }
    }
    // Few files lack an attribute, and only for these the customers are counted.
    for name in super::attributes::names(conn, COLUMNS).await?.into_iter().filter(|name| !attributes.contains(name)) {
        let sql = "SELECT COUNT(*) AS n FROM file_customers c
             WHERE EXISTS (SELECT 1 FROM customer_attributes a WHERE a.account_id = c.account_id AND a.name = $1)";
        kept.push((format!("attr.{name}"), query!(sql, &name).count(&mut *conn, "customer_attributes").await?));
    }
    kept.retain(|(_, count)| *count > 0);
    Ok(kept)
}

/// Attributes that are looked at.
const COLUMNS: u32 = 1000;

/// Those customers with a skipped row that nothing is known of: they are not stored, and no row of them is good.
pub async fn unknown_kept(conn: &mut Conn, limit: u32) -> Result<Vec<String>> {
    let sql = "SELECT s.account_id FROM kept_customers s
         WHERE NOT EXISTS (SELECT 1 FROM customers c WHERE c.account_id = s.account_id)
           AND NOT EXISTS (SELECT 1 FROM file_customers f WHERE f.account_id = s.account_id)
         ORDER BY s.account_id LIMIT $1";
    query!(sql, limit).all(conn, |row| Row::of("kept_customers", row).get("account_id")).await
}

/// How many contacts and attribute values would change.
pub async fn totals(conn: &mut Conn) -> Result<Totals> {
    let sql = "SELECT COALESCE(CAST(SUM(CASE WHEN d.known = 0 THEN 1 ELSE 0 END) AS BIGINT), 0) AS new,
           COALESCE(CAST(SUM(CASE WHEN d.known = 1 AND o.deactivated_at IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT), 0) AS again,
           COALESCE(CAST(SUM(CASE WHEN d.known = 1 AND o.deactivated_at IS NULL THEN 1 ELSE 0 END) AS BIGINT), 0) AS changed,
           (SELECT COUNT(*) FROM gone_contacts) AS gone, (SELECT COUNT(*) FROM changed_attributes) AS attributes,
           (SELECT COUNT(*) FROM gone_attributes) AS gone_attributes
         FROM changed_contacts d LEFT JOIN contacts o
           ON d.known = 1 AND o.account_id = d.account_id AND o.email_key = d.email_key AND o.role = d.role";
    query!(sql).one(conn, |row| Totals::read(&Row::of("changed_contacts", row))).await
}

/// The first contacts that would change, of accounts up to `last`.
pub async fn contacts(conn: &mut Conn, last: &str, limit: u32) -> Result<Vec<ContactRow>> {
    let sql = "SELECT account_id, email, role, change FROM (
           SELECT d.account_id, d.email, d.role, CASE WHEN d.known = 0 THEN 'new' WHEN o.deactivated_at IS NOT NULL THEN 'reactivated'
             ELSE 'changed' END AS change
           FROM changed_contacts d LEFT JOIN contacts o
             ON o.account_id = d.account_id AND o.email_key = d.email_key AND o.role = d.role
           UNION ALL SELECT k.account_id, k.email, k.role, 'gone' FROM gone_contacts g JOIN contacts k
             ON k.account_id = g.account_id AND k.email_key = g.email_key AND k.role = g.role) AS t
         WHERE account_id <= $1 ORDER BY account_id, email, role LIMIT $2";
    query!(sql, last, limit)
        .all(conn, |row| {
            let row = Row::of("changed_contacts", row);
            let (account_id, email) = (row.get("account_id")?, row.get("email")?);
            Ok(ContactRow { account_id, email, role: row.get("role")?, change: row.get("change")? })
        })
        .await
}

/// How many customers would be `new`, `changed`, `gone` and `reactivated`.
pub async fn counts(conn: &mut Conn) -> Result<Vec<(String, u64)>> {
    let sql = "SELECT change, COUNT(*) AS customers FROM (
         SELECT CASE WHEN l.account_id IS NOT NULL THEN 'gone' WHEN c.account_id IS NULL THEN 'new'
           WHEN c.status <> 'active' THEN 'reactivated' ELSE 'changed' END AS change
         FROM (SELECT account_id FROM changed_customers UNION SELECT account_id FROM left_customers
             UNION SELECT account_id FROM changed_attributes UNION SELECT account_id FROM gone_attributes
             UNION SELECT account_id FROM changed_contacts UNION SELECT account_id FROM gone_contacts) AS t
           LEFT JOIN customers c ON c.account_id = t.account_id
           LEFT JOIN left_customers l ON l.account_id = t.account_id) AS changes
       GROUP BY change ORDER BY change";
    let rows = query!(sql).rows(conn).await?;
    let counted = rows.iter().map(|row| {
        let row = Row::of("changed_customers", row);
        Ok((row.get("change")?, row.count("customers")?))
    });
    counted.collect()
}

/// The first customers that would change, by account id.
pub async fn first(conn: &mut Conn, limit: u32) -> Result<Vec<ChangeRow>> {
    let sql = "WITH k AS (SELECT d.account_id,
           CAST(SUM(CASE WHEN d.known = 0 THEN 1 ELSE 0 END) AS BIGINT) AS new,
           CAST(SUM(CASE WHEN d.known = 1 AND o.deactivated_at IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS again,
           CAST(SUM(CASE WHEN d.known = 1 AND o.deactivated_at IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS changed
         FROM changed_contacts d LEFT JOIN contacts o
           ON o.account_id = d.account_id AND o.email_key = d.email_key AND o.role = d.role GROUP BY d.account_id),
       g AS (SELECT account_id, COUNT(*) AS gone FROM gone_contacts GROUP BY account_id),
       a AS (SELECT account_id, COUNT(*) AS n FROM changed_attributes GROUP BY account_id),
       b AS (SELECT account_id, COUNT(*) AS n FROM gone_attributes GROUP BY account_id)
       SELECT t.account_id, CASE WHEN l.account_id IS NOT NULL THEN 'gone' WHEN c.account_id IS NULL THEN 'new'
           WHEN c.status <> 'active' THEN 'reactivated' ELSE 'changed' END AS change,
         CAST(CASE WHEN c.name <> n.name THEN 1 ELSE 0 END AS BIGINT) AS renamed, COALESCE(k.new, 0) AS new,
         COALESCE(k.again, 0) AS again, COALESCE(k.changed, 0) AS changed, COALESCE(g.gone, 0) AS gone,
         COALESCE(a.n, 0) AS attributes, COALESCE(b.n, 0) AS gone_attributes
       FROM (SELECT account_id FROM changed_customers UNION SELECT account_id FROM left_customers
           UNION SELECT account_id FROM changed_attributes UNION SELECT account_id FROM gone_attributes
           UNION SELECT account_id FROM changed_contacts UNION SELECT account_id FROM gone_contacts) AS t
         LEFT JOIN customers c ON c.account_id = t.account_id
         LEFT JOIN changed_customers n ON n.account_id = t.account_id
         LEFT JOIN left_customers l ON l.account_id = t.account_id
         LEFT JOIN k ON k.account_id = t.account_id LEFT JOIN g ON g.account_id = t.account_id
         LEFT JOIN a ON a.account_id = t.account_id LEFT JOIN b ON b.account_id = t.account_id
       ORDER BY t.account_id LIMIT $1";
    query!(sql, limit).all(conn, |row| read(&Row::of("changed_customers", row))).await
}

fn read(row: &Row<'_>) -> Result<ChangeRow> {
    Ok(ChangeRow {
        account_id: row.get("account_id")?,
        change: row.get("change")?,
        renamed: row.count("renamed")? > 0,
        totals: Totals::read(row)?,
    })
}
