//! What is worked on now: notices that are being sent, those that wait for their time, those that wait for an approval, and what
//! customers were promised to hear.

use super::life::is_writer;
use super::{Kept, NoticeError, Notices};
use crate::domain::actor::Actor;
use crate::domain::page::First;
use crate::domain::right::Right;
use crate::store::notices::{self as kept, steps, work};
use crate::store::promises::{self, Promise};
use crate::store::visible::Visible;

/// Notices that are shown of each kind: more than a person reads.
const MOST: u32 = 50;

/// What customers were promised to hear of a matter.
#[derive(Clone, Debug)]
pub struct Promised {
    /// The promise.
    pub promise: Promise,
    /// The notice that made it.
    pub notice: Kept,
}

impl Notices {
    /// The first notices that are being released, or have deliveries that were not sent yet: those that go first before the others.
    ///
    /// # Errors
    /// If the actor reads no notices, or the database fails.
    pub async fn sending(&self, actor: &Actor) -> Result<First<Kept>, NoticeError> {
        actor.may_at_all(Right::Read)?;
        let mut conn = self.context.store.read().await?;
        Ok(First::of(work::sending(&mut conn, MOST + 1, visible(actor, Right::Read)).await?, MOST))
    }

    /// The first notices that are approved or scheduled and wait for their time, the next one first.
    ///
    /// # Errors
    /// If the actor reads no notices, or the database fails.
    pub async fn scheduled(&self, actor: &Actor) -> Result<First<Kept>, NoticeError> {
        actor.may_at_all(Right::Read)?;
        let mut conn = self.context.store.read().await?;
        Ok(First::of(work::scheduled(&mut conn, MOST + 1, visible(actor, Right::Read)).await?, MOST))
    }

    /// The first notices that were submitted and that the actor may approve, the oldest first. Those that the actor wrote are another
    /// person's.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn to_approve(&self, actor: &Actor) -> Result<First<Kept>, NoticeError> {
        if !actor.has(Right::Approve) {
            return Ok(First::default());
        }
        let visible = visible(actor, Right::Approve);
        let mut conn = self.context.store.read().await?;
        let (mut others, mut after) = (Vec::new(), None);
        // What the actor wrote does not count: the rest is looked at until there is enough.
        while others.len() <= MOST as usize {
            let page = work::submitted(&mut conn, after, MOST, visible).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for notice in page {
                if !is_writer(&steps::list(&mut conn, notice.id).await?, actor) {
                    others.push(notice);
                }
            }
        }
        Ok(First::of(others, MOST))
    }

    /// What customers were promised to hear and have not heard yet, the next one first.
    ///
    /// # Errors
    /// If the actor reads no notices, or the database fails.
    pub async fn promised(&self, actor: &Actor) -> Result<Vec<Promised>, NoticeError> {
        actor.may_at_all(Right::Read)?;
        let mut conn = self.context.store.read().await?;
        let mut found = Vec::new();
        for promise in promises::ahead(&mut conn, MOST).await? {
            let notice = kept::find(&mut conn, promise.notice_id).await?;
            if let Some(notice) = notice.filter(|it| actor.knows_of(it.category, it.released_at.is_some())) {
                found.push(Promised { promise, notice });
            }
        }
        found.sort_by_key(|it| (it.promise.due_at, it.notice.id));
        Ok(found)
    }
}

/// What an actor sees of the notices for which a role of the actor's has a right.
fn visible(actor: &Actor, right: Right) -> Visible {
    Visible { categories: actor.categories(right), sealed: actor.has(Right::ReadSealed) }
}
