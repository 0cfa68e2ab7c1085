//! What an import changes: in numbers, and for a dry run by customer.

use std::collections::BTreeMap;

use serde::Serialize;

use super::REPORTED;
use super::check::Checked;
use crate::store::people::import_changes::{self, ChangeRow, Totals};
use crate::store::{Conn, StoreError};

/// What an import changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Customers that are not stored yet.
    pub new: u64,
    /// Customers with another name, other contacts or attributes.
    pub changed: u64,
    /// Customers that leave.
    pub gone: u64,
    /// Customers that had left.
    pub reactivated: u64,
    /// Contacts of all of them.
    pub contacts: ContactChanges,
    /// Attribute values that are added or moved.
    pub attributes: u64,
    /// Attribute values that are removed.
    pub gone_attributes: u64,
    /// Columns that the file does not have, of which customers in it keep what is stored.
    pub kept: Vec<KeptColumn>,
    /// The first [`REPORTED`] customers, by account id. Only a dry run has them.
    pub customers: Vec<Change>,
    /// Customers beyond those.
    pub more: u64,
}

/// A column that the file does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptColumn {
    /// Its name.
    pub column: String,
    /// How many contacts, or of an attribute customers, keep a value.
    pub keep: u64,
}

/// What changes of one customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Account id.
    pub account_id: String,
    /// `new`, `changed`, `gone` or `reactivated`.
    pub change: String,
    /// True if its name changes.
    pub renamed: bool,
    /// Its contacts.
    pub contacts: ContactChanges,
    /// The first of its contacts that change.
    pub addresses: Vec<ContactChange>,
    /// Attribute values that are added or moved.
    pub attributes: u64,
    /// Attribute values that are removed.
    pub gone_attributes: u64,
}

/// A contact that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContactChange {
    /// Its address.
    pub email: String,
    /// Its role.
    pub role: String,
    /// `new`, `changed`, `gone` or `reactivated`.
    pub change: String,
}

/// How many contacts change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ContactChanges {
    /// Contacts that it has not had.
    pub new: u64,
    /// Contacts whose name, language, zone, spelling or place changes.
    pub changed: u64,
    /// Contacts that are deactivated.
    pub gone: u64,
    /// Contacts that it has had before.
    pub reactivated: u64,
}

impl From<&Totals> for ContactChanges {
    fn from(totals: &Totals) -> Self {
        Self {
            new: totals.new_contacts,
            changed: totals.changed_contacts,
            gone: totals.gone_contacts,
            reactivated: totals.reactivated_contacts,
        }
    }
}

/// Reads the differences of a file that was compared; those of each customer only `by_customer`.
pub(super) async fn read(conn: &mut Conn, checked: &Checked, by_customer: bool) -> Result<Changes, StoreError> {
    let mut changes = Changes::default();
    for (change, count) in import_changes::counts(conn).await? {
        match change.as_str() {
            "new" => changes.new = count,
            "gone" => changes.gone = count,
            "reactivated" => changes.reactivated = count,
            _ => changes.changed = count,
        }
    }
    let totals = import_changes::totals(conn).await?;
    changes.contacts = ContactChanges::from(&totals);
    (changes.attributes, changes.gone_attributes) = (totals.attributes, totals.gone_attributes);
    let kept = import_changes::kept(conn, checked.lacking, &checked.attributes).await?;
    changes.kept = kept.into_iter().map(|(column, keep)| KeptColumn { column, keep }).collect();
    if by_customer {
        let limit = u32::try_from(REPORTED).unwrap_or(u32::MAX);
        changes.customers = import_changes::first(conn, limit).await?.into_iter().map(change).collect();
        name_contacts(conn, &mut changes.customers).await?;
        let all = changes.new + changes.changed + changes.gone + changes.reactivated;
        changes.more = all.saturating_sub(changes.customers.len() as u64);
    }
    Ok(changes)
}

/// Contacts that are named, of all customers together.
const ADDRESSES: u32 = 5000;

/// Names the contacts of customers, which are in the order of their account ids.
async fn name_contacts(conn: &mut Conn, customers: &mut [Change]) -> Result<(), StoreError> {
    let Some(last) = customers.last() else { return Ok(()) };
    let mut of_customer: BTreeMap<String, Vec<ContactChange>> = BTreeMap::new();
    for row in import_changes::contacts(conn, &last.account_id, ADDRESSES).await? {
        let contact = ContactChange { email: row.email, role: row.role, change: row.change };
        of_customer.entry(row.account_id).or_default().push(contact);
    }
    for customer in customers {
        customer.addresses = of_customer.remove(&customer.account_id).unwrap_or_default();
    }
    Ok(())
}

fn change(row: ChangeRow) -> Change {
    Change {
        account_id: row.account_id,
        change: row.change,
        renamed: row.renamed,
        contacts: ContactChanges::from(&row.totals),
        addresses: Vec::new(),
        attributes: row.totals.attributes,
        gone_attributes: row.totals.gone_attributes,
    }
}
