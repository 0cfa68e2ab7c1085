//! `[calendar]`: what calendar programs are asked to do with the entries of maintenance.

use serde::{Deserialize, Serialize};

/// `[calendar]`: what calendar programs are asked to do with the entries of maintenance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calendar {
    /// How an entry is sent.
    pub method: CalendarMethod,
}

/// How an entry is sent (RFC 5546). A cancelled one is sent with the method `CANCEL` anyway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CalendarMethod {
    /// `PUBLISH`: shown, and added by those who want it.
    #[default]
    Publish,
    /// `REQUEST`: the recipient is invited, and most programs add it by themselves.
    Request,
}
