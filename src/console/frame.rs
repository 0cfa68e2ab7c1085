//! The frame around every page: its head, the navigation, and what was said last.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};

use super::assets;
use super::signed::Signed;
use super::words::Words;
use crate::domain::actor::Actor;
use crate::domain::right::Right;

/// A place of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// What runs, and what waits for me.
    Now,
    /// All notices.
    Notices,
    /// Was a customer informed?
    Ask,
    /// Customers and their contacts.
    Customers,
    /// Persons' rights.
    People,
    /// Opt-outs.
    Preferences,
    /// Addresses with a reason against mailing them.
    Suppressions,
    /// What a person must do.
    Tasks,
    /// What came back by mail.
    Inbound,
    /// The relays.
    Relays,
    /// The ledger.
    Ledger,
    /// Who uses Besked.
    Operators,
    /// Keys of programs.
    Keys,
    /// Other systems that are called.
    Webhooks,
    /// What everybody asked for.
    Audit,
    /// The own account.
    Me,
}

impl Place {
    /// Every place, in the order of the navigation.
    pub const ALL: [Self; 16] = [
        Self::Now,
        Self::Notices,
        Self::Ask,
        Self::Tasks,
        Self::Customers,
        Self::People,
        Self::Preferences,
        Self::Suppressions,
        Self::Inbound,
        Self::Relays,
        Self::Ledger,
        Self::Operators,
        Self::Keys,
        Self::Webhooks,
        Self::Audit,
        Self::Me,
    ];

    /// Its word in addresses and strings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Notices => "notices",
            Self::Ask => "ask",
            Self::Customers => "customers",
            Self::People => "people",
            Self::Preferences => "preferences",
            Self::Suppressions => "suppressions",
            Self::Tasks => "tasks",
            Self::Inbound => "inbound",
            Self::Relays => "relays",
            Self::Ledger => "ledger",
            Self::Operators => "operators",
            Self::Keys => "keys",
            Self::Webhooks => "webhooks",
            Self::Audit => "audit",
            Self::Me => "me",
        }
    }

    /// The address of its first page.
    #[must_use]
    pub fn path(self) -> String {
        if self == Self::Now { "/".to_owned() } else { format!("/{}", self.name()) }
    }

    /// The right without which its pages show nothing.
    const fn needs(self) -> Option<Right> {
        match self {
            Self::Now | Self::Me => None,
            Self::Notices | Self::Ask => Some(Right::Read),
            Self::Tasks => Some(Right::DoTasks),
            Self::Customers => Some(Right::ReadCustomers),
            Self::People => Some(Right::Subjects),
            Self::Preferences => Some(Right::Preferences),
            Self::Suppressions => Some(Right::ReadSuppressions),
            Self::Inbound => Some(Right::ReadInbound),
            Self::Relays => Some(Right::ReadRelays),
            Self::Ledger => Some(Right::ReadLedger),
            Self::Operators | Self::Keys => Some(Right::ReadOperators),
            Self::Webhooks => Some(Right::Webhooks),
            Self::Audit => Some(Right::ReadAudit),
        }
    }

    /// True if the actor's roles may open it.
    #[must_use]
    pub fn is_open_to(self, actor: &Actor) -> bool {
        self.needs().is_none_or(|right| actor.has(right))
    }
}

/// A link of the navigation.
#[derive(Clone, Debug)]
pub struct NavLink {
    /// Its address.
    pub path: String,
    /// Its text.
    pub text: String,
    /// True for the place where the page is.
    pub is_here: bool,
}

/// What `layout.html` needs. Each page has it as `frame`.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The title of the page.
    pub title: String,
    /// Its words.
    pub words: Words,
    /// Where it is.
    pub here: Place,
    /// The operator's name; empty outside.
    pub operator: String,
    /// The name of the organisation.
    pub organisation: String,
    /// The places that the operator's roles may open; none outside.
    pub nav: Vec<NavLink>,
    /// What the page before did.
    pub flash: Option<String>,
}

impl Frame {
    /// The frame of a page without a session.
    #[must_use]
    pub fn outside(words: Words, organisation: &str, title: impl Into<String>) -> Self {
        let (title, organisation) = (title.into(), organisation.to_owned());
        Self { title, words, here: Place::Me, operator: String::new(), organisation, nav: Vec::new(), flash: None }
    }

    /// True on the pages of the own account.
    #[must_use]
    pub fn is_mine(&self) -> bool {
        self.here == Place::Me
    }

    /// The address of an asset.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        assets::path(name)
    }
}

impl Signed {
    /// The frame of a page.
    #[must_use]
    pub fn frame(&self, here: Place, title: impl Into<String>) -> Frame {
        let open = Place::ALL.into_iter().filter(|place| *place != Place::Me && place.is_open_to(&self.actor));
        let nav = open.map(|place| NavLink {
            path: place.path(),
            text: self.words.say(&format!("console-nav-{}", place.name())),
            is_here: place == here,
        });
        Frame {
            title: title.into(),
            words: self.words.clone(),
            here,
            operator: self.operator.name.to_string(),
            organisation: self.organisation.clone(),
            nav: nav.collect(),
            flash: self.flash.clone(),
        }
    }
}

/// The page of a template, with status 200.
pub fn page(template: &impl Template) -> Response {
    page_with(StatusCode::OK, template)
}

/// The page of a template, with this status: 422 for a form with problems.
pub fn page_with(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page of the console could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "this did not work\n").into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::actor::Via;
    use crate::domain::operator::{OperatorKind, OperatorName, Role};

    #[test]
    fn a_place_that_the_roles_may_not_open_is_not_offered() {
        let name = OperatorName::parse("Mia").unwrap();
        let open = |role: Role| {
            let roles = [role].into_iter().collect();
            let actor = Actor::operator(&name, OperatorKind::Person, roles, Via::System);
            Place::ALL.into_iter().filter(|it| it.is_open_to(&actor)).map(Place::name).collect::<Vec<_>>()
        };
        assert_eq!(open(Role::Marketing), ["now", "notices", "ask", "tasks", "customers", "me"]);
        assert_eq!(open(Role::Auditor), ["now", "notices", "ask", "ledger", "audit", "me"]);
        assert!(!open(Role::Admin).contains(&"notices") && open(Role::Admin).contains(&"webhooks"));
    }
}
