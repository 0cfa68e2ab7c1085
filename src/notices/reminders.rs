//! Reminders of maintenances, made by the dispatcher: a notice of its own for each, which follows the one that announced the window and
//! goes to the customers of that one, addressed afresh.

use uuid::Uuid;

use super::{Draft, NoticeError, Notices, find};
use crate::audience;
use crate::domain::actor::{Action, Actor};
use crate::domain::clock::shown;
use crate::domain::notice::{State, Step};
use crate::domain::problem::Problems;
use crate::domain::reminder::{Before, State as ReminderState};
use crate::domain::structured::structure;
use crate::store::notices::reminders::{self, Reminder};
use crate::store::notices::{self as kept, Kept};
use crate::store::sending::queue;

/// Reminders that are looked at in one round.
const AT_ONCE: u32 = 20;

/// Who makes reminders.
fn maker() -> Actor {
    Actor::system("reminder")
}

impl Notices {
    /// Makes some of the reminders that are due, and ends some of those whose window has begun. What cannot be made is dropped, which is
    /// logged. Returns true if there were any: there may be more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn remind(&self) -> Result<bool, NoticeError> {
        let due = reminders::due(&mut *self.context.store.read().await?, self.context.clock.now(), AT_ONCE).await?;
        let worked = !due.is_empty();
        for reminder in due {
            let done = match (reminder.state, reminder.reminder_id) {
                (ReminderState::Made, Some(id)) => self.end_reminder(id, "the window has begun").await,
                _ => self.make_reminder(&reminder).await,
            };
            match done {
                // One that this version cannot read must not stop all others.
                Err(error) if !error.may_pass() => self.drop_reminder(&reminder, &error.for_logs()).await?,
                done => done?,
            }
        }
        Ok(worked)
    }

    /// Ends the notice of a reminder whose time is over, before its release too. Returns false if it is in time, or no reminder.
    pub(super) async fn ends_late_reminder(&self, id: Uuid) -> Result<bool, NoticeError> {
        let reminder = reminders::of_notice(&mut *self.context.store.read().await?, id).await?;
        let now = self.context.clock.now();
        let is_late = reminder.is_some_and(|it| it.before.is_late(it.window_start, now));
        if is_late {
            tracing::warn!(notice = %id, "a reminder is not sent: its time has passed");
            self.end_reminder(id, "its time has passed").await?;
        }
        Ok(is_late)
    }

    /// Cancels what was not sent of a reminder. An errand takes it out of the queue.
    async fn end_reminder(&self, id: Uuid, why: &str) -> Result<(), NoticeError> {
        let now = self.context.clock.now();
        let mut tx = self.context.store.write().await?;
        kept::lock(&mut tx, id).await?;
        let notice = find(&mut tx, id).await?;
        let cancelled = audience::cancel(&self.context, &mut tx, (&notice, &maker(), why), now).await?;
        let is_cut_off = cancelled && notice.released_at.is_some() && queue::holds(&mut tx, id).await?;
        if let Some(reminder) = reminders::of_notice(&mut tx, id).await? {
            reminders::set_state(&mut tx, &reminder, ReminderState::Done, None).await?;
        }
        tx.commit().await?;
        if is_cut_off {
            tracing::warn!(notice = %id, why, "a reminder is not sent to those who still wait for it");
        }
        Ok(())
    }

    async fn drop_reminder(&self, reminder: &Reminder, why: &str) -> Result<(), NoticeError> {
        let mut tx = self.context.store.write().await?;
        let dropped = reminders::set_state(&mut tx, reminder, ReminderState::Dropped, None).await?;
        tx.commit().await?;
        if dropped {
            let (notice, before) = (reminder.notice_id, reminder.before);
            tracing::warn!(%notice, %before, why, "a reminder is not sent");
        }
        Ok(())
    }

    async fn make_reminder(&self, reminder: &Reminder) -> Result<(), NoticeError> {
        let now = self.context.clock.now();
        if reminder.before.is_late(reminder.window_start, now) {
            return self.drop_reminder(reminder, "its time has passed: no dispatcher ran then").await;
        }
        let base = find(&mut *self.context.store.read().await?, reminder.notice_id).await?;
        if base.state == State::Cancelled {
            return self.drop_reminder(reminder, "the notice that announced the window was cancelled").await;
        }
        let Ok(draft) = draft(&base, reminder.before) else {
            return self.drop_reminder(reminder, "no notice can be made of the one that announced the window").await;
        };
        let Ok(subject) = self.subject(&draft.notice) else {
            return self.drop_reminder(reminder, "its notice cannot be rendered").await;
        };
        let Some(id) = self.store_reminder(reminder, &base, &draft, &subject).await? else { return Ok(()) };
        let (notice, before) = (reminder.notice_id, reminder.before);
        tracing::info!(reminder = %id, %notice, %before, "made a reminder");
        Ok(())
    }

    /// Stores the notice of a reminder as a scheduled one, and that it is made: one transaction, so that it is never made twice.
    async fn store_reminder(
        &self,
        reminder: &Reminder,
        base: &Kept,
        draft: &Draft,
        subject: &str,
    ) -> Result<Option<Uuid>, NoticeError> {
        let (now, actor) = (self.context.clock.now(), maker());
        let id = self.context.random.id(now);
        let mut tx = self.context.store.write().await?;
        kept::lock(&mut tx, base.id).await?;
        if !reminders::set_state(&mut tx, reminder, ReminderState::Made, Some(id)).await? {
            return Ok(None);
        }
        let zone = self.context.config.organisation.default_time_zone.time_zone();
        let mut written = draft.written(subject, None, actor.name(), &zone);
        (written.follows_id, written.matter_id) = (Some(base.id), Some(base.matter_id));
        written.send_at = Some(reminder.before.due(reminder.window_start));
        kept::insert(&mut tx, id, now, &written).await?;
        let notice = find(&mut tx, id).await?;
        let approver = base.approved_by.as_deref().unwrap_or(&base.author);
        let reason = format!("by the schedule of the notice {}, which {approver} approved", base.id);
        self.record(&mut tx, &notice, Step::Create, &actor, Some(&reason)).await?;
        kept::set_state(&mut tx, id, State::Draft, State::Approved).await?;
        kept::set_approval(&mut tx, id, approver, &notice.digest).await?;
        kept::set_state(&mut tx, id, State::Approved, State::Scheduled).await?;
        let due = format!("{reason}; due at {}", shown(reminder.before.due(reminder.window_start)));
        self.record_as(&mut tx, &notice, (Step::Release, Action::Schedule), &actor, Some(&due)).await?;
        tx.commit().await?;
        Ok(Some(id))
    }
}

/// The notice of a reminder: what the announcement says, to the customers of that one.
fn draft(base: &Kept, before: Before) -> Result<Draft, Problems> {
    let mut document = structure(&base.source, None)?;
    if let Some(members) = document.as_object_mut() {
        members.remove("audience");
        members.insert("follows".to_owned(), base.id.to_string().into());
        members.insert("schedule".to_owned(), serde_json::json!({ "reminder": before.to_string() }));
        if let Some(fields) = members.get_mut("fields").and_then(serde_json::Value::as_object_mut) {
            fields.insert("phase".to_owned(), "announced".into());
            fields.remove("previous_start");
            fields.remove("previous_end");
        }
    }
    Draft::structured(document.to_string().as_bytes())
}
