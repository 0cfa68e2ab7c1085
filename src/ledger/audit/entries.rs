//! From rows to commitments to leaves to the root, and the root against every checkpoint.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::{Against, Damage, Progress, Report, Stop};
use crate::domain::checkpoint::Checkpoint;
use crate::domain::delivery::Outcome;
use crate::domain::entry::{Detail, Fact, Run, commitments, hmac, leaf};
use crate::domain::merkle::{Frontier, Hash, Node, leaf_hash};
use crate::domain::note::VerifierKey;
use crate::store::Conn;
use crate::store::audit::{self, Audited, AuditedOpening, Page};
use crate::store::ledger as entries;
use crate::store::tree::{self, Head, Signed};

/// Entries read at once.
const PAGE: u32 = 400;

/// What the entries say of the notices and deliveries.
#[derive(Default)]
pub(super) struct Scanned {
    /// Each notice's manifest: index, count, root.
    pub manifests: BTreeMap<Uuid, (u64, u64, Hash)>,
    /// Each closed notice: index, and its count of outcomes.
    pub closed: BTreeMap<Uuid, (u64, Vec<(Outcome, u64)>)>,
    /// The last outcome of each delivery that has one, and the index that says so.
    pub outcomes: HashMap<u128, (Outcome, u64)>,
    /// Of each notice, how many deliveries are in each outcome so far.
    tallies: HashMap<Uuid, BTreeMap<Outcome, u64>>,
    keys: Vec<VerifierKey>,
    unopened: Vec<u64>,
    cleared: Vec<Run>,
}

/// Looks at every entry.
pub(super) async fn scan(
    conn: &mut Conn,
    head: &Head,
    against: Against<'_>,
    progress: &(dyn Fn(Progress) + Sync),
    report: &mut Report,
) -> Result<Scanned, Stop> {
    let mut scanned = Scanned::default();
    let mut growing = Growing::new(against);
    let size = head.frontier.size();
    let mut page = audit::page(conn, 0, PAGE).await?;
    while let (Some(first), Some(last)) = (page.entries.first(), page.entries.last()) {
        growing.ahead = tree::checkpoints(conn, first.index, last.index + 1).await?;
        growing.ahead.reverse();
        // The database packs the next page while this one is looked at.
        let look = async { look_at(&page, size, &mut scanned, &mut growing) };
        let (next, looked) = tokio::join!(audit::page(conn, last.index + 1, PAGE), look);
        looked?;
        growing.compare_nodes(conn).await?;
        report.entries = growing.frontier.size();
        progress(Progress::Entries(report.entries, size));
        page = next?;
    }
    let there = growing.frontier.size();
    if there < size {
        return Err(
            Damage::at(there, format!("it is missing, with all that follow: the tree has {size} entries")).into()
        );
    }
    if growing.frontier.root() != head.root || growing.frontier != head.frontier {
        return Err(growing.reordered("the root of the tree is another").into());
    }
    growing.nothing_beyond(tree::largest_checkpoint(conn).await?)?;
    report.checkpoints = growing.checkpoints;
    growing.signed_by(&scanned.keys)?;
    take_waiting(conn, &mut scanned).await?;
    scanned.only_cleared_persons_are_missing()?;
    if let Some(stray) = entries::stray(conn).await? {
        return Err(Damage::whole(format!("the opening {stray} belongs to no entry")).into());
    }
    Ok(scanned)
}

fn look_at(page: &Page, size: u64, scanned: &mut Scanned, growing: &mut Growing<'_>) -> Result<(), Damage> {
    for entry in &page.entries {
        growing.expects(entry)?;
        if entry.index >= size {
            return Err(Damage::at(entry.index, format!("it is there, but the tree has {size} entries")));
        }
        scanned.take(page, entry)?;
        growing.push(page, entry)?;
    }
    Ok(())
}

/// Entries that wait for their index count for the states of deliveries.
async fn take_waiting(conn: &mut Conn, scanned: &mut Scanned) -> Result<(), Stop> {
    for opening in entries::waiting(conn).await? {
        let wrong = |problem: String| Damage::whole(format!("the entry {} that waits: {problem}", opening.entry_id));
        let fact = Fact::from_cbor(&opening.fact).map_err(|error| wrong(error.to_string()))?;
        scanned.fold(&fact, opening.delivery_id.as_ref(), u64::MAX).map_err(&wrong)?;
        if fact.event != opening.event {
            return Err(wrong("its event is another in its fact".to_owned()).into());
        }
    }
    Ok(())
}

impl Scanned {
    fn take(&mut self, page: &Page, entry: &Audited) -> Result<(), Damage> {
        let bad = |problem: String| Damage::at(entry.index, problem);
        let Some(opening) = &entry.opening else { return Err(bad("its opening was removed".to_owned())) };
        let (committed, bytes) = (page.bytes(&entry.leaf), page.bytes(&opening.fact));
        let fact_salt = page.bytes(&opening.fact_salt);
        match (&opening.person, &opening.person_salt) {
            (Some(person), Some(salt)) => {
                if leaf(fact_salt, bytes, page.bytes(salt), page.bytes(person)) != committed {
                    return Err(bad("what it says is not what its leaf commits to".to_owned()));
                }
            }
            (None, None) => {
                let (committed, _) = commitments(committed).map_err(|it| bad(it.to_string()))?;
                if hmac(fact_salt, bytes) != committed {
                    return Err(bad("its fact is not what its leaf commits to".to_owned()));
                }
                self.unopened.push(entry.index);
            }
            _ => return Err(bad("its person and salt are not both there or both gone".to_owned())),
        }
        let fact = Fact::read(bytes).map_err(|error| bad(error.to_string()))?;
        agrees(opening, &fact).map_err(|problem| bad(problem.to_owned()))?;
        self.fold(&fact, opening.delivery_id.as_ref(), entry.index).map_err(bad)
    }

    /// States are a fold over entries: takes the next one.
    fn fold(&mut self, fact: &Fact, delivery: Option<&Uuid>, index: u64) -> Result<(), String> {
        let notice = fact.notice.map(|(id, ..)| id);
        match (&fact.detail, notice) {
            (Detail::Manifest { count, root }, Some(id)) => drop(self.manifests.insert(id, (index, *count, *root))),
            (Detail::Closed(counts), Some(id)) => {
                let stated: BTreeMap<_, _> = counts.iter().copied().filter(|(_, count)| *count > 0).collect();
                if self.tallies.remove(&id).unwrap_or_default() != stated {
                    return Err("its counts are not those of the outcomes before it".to_owned());
                }
                self.closed.insert(id, (index, counts.clone()));
            }
            (Detail::Cleared { entries, .. }, _) => self.cleared.extend(entries),
            (Detail::Keys { old, new }, _) => {
                self.keys.extend([old, new].into_iter().filter_map(|key| VerifierKey::parse(key).ok()));
            }
            _ => {}
        }
        if let (Some(delivery), Some(outcome), Some(notice)) = (delivery, fact.event.outcome(), notice) {
            let before = self.outcomes.insert(delivery.as_u128(), (outcome, index));
            if !self.closed.contains_key(&notice) {
                let tally = self.tallies.entry(notice).or_default();
                *tally.entry(outcome).or_default() += 1;
                if let Some((before, _)) = before
                    && let Some(count) = tally.get_mut(&before)
                {
                    *count -= 1;
                }
                tally.retain(|_, count| *count > 0);
            }
        }
        Ok(())
    }

    /// An opening that is gone without an entry that says why is an alarm.
    fn only_cleared_persons_are_missing(&mut self) -> Result<(), Damage> {
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
    Ok(())
}

/// The tree as it grows, held against what was stored and signed at each size.
struct Growing<'a> {
    frontier: Frontier,
    against: Against<'a>,
    /// Checkpoints just ahead, the next one last.
    ahead: Vec<Signed>,
    /// Those that are not signed with today's key.
    by_other_keys: Vec<Signed>,
    checkpoints: u64,
    /// The size at which all fitted last, and ids since then.
    good: u64,
    since: Vec<Uuid>,
    /// Roots of complete subtrees as computed, to be compared with the stored ones.
    nodes: Vec<(Node, Hash)>,
}

impl<'a> Growing<'a> {
    fn new(against: Against<'a>) -> Self {
        Self {
            frontier: Frontier::new(),
            against,
            ahead: Vec::new(),
            by_other_keys: Vec::new(),
            checkpoints: 0,
            good: 0,
            since: Vec::new(),
            nodes: Vec::new(),
        }
    }

    fn expects(&self, entry: &Audited) -> Result<(), Damage> {
        let next = self.frontier.size();
        if entry.index == next { Ok(()) } else { Err(Damage::at(next, "it is missing")) }
    }

    fn push(&mut self, page: &Page, entry: &Audited) -> Result<(), Damage> {
        let nodes = &mut self.nodes;
        self.frontier.push_with(leaf_hash(page.bytes(&entry.leaf)), |node, hash| {
            if node.level > 0 && node.level.is_multiple_of(8) {
                nodes.push((node, *hash));
            }
        });
        self.since.push(entry.entry_id);
        self.compare_checkpoints()
    }

    fn compare_checkpoints(&mut self) -> Result<(), Damage> {
        let size = self.frontier.size();
        while let Some(signed) = self.ahead.pop_if(|next| next.size <= size) {
            let unreadable = |_| Damage::at(size - 1, "the checkpoint signed after it cannot be read");
            let text = signed.note.split_inclusive("\n\n").next().unwrap_or_default();
            let checkpoint = Checkpoint::parse(text.strip_suffix('\n').unwrap_or(text)).map_err(unreadable)?;
            self.compare(&checkpoint, "a checkpoint")?;
            self.checkpoints += 1;
            if self.against.key.is_none_or(|key| Checkpoint::open(&signed.note, key).is_err()) {
                self.by_other_keys.push(signed);
            }
        }
        let (last, kept) = (self.against.last.map(|last| &last.checkpoint), self.against.kept);
        for (checkpoint, whose) in [(last, "this machine's state file"), (kept, "the checkpoint given")] {
            if let Some(checkpoint) = checkpoint.filter(|checkpoint| checkpoint.size() == size) {
                self.compare(checkpoint, whose)?;
            }
        }
        Ok(())
    }

    fn compare(&mut self, checkpoint: &Checkpoint, whose: &str) -> Result<(), Damage> {
        if checkpoint.size() != self.frontier.size() || checkpoint.root() != self.frontier.root() {
            return Err(self.reordered(&format!("{whose} of {} entries has another root", checkpoint.size())));
        }
        self.good = self.frontier.size();
        self.since.clear();
        Ok(())
    }

    async fn compare_nodes(&mut self, conn: &mut Conn) -> Result<(), Stop> {
        for (node, hash) in std::mem::take(&mut self.nodes) {
            let stored = tree::nodes(conn, node.level, node.index, 1).await?;
            if stored.first() != Some(&hash) {
                let problem = format!("the stored hash of the subtree over entries {:?} is another", node.leaves());
                return Err(self.reordered(&problem).into());
            }
        }
        Ok(())
    }

    /// What does not fit where every entry fits by itself: entries changed places, or were exchanged together with their
    /// openings. Ids are made in the order of the entries, so that the first of them out of order is the likely one.
    fn reordered(&self, problem: &str) -> Damage {
        let mut least = None;
        let mut first = self.since.len();
        for (place, id) in self.since.iter().enumerate().rev() {
            if least.is_some_and(|least: &Uuid| id > least) {
                first = place;
            }
            least = least.map_or(Some(id), |least| Some(least.min(id)));
        }
        let found = first < self.since.len();
        let index = self.good + if found { first as u64 } else { 0 };
        let what = if found { "it is not in its place" } else { "it or one after it was exchanged" };
        Damage::at(index, format!("{what}: {problem}"))
    }

    /// Nothing was signed beyond what is there.
    fn nothing_beyond(&self, largest: Option<u64>) -> Result<(), Damage> {
        let size = self.frontier.size();
        let last = self.against.last.map(|last| last.checkpoint.size());
        let kept = self.against.kept.map(Checkpoint::size);
        match [largest, last, kept].into_iter().flatten().max() {
            Some(beyond) if beyond > size => {
                let problem = format!("it is missing: a checkpoint of {beyond} entries was signed, {size} are there");
                Err(Damage::at(size, problem))
            }
            _ => Ok(()),
        }
    }

    /// Checkpoints were signed with today's key or one that it replaced.
    fn signed_by(&self, replaced: &[VerifierKey]) -> Result<(), Damage> {
        let Some(key) = self.against.key else { return Ok(()) };
        // Exchanges are recorded as pairs, the new key last.
        if replaced.last().is_some_and(|named| named != key) {
            return Err(Damage::whole("this machine's key is not the one that the ledger names last"));
        }
        let foreign = |it: &&Signed| !replaced.iter().any(|key| Checkpoint::open(&it.note, key).is_ok());
        match self.by_other_keys.iter().find(foreign) {
            Some(foreign) => Err(Damage::at(
                foreign.size.saturating_sub(1),
                "the checkpoint after it is not signed with a key of this ledger",
            )),
            None => Ok(()),
        }
    }
}
