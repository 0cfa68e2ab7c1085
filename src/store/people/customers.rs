//! Customers and their attributes.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::Row as _;

use crate::domain::address::Address;
use crate::domain::customer::AccountId;
use crate::domain::sought::end;
use crate::store::engine::dialect::{Dialect, among, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A customer in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = customer::Listed)]
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
    /// When an import changed it last.
    pub updated_at: Timestamp,
}

/// How many customers are active.
pub async fn count_active(conn: &mut Conn) -> Result<u64> {
    query!("SELECT COUNT(*) AS n FROM customers WHERE status = 'active'").count(conn, "customers").await
}

/// A page of active customers after `after`, in the order of their account ids.
pub async fn list(conn: &mut Conn, after: Option<&str>, limit: u32) -> Result<Vec<Listed>> {
    let sql = "SELECT c.account_id, c.name, (SELECT COUNT(*) FROM contacts k
           WHERE k.account_id = c.account_id AND k.deactivated_at IS NULL) AS contacts
         FROM customers c WHERE c.status = 'active' AND c.account_id > $1 ORDER BY c.account_id LIMIT $2";
    query!(sql, after.unwrap_or_default(), limit).all(conn, of_row).await
}

/// Account ids that begin with a text, in order after `after`; also those of customers that left.
pub async fn beginning(conn: &mut Conn, beginning: &str, after: &str, limit: u32) -> Result<Vec<String>> {
    let sql = Dialect::of(conn).pick(
        "SELECT json_group_array(account_id ORDER BY account_id) AS packed FROM (
           SELECT account_id FROM customers WHERE account_id >= $1 AND account_id > $2 AND account_id < $3
           ORDER BY account_id LIMIT $4)",
        "SELECT json_agg(account_id ORDER BY account_id)::text AS packed FROM (
           SELECT account_id FROM customers WHERE account_id >= $1 AND account_id > $2 AND account_id < $3
           ORDER BY account_id LIMIT $4) AS page",
    );
    query!(sql, after.max(beginning), after, end(beginning), limit).packed(conn, "customers").await
}

/// Those of some customers that are active, by account id.
pub async fn listed(conn: &mut Conn, accounts: &[&str]) -> Result<BTreeMap<String, Listed>> {
    let sql = among!(
        conn,
        "SELECT c.account_id, c.name, (SELECT COUNT(*) FROM contacts k
           WHERE k.account_id = c.account_id AND k.deactivated_at IS NULL) AS contacts
         FROM customers c WHERE c.status = 'active' AND c.account_id", in "$1"
    );
    let rows = query!(sql, json(accounts)).rows(conn).await?;
    let rows = rows.iter().map(of_row);
    rows.map(|it| it.map(|it| (it.account_id.clone(), it))).collect()
}

/// A page of the active customers with a contact at an address, or with it as their account id, after `after`.
pub async fn with_address(conn: &mut Conn, address: &Address, after: Option<&str>, limit: u32) -> Result<Vec<Listed>> {
    let sql = "SELECT c.account_id, c.name, (SELECT COUNT(*) FROM contacts k
           WHERE k.account_id = c.account_id AND k.deactivated_at IS NULL) AS contacts
         FROM customers c WHERE c.status = 'active' AND c.account_id > $1
           AND c.account_id IN (SELECT k.account_id FROM contacts k WHERE k.email_key = $3 AND k.deactivated_at IS NULL
             UNION SELECT $4)
         ORDER BY c.account_id LIMIT $2";
    query!(sql, after.unwrap_or_default(), limit, address.key().as_str(), address.as_str()).all(conn, of_row).await
}

fn of_row(row: &sqlx::any::AnyRow) -> Result<Listed> {
    let row = Row::of("customers", row);
    Ok(Listed { account_id: row.get("account_id")?, name: row.get("name")?, contacts: row.count("contacts")? })
}

/// Marks a customer as left, with the contacts that it has. The caller holds the locks of an import.
pub async fn leave(conn: &mut Conn, account_id: &str, import_id: &str, now: Timestamp) -> Result<()> {
    for sql in [
        "UPDATE customers SET status = 'left', import_id = $2, updated_at = $3 WHERE account_id = $1",
        "UPDATE contacts SET import_id = $2, deactivated_at = $3 WHERE account_id = $1 AND deactivated_at IS NULL",
    ] {
        query!(sql, account_id, import_id, now).run(&mut *conn).await?;
    }
    Ok(())
}

/// One customer, whether active or not.
pub async fn find(conn: &mut Conn, account_id: &str) -> Result<Option<Found>> {
    let sql = "SELECT account_id, name, status, updated_at FROM customers WHERE account_id = $1";
    let row = query!(sql, account_id).first_row(&mut *conn).await?;
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
    let sql = among!(
        conn,
        "SELECT account_id, name, value FROM customer_attributes WHERE account_id", in "$1",
        " ORDER BY account_id, name, position, value"
    );
    let mut attributes: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for row in query!(sql, json(accounts)).rows(conn).await? {
        let (account, name): (String, String) = (row.try_get("account_id")?, row.try_get("name")?);
        attributes.entry(account).or_default().entry(name).or_default().push(row.try_get("value")?);
    }
    Ok(attributes)
}

/// What a selection of customers asks for. Empty means that there is no such condition.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// In order.
    accounts: Vec<AccountId>,
    conditions: Vec<Condition>,
    /// All conditions, as the filter takes them.
    filter: String,
    /// Customers that left, too.
    left: bool,
    /// The condition that the fewest customers meet, and how many those are, counted up to [`COUNTED`], once that is known.
    rarest: OnceLock<(usize, i64)>,
}

/// An attribute that is to have one of some values.
#[derive(Clone, Debug)]
struct Condition {
    name: String,
    /// As a JSON array.
    values: String,
    /// How many values.
    count: usize,
}

/// How many of those who meet a condition are counted, to find the rarest one.
const COUNTED: i64 = 100_000;

impl Selection {
    /// The names of the attributes that it asks for.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.conditions.iter().map(|condition| condition.name.as_str())
    }

    /// A selection of customers that are one of `accounts` and have, for each name, one of its values.
    #[must_use]
    pub fn new(accounts: &[AccountId], attributes: &[(String, Vec<String>)]) -> Self {
        #[derive(Serialize)]
        struct Pair<'a> {
            name: &'a str,
            value: &'a str,
        }
        let pairs = attributes.iter().flat_map(|(name, values)| values.iter().map(move |value| Pair { name, value }));
        let mut accounts = accounts.to_vec();
        accounts.sort_unstable();
        accounts.dedup();
        Self {
            accounts,
            conditions: attributes
                .iter()
                .map(|(name, values)| Condition { name: name.clone(), values: json(values), count: values.len() })
                .collect(),
            filter: json(&pairs.collect::<Vec<_>>()),
            left: false,
            rarest: OnceLock::new(),
        }
    }

    /// The same selection among customers that left, too, if `left`.
    #[must_use]
    pub fn with_left(self, left: bool) -> Self {
        Self { left, ..self }
    }

    fn names(&self) -> i64 {
        i64::try_from(self.conditions.len()).unwrap_or(i64::MAX)
    }

    /// The condition that the fewest customers meet, and how many those are, if that matters.
    async fn rarest(&self, conn: &mut Conn) -> Result<(&Condition, i64)> {
        if let Some((place, count)) = self.rarest.get() {
            return Ok((&self.conditions[*place], *count));
        }
        let (mut rarest, mut fewest) = (0, COUNTED);
        if self.conditions.len() > 1 || self.conditions[0].count > WALKED {
            for (place, condition) in self.conditions.iter().enumerate() {
                let count = meeting(conn, condition, fewest).await?;
                if count < fewest {
                    (rarest, fewest) = (place, count);
                }
            }
        }
        let (place, count) = self.rarest.get_or_init(|| (rarest, fewest));
        Ok((&self.conditions[*place], *count))
    }
}

/// The values of attributes that a selection asks for and no customer has: names and values.
pub async fn unmet(conn: &mut Conn, selection: &Selection) -> Result<Vec<(String, String)>> {
    let sql = Dialect::of(conn).pick(
        "SELECT v.value ->> 'name' AS name, v.value ->> 'value' AS value FROM json_each($1) v
         WHERE NOT EXISTS (SELECT 1 FROM customer_attributes a JOIN customers c ON c.account_id = a.account_id
           WHERE a.name = v.value ->> 'name' AND a.value = v.value ->> 'value' AND ($2 = 1 OR c.status = 'active'))
         ORDER BY 1, 2",
        "SELECT v.value ->> 'name' AS name, v.value ->> 'value' AS value FROM jsonb_array_elements($1::jsonb) AS v (value)
         WHERE NOT EXISTS (SELECT 1 FROM customer_attributes a JOIN customers c ON c.account_id = a.account_id
           WHERE a.name = v.value ->> 'name' AND a.value = v.value ->> 'value' AND ($2 = 1 OR c.status = 'active'))
         ORDER BY 1, 2",
    );
    let rows = query!(sql, &selection.filter, selection.left).rows(conn).await?;
    rows.iter().map(|row| Ok((row.try_get("name")?, row.try_get("value")?))).collect()
}

/// How many customers meet a condition, counted up to `limit`.
async fn meeting(conn: &mut Conn, condition: &Condition, limit: i64) -> Result<i64> {
    let sql = Dialect::of(conn).pick(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM json_each($2) v CROSS JOIN customer_attributes a
           WHERE a.name = $1 AND a.value = v.value LIMIT $3)",
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM customer_attributes a
           WHERE a.name = $1 AND a.value = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) LIMIT $3) AS first",
    );
    query!(sql, &condition.name, &condition.values, limit)
        .one(conn, |row| Row::of("customer_attributes", row).get("n"))
        .await
}

/// A page of the customers that a selection selects, after `after`: account ids and names in order, at most `limit`, and
/// none only if there are no more. For an attribute with a few values, or one that few customers have, it reads about as much as
/// it returns, however many other customers there are; an attribute with many values that many customers have is looked up at
/// each customer.
pub async fn select(conn: &mut Conn, selection: &Selection, after: &str, limit: u32) -> Result<Vec<(String, String)>> {
    let mut after = after.to_owned();
    loop {
        let candidates = if !selection.accounts.is_empty() {
            named(conn, selection, &after, limit).await?
        } else if !selection.conditions.is_empty() {
            attributed(conn, selection, &after, limit).await?
        } else {
            return all(conn, selection.left, &after, limit).await;
        };
        let Some((last, _)) = candidates.last() else { return Ok(Vec::new()) };
        after.clone_from(last);
        let selected: Vec<_> = candidates.into_iter().filter_map(|(id, name)| Some((id, name?))).collect();
        if !selected.is_empty() {
            return Ok(selected);
        }
    }
}

/// Account ids, in order, with the names of those that are selected.
type Candidates = Vec<(String, Option<String>)>;

async fn all(conn: &mut Conn, left: bool, after: &str, limit: u32) -> Result<Vec<(String, String)>> {
    let sql = Dialect::of(conn).pick(
        "SELECT json_group_array(json_array(account_id, name) ORDER BY account_id) AS packed FROM (
           SELECT account_id, name FROM customers WHERE ($3 = 1 OR status = 'active') AND account_id > $1
           ORDER BY account_id LIMIT $2)",
        "SELECT json_agg(json_build_array(account_id, name) ORDER BY account_id)::text AS packed FROM (
           SELECT account_id, name FROM customers WHERE ($3 = 1 OR status = 'active') AND account_id > $1
           ORDER BY account_id LIMIT $2
         ) AS page",
    );
    query!(sql, after, limit, left).packed(conn, "customers").await
}

/// The next of the accounts that a selection names.
async fn named(conn: &mut Conn, selection: &Selection, after: &str, limit: u32) -> Result<Candidates> {
    let begin = selection.accounts.partition_point(|id| id.as_str() <= after);
    let accounts = &selection.accounts[begin..];
    let accounts = &accounts[..accounts.len().min(limit as usize)];
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let sql = Dialect::of(conn).pick(
        "SELECT json_group_array(json_array(account_id, name) ORDER BY account_id) AS packed FROM (
           SELECT v.value AS account_id, c.name FROM json_each($1) v LEFT JOIN customers c
             ON c.account_id = v.value AND ($4 = 1 OR c.status = 'active')
             AND ($3 = 0 OR $3 = (SELECT COUNT(DISTINCT a.name) FROM customer_attributes a
               WHERE a.account_id = c.account_id AND (a.name, a.value) IN
                 (SELECT value ->> 'name', value ->> 'value' FROM json_each($2)))))",
        "SELECT json_agg(json_build_array(account_id, name) ORDER BY account_id COLLATE \"C\")::text AS packed FROM (
           SELECT v.value AS account_id, c.name FROM jsonb_array_elements_text($1::jsonb) AS v (value) LEFT JOIN customers c
             ON c.account_id = v.value AND ($4 = 1 OR c.status = 'active')
             AND ($3 = 0 OR $3 = (SELECT COUNT(DISTINCT a.name) FROM customer_attributes a
               WHERE a.account_id = c.account_id AND (a.name, a.value) IN
                 (SELECT value ->> 'name', value ->> 'value' FROM jsonb_array_elements($2::jsonb))))) AS page",
    );
    query!(sql, json(accounts), &selection.filter, selection.names(), selection.left).packed(conn, "customers").await
}

/// The most values of an attribute that one walk looks for.
const WALKED: usize = 16;

/// The most pages that may each read all customers that meet a condition: beyond that, looking at each customer once is cheaper.
const PAGES: i64 = 50;

/// A page of the accounts that the statement before it finds, with the names of those that are active and meet all conditions.
macro_rules! page_of {
    (sqlite $accounts:literal) => {
        concat!(
            $accounts,
            " SELECT json_group_array(json_array(account_id, name) ORDER BY account_id) AS packed FROM (
           SELECT found.account_id, c.name FROM found LEFT JOIN customers c
             ON c.account_id = found.account_id AND ($7 = 1 OR c.status = 'active')
             AND ($5 = 1 OR $5 = (SELECT COUNT(DISTINCT a.name) FROM customer_attributes a
               WHERE a.account_id = c.account_id AND (a.name, a.value) IN
                 (SELECT value ->> 'name', value ->> 'value' FROM json_each($4))))
           WHERE found.account_id IS NOT NULL)"
        )
    };
    (postgres $accounts:literal) => {
        concat!(
            $accounts,
            " SELECT json_agg(json_build_array(account_id, name) ORDER BY account_id)::text AS packed FROM (
           SELECT found.account_id, c.name FROM found LEFT JOIN customers c
             ON c.account_id = found.account_id AND ($7 = 1 OR c.status = 'active')
             AND ($5 = 1 OR $5 = (SELECT COUNT(DISTINCT a.name) FROM customer_attributes a
               WHERE a.account_id = c.account_id AND (a.name, a.value) IN
                 (SELECT value ->> 'name', value ->> 'value' FROM jsonb_array_elements($4::jsonb))))
           WHERE found.account_id IS NOT NULL) AS page"
        )
    };
}

/// Walks from each account to the next one that has one of the values. It reads nothing of other accounts, but each step looks for
/// each value.
const WALK: (&str, &str) = (
    page_of!(sqlite "WITH RECURSIVE found (account_id, n) AS (
           SELECT (SELECT MIN(first) FROM (SELECT (SELECT MIN(a.account_id) FROM customer_attributes a
             WHERE a.name = $2 AND a.value = v.value AND a.account_id > $1) AS first FROM json_each($3) v)), 1
           UNION ALL
           SELECT (SELECT MIN(first) FROM (SELECT (SELECT MIN(a.account_id) FROM customer_attributes a
             WHERE a.name = $2 AND a.value = v.value AND a.account_id > found.account_id) AS first FROM json_each($3) v)),
             found.n + 1
           FROM found WHERE found.account_id IS NOT NULL AND found.n < $6)"),
    page_of!(postgres "WITH RECURSIVE found (account_id, n) AS (
           SELECT (SELECT MIN(first) FROM (SELECT (SELECT MIN(a.account_id) FROM customer_attributes a
             WHERE a.name = $2 AND a.value = v.value AND a.account_id > $1) AS first
             FROM jsonb_array_elements_text($3::jsonb) AS v (value)) AS of_value), 1
           UNION ALL
           SELECT (SELECT MIN(first) FROM (SELECT (SELECT MIN(a.account_id) FROM customer_attributes a
             WHERE a.name = $2 AND a.value = v.value AND a.account_id > found.account_id) AS first
             FROM jsonb_array_elements_text($3::jsonb) AS v (value)) AS of_value), found.n + 1
           FROM found WHERE found.account_id IS NOT NULL AND found.n < $6)"),
);

/// Sorts all accounts that have one of many values, for each page: cheap while there are few.
const SORT: (&str, &str) = (
    page_of!(sqlite "WITH found (account_id) AS (
           SELECT DISTINCT a.account_id FROM json_each($3) v CROSS JOIN customer_attributes a
           WHERE a.name = $2 AND a.value = v.value AND a.account_id > $1 ORDER BY a.account_id LIMIT $6)"),
    page_of!(postgres "WITH found (account_id) AS (
           SELECT DISTINCT a.account_id FROM jsonb_array_elements_text($3::jsonb) AS v (value)
             JOIN customer_attributes a ON a.name = $2 AND a.value = v.value AND a.account_id > $1
           ORDER BY a.account_id LIMIT $6)"),
);

/// Walks through the customers and looks at each whether it has one of the values: once per customer over all pages. Without the
/// plus sign, SQLite looks for each value at each customer.
const LOOK: (&str, &str) = (
    page_of!(sqlite "WITH found (account_id) AS (
           SELECT c.account_id FROM customers c WHERE ($7 = 1 OR c.status = 'active') AND c.account_id > $1
             AND EXISTS (SELECT 1 FROM customer_attributes a WHERE a.account_id = c.account_id AND a.name = $2
               AND +a.value IN (SELECT value FROM json_each($3)))
           ORDER BY c.account_id LIMIT $6)"),
    page_of!(postgres "WITH found (account_id) AS (
           SELECT c.account_id FROM customers c WHERE ($7 = 1 OR c.status = 'active') AND c.account_id > $1
             AND (SELECT COUNT(*) FROM customer_attributes a WHERE a.account_id = c.account_id AND a.name = $2
               AND a.value IN (SELECT jsonb_array_elements_text($3::jsonb))) > 0
           ORDER BY c.account_id LIMIT $6)"),
);

/// The next customers that meet the rarest condition of a selection.
async fn attributed(conn: &mut Conn, selection: &Selection, after: &str, limit: u32) -> Result<Candidates> {
    let (condition, meeting) = selection.rarest(conn).await?;
    let (sqlite, postgres) = if condition.count <= WALKED {
        WALK
    } else if meeting < COUNTED.min(PAGES * i64::from(limit)) {
        SORT
    } else {
        LOOK
    };
    let sql = Dialect::of(conn).pick(sqlite, postgres);
    query!(sql, after, &condition.name, &condition.values, &selection.filter, selection.names(), limit, selection.left)
        .packed(conn, "customer_attributes")
        .await
}
