//! What a release makes of the notices before it in its matter: those whose text is wrong now are cancelled, so that nobody gets the old
//! news after the new, or without it.

use jiff::Timestamp;
use uuid::Uuid;

use super::{AudienceError, Freezing};
use crate::domain::actor::{Action, Actor};
use crate::domain::audience::Audience;
use crate::domain::fields::Phase;
use crate::domain::matter::Progress;
use crate::domain::notice::{State, Step};
use crate::ledger::cancelled;
use crate::ledger::operated::{self, Operation};
use crate::store::notices::steps::Done;
use crate::store::notices::{self, Kept, matters};
use crate::store::sending::queue;
use crate::store::{Conn, StoreError};

/// Cancels what is still queued of the notices before a cancellation, before its audience is read: it goes to those who got something.
///
/// # Errors
/// If the database fails.
pub(super) async fn before_reading(with: &Freezing<'_>, kept: &Kept) -> Result<(), AudienceError> {
    if kept.said.progress != Some(Progress::Phase(Phase::Cancelled)) {
        return Ok(());
    }
    let mut tx = with.context.store.write_patiently().await?;
    let cancelled = supersede(with, &mut tx, kept, with.context.clock.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    for notice in cancelled {
        cancelled::cancel_queued(with.context, &notice).await?;
    }
    Ok(())
}

/// Cancels the notices that a release makes wrong and that are still being sent, in its transaction. A dispatcher takes their
/// deliveries out of the queue. Returns those.
///
/// # Errors
/// If the database fails.
pub(super) async fn supersede(
    with: &Freezing<'_>,
    conn: &mut Conn,
    kept: &Kept,
    at: Timestamp,
) -> Result<Vec<Kept>, StoreError> {
    let mut cancelled = Vec::new();
    for id in chain(conn, kept).await? {
        notices::lock(conn, id).await?;
        let Some(notice) = notices::find(conn, id).await? else { continue };
        let word = kept.said.progress.map(Progress::as_str).unwrap_or_default();
        let reason = format!("superseded by notice {} (`{word}`)", kept.id);
        if notice.state != State::Released
            || !queue::holds(conn, id).await?
            || !cancel(with, conn, (&notice, with.actor, &reason), at).await?
        {
            continue;
        }
        tracing::info!(notice = %id, by = %kept.id, "superseded: what was still queued of it is cancelled");
        cancelled.push(notice);
    }
    Ok(cancelled)
}

/// Cancels a locked notice in the transaction of the release that makes it wrong, as `notice cancel` does it. Whom it was to inform is
/// informed by the notice that is released now. Returns false if it is in a state in which it cannot be cancelled.
///
/// # Errors
/// If the database fails.
pub(super) async fn cancel(
    with: &Freezing<'_>,
    conn: &mut Conn,
    (notice, actor, reason): (&Kept, &Actor, &str),
    at: Timestamp,
) -> Result<bool, StoreError> {
    let Some(to) = notice.state.after(Step::Cancel) else { return Ok(false) };
    if !notices::set_state(conn, notice.id, notice.state, to).await? {
        return Ok(false);
    }
    cancelled::end_duties(conn, notice.id, at).await?;
    let done = Done { step: Step::Cancel, operator: actor.name().to_owned(), reason: Some(reason.to_owned()), at };
    notices::steps::insert(conn, with.context.random.id(at), notice.id, &done).await?;
    let operation = Operation::on_notice(Action::Cancel, notice).reason(reason);
    operated::record(conn, actor, &operation, at, &with.context.random).await?;
    Ok(true)
}

/// The notices before one that it makes wrong, all of whose customers it addresses: as long as each goes to the customers of the one
/// before it.
async fn chain(conn: &mut Conn, kept: &Kept) -> Result<Vec<Uuid>, StoreError> {
    let Some(progress) = kept.said.progress else { return Ok(Vec::new()) };
    let (mut found, mut follower) = (Vec::new(), kept.clone());
    while let Ok(Audience::Followed { .. }) = follower.parsed().map(|notice| notice.audience) {
        let Some(id) = follower.follows_id.filter(|id| *id != kept.id && !found.contains(id)) else { break };
        let Some(followed) = notices::find(conn, id).await? else { break };
        if !followed.said.progress.is_some_and(|before| progress.supersedes(before)) {
            break;
        }
        found.push(id);
        follower = followed;
    }
    // What was sent beside them to their customers, such as a reminder, says the same.
    for member in matters::released(conn, kept.matter_id).await? {
        let superseded = member.said.progress.is_some_and(|before| progress.supersedes(before));
        if !superseded || member.id == kept.id || found.contains(&member.id) {
            continue;
        }
        let Some(beside) = notices::find(conn, member.id).await? else { continue };
        let follows = beside.follows_id.is_some_and(|id| found.contains(&id));
        if follows && beside.parsed().is_ok_and(|notice| matches!(notice.audience, Audience::Followed { .. })) {
            found.push(member.id);
        }
    }
    Ok(found)
}
