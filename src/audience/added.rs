//! Recipients that are added to a released notice: deliveries in its queue, and the `addressed` entry that commits to them.

use super::freeze::timing;
use super::{Committed, Recipient};
use crate::context::Context;
use crate::domain::entry::{Batch, Detail, Entry, Event, Fact};
use crate::store::notices::Kept;
use crate::store::notices::releases::{self, Packed};
use crate::store::proof::commitments;
use crate::store::proof::ledger::{self, Opening};
use crate::store::{Conn, StoreError};

/// Adds recipients to a released notice. The caller holds the ledger's head, so that none of them is erased meanwhile, and the
/// notice's row, read after that: the ordinals go on from its recipients. Returns the ids of the deliveries, in order.
///
/// # Errors
/// If the database fails.
pub async fn add(
    conn: &mut Conn,
    context: &Context,
    notice: &Kept,
    recipients: impl IntoIterator<Item = Recipient>,
) -> Result<Vec<String>, StoreError> {
    let (at, first) = (context.clock.now(), notice.recipients);
    let (mut committed, mut rows) = (Committed::default(), Vec::new());
    // Who is added later is not spread: of the schedule only the local time of a scheduled release counts.
    let parsed = notice.send_at.and_then(|_| notice.parsed().ok());
    let timing = timing(&context.config, notice, &parsed.map(|parsed| parsed.schedule).unwrap_or_default());
    for recipient in recipients {
        let ordinal = first + rows.len() as u64;
        let not_before = timing.not_before(at, recipient.time_zone.as_ref(), None);
        rows.push(committed.add(recipient, ordinal, not_before, (at, &context.random)));
    }
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let count = rows.len() as u64;
    releases::insert(conn, notice.id, notice.category.lane().rank(), at, &Packed::of(&rows)).await?;
    releases::add_recipients(conn, notice.id, count).await?;
    commitments::insert_nodes(conn, notice.id, first, committed.subtrees()).await?;
    let detail = Detail::Addressed(Batch { first, count, root: committed.root() });
    let entry = Entry::new(&Fact { detail, ..notice.fact(Event::Addressed, at) }, None, &context.random);
    ledger::append(conn, &[Opening::of_notice(&entry, notice.id, at)]).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
