//! Promises of notices: some time before one is due a person gets a task, and from its time on it is overdue. A notice that keeps it
//! closes the task, or a person with a note.

use super::Escalation;
use crate::domain::clock::shown;
use crate::domain::notice::State as NoticeState;
use crate::domain::promise::{PromiseKind, State};
use crate::domain::task::TaskKind;
use crate::store::promises::Promise;
use crate::store::tasks::NewTask;
use crate::store::{StoreError, notices, promises, tasks};

impl Escalation {
    /// Opens the task of a promise that is due soon, and notes one whose time has come.
    pub(super) async fn look_at_promise(&self, promise: Promise) -> Result<(), StoreError> {
        let now = self.context.clock.now();
        let is_over = promise.due_at <= now;
        let (to, look_at) = if is_over { (State::Overdue, None) } else { (State::Open, Some(promise.due_at)) };
        let mut tx = self.context.store.write().await?;
        if !promises::set_state(&mut tx, &promise, to, look_at).await? {
            // A notice has kept it meanwhile.
            return Ok(());
        }
        let notice = notices::find(&mut tx, promise.notice_id).await?;
        let is_cancelled = notice.is_some_and(|notice| notice.state == NoticeState::Cancelled);
        let reason = reason(promise.kind, &shown(promise.due_at), is_cancelled);
        let task = NewTask {
            id: self.context.random.id(now),
            kind: TaskKind::Promise,
            notice_id: Some(promise.notice_id),
            account_id: None,
            delivery_id: None,
            inbound_id: None,
            reason: &reason,
            at: now,
            deadline: Some(promise.due_at),
        };
        tasks::open(&mut tx, &task).await?;
        tx.commit().await?;
        let (notice, kind, due) = (promise.notice_id, promise.kind.as_str(), shown(promise.due_at));
        if is_over {
            tracing::warn!(%notice, kind, due, "customers were promised news of the matter, and its time has passed");
        } else {
            tracing::info!(%notice, kind, due, "customers were promised news of the matter: a person has a task");
        }
        Ok(())
    }
}

/// What a person must do. A notice that is cancelled and whose promise stands is one that some customers got.
fn reason(kind: PromiseKind, due: &str, is_cancelled: bool) -> String {
    let what = match kind {
        PromiseKind::Update => {
            format!("the notice promises an update by {due}: release one, or settle this with a note")
        }
        PromiseKind::Completion => {
            format!(
                "the window ends at {due}: release a notice with the phase `completed` or a new window, or settle this with a note"
            )
        }
        PromiseKind::Stage => {
            format!("customers must hear of the breach again by {due}: release an update, or settle this with a note")
        }
    };
    if is_cancelled { format!("{what}; the notice was cancelled after some customers had got it") } else { what }
}
