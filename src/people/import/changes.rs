//! What an import would change, by customer: the answer of a dry run.

use serde::Serialize;

use super::REPORTED;
use crate::store::people::import_changes::{self, ChangeRow};
use crate::store::{Conn, StoreError};

/// What an import would change.
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
    /// The first [`REPORTED`] of them, by account id.
    pub customers: Vec<Change>,
    /// Customers beyond those.
    pub more: u64,
}

/// What would change of one customer.
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
    /// Attribute values that are added, moved or removed.
    pub attributes: u64,
}

/// How many contacts of a customer would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

/// Reads the differences of a file that was compared.
pub(super) async fn read(conn: &mut Conn) -> Result<Changes, StoreError> {
    let mut changes = Changes::default();
    for (change, count) in import_changes::counts(conn).await? {
        match change.as_str() {
            "new" => changes.new = count,
            "gone" => changes.gone = count,
            "reactivated" => changes.reactivated = count,
            _ => changes.changed = count,
        }
    }
    let limit = u32::try_from(REPORTED).unwrap_or(u32::MAX);
    changes.customers = import_changes::first(conn, limit).await?.into_iter().map(change).collect();
    let all = changes.new + changes.changed + changes.gone + changes.reactivated;
    changes.more = all.saturating_sub(changes.customers.len() as u64);
    Ok(changes)
}

fn change(row: ChangeRow) -> Change {
    Change {
        account_id: row.account_id,
        change: row.change,
        renamed: row.renamed,
        contacts: ContactChanges {
            new: row.new_contacts,
            changed: row.changed_contacts,
            gone: row.gone_contacts,
            reactivated: row.reactivated_contacts,
        },
        attributes: row.attributes,
    }
}
