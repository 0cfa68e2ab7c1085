//! Imports: the file is loaded into temporary tables and compared with what is stored, while other writers go on; then only the
//! differences are written.
//!
//! The temporary tables belong to one connection and end with it. In order: [`begin`], then the rows of the file, then
//! [`compare`], [`gather`](customer_words::gather), and in a transaction [`write_customers`] and [`write_contacts`].

use jiff::Timestamp;
use serde::Serialize;
use sqlx::Executor as _;

use crate::domain::address::Address;
use crate::store::engine::dialect::{Dialect, bulk, json};
use crate::store::engine::query::query;
use crate::store::engine::row::{Row, address_columns};
use crate::store::people::customer_words;
use crate::store::{Conn, Result};

/// A customer of the file.
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

/// A contact of the file.
#[derive(Clone, Debug, Serialize)]
pub struct ContactRow<'a> {
    /// Account id.
    pub account_id: &'a str,
    /// The address as it is written.
    #[serde(flatten, serialize_with = "address_columns")]
    pub email: Address,
    /// Role.
    pub role: &'a str,
    /// Name.
    pub name: &'a str,
    /// Locale tag.
    pub locale: Option<&'a str>,
    /// Time zone.
    pub time_zone: Option<&'a str>,
    /// Its place in the file; its place among the customer's contacts is stored.
    pub position: usize,
}

/// A customer with a row that was skipped.
#[derive(Clone, Debug, Serialize)]
pub struct KeptRow<'a> {
    /// Account id.
    pub account_id: &'a str,
}

#[derive(Serialize)]
struct AttributeName<'a> {
    name: &'a str,
}

/// What is removed because the file does not have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Contacts and attributes of the customers in the file.
    InFile,
    /// The same, and customers that are not in the file leave.
    Everywhere,
    /// Nothing.
    Nothing,
}

impl Removal {
    const fn as_bound(self) -> i64 {
        match self {
            Self::Everywhere => 1,
            Self::InFile => 0,
            Self::Nothing => -1,
        }
    }
}

/// The columns of contacts that the file does not have: what is stored in them stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lacking {
    /// No roles: a contact keeps the roles that its address has. Contacts of such a file are added with an empty role.
    pub role: bool,
    /// No names of persons.
    pub contact_name: bool,
    /// No languages.
    pub locale: bool,
    /// No time zones.
    pub time_zone: bool,
}

impl Lacking {
    /// The statements that take what is stored for what the file does not say. They can be repeated.
    fn statements(self) -> Vec<&'static str> {
        let mut statements = Vec::new();
        if self.role {
            statements.push("DELETE FROM file_contacts WHERE role <> ''");
            statements.push(
                "INSERT INTO file_contacts (account_id, email, email_key, role, name, locale, time_zone, position)
                 SELECT f.account_id, f.email, f.email_key, COALESCE(k.role, 'service'), f.name, f.locale, f.time_zone,
                   f.position * 1000000 + COALESCE(k.position, 0)
                 FROM file_contacts f LEFT JOIN contacts k
                   ON k.account_id = f.account_id AND k.email_key = f.email_key AND k.deactivated_at IS NULL
                 WHERE f.role = ''",
            );
        }
        if self.contact_name {
            statements.push(
                "UPDATE file_contacts SET name = COALESCE((SELECT k.name FROM contacts k
                   WHERE k.account_id = file_contacts.account_id AND k.email_key = file_contacts.email_key
                     AND k.role = file_contacts.role), '')",
            );
        }
        if self.locale {
            statements.push(
                "UPDATE file_contacts SET locale = (SELECT k.locale FROM contacts k
                   WHERE k.account_id = file_contacts.account_id AND k.email_key = file_contacts.email_key
                     AND k.role = file_contacts.role)",
            );
        }
        if self.time_zone {
            statements.push(
                "UPDATE file_contacts SET time_zone = (SELECT k.time_zone FROM contacts k
                   WHERE k.account_id = file_contacts.account_id AND k.email_key = file_contacts.email_key
                     AND k.role = file_contacts.role)",
            );
        }
        statements
    }
}

/// Creates the temporary tables, or empties them.
pub async fn begin(conn: &mut Conn) -> Result<()> {
    conn.execute(Dialect::of(conn).pick(
        "CREATE TEMP TABLE IF NOT EXISTS file_customers (account_id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL)
           WITHOUT ROWID;
         CREATE TEMP TABLE IF NOT EXISTS file_attributes (account_id TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
           position INTEGER NOT NULL, PRIMARY KEY (account_id, name, value)) WITHOUT ROWID;
         CREATE TEMP TABLE IF NOT EXISTS file_contacts (account_id TEXT NOT NULL, email TEXT NOT NULL,
           email_key TEXT NOT NULL, role TEXT NOT NULL,
           name TEXT NOT NULL, locale TEXT, time_zone TEXT, position INTEGER NOT NULL,
           PRIMARY KEY (account_id, email_key, role)) WITHOUT ROWID;
         CREATE TEMP TABLE IF NOT EXISTS file_attribute_names (name TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
         CREATE TEMP TABLE IF NOT EXISTS kept_customers (account_id TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
         CREATE TEMP TABLE IF NOT EXISTS changed_customers (account_id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL)
           WITHOUT ROWID;
         CREATE TEMP TABLE IF NOT EXISTS new_words (word TEXT NOT NULL, account_id TEXT NOT NULL, last TEXT NOT NULL,
           others TEXT NOT NULL, n INTEGER NOT NULL);
         CREATE TEMP TABLE IF NOT EXISTS gone_words (word TEXT NOT NULL, account_id TEXT NOT NULL,
           PRIMARY KEY (word, account_id)) WITHOUT ROWID;
         CREATE TEMP TABLE IF NOT EXISTS left_customers (account_id TEXT NOT NULL);
         CREATE TEMP TABLE IF NOT EXISTS changed_attributes (account_id TEXT NOT NULL, name TEXT NOT NULL,
           value TEXT NOT NULL, position INTEGER NOT NULL);
         CREATE TEMP TABLE IF NOT EXISTS gone_attributes (account_id TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL);
         CREATE TEMP TABLE IF NOT EXISTS changed_contacts (account_id TEXT NOT NULL, email TEXT NOT NULL,
           email_key TEXT NOT NULL, role TEXT NOT NULL,
           name TEXT NOT NULL, locale TEXT, time_zone TEXT, position INTEGER NOT NULL, known INTEGER NOT NULL);
         CREATE TEMP TABLE IF NOT EXISTS gone_contacts (account_id TEXT NOT NULL, email_key TEXT NOT NULL,
           role TEXT NOT NULL);
         DELETE FROM file_customers; DELETE FROM file_attributes; DELETE FROM file_contacts;
         DELETE FROM kept_customers; DELETE FROM file_attribute_names; DELETE FROM new_words; DELETE FROM gone_words",
        "CREATE TEMP TABLE IF NOT EXISTS file_customers (account_id TEXT COLLATE \"C\" PRIMARY KEY, name TEXT COLLATE \"C\");
         CREATE TEMP TABLE IF NOT EXISTS file_attributes (account_id TEXT COLLATE \"C\", name TEXT COLLATE \"C\",
           value TEXT COLLATE \"C\", position BIGINT, PRIMARY KEY (account_id, name, value));
         CREATE TEMP TABLE IF NOT EXISTS file_contacts (account_id TEXT COLLATE \"C\", email TEXT COLLATE \"C\",
           email_key TEXT COLLATE \"C\",
           role TEXT COLLATE \"C\", name TEXT COLLATE \"C\", locale TEXT COLLATE \"C\", time_zone TEXT COLLATE \"C\",
           position BIGINT, PRIMARY KEY (account_id, email_key, role));
         CREATE TEMP TABLE IF NOT EXISTS file_attribute_names (name TEXT COLLATE \"C\" PRIMARY KEY);
         CREATE TEMP TABLE IF NOT EXISTS kept_customers (account_id TEXT COLLATE \"C\" PRIMARY KEY);
         CREATE TEMP TABLE IF NOT EXISTS changed_customers (account_id TEXT COLLATE \"C\" PRIMARY KEY, name TEXT COLLATE \"C\");
         CREATE TEMP TABLE IF NOT EXISTS new_words (word TEXT COLLATE \"C\", account_id TEXT COLLATE \"C\",
           last TEXT COLLATE \"C\", others TEXT COLLATE \"C\", n BIGINT);
         CREATE TEMP TABLE IF NOT EXISTS gone_words (word TEXT COLLATE \"C\", account_id TEXT COLLATE \"C\",
           PRIMARY KEY (word, account_id));
         CREATE TEMP TABLE IF NOT EXISTS left_customers (account_id TEXT COLLATE \"C\");
         CREATE TEMP TABLE IF NOT EXISTS changed_attributes (account_id TEXT COLLATE \"C\", name TEXT COLLATE \"C\",
           value TEXT COLLATE \"C\", position BIGINT);
         CREATE TEMP TABLE IF NOT EXISTS gone_attributes (account_id TEXT COLLATE \"C\", name TEXT COLLATE \"C\",
           value TEXT COLLATE \"C\");
         CREATE TEMP TABLE IF NOT EXISTS changed_contacts (account_id TEXT COLLATE \"C\", email TEXT COLLATE \"C\",
           email_key TEXT COLLATE \"C\",
           role TEXT COLLATE \"C\", name TEXT COLLATE \"C\", locale TEXT COLLATE \"C\", time_zone TEXT COLLATE \"C\",
           position BIGINT, known BIGINT);
         CREATE TEMP TABLE IF NOT EXISTS gone_contacts (account_id TEXT COLLATE \"C\", email_key TEXT COLLATE \"C\",
           role TEXT COLLATE \"C\");
         TRUNCATE file_customers, file_attributes, file_contacts, kept_customers, file_attribute_names, new_words, gone_words",
    ))
    .await?;
    Ok(())
}

/// Adds customers of the file. A customer may be added more than once.
pub async fn add_customers(conn: &mut Conn, rows: &[CustomerRow<'_>]) -> Result<()> {
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO file_customers (account_id, name) SELECT value ->> 'account_id', value ->> 'name' FROM",
        rows,
        "WHERE true ON CONFLICT (account_id) DO UPDATE SET name = excluded.name WHERE file_customers.name = ''"
    );
    query!(sql, json(rows)).run(conn).await
}

/// Adds attribute values of the file. If a value is added again, its first place counts.
pub async fn add_attributes(conn: &mut Conn, rows: &[AttributeRow<'_>]) -> Result<()> {
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO file_attributes (account_id, name, value, position)
         SELECT value ->> 'account_id', value ->> 'name', value ->> 'value', CAST(value ->> 'position' AS BIGINT) FROM",
        rows,
        "WHERE true ON CONFLICT (account_id, name, value) DO UPDATE SET position = excluded.position
         WHERE excluded.position < file_attributes.position"
    );
    query!(sql, json(rows)).run(conn).await
}

/// Adds contacts of the file. If one is added again, by the address that another was corrected to, the first one stays.
pub async fn add_contacts(conn: &mut Conn, rows: &[ContactRow<'_>]) -> Result<()> {
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO file_contacts (account_id, email, email_key, role, name, locale, time_zone, position)
         SELECT value ->> 'account_id', value ->> 'email', value ->> 'email_key', value ->> 'role', value ->> 'name', value ->> 'locale',
           value ->> 'time_zone', CAST(value ->> 'position' AS BIGINT) FROM",
        rows,
        "WHERE true ON CONFLICT (account_id, email_key, role) DO NOTHING"
    );
    query!(sql, json(rows)).run(conn).await
}

/// Adds the names of the attributes that the file has a column for: of a customer in the file, only these can lose a value.
pub async fn add_attribute_names(conn: &mut Conn, names: &[&str]) -> Result<()> {
    let rows: Vec<_> = names.iter().map(|name| AttributeName { name }).collect();
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO file_attribute_names (name) SELECT value ->> 'name' FROM",
        rows,
        "WHERE true ON CONFLICT (name) DO NOTHING"
    );
    query!(sql, json(&rows)).run(conn).await
}

/// Adds customers with a skipped row: nothing is removed from them, and they do not leave.
pub async fn add_kept(conn: &mut Conn, rows: &[KeptRow<'_>]) -> Result<()> {
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO kept_customers (account_id) SELECT value ->> 'account_id' FROM",
        rows,
        "WHERE true ON CONFLICT (account_id) DO NOTHING"
    );
    query!(sql, json(rows)).run(conn).await
}

/// The statements that compare the file with what is stored. If `$1` is 1, customers that are not in the file leave; if it is -1,
/// nothing is removed. A customer of whom the file has no name, since all its good rows are of erased persons, keeps its name if
/// another row of it was skipped, or may have been: that row may be of somebody who is there still.
///
/// Contacts and attributes are found by the customers of the file, so that a small file costs little beside many customers;
/// CROSS JOIN makes SQLite begin with the file.
const DIFFERENCES: [&str; 6] = [
    "INSERT INTO changed_customers (account_id, name)
     SELECT n.account_id, n.name FROM (SELECT f.account_id, CASE WHEN f.name = '' AND c.account_id IS NOT NULL
           AND ($1 < 0 OR EXISTS (SELECT 1 FROM kept_customers s WHERE s.account_id = f.account_id))
         THEN c.name ELSE f.name END AS name
       FROM file_customers f LEFT JOIN customers c ON c.account_id = f.account_id) AS n
     LEFT JOIN customers c ON c.account_id = n.account_id
     WHERE c.account_id IS NULL OR c.name <> n.name OR c.status <> 'active'",
    "INSERT INTO left_customers (account_id)
     SELECT c.account_id FROM customers c WHERE $1 = 1 AND c.status = 'active'
       AND NOT EXISTS (SELECT 1 FROM file_customers f WHERE f.account_id = c.account_id)
       AND NOT EXISTS (SELECT 1 FROM kept_customers s WHERE s.account_id = c.account_id)",
    "INSERT INTO changed_attributes (account_id, name, value, position)
     SELECT f.account_id, f.name, f.value, f.position FROM file_attributes f LEFT JOIN customer_attributes a
       ON a.account_id = f.account_id AND a.name = f.name AND a.value = f.value
     WHERE $1 IS NOT NULL AND (a.account_id IS NULL OR a.position <> f.position)",
    "INSERT INTO gone_attributes (account_id, name, value)
     SELECT a.account_id, a.name, a.value FROM file_customers c CROSS JOIN customer_attributes a
     WHERE $1 IS NOT NULL AND a.account_id = c.account_id
       AND EXISTS (SELECT 1 FROM file_attribute_names n WHERE n.name = a.name)
       AND NOT EXISTS (SELECT 1 FROM file_attributes f
         WHERE f.account_id = a.account_id AND f.name = a.name AND f.value = a.value)
       AND NOT EXISTS (SELECT 1 FROM kept_customers s WHERE s.account_id = a.account_id)",
    "INSERT INTO changed_contacts (account_id, email, email_key, role, name, locale, time_zone, position, known)
     SELECT f.account_id, f.email, f.email_key, f.role, f.name, f.locale, f.time_zone, f.place,
       CASE WHEN k.account_id IS NULL THEN 0 ELSE 1 END
     FROM (SELECT account_id, email, email_key, role, name, locale, time_zone,
         ROW_NUMBER() OVER (PARTITION BY account_id ORDER BY position) AS place FROM file_contacts
         WHERE role <> '') AS f
       LEFT JOIN contacts k ON k.account_id = f.account_id AND k.email_key = f.email_key AND k.role = f.role
     WHERE $1 IS NOT NULL AND (k.account_id IS NULL OR k.deactivated_at IS NOT NULL OR k.email <> f.email OR k.name <> f.name
       OR k.position <> f.place OR k.locale IS DISTINCT FROM f.locale OR k.time_zone IS DISTINCT FROM f.time_zone)",
    "INSERT INTO gone_contacts (account_id, email_key, role)
     SELECT k.account_id, k.email_key, k.role FROM file_customers c CROSS JOIN contacts k
     WHERE k.account_id = c.account_id AND k.deactivated_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM file_contacts f
         WHERE f.account_id = k.account_id AND f.email_key = k.email_key AND f.role = k.role)
       AND NOT EXISTS (SELECT 1 FROM kept_customers s WHERE s.account_id = k.account_id)
     UNION ALL SELECT k.account_id, k.email_key, k.role FROM contacts k
     WHERE $1 = 1 AND k.deactivated_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM file_customers c WHERE c.account_id = k.account_id)
       AND NOT EXISTS (SELECT 1 FROM kept_customers s WHERE s.account_id = k.account_id)",
];

/// Compares the file with what is stored. Columns that it lacks change nothing. Returns the [`revision`] that it was compared with.
pub async fn compare(conn: &mut Conn, removal: Removal, lacking: Lacking) -> Result<u64> {
    let revision = revision(conn).await?;
    conn.execute(Dialect::of(conn).pick(
        "DELETE FROM new_words; DELETE FROM gone_words;
         DELETE FROM changed_customers; DELETE FROM left_customers; DELETE FROM changed_attributes;
         DELETE FROM gone_attributes; DELETE FROM changed_contacts; DELETE FROM gone_contacts",
        "TRUNCATE new_words, gone_words, changed_customers, left_customers, changed_attributes, gone_attributes, changed_contacts, gone_contacts;
         ANALYZE file_customers, file_attributes, file_contacts",
    ))
    .await?;
    for sql in lacking.statements() {
        conn.execute(sql).await?;
        crate::store::beat();
    }
    for sql in DIFFERENCES {
        query!(sql, removal.as_bound()).run(&mut *conn).await?;
        crate::store::beat();
    }
    if removal == Removal::Nothing {
        conn.execute("DELETE FROM gone_attributes; DELETE FROM gone_contacts").await?;
    }
    Ok(revision)
}

/// True if the file differs from what is stored, after [`compare`].
pub async fn differs(conn: &mut Conn) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM changed_customers UNION ALL SELECT 1 FROM left_customers
         UNION ALL SELECT 1 FROM changed_attributes UNION ALL SELECT 1 FROM gone_attributes
         UNION ALL SELECT 1 FROM changed_contacts UNION ALL SELECT 1 FROM gone_contacts LIMIT 1) AS first";
    Ok(query!(sql).count(conn, "changed_customers").await? > 0)
}

/// How often customers and contacts were changed by imports and corrections of addresses. If the number is the same under the
/// lock of the ledger's head as at the comparison, nothing changed in between.
pub async fn revision(conn: &mut Conn) -> Result<u64> {
    query!("SELECT id, customers_revision FROM ledger_head WHERE id = 1")
        .one(conn, |row| Row::of("ledger_head", row).count("customers_revision"))
        .await
}

/// Counts a change of customers or contacts. This locks the ledger's head.
pub async fn revise(conn: &mut Conn) -> Result<()> {
    let sql = "UPDATE ledger_head SET customers_revision = customers_revision + 1 WHERE id = 1";
    conn.execute(sql).await?;
    Ok(())
}

/// Waits until no import changes customers, and keeps others out.
pub async fn lock_customers(conn: &mut Conn) -> Result<()> {
    if Dialect::of(conn) == Dialect::Postgres {
        // Two imports would lock each other's rows in different orders. Nothing else takes this lock.
        conn.execute("LOCK TABLE customers IN SHARE UPDATE EXCLUSIVE MODE").await?;
    }
    Ok(())
}

/// Writes the differences of customers and attributes, and contacts that are new: only another import waits for these.
pub async fn write_customers(conn: &mut Conn, import_id: &str, now: Timestamp) -> Result<()> {
    lock_customers(conn).await?;
    for sql in [
        "INSERT INTO customers (account_id, name, status, import_id, updated_at)
         SELECT account_id, name, 'active', $1, $2 FROM changed_customers
         WHERE true ON CONFLICT (account_id) DO UPDATE SET
           name = excluded.name, status = 'active', import_id = excluded.import_id, updated_at = excluded.updated_at",
        "UPDATE customers SET status = 'left', import_id = $1, updated_at = $2 FROM left_customers l
         WHERE customers.account_id = l.account_id",
    ] {
        query!(sql, import_id, now).run(&mut *conn).await?;
    }
    customer_words::add_new(conn).await?;
    let changed = "INSERT INTO customer_attributes (account_id, name, value, position, import_id)
         SELECT account_id, name, value, position, $1 FROM changed_attributes
         WHERE true ON CONFLICT (account_id, name, value) DO UPDATE SET
           position = excluded.position, import_id = excluded.import_id";
    query!(changed, import_id).run(&mut *conn).await?;
    let gone = "DELETE FROM customer_attributes WHERE (account_id, name, value) IN
           (SELECT account_id, name, value FROM gone_attributes)";
    conn.execute(gone).await?;
    upsert_contacts(conn, import_id, false).await
}

/// Writes the differences of contacts that are stored already. Erasures and corrections of addresses wait for this; like them, the
/// caller holds the lock of the ledger's head.
pub async fn write_contacts(conn: &mut Conn, import_id: &str, now: Timestamp) -> Result<()> {
    customer_words::take_gone(conn).await?;
    upsert_contacts(conn, import_id, true).await?;
    let gone = "UPDATE contacts SET import_id = $1, deactivated_at = $2 FROM gone_contacts g
         WHERE contacts.account_id = g.account_id AND contacts.email_key = g.email_key AND contacts.role = g.role";
    query!(gone, import_id, now).run(&mut *conn).await?;
    // The time of a customer that left is when it left.
    let touched = "UPDATE customers SET updated_at = $1 WHERE status = 'active' AND updated_at < $1 AND account_id IN
           (SELECT account_id FROM changed_attributes UNION SELECT account_id FROM gone_attributes
             UNION SELECT account_id FROM changed_contacts UNION SELECT account_id FROM gone_contacts)";
    query!(touched, now).run(conn).await
}

async fn upsert_contacts(conn: &mut Conn, import_id: &str, known: bool) -> Result<()> {
    let sql = "INSERT INTO contacts (account_id, email, email_key, role, name, locale, time_zone, position, import_id,
           deactivated_at)
         SELECT account_id, email, email_key, role, name, locale, time_zone, position, $1, NULL FROM changed_contacts WHERE known = $2
         ON CONFLICT (account_id, email_key, role) DO UPDATE SET
           email = excluded.email, name = excluded.name, locale = excluded.locale, time_zone = excluded.time_zone, position = excluded.position,
           import_id = excluded.import_id, deactivated_at = NULL";
    query!(sql, import_id, known).run(conn).await
}
