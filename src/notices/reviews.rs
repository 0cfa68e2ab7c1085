//! What was read of a notice before it was changed: who decides again compares.

use super::{NoticeError, Notices};
use crate::domain::actor::Actor;
use crate::domain::notice::{State, Step};
use crate::store::notices::Kept;
use crate::store::notices::reviews::{self, Review};
use crate::store::{Conn, StoreError};

impl Notices {
    /// What the actor read of an unreleased notice when they last decided about it; else what the last other person read, or what was
    /// submitted first. `None` if it was submitted once at most.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn reviewed(&self, actor: &Actor, notice: &Kept) -> Result<Option<Review>, NoticeError> {
        if notice.released_at.is_some() {
            return Ok(None);
        }
        let mut all = reviews::of_notice(&mut *self.context.store.read().await?, notice.id).await?;
        let own = all.iter().position(|it| actor.is_named(&it.operator)).unwrap_or(0);
        Ok((own < all.len()).then(|| all.swap_remove(own)))
    }

    /// Notes what somebody read who decided, in the transaction of the decision.
    pub(super) async fn note_review(
        &self,
        conn: &mut Conn,
        notice: &Kept,
        (operator, step): (&str, Step),
    ) -> Result<(), StoreError> {
        let review = Review {
            operator: operator.to_owned(),
            step,
            source: notice.source.clone(),
            digest: notice.digest,
            at: self.context.clock.now(),
        };
        reviews::keep(conn, notice.id, &review).await
    }

    /// Notes what was submitted of a notice that is replaced before anybody has decided about it.
    pub(super) async fn note_replaced(&self, conn: &mut Conn, notice: &Kept) -> Result<(), StoreError> {
        if notice.state == State::Draft || !reviews::of_notice(conn, notice.id).await?.is_empty() {
            return Ok(());
        }
        self.note_review(conn, notice, ("", Step::Submit)).await
    }
}
