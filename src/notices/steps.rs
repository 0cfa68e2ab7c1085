//! The record of the steps on a notice: a row for its readers, and an entry in the ledger.

use super::{NoticeError, Notices};
use crate::domain::actor::{Action, Actor};
use crate::domain::notice::writers::REFUSED;
use crate::domain::notice::{State, Step};
use crate::domain::problem::{LineError, check_line};
use crate::domain::task::TaskKind;
use crate::domain::webhook::HookEvent;
use crate::ledger::operated::{self, Operation};
use crate::store::notices::steps::Done;
use crate::store::notices::{self as kept, Kept};
use crate::store::webhooks::facts;
use crate::store::{Conn, StoreError, tasks};

/// The state after a step, if the step is possible.
pub(super) fn possible(notice: &Kept, step: Step) -> Result<State, NoticeError> {
    notice.state.after(step).ok_or(NoticeError::Impossible { step, state: notice.state })
}

/// Refuses a notice whose content is not what was read, if that is known.
pub(super) fn is_read(notice: &Kept, read: Option<[u8; 32]>) -> Result<(), NoticeError> {
    if read.is_none_or(|digest| digest == notice.digest) { Ok(()) } else { Err(NoticeError::Changed) }
}

/// The action that a step is in the ledger.
const fn action(step: Step) -> Action {
    match step {
        Step::Create => Action::Create,
        Step::Edit => Action::Edit,
        Step::Submit => Action::Submit,
        Step::Approve => Action::Approve,
        Step::Decline => Action::Decline,
        Step::Release => Action::Release,
        Step::Pause => Action::Pause,
        Step::Resume => Action::Resume,
        Step::Cancel => Action::Cancel,
        Step::Close => Action::Close,
    }
}

/// The longest reason, in bytes.
const LONGEST_REASON: usize = 1000;

/// Refuses a reason that is not one line.
pub(super) fn check_reason(reason: Option<&str>) -> Result<(), LineError> {
    reason.map_or(Ok(()), |reason| check_line("reason", reason, LONGEST_REASON))
}

impl Notices {
    /// Takes a step that changes nothing but the state, and records it.
    pub(super) async fn step(
        &self,
        conn: &mut Conn,
        notice: &Kept,
        step: Step,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<(), NoticeError> {
        let to = possible(notice, step)?;
        if !kept::set_state(conn, notice.id, notice.state, to).await? {
            return Err(NoticeError::Conflict);
        }
        self.record(conn, notice, step, actor, reason).await
    }

    /// Records a step that was taken, in the transaction that takes it.
    pub(super) async fn record(
        &self,
        conn: &mut Conn,
        notice: &Kept,
        step: Step,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<(), NoticeError> {
        self.record_as(conn, notice, (step, action(step)), actor, reason).await
    }

    /// Records a step whose action has another name in the ledger.
    pub(super) async fn record_as(
        &self,
        conn: &mut Conn,
        notice: &Kept,
        (step, action): (Step, Action),
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<(), NoticeError> {
        check_reason(reason)?;
        let Self { context, .. } = self;
        self.note(conn, notice, step, actor, reason).await?;
        if matches!(step, Step::Submit | Step::Decline | Step::Cancel) {
            tasks::close_all(conn, TaskKind::Draft, notice.id, context.clock.now()).await?;
        }
        let event = match step {
            Step::Submit => Some(HookEvent::NoticeSubmitted),
            Step::Approve => Some(HookEvent::NoticeApproved),
            _ => None,
        };
        if let Some(event) = event {
            facts::note_notice(conn, event, notice.id, context.clock.now()).await?;
        }
        let operation = Operation::on_notice(action, notice).reason(reason.unwrap_or_default());
        Ok(operated::record(conn, actor, &operation, context.clock.now(), &context.random).await?)
    }

    /// Notes a step that was refused: nothing but its row is stored.
    pub(super) async fn refused(
        &self,
        conn: &mut Conn,
        notice: &Kept,
        step: Step,
        actor: &Actor,
        why: &str,
    ) -> Result<(), StoreError> {
        self.note(conn, notice, step, actor, Some(&format!("{REFUSED}{why}"))).await
    }

    async fn note(
        &self,
        conn: &mut Conn,
        notice: &Kept,
        step: Step,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        let at = self.context.clock.now();
        let done = Done { step, operator: actor.name().to_owned(), reason: reason.map(str::to_owned), at };
        kept::steps::insert(conn, self.context.random.id(at), notice.id, &done).await
    }
}
