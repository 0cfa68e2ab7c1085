//! What the notices of a matter plan: the reminders of a maintenance, its next window, and by when customers are to hear of it again. All
//! follows from the notices that speak for the matter, and is written in the transaction of the release or cancellation of one.

use jiff::Timestamp;
use uuid::Uuid;

use super::cancel::cancel;
use super::lineage::Lineage;
use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::category::Category;
use crate::domain::fields::Phase;
use crate::domain::front_matter::placeholders_at;
use crate::domain::matter::{Member, Progress};
use crate::domain::notice::State;
use crate::domain::placeholder::Placeholder;
use crate::domain::promise::{self, Made, PromiseKind};
use crate::domain::reminder::{Reminders, State as ReminderState};
use crate::domain::task::TaskKind;
use crate::store::notices::reminders::{self, Reminder};
use crate::store::notices::series::{self, Next, Series};
use crate::store::notices::{self, Kept, matters};
use crate::store::promises::{self, Promise};
use crate::store::{Conn, StoreError, tasks};

/// Notices of a matter that are looked through for the reminders that they name, at most.
const MOST: usize = 50;

/// Plans what follows from the release of a notice.
pub(super) async fn plan(context: &Context, conn: &mut Conn, kept: &Kept, at: Timestamp) -> Result<(), StoreError> {
    // A reminder says nothing new.
    if kept.said.progress.is_none() || reminders::of_notice(conn, kept.id).await?.is_some() {
        return Ok(());
    }
    settle(context, conn, kept.matter_id, (at, false)).await?;
    if kept.category == Category::Maintenance { recur(context, conn, kept).await } else { Ok(()) }
}

/// Plans what follows from the cancellation of a notice, in its transaction and once it is closed; the caller holds the matter. One that
/// nobody got speaks no more for its matter, and what it promised or ended is as if it had not been released.
///
/// # Errors
/// If the database fails.
pub async fn recall(context: &Context, conn: &mut Conn, notice: &Kept, at: Timestamp) -> Result<(), StoreError> {
    if notice.speaks && matters::silence(conn, notice.id).await? {
        tracing::info!(notice = %notice.id, "cancelled before anybody got it: the matter is as if it had not been released");
    }
    // A worker may have taken a delivery while the cancellation did not see it yet.
    if notice.speaks || matters::heed(conn, notice.id).await? {
        settle(context, conn, notice.matter_id, (at, notice.speaks)).await?;
    }
    Ok(())
}

/// Writes what the notices that speak for a matter plan now. The caller holds the row of the first one, so that nobody else does it at
/// the same time from what it was before. After a cancellation, `recalled`, a stage that was kept may be open again.
async fn settle(
    context: &Context,
    conn: &mut Conn,
    matter: Uuid,
    (at, recalled): (Timestamp, bool),
) -> Result<(), StoreError> {
    let speaking = matters::speaking(conn, matter).await?;
    let is_end = |last: &Member| last.said.progress.is_none_or(Progress::is_end);
    matters::set_open(conn, matter, speaking.last().is_some_and(|last| !is_end(last))).await?;
    promise(context, conn, (matter, &speaking), (at, recalled)).await?;
    remind(context, conn, (matter, speaking.last()), (at, recalled)).await
}

/// Begins the series of a notice, or goes on with it by what this notice says.
async fn recur(context: &Context, conn: &mut Conn, kept: &Kept) -> Result<(), StoreError> {
    // A dispatcher may be moving it on.
    series::lock(conn, kept.id).await?;
    tasks::close_all(conn, TaskKind::Draft, kept.id, context.clock.now()).await?;
    let rule = kept.parsed().ok().and_then(|notice| notice.schedule.series);
    let Some((start, end)) = kept.said.window else { return Ok(()) };
    let config = &context.config;
    let zone = config.organisation.default_time_zone.time_zone();
    // From the end on: a window that is none of the rule has not another one in the same night.
    let following = |after| Some(Next::before(rule?.next(after, &zone)?, config.draft_ahead()));
    match series::of_notice(conn, kept.id).await? {
        None if rule.is_none() => Ok(()),
        None => {
            let begun = Series { id: kept.id, notice_id: kept.id, next: following(end) };
            series::begin(conn, &begun, start).await.map(drop)
        }
        // One that is over stays so.
        Some(series) if series.next.is_none() => Ok(()),
        Some(series) => {
            let last = series::last_start(conn, series.id).await?.map_or(end, |last| last.max(end));
            let next = following(last);
            if next.is_none() {
                // Meant, if a person took `every` out or `until` is reached; nothing else shows that no draft comes any more.
                let has_rule = rule.is_some();
                tracing::info!(notice = %kept.id, series = %series.id, has_rule, "the series ends with this release");
            }
            series::advance(conn, &series, kept.id, next).await.map(drop)
        }
    }
}

/// Writes what a matter promises: what a notice kept or replaced is kept, and what it would have kept is open again once it does not count.
async fn promise(
    context: &Context,
    conn: &mut Conn,
    (matter_id, speaking): (Uuid, &[Member]),
    (at, recalled): (Timestamp, bool),
) -> Result<(), StoreError> {
    let known = promises::of_matter(conn, matter_id).await?;
    let stages = stages(context, conn, &known, speaking.first()).await?;
    let warning = speaking.first().map(|first| context.config.promise_warning(first.category)).unwrap_or_default();
    let wanted = promise::of_matter(speaking, &stages, warning);
    let same = |made: &Made, known: &Promise| (made.kind, made.due_at) == (known.kind, known.due_at);
    for made in &wanted {
        let Made { kind, due_at, notice_id, is_kept } = *made;
        let before = known.iter().find(|known| same(made, known)).copied();
        let promise = before.unwrap_or(Promise { matter_id, kind, due_at, notice_id, state: promise::State::Open });
        // A stage that was kept stays so, whatever the configuration calls near today.
        let may_reopen = recalled || kind != PromiseKind::Stage;
        if before.is_none() || !is_kept && may_reopen {
            let look_at = promise::warn_at(due_at, warning, at);
            promises::make(conn, &Promise { notice_id, ..promise }, look_at).await?;
        }
        if is_kept && promises::keep(conn, &promise).await? {
            close(conn, &promise, at).await?;
        }
    }
    for promise in known.iter().filter(|known| !wanted.iter().any(|made| same(made, known))) {
        promises::remove(conn, promise).await?;
        close(conn, promise, at).await?;
    }
    Ok(())
}

/// Closes the task of a promise, if there is one.
async fn close(conn: &mut Conn, promise: &Promise, at: Timestamp) -> Result<(), StoreError> {
    tasks::close_due(conn, TaskKind::Promise, (promise.notice_id, promise.due_at), at).await.map(drop)
}

/// The times of the stages of a breach: those that were promised already, whatever the configuration says today, else those after the
/// discovery that the first notice names.
async fn stages(
    context: &Context,
    conn: &mut Conn,
    known: &[Promise],
    first: Option<&Member>,
) -> Result<Vec<Timestamp>, StoreError> {
    let Some(first) = first.filter(|first| first.category == Category::SecurityBreach) else { return Ok(Vec::new()) };
    let stages: Vec<Timestamp> =
        known.iter().filter(|known| known.kind == PromiseKind::Stage).map(|known| known.due_at).collect();
    if !stages.is_empty() {
        return Ok(stages);
    }
    let discovered = notices::find(conn, first.id).await?.and_then(|first| first.discovered_at());
    Ok(discovered.map(|discovered| promise::stages(discovered, &context.config.stages())).unwrap_or_default())
}

/// Ends the reminders of other windows, and plans those of the window that the last notice announces.
async fn remind(
    context: &Context,
    conn: &mut Conn,
    (matter_id, last): (Uuid, Option<&Member>),
    (at, recalled): (Timestamp, bool),
) -> Result<(), StoreError> {
    let is_ahead =
        |last: &&Member| matches!(last.said.progress, Some(Progress::Phase(Phase::Announced | Phase::Rescheduled)));
    let announced = match last.filter(is_ahead) {
        Some(last) => notices::find(conn, last.id).await?,
        None => None,
    };
    // One that was cancelled although some have it is not repeated.
    let announced = announced.filter(|announced| announced.state != State::Cancelled);
    let window_start = announced.as_ref().and_then(|announced| announced.said.window).map(|(start, _)| start);
    // First: whoever makes one at this moment holds its row, and has made it then.
    reminders::drop_planned(conn, matter_id).await?;
    for id in reminders::under_way(conn, matter_id, window_start).await? {
        stop(context, conn, id, at).await?;
    }
    let (Some(announced), Some(window_start)) = (announced, window_start) else { return Ok(()) };
    // None can be made of a text with the columns of an audience file: it goes to customers without rows.
    if placeholders_at(&announced.source).iter().any(|(_, it)| matches!(it, Placeholder::Row(_))) {
        return Ok(());
    }
    for before in wanted(context, conn, announced.id).await?.0 {
        let due = before.due(window_start);
        // Whoever reads a notice now is reminded by it. One that was due while a notice spoke that does not count is made late.
        let is_missed = recalled && announced.released_at < Some(due) && !before.is_late(window_start, at);
        if due <= at && !is_missed {
            continue;
        }
        let (notice_id, state) = (announced.id, ReminderState::Planned);
        let reminder = Reminder { matter_id, window_start, before, notice_id, state, reminder_id: None };
        reminders::plan(conn, &reminder).await?;
    }
    Ok(())
}

/// The reminders that a notice names, or the ones before it in its matter, or its category.
async fn wanted(context: &Context, conn: &mut Conn, id: Uuid) -> Result<Reminders, StoreError> {
    let mut lineage = Lineage::from(Some(id));
    for _ in 0..MOST {
        let Some(notice) = lineage.next(conn).await? else { break };
        if let Some(reminders) = notice.parsed().ok().and_then(|it| it.schedule.reminders) {
            return Ok(reminders);
        }
    }
    Ok(context.config.reminders())
}

/// Stops a reminder that is being sent, since another notice says something else now. The dispatcher cancels what is queued of it.
async fn stop(context: &Context, conn: &mut Conn, id: Uuid, at: Timestamp) -> Result<(), StoreError> {
    notices::lock(conn, id).await?;
    let Some(notice) = notices::find(conn, id).await? else { return Ok(()) };
    if let Some(reminder) = reminders::of_notice(conn, id).await? {
        reminders::set_state(conn, &reminder, ReminderState::Done, None).await?;
    }
    let (actor, reason) = (Actor::system("reminder"), "the matter has another window now, or none".to_owned());
    cancel(context, conn, (&notice, &actor, &reason), at).await.map(drop)
}
