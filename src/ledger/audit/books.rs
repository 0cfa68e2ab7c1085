//! The books: recipients against the manifest, outcomes against the end, states against the entries they are a fold of.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::entries::Scanned;
use super::{Damage, Progress, Report, Stop};
use crate::domain::delivery::{Outcome, State};
use crate::domain::entry::Person;
use crate::domain::merkle::{Frontier, Hash, leaf_hash};
use crate::store::audit::{Booked, booked};
use crate::store::{Conn, attestations, ledger as entries};

/// Deliveries read at once.
const PAGE: u32 = 1000;

/// Balances the books of every notice.
pub(super) async fn balance(
    conn: &mut Conn,
    scanned: &Scanned,
    progress: &(dyn Fn(Progress) + Sync),
    report: &mut Report,
) -> Result<(), Stop> {
    if let Some((notice, (index, _))) = scanned.closed.iter().find(|(id, _)| !scanned.manifests.contains_key(id)) {
        return Err(Damage::at(*index, format!("notice {notice} was closed without a manifest")).into());
    }
    for (notice, manifest) in &scanned.manifests {
        let mut book = Book::new(*manifest);
        loop {
            let page = booked(conn, *notice, book.frontier.size(), PAGE).await?;
            if page.is_empty() {
                break;
            }
            for row in &page {
                book.enter(row, scanned)?;
            }
            report.deliveries += page.len() as u64;
            progress(Progress::Deliveries(report.deliveries));
        }
        if let Err(damage) = book.close(scanned.closed.get(notice)) {
            // Which recipient it is that does not fit, its own entry says.
            return Err(altered_recipient(conn, *notice).await?.unwrap_or(damage).into());
        }
        attested(conn, *notice, manifest.0).await?;
    }
    Ok(())
}

/// A notice's book.
struct Book {
    index: u64,
    count: u64,
    root: Hash,
    frontier: Frontier,
}

impl Book {
    fn new((index, count, root): (u64, u64, Hash)) -> Self {
        Self { index, count, root, frontier: Frontier::new() }
    }

    fn enter(&mut self, row: &Booked, scanned: &Scanned) -> Result<(), Damage> {
        let ordinal = self.frontier.size();
        let index = self.index;
        if row.recipient.ordinal != ordinal {
            return Err(Damage::at(index, format!("recipient {ordinal} of its manifest has no delivery")));
        }
        let commitment = row.recipient.commitment();
        let commitment = commitment
            .ok_or_else(|| Damage::at(index, format!("recipient {ordinal} has neither salt nor commitment")))?;
        self.frontier.push(leaf_hash(&commitment));
        let recorded = scanned.outcomes.get(&row.id.as_u128());
        let expected = recorded.map_or(State::Queued, |(outcome, _)| outcome.state());
        if row.state != expected {
            let (at, said) = (recorded.map_or(index, |(_, at)| *at), expected.as_str());
            let problem = format!("delivery {} is stored as {}, its entries say {said}", row.id, row.state);
            return Err(if at == u64::MAX { Damage::whole(problem) } else { Damage::at(at, problem) });
        }
        Ok(())
    }

    /// The sum rule: as many recipients as the manifest has, with its root; as many outcomes as recipients.
    fn close(self, closed: Option<&(u64, Vec<(Outcome, u64)>)>) -> Result<(), Damage> {
        let there = self.frontier.size();
        if there != self.count {
            return Err(Damage::at(
                self.index,
                format!("its manifest has {} recipients, {there} are there", self.count),
            ));
        }
        if self.frontier.root() != self.root {
            return Err(Damage::at(self.index, "the recipients are not those of its manifest"));
        }
        let Some((index, counts)) = closed else { return Ok(()) };
        let sum: u64 = counts.iter().map(|(_, count)| *count).fold(0, u64::saturating_add);
        if sum != self.count {
            return Err(Damage::at(*index, format!("it was closed with {sum} outcomes for {} recipients", self.count)));
        }
        Ok(())
    }
}

/// The first delivery whose row names another person than its entry.
async fn altered_recipient(conn: &mut Conn, notice: Uuid) -> Result<Option<Damage>, Stop> {
    let mut named = BTreeMap::new();
    for opening in entries::of_notice(conn, notice).await? {
        let person = opening.person.as_deref().filter(|person| !person.is_empty()).map(Person::from_cbor);
        if let (Some(delivery), Some(Ok(person)), Some(index)) = (opening.delivery_id, person, opening.index) {
            named.entry(delivery).or_insert((index, person));
        }
    }
    let mut ordinal = 0;
    loop {
        let page = booked(conn, notice, ordinal, PAGE).await?;
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

/// Every attestation that counts for the coverage has its entry.
async fn attested(conn: &mut Conn, notice: Uuid, manifest: u64) -> Result<(), Stop> {
    let stored = attestations::of_notice(conn, notice, None).await?;
    if stored.is_empty() {
        return Ok(());
    }
    let mut recorded: Vec<(String, String, String)> = Vec::new();
    for opening in entries::of_notice(conn, notice).await? {
        let person = opening.person.as_deref().filter(|_| opening.event == crate::domain::entry::Event::Attested);
        if let Some(Ok(person)) = person.map(Person::from_cbor) {
            recorded.push((person.account_id, person.role, person.reply));
        }
    }
    for it in stored {
        let role = format!("{}: {}", it.channel, it.witness);
        let nfc = |text: &str| crate::domain::entry::nfc(text).into_owned();
        let wanted = (nfc(&it.account_id), nfc(&role), nfc(&it.note));
        let Some(place) = recorded.iter().position(|entry| *entry == wanted) else {
            let problem = format!("an attestation for customer {} of this notice has no entry", it.account_id);
            return Err(Damage::at(manifest, problem).into());
        };
        recorded.swap_remove(place);
    }
    Ok(())
}
