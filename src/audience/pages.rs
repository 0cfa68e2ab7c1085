//! The pages of an audience: customers with the contacts to address at each, read one page at a time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

use super::followed::{Accounts, Left, NamedBefore, addressed_today};
use super::{AudienceError, Names, Plan, RowsAt, Source, lineage};
use crate::domain::address::{Address, AddressKey};
use crate::domain::category::Role;
use crate::domain::customer::{AccountId, Contact};
use crate::domain::domain_name::is_reserved;
use crate::domain::locale::{Locale, ZoneName};
use crate::domain::placeholder::Placeholder;
use crate::store::engine::row::place;
use crate::store::notices::releases::NewDelivery;
use crate::store::notices::{Continued, matters};
use crate::store::people::customers::Selection;
use crate::store::people::{contacts, customers};
use crate::store::sending::deliveries;
use crate::store::{Conn, StoreError, notices};

/// One address of one customer, as a notice addresses it.
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
    /// Language, if known.
    pub locale: Option<Locale>,
    /// Time zone, if known.
    pub time_zone: Option<ZoneName>,
    /// Values of placeholders beyond the names.
    pub merged: BTreeMap<String, String>,
    /// The messages that it continues, as a delivery has them.
    pub thread: Option<String>,
    /// The key of the row that it is added with to a standing notice.
    pub row_key: Option<String>,
}

impl Recipient {
    /// The value of a placeholder.
    #[must_use]
    pub fn value(&self, placeholder: &Placeholder) -> &str {
        match placeholder {
            Placeholder::ContactName => &self.contact_name,
            Placeholder::ContactEmail => self.email.as_str(),
            Placeholder::CustomerName => &self.customer_name,
            Placeholder::AccountId => &self.account_id,
            other => self.merged.get(&other.to_string()).map_or("", String::as_str),
        }
    }

    /// The delivery to this recipient.
    #[must_use]
    pub fn into_delivery(
        self,
        id: String,
        ordinal: u64,
        salt: &[u8; 32],
        not_before: Option<Timestamp>,
    ) -> NewDelivery {
        let merged =
            (!self.merged.is_empty()).then(|| serde_json::to_string(&self.merged).expect("a map of texts serialises"));
        NewDelivery {
            id,
            ordinal,
            account_id: self.account_id,
            customer_name: self.customer_name,
            email: self.email,
            contact_name: self.contact_name,
            role: self.role.as_str(),
            locale: self.locale.map(|locale| locale.as_str().to_owned()),
            time_zone: self.time_zone.map(|zone| zone.as_str().to_owned()),
            merged,
            salt: data_encoding::HEXLOWER.encode(salt),
            thread: self.thread,
            row_key: self.row_key,
            not_before: not_before.map(Timestamp::as_millisecond),
        }
    }
}

/// A page of an audience.
#[derive(Debug, Default)]
pub struct Page {
    /// Recipients.
    pub recipients: Vec<Recipient>,
    /// Customers with nobody to address: account ids and names.
    pub unaddressed: Vec<(String, String)>,
    /// Customers on the page.
    pub customers: u64,
    /// Customers of the notice that is followed that have left and are not addressed.
    pub left: u64,
}

/// Reads an audience page by page over one connection, which should be a snapshot. A page has a bounded number of customers,
/// with all their contacts, however many those are.
pub struct Pages<'a> {
    plan: &'a Plan,
    /// The threads that the deliveries continue.
    continued: Option<Continued>,
    next: Option<Next>,
    /// The notices whose customers these are, if they are those of other notices.
    sources: Option<Sources>,
    /// Recipients so far without a value for a placeholder, as `ACCOUNT (role): placeholder`.
    missing: Names,
    /// Recipients so far at domains that somebody can own.
    real: u64,
}

/// The beginning of a page.
#[derive(Clone, Debug)]
enum Next {
    /// After this account.
    After(String),
    /// At this place in the manifest of a notice.
    Ordinal(u64),
}

/// The notices whose customers an audience has, one after the other.
struct Sources {
    all: Vec<Uuid>,
    /// The place of the one whose customers are read.
    at: usize,
    /// Whom that one named; looked up when it is needed.
    named_before: Option<NamedBefore>,
}

/// Customers on a page.
pub(super) const PAGE: u32 = 2000;

impl<'a> Pages<'a> {
    /// The pages of an audience, whose deliveries continue these threads.
    #[must_use]
    pub fn new(plan: &'a Plan, continued: Option<Continued>) -> Self {
        let next = match plan.source {
            Source::Followed { .. } => Next::Ordinal(0),
            _ => Next::After(String::new()),
        };
        Self { plan, continued, next: Some(next), sources: None, missing: Names::default(), real: 0 }
    }

    /// Refuses an audience if some of its recipients so far lack a value, or would get mail in the name of the example.
    ///
    /// # Errors
    /// [`AudienceError::Missing`], [`AudienceError::OfExample`].
    pub fn refuse_missing(self) -> Result<(), AudienceError> {
        if self.real > 0 && !self.plan.of_example.is_empty() {
            return Err(AudienceError::OfExample { keys: self.plan.of_example.clone(), recipients: self.real });
        }
        if self.missing.is_empty() { Ok(()) } else { Err(AudienceError::Missing(self.missing)) }
    }

    /// The recipients so far that lack a value.
    #[must_use]
    pub fn missing(&self) -> Option<&Names> {
        Some(&self.missing).filter(|missing| !missing.is_empty())
    }

    /// True if all recipients so far have their values.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Returns the next page, while there is one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next(&mut self, conn: &mut Conn) -> Result<Option<Page>, StoreError> {
        let Some(Members { accounts, rows, left }) = self.accounts(conn).await? else { return Ok(None) };
        let ids: Vec<&str> = accounts.iter().map(|(id, _)| id.as_str()).collect();
        let mut contacts = contacts::of_customers(conn, &ids).await?;
        if self.plan.may_have_left() {
            contacts.extend(contacts::of_left(conn, &ids).await?);
        }
        let thread = match &self.continued {
            Some(continued) => deliveries::threads(conn, continued, &ids).await?,
            None => Thread::new(),
        };
        let wants_attributes = self.plan.placeholders.iter().any(|it| matches!(it, Placeholder::Attribute(_)));
        let attributes = if wants_attributes { customers::attributes(conn, &ids).await? } else { BTreeMap::new() };
        let mut page = Page { left, ..Page::default() };
        for (account_id, name) in &accounts {
            let of_customer = contacts.remove(account_id).unwrap_or_default();
            let values = Values { attributes: attributes.get(account_id), row: rows.get(account_id) };
            let chosen = self.plan.addressing.select(&of_customer, |contact| contact.role);
            self.add(&mut page, (account_id, name), &chosen, &values, &thread);
        }
        Ok(Some(page))
    }

    /// The next accounts with their names, and their rows if the audience is a file.
    async fn accounts(&mut self, conn: &mut Conn) -> Result<Option<Members>, StoreError> {
        let Some(next) = self.next.take() else { return Ok(None) };
        let (accounts, rows) = match (&self.plan.source, next) {
            (Source::Followed { id, reports }, next) => return self.followed(conn, (*id, *reports), next).await,
            (_, Next::Ordinal(_)) => return Ok(None),
            (Source::Select { selection, .. }, Next::After(after)) => {
                (customers::select(conn, selection, &after, PAGE).await?, BTreeMap::new())
            }
            (Source::Rows(RowsAt::Stored(id)), Next::After(after)) => {
                let rows = notices::rows::page(conn, *id, &after, PAGE).await?;
                let rows = rows.into_iter().map(|(account, data)| stored_row(*id, account, &data));
                with_names(conn, rows.collect::<Result<_, _>>()?, self.plan.include_left).await?
            }
            (Source::Rows(RowsAt::Here(rows)), Next::After(after)) => {
                let page = rows.after(&after).take(PAGE as usize);
                let page = page.map(|(id, row)| (id.as_str().to_owned(), row.clone())).collect();
                with_names(conn, page, self.plan.include_left).await?
            }
        };
        let Some((last, _)) = accounts.last() else { return Ok(None) };
        self.next = Some(Next::After(last.clone()));
        Ok(Some(Members { accounts, rows, left: 0 }))
    }

    /// The next customers of the notices that are followed, of each those that had nobody to address last: today's customers, by
    /// today's names.
    async fn followed(
        &mut self,
        conn: &mut Conn,
        (followed, reports): (Uuid, bool),
        next: Next,
    ) -> Result<Option<Members>, StoreError> {
        let mut sources = match self.sources.take() {
            Some(sources) => sources,
            None => Sources { all: lineage::sources(conn, followed, reports).await?, at: 0, named_before: None },
        };
        let mut next = Some(next);
        while let Some(source) = sources.all.get(sources.at).copied() {
            if let Some((accounts, following)) = customers_of(conn, source, next.take()).await? {
                self.next = Some(following);
                let members = self.today(conn, &mut sources, accounts).await?;
                self.sources = Some(sources);
                return Ok(Some(members));
            }
            (sources.at, sources.named_before) = (sources.at + 1, None);
        }
        Ok(None)
    }

    /// Those of some customers of a source that are addressed today, and were not found in one before it.
    async fn today(
        &self,
        conn: &mut Conn,
        sources: &mut Sources,
        mut accounts: Accounts,
    ) -> Result<Members, StoreError> {
        let (before, source) = (&sources.all[..sources.at], sources.all[sources.at]);
        if !before.is_empty() {
            let ids: Vec<&str> = accounts.iter().map(|(id, _)| id.as_str()).collect();
            let known = matters::customers(conn, before, &ids).await?;
            accounts.retain(|(id, _)| !known.contains(id));
        }
        if sources.named_before.is_none() && self.plan.named_left {
            sources.named_before = Some(NamedBefore::of(conn, source).await?);
        }
        let left = match &sources.named_before {
            _ if self.plan.include_left => Left::All,
            Some(named) => Left::Named(named),
            None => Left::None,
        };
        let (mut accounts, left) = addressed_today(conn, &accounts, left).await?;
        if self.plan.only_told {
            let ids: Vec<&str> = accounts.iter().map(|(id, _)| id.as_str()).collect();
            let told = matters::told(conn, source, &ids).await?;
            accounts.retain(|(id, _)| told.contains(id));
        }
        Ok(Members { accounts, rows: BTreeMap::new(), left })
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
        let (missing, plan) = (&mut self.missing, self.plan);
        let recipients = plan.recipients((account_id, customer_name), contacts, values, thread, |role, placeholder| {
            let place = plan.lines.get(placeholder);
            let place = place.map_or_else(String::new, |line| format!(" in line {line}"));
            missing.add(|| format!("{account_id} ({role}): {placeholder}{place}"));
        });
        self.real += recipients.iter().filter(|it| !is_reserved(it.email.domain())).count() as u64;
        page.recipients.extend(recipients);
    }
}

impl Plan {
    /// The recipients at one customer, each address once. `missing` is called with each value that a recipient lacks.
    pub(super) fn recipients(
        &self,
        (account_id, customer_name): (&str, &str),
        contacts: &[&Contact],
        values: &Values<'_>,
        thread: &Thread,
        mut missing: impl FnMut(Role, &Placeholder),
    ) -> Vec<Recipient> {
        let (mut seen, mut recipients) = (BTreeSet::new(), Vec::new());
        for contact in contacts.iter().filter(|contact| seen.insert(contact.email.key())) {
            let mut merged = BTreeMap::new();
            for placeholder in &self.placeholders {
                match values.of(placeholder, contact) {
                    Some(None) => {}
                    Some(Some(value)) => drop(merged.insert(placeholder.to_string(), value)),
                    None => missing(contact.role, placeholder),
                }
            }
            recipients.push(Recipient {
                account_id: account_id.to_owned(),
                customer_name: customer_name.to_owned(),
                email: contact.email.clone(),
                contact_name: contact.name.clone(),
                role: contact.role,
                locale: contact.locale.clone(),
                time_zone: contact.time_zone.clone(),
                merged,
                thread: thread.get(&(account_id.to_owned(), contact.email.key())).cloned(),
                row_key: None,
            });
        }
        recipients
    }
}

/// The next customers of a released notice, from its beginning if `next` names no place, those that had nobody to address last; and
/// the place after them.
async fn customers_of(
    conn: &mut Conn,
    notice: Uuid,
    next: Option<Next>,
) -> Result<Option<(Accounts, Next)>, StoreError> {
    let after = match next.unwrap_or(Next::Ordinal(0)) {
        Next::Ordinal(from) => match deliveries::customers(conn, notice, from, PAGE).await? {
            Some((addressed, next)) => return Ok(Some((addressed, Next::Ordinal(next)))),
            None => String::new(),
        },
        Next::After(after) => after,
    };
    let unaddressed = deliveries::unaddressed_after(conn, notice, &after, PAGE).await?;
    let Some((last, _)) = unaddressed.last() else { return Ok(None) };
    let next = Next::After(last.clone());
    Ok(Some((unaddressed, next)))
}

/// The customers of a page, before their contacts are read.
struct Members {
    accounts: Accounts,
    /// Their rows, if the audience is a file.
    rows: RowValues,
    /// Customers of the notice that is followed that have left and are not addressed.
    left: u64,
}

/// Rows of an audience file by account id.
type RowValues = BTreeMap<String, BTreeMap<String, String>>;

/// The rows' accounts with the names of those that are customers; the others were found unknown before.
async fn with_names(conn: &mut Conn, rows: RowValues, left: bool) -> Result<(Accounts, RowValues), StoreError> {
    let ids: Vec<AccountId> = rows.keys().filter_map(|id| AccountId::parse(id).ok()).collect();
    if ids.is_empty() {
        return Ok((Vec::new(), rows));
    }
    Ok((customers::select(conn, &Selection::new(&ids, &[]).with_left(left), "", PAGE).await?, rows))
}

/// A row as it was stored with its notice.
pub(super) fn stored_row(
    notice: Uuid,
    account: String,
    data: &str,
) -> Result<(String, BTreeMap<String, String>), StoreError> {
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

/// What deliveries continue, by account id and the key of the address.
pub(super) type Thread = BTreeMap<(String, AddressKey), String>;

/// Where a recipient's values come from.
pub(super) struct Values<'a> {
    pub(super) attributes: Option<&'a BTreeMap<String, Vec<String>>>,
    pub(super) row: Option<&'a BTreeMap<String, String>>,
}

impl Values<'_> {
    /// The value to store for a placeholder: `Some(None)` for what the delivery holds anyway, `None` if there is none.
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
