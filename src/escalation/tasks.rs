//! Tasks as people see them: listed, shown, done with a note.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{About, Task, TaskError};
use crate::context::Context;
use crate::domain::actor::{Action, Actor};
use crate::domain::category_set::CategorySet;
use crate::domain::escalation::State as CaseState;
use crate::domain::page::{First, Page, PageRequest};
use crate::domain::problem::check_line;
use crate::domain::right::Right;
use crate::domain::task::{State, TaskKind};
use crate::ledger::operated::{self, Operation};
use crate::people::mask::mask_words;
use crate::store::visible::Visible;
use crate::store::{Conn, StoreError, abouts, escalations, notices, promises, tasks};

/// The longest note, in bytes.
const LONGEST: usize = 1000;

/// The service: a cheap handle, cloned freely.
#[derive(Clone)]
pub struct Tasks {
    context: Context,
}

impl Tasks {
    /// The service over a database.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// A page of the tasks that the actor may do or checks, and of those about no notice, the newest first; only open ones with `open`.
    /// Restricted addresses in notes are masked.
    ///
    /// # Errors
    /// If the cursor is not one of this list, or the database fails.
    pub async fn list(&self, actor: &Actor, open: bool, request: &PageRequest) -> Result<Page<Task>, TaskError> {
        let before = request.key::<Uuid>()?;
        let mut conn = self.context.store.read().await?;
        let sees = actor.has(Right::SeeOneCustomer);
        let mut rows = tasks::list(&mut conn, open, before, request.to_read(), visible(actor)).await?;
        mask_words(&mut conn, sees, rows.iter_mut().filter_map(|task| task.note.as_mut())).await?;
        Ok(Page::of(rows, request, |task| task.id.to_string()))
    }

    /// The first `most` of the open tasks that the actor may do or checks, and of those about no notice: those with the next deadlines
    /// first. Restricted addresses in notes are masked.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next_due(&self, actor: &Actor, most: u32) -> Result<First<Task>, TaskError> {
        let mut conn = self.context.store.read().await?;
        let mut rows = tasks::next_due(&mut conn, most.saturating_add(1), visible(actor)).await?;
        let sees = actor.has(Right::SeeOneCustomer);
        mask_words(&mut conn, sees, rows.iter_mut().filter_map(|task| task.note.as_mut())).await?;
        Ok(First::of(rows, most))
    }

    /// Those of some tasks that the actor may open.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn seen(&self, actor: &Actor, of: Vec<Task>) -> Result<Vec<Task>, TaskError> {
        let mut seen = Vec::new();
        for task in of {
            match self.find(actor, task.id).await {
                Ok(_) => seen.push(task),
                Err(TaskError::Unknown(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(seen)
    }

    /// What some tasks are about, in words, by their ids: for those that the actor was shown.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn abouts(&self, shown: &[Task]) -> Result<BTreeMap<Uuid, About>, TaskError> {
        let ids: Vec<Uuid> = shown.iter().map(|task| task.id).collect();
        Ok(abouts::of_tasks(&mut *self.context.store.read().await?, &ids).await?)
    }

    /// Returns a task. Restricted addresses in its note are masked.
    ///
    /// # Errors
    /// If there is no such task, or the database fails.
    pub async fn find(&self, actor: &Actor, id: Uuid) -> Result<Task, TaskError> {
        let mut conn = self.context.store.read().await?;
        let mut task = tasks::find(&mut conn, id).await?.ok_or(TaskError::Unknown(id))?;
        let notice = notice_of(&mut conn, &task).await?;
        let sees = |it: &notices::Kept| {
            seen_by(actor).contains(it.category) && actor.knows_of(it.category, it.released_at.is_some())
        };
        if notice.is_some_and(|it| !sees(&it)) {
            return Err(TaskError::Unknown(id));
        }
        mask_words(&mut conn, actor.has(Right::SeeOneCustomer), task.note.iter_mut()).await?;
        Ok(task)
    }

    /// Closes a task with a note of what was done. That a customer is not informed is then settled: no further task about it is opened
    /// for that notice. The same person and note again change nothing.
    ///
    /// # Errors
    /// If the note is not one line, or there is no such task, or it is closed already.
    pub async fn done(&self, actor: &Actor, id: Uuid, note: &str) -> Result<Task, TaskError> {
        check_line("note", note, LONGEST)?;
        let (at, random) = (self.context.clock.now(), &self.context.random);
        let mut tx = self.context.store.write().await?;
        let found = tasks::find(&mut tx, id).await?.ok_or(TaskError::Unknown(id))?;
        let notice = notice_of(&mut tx, &found).await?;
        match &notice {
            Some(notice) if !actor.knows_of(notice.category, notice.released_at.is_some()) => {
                return Err(TaskError::Unknown(id));
            }
            Some(notice) => actor.may(Right::DoTasks, notice.category)?,
            // About the technical side: an admin's, who has no notices.
            None if actor.has(Right::Inbound) => {}
            None => actor.may_at_all(Right::DoTasks)?,
        }
        // Before the task, as whoever looks at promises locks the two.
        if let (TaskKind::Promise, Some(notice), Some(due_at)) = (found.kind, &notice, found.deadline) {
            promises::settle(&mut tx, notice.id, notice.matter_id, due_at).await?;
        }
        let is_open = tasks::done(&mut tx, id, (actor.name(), note), at).await?;
        let task = tasks::find(&mut tx, id).await?.ok_or(TaskError::Unknown(id))?;
        if !is_open {
            let same = task.done_by.as_deref() == Some(actor.name()) && task.note.as_deref() == Some(note);
            let at = task.done_at.unwrap_or(at);
            return if same { Ok(task) } else { Err(TaskError::Done { id, at, by: task.done_by }) };
        }
        debug_assert_eq!(task.state, State::Done);
        let account = task.account_id.as_deref().unwrap_or_default();
        if let (TaskKind::NotInformed, Some(notice)) = (task.kind, &notice) {
            escalations::end(&mut tx, notice.id, account, CaseState::Settled).await?;
        }
        let operation = Operation::new(Action::DoTask);
        let operation = notice.as_ref().map_or(operation, |notice| Operation::on_notice(Action::DoTask, notice));
        let operation = operation.object(id).account(account).reason(note);
        operated::record(&mut tx, actor, &operation, at, random).await?;
        tx.commit().await?;
        Ok(task)
    }
}

/// The categories whose tasks an actor sees: those that a role of the actor's does, and all for one that checks what others did.
fn seen_by(actor: &Actor) -> CategorySet {
    if actor.has(Right::ReadAudit) { CategorySet::ALL } else { actor.categories(Right::DoTasks) }
}

/// The tasks that an actor sees.
fn visible(actor: &Actor) -> Visible {
    Visible { categories: seen_by(actor), sealed: actor.has(Right::ReadSealed) }
}

/// The notice that a task is about, if it is about one.
async fn notice_of(conn: &mut Conn, task: &Task) -> Result<Option<notices::Kept>, StoreError> {
    match task.notice_id {
        Some(notice) => notices::find(conn, notice).await,
        None => Ok(None),
    }
}
