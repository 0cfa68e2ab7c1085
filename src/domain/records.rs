//! The kinds of records that expire by themselves, beside the persons in the record of a released notice.

use serde::Serialize;

use crate::domain::words::words;

/// Kinds of records that have a period of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Records {
    /// Deactivated contacts.
    DeactivatedContacts,
    /// Customers that left, with their contacts.
    LeftCustomers,
    /// Notices that were never released.
    Drafts,
    /// Rows of audience files of closed notices.
    AudienceRows,
    /// Attempts for deliveries of closed notices.
    Attempts,
    /// Opt-outs of addresses that no contact has.
    Preferences,
    /// Suppressions of addresses that no contact has.
    Suppressions,
    /// Views of records of persons who are not restricted any more.
    Reads,
    /// Corrections to addresses that no contact has.
    Rectifications,
    /// Entries that say who did what, and are about no notice whose persons are still stored.
    Operations,
    /// Tasks that are done, and are about no notice.
    Tasks,
    /// Addresses that only entries of the ledger still name.
    AddressEntries,
    /// Messages that came back, as they came.
    InboundMessages,
    /// Rows of the audit log.
    AuditRows,
}

words!(Records, "a kind of records", {
    DeactivatedContacts => "deactivated_contacts",
    LeftCustomers => "left_customers",
    Drafts => "drafts",
    AudienceRows => "audience_rows",
    Attempts => "attempts",
    Preferences => "preferences",
    Suppressions => "suppressions",
    Reads => "reads",
    Rectifications => "rectifications",
    Operations => "operations",
    Tasks => "tasks",
    AddressEntries => "address_entries",
    InboundMessages => "inbound_messages",
    AuditRows => "audit_rows",
});
