//! From rows to commitments to leaves to the root, and the root against every checkpoint.

use uuid::Uuid;

use super::fold::Scanned;
use super::{Against, Damage, Progress, Report, Stop};
use crate::domain::checkpoint::Checkpoint;
use crate::domain::merkle::{Frontier, Hash, Node, leaf_hash};
use crate::domain::note::VerifierKey;
use crate::store::Conn;
use crate::store::proof::audit::{self, Audited, Page};
use crate::store::proof::ledger as entries;
use crate::store::proof::tree::{self, Head, Signed};

/// Entries read at once.
const PAGE: u32 = 400;

/// Sizes of the tree whose checkpoints are read at once.
const CHECKPOINTS: usize = 10_000;

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
        return Err(growing.exchanged("the root of the tree is another"));
    }
    growing.nothing_beyond(tree::largest_checkpoint(conn).await?)?;
    growing.all_are_there(tree::missing_checkpoints(conn).await?)?;
    report.checkpoints = growing.checkpoints;
    signed_by(conn, &growing, &scanned.keys).await?;
    scanned.take_waiting(conn).await?;
    scanned.only_cleared_persons_are_missing()?;
    if let Some(stray) = entries::stray(conn).await? {
        return Err(Damage::whole(format!("the opening {stray} belongs to no entry")).into());
    }
    Ok(scanned)
}

fn look_at(page: &Page, size: u64, scanned: &mut Scanned, growing: &mut Growing<'_>) -> Result<(), Stop> {
    for entry in &page.entries {
        growing.expects(entry)?;
        if entry.index >= size {
            return Err(Damage::at(entry.index, format!("it is there, but the tree has {size} entries")).into());
        }
        scanned.take(page, entry)?;
        growing.push(page, entry)?;
    }
    Ok(())
}

/// The tree as it grows, held against what was stored and signed at each size.
struct Growing<'a> {
    frontier: Frontier,
    against: Against<'a>,
    /// Checkpoints just ahead, the next one last.
    ahead: Vec<Signed>,
    /// Some are not signed with today's key.
    by_other_keys: bool,
    checkpoints: u64,
    /// The size at which all fitted last.
    good: u64,
    /// Roots of complete subtrees as computed, to be compared with the stored ones.
    nodes: Vec<(Node, Hash)>,
}

impl<'a> Growing<'a> {
    fn new(against: Against<'a>) -> Self {
        Self {
            frontier: Frontier::new(),
            against,
            ahead: Vec::new(),
            by_other_keys: false,
            checkpoints: 0,
            good: 0,
            nodes: Vec::new(),
        }
    }

    fn expects(&self, entry: &Audited) -> Result<(), Damage> {
        let next = self.frontier.size();
        if entry.index == next { Ok(()) } else { Err(Damage::at(next, "it is missing")) }
    }

    fn push(&mut self, page: &Page, entry: &Audited) -> Result<(), Stop> {
        let nodes = &mut self.nodes;
        self.frontier.push_with(leaf_hash(page.bytes(&entry.leaf)), |node, hash| {
            if node.is_stored() {
                nodes.push((node, *hash));
            }
        });
        self.compare_checkpoints()
    }

    fn compare_checkpoints(&mut self) -> Result<(), Stop> {
        let size = self.frontier.size();
        while let Some(signed) = self.ahead.pop_if(|next| next.size <= size) {
            let unreadable = |_| Damage::at(size - 1, "the checkpoint signed after it cannot be read");
            let checkpoint = Checkpoint::unverified(&signed.note).map_err(unreadable)?;
            self.compare(&checkpoint, "a checkpoint")?;
            self.checkpoints += 1;
            self.by_other_keys |= self.against.key.is_none_or(|key| Checkpoint::open(&signed.note, key).is_err());
        }
        let (last, kept) = (self.against.last.map(|last| &last.checkpoint), self.against.kept);
        for (checkpoint, whose) in [(last, "this machine's state file"), (kept, "the checkpoint given")] {
            if let Some(checkpoint) = checkpoint.filter(|checkpoint| checkpoint.size() == size) {
                self.compare(checkpoint, whose)?;
            }
        }
        Ok(())
    }

    fn compare(&mut self, checkpoint: &Checkpoint, whose: &str) -> Result<(), Stop> {
        if checkpoint.size() != self.frontier.size() || checkpoint.root() != self.frontier.root() {
            return Err(self.exchanged(&format!("{whose} of {} entries has another root", checkpoint.size())));
        }
        self.good = self.frontier.size();
        Ok(())
    }

    async fn compare_nodes(&mut self, conn: &mut Conn) -> Result<(), Stop> {
        for (node, hash) in std::mem::take(&mut self.nodes) {
            let stored = tree::nodes(conn, node.level, node.index, 1).await?;
            if stored.first() != Some(&hash) {
                let problem = format!("the stored hash of the subtree over entries {:?} is another", node.leaves());
                return Err(self.exchanged(&problem));
            }
        }
        Ok(())
    }

    /// The end of the audit if every entry fits by itself, and together they do not.
    fn exchanged(&self, problem: &str) -> Stop {
        Stop::Exchanged(Exchanged { problem: problem.to_owned(), good: self.good, size: self.frontier.size() })
    }

    /// No checkpoint that was stored was deleted. The last one may still be on its way from this machine's state file to the
    /// database; all of them cannot.
    fn all_are_there(&self, missing: u64) -> Result<(), Damage> {
        if missing > 0 {
            let are = if missing == 1 { "checkpoint is" } else { "checkpoints are" };
            return Err(Damage::whole(format!("{missing} {are} missing: somebody has deleted what was signed")));
        }
        match self.against.last {
            Some(last) if self.checkpoints == 0 && last.checkpoint.size() > 0 => Err(Damage::whole(format!(
                "no checkpoint is there, and this machine's state file has one of {} entries: somebody has deleted what was signed",
                last.checkpoint.size()
            ))),
            _ => Ok(()),
        }
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
}

/// Checkpoints were signed with today's key or one that it replaced.
async fn signed_by(conn: &mut Conn, growing: &Growing<'_>, replaced: &[VerifierKey]) -> Result<(), Stop> {
    let Some(key) = growing.against.key else { return Ok(()) };
    // Exchanges are recorded as pairs, the new key last.
    if replaced.last().is_some_and(|named| named != key) {
        return Err(Damage::whole("this machine's key is not the one that the ledger names last").into());
    }
    if !growing.by_other_keys {
        return Ok(());
    }
    let size = growing.frontier.size();
    let opens = |it: &Signed| std::iter::once(key).chain(replaced).any(|key| Checkpoint::open(&it.note, key).is_ok());
    for after in (0..size).step_by(CHECKPOINTS) {
        let page = tree::checkpoints(conn, after, size.min(after + CHECKPOINTS as u64)).await?;
        if let Some(foreign) = page.iter().find(|it| !opens(it)) {
            let problem = "the checkpoint after it is not signed with a key of this ledger";
            return Err(Damage::at(foreign.size.saturating_sub(1), problem).into());
        }
    }
    Ok(())
}

/// Entries that changed places, or were exchanged together with their openings.
pub(super) struct Exchanged {
    problem: String,
    /// The size at which all fitted last.
    good: u64,
    /// The size at which it was noticed.
    size: u64,
}

impl Exchanged {
    /// The damage. Ids are made in the order of the entries, so that the first of them out of order is the likely one.
    pub(super) async fn find(self, conn: &mut Conn) -> Result<Damage, Stop> {
        let (mut before, mut least, mut found) = (self.size, None, None);
        loop {
            let page = audit::ids_before(conn, self.good, before, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            before = *last;
            for (index, id) in page {
                if least.is_some_and(|least| id > least) {
                    found = Some(index);
                }
                least = least.map_or(Some(id), |least: Uuid| Some(least.min(id)));
            }
        }
        let what = if found.is_some() { "it is not in its place" } else { "it or one after it was exchanged" };
        Ok(Damage::at(found.unwrap_or(self.good), format!("{what}: {}", self.problem)))
    }
}
