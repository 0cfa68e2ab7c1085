//! Categories: what kind of notice it is decides everything about how it is treated.

use serde::{Deserialize, Serialize};

use crate::domain::problem::nearest;
use crate::domain::retention::{Period, Retention, Start};
use crate::domain::words::words;

/// What kind of notice it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// A breach of personal data (GDPR Art. 33(2) and 34).
    SecurityBreach,
    /// Something does not work as it should.
    Disruption,
    /// Planned work on the service.
    Maintenance,
    /// New terms, or new versions of an agreement.
    AgreementChange,
    /// A technical or organisational measure changes (GDPR Art. 32(1)).
    SecurityMeasuresChange,
    /// An invoice.
    Billing,
    /// News: the customer may opt out.
    News,
    /// Questions to the customer, who may opt out.
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
    /// Whether the customer may opt out. There is no way to override this for one notice.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::News | Self::Survey => Class::Optional,
            _ => Class::Mandatory,
        }
    }

    /// How urgent its deliveries are.
    #[must_use]
    pub const fn lane(self) -> Lane {
        match self {
            Self::SecurityBreach | Self::Disruption => Lane::Critical,
            Self::News | Self::Survey => Lane::Bulk,
            _ => Lane::Normal,
        }
    }

    /// Whom a notice of this category addresses at a customer, unless the configuration says otherwise.
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

/// Whether a notice may be refused by the one who gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Must be told: no opt-out applies.
    Mandatory,
    /// May be told: every opt-out and suppression applies.
    Optional,
}

words!(Class, "a class", { Mandatory => "mandatory", Optional => "optional" });

/// Which deliveries go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Before everything else.
    Critical,
    /// After critical.
    Normal,
    /// When nothing else waits.
    Bulk,
}

words!(Lane, "a lane", { Critical => "critical", Normal => "normal", Bulk => "bulk" });

impl Lane {
    /// Sort key: lower goes first.
    #[must_use]
    pub const fn rank(self) -> i64 {
        match self {
            Self::Critical => 0,
            Self::Normal => 1,
            Self::Bulk => 2,
        }
    }
}

/// What a contact is responsible for at the customer.
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
    /// Invoices, and nothing but invoices.
    Billing,
}

words!(Role, "a role", {
    Service => "service",
    Security => "security",
    Technical => "technical",
    Legal => "legal",
    Billing => "billing",
});

/// Which contacts of a customer a category addresses: every contact with one of `roles`; where a customer has none of
/// them, every contact with one of `or_else`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addressing {
    /// The roles addressed, the one whose locale and zone count first.
    pub roles: Vec<Role>,
    /// Whom to address where a customer has no contact with one of `roles`.
    #[serde(default)]
    pub or_else: Vec<Role>,
}

impl Addressing {
    /// The contacts addressed, in the order of the roles; `role_of` tells a contact's role.
    pub fn select<'a, T>(&self, contacts: &'a [T], role_of: impl Fn(&T) -> Role) -> Vec<&'a T> {
        let with = |roles: &[Role]| -> Vec<&'a T> {
            roles.iter().flat_map(|role| contacts.iter().filter(|contact| role_of(contact) == *role)).collect()
        };
        let first = with(&self.roles);
        if first.is_empty() { with(&self.or_else) } else { first }
    }
}

/// Names of known categories near a mistyped one.
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
    fn a_wrong_word_is_answered_with_the_right_ones() {
        let error = "urgent".parse::<Lane>().unwrap_err();
        assert_eq!(error, "`urgent` is not a lane (`critical`, `normal`, `bulk`)");
    }
}
