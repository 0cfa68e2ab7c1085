//! The books: notices against their manifests, recipients against the manifest's root, what is shown of a delivery against
//! its last entry.

use std::collections::BTreeMap;
use std::ops::Bound;

use uuid::Uuid;

use super::course::Course;
use super::fold::{Batched, Manifest, Scanned};
use super::last::Last;
use super::{Damage, Progress, Report, Stop, attested, shown};
use crate::domain::audience::Audience;
use crate::domain::delivery::{Outcome, State as DeliveryState};
use crate::domain::entry::{Event, Person};
use crate::domain::merkle::{Frontier, Hash, Node, leaf_hash};
use crate::domain::notice::{ContentDigest, Notice};
use crate::domain::words::{count, grouped};
use crate::ledger::unaddressed;
use crate::store::proof::audit::{self, AuditedNotice, Booked};
use crate::store::proof::{commitments, ledger as entries};
use crate::store::sending::{deliveries, lost};
use crate::store::{Conn, StoreError, notices};

/// Deliveries read at once.
const PAGE: u32 = 1000;

/// Rows of an audience file read at once.
const ROWS: u32 = 1000;

/// Balances the books of every notice.
pub(super) async fn balance(
    conn: &mut Conn,
    scanned: &mut Scanned,
    progress: &(dyn Fn(Progress) + Sync),
    report: &mut Report,
) -> Result<(), Stop> {
    if let Some((notice, closed)) = scanned.closed.iter().find(|(id, _)| !scanned.manifests.contains_key(id)) {
        return Err(Damage::at(closed.index, format!("notice {notice} was closed without a manifest")).into());
    }
    let (mut after, mut course) = (String::new(), Course::default());
    loop {
        let page = audit::notices(conn, &after, 100).await?;
        let Some(last) = page.last() else { break };
        after = last.id.to_string();
        for notice in &page {
            whole(conn, notice, scanned).await?;
            if let Some(manifest) = scanned.manifests.get(&notice.id) {
                course.enter(conn, notice, manifest.index).await?;
            }
        }
    }
    course.close()?;
    let mut next = scanned.manifests.iter().next().map(|(notice, manifest)| (*notice, manifest.index));
    while let Some((notice, index)) = next {
        recipients(conn, notice, scanned, progress, report).await?;
        attested::check(conn, notice, index, !scanned.cleared.is_empty()).await?;
        let later = scanned.manifests.range((Bound::Excluded(notice), Bound::Unbounded)).next();
        next = later.map(|(notice, manifest)| (*notice, manifest.index));
    }
    if let Some(delivery) = audit::baseless(conn).await? {
        return Err(Damage::whole(format!("delivery {delivery} belongs to no notice that was released")).into());
    }
    Ok(())
}

/// Reads the deliveries of a notice against its manifest and their last entries.
async fn recipients(
    conn: &mut Conn,
    notice: Uuid,
    scanned: &mut Scanned,
    progress: &(dyn Fn(Progress) + Sync),
    report: &mut Report,
) -> Result<(), Stop> {
    let Some(first) = scanned.batch(notice, 0) else { return Ok(()) };
    let mut book = Book::new(notice, first);
    loop {
        let page = audit::booked(conn, notice, book.ordinal, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for row in &page {
            book.enter(row, scanned)?;
        }
        if let Some(damage) = book.compare_nodes(conn).await? {
            return Err(altered_recipient(conn, notice).await?.unwrap_or(damage).into());
        }
        report.deliveries += page.len() as u64;
        progress(Progress::Deliveries(report.deliveries));
    }
    let (states, index) = (std::mem::take(&mut book.states), first.index);
    if let Err(damage) = book.close(scanned) {
        // Which recipient it is that does not fit, its own entry says.
        return Err(altered_recipient(conn, notice).await?.unwrap_or(damage).into());
    }
    counts(conn, notice, (states, index)).await
}

/// What is unfinished has its place in the queue, and the counts that the database maintains are those of the deliveries: `notice
/// status` shows them.
async fn counts(
    conn: &mut Conn,
    notice: Uuid,
    (mut states, index): (BTreeMap<DeliveryState, i64>, u64),
) -> Result<(), Stop> {
    let is_open = states.keys().any(|state| state.is_open());
    if let (true, (lost @ 1.., Some(first))) = (is_open, lost::count(conn, notice).await?) {
        let lost = count(lost, "delivery is", "deliveries are");
        let problem = format!("{lost} unfinished without a place in the queue, {first} first");
        return Err(Damage::at(index, problem).into());
    }
    // Those are not counted: they are what is left of the recipients.
    states.remove(&DeliveryState::Queued);
    let stored = deliveries::maintained(conn, notice).await?;
    let all = states.keys().chain(stored.keys());
    let number = |counts: &BTreeMap<DeliveryState, i64>, state| counts.get(state).copied().unwrap_or_default();
    let Some(state) = all.clone().find(|state| number(&states, state) != number(&stored, state)) else {
        return Ok(());
    };
    let (stored, there) = (number(&stored, state), number(&states, state));
    let problem = format!("the count of deliveries that are {state} of notice {notice} is {stored}, and {there} are");
    Err(Damage::at(index, problem).into())
}

/// A notice is what its manifest says: released with it, shown as it was, of that content, closed if an entry says so.
async fn whole(conn: &mut Conn, notice: &AuditedNotice, scanned: &Scanned) -> Result<(), Stop> {
    let id = notice.id;
    let Some(manifest) = scanned.manifests.get(&id) else {
        if notice.released_at.is_some() {
            return Err(Damage::whole(format!("notice {id} is shown as released, but has no manifest")).into());
        }
        return Ok(());
    };
    let bad = |problem: &str| Damage::at(manifest.index, format!("notice {id} {problem}"));
    let recipients = scanned.recipients(id).unwrap_or(0);
    if let Some(problem) = shown::differs(conn, notice, (manifest, recipients), scanned.closed.get(&id)).await? {
        return Err(Damage::at(manifest.index, problem).into());
    }
    let salt = notice.salt.ok_or_else(|| bad("has no salt for its customers with nobody to address"))?;
    if unaddressed::commit(conn, id, &salt).await? != (manifest.frozen.unaddressed, manifest.frozen.unaddressed_root) {
        return Err(bad("has other customers with nobody to address than its manifest").into());
    }
    has_its_content(conn, notice, manifest, scanned).await
}

/// The content stored is the one whose digest the manifest names.
async fn has_its_content(
    conn: &mut Conn,
    notice: &AuditedNotice,
    manifest: &Manifest,
    scanned: &Scanned,
) -> Result<(), Stop> {
    let id = notice.id;
    let (mut digest, mut after) = (ContentDigest::new(&notice.source), String::new());
    loop {
        let page = notices::rows::page(conn, id, &after, ROWS).await?;
        let Some((last, _)) = page.last_key_value() else { break };
        after.clone_from(last);
        for (account, data) in &page {
            digest.add(account);
            digest.add(data);
        }
    }
    let digest = digest.finish();
    // Rows of an audience file go with the persons they name; the text of a notice without one always shows its digest.
    let with_rows = || Notice::parse(&notice.source).is_ok_and(|it| matches!(it.audience, Audience::Rows { .. }));
    let cleared = scanned.purged.contains(&id) || !scanned.cleared.is_empty();
    let forgotten = digest != manifest.digest && cleared && with_rows();
    if notice.digest != manifest.digest || (digest != manifest.digest && !forgotten) {
        let problem = format!("notice {id} has another content than the one its manifest names");
        return Err(Damage::at(manifest.index, problem).into());
    }
    Ok(())
}

/// A notice's book.
struct Book {
    notice: Uuid,
    /// The ordinal of the next recipient.
    ordinal: u64,
    /// The tree over the recipients of the present batch, which is the manifest first.
    frontier: Frontier,
    /// The present batch, and its number.
    batch: Batched,
    number: usize,
    /// Roots of complete subtrees as computed, to be compared with the stored ones; each with its batch.
    nodes: Vec<(Batched, Node, Hash)>,
    /// How many of its deliveries are stored in each state.
    states: BTreeMap<DeliveryState, i64>,
}

impl Book {
    fn new(notice: Uuid, batch: Batched) -> Self {
        Self {
            notice,
            ordinal: 0,
            frontier: Frontier::new(),
            batch,
            number: 0,
            nodes: Vec::new(),
            states: BTreeMap::new(),
        }
    }

    /// Ends the present batch if it is complete, and goes on to the next one.
    fn turn(&mut self, scanned: &Scanned) -> Result<(), Damage> {
        while self.frontier.size() == self.batch.batch.count
            && let Some(next) = scanned.batch(self.notice, self.number + 1)
        {
            self.compare_root()?;
            (self.frontier, self.batch) = (Frontier::new(), next);
            self.number += 1;
        }
        Ok(())
    }

    fn compare_root(&self) -> Result<(), Damage> {
        let Batched { index, batch, .. } = self.batch;
        let there = self.frontier.size();
        if there != batch.count {
            let wanted = count(batch.count, "recipient", "recipients");
            let are = if there == 1 { "is" } else { "are" };
            return Err(Damage::at(index, format!("its manifest has {wanted}, {} {are} there", grouped(there))));
        }
        if self.frontier.root() != batch.root {
            return Err(Damage::at(index, "the recipients are not those of its manifest"));
        }
        Ok(())
    }

    /// The stored hashes of subtrees are those of the recipients: proofs of single recipients are made from them.
    async fn compare_nodes(&mut self, conn: &mut Conn) -> Result<Option<Damage>, StoreError> {
        for (of, node, hash) in self.nodes.drain(..) {
            let tree = (self.notice, of.batch.first);
            let stored = commitments::nodes(conn, tree, node.level, node.index, 1).await?;
            if stored.first() != Some(&hash) {
                let problem = format!("the stored hash of the subtree over recipients {:?} is another", node.leaves());
                return Ok(Some(Damage::at(of.index, problem)));
            }
        }
        Ok(None)
    }

    fn enter(&mut self, row: &Booked, scanned: &mut Scanned) -> Result<(), Stop> {
        self.turn(scanned)?;
        let (ordinal, index) = (self.ordinal, self.batch.index);
        self.ordinal += 1;
        *self.states.entry(row.state).or_default() += 1;
        if row.recipient.ordinal != ordinal {
            return Err(Damage::at(index, format!("recipient {ordinal} of its manifest has no delivery")).into());
        }
        let commitment = row.recipient.commitment();
        let commitment = commitment
            .ok_or_else(|| Damage::at(index, format!("recipient {ordinal} has neither salt nor commitment")))?;
        let (batch, nodes) = (self.batch, &mut self.nodes);
        self.frontier.push_with(leaf_hash(&commitment), |node, hash| {
            if node.is_stored() {
                nodes.push((batch, node, *hash));
            }
        });
        let unsaid = || Damage::at(index, format!("delivery {} is stored as {}, no entry says so", row.id, row.state));
        match scanned.last(self.notice, ordinal)? {
            Some(last) => Ok(shows(scanned, row, &last)?),
            None if row.state == DeliveryState::Queued && row.level.is_none() => Ok(()),
            None => Err(unsaid().into()),
        }
    }

    /// The sum rule: as many recipients as the manifest has, with its root; as many outcomes as recipients when it was closed.
    fn close(mut self, scanned: &Scanned) -> Result<(), Damage> {
        self.turn(scanned)?;
        self.compare_root()?;
        if let Some(next) = scanned.batch(self.notice, self.number + 1) {
            return Err(Damage::at(next.index, "the recipients that it added are not there"));
        }
        let Some(closed) = scanned.closed.get(&self.notice) else { return Ok(()) };
        let recipients = closed.recipients;
        let sum: u64 = closed.counts.iter().map(|(_, count)| *count).fold(0, u64::saturating_add);
        if sum != recipients {
            let (sum, recipients) = (count(sum, "outcome", "outcomes"), count(recipients, "recipient", "recipients"));
            return Err(Damage::at(closed.index, format!("it was closed with {sum} for {recipients}")));
        }
        Ok(())
    }
}

/// What is shown of a delivery is what its last entry says.
fn shows(scanned: &Scanned, row: &Booked, last: &Last) -> Result<(), Damage> {
    let bad = |problem: String| match last.index {
        u64::MAX => Damage::whole(format!("delivery {}: {problem}", row.id)),
        index => Damage::at(index, problem),
    };
    if row.id.as_u128() != last.delivery {
        return Err(bad(format!("delivery {} is in the place of another", row.id)));
    }
    if let Some(at) = last.queued_at {
        let as_said = row.state == DeliveryState::Queued && row.level.is_none() && row.changed_at == at;
        return if as_said {
            Ok(())
        } else {
            Err(bad(format!("delivery {} is stored as {}, its entries say it is sent again", row.id, row.state)))
        };
    }
    if row.state != last.outcome.state() || row.level != last.level {
        let level = |level: Option<_>| level.map_or_else(String::new, |level| format!(" ({level})"));
        let (stored, said) = (level(row.level), level(last.level));
        return Err(bad(format!(
            "delivery {} is stored as {}{stored}, its entries say {}{said}",
            row.id, row.state, last.outcome
        )));
    }
    if row.reason != last.reason {
        return Err(bad(format!("delivery {} is stored with another reason why it was not sent", row.id)));
    }
    if last.role.is_some_and(|role| role != row.role) {
        return Err(bad(format!("delivery {} is stored with another role", row.id)));
    }
    let name = (!row.customer_name.is_empty()).then(|| scanned.hash(&row.customer_name));
    // A name is emptied with the persons that it names.
    let emptied = name.is_none() && !scanned.cleared.is_empty();
    if last.name.is_some() && last.name != name && !emptied {
        return Err(bad(format!("delivery {} is stored with another name of the customer", row.id)));
    }
    // Of several deferrals in a row only the first has an entry.
    if last.outcome == Outcome::Deferred {
        return Ok(());
    }
    if row.changed_at != last.at {
        return Err(bad(format!("delivery {} is stored with another time", row.id)));
    }
    let replied = matches!(
        last.outcome,
        Outcome::Accepted
            | Outcome::Rejected
            | Outcome::Expired
            | Outcome::Uncertain
            | Outcome::Bounced
            | Outcome::Delivered
    );
    let reply = scanned.hash(row.reply.as_deref().unwrap_or_default());
    if replied && last.reply.is_some_and(|said| said != reply) {
        return Err(bad(format!("delivery {} is stored with another reply", row.id)));
    }
    Ok(())
}

/// The first delivery whose row names another person than its entry.
async fn altered_recipient(conn: &mut Conn, notice: Uuid) -> Result<Option<Damage>, Stop> {
    let mut ordinal = 0;
    loop {
        let page = audit::booked(conn, notice, ordinal, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        ordinal = last.recipient.ordinal + 1;
        let ids: Vec<Uuid> = page.iter().map(|row| row.id).collect();
        let mut named = BTreeMap::new();
        for opening in entries::of_deliveries(conn, &ids).await?.into_iter().filter(|it| it.event != Event::Operated) {
            let person = opening.person.as_deref().filter(|person| !person.is_empty()).map(Person::from_cbor);
            if let (Some(delivery), Some(Ok(person)), Some(index)) = (opening.delivery_id, person, opening.index) {
                named.entry(delivery).or_insert((index, person));
            }
        }
        for row in &page {
            if let Some((index, person)) = named.get(&row.id)
                && !row.recipient.email.is_empty()
                && (&row.recipient.account_id, &row.recipient.email) != (&person.account_id, &person.address)
            {
                return Ok(Some(Damage::at(*index, format!("delivery {} now names another recipient", row.id))));
            }
        }
    }
}
