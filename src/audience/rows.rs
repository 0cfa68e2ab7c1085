//! The recipients of single rows that are added to a standing notice: a customer may have many, each with its own values.

use std::collections::BTreeMap;

use super::pages::{Thread, Values};
use super::{AudienceError, Plan, Recipient};
use crate::domain::category::Role;
use crate::domain::customer::AccountId;
use crate::domain::domain_name::is_reserved;
use crate::domain::placeholder::Placeholder;
use crate::store::notices::Continued;
use crate::store::people::customers::Selection;
use crate::store::people::{contacts, customers};
use crate::store::sending::deliveries;
use crate::store::{Conn, StoreError};

/// A row with the values of one customer.
#[derive(Clone, Debug)]
pub struct RowOf {
    /// The customer.
    pub account_id: AccountId,
    /// The key by which its sender knows it.
    pub key: String,
    /// The values by column.
    pub values: BTreeMap<String, String>,
}

/// Whom a row addresses.
#[derive(Clone, Debug, Default)]
pub struct Resolved {
    /// The recipients.
    pub recipients: Vec<Recipient>,
    /// The values that some of them lack.
    pub missing: Vec<(Role, Placeholder)>,
    /// There is such a customer, and it may be addressed.
    pub is_known: bool,
}

/// Finds whom rows address, in their order; their deliveries continue these threads.
///
/// # Errors
/// If the database fails.
pub async fn resolve(
    conn: &mut Conn,
    plan: &Plan,
    rows: &[RowOf],
    continued: Option<Continued>,
) -> Result<Vec<Resolved>, StoreError> {
    let mut accounts: Vec<AccountId> = rows.iter().map(|row| row.account_id.clone()).collect();
    accounts.sort();
    accounts.dedup();
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let limit = u32::try_from(accounts.len()).unwrap_or(u32::MAX);
    let selection = Selection::new(&accounts, &[]).with_left(plan.include_left);
    let names: BTreeMap<String, String> = customers::select(conn, &selection, "", limit).await?.into_iter().collect();
    let ids: Vec<&str> = names.keys().map(String::as_str).collect();
    let mut contacts = contacts::of_customers(conn, &ids).await?;
    if plan.may_have_left() {
        contacts.extend(contacts::of_left(conn, &ids).await?);
    }
    let thread = match &continued {
        Some(continued) => deliveries::threads(conn, continued, &ids).await?,
        None => Thread::new(),
    };
    let wants_attributes = plan.placeholders.iter().any(|it| matches!(it, Placeholder::Attribute(_)));
    let attributes = if wants_attributes { customers::attributes(conn, &ids).await? } else { BTreeMap::new() };
    let resolved = rows.iter().map(|row| {
        let account = row.account_id.as_str();
        let Some(name) = names.get(account) else { return Resolved::default() };
        let values = Values { attributes: attributes.get(account), row: Some(&row.values) };
        let of_customer = contacts.get(account).map_or(&[][..], Vec::as_slice);
        let chosen = plan.addressing.select(of_customer, |contact| contact.role);
        let mut missing = Vec::new();
        let mut recipients = plan.recipients((account, name), &chosen, &values, &thread, |role, placeholder| {
            missing.push((role, placeholder.clone()));
        });
        recipients.iter_mut().for_each(|it| it.row_key = Some(row.key.clone()));
        Resolved { recipients, missing, is_known: true }
    });
    Ok(resolved.collect())
}

impl Plan {
    /// Refuses to address persons at domains that somebody can own in the name of the example.
    ///
    /// # Errors
    /// [`AudienceError::OfExample`].
    pub fn refuse_example(&self, resolved: &[Resolved]) -> Result<(), AudienceError> {
        let all = resolved.iter().flat_map(|it| &it.recipients);
        let real = all.filter(|it| !is_reserved(it.email.domain())).count() as u64;
        if real > 0 && !self.of_example.is_empty() {
            return Err(AudienceError::OfExample { keys: self.of_example.clone(), recipients: real });
        }
        Ok(())
    }
}
