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
            let after = request.key::<AccountId>().ok().flatten();
            let after = after.as_ref().map(AccountId::as_str);
            let rows = customers::with_address(&mut conn, &address, after, request.to_read()).await?;
            // Whose address it is not may have one that begins with it.
            if after.is_some() || !rows.is_empty() {
                return Ok(Page::of(rows, request, |customer| customer.account_id.clone()));
            }
        }
        let after = request.key::<Cursor>()?;
        let search = Search::new(&mut conn, Sought::parse(text), sees, after.as_ref()).await?;
        let (accounts, next) = search.page(&mut conn, request, after).await?;
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

impl Row {
    /// The cursor of what comes after this row; `None` if the list cannot go on there.
    fn cursor(&self, n: usize, source: &Source) -> Option<Cursor> {
        let row = match source {
            Source::Word(_) => Some((self.key[0].clone(), AccountId::parse(&self.key[1]).ok()?)),
            // A list goes on behind all roles of a contact.
            Source::Account(_) | Source::Address(_) if self.first => None,
            Source::Account(_) | Source::Address(_) => return None,
        };
        Some(Cursor { source: n, row, account: AccountId::parse(&self.account).ok()? })
    }
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

/// A customer up to which the list was read: the number of the source, for a word the word and the first account of its row, and the
/// account.
#[derive(Clone)]
struct Cursor {
    source: usize,
    row: Option<(String, AccountId)>,
    account: AccountId,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.source)?;
        if let Some((word, first)) = &self.row {
            write!(f, "{word} {first} ")?;
        }
        write!(f, "{}", self.account)
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // No word and no account id has a blank.
        let (source, row, account) = match text.split(' ').collect::<Vec<_>>()[..] {
            [source, account] => (source, None, account),
            [source, word, first, account] => (source, Some((word.to_owned(), first.parse()?)), account),
            _ => return Err("has not two or four parts".to_owned()),
        };
        Ok(Self { source: source.parse().map_err(|_| "has no number".to_owned())?, row, account: account.parse()? })
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
    async fn new(conn: &mut Conn, sought: Sought, addresses: bool, after: Option<&Cursor>) -> Result<Self, StoreError> {
        let mut sources: Vec<Source> = sought.accounts.iter().cloned().map(Source::Account).collect();
        // A list that was begun goes on with the word that it began with, however rare each is by now.
        let begun = after.and_then(|it| it.row.as_ref());
        let word = match begun.and_then(|(word, _)| sought.words.iter().find(|it| word.starts_with(it.as_str()))) {
            Some(word) => Some(word.clone()),
            None => rarest(conn, &sought.words).await?,
        };
        sources.extend(word.map(Source::Word));
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
        after: Option<Cursor>,
    ) -> Result<(Vec<String>, Option<Cursor>), CustomerError> {
        let (begin, mut key) = match &after {
            Some(cursor) => (cursor.source, self.place(conn, cursor).await?),
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
            let named = names.get(&row.account).map(|name| sought::words_of(&row.account, name));
            let is_first = match source {
                Source::Word(it) => named.as_ref().and_then(|words| first(words, it)) == Some(&*row.key[0]),
                Source::Account(_) | Source::Address(_) => row.first,
            };
            let here = row.cursor(n, source);
            if named.is_some_and(|words| is_first && self.lists(source, &row.account, &words)) {
                if page.found.len() == page.limit {
                    return Ok(Some(Next(page.last.take())));
                }
                page.found.push(row.account.clone());
                page.last.clone_from(&here);
            }
            if page.read >= READ && here.is_some() {
                return Ok(Some(Next(here)));
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
    async fn place(&self, conn: &mut Conn, cursor: &Cursor) -> Result<[String; 3], CustomerError> {
        let id = cursor.account.as_str();
        let key = match (self.sources.get(cursor.source), &cursor.row) {
            (Some(Source::Account(_)), None) => Some([id.to_owned(), String::new(), String::new()]),
            (Some(Source::Word(beginning)), Some((word, first))) if word.starts_with(beginning.as_str()) => {
                Some([word.clone(), first.as_str().to_owned(), id.to_owned()])
            }
            (Some(Source::Address(beginning)), None) => {
                let key = contacts::first_beginning(conn, id, beginning).await?;
                // After all roles that the contact may have.
                key.map(|key| [key, id.to_owned(), char::MAX.to_string()])
            }
            _ => None,
        };
        key.ok_or_else(|| CursorError(cursor.to_string()).into())
    }
}

/// The names of those of the customers that are active.
async fn names(conn: &mut Conn, rows: &[Row]) -> Result<BTreeMap<String, String>, StoreError> {
    let ids: Vec<AccountId> = rows.iter().filter_map(|row| AccountId::parse(&row.account).ok()).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let limit = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    Ok(customers::select(conn, &Selection::new(&ids, &[]), "", limit).await?.into_iter().collect())
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
