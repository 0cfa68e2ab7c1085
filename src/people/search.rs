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

/// The most rows that are read together; a row of a word has many accounts.
const BATCH: u32 = 100;

/// The most customers whose names are read together.
const NAMED: usize = 500;

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
    /// Up to `limit` rows of the database after a place, and whether these are the last.
    async fn rows(&self, conn: &mut Conn, after: &[String; 3], limit: u32) -> Result<(Vec<Row>, bool), StoreError> {
        let [one, two, three] = after.each_ref().map(String::as_str);
        let none = String::new;
        let is_last = |read: usize| read < limit as usize;
        Ok(match self {
            Self::Account(beginning) => {
                let found = customers::beginning(conn, beginning, one, limit).await?;
                let is_last = is_last(found.len());
                let row = |account: String| Row { key: [account.clone(), none(), none()], account, first: true };
                (found.into_iter().map(row).collect(), is_last)
            }
            Self::Word(beginning) => {
                let found = customer_words::beginning(conn, beginning, (one, two), limit).await?;
                let mut rows = Vec::new();
                for shared in &found {
                    let is_begun = shared.word == one && shared.account_id == two;
                    for account in shared.accounts().filter(|it| !is_begun || *it > three) {
                        let key = [shared.word.clone(), shared.account_id.clone(), account.to_owned()];
                        rows.push(Row { key, account: account.to_owned(), first: false });
                    }
                }
                (rows, is_last(found.len()))
            }
            Self::Address(beginning) => {
                let found = contacts::beginning(conn, beginning, [one, two, three], limit).await?;
                let is_last = is_last(found.len());
                let row = |it: contacts::Beginning| Row {
                    key: [it.email_key, it.account_id.clone(), it.role],
                    account: it.account_id,
                    first: it.first == 1,
                };
                (found.into_iter().map(row).collect(), is_last)
            }
        })
    }
}

/// A customer up to which the list was read: the number of the source, the first account of the row of a word, and the account.
#[derive(Clone)]
struct Cursor(usize, AccountId, AccountId);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.0, self.1.as_str(), self.2.as_str())
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // No account id has a blank.
        match text.split(' ').collect::<Vec<_>>()[..] {
            [source, first, account] => {
                Ok(Self(source.parse().map_err(|_| "has no number".to_owned())?, first.parse()?, account.parse()?))
            }
            _ => Err("has not three parts".to_owned()),
        }
    }
}

/// A page that is being filled.
struct Listing {
    limit: usize,
    /// Rows that were read.
    read: usize,
    found: Vec<String>,
    /// The last one that was found.
    last: Option<Cursor>,
}

/// How the list goes on after a page.
struct Next(Option<Cursor>);

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
        let mut page = Listing { limit: request.limit as usize, read: 0, found: Vec::new(), last: None };
        for (n, source) in self.sources.iter().enumerate().skip(begin) {
            let mut batch = request.to_read().clamp(2, BATCH);
            loop {
                let (rows, is_last) = source.rows(conn, &key, batch).await?;
                for rows in rows.chunks(NAMED.min(page.limit + 1).max(NAMED / 10)) {
                    if let Some(next) = self.take(conn, (n, source), rows, &mut page).await? {
                        return Ok((page.found, next.0));
                    }
                }
                match rows.into_iter().next_back() {
                    Some(row) if !is_last => key = row.key,
                    _ => break,
                }
                batch = (batch * 2).min(BATCH);
            }
            key = Default::default();
        }
        Ok((page.found, None))
    }

    /// Takes those of some rows that are listed into a page; returns how it goes on once the page is full, or enough was read.
    async fn take(
        &self,
        conn: &mut Conn,
        (n, source): (usize, &Source),
        rows: &[Row],
        page: &mut Listing,
    ) -> Result<Option<Next>, StoreError> {
        let names = names(conn, rows).await?;
        for row in rows {
            page.read += 1;
            let Some((account, name)) = names.get(&row.account) else { continue };
            let words = sought::words_of(&row.account, name);
            if !(row.first || matches!(source, Source::Word(it) if first(&words, it) == Some(&*row.key[0]))) {
                continue;
            }
            // The first account of a row was parsed when it was written.
            let of_row = if matches!(source, Source::Word(_)) { AccountId::parse(&row.key[1]).ok() } else { None };
            let here = Cursor(n, of_row.unwrap_or_else(|| account.clone()), account.clone());
            if self.lists(source, &row.account, &words) {
                if page.found.len() == page.limit {
                    return Ok(Some(Next(page.last.take())));
                }
                page.found.push(row.account.clone());
                page.last = Some(here.clone());
            }
            if page.read >= READ {
                return Ok(Some(Next(Some(here))));
            }
        }
        Ok(None)
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
    async fn place(&self, conn: &mut Conn, Cursor(n, of_row, account): &Cursor) -> Result<[String; 3], CustomerError> {
        let id = account.as_str();
        let key = match self.sources.get(*n) {
            Some(Source::Account(_)) => Some([id.to_owned(), String::new(), String::new()]),
            Some(Source::Word(beginning)) => {
                let known = customers::find(conn, id).await?;
                let words = known.map(|it| sought::words_of(id, &it.name)).unwrap_or_default();
                first(&words, beginning).map(|word| [word.to_owned(), of_row.as_str().to_owned(), id.to_owned()])
            }
            Some(Source::Address(beginning)) => {
                let key = contacts::first_beginning(conn, id, beginning).await?;
                // After all roles that the contact may have.
                key.map(|key| [key, id.to_owned(), char::MAX.to_string()])
            }
            None => None,
        };
        key.ok_or_else(|| CursorError(Cursor(*n, of_row.clone(), account.clone()).to_string()).into())
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
            _ => customer_words::count(conn, word, COMMON).await?.min(u64::from(COMMON)),
        };
        let rarer = |(fewest, longest): (u64, &String)| count < fewest || count == fewest && word.len() > longest.len();
        if rarest.is_none_or(rarer) {
            rarest = Some((count, word));
        }
    }
    Ok(rarest.map(|(_, word)| word.clone()))
}
