//! Why an audience cannot be addressed.

use std::fmt::{self, Display, Formatter};

use thiserror::Error;

use crate::domain::kind::Kind;
use crate::domain::matter::Unfit;
use crate::domain::notice::State;
use crate::domain::words::{cause, count};
use crate::store::StoreError;

/// Why an audience cannot be addressed.
#[derive(Debug, Error)]
pub enum AudienceError {
    /// There are no customers at all.
    #[error("the audience is empty: no customers were imported")]
    NoCustomers,
    /// The rule selects nobody.
    #[error("the audience is empty: it would be {rule}, and there are none{note}")]
    Empty {
        /// The rule in words.
        rule: String,
        /// What is to be said of its attributes.
        note: String,
    },
    /// It selects customers, but none of them has anybody to address.
    #[error("the audience has {}, but no contact that this category addresses", count(*.customers, "customer", "customers"))]
    NobodyToAddress {
        /// Customers selected.
        customers: u64,
    },
    /// All customers of the notice that this one follows have left.
    #[error("the audience is empty: {} of the notice that it follows left since", count(*.customers, "customer", "customers"))]
    AllLeft {
        /// Those customers.
        customers: u64,
    },
    /// It cancels a maintenance that nobody was told of.
    #[error(
        "nobody got anything of the notice that it follows, or of those before: nobody needs to be told that it is cancelled"
    )]
    NobodyTold,
    /// Accounts that the rule names are not active customers.
    #[error("the audience names customers that are unknown or have left: {0}")]
    Unknown(Names),
    /// Recipients lack a value that the notice's placeholders need.
    #[error("recipients without a value: {0}")]
    Missing(Names),
    /// The configuration still says that the example sends. Recipients at domains for tests do not count.
    #[error("{} would get mail in the name of the example: still as in the example {} {}", count(*.recipients, "address", "addresses"), if .keys.len() == 1 { "is" } else { "are" }, .keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "))]
    OfExample {
        /// The keys of the configuration.
        keys: Vec<&'static str>,
        /// Recipients at domains that somebody can own.
        recipients: u64,
    },
    /// The notice addresses the customers of another one, and names none.
    #[error("the notice has no audience and follows no notice")]
    FollowsNothing,
    /// The audience of the notice that this one follows is not frozen.
    #[error("the notice that it follows is not released: it is {}", .0.describe())]
    NotReleased(State),
    /// It cannot follow that notice, by what was released of the matter.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// More customers than one person may release a notice of this category to.
    #[error("{} needs the approval of a second person", if *.customers == u64::MAX { "a standing notice of this category".to_owned() } else { format!("a notice to {}", count(*.customers, "customer", "customers")) })]
    SecondPerson {
        /// Customers selected; `u64::MAX` for a standing notice.
        customers: u64,
    },
    /// The notice was cancelled, or another process took the release over.
    #[error("the release was stopped: the notice was cancelled or another process releases it")]
    Lost,
    /// Part of what was written is gone.
    #[error("the release was interrupted: the database was restarted meanwhile and has lost part of it")]
    Incomplete,
    /// A person was erased during every attempt.
    #[error("the release was interrupted: persons were erased while it was written")]
    Erased,
    /// What was read could not be stored until it is written.
    #[error("cannot write the audience to a temporary file: {}", cause(.0))]
    Spool(std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AudienceError {
    /// What the error means to a caller.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::NoCustomers
            | Self::Empty { .. }
            | Self::AllLeft { .. }
            | Self::NobodyTold
            | Self::NobodyToAddress { .. }
            | Self::Unknown(_)
            | Self::Missing(_)
            | Self::OfExample { .. }
            | Self::FollowsNothing => Kind::Invalid,
            Self::NotReleased(State::Releasing) | Self::Lost | Self::Incomplete | Self::Erased => Kind::Later,
            Self::NotReleased(_) => Kind::Invalid,
            Self::Unfit(Unfit::OtherCategory { .. } | Unfit::Circle) => Kind::Invalid,
            Self::Unfit(_) => Kind::Conflict,
            Self::SecondPerson { .. } => Kind::Refused,
            Self::Spool(_) => Kind::Failed,
            Self::Store(error) => error.kind(),
        }
    }

    /// True if the error is not about the audience: the release is retried after a while, and may succeed then.
    #[must_use]
    pub fn is_retried(&self) -> bool {
        matches!(
            self,
            Self::Lost
                | Self::Incomplete
                | Self::Erased
                | Self::NotReleased(State::Releasing)
                | Self::Spool(_)
                | Self::Store(_)
        )
    }

    /// True if it may pass by itself.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => error.may_pass(),
            other => other.is_retried(),
        }
    }

    /// Why a notice that is valid reaches nobody yet; `None` if something else is wrong. An import or another release can change it.
    #[must_use]
    pub fn reaches_nobody(&self) -> Option<String> {
        match self {
            Self::NoCustomers => Some("no customers were imported".to_owned()),
            Self::Empty { rule, note } => Some(format!("it is to {rule}, and there are none{note}")),
            Self::NobodyToAddress { .. } | Self::NobodyTold | Self::NotReleased(_) | Self::OfExample { .. } => {
                Some(self.to_string())
            }
            _ => None,
        }
    }

    /// The text for a log: it counts accounts and addresses, and never names them.
    #[must_use]
    pub fn for_logs(&self) -> String {
        match self {
            Self::NoCustomers | Self::Empty { .. } => "the audience is empty".to_owned(),
            Self::Unknown(accounts) => format!("unknown customers are named: {}", accounts.count),
            Self::Missing(recipients) => format!("recipients lack values: {}", recipients.count),
            Self::Store(error) => error.for_logs(),
            other => other.to_string(),
        }
    }
}

/// Names in an error, at most.
const NAMED: usize = 20;

/// Names for an error: the first of them, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    first: Vec<String>,
    count: usize,
}

impl Extend<String> for Names {
    fn extend<T: IntoIterator<Item = String>>(&mut self, names: T) {
        names.into_iter().for_each(|name| self.add(|| name));
    }
}

impl Names {
    pub(super) fn add(&mut self, name: impl FnOnce() -> String) {
        if self.first.len() < NAMED {
            self.first.push(name());
        }
        self.count += 1;
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl FromIterator<String> for Names {
    fn from_iter<T: IntoIterator<Item = String>>(names: T) -> Self {
        let mut all = Self::default();
        all.extend(names);
        all
    }
}

impl Display for Names {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first.join(", "))?;
        match self.count - self.first.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
