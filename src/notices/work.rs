//! What is worked on now: notices that are being sent, those that wait for their time, those that wait for an approval, and what
//! customers were promised to hear.

use super::life::is_writer;
use super::{Kept, NoticeError, Notices};
use crate::domain::actor::Actor;
use crate::domain::notice::State;
use crate::domain::right::Right;
use crate::store::notices::{self as kept, steps, work};
use crate::store::promises::{self, Promise};

/// Notices that are looked at of each kind: more wait than a person reads.
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
    /// Notices that are scheduled, being released or being sent: the first [`MOST`], those that go first before the others.
    ///
    /// # Errors
    /// If the actor reads no notices, or the database fails.
    pub async fn under_way(&self, actor: &Actor) -> Result<Vec<Kept>, NoticeError> {
        actor.may_at_all(Right::Read)?;
        let mut found = work::under_way(&mut *self.context.store.read().await?, MOST).await?;
        found.retain(|it| actor.knows_of(it.category, it.released_at.is_some()));
        Ok(found)
    }

    /// Notices that are approved or scheduled and wait for their time, the next one first.
    ///
    /// # Errors
    /// If the actor reads no notices, or the database fails.
    pub async fn scheduled(&self, actor: &Actor) -> Result<Vec<Kept>, NoticeError> {
        actor.may_at_all(Right::Read)?;
        let mut conn = self.context.store.read().await?;
        let mut found = work::under_way(&mut conn, MOST).await?;
        found.extend(work::awaiting(&mut conn, MOST).await?);
        let waits = |it: &Kept| matches!(it.state, State::Approved | State::Scheduled) && it.send_at.is_some();
        found.retain(|it| waits(it) && actor.knows_of(it.category, it.released_at.is_some()));
        found.sort_by_key(|it| (it.send_at, it.id));
        Ok(found)
    }

    /// Notices that were submitted and that the actor may approve, the oldest first. Those that the actor wrote are another person's.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn to_approve(&self, actor: &Actor) -> Result<Vec<Kept>, NoticeError> {
        if !actor.has(Right::Approve) {
            return Ok(Vec::new());
        }
        let mut conn = self.context.store.read().await?;
        let mut found = work::awaiting(&mut conn, MOST).await?;
        found.retain(|it| it.state == State::Submitted && actor.may(Right::Approve, it.category).is_ok());
        found.retain(|it| actor.knows_of(it.category, false));
        let mut others = Vec::with_capacity(found.len());
        for notice in found {
            if !is_writer(&steps::list(&mut conn, notice.id).await?, actor) {
                others.push(notice);
            }
        }
        Ok(others)
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
