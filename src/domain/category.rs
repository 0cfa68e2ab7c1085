//! Categories: the kind of a notice decides how it is treated.

use serde::{Deserialize, Serialize};

use crate::domain::problem::nearest;
use crate::domain::retention::{Period, Retention, Start};
use crate::domain::words::words;

/// The kind of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// A breach of personal data (GDPR Art. 33(2) and 34).
    SecurityBreach,
    /// A service does not work as it should, or may not.
    Disruption,
    /// Planned work on the service.
    Maintenance,
    /// Terms, prices, an agreement or a sub-processor change.
    AgreementChange,
    /// A technical or organisational security measure changes (GDPR Art. 32(1)).
    SecurityMeasuresChange,
    /// An invoice.
    Billing,
    /// News, with opt-out.
    News,
    /// Questions to the customer, with opt-out.
    Survey,
}

words!(Category, "a category", {
    SecurityBreach => "security_breach",
    Disruption => "disruption",
    Maintenance => "maintenance",
    AgreementChange => "agreement_change",
    SecurityMeasuresChange => "security_measures_change",
    Billing => "billing",
    News => "news",
    Survey => "survey",
});

impl Category {
    /// Whether a recipient may opt out. Nothing overrides this for a single notice.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::News | Self::Survey => Class::Optional,
            _ => Class::Mandatory,
        }
    }

    /// The lane of its deliveries.
    #[must_use]
    pub const fn lane(self) -> Lane {
        match self {
            Self::SecurityBreach | Self::Disruption => Lane::Critical,
            Self::News | Self::Survey => Lane::Bulk,
            _ => Lane::Normal,
        }
    }

    /// The roles that it addresses at a customer, unless the configuration says otherwise.
    #[must_use]
    pub fn default_addressing(self) -> Addressing {
        use Role::{Billing, Legal, Security, Service, Technical};
        let (roles, or_else): (&[Role], &[Role]) = match self {
            Self::SecurityBreach => (&[Security, Legal, Service], &[]),
            Self::Disruption | Self::Maintenance => (&[Technical], &[Service]),
            Self::AgreementChange => (&[Legal, Service], &[]),
            Self::SecurityMeasuresChange => (&[Security], &[Service]),
            Self::Billing => (&[Billing], &[]),
            Self::News | Self::Survey => (&[Service], &[]),
        };
        Addressing { roles: roles.to_vec(), or_else: or_else.to_vec() }
    }

    /// Whether a second person must approve it, unless the configuration says otherwise.
    #[must_use]
    pub const fn default_two_persons(self) -> bool {
        matches!(self, Self::SecurityBreach | Self::AgreementChange)
    }

    /// How long the persons in its record are stored, unless the configuration says otherwise: seven years for a breach, of
    /// which an authority may ask; the seventh year after that of the invoice for the accounts (Swedish accounting act, BFL
    /// 7 kap. 2 §); three years after the end of the contract for what changed it; three years for operations; one for
    /// marketing.
    #[must_use]
    pub const fn default_retention(self) -> Retention {
        let (start, years) = match self {
            Self::SecurityBreach => (Start::Release, 7),
            Self::Billing => (Start::EndOfYear, 7),
            Self::AgreementChange => (Start::ContractEnd, 3),
            Self::Disruption | Self::Maintenance | Self::SecurityMeasuresChange => (Start::Release, 3),
            Self::News | Self::Survey => (Start::Release, 1),
        };
        Retention::new(start, Period::Years(years))
    }

    /// Whether storing them that long is a duty, unless the configuration says otherwise: for breaches (GDPR Art. 33(5)) and
    /// invoices (accounting law). For the others it is an interest, which yields to an erasure (Art. 17(3)).
    #[must_use]
    pub const fn default_retention_duty(self) -> bool {
        matches!(self, Self::SecurityBreach | Self::Billing)
    }
}

/// Whether recipients may opt out of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Customers must be informed: no opt-out applies.
    Mandatory,
    /// Every opt-out and suppression applies.
    Optional,
}

words!(Class, "a class", { Mandatory => "mandatory", Optional => "optional" });

/// Which deliveries go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Before all others.
    Critical,
    /// After critical.
    Normal,
    /// If nothing else waits.
    Bulk,
}

words!(Lane, "a lane", { Critical => "critical", Normal => "normal", Bulk => "bulk" });

impl Lane {
    /// The sort key: the lowest goes first.
    #[must_use]
    pub const fn rank(self) -> i64 {
        match self {
            Self::Critical => 0,
            Self::Normal => 1,
            Self::Bulk => 2,
        }
    }
}

/// The responsibility of a contact at the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The customer's general contact for the service.
    Service,
    /// Security incidents.
    Security,
    /// Operations.
    Technical,
    /// Contracts.
    Legal,
    /// Invoices only.
    Billing,
}

words!(Role, "a role", {
    Service => "service",
    Security => "security",
    Technical => "technical",
    Legal => "legal",
    Billing => "billing",
});

/// The contacts of a customer that a category addresses: every contact with one of `roles`, or, if the customer has none, every
/// contact with one of `or_else`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addressing {
    /// The roles addressed. The first one decides locale and zone.
    pub roles: Vec<Role>,
    /// The roles addressed if a customer has no contact with one of `roles`.
    #[serde(default)]
    pub or_else: Vec<Role>,
}

impl Addressing {
    /// Selects the contacts addressed, in the order of the roles. `role_of` returns the role of a contact.
    pub fn select<'a, T>(&self, contacts: &'a [T], role_of: impl Fn(&T) -> Role) -> Vec<&'a T> {
        let with = |roles: &[Role]| -> Vec<&'a T> {
            roles.iter().flat_map(|role| contacts.iter().filter(|contact| role_of(contact) == *role)).collect()
        };
        let first = with(&self.roles);
        if first.is_empty() { with(&self.or_else) } else { first }
    }
}

/// The known category nearest to a mistyped one.
#[must_use]
pub fn nearest_category(typed: &str) -> Option<&'static str> {
    nearest(typed, Category::ALL.iter().map(|category| category.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_or_else_b_falls_back_only_when_there_is_no_a() {
        let rule = Category::Maintenance.default_addressing();
        let contacts = [("s", Role::Service), ("t", Role::Technical), ("b", Role::Billing)];
        let names = |contacts: &[(&'static str, Role)]| -> Vec<&str> {
            rule.select(contacts, |contact| contact.1).iter().map(|contact| contact.0).collect()
        };
        assert_eq!(names(&contacts), ["t"]);
        assert_eq!(names(&contacts[..1]), ["s"]);
        assert!(names(&contacts[2..]).is_empty());
    }

    #[test]
    fn every_role_of_a_and_b_is_addressed_in_order() {
        let rule = Category::SecurityBreach.default_addressing();
        let contacts = [("v", Role::Service), ("l", Role::Legal), ("s", Role::Security)];
        let order: Vec<_> = rule.select(&contacts, |contact| contact.1).iter().map(|contact| contact.0).collect();
        assert_eq!(order, ["s", "l", "v"]);
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_known_ones() {
        let error = "urgent".parse::<Lane>().unwrap_err();
        assert_eq!(error, "`urgent` is not a lane (`critical`, `normal`, `bulk`)");
    }
}
