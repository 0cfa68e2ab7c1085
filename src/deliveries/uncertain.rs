//! The list of uncertain deliveries, for the operator who decides about them.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use uuid::Uuid;

use super::{Deliveries, DeliveryError, Doubt};
use crate::domain::actor::Actor;
use crate::domain::page::{Page, PageRequest};
use crate::domain::right::Right;
use crate::people::mask::Mask;
use crate::store::notices;
use crate::store::sending::uncertain;

/// The place of a delivery in the list: its notice and its id.
struct Place(Uuid, Uuid);

impl FromStr for Place {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (notice, id) = text.split_once('.').unwrap_or((text, ""));
        Ok(Self(notice.parse()?, id.parse()?))
    }
}

impl Deliveries {
    /// Returns a page of the uncertain deliveries, of all notices or of one. Restricted addresses are masked.
    ///
    /// # Errors
    /// If there is no such notice, the cursor is not one of this list, or the database fails.
    pub async fn uncertain(
        &self,
        actor: &Actor,
        notice: Option<&str>,
        request: &PageRequest,
    ) -> Result<Page<Doubt>, DeliveryError> {
        actor.may_at_all(Right::Read)?;
        let notice = match notice {
            Some(name) => Some(self.notices.named(actor, name).await?.id),
            None => None,
        };
        let after = request.key::<Place>()?.map(|Place(notice, id)| (notice, id));
        let mut conn = self.context.store.snapshot().await?;
        let doubts = uncertain::list(&mut conn, notice, after, request.to_read()).await?;
        let mask = Mask::of(&mut conn, true, doubts.iter().map(|it| it.email.as_str())).await?;
        let blind = Mask::of(&mut conn, false, []).await?;
        let mut seen = BTreeMap::new();
        for notice in doubts.iter().map(|it| it.notice).collect::<BTreeSet<_>>() {
            let category = notices::find(&mut conn, notice).await?.map(|it| it.category);
            seen.insert(notice, category.is_some_and(|category| actor.sees_addresses(category)));
        }
        let page = Page::of(doubts, request, |doubt| format!("{}.{}", doubt.notice, doubt.id));
        Ok(page.map(|mut doubt| {
            let mask = if seen.get(&doubt.notice) == Some(&true) { &mask } else { &blind };
            doubt.reply = doubt.reply.map(|reply| mask.text(&doubt.email, &reply));
            doubt.email = mask.address(&doubt.email);
            doubt
        }))
    }
}
