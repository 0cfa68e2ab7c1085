//! The words that customers are found by, in the order of the words: those that begin with a text stand together.
//!
//! A row has a word and some of the accounts that share it, in order: an import of a million customers writes some hundred thousand
//! rows, and not several million. An account is in one row of a word at most. The words follow from the names ([`sought::words_of`]),
//! so that those of a customer are found without an index of them by customer.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::domain::sought::{self, end};
use crate::store::engine::dialect::{Dialect, bulk, json};
use crate::store::engine::query::query;
use crate::store::{Conn, Result};

/// Customers whose words are made together: those of one file that share a word are near each other then.
const PAGE: u32 = 20_000;

/// The most accounts of a row.
const SHARED: usize = 200;

/// Words that are taken from customers together.
const TAKEN: u32 = 4_000;

/// A customer of an import: account id, name, and the name that is stored if it is stored already.
type Changed = (String, String, Option<String>);

/// A word with accounts that share it. No account id has a blank.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Shared {
    /// The word.
    pub word: String,
    /// The first account.
    pub account_id: String,
    /// The others, in order, with blanks between them.
    pub others: String,
}

impl Shared {
    /// All accounts, in order.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.account_id.as_str()).chain(self.others.split(' ').filter(|it| !it.is_empty()))
    }
}

/// A row as it is written: word, first and last account, the others, and how many.
type Written<'a> = (&'a str, &'a str, &'a str, String, usize);

fn rows<'a>(word: &'a str, accounts: &[&'a str]) -> Vec<Written<'a>> {
    let row = |shared: &[&'a str]| (word, shared[0], shared[shared.len() - 1], shared[1..].join(" "), shared.len());
    accounts.chunks(SHARED).map(row).collect()
}

/// Makes the words of the customers that an import changes, after [`compare`](super::imports::compare); other writers go on meanwhile.
pub async fn gather(conn: &mut Conn) -> Result<()> {
    let dialect = Dialect::of(conn);
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
        let changed: Vec<Changed> = query!(page, &after, PAGE).packed(&mut *conn, "changed_customers").await?;
        let Some((last, ..)) = changed.last() else { return Ok(()) };
        after.clone_from(last);
        let mut new: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        let mut gone: Vec<(String, &str)> = Vec::new();
        for (account_id, name, stored) in &changed {
            let words = sought::words_of(account_id, name);
            let before = stored.as_ref().map(|name| sought::words_of(account_id, name)).unwrap_or_default();
            gone.extend(before.difference(&words).map(|word| (word.clone(), account_id.as_str())));
            for word in words.into_iter().filter(|word| !before.contains(word)) {
                new.entry(word).or_default().push(account_id);
            }
        }
        let new: Vec<Written<'_>> = new.iter().flat_map(|(word, accounts)| rows(word, accounts)).collect();
        let add = bulk!(
            dialect,
            "INSERT INTO new_words (word, account_id, last, others, n)
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, CAST(value ->> 4 AS BIGINT) FROM",
            rows
        );
        query!(add, json(&new)).run(&mut *conn).await?;
        let take =
            bulk!(dialect, "INSERT INTO gone_words (word, account_id) SELECT value ->> 0, value ->> 1 FROM", rows);
        query!(take, json(&gone)).run(&mut *conn).await?;
        crate::store::beat();
    }
}

/// Takes the words from customers that [`gather`] found to be gone. Rows are shared: the caller holds the ledger's head, as who erases
/// does, so that they wait for each other there.
pub(super) async fn take_gone(conn: &mut Conn) -> Result<()> {
    let page = Dialect::of(conn).pick(
        "SELECT json_group_array(json_array(word, account_id) ORDER BY word, account_id) AS packed FROM (
           SELECT word, account_id FROM gone_words WHERE (word, account_id) > ($1, $2) ORDER BY word, account_id LIMIT $3)",
        "SELECT json_agg(json_build_array(word, account_id) ORDER BY word, account_id)::text AS packed FROM (
           SELECT word, account_id FROM gone_words WHERE (word, account_id) > ($1, $2) ORDER BY word, account_id LIMIT $3
         ) AS page",
    );
    let mut after = (String::new(), String::new());
    loop {
        let gone: Vec<(String, String)> =
            query!(page, &after.0, &after.1, TAKEN).packed(&mut *conn, "gone_words").await?;
        let Some(last) = gone.last() else { return Ok(()) };
        after.clone_from(last);
        take(conn, gone.iter().map(|(word, account)| (word.as_str(), account.as_str()))).await?;
        crate::store::beat();
    }
}

/// Adds the words that [`gather`] made.
pub(super) async fn add_new(conn: &mut Conn) -> Result<()> {
    // In the order of the table, in which rows are written several times as fast.
    let sql = "INSERT INTO customer_words (word, account_id, last, others, n)
         SELECT word, account_id, last, others, n FROM new_words WHERE true
         ORDER BY word, account_id ON CONFLICT (word, account_id) DO NOTHING";
    query!(sql).run(conn).await
}

/// Takes words from customers.
async fn take<'a>(conn: &mut Conn, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<()> {
    let mut by_word: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (word, account) in pairs {
        by_word.entry(word).or_default().insert(account);
    }
    let dialect = Dialect::of(conn);
    let with = dialect.pick(
        "SELECT json_group_array(json_object('word', word, 'account_id', account_id, 'others', others)) AS packed
         FROM customer_words WHERE word = $1 AND account_id <= $2 AND last >= $3",
        "SELECT json_agg(json_build_object('word', word, 'account_id', account_id, 'others', others))::text AS packed
         FROM customer_words WHERE word = $1 AND account_id <= $2 AND last >= $3",
    );
    let insert = bulk!(
        dialect,
        "INSERT INTO customer_words (word, account_id, last, others, n)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, CAST(value ->> 4 AS BIGINT) FROM",
        rows
    );
    for (word, accounts) in by_word {
        let (Some(first), Some(last)) = (accounts.first(), accounts.last()) else { continue };
        let found: Vec<Shared> = query!(with, word, *last, *first).packed(&mut *conn, "customer_words").await?;
        for shared in found {
            let kept: Vec<&str> = shared.accounts().filter(|it| !accounts.contains(it)).collect();
            if kept.len() == shared.accounts().count() {
                continue;
            }
            let delete = "DELETE FROM customer_words WHERE word = $1 AND account_id = $2";
            query!(delete, word, &shared.account_id).run(&mut *conn).await?;
            query!(insert, json(&rows(word, &kept))).run(&mut *conn).await?;
        }
    }
    Ok(())
}

/// Deletes the words of customers whose names are about to be deleted; with `bare`, of those that have no contact left.
pub async fn remove(conn: &mut Conn, accounts: &[String], bare: bool) -> Result<()> {
    let named = Dialect::of(conn).pick(
        "SELECT json_group_array(json_array(c.account_id, c.name)) AS packed FROM customers c
         WHERE c.account_id IN (SELECT value FROM json_each($1))
           AND ($2 = 0 OR NOT EXISTS (SELECT 1 FROM contacts k WHERE k.account_id = c.account_id))",
        "SELECT json_agg(json_build_array(c.account_id, c.name))::text AS packed FROM customers c
         WHERE c.account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))
           AND ($2 = 0 OR NOT EXISTS (SELECT 1 FROM contacts k WHERE k.account_id = c.account_id))",
    );
    let named: Vec<(String, String)> = query!(named, json(accounts), bare).packed(&mut *conn, "customers").await?;
    let mut gone: Vec<(String, &str)> = Vec::new();
    for (account_id, name) in &named {
        // A customer whose name is cleared keeps the words of its account id.
        let kept = if bare { sought::words_of(account_id, "") } else { BTreeSet::new() };
        let words = sought::words_of(account_id, name);
        gone.extend(words.difference(&kept).map(|word| (word.clone(), account_id.as_str())));
    }
    take(conn, gone.iter().map(|(word, account)| (word.as_str(), *account))).await
}

/// How many customers have a word that begins with a text, each counted for each word; from `limit` rows on some are left out.
pub async fn count(conn: &mut Conn, beginning: &str, limit: u32) -> Result<u64> {
    let sql = "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) AS n FROM
           (SELECT n FROM customer_words WHERE word >= $1 AND word < $2 LIMIT $3) AS first";
    query!(sql, beginning, end(beginning), limit).count(conn, "customer_words").await
}

/// A page of the words that begin with a text, with the accounts of the customers that have them, in their order from `from` on; also
/// those of customers that left.
pub async fn beginning(
    conn: &mut Conn,
    beginning: &str,
    (word, account_id): (&str, &str),
    limit: u32,
) -> Result<Vec<Shared>> {
    let sql = Dialect::of(conn).pick(
        "SELECT json_group_array(json_object('word', word, 'account_id', account_id, 'others', others)
           ORDER BY word, account_id) AS packed FROM (
           SELECT word, account_id, others FROM customer_words WHERE (word, account_id) >= ($1, $2) AND word < $3
           ORDER BY word, account_id LIMIT $4)",
        "SELECT json_agg(json_build_object('word', word, 'account_id', account_id, 'others', others)
           ORDER BY word, account_id)::text AS packed FROM (
           SELECT word, account_id, others FROM customer_words WHERE (word, account_id) >= ($1, $2) AND word < $3
           ORDER BY word, account_id LIMIT $4) AS page",
    );
    // No word of a customer comes before the text itself.
    let word = word.max(beginning);
    query!(sql, word, account_id, end(beginning), limit).packed(conn, "customer_words").await
}
