//! What the entries say, folded: each notice's manifest and end, each recipient's last outcome. States are this fold; the rows
//! that show them are compared with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};

use uuid::Uuid;

use super::{Damage, Stop};
use crate::domain::category::{Category, Role};
use crate::domain::delivery::{Level, Outcome, Reason};
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
}

/// The last outcome of a recipient.
pub(super) struct Last {
    /// The delivery that the entry is about.
    pub delivery: u128,
    /// What came of it.
    pub outcome: Outcome,
    /// How strong the evidence is.
    pub level: Option<Level>,
    /// Why it was not sent, if no server refused it.
    pub reason: Option<Reason>,
    /// When.
    pub at: i64,
    /// What the server replied, by [`Scanned::hash`]; `None` if the person is not opened.
    pub reply: Option<u64>,
    /// The role addressed, if the entry names it.
    pub role: Option<Role>,
    /// The customer's name, by [`Scanned::hash`], if the entry has it.
    pub name: Option<u64>,
    /// Index of the entry; the largest there is for one that waits.
    pub index: u64,
    /// An operator had it sent again after a failure: it is queued until its next outcome.
    pub queued_at: Option<i64>,
}

/// What the entries say of the notices and deliveries.
#[derive(Default)]
pub(super) struct Scanned {
    /// Each notice's manifest.
    pub manifests: BTreeMap<Uuid, Manifest>,
    /// The recipients that were added to each notice after its release, with the index of the entry.
    pub added: BTreeMap<Uuid, Vec<(u64, Batch)>>,
    /// Each closed notice.
    pub closed: BTreeMap<Uuid, Closed>,
    /// The last outcome by notice and ordinal: that is what the tree commits to; a delivery's id is only a name.
    pub outcomes: HashMap<(u128, u64), Last>,
    /// What was sent, by delivery: the first half of the digest, and the index that says so.
    pub sent: HashMap<u128, (u128, u64)>,
    /// Keys that exchanges name, as pairs, the new one last.
    pub keys: Vec<VerifierKey>,
    /// Entries whose persons were deleted, as entries say.
    pub cleared: Vec<Run>,
    /// Notices whose audience file was deleted at the end of its retention.
    pub purged: BTreeSet<Uuid>,
    /// Of each notice, how many deliveries are in each outcome so far.
    tallies: HashMap<Uuid, BTreeMap<Outcome, u64>>,
    unopened: Vec<u64>,
    hasher: RandomState,
}

impl Scanned {
    /// Takes the next entry of the tree.
    pub fn take(&mut self, page: &Page, entry: &Audited) -> Result<(), Damage> {
        let bad = |problem: String| Damage::at(entry.index, problem);
        let Some(opening) = &entry.opening else { return Err(bad("its opening was removed".to_owned())) };
        let (committed, bytes) = (page.bytes(&entry.leaf), page.bytes(&opening.fact));
        let fact_salt = page.bytes(&opening.fact_salt);
        let person = match (&opening.person, &opening.person_salt) {
            (Some(person), Some(salt)) => {
                if leaf(fact_salt, bytes, page.bytes(salt), page.bytes(person)) != committed {
                    return Err(bad("what it says is not what its leaf commits to".to_owned()));
                }
                Some(page.bytes(person))
            }
            (None, None) => {
                let (committed, _) = commitments(committed).map_err(|error| bad(error.to_string()))?;
                if hmac(fact_salt, bytes) != committed {
                    return Err(bad("its fact is not what its leaf commits to".to_owned()));
                }
                self.unopened.push(entry.index);
                None
            }
            _ => return Err(bad("its person and salt are not both there or both gone".to_owned())),
        };
        let fact = Fact::read(bytes).map_err(|error| bad(error.to_string()))?;
        agrees(opening, &fact).map_err(|problem| bad(problem.to_owned()))?;
        self.fold(&fact, opening.delivery_id, person, entry.index).map_err(bad)
    }

    /// Entries that wait for their index count for the states of deliveries.
    pub async fn take_waiting(&mut self, conn: &mut Conn) -> Result<(), Stop> {
        for opening in entries::waiting(conn).await? {
            let wrong =
                |problem: String| Damage::whole(format!("the entry {} that waits: {problem}", opening.entry_id));
            let fact = Fact::from_cbor(&opening.fact).map_err(|error| wrong(error.to_string()))?;
            if fact.event != opening.event {
                return Err(wrong("its event is another in its fact".to_owned()).into());
            }
            self.fold(&fact, opening.delivery_id, opening.person.as_deref(), u64::MAX).map_err(wrong)?;
        }
        Ok(())
    }

    /// A text as it is compared.
    pub fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(nfc(text).as_ref())
    }

    fn fold(&mut self, fact: &Fact, delivery: Option<Uuid>, person: Option<&[u8]>, index: u64) -> Result<(), String> {
        match (&fact.detail, fact.notice) {
            (Detail::Manifest(frozen), Some((id, category, digest))) => {
                let manifest = Manifest { index, at: fact.at.as_millisecond(), frozen: *frozen, category, digest };
                if self.manifests.insert(id, manifest).is_some() {
                    return Err("its notice had a manifest already".to_owned());
                }
            }
            (Detail::Addressed(batch), Some((id, ..))) => {
                if self.closed.contains_key(&id) || self.recipients(id) != Some(batch.first) {
                    return Err("it adds recipients that do not follow those of its notice".to_owned());
                }
                self.added.entry(id).or_default().push((index, *batch));
            }
            (Detail::Closed(counts), Some((id, ..))) => {
                self.close(id, Closed { index, at: fact.at.as_millisecond(), counts: counts.clone() })?;
            }
            (Detail::Cleared { entries, .. }, _) => {
                if entries.iter().any(|run| run.first.checked_add(run.count).is_none_or(|end| end > index)) {
                    return Err("it names entries that come after it".to_owned());
                }
                self.cleared.extend(entries);
                self.purged.extend(fact.notice.map(|(id, ..)| id));
            }
            (Detail::Keys { old, new }, _) => {
                self.keys.extend([old, new].into_iter().filter_map(|key| VerifierKey::parse(key).ok()));
            }
            _ => {}
        }
        match (delivery, fact.event.outcome()) {
            (Some(delivery), Some(outcome)) => self.record(fact, delivery, outcome, person, index),
            (Some(_), None) if fact.event == Event::Resent => {
                self.resend(fact);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The recipients of a notice so far, if it has a manifest.
    pub fn recipients(&self, notice: Uuid) -> Option<u64> {
        let manifest = self.manifests.get(&notice)?;
        let last = self.added.get(&notice).and_then(|batches| batches.last());
        last.map_or(Some(manifest.frozen.count), |(_, batch)| batch.first.checked_add(batch.count))
    }

    fn close(&mut self, notice: Uuid, closed: Closed) -> Result<(), String> {
        let stated: BTreeMap<_, _> = closed.counts.iter().copied().filter(|(_, count)| *count > 0).collect();
        if self.tallies.remove(&notice).unwrap_or_default() != stated {
            return Err("its counts are not those of the outcomes before it".to_owned());
        }
        if self.closed.insert(notice, closed).is_some() {
            return Err("its notice was closed already".to_owned());
        }
        Ok(())
    }

    fn record(
        &mut self,
        fact: &Fact,
        delivery: Uuid,
        outcome: Outcome,
        person: Option<&[u8]>,
        index: u64,
    ) -> Result<(), String> {
        let (Some((notice, ..)), Some(ordinal)) = (fact.notice, fact.ordinal) else {
            return Err("it is about a delivery, but names no place in a manifest".to_owned());
        };
        if self.recipients(notice).is_none_or(|recipients| ordinal >= recipients) {
            return Err("no manifest before it has such a recipient".to_owned());
        }
        let brief = person.filter(|person| !person.is_empty()).map(Brief::read).transpose();
        let brief = brief.map_err(|error| error.to_string())?;
        if let Some(sha256) = brief.and_then(|brief| brief.sha256) {
            self.sent.insert(delivery.as_u128(), (half(&sha256), index));
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
        };
        let before = self.outcomes.insert((notice.as_u128(), ordinal), last);
        if before.as_ref().is_some_and(|before| before.delivery != delivery.as_u128()) {
            return Err("another delivery had its place in the manifest".to_owned());
        }
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
    fn resend(&mut self, fact: &Fact) {
        let (Some((notice, ..)), Some(ordinal)) = (fact.notice, fact.ordinal) else { return };
        let Some(last) = self.outcomes.get_mut(&(notice.as_u128(), ordinal)) else { return };
        if matches!(last.outcome, Outcome::Rejected | Outcome::Expired) {
            last.queued_at = Some(fact.at.as_millisecond());
        }
    }

    /// An opening that is gone without an entry that says why is an alarm.
    pub fn only_cleared_persons_are_missing(&mut self) -> Result<(), Damage> {
        self.cleared.sort_unstable();
        for index in &self.unopened {
            let after = self.cleared.partition_point(|run| run.first <= *index);
            // Runs may overlap: a person can be erased after a purge has left nothing to erase.
            let covered = self.cleared[..after].iter().rev().any(|run| index - run.first < run.count);
            if !covered {
                return Err(Damage::at(*index, "its person was removed, and no `erased` or `purged` entry says so"));
            }
        }
        Ok(())
    }
}

/// The first half of a digest: enough that no other message can be found for it.
pub(super) fn half(sha256: &Hash) -> u128 {
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
