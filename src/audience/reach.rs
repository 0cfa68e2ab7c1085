//! The reach of an audience, and what a release refuses about it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::pages::PAGE;
use super::{AudienceError, Names, Pages, Plan, RowsAt, Source};
use crate::domain::customer::AccountId;
use crate::store::people::customers;
use crate::store::people::customers::Selection;
use crate::store::{Conn, StoreError, notices};

/// How far an audience reaches.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reach {
    /// Customers that it selects.
    pub customers: u64,
    /// Addresses that it reaches at them.
    pub recipients: u64,
    /// Customers with nobody to address.
    pub unaddressed: u64,
    /// Some of the recipients: account, name of the customer and role.
    pub sample: Vec<String>,
}

/// Recipients in a sample.
const SAMPLE: usize = 5;

/// Checks an audience as a release would, and returns how far it reaches.
///
/// # Errors
/// If a release would be refused.
pub async fn reach(conn: &mut Conn, plan: &Plan) -> Result<Reach, AudienceError> {
    refuse_unknown(conn, plan).await?;
    let mut pages = Pages::new(plan, None);
    let mut reach = Reach::default();
    while let Some(page) = pages.next(conn).await? {
        reach.customers += page.customers;
        reach.recipients += page.recipients.len() as u64;
        reach.unaddressed += page.unaddressed.len() as u64;
        let names = page.recipients.iter().map(|it| format!("{} {} ({})", it.account_id, it.customer_name, it.role));
        let free = SAMPLE.saturating_sub(reach.sample.len());
        reach.sample.extend(names.take(free));
    }
    refuse_empty(&reach, plan)?;
    pages.refuse_missing()?;
    Ok(reach)
}

/// Refuses an audience that is empty or has nobody to address.
pub(super) fn refuse_empty(reach: &Reach, plan: &Plan) -> Result<(), AudienceError> {
    match (reach.customers, reach.recipients) {
        (0, _) => Err(AudienceError::Empty(plan.rule.clone())),
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
                let page = notices::rows(conn, *id, &after, PAGE).await?;
                let Some((last, _)) = page.last_key_value() else { break unknown };
                after.clone_from(last);
                unknown.extend(unknown_of(conn, page.into_keys().collect(), plan.named_left).await?);
            }
        }
        Source::Followed(id) => {
            // What an unfinished release has written is discarded by its next attempt, or by a cancellation.
            if let Some(notice) = notices::find(conn, *id).await?.filter(|notice| notice.released_at.is_none()) {
                return Err(AudienceError::NotReleased(notice.state));
            }
            Names::default()
        }
    };
    if unknown.is_empty() { Ok(()) } else { Err(AudienceError::Unknown(unknown)) }
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
