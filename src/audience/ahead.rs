//! What the release of a notice plans for its matter: the reminders of a maintenance, its next window, and by when customers are to
//! hear of it again. All are written in the transaction of the release, which also ends what the notices before it planned.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Freezing, supersede};
use crate::domain::actor::Actor;
use crate::domain::category::Category;
use crate::domain::fields::Phase;
use crate::domain::matter::Progress;
use crate::domain::promise::{self, PromiseKind};
use crate::domain::reminder::{Reminders, State as ReminderState};
use crate::domain::task::TaskKind;
use crate::store::notices::reminders::{self, Reminder};
use crate::store::notices::series::{self, Next, Series};
use crate::store::notices::{self, Kept};
use crate::store::promises::{self, Promise};
use crate::store::{Conn, StoreError, tasks};

/// Notices of a matter that are looked through for the reminders that they name, at most.
const MOST: usize = 50;

/// Plans what follows from the release of a notice.
pub(super) async fn plan(with: &Freezing<'_>, conn: &mut Conn, kept: &Kept, at: Timestamp) -> Result<(), StoreError> {
    let Some(progress) = kept.said.progress else { return Ok(()) };
    promise(with, conn, kept, (progress, at)).await?;
    if kept.category == Category::Maintenance {
        remind(with, conn, kept, (progress, at)).await?;
        recur(with, conn, kept).await?;
    }
    Ok(())
}

/// Begins the series of a notice, or goes on with it by what this notice says.
async fn recur(with: &Freezing<'_>, conn: &mut Conn, kept: &Kept) -> Result<(), StoreError> {
    // A dispatcher may be moving it on.
    series::lock(conn, kept.id).await?;
    tasks::close_all(conn, TaskKind::Draft, kept.id, with.context.clock.now()).await?;
    let rule = kept.parsed().ok().and_then(|notice| notice.schedule.series);
    let Some((start, end)) = kept.said.window else { return Ok(()) };
    let config = &with.context.config;
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

/// What a notice promises itself, beside the stages of a breach.
fn promised(kept: &Kept, progress: Progress) -> Option<(PromiseKind, Timestamp)> {
    match progress {
        _ if progress.is_end() => None,
        Progress::Status(_) => kept.said.next_update_at.map(|at| (PromiseKind::Update, at)),
        Progress::Phase(_) => kept.said.window.map(|(_, end)| (PromiseKind::Completion, end)),
        Progress::Stage(_) => None,
    }
}

/// Ends the promises that the notice keeps or replaces, and makes its own.
async fn promise(
    with: &Freezing<'_>,
    conn: &mut Conn,
    kept: &Kept,
    (progress, at): (Progress, Timestamp),
) -> Result<(), StoreError> {
    let config = &with.context.config;
    let before = promises::of_matter(conn, kept.matter_id).await?;
    let own = promised(kept, progress);
    let mut wanted: Vec<(PromiseKind, Timestamp)> = own.into_iter().collect();
    if let Some(discovered) = kept.discovered_at()
        && !before.iter().any(|promise| promise.kind == PromiseKind::Stage)
    {
        let stages = promise::stages(discovered, &config.stages());
        wanted.extend(stages.into_iter().map(|due| (PromiseKind::Stage, due)));
    }
    for (kind, due_at) in wanted {
        let promise =
            Promise { matter_id: kept.matter_id, kind, due_at, notice_id: kept.id, state: promise::State::Open };
        promises::make(conn, &promise, promise::warn_at(due_at, config.promise_warning(kept.category), at)).await?;
    }
    let open: Vec<Promise> = promises::of_matter(conn, kept.matter_id).await?;
    let open: Vec<Promise> = open.into_iter().filter(|promise| promise.state.is_open()).collect();
    let stages: Vec<Timestamp> = open.iter().filter(|it| it.kind == PromiseKind::Stage).map(|it| it.due_at).collect();
    let kept_stages = promise::kept_stages(&stages, at, progress.is_end());
    for promise in open {
        let is_kept = match promise.kind {
            PromiseKind::Stage => kept_stages.contains(&promise.due_at),
            kind => own != Some((kind, promise.due_at)),
        };
        if is_kept {
            promises::set_state(conn, &promise, promise::State::Kept, None).await?;
            tasks::close_due(conn, TaskKind::Promise, (promise.notice_id, promise.due_at), at).await?;
        }
    }
    Ok(())
}

/// Ends the reminders of other windows, and plans those of this one.
async fn remind(
    with: &Freezing<'_>,
    conn: &mut Conn,
    kept: &Kept,
    (progress, at): (Progress, Timestamp),
) -> Result<(), StoreError> {
    if reminders::of_notice(conn, kept.id).await?.is_some() {
        return Ok(());
    }
    let is_ahead = matches!(progress, Progress::Phase(Phase::Announced | Phase::Rescheduled));
    let window_start = kept.said.window.map(|(start, _)| start).filter(|_| is_ahead);
    // First: whoever makes one at this moment holds its row, and has made it then.
    reminders::drop_planned(conn, kept.matter_id).await?;
    for id in reminders::under_way(conn, kept.matter_id, window_start).await? {
        stop(with, conn, (id, kept), at).await?;
    }
    let Some(window_start) = window_start else { return Ok(()) };
    for before in wanted(with, conn, kept).await?.0 {
        if before.due(window_start) <= at {
            continue;
        }
        let (matter_id, state) = (kept.matter_id, ReminderState::Planned);
        let reminder = Reminder { matter_id, window_start, before, notice_id: kept.id, state, reminder_id: None };
        reminders::plan(conn, &reminder).await?;
    }
    Ok(())
}

/// The reminders that a notice names, or the ones before it in its matter, or its category.
async fn wanted(with: &Freezing<'_>, conn: &mut Conn, kept: &Kept) -> Result<Reminders, StoreError> {
    let (mut schedule, mut next) = (kept.parsed().map(|it| it.schedule).unwrap_or_default(), kept.follows_id);
    for _ in 0..MOST {
        if let Some(reminders) = schedule.reminders {
            return Ok(reminders);
        }
        let Some(id) = next else { break };
        let Some(before) = notices::find(conn, id).await? else { break };
        schedule = before.parsed().map(|it| it.schedule).unwrap_or_default();
        next = before.follows_id;
    }
    Ok(with.context.config.reminders())
}

/// Stops a reminder that is being sent, since another notice says something else now. The dispatcher cancels what is queued of it.
async fn stop(with: &Freezing<'_>, conn: &mut Conn, (id, by): (Uuid, &Kept), at: Timestamp) -> Result<(), StoreError> {
    notices::lock(conn, id).await?;
    let Some(notice) = notices::find(conn, id).await? else { return Ok(()) };
    if let Some(reminder) = reminders::of_notice(conn, id).await? {
        reminders::set_state(conn, &reminder, ReminderState::Done, None).await?;
    }
    let (actor, reason) = (Actor::system("reminder"), format!("the notice {} says something else now", by.id));
    supersede::cancel(with, conn, (&notice, &actor, &reason), at).await.map(drop)
}
