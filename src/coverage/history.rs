//! Everything that a customer was sent, or should have been, by time.

use std::str::FromStr;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Coverage, CoverageError, InformedNotice};
use crate::domain::actor::Actor;
use crate::domain::clock::from_millis;
use crate::domain::page::{Page, PageRequest};
use crate::domain::right::Right;
use crate::store::notices::work;
use crate::store::people::customers;

/// The place of a notice in the list: when it was released, and its id.
struct Place(Timestamp, Uuid);

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once('.').ok_or(())?;
        Ok(Self(from_millis(at.parse().map_err(drop)?), id.parse().map_err(drop)?))
    }
}

impl Coverage {
    /// A page of the notices that address a customer, the last one first, each with the answer for this customer. Addresses are masked
    /// that the actor may not see.
    ///
    /// # Errors
    /// If there is no such customer and no notice to one, the cursor is not one of this list, or the database fails.
    pub async fn history(
        &self,
        actor: &Actor,
        account_id: &str,
        request: &PageRequest,
    ) -> Result<Page<InformedNotice>, CoverageError> {
        actor.may_at_all(Right::Read)?;
        let before = request.key::<Place>()?.map(|Place(at, id)| (at, id));
        let mut conn = self.context.store.snapshot().await?;
        let found = work::to_customer(&mut conn, account_id, before, request.to_read()).await?;
        if found.is_empty() && before.is_none() && customers::find(&mut conn, account_id).await?.is_none() {
            return Err(CoverageError::UnknownCustomer(account_id.to_owned()));
        }
        let place = |it: &crate::store::notices::Kept| {
            format!("{}.{}", it.released_at.unwrap_or(it.created_at).as_millisecond(), it.id)
        };
        let page = Page::of(found, request, place);
        let mut answers = Vec::with_capacity(page.items.len());
        for notice in &page.items {
            let sees = actor.sees_addresses_of_one(notice.category);
            answers.push(self.informed_by(&mut conn, (account_id, sees), notice).await?);
        }
        Ok(Page { items: answers, next: page.next })
    }
}
