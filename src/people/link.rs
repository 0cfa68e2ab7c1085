//! Links: the page behind the unsubscribe link of optional notices. A link names one delivery and cannot be made up; it works for as
//! long as the delivery names its person, which is the retention of its category.
//!
//! Anyone with the mail can use the link, also if it was forwarded. So the page shows the address masked, opting out works always,
//! and opting in again is recorded as done by the link and limited to a few times an hour: each change is an entry of the ledger.

use jiff::SignedDuration;
use thiserror::Error;

use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::domain::category::Category;
use crate::domain::kind::Kind;
use crate::domain::locale::Locale;
use crate::domain::preference::{Source, Wish, optional};
use crate::mail::token::TokenKey;
use crate::people::preferences::apply;
use crate::store::people::preferences;
use crate::store::proof::ledger;
use crate::store::sending::deliveries;
use crate::store::{Conn, StoreError, notices};

/// Changes to the preferences of an address in an hour after which its links no longer opt in.
pub const CHANGES_AN_HOUR: u64 = 10;

/// The page of a link.
#[derive(Clone, Debug)]
pub struct LinkPage {
    /// The address, masked.
    pub masked: String,
    /// The person's language, if known.
    pub locale: Option<Locale>,
    /// All optional categories.
    pub choices: Vec<Choice>,
}

/// An optional category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The category.
    pub category: Category,
    /// True unless the person opted out of it.
    pub wanted: bool,
}

/// A request by a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkRequest {
    /// A mail program's: opt out of the category of the mail (RFC 8058).
    OneClick,
    /// The page's: these optional categories are wanted, and no others.
    Choose(Vec<Category>),
}

/// Why a link does not show or change anything.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The link was made up, or the delivery no longer names its person.
    #[error("this link is not valid")]
    Unknown,
    /// The preferences of the address were changed too often to opt in. What the request opts out of is recorded.
    #[error("the preferences of this address were changed {CHANGES_AN_HOUR} times within an hour")]
    TooOften,
    /// The database failed; nothing was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LinkError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Unknown => Kind::NotFound,
            Self::TooOften => Kind::Later,
            Self::Store(error) => error.kind(),
        }
    }
}

/// The service for links. Cheap to clone.
#[derive(Clone)]
pub struct Links {
    context: Context,
    key: TokenKey,
}

/// The address that a link's token names.
struct Addressee {
    address: Address,
    category: Category,
    locale: Option<Locale>,
}

impl Links {
    /// The service over a database, with the key of its links.
    #[must_use]
    pub const fn new(context: Context, key: TokenKey) -> Self {
        Self { context, key }
    }

    /// The page of a link. This changes nothing: link scanners follow every link.
    ///
    /// # Errors
    /// If the link is not valid, or the database fails.
    pub async fn page(&self, token: &str) -> Result<LinkPage, LinkError> {
        let mut conn = self.context.store.read().await?;
        let addressee = self.addressee(&mut conn, token).await?;
        Ok(page(&mut conn, addressee).await?)
    }

    /// Carries out a request and returns the page as it is then. A request that changes nothing, and one that is refused, writes
    /// nothing and waits for no writer.
    ///
    /// # Errors
    /// If the link is not valid, the request opts in and there were too many changes, or the database fails. What such a request
    /// opts out of is recorded all the same.
    pub async fn change(&self, actor: &Actor, token: &str, request: &LinkRequest) -> Result<LinkPage, LinkError> {
        let mut conn = self.context.store.read().await?;
        let addressee = self.addressee(&mut conn, token).await?;
        let (wanted, source): (Vec<(Category, bool)>, _) = match request {
            LinkRequest::OneClick => (vec![(addressee.category, true)], Source::OneClick),
            LinkRequest::Choose(wanted) => (optional().map(|it| (it, !wanted.contains(&it))).collect(), Source::Page),
        };
        // The link of a mandatory notice, which no mail carries, has nothing to opt out of.
        let wishes: Vec<Wish> =
            wanted.into_iter().filter_map(|(category, opted_out)| Wish::new(category, opted_out).ok()).collect();
        let (mut changes, mut refused) = self.changes(&mut conn, &addressee.address, &wishes).await?;
        drop(conn);
        if !changes.is_empty() {
            let mut tx = self.context.store.write().await?;
            // Again: requests at the same time have read the same.
            (changes, refused) = self.changes(&mut tx, &addressee.address, &wishes).await?;
            if apply(&self.context, &mut tx, actor, &addressee.address, &changes, source).await? > 0 {
                tx.commit().await.map_err(StoreError::from)?;
            }
        }
        if refused {
            return Err(LinkError::TooOften);
        }
        Ok(page(&mut *self.context.store.read().await?, addressee).await?)
    }

    /// The wishes that change something, and whether those to opt in were left out since there were too many changes. Opting out is
    /// not limited: there are no more of them than opt-ins.
    async fn changes(
        &self,
        conn: &mut Conn,
        address: &Address,
        wishes: &[Wish],
    ) -> Result<(Vec<Wish>, bool), StoreError> {
        let opt_outs = preferences::of_address(conn, &address.key()).await?;
        let differs =
            |wish: &&Wish| wish.opted_out() != opt_outs.iter().any(|opt_out| opt_out.category == wish.category());
        let mut changes: Vec<Wish> = wishes.iter().filter(differs).copied().collect();
        if changes.iter().all(|wish| wish.opted_out()) {
            return Ok((changes, false));
        }
        let since = self.context.clock.now().saturating_sub(SignedDuration::from_hours(1)).unwrap_or_default();
        let refused = ledger::preference_changes(conn, &address.key(), since).await? >= CHANGES_AN_HOUR;
        if refused {
            changes.retain(|wish| wish.opted_out());
        }
        Ok((changes, refused))
    }

    async fn addressee(&self, conn: &mut Conn, token: &str) -> Result<Addressee, LinkError> {
        let id = self.key.read_link(token).ok_or(LinkError::Unknown)?;
        let delivery = deliveries::find(conn, id).await?.ok_or(LinkError::Unknown)?;
        let notice = notices::find(conn, delivery.notice_id).await?.ok_or(LinkError::Unknown)?;
        let to = deliveries::to_send(conn, &[id.to_string()]).await?.pop();
        let to = to.ok_or(LinkError::Unknown)?;
        Ok(Addressee { address: to.email, category: notice.category, locale: to.locale })
    }
}

async fn page(conn: &mut Conn, addressee: Addressee) -> Result<LinkPage, StoreError> {
    let opt_outs = preferences::of_address(conn, &addressee.address.key()).await?;
    let wanted = |category| !opt_outs.iter().any(|it| it.category == category);
    Ok(LinkPage {
        masked: addressee.address.masked(),
        locale: addressee.locale,
        choices: optional().map(|category| Choice { category, wanted: wanted(category) }).collect(),
    })
}
