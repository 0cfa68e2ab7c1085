//! All uncertain deliveries of a notice at once, page by page: sent again, or settled with one finding.

use serde::Serialize;
use uuid::Uuid;

use super::findings::Finding;
use super::resend::{Resent, Skipped};
use super::{Deliveries, DeliveryError};
use crate::domain::actor::{Action, Actor};
use crate::domain::delivery::State;
use crate::domain::page::PageRequest;
use crate::domain::right::Right;
use crate::notices::NoticeError;
use crate::store::notices::Kept;
use crate::store::people::subjects;
use crate::store::proof::tree;
use crate::store::sending::{deliveries, uncertain};
use crate::store::{Conn, notices};

/// A page of a notice's uncertain deliveries, after a finding about them was recorded.
#[derive(Clone, Debug, Serialize)]
pub struct Settled {
    /// Those that have the outcome now.
    pub settled: Vec<Uuid>,
    /// Those that have not.
    pub skipped: Vec<Skipped>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
}

/// A page of uncertain deliveries, locked.
struct Locked {
    notice: Kept,
    ids: Vec<Uuid>,
    next: Option<String>,
}

impl Deliveries {
    /// How many deliveries of a notice are uncertain.
    ///
    /// # Errors
    /// If there is no such notice, or the database fails.
    pub async fn doubts(&self, actor: &Actor, notice: &str) -> Result<u64, DeliveryError> {
        let notice = self.notices.named(actor, notice).await?;
        let counts = deliveries::maintained(&mut *self.context.store.read().await?, notice.id).await?;
        Ok(counts.get(&State::Uncertain).map_or(0, |count| u64::try_from(*count).unwrap_or(0)))
    }

    /// Puts a page of a notice's uncertain deliveries back into the queue, in one transaction. Call it with the cursor of the page
    /// before until there is none. Those that are sent again without an operator, and those to persons who were erased or opted out,
    /// are skipped.
    ///
    /// # Errors
    /// If the notice is not being sent, the cursor is not one of this list, or the database fails.
    pub async fn resend_uncertain(
        &self,
        actor: &Actor,
        notice: &str,
        request: &PageRequest,
    ) -> Result<Resent, DeliveryError> {
        let notice = self.notices.named(actor, notice).await?;
        actor.may(Right::Resend, notice.category)?;
        let mut tx = self.context.store.write().await?;
        let Locked { notice, ids, next } = lock(&mut tx, notice.id, request).await?;
        let mut page = Resent { resent: Vec::new(), skipped: Vec::new(), next };
        self.put_all_back(&mut tx, actor, (&notice, State::Uncertain.as_str()), &ids, &mut page).await?;
        tx.commit().await?;
        Ok(page)
    }

    /// Records one finding about a page of a notice's uncertain deliveries, in one transaction. Call it with the cursor of the page
    /// before until there is none.
    ///
    /// # Errors
    /// If the words are not one line each, there is no such notice, the cursor is not one of this list, or the database fails.
    pub async fn settle_uncertain(
        &self,
        actor: &Actor,
        notice: &str,
        finding: &Finding<'_>,
        request: &PageRequest,
    ) -> Result<Settled, DeliveryError> {
        finding.check()?;
        let notice = self.notices.named(actor, notice).await?;
        actor.may(Right::Report, notice.category)?;
        let mut tx = self.context.store.write().await?;
        let Locked { notice, ids, next } = lock(&mut tx, notice.id, request).await?;
        let mut page = Settled { settled: Vec::new(), skipped: Vec::new(), next };
        for id in ids {
            let Some(delivery) = deliveries::find(&mut tx, id).await? else { continue };
            if delivery.state != State::Uncertain {
                let (state, level) = (delivery.state, delivery.level);
                let why = DeliveryError::NotUncertain { id, state, level }.to_string();
                page.skipped.push(Skipped { id, why });
                continue;
            }
            let (outcome, words) = (finding.outcome(), finding.words());
            self.write(&mut tx, actor, (Action::Settle, &delivery, &notice), outcome, &words).await?;
            page.settled.push(id);
        }
        tx.commit().await?;
        Ok(page)
    }
}

/// The next uncertain deliveries of a notice, locked as one is: no claim, erasure or closing comes in between. A worker may have
/// ended one meanwhile.
async fn lock(conn: &mut Conn, notice: Uuid, request: &PageRequest) -> Result<Locked, DeliveryError> {
    let after = request.key::<Uuid>()?.map(|id| (notice, id));
    let doubts = uncertain::list(conn, Some(notice), after, request.limit).await?;
    let ids: Vec<Uuid> = doubts.iter().map(|doubt| doubt.id).collect();
    tree::lock_head(conn).await?;
    subjects::lock_queue(conn, &ids).await?;
    notices::lock(conn, notice).await?;
    let found = notices::find(conn, notice).await?;
    let notice = found.ok_or_else(|| DeliveryError::from(NoticeError::Unknown(notice.to_string())))?;
    let is_full = ids.len() == request.limit as usize;
    Ok(Locked { notice, next: ids.last().filter(|_| is_full).map(Uuid::to_string), ids })
}
