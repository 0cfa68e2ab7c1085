//! Cancelled deliveries: taken out of the queue, each with its entry.

use jiff::Timestamp;

use crate::domain::entry::{Entry, Event, Fact};
use crate::domain::random::Random;
use crate::store::notices::Kept;
use crate::store::sending::recipients::Recipient;
use crate::store::sending::settle;
use crate::store::{Conn, StoreError};

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
