//! The search for customers: by how the account id begins, the words of the name, and for who sees all addresses how one of them begins.
//!
//! A page reads a part of an index in its order, so that it costs the same however many customers there are. What is common in names
//! may stand in many rows without the other words that were typed: then a page ends early, and its cursor goes on from there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::domain::category::Role;
use crate::domain::customer::AccountId;
use crate::domain::page::{CursorError, Page, PageRequest};
use crate::domain::right::Right;
use crate::domain::sought::{self, Sought, first};
use crate::people::customers::{CustomerError, Customers, Listed};
use crate::store::people::customers::{self, Selection};
use crate::store::people::{contacts, customer_words};
use crate::store::{Conn, StoreError};

/// The most rows that a page reads, beyond those of one batch.
const READ: usize = 4_000;

/// The most rows that are read together.
const BATCH: u32 = 1_000;

/// So many customers have a word that it does not matter how many more there are.
const COMMON: u32 = 4_000;

impl Customers {
    /// A page of the active customers whose account id begins with a text, or whose name has a word beginning with each word of it;
    /// then of those with an address that begins with it, for who may see all addresses. A page may have fewer than asked for, or none,
    /// and still a cursor.
    ///
    /// # Errors
    /// If the cursor is not one of the list, or the database fails.
    pub async fn search(
        &self,
        actor: &Actor,
        text: &str,
        request: &PageRequest,
    ) -> Result<Page<Listed>, CustomerError> {
        actor.may_at_all(Right::ReadCustomers)?;
        let sees = self.seen(actor).len() == Role::ALL.len();
        let mut conn = self.context().store.read().await?;
        if let (true, Ok(address)) = (sees, Address::parse(text.trim())) {
            let after = request.key::<AccountId>()?;
            let after = after.as_ref().map(AccountId::as_str);
            let rows = customers::with_address(&mut conn, &address, after, request.to_read()).await?;
            return Ok(Page::of(rows, request, |customer| customer.account_id.clone()));
        }
        let search = Search::new(&mut conn, Sought::parse(text), sees).await?;
        let (accounts, next) = search.page(&mut conn, request).await?;
        let found: Vec<&str> = accounts.iter().map(String::as_str).collect();
        let mut listed = customers::listed(&mut conn, &found).await?;
        let items = found.iter().filter_map(|it| listed.remove(*it)).collect();
        Ok(Page { items, next: next.map(|it| it.to_string()) })
    }
}

/// Somewhere that customers are found, in the order in which the list has them.
enum Source {
    /// Account ids that begin so.
    Account(String),
    /// Words that begin so.
    Word(String),
    /// Addresses that begin so.
    Address(String),
}

/// A row of a source: its place there, and whether it is the first one of the customer among those that fit.
struct Row {
    key: [String; 3],
    account: String,
    first: bool,
}

impl Source {
    async fn rows(&self, conn: &mut Conn, after: &[String; 3], limit: u32) -> Result<Vec<Row>, StoreError> {
        let [one, two, three] = after.each_ref().map(String::as_str);
        let none = String::new;
        Ok(match self {
            Self::Account(beginning) => {
                let rows = customers::beginning(conn, beginning, one, limit).await?.into_iter();
                rows.map(|account| Row { key: [account.clone(), none(), none()], account, first: true }).collect()
            }
            Self::Word(beginning) => {
                let rows = customer_words::beginning(conn, beginning, (one, two), limit).await?.into_iter();
                rows.map(|(word, account)| Row { key: [word, account.clone(), none()], account, first: false })
                    .collect()
            }
            Self::Address(beginning) => {
                let rows = contacts::beginning(conn, beginning, [one, two, three], limit).await?.into_iter();
                rows.map(|it| Row {
                    key: [it.email_key, it.account_id.clone(), it.role],
                    account: it.account_id,
                    first: it.first == 1,
                })
                .collect()
            }
        })
    }
}

/// A customer up to which the list was read: the number of the source, and the account.
struct Cursor(usize, AccountId);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}", self.0, self.1.as_str())
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (source, account) = text.split_once('~').ok_or_else(|| "has no `~`".to_owned())?;
        Ok(Self(source.parse().map_err(|_| "has no number".to_owned())?, account.parse()?))
    }
}

struct Search {
    sought: Sought,
    sources: Vec<Source>,
}

impl Search {
    async fn new(conn: &mut Conn, sought: Sought, addresses: bool) -> Result<Self, StoreError> {
        let mut sources: Vec<Source> = sought.accounts.iter().cloned().map(Source::Account).collect();
        if let Some(word) = rarest(conn, &sought.words).await? {
            sources.push(Source::Word(word));
        }
        if addresses && !sought.address.is_empty() {
            sources.push(Source::Address(sought.address.clone()));
        }
        Ok(Self { sought, sources })
    }

    /// The accounts of a page, and the cursor of the next one.
    async fn page(
        &self,
        conn: &mut Conn,
        request: &PageRequest,
    ) -> Result<(Vec<String>, Option<Cursor>), CustomerError> {
        let after = request.key::<Cursor>()?;
        let (begin, mut key) = match &after {
            Some(cursor) => (cursor.0, self.place(conn, cursor).await?),
            None => (0, Default::default()),
        };
        let (mut found, mut last): (Vec<String>, _) = (Vec::new(), None);
        let mut read = 0;
        for (n, source) in self.sources.iter().enumerate().skip(begin) {
            let mut batch = request.to_read().min(BATCH);
            loop {
                let rows = source.rows(conn, &key, batch).await?;
                let names = names(conn, &rows).await?;
                let is_last = rows.len() < batch as usize;
                for row in rows {
                    read += 1;
                    key = row.key;
                    let Some((account, name)) = names.get(&row.account) else { continue };
                    let words = sought::words_of(&row.account, name);
                    if !(row.first || matches!(source, Source::Word(it) if first(&words, it) == Some(&*key[0]))) {
                        continue;
                    }
                    if self.lists(source, &row.account, &words) {
                        if found.len() == request.limit as usize {
                            return Ok((found, last));
                        }
                        found.push(row.account);
                        last = Some(Cursor(n, account.clone()));
                    }
                    if read >= READ {
                        return Ok((found, Some(Cursor(n, account.clone()))));
                    }
                }
                if is_last {
                    break;
                }
                batch = (batch * 2).min(BATCH);
            }
            key = Default::default();
        }
        Ok((found, None))
    }

    /// True if a customer that a source has is listed there, and not by another one before or behind.
    fn lists(&self, source: &Source, account_id: &str, words: &BTreeSet<String>) -> bool {
        let by_account = self.sought.account(account_id).is_some();
        match source {
            Source::Account(_) => true,
            Source::Word(_) => !by_account && self.sought.has_all(words),
            Source::Address(_) => !by_account && !self.sought.has_all(words),
        }
    }

    /// The place of a cursor in its source.
    async fn place(&self, conn: &mut Conn, Cursor(n, account): &Cursor) -> Result<[String; 3], CustomerError> {
        let id = account.as_str();
        let key = match self.sources.get(*n) {
            Some(Source::Account(_)) => Some([id.to_owned(), String::new(), String::new()]),
            Some(Source::Word(beginning)) => {
                let known = customers::find(conn, id).await?;
                let words = known.map(|it| sought::words_of(id, &it.name)).unwrap_or_default();
                first(&words, beginning).map(|word| [word.to_owned(), id.to_owned(), String::new()])
            }
            Some(Source::Address(beginning)) => {
                let key = contacts::first_beginning(conn, id, beginning).await?;
                // After all roles that the contact may have.
                key.map(|key| [key, id.to_owned(), char::MAX.to_string()])
            }
            None => None,
        };
        key.ok_or_else(|| CursorError(Cursor(*n, account.clone()).to_string()).into())
    }
}

/// The names of those of the customers that are active.
async fn names(conn: &mut Conn, rows: &[Row]) -> Result<BTreeMap<String, (AccountId, String)>, StoreError> {
    let ids: Vec<AccountId> = rows.iter().filter_map(|row| AccountId::parse(&row.account).ok()).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let limit = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let named = customers::select(conn, &Selection::new(&ids, &[]), "", limit).await?;
    Ok(named.into_iter().filter_map(|(id, name)| Some((id.clone(), (AccountId::parse(&id).ok()?, name)))).collect())
}

/// The one of some words that the fewest customers have; of common ones the longest.
async fn rarest(conn: &mut Conn, words: &[String]) -> Result<Option<String>, StoreError> {
    let mut rarest: Option<(u64, &String)> = None;
    for word in words {
        let count = match words {
            [_] => 0,
            _ => customer_words::count(conn, word, COMMON).await?,
        };
        let rarer = |(fewest, longest): (u64, &String)| count < fewest || count == fewest && word.len() > longest.len();
        if rarest.is_none_or(rarer) {
            rarest = Some((count, word));
        }
    }
    Ok(rarest.map(|(_, word)| word.clone()))
}
