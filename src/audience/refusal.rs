//! Why an audience cannot be told.

use std::fmt::{self, Display, Formatter};

use thiserror::Error;

use crate::domain::notice::State;
use crate::store::StoreError;

/// Why an audience cannot be told.
#[derive(Debug, Error)]
pub enum AudienceError {
    /// The rule selects nobody.
    #[error("the audience is empty: there are no {0}")]
    Empty(String),
    /// It selects customers, but none of them has anybody to address.
    #[error("the audience has {customers} customers, but none of them has a contact that this category addresses")]
    NobodyToAddress {
        /// Customers selected.
        customers: u64,
    },
    /// Accounts that the rule names are not active customers.
    #[error("unknown customers: {0}")]
    Unknown(Names),
    /// Recipients lack a value that the notice's placeholders need.
    #[error("recipients without a value: {0}")]
    Missing(Names),
    /// The notice that this one follows has no recipients that would stay.
    #[error("the notice that it follows was not released yet: it is {0}")]
    NotReleased(State),
    /// More customers than one person may release a notice of this category to.
    #[error("a notice to {customers} customers needs the approval of a second person")]
    SecondPerson {
        /// Customers selected.
        customers: u64,
    },
    /// The notice was cancelled, or another process took the release over.
    #[error("the release was stopped: the notice was cancelled or another process releases it")]
    Lost,
    /// Part of what was written is gone.
    #[error("the release was broken off: the database was restarted meanwhile and has not all of it")]
    Incomplete,
    /// Somebody was erased each time it was tried.
    #[error("the release was broken off: persons were erased while it was written")]
    Erased,
    /// What was read could not be kept until it is written.
    #[error("the audience cannot be kept in a temporary file: {0}")]
    Spool(std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AudienceError {
    /// True where it says nothing of the audience: the release is tried again after a while, and may succeed then.
    #[must_use]
    pub fn is_tried_again(&self) -> bool {
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

    /// Whether it may be over after a while without anybody doing anything here.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => error.may_pass(),
            other => other.is_tried_again(),
        }
    }

    /// As it may stand in a log: how many, and never who.
    #[must_use]
    pub fn for_logs(&self) -> String {
        match self {
            Self::Empty(_) => "the audience is empty".to_owned(),
            Self::Unknown(accounts) => format!("{} of the customers named are unknown", accounts.count),
            Self::Missing(recipients) => format!("{} values that recipients need are missing", recipients.count),
            Self::Store(error) => error.for_logs(),
            other => other.to_string(),
        }
    }
}

/// At most this many are named in an error.
const NAMED: usize = 20;

/// Names for an error: the first of them, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    first: Vec<String>,
    count: usize,
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
        names.into_iter().for_each(|name| all.add(|| name));
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
