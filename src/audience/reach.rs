//! The reach of an audience, and what a release refuses about it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::pages::PAGE;
use super::unmet::{Unmet, unknown_names, unmet};
use super::{AudienceError, Names, Page, Pages, Plan, Recipient, RowsAt, Source};
use crate::domain::address::{Address, AddressKey};
use crate::domain::category::Role;
use crate::domain::check::{is_role_address, needs_smtputf8};
use crate::domain::customer::AccountId;
use crate::domain::locale::{Locale, ZoneName};
use crate::domain::prints::Prints;
use crate::store::people::customers::Selection;
use crate::store::people::{customers, suppressions};
use crate::store::{Conn, StoreError, notices};

/// How far an audience reaches.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = notice::Reach)]
pub struct Reach {
    /// Customers that it selects.
    pub customers: u64,
    /// Addresses that it reaches at them.
    pub recipients: u64,
    /// Customers with nobody to address.
    pub unaddressed: u64,
    /// Customers of the notice followed, to whom there is a duty, that have left and are not addressed.
    pub left: u64,
    /// Values of attributes that the rule asks for and no customer has.
    #[serde(skip)]
    pub unmet: Vec<Unmet>,
    /// Addresses that belong to no person, such as `noreply@`.
    pub role_addresses: u64,
    /// Addresses that are dead.
    pub dead: u64,
    /// Addresses that only relays with SMTPUTF8 carry.
    pub needs_smtputf8: u64,
    /// Some of the recipients: account, name of the customer and role.
    pub sample: Vec<String>,
    /// Some of the customers with nobody to address: account and name.
    pub unaddressed_sample: Vec<String>,
    /// The zones of the recipients; `None` for those without one.
    #[serde(skip)]
    pub zones: BTreeSet<Option<ZoneName>>,
    /// Of each language and role, the recipient whose values make the largest mail.
    #[serde(skip)]
    pub largest: Vec<Recipient>,
}

/// Languages and roles of which the largest mail is looked for: few have mails of different sizes.
const VIEWS: usize = 100;

/// The recipients with the largest mails so far, by language and role, with the sizes of their values.
type Largest = BTreeMap<(Option<Locale>, Role), (usize, Recipient)>;

/// Recipients in a sample.
const SAMPLE: usize = 5;

/// Checks an audience as a release would, and returns how far it reaches.
///
/// # Errors
/// If a release would be refused.
pub async fn reach(conn: &mut Conn, plan: &Plan) -> Result<Reach, AudienceError> {
    refuse_unknown(conn, plan).await?;
    let mut pages = Pages::new(plan, None);
    let (mut reach, mut largest) = (Reach::default(), Largest::new());
    while let Some(page) = pages.next(conn).await? {
        let keys: Vec<AddressKey> = page.recipients.iter().map(|it| it.email.key()).collect();
        let dead = suppressions::dead(conn, &keys.iter().map(AddressKey::as_str).collect::<Vec<_>>()).await?;
        reach.dead += keys.iter().filter(|key| dead.contains(key)).count() as u64;
        let count = |rule: fn(&Address) -> bool| page.recipients.iter().filter(|it| rule(&it.email)).count() as u64;
        reach.role_addresses += count(is_role_address);
        reach.needs_smtputf8 += count(needs_smtputf8);
        for recipient in &page.recipients {
            if !reach.zones.contains(&recipient.time_zone) {
                reach.zones.insert(recipient.time_zone.clone());
            }
        }
        page.recipients.iter().for_each(|recipient| compare(&mut largest, recipient, plan));
        reach.customers += page.customers;
        reach.recipients += page.recipients.len() as u64;
        reach.unaddressed += page.unaddressed.len() as u64;
        reach.count_left(&page, plan);
        let free = SAMPLE.saturating_sub(reach.unaddressed_sample.len());
        let nobody = page.unaddressed.iter().take(free).map(|(account, name)| format!("{account} {name}"));
        reach.unaddressed_sample.extend(nobody);
        let names = page.recipients.iter().map(|it| format!("{} {} ({})", it.account_id, it.customer_name, it.role));
        let free = SAMPLE.saturating_sub(reach.sample.len());
        reach.sample.extend(names.take(free));
    }
    refuse_empty(conn, &reach, plan).await?;
    pages.refuse_missing()?;
    if let Some(selection) = plan.selection() {
        reach.unmet = unmet(conn, selection).await?;
    }
    reach.largest = largest.into_values().map(|(_, recipient)| recipient).collect();
    Ok(reach)
}

/// Adds the recipients of an audience to `prints`, as a release would address them now.
///
/// # Errors
/// If a release would be refused, or the database fails.
pub async fn print(conn: &mut Conn, plan: &Plan, prints: &mut Prints, most: Option<u64>) -> Result<(), AudienceError> {
    let mut pages = Pages::new(plan, None);
    while most.is_none_or(|most| prints.count() <= most)
        && let Some(page) = pages.next(conn).await?
    {
        page.recipients.iter().for_each(|it| prints.add(&it.account_id, it.email.as_str()));
    }
    Ok(())
}

impl Reach {
    /// Counts the customers on a page that have left, if there is a duty to inform them.
    pub(super) fn count_left(&mut self, page: &Page, plan: &Plan) {
        if plan.named_left {
            self.left += page.left;
        }
    }

    /// Logs how many customers of the notice that is followed are not addressed: nobody sees a warning of a check at a release.
    pub(super) fn log_left(&self, notice: Uuid) {
        if self.left > 0 {
            let count = self.left;
            tracing::warn!(%notice, count, "customers of the notice that this one follows have left and are not addressed");
        }
    }
}

/// Keeps a recipient whose values are larger than those of all before with the same language and role.
fn compare(largest: &mut Largest, recipient: &Recipient, plan: &Plan) {
    let key = (recipient.locale.clone(), recipient.role);
    if !largest.contains_key(&key) && largest.len() >= VIEWS {
        return;
    }
    let size = plan.placeholders.iter().map(|it| encoded(recipient.value(it)) * plan.times(it)).sum::<usize>()
        + 2 * encoded(&recipient.contact_name);
    if largest.get(&key).is_none_or(|(known, _)| *known < size) {
        largest.insert(key, (size, recipient.clone()));
    }
}

/// The size of a value in quoted-printable.
fn encoded(value: &str) -> usize {
    value.bytes().map(|byte| if byte.is_ascii() { 1 } else { 3 }).sum()
}

/// The reach of a valid notice, and why it reaches nobody yet, if it does.
///
/// # Errors
/// If a release would be refused for another reason.
pub async fn reach_so_far(conn: &mut Conn, plan: &Plan) -> Result<(Reach, Option<AudienceError>), AudienceError> {
    match reach(conn, plan).await {
        Ok(reach) => Ok((reach, None)),
        Err(error) if error.reaches_nobody().is_some() => {
            let customers = if let AudienceError::NobodyToAddress { customers } = error { customers } else { 0 };
            Ok((Reach { customers, unaddressed: customers, ..Reach::default() }, Some(error)))
        }
        Err(error) => Err(error),
    }
}

/// Refuses an audience that is empty or has nobody to address.
pub(super) async fn refuse_empty(conn: &mut Conn, reach: &Reach, plan: &Plan) -> Result<(), AudienceError> {
    match (reach.customers, reach.recipients) {
        _ if plan.may_be_empty => Ok(()),
        (0, _) if has_no_customers(conn).await? => Err(AudienceError::NoCustomers),
        (0, _) if plan.only_told => Err(AudienceError::NobodyTold),
        (0, _) if reach.left > 0 => Err(AudienceError::AllLeft { customers: reach.left }),
        (0, _) => Err(AudienceError::Empty { rule: plan.rule.clone(), note: unknown_names(conn, plan).await? }),
        (customers, 0) => Err(AudienceError::NobodyToAddress { customers }),
        _ => Ok(()),
    }
}

/// Refuses accounts that a rule or file names and nobody knows, and a notice to follow whose audience is not frozen.
pub(super) async fn refuse_unknown(conn: &mut Conn, plan: &Plan) -> Result<(), AudienceError> {
    let unknown = match &plan.source {
        Source::Select { named, .. } => {
            let named: BTreeSet<String> = named.iter().map(|id| id.as_str().to_owned()).collect();
            unknown(conn, named.into_iter(), plan.named_left).await?
        }
        Source::Rows(RowsAt::Here(rows)) => {
            unknown(conn, rows.rows.keys().map(|id| id.as_str().to_owned()), plan.named_left).await?
        }
        Source::Rows(RowsAt::Stored(id)) => {
            let (mut unknown, mut after) = (Names::default(), String::new());
            loop {
                let page = notices::rows::page(conn, *id, &after, PAGE).await?;
                let Some((last, _)) = page.last_key_value() else { break unknown };
                after.clone_from(last);
                unknown.extend(unknown_of(conn, page.into_keys().collect(), plan.named_left).await?);
            }
        }
        Source::Followed { id, .. } => {
            // What an unfinished release has written is discarded by its next attempt, or by a cancellation.
            if let Some(notice) = notices::find(conn, *id).await?.filter(|notice| notice.released_at.is_none()) {
                return Err(AudienceError::NotReleased(notice.state));
            }
            Names::default()
        }
    };
    if unknown.is_empty() {
        return Ok(());
    }
    // Before the first import every account is unknown, and none of them is a mistake.
    Err(if has_no_customers(conn).await? { AudienceError::NoCustomers } else { AudienceError::Unknown(unknown) })
}

/// True if nobody has ever been imported.
async fn has_no_customers(conn: &mut Conn) -> Result<bool, StoreError> {
    Ok(customers::select(conn, &Selection::new(&[], &[]).with_left(true), "", 1).await?.is_empty())
}

/// Those of many accounts that are no customers; if `left`, customers that left are known.
async fn unknown(conn: &mut Conn, mut accounts: impl Iterator<Item = String>, left: bool) -> Result<Names, StoreError> {
    let mut unknown = Names::default();
    loop {
        let page: BTreeSet<String> = accounts.by_ref().take(PAGE as usize).collect();
        if page.is_empty() {
            return Ok(unknown);
        }
        unknown.extend(unknown_of(conn, page, left).await?);
    }
}

/// Those of a page of accounts that are no customers.
async fn unknown_of(conn: &mut Conn, mut page: BTreeSet<String>, left: bool) -> Result<BTreeSet<String>, StoreError> {
    let ids: Vec<AccountId> = page.iter().filter_map(|id| AccountId::parse(id).ok()).collect();
    if !ids.is_empty() {
        for (id, _) in customers::select(conn, &Selection::new(&ids, &[]).with_left(left), "", PAGE).await? {
            page.remove(&id);
        }
    }
    Ok(page)
}
