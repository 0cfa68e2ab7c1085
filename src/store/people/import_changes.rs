//! What an import would change, by customer: read from the differences that [`imports::compare`](super::imports::compare) found.

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
    /// Contacts that it has not had.
    pub new_contacts: u64,
    /// Contacts that it has had before.
    pub reactivated_contacts: u64,
    /// Contacts whose name, language, zone, spelling or place changes.
    pub changed_contacts: u64,
    /// Contacts that are deactivated.
    pub gone_contacts: u64,
    /// Attribute values that are added, moved or removed.
    pub attributes: u64,
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
    let rows = sqlx::query(sql).fetch_all(conn).await?;
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
       a AS (SELECT account_id, COUNT(*) AS n FROM
           (SELECT account_id FROM changed_attributes UNION ALL SELECT account_id FROM gone_attributes) AS touched
         GROUP BY account_id)
       SELECT t.account_id, CASE WHEN l.account_id IS NOT NULL THEN 'gone' WHEN c.account_id IS NULL THEN 'new'
           WHEN c.status <> 'active' THEN 'reactivated' ELSE 'changed' END AS change,
         CAST(CASE WHEN c.name <> n.name THEN 1 ELSE 0 END AS BIGINT) AS renamed, COALESCE(k.new, 0) AS new,
         COALESCE(k.again, 0) AS again, COALESCE(k.changed, 0) AS changed, COALESCE(g.gone, 0) AS gone,
         COALESCE(a.n, 0) AS attributes
       FROM (SELECT account_id FROM changed_customers UNION SELECT account_id FROM left_customers
           UNION SELECT account_id FROM changed_attributes UNION SELECT account_id FROM gone_attributes
           UNION SELECT account_id FROM changed_contacts UNION SELECT account_id FROM gone_contacts) AS t
         LEFT JOIN customers c ON c.account_id = t.account_id
         LEFT JOIN changed_customers n ON n.account_id = t.account_id
         LEFT JOIN left_customers l ON l.account_id = t.account_id
         LEFT JOIN k ON k.account_id = t.account_id LEFT JOIN g ON g.account_id = t.account_id
         LEFT JOIN a ON a.account_id = t.account_id
       ORDER BY t.account_id LIMIT $1";
    let rows = sqlx::query(sql).bind(i64::from(limit)).fetch_all(conn).await?;
    rows.iter().map(|row| read(&Row::of("changed_customers", row))).collect()
}

fn read(row: &Row<'_>) -> Result<ChangeRow> {
    Ok(ChangeRow {
        account_id: row.get("account_id")?,
        change: row.get("change")?,
        renamed: row.count("renamed")? > 0,
        new_contacts: row.count("new")?,
        reactivated_contacts: row.count("again")?,
        changed_contacts: row.count("changed")?,
        gone_contacts: row.count("gone")?,
        attributes: row.count("attributes")?,
    })
}
