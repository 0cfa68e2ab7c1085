//! What ends with a cancelled notice: its deliveries, taken out of the queue, each with its entry, and the duty to inform by it.

use jiff::Timestamp;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::entry::{Entry, Event, Fact};
use crate::domain::random::Random;
use crate::domain::task::TaskKind;
use crate::store::notices::Kept;
use crate::store::sending::recipients::{self, Recipient};
use crate::store::sending::{queue, settle};
use crate::store::{Conn, StoreError, escalations, tasks};

/// Deliveries cancelled in one transaction.
const CHUNK: u32 = 2000;

/// Cancels what waits in the queue of a cancelled notice, in chunks; workers finish what they hold.
///
/// # Errors
/// If the database fails.
pub async fn cancel_queued(context: &Context, notice: &Kept) -> Result<(), StoreError> {
    loop {
        let mut tx = context.store.write().await?;
        let ids = queue::unclaimed(&mut tx, notice.id, CHUNK).await?;
        if ids.is_empty() {
            return Ok(());
        }
        let at = context.clock.now();
        let texts: Vec<String> = ids.iter().map(Uuid::to_string).collect();
        let waiting = recipients::find(&mut tx, &texts).await?;
        cancel(&mut tx, notice, waiting, at, &context.random).await?;
        tx.commit().await?;
    }
}

/// Ends the tasks and the escalation of a cancelled notice, in the transaction that cancels it: nobody must be informed by it.
///
/// # Errors
/// If the database fails.
pub async fn end_duties(conn: &mut Conn, notice: Uuid, at: Timestamp) -> Result<(), StoreError> {
    for kind in [TaskKind::NotInformed, TaskKind::Overdue] {
        tasks::close_all(conn, kind, notice, at).await?;
    }
    escalations::unwatch(conn, notice).await
}

/// Cancels queued deliveries of a notice, in the transaction that holds their places in the queue.
///
/// # Errors
/// If the database fails.
pub async fn cancel(
    conn: &mut Conn,
    notice: &Kept,
    recipients: Vec<Recipient>,
    at: Timestamp,
    random: &Random,
) -> Result<(), StoreError> {
    let mut cancelled = Vec::with_capacity(recipients.len());
    for recipient in recipients {
        let fact = Fact { ordinal: Some(recipient.ordinal), ..notice.fact(Event::Cancelled, at) };
        let id = recipient.id;
        cancelled.push((id, Entry::new(&fact, Some(&recipient.into_person()), random)));
    }
    settle::cancel(conn, notice.id, at, &cancelled).await
}
