//! Permission to send: opt-outs and suppressions against the class of a notice, and who may set them.

use serde::Serialize;
use thiserror::Error;

use crate::domain::actor::{Actor, Via};
use crate::domain::category::{Category, Class};
use crate::domain::words::words;

/// Why an address is not to be mailed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A server said that the address does not exist.
    Dead,
    /// The person reported a message as spam.
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

impl Reason {
    /// The reasons that an operator may add. `restricted` is a person's right, with a command of its own.
    pub const ADDABLE: [Self; 3] = [Self::Dead, Self::Complaint, Self::Manual];

    /// Parses a reason that an operator may add.
    ///
    /// # Errors
    /// A sentence that names those.
    pub fn parse_addable(text: &str) -> Result<Self, String> {
        text.parse().ok().filter(|reason| Self::ADDABLE.contains(reason)).ok_or_else(|| {
            let known: Vec<&str> = Self::ADDABLE.iter().map(|reason| reason.as_str()).collect();
            format!("`{text}` is not a reason that can be added: use one of {}", known.join(", "))
        })
    }
}

/// A change that a person wants: to opt out of an optional category, or in to it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    category: Category,
    opted_out: bool,
}

/// Why there can be no wish about a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is mandatory: nobody can opt out of it")]
pub struct Mandatory(pub Category);

impl Wish {
    /// A wish about a category; `opted_out` is what is wanted.
    ///
    /// # Errors
    /// If the category is mandatory.
    pub const fn new(category: Category, opted_out: bool) -> Result<Self, Mandatory> {
        match category.class() {
            Class::Optional => Ok(Self { category, opted_out }),
            Class::Mandatory => Err(Mandatory(category)),
        }
    }

    /// The category.
    #[must_use]
    pub const fn category(self) -> Category {
        self.category
    }

    /// True to opt out, false to opt in again.
    #[must_use]
    pub const fn opted_out(self) -> bool {
        self.opted_out
    }
}

/// The categories that can be opted out of.
pub fn optional() -> impl Iterator<Item = Category> {
    Category::ALL.iter().copied().filter(|category| category.class() == Class::Optional)
}

/// Parses a category that can be opted out of.
///
/// # Errors
/// A sentence that says why it is none.
pub fn parse_optional(text: &str) -> Result<Category, String> {
    let category: Category = text.parse()?;
    Wish::new(category, true).map(Wish::category).map_err(|error| error.to_string())
}

/// The way by which a wish reached us; it is stored with an opt-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// An operator entered it.
    Operator,
    /// The person's mail program, by RFC 8058.
    OneClick,
    /// The page behind the link in a mail.
    Page,
    /// A person's objection (GDPR Art. 21), entered by an operator.
    Objection,
    /// A complaint about a mail, reported by the person's mail provider (RFC 5965).
    Complaint,
    /// A task of Besked itself.
    System,
}

words!(Source, "a source", {
    Operator => "operator",
    OneClick => "one-click",
    Page => "preferences page",
    Objection => "objection",
    Complaint => "complaint",
    System => "system",
});

impl Source {
    /// The source of a wish that an actor enters.
    #[must_use]
    pub const fn of(actor: &Actor) -> Self {
        match actor.via() {
            Via::Cli { .. } | Via::Key { .. } | Via::Session { .. } => Self::Operator,
            Via::Link => Self::Page,
            Via::System => Self::System,
        }
    }
}

/// Whether a delivery may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Send, and retry as usual.
    Send,
    /// Send once: the duty to inform outweighs the suppression of a dead address.
    SendOnce,
    /// Do not send: the person opted out of the category.
    OptedOut,
    /// Do not send: the address is suppressed.
    Suppressed,
}

/// Decides about a notice of `class` to an address with this opt-out and suppression.
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
    fn only_news_and_surveys_can_be_opted_out_of() {
        assert_eq!(optional().collect::<Vec<_>>(), [Category::News, Category::Survey]);
        assert!(parse_optional("news").is_ok());
        let refused = parse_optional("security_breach").unwrap_err();
        assert_eq!(refused, "`security_breach` is mandatory: nobody can opt out of it");
    }

    #[test]
    fn a_restriction_is_not_added_as_a_suppression() {
        assert_eq!(Reason::parse_addable("dead"), Ok(Reason::Dead));
        for text in ["restricted", "", "Dead"] {
            assert!(Reason::parse_addable(text).is_err(), "{text}");
        }
    }

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
