//! Deleting what names a person, and recording that it was deleted: used by erasures, by their repetition in a restored copy,
//! and by retention.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{SubjectError, mentions};
use crate::context::Context;
use crate::domain::address::AddressKey;
use crate::domain::entry::{Detail, Entry, Event, Fact, Run, commitment};
use crate::ledger::{cancelled, sequence};
use crate::store::operators::uploads;
use crate::store::people::subjects::{self, Cleared, SubjectDelivery};
use crate::store::people::{objections, petitions, rectifications, scrubs, sole_traders};
use crate::store::proof::ledger::{self, Opening};
use crate::store::proof::tree;
use crate::store::sending::recipients;
use crate::store::{Conn, StoreError, notices};

/// What was deleted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Forgotten {
    /// Deliveries cancelled, as they were not sent yet.
    pub cancelled: usize,
    /// Entries whose opening was deleted.
    pub entries: usize,
}

/// The deliveries to an address, with their places in the queue locked: no worker claims one meanwhile. The ledger's head is
/// locked too. A release holds it when it ends: either its recipients are all found here, or it notices the erasure.
pub(crate) async fn hold_deliveries(conn: &mut Conn, key: &AddressKey) -> Result<Vec<SubjectDelivery>, SubjectError> {
    tree::lock_head(conn).await?;
    let deliveries = subjects::deliveries(conn, key).await?;
    let ids: Vec<Uuid> = deliveries.iter().map(|delivery| delivery.id).collect();
    let queued = subjects::lock_queue(conn, &ids).await?;
    if queued.iter().any(|(_, leased)| *leased) { Err(SubjectError::Sending) } else { Ok(deliveries) }
}

/// Deletes everything that names a person, and appends the `erased` entry.
pub(crate) async fn forget(
    context: &Context,
    conn: &mut Conn,
    deliveries: &[SubjectDelivery],
    key: &AddressKey,
    ground: &str,
) -> Result<Forgotten, SubjectError> {
    let contacts = subjects::contacts(conn, key).await?;
    let mut accounts: BTreeSet<String> = contacts.into_iter().map(|contact| contact.account_id).collect();
    accounts.extend(deliveries.iter().map(|delivery| delivery.account_id.clone()));
    let (released, unreleased): (Vec<_>, Vec<_>) =
        deliveries.iter().cloned().partition(|delivery| delivery.released_at.is_some());
    // A release that was broken off before its manifest promised nothing: its next attempt resolves the audience afresh.
    subjects::discard(conn, &unreleased.iter().map(|delivery| delivery.id).collect::<Vec<_>>()).await?;
    let cancelled = cancel(context, conn, &released).await?;
    let mut openings = clear(conn, &released).await?;
    openings.extend(subjects::clear_address(conn, key).await?);
    openings.extend(mentions::clear(conn, key).await?);
    petitions::forget(conn, key).await?;
    rectifications::delete(conn, key).await?;
    sole_traders::clear(conn, &accounts.into_iter().collect::<Vec<_>>()).await?;
    // Any of them may name the person: none is read here, and who uploaded one has it still.
    uploads::delete_all(conn).await?;
    scrubs::mark(conn, context.clock.now()).await?;
    let entries = openings.len();
    append_cleared(context, conn, Event::Erased, &openings, ground).await?;
    Ok(Forgotten { cancelled, entries })
}

/// Cancels the deliveries that wait in the queue; returns their number.
pub(crate) async fn cancel(
    context: &Context,
    conn: &mut Conn,
    deliveries: &[SubjectDelivery],
) -> Result<usize, SubjectError> {
    let at = context.clock.now();
    let ids: Vec<Uuid> = deliveries.iter().map(|delivery| delivery.id).collect();
    let queued: BTreeSet<Uuid> = subjects::lock_queue(conn, &ids).await?.into_iter().map(|(id, _)| id).collect();
    let mut of_notices: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    for delivery in deliveries.iter().filter(|delivery| queued.contains(&delivery.id)) {
        of_notices.entry(delivery.notice_id).or_default().push(delivery.id.to_string());
    }
    for (notice_id, ids) in of_notices {
        let Some(notice) = notices::find(conn, notice_id).await? else { continue };
        let recipients = recipients::find(conn, &ids).await?;
        cancelled::cancel(conn, &notice, recipients, at, &context.random).await?;
    }
    Ok(queued.len())
}

/// Deletes what names the persons of deliveries; returns the entries whose opening was deleted.
pub(crate) async fn clear(conn: &mut Conn, deliveries: &[SubjectDelivery]) -> Result<Vec<Uuid>, StoreError> {
    let cleared = deliveries.iter().filter_map(|delivery| {
        let commitment = commitment(&delivery.salt?, &delivery.account_id, &delivery.email);
        Some(Cleared { id: delivery.id, commitment })
    });
    subjects::clear_deliveries(conn, &cleared.collect::<Vec<_>>()).await
}

/// Appends the entry that names the entries whose opening was deleted. They are sequenced first: an entry is named by its index.
pub(crate) async fn append_cleared(
    context: &Context,
    conn: &mut Conn,
    event: Event,
    openings: &[Uuid],
    ground: &str,
) -> Result<(), StoreError> {
    objections::delete(conn, openings).await?;
    sequence::all(conn).await?;
    let indexes = tree::indexes(conn, openings).await?;
    let at = context.clock.now();
    let detail = Detail::Cleared { ground: ground.to_owned(), entries: Run::of(indexes) };
    let entry = Entry::new(&Fact { detail, ..Fact::new(event, at) }, None, &context.random);
    ledger::append(conn, &[Opening::about_nothing(&entry, at)]).await
}
