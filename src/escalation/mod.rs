//! Making sure: a customer who must be informed and is not gets other roles addressed, and then a person gets a task.
//!
//! Everything is driven by what the database holds, so that it goes on where a process ended: the failures and arrivals that its
//! triggers noted, the cases of customers whose time has come, and the notices whose customers are to be looked at as a whole. Each
//! step is one transaction, which deletes or postpones what caused it. No step reads a notice that nothing happened to.
//!
//! One node works at a time, which saves work; the locks of each step keep two nodes from doing it twice.

mod customers;
mod error;
mod promises;
mod rows;
mod tasks;
mod whole;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use uuid::Uuid;

pub use crate::store::abouts::About;
pub use crate::store::tasks::Task;
pub use error::{EscalationError, TaskError};
pub use tasks::Tasks;

use crate::context::Context;
use crate::coverage::Coverage;
use crate::domain::notice::State;
use crate::store::notices::{self as kept, Kept};
use crate::store::{Conn, StoreError, escalations, promises as due_promises};
use customers::Who;

/// Customers that one transaction looks at.
const CHUNK: u32 = 500;

/// How long a notice rests that cannot be read.
const REST: SignedDuration = SignedDuration::from_hours(1);

/// The engine: a cheap handle, cloned freely.
#[derive(Clone)]
pub struct Escalation {
    context: Context,
    coverage: Coverage,
    /// This process, for the hold on the work.
    owner: Arc<str>,
    /// Held by a round, with the number of steps so far.
    round: Arc<Mutex<u64>>,
}

impl Escalation {
    /// The engine over these parts.
    #[must_use]
    pub fn new(context: Context, coverage: Coverage) -> Self {
        let owner = context.random.id(context.clock.now()).to_string().into();
        Self { context, coverage, owner, round: Arc::default() }
    }

    /// How many steps this process has taken; `None` while a round is under way.
    #[must_use]
    pub fn steps(&self) -> Option<u64> {
        self.round.try_lock().ok().map(|steps| *steps)
    }

    /// Does all that is due now. Returns false if there was nothing to do, or another node does it.
    ///
    /// # Errors
    /// If the database fails. What cannot be read is logged and rests.
    pub async fn round(&self) -> Result<bool, EscalationError> {
        let mut steps = self.round.lock().await;
        let mut worked = false;
        while let Some(step) = self.due().await? {
            if !self.hold().await? {
                return Ok(worked);
            }
            worked = true;
            *steps += 1;
            let (notice, promise) = (step.notice(), step.promise());
            match self.carry_out(step).await {
                Err(error) if !error.may_pass() => {
                    tracing::error!(%notice, error = error.for_logs(), "customers who are not informed cannot be escalated, retrying in an hour");
                    self.put_off(notice, promise).await?;
                }
                done => done?,
            }
        }
        Ok(worked)
    }

    /// Lets another node work at once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn let_go(&self) -> Result<(), StoreError> {
        let _round = self.round.lock().await;
        if !escalations::is_held_by(&mut *self.context.store.read().await?, &self.owner).await? {
            return Ok(());
        }
        let mut tx = self.context.store.write().await?;
        escalations::let_go(&mut tx, &self.owner).await?;
        Ok(tx.commit().await?)
    }

    /// The next step that is due.
    async fn due(&self) -> Result<Option<Step>, StoreError> {
        let mut conn = self.context.store.read().await?;
        let now = self.context.clock.now();
        // First: there are few of them, and events come without end while a large notice is sent.
        if let Some(promise) = due_promises::due(&mut conn, now).await? {
            return Ok(Some(Step::Promise(promise)));
        }
        if let Some((notice, events)) = escalations::events(&mut conn, CHUNK).await? {
            return Ok(Some(Step::Customers(notice, Who::OfEvents(events))));
        }
        if let Some((notice, accounts)) = escalations::due(&mut conn, now, CHUNK).await? {
            return Ok(Some(Step::Customers(notice, Who::These(accounts))));
        }
        Ok(escalations::due_watch(&mut conn, now).await?.map(Step::Whole))
    }

    async fn hold(&self) -> Result<bool, StoreError> {
        let mut tx = self.context.store.write().await?;
        let held = escalations::hold(&mut tx, &self.owner, self.context.clock.now()).await?;
        tx.commit().await?;
        Ok(held)
    }

    async fn carry_out(&self, step: Step) -> Result<(), EscalationError> {
        match step {
            Step::Customers(notice, who) => Ok(self.look(notice, who).await?),
            Step::Whole(watch) => self.look_at_all(watch).await,
            Step::Promise(promise) => Ok(self.look_at_promise(promise).await?),
        }
    }

    async fn put_off(&self, notice: Uuid, promise: Option<due_promises::Promise>) -> Result<(), StoreError> {
        let until = later(self.context.clock.now(), REST);
        let mut tx = self.context.store.write().await?;
        match promise {
            Some(promise) => due_promises::put_off(&mut tx, &promise, until).await?,
            None => escalations::put_off(&mut tx, notice, until).await?,
        }
        Ok(tx.commit().await?)
    }
}

/// Something to do.
enum Step {
    /// Look at customers of a notice.
    Customers(Uuid, Who),
    /// Look at a notice as a whole.
    Whole(escalations::Watch),
    /// Look at a promise.
    Promise(due_promises::Promise),
}

impl Step {
    const fn notice(&self) -> Uuid {
        match self {
            Self::Customers(notice, _) => *notice,
            Self::Whole(watch) => watch.notice_id,
            Self::Promise(promise) => promise.notice_id,
        }
    }

    const fn promise(&self) -> Option<due_promises::Promise> {
        match self {
            Self::Promise(promise) => Some(*promise),
            _ => None,
        }
    }
}

/// The notice, if its customers are still to be informed by it: it is released, and its persons are stored.
async fn watched(conn: &mut Conn, notice_id: Uuid) -> Result<Option<Kept>, StoreError> {
    if escalations::watched(conn, notice_id).await?.is_none() {
        return Ok(None);
    }
    let notice = kept::find(conn, notice_id).await?;
    Ok(notice.filter(|notice| matches!(notice.state, State::Released | State::Closed)))
}

/// A later time; at the end of time there is none.
fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}
