//! The cancellation of a notice by another one, or by the time: as an operator's, without taking its deliveries out of the queue.

use jiff::Timestamp;

use crate::context::Context;
use crate::domain::actor::{Action, Actor};
use crate::domain::notice::Step;
use crate::ledger::cancelled;
use crate::ledger::operated::{self, Operation};
use crate::store::notices::steps::Done;
use crate::store::notices::{self, Kept};
use crate::store::{Conn, StoreError};

/// Cancels a locked notice in a transaction, as `notice cancel` does it: the dispatcher takes its deliveries out of the queue. Returns false
/// if it is in a state in which it cannot be cancelled.
///
/// # Errors
/// If the database fails.
pub async fn cancel(
    context: &Context,
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
    notices::steps::insert(conn, context.random.id(at), notice.id, &done).await?;
    let operation = Operation::on_notice(Action::Cancel, notice).reason(reason);
    operated::record(conn, actor, &operation, at, &context.random).await?;
    Ok(true)
}
