//! What the entries say, folded: each notice's manifest and end, each recipient's last outcome. States are this fold; the rows
//! that show them are compared with it. Memory has something for each notice; what is for each recipient is in a file
//! ([`last`](super::last)).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::io;

use uuid::Uuid;

use super::granted::Granted;
use super::last::{Last, Lasts, Sent};
use super::{Damage, Stop};
use crate::domain::category::Category;
use crate::domain::delivery::Outcome;
use crate::domain::entry::{Batch, Brief, Detail, Event, Fact, Manifest as Frozen, Run, commitments, hmac, leaf, nfc};
use crate::domain::merkle::Hash;
use crate::domain::note::VerifierKey;
use crate::store::Conn;
use crate::store::proof::audit::{Audited, AuditedOpening, Page};
use crate::store::proof::ledger as entries;

/// A notice's manifest.
#[derive(Clone, Copy)]
pub(super) struct Manifest {
    /// Index of its entry.
    pub index: u64,
    /// When it was released, in milliseconds.
    pub at: i64,
    /// The audience as it was frozen.
    pub frozen: Frozen,
    /// The notice's category.
    pub category: Category,
    /// Digest of the notice's content.
    pub digest: Hash,
}

/// The end of a notice.
pub(super) struct Closed {
    /// Index of its entry.
    pub index: u64,
    /// When, in milliseconds.
    pub at: i64,
    /// Its count of outcomes.
    pub counts: Vec<(Outcome, u64)>,
    /// The recipients that it had; an escalation may have added more since.
    pub recipients: u64,
}

/// Recipients that one entry commits to: the manifest first, then those that were added.
#[derive(Clone, Copy)]
pub(super) struct Batched {
    /// Index of the entry.
    pub index: u64,
    /// What it states.
    pub batch: Batch,
    /// The place of the first of them among all recipients of the ledger.
    place: u64,
}

/// Why an entry cannot be taken.
enum Wrong {
    Said(String),
    Spool(io::Error),
}

impl From<&str> for Wrong {
    fn from(problem: &str) -> Self {
        Self::Said(problem.to_owned())
    }
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Self::Spool(error)
    }
}

impl Wrong {
    fn stop(self, bad: impl FnOnce(String) -> Damage) -> Stop {
        match self {
            Self::Said(problem) => bad(problem).into(),
            Self::Spool(error) => Stop::Spool(error),
        }
    }
}

/// Entries that wait, read at once.
const WAITING: u32 = 1000;

/// What the entries say of the notices and deliveries.
#[derive(Default)]
pub(super) struct Scanned {
    /// Each notice's manifest.
    pub manifests: BTreeMap<Uuid, Manifest>,
    /// The recipients of each notice.
    batches: BTreeMap<Uuid, Vec<Batched>>,
    /// Each closed notice.
    pub closed: BTreeMap<Uuid, Closed>,
    /// The last outcome by notice and ordinal: that is what the tree commits to; a delivery's id is only a name.
    lasts: Lasts,
    /// Keys that exchanges name, as pairs, the new one last.
    pub keys: Vec<VerifierKey>,
    /// Entries whose persons were deleted, as entries say.
    pub cleared: Vec<Run>,
    /// Notices whose audience file was deleted at the end of its retention.
    pub purged: BTreeSet<Uuid>,
    /// What the entries say of operators and keys.
    pub granted: Granted,
    /// Of each notice, how many deliveries are in each outcome so far.
    tallies: HashMap<Uuid, BTreeMap<Outcome, u64>>,
    /// Entries without their person, as runs.
    unopened: Vec<Run>,
    hasher: RandomState,
}

impl Scanned {
    /// Takes the next entry of the tree.
    pub fn take(&mut self, page: &Page, entry: &Audited) -> Result<(), Stop> {
        let bad = |problem: String| Damage::at(entry.index, problem);
        let Some(opening) = &entry.opening else { return Err(bad("its opening was removed".to_owned()).into()) };
        let (committed, bytes) = (page.bytes(&entry.leaf), page.bytes(&opening.fact));
        let fact_salt = page.bytes(&opening.fact_salt);
        let person = match (&opening.person, &opening.person_salt) {
            (Some(person), Some(salt)) => {
                if leaf(fact_salt, bytes, page.bytes(salt), page.bytes(person)) != committed {
                    return Err(bad("what it says is not what its leaf commits to".to_owned()).into());
                }
                Some(page.bytes(person))
            }
            (None, None) => {
                let (committed, _) = commitments(committed).map_err(|error| bad(error.to_string()))?;
                if hmac(fact_salt, bytes) != committed {
                    return Err(bad("its fact is not what its leaf commits to".to_owned()).into());
                }
                self.note_unopened(entry.index);
                None
            }
            _ => return Err(bad("its person and salt are not both there or both gone".to_owned()).into()),
        };
        let fact = Fact::read(bytes).map_err(|error| bad(error.to_string()))?;
        agrees(opening, &fact).map_err(|problem| bad(problem.to_owned()))?;
        let message = (person, opening.has_message);
        self.fold(&fact, opening.delivery_id, message, entry.index).map_err(|wrong| wrong.stop(bad))
    }

    fn note_unopened(&mut self, index: u64) {
        match self.unopened.last_mut().filter(|run| run.first + run.count == index) {
            Some(run) => run.count += 1,
            None => self.unopened.push(Run { first: index, count: 1 }),
        }
    }

    /// Entries that wait for their index count for the states of deliveries.
    pub async fn take_waiting(&mut self, conn: &mut Conn) -> Result<(), Stop> {
        let mut after = 0;
        loop {
            let page = entries::waiting(conn, after, WAITING).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = *last;
            for (_, opening) in page {
                let wrong =
                    |problem: String| Damage::whole(format!("the entry {} that waits: {problem}", opening.entry_id));
                let fact = Fact::from_cbor(&opening.fact).map_err(|error| wrong(error.to_string()))?;
                if fact.event != opening.event {
                    return Err(wrong("its event is another in its fact".to_owned()).into());
                }
                let message = (opening.person.as_deref(), opening.has_message);
                self.fold(&fact, opening.delivery_id, message, u64::MAX).map_err(|it| it.stop(wrong))?;
            }
        }
    }

    /// A text as it is compared.
    pub fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(nfc(text).as_ref())
    }

    fn fold(
        &mut self,
        fact: &Fact,
        delivery: Option<Uuid>,
        message: (Option<&[u8]>, bool),
        index: u64,
    ) -> Result<(), Wrong> {
        match (&fact.detail, fact.notice) {
            (Detail::Manifest(frozen), Some((id, category, digest))) => {
                let manifest = Manifest { index, at: fact.at.as_millisecond(), frozen: *frozen, category, digest };
                if self.manifests.insert(id, manifest).is_some() {
                    return Err("its notice had a manifest already".into());
                }
                self.add(id, Batch { first: 0, count: frozen.count, root: frozen.root }, index)?;
            }
            (Detail::Addressed(batch), Some((id, ..))) => {
                if self.recipients(id) != Some(batch.first) {
                    return Err("it adds recipients that do not follow those of its notice".into());
                }
                self.add(id, *batch, index)?;
            }
            (Detail::Closed(counts), Some((id, ..))) => {
                let recipients = self.recipients(id).unwrap_or(0);
                let at = fact.at.as_millisecond();
                self.close(id, Closed { index, at, counts: counts.clone(), recipients })?;
            }
            (Detail::Cleared { entries, .. }, _) => {
                if entries.iter().any(|run| run.first.checked_add(run.count).is_none_or(|end| end > index)) {
                    return Err("it names entries that come after it".into());
                }
                self.cleared.extend(entries);
                self.purged.extend(fact.notice.map(|(id, ..)| id));
            }
            (Detail::Operated { action, object: Some(object) }, None) => {
                let brief = message.0.filter(|person| !person.is_empty()).and_then(|person| Brief::read(person).ok());
                let words = brief.map(|brief| brief.reply);
                self.granted.take(*action, *object, fact.at.as_millisecond(), index, words);
            }
            (Detail::Keys { old, new }, _) => {
                self.keys.extend([old, new].into_iter().filter_map(|key| VerifierKey::parse(key).ok()));
            }
            _ => {}
        }
        match (delivery, fact.event.outcome()) {
            (Some(delivery), Some(outcome)) => self.record(fact, (delivery, outcome), message, index),
            (Some(_), None) if fact.event == Event::Resent => self.resend(fact),
            _ => Ok(()),
        }
    }

    fn add(&mut self, notice: Uuid, batch: Batch, index: u64) -> Result<(), Wrong> {
        let place = self.lasts.grow(batch.count).ok_or("it commits to more recipients than there can be")?;
        self.batches.entry(notice).or_default().push(Batched { index, batch, place });
        Ok(())
    }

    /// The recipients of a notice so far, if it has a manifest.
    pub fn recipients(&self, notice: Uuid) -> Option<u64> {
        let last = self.batches.get(&notice)?.last()?;
        last.batch.first.checked_add(last.batch.count)
    }

    /// The recipients that entry number `n` of a notice about recipients commits to.
    pub fn batch(&self, notice: Uuid, n: usize) -> Option<Batched> {
        self.batches.get(&notice)?.get(n).copied()
    }

    /// The last outcome of a recipient, if it has one.
    pub fn last(&mut self, notice: Uuid, ordinal: u64) -> io::Result<Option<Last>> {
        self.place(notice, ordinal).map_or(Ok(None), |place| self.lasts.get(place))
    }

    /// The first entry that names a message which is not stored with any.
    pub fn without_message(&mut self) -> io::Result<Option<u64>> {
        self.lasts.without_message()
    }

    /// The place of a recipient among all of the ledger.
    fn place(&self, notice: Uuid, ordinal: u64) -> Option<u64> {
        let batches = self.batches.get(&notice)?;
        let after = batches.partition_point(|it| it.batch.first <= ordinal);
        let it = batches[..after].last()?;
        Some(it.place + (ordinal - it.batch.first)).filter(|_| ordinal - it.batch.first < it.batch.count)
    }

    fn close(&mut self, notice: Uuid, closed: Closed) -> Result<(), Wrong> {
        let stated: BTreeMap<_, _> = closed.counts.iter().copied().filter(|(_, count)| *count > 0).collect();
        if self.tallies.remove(&notice).unwrap_or_default() != stated {
            return Err("its counts are not those of the outcomes before it".into());
        }
        if self.closed.insert(notice, closed).is_some() {
            return Err("its notice was closed already".into());
        }
        Ok(())
    }

    fn record(
        &mut self,
        fact: &Fact,
        (delivery, outcome): (Uuid, Outcome),
        (person, has_message): (Option<&[u8]>, bool),
        index: u64,
    ) -> Result<(), Wrong> {
        let (Some((notice, ..)), Some(ordinal)) = (fact.notice, fact.ordinal) else {
            return Err("it is about a delivery, but names no place in a manifest".into());
        };
        let place = self.place(notice, ordinal).ok_or("no manifest before it has such a recipient")?;
        let brief = person.filter(|person| !person.is_empty()).map(Brief::read).transpose();
        let brief = brief.map_err(|error| Wrong::Said(error.to_string()))?;
        let before = self.lasts.get(place)?;
        if before.as_ref().is_some_and(|before| before.delivery != delivery.as_u128()) {
            return Err("another delivery had its place in the manifest".into());
        }
        let sent = brief.and_then(|brief| brief.sha256).map(|sha256| Sent { half: half(&sha256), index, has_message });
        let sent = Sent::after(before.as_ref().and_then(|before| before.sent), sent);
        if let Some(before) = &before
            && before.queued_at.is_none()
            && !fact.is_finding()
            && before.outcome.state().outlasts(outcome)
        {
            // An attempt that was under way when the delivery ended.
            self.lasts.set(place, &Last { sent, ..*before })?;
            return Ok(());
        }
        let last = Last {
            delivery: delivery.as_u128(),
            outcome,
            level: fact.level,
            reason: fact.reason(),
            at: fact.at.as_millisecond(),
            reply: brief.map(|brief| self.hash(brief.reply)),
            role: brief.and_then(|brief| brief.role.parse().ok()),
            name: brief.map(|brief| brief.customer_name).filter(|name| !name.is_empty()).map(|name| self.hash(name)),
            index,
            queued_at: None,
            sent,
        };
        self.lasts.set(place, &last)?;
        if !self.closed.contains_key(&notice) {
            let tally = self.tallies.entry(notice).or_default();
            *tally.entry(outcome).or_default() += 1;
            if let Some(count) = before.and_then(|before| tally.get_mut(&before.outcome)) {
                *count -= 1;
            }
            tally.retain(|_, count| *count > 0);
        }
        Ok(())
    }

    /// A delivery that failed waits for its next outcome; an uncertain one stays uncertain until then.
    fn resend(&mut self, fact: &Fact) -> Result<(), Wrong> {
        let (Some((notice, ..)), Some(ordinal)) = (fact.notice, fact.ordinal) else { return Ok(()) };
        let Some(place) = self.place(notice, ordinal) else { return Ok(()) };
        if let Some(mut last) = self.lasts.get(place)?
            && matches!(last.outcome, Outcome::Rejected | Outcome::Expired | Outcome::Bounced)
        {
            last.queued_at = Some(fact.at.as_millisecond());
            self.lasts.set(place, &last)?;
        }
        Ok(())
    }

    /// An opening that is gone without an entry that says why is an alarm.
    pub fn only_cleared_persons_are_missing(&mut self) -> Result<(), Damage> {
        self.cleared.sort_unstable();
        for index in self.unopened.iter().flat_map(|run| run.first..run.first + run.count) {
            let after = self.cleared.partition_point(|run| run.first <= index);
            // Runs may overlap: a person can be erased after a purge has left nothing to erase.
            let covered = self.cleared[..after].iter().rev().any(|run| index - run.first < run.count);
            if !covered {
                return Err(Damage::at(index, "its person was removed, and no `erased` or `purged` entry says so"));
            }
        }
        Ok(())
    }
}

/// The first half of a digest: enough that no other message can be found for it.
fn half(sha256: &Hash) -> u128 {
    let (half, _) = sha256.split_at(16);
    u128::from_be_bytes(half.try_into().expect("it has 16 bytes"))
}

/// The columns beside a fact repeat what it says.
fn agrees(opening: &AuditedOpening, fact: &Fact) -> Result<(), &'static str> {
    if opening.event != fact.event {
        return Err("its event is another in its fact");
    }
    if opening.at != fact.at.as_millisecond() {
        return Err("its time is another in its fact");
    }
    if opening.notice_id != fact.notice.map(|(id, ..)| id) {
        return Err("its notice is another in its fact");
    }
    if opening.delivery_id.is_some() != fact.ordinal.is_some() {
        return Err("it is about a delivery only in its fact or only beside it");
    }
    if fact.event == Event::Attested && opening.delivery_id.is_some() {
        return Err("an attestation is about a customer, not about a delivery");
    }
    Ok(())
}
