//! What somebody means who asks about a customer or a notice with a few letters: an account, a name, an address or a reference.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{App, StoreError};
use crate::coverage::CoverageError;
use crate::deliveries::{DeliveryError, Wanted};
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::domain::kind::Kind;
use crate::domain::page::PageRequest;
use crate::domain::right::{Forbidden, Right};
use crate::notices::{Filter, Kept, NoticeError};
use crate::people::customers::{CustomerError, Listed};

/// The most that are offered of each.
const OFFERED: u32 = 20;

/// The most pages of a search that are looked through for them.
const PAGES: usize = 3;

/// Why it is not known what is meant.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Customers could not be read.
    #[error(transparent)]
    Customer(#[from] CustomerError),
    /// Notices could not be read.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// What a customer was sent could not be read.
    #[error(transparent)]
    Coverage(#[from] CoverageError),
    /// Deliveries could not be read.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What may be meant.
#[derive(Clone, Debug, Default)]
pub struct Meant {
    /// The customer with this very account id, whether it is served today or not.
    pub account: Option<String>,
    /// Customers whose account, name or address contains the words.
    pub customers: Vec<Listed>,
    /// There are more of those.
    pub more: bool,
    /// Accounts at which the address was written to, also those that do not have it any more.
    pub written_to: Vec<String>,
    /// Notices with this id or reference, the newest first.
    pub notices: Vec<Kept>,
}

impl Meant {
    /// The one customer that is meant, if nothing else can be.
    #[must_use]
    pub fn only(&self) -> Option<&str> {
        if let Some(account) = &self.account {
            return Some(account);
        }
        if self.more {
            return None;
        }
        let mut accounts: BTreeSet<&str> = self.customers.iter().map(|it| it.account_id.as_str()).collect();
        accounts.extend(self.written_to.iter().map(String::as_str));
        let first = accounts.pop_first()?;
        (accounts.is_empty() && self.notices.is_empty()).then_some(first)
    }

    /// True if there is nothing that could be meant.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        !self.more
            && self.account.is_none()
            && self.customers.is_empty()
            && self.written_to.is_empty()
            && self.notices.is_empty()
    }
}

impl App {
    /// What somebody may mean by these words. Addresses are looked for only for those who see them.
    ///
    /// # Errors
    /// If the actor reads no notices, or the database fails.
    pub async fn meant(&self, actor: &Actor, words: &str) -> Result<Meant, AskError> {
        actor.may_at_all(Right::Read)?;
        let mut meant = Meant::default();
        if words.is_empty() {
            return Ok(meant);
        }
        let request = PageRequest { after: None, limit: OFFERED };
        let known = self.coverage.history(actor, words, &PageRequest { after: None, limit: 1 }).await;
        meant.account = match known {
            Ok(_) => Some(words.to_owned()),
            Err(error) if error.kind() == Kind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        if meant.account.is_some() {
            // What else has these letters in it is not looked for: nothing else is meant, and it takes seconds among a million.
            return Ok(meant);
        }
        if actor.has(Right::ReadCustomers) {
            let mut request = request.clone();
            // A page may be short: what fits is rare among what begins as it does.
            for _ in 0..PAGES {
                let found = self.customers.search(actor, words, &request).await?;
                meant.customers.extend(found.items);
                meant.more = found.next.is_some();
                request.after = found.next;
                if !meant.more || meant.customers.len() >= OFFERED as usize {
                    break;
                }
            }
        }
        if let (Ok(address), true) = (Address::parse(words), actor.has(Right::SeeOneCustomer)) {
            let wanted = Wanted { email: Some(&address), ..Wanted::default() };
            let found = self.deliveries.list(actor, &wanted, &PageRequest { limit: 200, ..request.clone() }).await?;
            let accounts: BTreeSet<String> = found.items.into_iter().map(|it| it.account_id).collect();
            meant.written_to = accounts.into_iter().collect();
            meant.written_to.retain(|account| meant.customers.iter().all(|it| it.account_id != *account));
        }
        meant.notices = self.meant_notices(actor, words, &request).await?;
        Ok(meant)
    }

    async fn meant_notices(&self, actor: &Actor, words: &str, request: &PageRequest) -> Result<Vec<Kept>, AskError> {
        if let Ok(id) = words.parse::<Uuid>() {
            return match self.notices.find(actor, id).await {
                Ok(notice) => Ok(vec![notice]),
                Err(NoticeError::Unknown(_)) => Ok(Vec::new()),
                Err(error) => Err(error.into()),
            };
        }
        let filter = Filter { reference: Some(words), ..Filter::default() };
        Ok(self.notices.list(actor, &filter, request).await?.items)
    }
}
