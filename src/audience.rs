//! Audiences: finding the customers a rule selects, whom to address at each, and freezing that at release.
//!
//! The audience of a release is read from one snapshot, so that an import that commits meanwhile changes nothing, and then
//! written in chunks, so that other writers get their turn. Nothing is sent before the last chunk has committed together
//! with the manifest; a crash before it leaves a partial set, which the next try discards.

mod freeze;
mod spool;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;

pub use freeze::{Freezing, Frozen, freeze};

use crate::domain::address::Address;
use crate::domain::audience::Audience;
use crate::domain::category::{Addressing, Role};
use crate::domain::customer::{AccountId, Contact};
use crate::domain::locale::{Locale, ZoneName};
use crate::domain::placeholder::Placeholder;
use crate::domain::rows_file::Rows;
use crate::store::customers::Selection;
use crate::store::{Conn, StoreError, contacts, customers, deliveries, notices};

/// Why an audience cannot be told.
#[derive(Debug, Error)]
pub enum AudienceError {
    /// The rule selects nobody.
    #[error("the audience is empty: there are no {0}")]
    Empty(String),
    /// It selects customers, but none of them has anybody to address.
    #[error("the audience has {customers} customers, but none of them has a contact that this category addresses")]
    NobodyToAddress {
        /// Customers selected.
        customers: u64,
    },
    /// Accounts that the rule names are not active customers.
    #[error("unknown customers: {}", list(.0))]
    Unknown(Vec<String>),
    /// Recipients lack a value that the notice's placeholders need.
    #[error("recipients without a value: {}", list(.0))]
    Missing(Vec<String>),
    /// More customers than one person may release a notice of this category to.
    #[error("a notice to {customers} customers needs the approval of a second person")]
    SecondPerson {
        /// Customers selected.
        customers: u64,
    },
    /// The notice was cancelled, or another process took the release over.
    #[error("the release was stopped: the notice was cancelled or another process releases it")]
    Lost,
    /// Part of what was written is gone.
    #[error("the release was broken off: the database was restarted meanwhile and has not all of it")]
    Incomplete,
    /// What was read could not be kept until it is written.
    #[error("the audience cannot be kept in a temporary file: {0}")]
    Spool(std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AudienceError {
    /// True where it says nothing of the audience: the release is tried again after a while, and may succeed then.
    #[must_use]
    pub fn is_tried_again(&self) -> bool {
        matches!(self, Self::Lost | Self::Incomplete | Self::Spool(_) | Self::Store(_))
    }

    /// Whether it may be over after a while without anybody doing anything here.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => error.may_pass(),
            other => other.is_tried_again(),
        }
    }

    /// As it may stand in a log: how many, and never who.
    #[must_use]
    pub fn for_logs(&self) -> String {
        match self {
            Self::Empty(_) => "the audience is empty".to_owned(),
            Self::Unknown(accounts) => format!("{} of the customers named are unknown", accounts.len()),
            Self::Missing(recipients) => format!("{} values that recipients need are missing", recipients.len()),
            Self::Store(error) => error.for_logs(),
            other => other.to_string(),
        }
    }
}

/// At most this many are named in an error.
const NAMED: usize = 20;

fn list(names: &[String]) -> String {
    let mut text = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        text += &format!(" and {} more", names.len() - NAMED);
    }
    text
}

/// Where the customers of an audience are found.
#[derive(Clone, Debug)]
pub enum Source {
    /// Among all customers.
    Select {
        /// The conditions.
        selection: Selection,
        /// The accounts named, all of which must be customers.
        named: Vec<AccountId>,
    },
    /// In the rows of a file, not stored yet.
    Rows(Rows),
    /// In the stored rows of a notice.
    StoredRows(Uuid),
    /// Among the recipients of another notice.
    Followed(Uuid),
}

impl Source {
    /// The source of a notice's audience. `rows` says where the rows of an audience file are.
    #[must_use]
    pub fn new(audience: &Audience, rows: Source, follows: Option<Uuid>) -> Self {
        match (audience, follows) {
            (Audience::All, _) | (Audience::Followed, None) => {
                Self::Select { selection: Selection::new(&[], &[]), named: Vec::new() }
            }
            (Audience::Select { customers, attributes }, _) => {
                Self::Select { selection: Selection::new(customers, attributes), named: customers.clone() }
            }
            (Audience::Rows { .. }, _) => rows,
            (Audience::Followed, Some(id)) => Self::Followed(id),
        }
    }
}

/// Somebody to tell: one address of one customer.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Account id.
    pub account_id: String,
    /// Name of the customer.
    pub customer_name: String,
    /// Address.
    pub email: Address,
    /// Name of the person.
    pub contact_name: String,
    /// The role that matched first.
    pub role: Role,
    /// Language, where known.
    pub locale: Option<Locale>,
    /// Zone, where known.
    pub time_zone: Option<ZoneName>,
    /// Values of placeholders beyond the names.
    pub merged: BTreeMap<String, String>,
    /// The delivery that this one continues.
    pub follows_id: Option<String>,
}

/// A page of an audience.
#[derive(Debug, Default)]
pub struct Page {
    /// Whom to tell.
    pub recipients: Vec<Recipient>,
    /// Customers with nobody to address: account ids and names.
    pub unaddressed: Vec<(String, String)>,
    /// Customers on the page.
    pub customers: u64,
    /// Recipients without a value for a placeholder, as `ACCOUNT (role): placeholder`.
    pub missing: Vec<String>,
}

/// Reads an audience page by page, all of it over one connection: give it a snapshot.
pub struct Pages<'a> {
    source: &'a Source,
    addressing: &'a Addressing,
    placeholders: &'a [Placeholder],
    follows: Option<Uuid>,
    next: Option<Next>,
}

/// Where a page begins.
#[derive(Clone, Debug)]
enum Next {
    /// After this account.
    After(String),
    /// At this place in the manifest of the notice followed.
    Ordinal(u64),
}

/// Customers on a page.
const PAGE: u32 = 2000;

impl<'a> Pages<'a> {
    /// The pages of an audience; `follows` is the notice whose thread it continues.
    #[must_use]
    pub fn new(
        source: &'a Source,
        addressing: &'a Addressing,
        placeholders: &'a [Placeholder],
        follows: Option<Uuid>,
    ) -> Self {
        let next = match source {
            Source::Followed(_) => Next::Ordinal(0),
            _ => Next::After(String::new()),
        };
        Self { source, addressing, placeholders, follows, next: Some(next) }
    }

    /// The next page, while there is one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn next(&mut self, conn: &mut Conn) -> Result<Option<Page>, StoreError> {
        let Some((accounts, rows)) = self.accounts(conn).await? else { return Ok(None) };
        let ids: Vec<&str> = accounts.iter().map(|(id, _)| id.as_str()).collect();
        let mut contacts = match self.source {
            Source::Followed(id) => followed(conn, *id, &accounts).await?,
            _ => contacts::of_customers(conn, &ids).await?,
        };
        let wants_attributes = self.placeholders.iter().any(|it| matches!(it, Placeholder::Attribute(_)));
        let attributes = if wants_attributes { customers::attributes(conn, &ids).await? } else { BTreeMap::new() };
        let thread = match self.follows {
            Some(notice) => deliveries::to_follow(conn, notice, &ids).await?,
            None => BTreeMap::new(),
        };
        let mut page = Page::default();
        for (account_id, name) in &accounts {
            let of_customer = contacts.remove(account_id).unwrap_or_default();
            let values = Values { attributes: attributes.get(account_id), row: rows.get(account_id) };
            let chosen = match self.source {
                Source::Followed(_) => of_customer.iter().collect(),
                _ => self.addressing.select(&of_customer, |contact| contact.role),
            };
            self.add(&mut page, (account_id, name), &chosen, &values, &thread);
        }
        Ok(Some(page))
    }

    /// The next accounts with their names, and their rows where the audience is a file.
    async fn accounts(&mut self, conn: &mut Conn) -> Result<Option<(Accounts, RowValues)>, StoreError> {
        let (accounts, rows) = match (self.source, self.next.take()) {
            (_, None) => return Ok(None),
            (Source::Followed(id), Some(Next::Ordinal(from))) => {
                let (accounts, next) = deliveries::customers(conn, *id, from, PAGE).await?;
                if !accounts.is_empty() {
                    self.next = Some(Next::Ordinal(next));
                    return Ok(Some((accounts, BTreeMap::new())));
                }
                // After those that were addressed, the others.
                (deliveries::unaddressed_after(conn, *id, "", PAGE).await?, BTreeMap::new())
            }
            (Source::Followed(id), Some(Next::After(after))) => {
                (deliveries::unaddressed_after(conn, *id, &after, PAGE).await?, BTreeMap::new())
            }
            (_, Some(Next::Ordinal(_))) => return Ok(None),
            (Source::Select { selection, .. }, Some(Next::After(after))) => {
                (customers::select(conn, selection, &after, PAGE).await?, BTreeMap::new())
            }
            (Source::StoredRows(id), Some(Next::After(after))) => {
                let rows = notices::rows(conn, *id, &after, PAGE).await?;
                let rows = rows.into_iter().map(|(id, data)| (id, serde_json::from_str(&data).unwrap_or_default()));
                with_names(conn, rows.collect()).await?
            }
            (Source::Rows(rows), Some(Next::After(after))) => {
                let page = rows.after(&after).take(PAGE as usize);
                with_names(conn, page.map(|(id, row)| (id.as_str().to_owned(), row.clone())).collect()).await?
            }
        };
        let Some((last, _)) = accounts.last() else { return Ok(None) };
        self.next = Some(Next::After(last.clone()));
        Ok(Some((accounts, rows)))
    }

    fn add(
        &self,
        page: &mut Page,
        (account_id, customer_name): (&str, &str),
        contacts: &[&Contact],
        values: &Values<'_>,
        thread: &BTreeMap<(String, String), String>,
    ) {
        page.customers += 1;
        if contacts.is_empty() {
            page.unaddressed.push((account_id.to_owned(), customer_name.to_owned()));
        }
        let mut seen = BTreeSet::new();
        for contact in contacts.iter().filter(|contact| seen.insert(&contact.email)) {
            let mut merged = BTreeMap::new();
            for placeholder in self.placeholders {
                match values.of(placeholder, contact) {
                    Some(None) => {}
                    Some(Some(value)) => drop(merged.insert(placeholder.to_string(), value)),
                    None => page.missing.push(format!("{account_id} ({}): {placeholder}", contact.role)),
                }
            }
            page.recipients.push(Recipient {
                account_id: account_id.to_owned(),
                customer_name: customer_name.to_owned(),
                email: contact.email.clone(),
                contact_name: contact.name.clone(),
                role: contact.role,
                locale: contact.locale.clone(),
                time_zone: contact.time_zone.clone(),
                merged,
                follows_id: thread.get(&(account_id.to_owned(), contact.email.as_str().to_owned())).cloned(),
            });
        }
    }
}

/// Account ids with names.
type Accounts = Vec<(String, String)>;

/// Rows of an audience file by account id.
type RowValues = BTreeMap<String, BTreeMap<String, String>>;

/// The rows' accounts with the names of those that are customers; others are found unknown before.
async fn with_names(conn: &mut Conn, rows: RowValues) -> Result<(Accounts, RowValues), StoreError> {
    let ids: Vec<AccountId> = rows.keys().filter_map(|id| AccountId::parse(id).ok()).collect();
    if ids.is_empty() {
        return Ok((Vec::new(), rows));
    }
    Ok((customers::select(conn, &Selection::new(&ids, &[]), "", PAGE).await?, rows))
}

/// The recipients of a notice, as contacts.
async fn followed(
    conn: &mut Conn,
    notice: Uuid,
    accounts: &[(String, String)],
) -> Result<BTreeMap<String, Vec<Contact>>, StoreError> {
    let ids: BTreeSet<String> = accounts.iter().map(|(id, _)| id.clone()).collect();
    let thread = deliveries::to_follow(conn, notice, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let delivery_ids: Vec<String> = thread.into_values().collect();
    let mut contacts: BTreeMap<String, Vec<Contact>> = BTreeMap::new();
    for delivery in deliveries::to_send(conn, "", &delivery_ids).await? {
        contacts.entry(delivery.account_id).or_default().push(Contact {
            email: delivery.email,
            name: delivery.contact_name,
            role: delivery.role,
            locale: delivery.locale,
            time_zone: delivery.time_zone,
        });
    }
    Ok(contacts)
}

/// Where a recipient's values come from.
struct Values<'a> {
    attributes: Option<&'a BTreeMap<String, Vec<String>>>,
    row: Option<&'a BTreeMap<String, String>>,
}

impl Values<'_> {
    /// The value to keep for a placeholder: `Some(None)` for what the delivery holds anyway, `None` where there is none.
    fn of(&self, placeholder: &Placeholder, contact: &Contact) -> Option<Option<String>> {
        let present = |value: String| (!value.trim().is_empty()).then_some(Some(value));
        match placeholder {
            Placeholder::ContactName => (!contact.name.is_empty()).then_some(None),
            Placeholder::ContactEmail | Placeholder::CustomerName | Placeholder::AccountId => Some(None),
            Placeholder::Attribute(name) => present(self.attributes?.get(name)?.join(", ")),
            Placeholder::Row(column) => present(self.row?.get(column)?.clone()),
        }
    }
}

/// How far an audience reaches.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reach {
    /// Customers it selects.
    pub customers: u64,
    /// Addresses it reaches at them.
    pub recipients: u64,
    /// Customers with nobody to address.
    pub unaddressed: u64,
    /// Some of the customers, for a look.
    pub sample: Vec<String>,
}

/// Checks an audience as a release would, and says how far it reaches.
///
/// # Errors
/// Where a release would be refused.
pub async fn reach(
    conn: &mut Conn,
    source: &Source,
    addressing: &Addressing,
    placeholders: &[Placeholder],
    audience: &Audience,
) -> Result<Reach, AudienceError> {
    refuse_unknown(conn, source).await?;
    let mut pages = Pages::new(source, addressing, placeholders, None);
    let mut reach = Reach::default();
    let mut missing = Vec::new();
    while let Some(page) = pages.next(conn).await? {
        reach.customers += page.customers;
        reach.recipients += page.recipients.len() as u64;
        reach.unaddressed += page.unaddressed.len() as u64;
        missing.extend(page.missing);
        let names = page.recipients.iter().map(|it| format!("{} {} ({})", it.account_id, it.customer_name, it.role));
        let free = 5_usize.saturating_sub(reach.sample.len());
        reach.sample.extend(names.take(free));
    }
    refuse_empty(&reach, audience)?;
    if missing.is_empty() { Ok(reach) } else { Err(AudienceError::Missing(missing)) }
}

fn refuse_empty(reach: &Reach, audience: &Audience) -> Result<(), AudienceError> {
    match (reach.customers, reach.recipients) {
        (0, _) => Err(AudienceError::Empty(audience.describe())),
        (customers, 0) => Err(AudienceError::NobodyToAddress { customers }),
        _ => Ok(()),
    }
}

/// Refuses accounts that a rule or file names and nobody knows.
async fn refuse_unknown(conn: &mut Conn, source: &Source) -> Result<(), AudienceError> {
    let mut unknown = Vec::new();
    match source {
        Source::Select { named, .. } => {
            for page in named.chunks(PAGE as usize) {
                unknown.extend(unknown_of(conn, page.iter().map(|id| id.as_str().to_owned()).collect()).await?);
            }
        }
        Source::Rows(rows) => {
            let mut ids = rows.rows.keys().map(|id| id.as_str().to_owned());
            loop {
                let page: BTreeSet<String> = ids.by_ref().take(PAGE as usize).collect();
                if page.is_empty() {
                    break;
                }
                unknown.extend(unknown_of(conn, page).await?);
            }
        }
        Source::StoredRows(id) => {
            let mut after = String::new();
            loop {
                let page = notices::rows(conn, *id, &after, PAGE).await?;
                let Some((last, _)) = page.last_key_value() else { break };
                after.clone_from(last);
                unknown.extend(unknown_of(conn, page.into_keys().collect()).await?);
            }
        }
        Source::Followed(_) => {}
    }
    unknown.sort_unstable();
    unknown.dedup();
    if unknown.is_empty() { Ok(()) } else { Err(AudienceError::Unknown(unknown)) }
}

/// Those of a page of accounts that are no active customers.
async fn unknown_of(conn: &mut Conn, mut page: BTreeSet<String>) -> Result<BTreeSet<String>, StoreError> {
    let ids: Vec<AccountId> = page.iter().filter_map(|id| AccountId::parse(id).ok()).collect();
    if !ids.is_empty() {
        for (id, _) in customers::select(conn, &Selection::new(&ids, &[]), "", PAGE).await? {
            page.remove(&id);
        }
    }
    Ok(page)
}
