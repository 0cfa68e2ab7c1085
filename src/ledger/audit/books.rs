//! The books: notices against their manifests, recipients against the manifest's root, what is shown of a delivery against
//! its last entry, attestations against theirs.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::fold::{Closed, Last, Manifest, Scanned};
use super::{Damage, Progress, Report, Stop};
use crate::domain::attestation::channel_and_witness;
use crate::domain::audience::Audience;
use crate::domain::delivery::{Outcome, State as DeliveryState};
use crate::domain::entry::{Batch, Event, Person, nfc, shown};
use crate::domain::merkle::{Frontier, leaf_hash};
use crate::domain::notice::{Notice, State, content_digest};
use crate::ledger::unaddressed;
use crate::store::notices::attestations;
use crate::store::proof::audit::{self, AuditedNotice, Booked};
use crate::store::proof::ledger as entries;
use crate::store::{Conn, notices};

/// Deliveries read at once.
const PAGE: u32 = 1000;

/// Balances the books of every notice.
pub(super) async fn balance(
    conn: &mut Conn,
    scanned: &Scanned,
    progress: &(dyn Fn(Progress) + Sync),
    report: &mut Report,
) -> Result<(), Stop> {
    if let Some((notice, closed)) = scanned.closed.iter().find(|(id, _)| !scanned.manifests.contains_key(id)) {
        return Err(Damage::at(closed.index, format!("notice {notice} was closed without a manifest")).into());
    }
    let mut after = String::new();
    loop {
        let page = audit::notices(conn, &after, 100).await?;
        let Some(last) = page.last() else { break };
        after = last.id.to_string();
        for notice in &page {
            whole(conn, notice, scanned).await?;
        }
    }
    for (notice, manifest) in &scanned.manifests {
        let mut book = Book::new(*notice, manifest, scanned);
        loop {
            let page = audit::booked(conn, *notice, book.ordinal, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for row in &page {
                book.enter(row)?;
            }
            report.deliveries += page.len() as u64;
            progress(Progress::Deliveries(report.deliveries));
        }
        if let Err(damage) = book.close() {
            // Which recipient it is that does not fit, its own entry says.
            return Err(altered_recipient(conn, *notice).await?.unwrap_or(damage).into());
        }
        attested(conn, *notice, manifest.index).await?;
    }
    if let Some(delivery) = audit::baseless(conn).await? {
        return Err(Damage::whole(format!("delivery {delivery} belongs to no notice that was released")).into());
    }
    Ok(())
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
    if let Some(problem) = differs(notice, (manifest, recipients), scanned.closed.get(&id)) {
        return Err(bad(problem).into());
    }
    let salt = notice.salt.ok_or_else(|| bad("has no salt for its customers with nobody to address"))?;
    if unaddressed::commit(conn, id, &salt).await? != (manifest.frozen.unaddressed, manifest.frozen.unaddressed_root) {
        return Err(bad("has other customers with nobody to address than its manifest").into());
    }
    has_its_content(conn, notice, manifest, scanned).await
}

/// How a notice's row differs from its entries.
fn differs(
    notice: &AuditedNotice,
    (manifest, recipients): (&Manifest, u64),
    closed: Option<&Closed>,
) -> Option<&'static str> {
    let frozen = &manifest.frozen;
    let reference = notice.reference.as_deref();
    let released = if closed.is_some() { State::Closed } else { State::Released };
    if notice.released_at.is_none() {
        Some("has a manifest, but is not shown as released")
    } else if notice.released_at != Some(manifest.at) {
        Some("is shown with another time of release than its manifest")
    } else if (notice.recipients, notice.category) != (recipients, manifest.category) {
        Some("has another number of recipients or another category than its manifest")
    } else if notice.customers != frozen.customers {
        Some("has another number of customers than its manifest")
    } else if shown(&notice.subject, reference, notice.follows_id, &notice.message_domain) != frozen.shown {
        Some("is shown with another subject, reference, predecessor or Message-ID domain than its manifest")
    } else if notice.closed_at.is_some() != closed.is_some() {
        Some("is closed only in its row, or only in its entry")
    } else if notice.closed_at != closed.map(|closed| closed.at) {
        Some("is shown with another time of closing than its entry")
    } else if notice.state != released && notice.state != State::Cancelled {
        Some("is shown in a state that its entries do not lead to")
    } else {
        None
    }
}

/// The content stored is the one whose digest the manifest names.
async fn has_its_content(
    conn: &mut Conn,
    notice: &AuditedNotice,
    manifest: &Manifest,
    scanned: &Scanned,
) -> Result<(), Stop> {
    let id = notice.id;
    let mut rows = Vec::new();
    loop {
        let page =
            notices::rows(conn, id, rows.last().map_or("", |(account, _): &(String, String)| account), 5000).await?;
        if page.is_empty() {
            break;
        }
        rows.extend(page);
    }
    let parts = rows.iter().flat_map(|(account, data)| [account.as_str(), data.as_str()]);
    let digest = content_digest(&notice.source, parts);
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
struct Book<'a> {
    notice: Uuid,
    scanned: &'a Scanned,
    /// The ordinal of the next recipient.
    ordinal: u64,
    /// The tree over the recipients of the present batch, which is the manifest first.
    frontier: Frontier,
    /// The index of the entry of the present batch, and what it states.
    batch: (u64, Batch),
    /// The batches after the present one.
    later: std::slice::Iter<'a, (u64, Batch)>,
}

impl<'a> Book<'a> {
    fn new(notice: Uuid, manifest: &'a Manifest, scanned: &'a Scanned) -> Self {
        let frozen = &manifest.frozen;
        let batch = (manifest.index, Batch { first: 0, count: frozen.count, root: frozen.root });
        let later = scanned.added.get(&notice).map(Vec::as_slice).unwrap_or_default().iter();
        Self { notice, scanned, ordinal: 0, frontier: Frontier::new(), batch, later }
    }

    /// Ends the present batch if it is complete, and goes on to the next one.
    fn turn(&mut self) -> Result<(), Damage> {
        while self.frontier.size() == self.batch.1.count
            && let Some(next) = self.later.next()
        {
            self.compare_root()?;
            (self.frontier, self.batch) = (Frontier::new(), *next);
        }
        Ok(())
    }

    fn compare_root(&self) -> Result<(), Damage> {
        let (index, batch) = self.batch;
        let there = self.frontier.size();
        if there != batch.count {
            return Err(Damage::at(index, format!("its manifest has {} recipients, {there} are there", batch.count)));
        }
        if self.frontier.root() != batch.root {
            return Err(Damage::at(index, "the recipients are not those of its manifest"));
        }
        Ok(())
    }

    fn enter(&mut self, row: &Booked) -> Result<(), Damage> {
        self.turn()?;
        let (ordinal, index) = (self.ordinal, self.batch.0);
        self.ordinal += 1;
        if row.recipient.ordinal != ordinal {
            return Err(Damage::at(index, format!("recipient {ordinal} of its manifest has no delivery")));
        }
        let commitment = row.recipient.commitment();
        let commitment = commitment
            .ok_or_else(|| Damage::at(index, format!("recipient {ordinal} has neither salt nor commitment")))?;
        self.frontier.push(leaf_hash(&commitment));
        match self.scanned.outcomes.get(&(self.notice.as_u128(), ordinal)) {
            Some(last) => self.shows(row, last),
            None if row.state == DeliveryState::Queued && row.level.is_none() => Ok(()),
            None => Err(Damage::at(index, format!("delivery {} is stored as {}, no entry says so", row.id, row.state))),
        }
    }

    /// What is shown of a delivery is what its last entry says.
    fn shows(&self, row: &Booked, last: &Last) -> Result<(), Damage> {
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
        let name = (!row.customer_name.is_empty()).then(|| self.scanned.hash(&row.customer_name));
        // A name is emptied with the persons that it names.
        let emptied = name.is_none() && !self.scanned.cleared.is_empty();
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
        let reply = self.scanned.hash(row.reply.as_deref().unwrap_or_default());
        if replied && last.reply.is_some_and(|said| said != reply) {
            return Err(bad(format!("delivery {} is stored with another reply", row.id)));
        }
        Ok(())
    }

    /// The sum rule: as many recipients as the manifest has, with its root; as many outcomes as recipients.
    fn close(mut self) -> Result<(), Damage> {
        self.turn()?;
        self.compare_root()?;
        if let Some((index, _)) = self.later.next() {
            return Err(Damage::at(*index, "the recipients that it added are not there"));
        }
        let recipients = self.scanned.recipients(self.notice).unwrap_or(0);
        let Some(closed) = self.scanned.closed.get(&self.notice) else { return Ok(()) };
        let sum: u64 = closed.counts.iter().map(|(_, count)| *count).fold(0, u64::saturating_add);
        if sum != recipients {
            let problem = format!("it was closed with {sum} outcomes for {recipients} recipients");
            return Err(Damage::at(closed.index, problem));
        }
        Ok(())
    }
}

/// The first delivery whose row names another person than its entry.
async fn altered_recipient(conn: &mut Conn, notice: Uuid) -> Result<Option<Damage>, Stop> {
    let mut named = BTreeMap::new();
    for opening in entries::of_notice(conn, notice).await?.into_iter().filter(|it| it.event != Event::Operated) {
        let person = opening.person.as_deref().filter(|person| !person.is_empty()).map(Person::from_cbor);
        if let (Some(delivery), Some(Ok(person)), Some(index)) = (opening.delivery_id, person, opening.index) {
            named.entry(delivery).or_insert((index, person));
        }
    }
    let mut ordinal = 0;
    loop {
        let page = audit::booked(conn, notice, ordinal, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        ordinal = last.recipient.ordinal + 1;
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

/// Attestations count for the coverage: each has its entry, and each entry its attestation.
async fn attested(conn: &mut Conn, notice: Uuid, manifest: u64) -> Result<(), Stop> {
    let stored = attestations::of_notice(conn, notice, None).await?;
    let (mut recorded, mut forgotten) = (Vec::new(), 0);
    for opening in entries::about_notice(conn, notice).await? {
        if opening.event != Event::Attested {
            continue;
        }
        match opening.person.as_deref().map(Person::from_cbor) {
            Some(Ok(person)) => recorded.push((opening.index, (person.account_id, person.role, person.reply))),
            _ => forgotten += 1,
        }
    }
    for it in &stored {
        let role = channel_and_witness(it.channel, &it.witness);
        let words = |text: &str| nfc(text).into_owned();
        let wanted = (words(&it.account_id), words(&role), words(&it.note));
        match recorded.iter().position(|(_, entry)| *entry == wanted) {
            Some(place) => drop(recorded.swap_remove(place)),
            // Its words were erased; that it was made stays.
            None if forgotten > 0 && it.note.is_empty() && it.witness.is_empty() => forgotten -= 1,
            None => {
                let problem = format!("an attestation for customer {} of this notice has no entry", it.account_id);
                return Err(Damage::at(manifest, problem).into());
            }
        }
    }
    match recorded.first() {
        Some((index, _)) => {
            Err(Damage::at(index.unwrap_or(manifest), "the attestation that it records was removed").into())
        }
        None => Ok(()),
    }
}
