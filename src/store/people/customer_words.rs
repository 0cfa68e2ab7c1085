//! The words that customers are found by, in the order of the words: those that begin with a text stand together.
//!
//! They follow from the names ([`sought::words_of`]), so that those of a customer are found without an index of them by customer.

use crate::domain::sought::{self, end};
use crate::store::engine::dialect::{Dialect, bulk, json};
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// Customers whose words are made together.
const PAGE: u32 = 4_000;

/// A customer of an import: account id, name, and the name that is stored if it is stored already.
type Changed = (String, String, Option<String>);

/// Makes the words of the customers that an import changes, after [`compare`](super::imports::compare); other writers go on meanwhile.
pub async fn gather(conn: &mut Conn) -> Result<()> {
    let dialect = Dialect::of(conn);
    for sql in ["DELETE FROM new_words", "DELETE FROM gone_words"] {
        sqlx::query(sql).execute(&mut *conn).await?;
    }
    let page = dialect.pick(
        "SELECT json_group_array(json_array(account_id, name, stored) ORDER BY account_id) AS packed FROM (
           SELECT n.account_id, n.name, (SELECT c.name FROM customers c WHERE c.account_id = n.account_id) AS stored
           FROM changed_customers n WHERE n.account_id > $1 ORDER BY n.account_id LIMIT $2)",
        "SELECT json_agg(json_build_array(account_id, name, stored) ORDER BY account_id)::text AS packed FROM (
           SELECT n.account_id, n.name, (SELECT c.name FROM customers c WHERE c.account_id = n.account_id) AS stored
           FROM changed_customers n WHERE n.account_id > $1 ORDER BY n.account_id LIMIT $2) AS page",
    );
    let mut after = String::new();
    loop {
        let row = sqlx::query(page).bind(&after).bind(i64::from(PAGE)).fetch_one(&mut *conn).await?;
        let changed: Vec<Changed> = Row::of("changed_customers", &row).packed("packed")?;
        let Some((last, ..)) = changed.last() else { return Ok(()) };
        after.clone_from(last);
        let (mut new, mut gone) = (Vec::new(), Vec::new());
        for (account_id, name, stored) in &changed {
            let words = sought::words_of(account_id, name);
            let before = stored.as_ref().map(|name| sought::words_of(account_id, name)).unwrap_or_default();
            gone.extend(before.difference(&words).map(|word| (word.clone(), account_id.as_str())));
            // Those of a customer that is stored may lack: it may have been cleared meanwhile.
            new.extend(words.into_iter().map(|word| (word, account_id.as_str())));
        }
        for (sql, rows) in [
            (
                bulk!(dialect, "INSERT INTO new_words (word, account_id) SELECT value ->> 0, value ->> 1 FROM", rows),
                new,
            ),
            (
                bulk!(dialect, "INSERT INTO gone_words (word, account_id) SELECT value ->> 0, value ->> 1 FROM", rows),
                gone,
            ),
        ] {
            if !rows.is_empty() {
                sqlx::query(sql).bind(json(&rows)).execute(&mut *conn).await?;
            }
        }
        crate::store::beat();
    }
}

/// Writes what [`gather`] made.
pub(super) async fn write(conn: &mut Conn) -> Result<()> {
    for sql in [
        "DELETE FROM customer_words WHERE (word, account_id) IN (SELECT word, account_id FROM gone_words)",
        // In the order of the table, in which rows are written several times as fast.
        "INSERT INTO customer_words (word, account_id) SELECT word, account_id FROM new_words WHERE true
         ORDER BY word, account_id ON CONFLICT (word, account_id) DO NOTHING",
    ] {
        sqlx::query(sql).execute(&mut *conn).await?;
        crate::store::beat();
    }
    Ok(())
}

/// Deletes the words of customers whose names are about to be deleted; with `bare`, of those that have no contact left.
pub async fn remove(conn: &mut Conn, accounts: &[String], bare: bool) -> Result<()> {
    let dialect = Dialect::of(conn);
    let named = dialect.pick(
        "SELECT json_group_array(json_array(c.account_id, c.name)) AS packed FROM customers c
         WHERE c.account_id IN (SELECT value FROM json_each($1))
           AND ($2 = 0 OR NOT EXISTS (SELECT 1 FROM contacts k WHERE k.account_id = c.account_id))",
        "SELECT json_agg(json_build_array(c.account_id, c.name))::text AS packed FROM customers c
         WHERE c.account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))
           AND ($2 = 0 OR NOT EXISTS (SELECT 1 FROM contacts k WHERE k.account_id = c.account_id))",
    );
    let row = sqlx::query(named).bind(json(accounts)).bind(i64::from(bare)).fetch_one(&mut *conn).await?;
    let named: Vec<(String, String)> = Row::of("customers", &row).packed("packed")?;
    // A customer whose name is cleared keeps the words of its account id.
    let kept = |account_id: &str| if bare { sought::words_of(account_id, "") } else { Default::default() };
    let rows: Vec<(String, &str)> = named
        .iter()
        .flat_map(|(account_id, name)| {
            let words = sought::words_of(account_id, name);
            let gone: Vec<String> = words.difference(&kept(account_id)).cloned().collect();
            gone.into_iter().map(|word| (word, account_id.as_str()))
        })
        .collect();
    let sql = dialect.pick(
        "DELETE FROM customer_words WHERE (word, account_id) IN (SELECT value ->> 0, value ->> 1 FROM json_each($1))",
        "DELETE FROM customer_words WHERE (word, account_id) IN
           (SELECT value ->> 0, value ->> 1 FROM jsonb_array_elements($1::jsonb))",
    );
    sqlx::query(sql).bind(json(&rows)).execute(conn).await?;
    Ok(())
}

/// How many words begin with a text, each counted for each customer, up to `limit`.
pub async fn count(conn: &mut Conn, beginning: &str, limit: u32) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM
           (SELECT 1 AS one FROM customer_words WHERE word >= $1 AND word < $2 LIMIT $3) AS first";
    let query = sqlx::query(sql).bind(beginning).bind(end(beginning)).bind(i64::from(limit));
    Row::of("customer_words", &query.fetch_one(conn).await?).count("n")
}

/// A page of the words that begin with a text, each with the account of a customer that has it, in their order after `after`; also
/// those of customers that left.
pub async fn beginning(
    conn: &mut Conn,
    beginning: &str,
    (word, account_id): (&str, &str),
    limit: u32,
) -> Result<Vec<(String, String)>> {
    let sql = Dialect::of(conn).pick(
        "SELECT json_group_array(json_array(word, account_id) ORDER BY word, account_id) AS packed FROM (
           SELECT word, account_id FROM customer_words WHERE (word, account_id) > ($1, $2) AND word < $3
           ORDER BY word, account_id LIMIT $4)",
        "SELECT json_agg(json_build_array(word, account_id) ORDER BY word, account_id)::text AS packed FROM (
           SELECT word, account_id FROM customer_words WHERE (word, account_id) > ($1, $2) AND word < $3
           ORDER BY word, account_id LIMIT $4) AS page",
    );
    // No word of a customer comes before the text itself.
    let word = word.max(beginning);
    let query = sqlx::query(sql).bind(word).bind(account_id).bind(end(beginning)).bind(i64::from(limit));
    Row::of("customer_words", &query.fetch_one(conn).await?).packed("packed")
}
