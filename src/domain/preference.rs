//! May we send? Opt-outs and suppressions against the class of the notice.

use serde::Serialize;

use crate::domain::category::Class;
use crate::domain::words::words;

/// Why an address is not to be mailed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A server said that the address does not exist.
    Dead,
    /// The person complained of spam.
    Complaint,
    /// The person had the processing restricted (GDPR Art. 18).
    Restricted,
    /// An operator's decision.
    Manual,
}

words!(Reason, "a reason", {
    Dead => "dead",
    Complaint => "complaint",
    Restricted => "restricted",
    Manual => "manual",
});

/// Whether a delivery may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Send, and try again as usual.
    Send,
    /// Send once: the duty to inform outweighs the doubt about the address.
    SendOnce,
    /// Not to be sent: the person opted out of the category.
    OptedOut,
    /// Not to be sent: the address is suppressed.
    Suppressed,
}

/// Decides for a notice of `class` to an address with this opt-out and suppression.
#[must_use]
pub const fn permission(class: Class, opted_out: bool, suppression: Option<Reason>) -> Permission {
    match (class, suppression) {
        (Class::Mandatory, Some(Reason::Dead)) => Permission::SendOnce,
        (Class::Mandatory, _) => Permission::Send,
        (Class::Optional, _) if opted_out => Permission::OptedOut,
        (Class::Optional, Some(_)) => Permission::Suppressed,
        (Class::Optional, None) => Permission::Send,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_opt_out_stops_a_mandatory_notice_and_every_one_stops_an_optional() {
        let reasons =
            [None, Some(Reason::Dead), Some(Reason::Complaint), Some(Reason::Restricted), Some(Reason::Manual)];
        for reason in reasons {
            let mandatory = permission(Class::Mandatory, true, reason);
            let wanted = if reason == Some(Reason::Dead) { Permission::SendOnce } else { Permission::Send };
            assert_eq!(mandatory, wanted, "{reason:?}");
            assert_eq!(permission(Class::Optional, true, reason), Permission::OptedOut);
            let optional = permission(Class::Optional, false, reason);
            assert_eq!(optional == Permission::Send, reason.is_none(), "{reason:?}");
        }
    }
}
