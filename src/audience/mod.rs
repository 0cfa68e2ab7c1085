//! Audiences: finding the customers a rule selects, whom to address at each, and freezing that at release.
//!
//! The audience of a release is read from one snapshot, so that an import that commits meanwhile changes nothing, and then
//! written in chunks, so that other writers get their turn. Nothing is sent before the last chunk has committed together
//! with the manifest; a crash before it leaves a partial set, which the next try discards.

mod freeze;
mod refusal;
mod spool;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

pub use freeze::{Freezing, Frozen, freeze};
pub use refusal::{AudienceError, Names};

use crate::domain::address::{Address, AddressKey};
use crate::domain::audience::Audience;
use crate::domain::category::{Addressing, Role};
use crate::domain::customer::{AccountId, Contact};
use crate::domain::locale::{Locale, ZoneName};
use crate::domain::placeholder::Placeholder;
use crate::domain::rows_file::Rows;
use crate::store::customers::Selection;
use crate::store::row::place;
use crate::store::{Conn, StoreError, contacts, customers, deliveries, notices};

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
}

/// Reads an audience page by page, all of it over one connection: give it a snapshot. A page has so many customers, with all
/// their contacts, however many those are.
pub struct Pages<'a> {
    source: &'a Source,
    addressing: &'a Addressing,
    placeholders: &'a [Placeholder],
    follows: Option<Uuid>,
    next: Option<Next>,
    /// Recipients so far without a value for a placeholder, as `ACCOUNT (role): placeholder`.
    missing: Names,
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
        Self { source, addressing, placeholders, follows, next: Some(next), missing: Names::default() }
    }

    /// Refuses an audience some of whose recipients so far lack a value.
    ///
    /// # Errors
    /// [`AudienceError::Missing`].
    pub fn refuse_missing(self) -> Result<(), AudienceError> {
        if self.missing.is_empty() { Ok(()) } else { Err(AudienceError::Missing(self.missing)) }
    }

    /// Whether all recipients so far have their values.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// The next page, while there is one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn next(&mut self, conn: &mut Conn) -> Result<Option<Page>, StoreError> {
        let Some((accounts, rows)) = self.accounts(conn).await? else { return Ok(None) };
        let ids: Vec<&str> = accounts.iter().map(|(id, _)| id.as_str()).collect();
        let (mut contacts, thread) = match (self.source, self.follows) {
            (Source::Followed(id), _) => followed(conn, *id, &ids).await?,
            (_, None) => (contacts::of_customers(conn, &ids).await?, BTreeMap::new()),
            (_, Some(notice)) => {
                (contacts::of_customers(conn, &ids).await?, deliveries::to_follow(conn, notice, &ids).await?)
            }
        };
        let wants_attributes = self.placeholders.iter().any(|it| matches!(it, Placeholder::Attribute(_)));
        let attributes = if wants_attributes { customers::attributes(conn, &ids).await? } else { BTreeMap::new() };
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
                let rows = rows.into_iter().map(|(account, data)| stored_row(*id, account, &data));
                with_names(conn, rows.collect::<Result<_, _>>()?).await?
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
        &mut self,
        page: &mut Page,
        (account_id, customer_name): (&str, &str),
        contacts: &[&Contact],
        values: &Values<'_>,
        thread: &Thread,
    ) {
        page.customers += 1;
        if contacts.is_empty() {
            page.unaddressed.push((account_id.to_owned(), customer_name.to_owned()));
        }
        let mut seen = BTreeSet::new();
        for contact in contacts.iter().filter(|contact| seen.insert(contact.email.key())) {
            let mut merged = BTreeMap::new();
            for placeholder in self.placeholders {
                match values.of(placeholder, contact) {
                    Some(None) => {}
                    Some(Some(value)) => drop(merged.insert(placeholder.to_string(), value)),
                    None => self.missing.add(|| format!("{account_id} ({}): {placeholder}", contact.role)),
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
                follows_id: thread.get(&(account_id.to_owned(), contact.email.key())).cloned(),
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

/// A row as it was stored with its notice.
fn stored_row(notice: Uuid, account: String, data: &str) -> Result<(String, BTreeMap<String, String>), StoreError> {
    match serde_json::from_str(data) {
        Ok(values) => Ok((account, values)),
        Err(problem) => Err(StoreError::Inconsistent {
            table: "notice_rows",
            column: "data",
            row: format!("{notice} {account}"),
            problem: place(&problem),
        }),
    }
}

/// Contacts by account id.
type Contacts = BTreeMap<String, Vec<Contact>>;

/// Deliveries that others continue, by account id and the key of the address.
type Thread = BTreeMap<(String, AddressKey), String>;

/// The recipients of a notice, as contacts, and their deliveries.
async fn followed(conn: &mut Conn, notice: Uuid, accounts: &[&str]) -> Result<(Contacts, Thread), StoreError> {
    let (mut contacts, mut thread) = (Contacts::new(), Thread::new());
    for delivery in deliveries::followed(conn, notice, accounts).await? {
        thread.insert((delivery.account_id.clone(), delivery.email.key()), delivery.id);
        contacts.entry(delivery.account_id).or_default().push(Contact {
            email: delivery.email,
            name: delivery.contact_name,
            role: delivery.role,
            locale: delivery.locale,
            time_zone: delivery.time_zone,
        });
    }
    Ok((contacts, thread))
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
    while let Some(page) = pages.next(conn).await? {
        reach.customers += page.customers;
        reach.recipients += page.recipients.len() as u64;
        reach.unaddressed += page.unaddressed.len() as u64;
        let names = page.recipients.iter().map(|it| format!("{} {} ({})", it.account_id, it.customer_name, it.role));
        let free = 5_usize.saturating_sub(reach.sample.len());
        reach.sample.extend(names.take(free));
    }
    refuse_empty(&reach, audience)?;
    pages.refuse_missing()?;
    Ok(reach)
}

fn refuse_empty(reach: &Reach, audience: &Audience) -> Result<(), AudienceError> {
    match (reach.customers, reach.recipients) {
        (0, _) => Err(AudienceError::Empty(audience.describe())),
        (customers, 0) => Err(AudienceError::NobodyToAddress { customers }),
        _ => Ok(()),
    }
}

/// Refuses accounts that a rule or file names and nobody knows, and a notice to follow that has no recipients to stay.
async fn refuse_unknown(conn: &mut Conn, source: &Source) -> Result<(), AudienceError> {
    let mut unknown = Names::default();
    let mut note = |page: BTreeSet<String>| page.into_iter().for_each(|name| unknown.add(|| name));
    match source {
        Source::Select { named, .. } => {
            let named: BTreeSet<&str> = named.iter().map(AccountId::as_str).collect();
            let mut ids = named.into_iter().map(str::to_owned);
            loop {
                let page: BTreeSet<String> = ids.by_ref().take(PAGE as usize).collect();
                if page.is_empty() {
                    break;
                }
                note(unknown_of(conn, page).await?);
            }
        }
        Source::Rows(rows) => {
            let mut ids = rows.rows.keys().map(|id| id.as_str().to_owned());
            loop {
                let page: BTreeSet<String> = ids.by_ref().take(PAGE as usize).collect();
                if page.is_empty() {
                    break;
                }
                note(unknown_of(conn, page).await?);
            }
        }
        Source::StoredRows(id) => {
            let mut after = String::new();
            loop {
                let page = notices::rows(conn, *id, &after, PAGE).await?;
                let Some((last, _)) = page.last_key_value() else { break };
                after.clone_from(last);
                note(unknown_of(conn, page.into_keys().collect()).await?);
            }
        }
        Source::Followed(id) => {
            // What an unfinished release has written is discarded by the next try, or by a cancellation.
            if let Some(notice) = notices::find(conn, *id).await?.filter(|notice| notice.released_at.is_none()) {
                return Err(AudienceError::NotReleased(notice.state));
            }
        }
    }
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
