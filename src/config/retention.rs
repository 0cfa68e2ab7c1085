//! `[retention]`: how long records are stored that do not belong to a released notice; `[category.NAME] retention` says it for
//! those that do.

use serde::{Deserialize, Serialize};

use crate::domain::retention::Period;

/// `[retention]`: a period for each kind of record, counted from the last event that needed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionPeriods {
    /// Contacts, from when they were deactivated.
    pub deactivated_contacts: Period,
    /// Customers and their contacts, from when the customer left.
    pub left_customers: Period,
    /// Notices that were never released, from their last change.
    pub drafts: Period,
    /// Paused notices, from the pause: then they count as closed for their category's retention.
    pub paused_notices: Period,
    /// Opt-outs, from their last change, once no contact has the address.
    pub preferences: Period,
    /// Suppressions, from their last change, once no contact has the address.
    pub suppressions: Period,
    /// SMTP replies and the other details of attempts, from when their notice closed.
    pub attempts: Period,
    /// The rows of audience files, from when their notice closed.
    pub audience_rows: Period,
    /// Who did what with customers, preferences, suppressions and holds, from when it was done.
    pub operations: Period,
}

impl Default for RetentionPeriods {
    fn default() -> Self {
        Self {
            deactivated_contacts: Period::Years(1),
            left_customers: Period::Years(3),
            drafts: Period::Years(1),
            paused_notices: Period::Days(30),
            preferences: Period::Years(3),
            suppressions: Period::Years(3),
            attempts: Period::Years(1),
            audience_rows: Period::Days(90),
            operations: Period::Years(3),
        }
    }
}
