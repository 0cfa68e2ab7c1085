//! What a release makes of the notices before it in its matter: those whose text is wrong now are cancelled, so that nobody gets the old
//! news after the new, or without it.

use jiff::Timestamp;
use uuid::Uuid;

use super::cancel::cancel;
use super::lineage::has_own;
use super::{AudienceError, Freezing, ahead};
use crate::domain::fields::Phase;
use crate::domain::matter::{Member, Progress};
use crate::domain::notice::State;
use crate::ledger::cancelled;
use crate::store::notices::{self, Kept, matters};
use crate::store::sending::queue;
use crate::store::{Conn, StoreError};

/// True for the cancellation of a maintenance: what is still queued of the notices before it is cancelled before its audience is read,
/// since it goes to those who got something.
pub(super) fn comes_first(kept: &Kept) -> bool {
    kept.said.progress == Some(Progress::Phase(Phase::Cancelled))
}

/// Cancels what is still queued of the notices before a cancellation.
///
/// # Errors
/// If the database fails.
pub(super) async fn before_reading(with: &Freezing<'_>, kept: &Kept) -> Result<(), AudienceError> {
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
    notices::lock_matter(conn, kept.matter_id).await?;
    let before = before(conn, kept).await?;
    // All of them first: what follows from each is planned in rows that a reminder locks after its notice.
    for id in &before {
        notices::lock(conn, *id).await?;
    }
    for id in before {
        let Some(notice) = notices::find(conn, id).await? else { continue };
        let word = kept.said.progress.map(Progress::as_str).unwrap_or_default();
        let reason = format!("superseded by notice {} (`{word}`)", kept.id);
        if notice.state != State::Released
            || !queue::holds(conn, id).await?
            || !cancel(with.context, conn, (&notice, with.actor, &reason), at).await?
        {
            continue;
        }
        ahead::recall(with.context, conn, &notice, at).await?;
        tracing::info!(notice = %id, by = %kept.id, "superseded: what was still queued of it is cancelled");
        cancelled.push(notice);
    }
    Ok(cancelled)
}

/// The notices of its matter that one makes wrong, all of whose customers it addresses: those released before it, reminders too, unless it
/// has an audience of its own.
async fn before(conn: &mut Conn, kept: &Kept) -> Result<Vec<Uuid>, StoreError> {
    let Some(progress) = kept.said.progress.filter(|_| !has_own(kept)) else { return Ok(Vec::new()) };
    let superseded = |member: &Member| {
        member.id != kept.id && member.said.progress.is_some_and(|before| progress.supersedes(before))
    };
    let released = matters::released(conn, kept.matter_id).await?;
    Ok(released.into_iter().filter(superseded).map(|member| member.id).collect())
}
