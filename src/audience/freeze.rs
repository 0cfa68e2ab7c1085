//! Freezing an audience: from a rule to one delivery for each recipient, and the manifest that commits to them all.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::ahead;
use super::reach::{refuse_empty, refuse_unknown};
use super::spool::{Chunk, Spool};
use super::{AudienceError, Committed, Page, Pages, Plan, Reach, Source, matter, supersede};
use crate::config::Config;
use crate::context::Context;
use crate::domain::actor::{Action, Actor};
use crate::domain::category::Class;
use crate::domain::coverage::{LegalClock, Terms};
use crate::domain::entry::{Detail, Entry, Event, Fact, Manifest, shown};
use crate::domain::merkle::Hash;
use crate::domain::notice::Step;
use crate::domain::notice::writers::has_written;
use crate::domain::random::Random;
use crate::domain::schedule::{Schedule, Timing};
use crate::domain::webhook::HookEvent;
use crate::ledger::operated::{self, Operation};
use crate::ledger::unaddressed;
use crate::store::notices::releases::{NewDelivery, Packed, Released};
use crate::store::notices::steps::Done;
use crate::store::notices::{Kept, matters, releases};
use crate::store::people::{imports, tombstones};
use crate::store::proof::ledger::Opening;
use crate::store::proof::{commitments, ledger, tree};
use crate::store::webhooks::facts;
use crate::store::{Conn, StoreError, escalations, notices};

/// A frozen audience.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// How far it reaches.
    pub reach: Reach,
    /// Root of the tree over the recipients' commitments.
    pub root: [u8; 32],
}

/// What a release is made with.
pub struct Freezing<'a> {
    /// The database, the configuration, the time and randomness.
    pub context: &'a Context,
    /// Whose audience it is.
    pub plan: &'a Plan,
    /// The process that holds the release.
    pub owner: &'a str,
    /// Who releases the notice.
    pub actor: &'a Actor,
    /// Why, in the actor's words.
    pub reason: Option<&'a str>,
}

/// Recipients, or customers with nobody to address, written in one transaction: others who write wait for no longer.
const CHUNK: usize = 4000;

/// Time after which the hold on the release is renewed while the audience is read.
const HOLD: SignedDuration = SignedDuration::from_secs(10);

/// Attempts at a release if a person is erased during each.
const AFRESH: usize = 5;

/// Freezes the audience of a notice that this process holds the release of, and releases it. A partial set that an earlier
/// attempt left is discarded first; so is one with a person who is erased meanwhile, and the release starts again. `progress`
/// receives the number of recipients written.
///
/// # Errors
/// See [`AudienceError`]; the notice is still `releasing` then, and the caller decides what becomes of it.
pub async fn freeze(
    with: &Freezing<'_>,
    kept: &Kept,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Frozen, AudienceError> {
    for _ in 0..AFRESH {
        match freeze_once(with, kept, progress).await {
            Err(AudienceError::Erased) => {}
            ended => return ended,
        }
    }
    Err(AudienceError::Erased)
}

async fn freeze_once(
    with: &Freezing<'_>,
    kept: &Kept,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Frozen, AudienceError> {
    discard(with, kept.id).await?;
    fit(&mut *with.context.store.read().await?, kept).await?;
    if supersede::comes_first(kept) {
        // A cancellation that is refused must not have stopped the notices before it.
        acceptable(with, kept).await?;
        supersede::before_reading(with, kept).await?;
    }
    let mut gathered = acceptable(with, kept).await?;
    write_spooled(with, kept, &mut gathered, progress).await?;
    let frozen = match finish(with, kept, gathered).await {
        Err(error @ AudienceError::Unfit(_)) => {
            discard(with, kept.id).await?;
            return Err(error);
        }
        ended => ended?,
    };
    progress(frozen.reach.recipients);
    frozen.reach.log_left(kept.id);
    Ok(frozen)
}

/// Reads the audience, and refuses what may not be released to it.
async fn acceptable(with: &Freezing<'_>, kept: &Kept) -> Result<Gathered, AudienceError> {
    let gathered = gather(with, kept).await?;
    let steps = notices::steps::list(&mut *with.context.store.read().await?, kept.id).await?;
    let customers = if with.plan.may_be_empty { u64::MAX } else { gathered.reach.customers };
    refuse_lone_approval(&with.context.config, kept, &steps, customers)?;
    Ok(gathered)
}

/// Removes what an unfinished release has written.
///
/// # Errors
/// If the database fails.
async fn discard(with: &Freezing<'_>, id: Uuid) -> Result<(), AudienceError> {
    loop {
        let mut tx = with.context.store.write_patiently().await?;
        hold(with, &mut tx, id).await?;
        let discarded = releases::discard(&mut tx, id, 5000).await?;
        tx.commit().await.map_err(StoreError::from)?;
        if discarded == 0 {
            return Ok(());
        }
    }
}

/// Refuses a notice that cannot follow what was released of its matter: that may have come while it waited.
async fn fit(conn: &mut Conn, kept: &Kept) -> Result<(), AudienceError> {
    matter::join(conn, kept.follows_id, (kept.category, &kept.said)).await.map(drop)
}

/// Renews our hold on the release, or finds that we have lost it.
async fn hold(with: &Freezing<'_>, conn: &mut Conn, id: Uuid) -> Result<(), AudienceError> {
    let held = releases::hold_release(conn, id, with.owner, with.context.clock.now()).await?;
    if held { Ok(()) } else { Err(AudienceError::Lost) }
}

/// Refuses a release to more customers than one person may decide about, if a writer of the notice approved it by submitting it.
fn refuse_lone_approval(config: &Config, kept: &Kept, steps: &[Done], customers: u64) -> Result<(), AudienceError> {
    let steps: Vec<_> = steps.iter().map(Done::taken).collect();
    let alone = kept.approved_by.as_deref().is_some_and(|by| has_written(by, &steps));
    if alone && config.needs_second_person(kept.category, customers) {
        return Err(AudienceError::SecondPerson { customers });
    }
    Ok(())
}

/// A person who was erased since the snapshot must not come back through it.
async fn refuse_erased(conn: &mut Conn, before: u64) -> Result<(), AudienceError> {
    let now = tombstones::count(conn).await?;
    if now == before { Ok(()) } else { Err(AudienceError::Erased) }
}

/// Reads the audience from one snapshot, and numbers and commits to its recipients.
async fn gather(with: &Freezing<'_>, kept: &Kept) -> Result<Gathered, AudienceError> {
    let mut snapshot = with.context.store.snapshot().await?;
    let tombstones = tombstones::count(&mut snapshot).await?;
    let revision = imports::revision(&mut snapshot).await?;
    refuse_unknown(&mut snapshot, with.plan).await?;
    let mut pages = Pages::new(with.plan, kept.continued());
    let mut gathered = Gathered::new(with.context.clock.now(), tombstones, revision);
    gathered.place = place(&mut snapshot, kept).await?;
    let mut held = with.context.clock.now();
    let schedule = kept.parsed().map(|notice| notice.schedule).unwrap_or_default();
    let timing = timing(&with.context.config, kept, &schedule);
    let mut next = pages.next(&mut snapshot).await?;
    while let Some(page) = next {
        crate::store::beat();
        gathered.reach.count_left(&page, with.plan);
        if pages.is_complete() {
            // On another thread, while the database reads the next page.
            let (random, timing) = (with.context.random.clone(), timing.clone());
            let adding = tokio::task::spawn_blocking(move || gathered.add(page, &timing, &random).map(|()| gathered));
            let (read, added) = tokio::join!(pages.next(&mut snapshot), adding);
            gathered = added.expect("it does not panic").map_err(AudienceError::Spool)?;
            next = read?;
        } else {
            next = pages.next(&mut snapshot).await?;
        }
        if with.context.clock.now().duration_since(held) >= HOLD {
            held = with.context.clock.now();
            let mut tx = with.context.store.write_patiently().await?;
            hold(with, &mut tx, kept.id).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
    }
    // Whoever lacks a value is not counted.
    pages.refuse_missing()?;
    refuse_empty(&mut snapshot, &gathered.reach, with.plan).await?;
    Ok(gathered)
}

/// The place of the last released notice of a notice's matter; 0 if none was.
async fn place(conn: &mut Conn, kept: &Kept) -> Result<u64, StoreError> {
    let released = matters::released(conn, kept.matter_id).await?;
    Ok(released.last().and_then(|last| last.sequence).unwrap_or_default())
}

/// When the deliveries of a notice become due. One that cannot be read is not released, and what is added to it waits for nothing.
pub(super) fn timing(config: &Config, kept: &Kept, schedule: &Schedule) -> Timing {
    Timing {
        // A release at once has no time of its own any more.
        local: schedule.send_at_local.filter(|_| kept.send_at.is_some()),
        spread: schedule.spread,
        quiet: config.quiet_hours(kept.category),
        default_zone: config.organisation.default_time_zone.clone(),
    }
}

/// An audience that was read: its recipients are numbered, and the tree over all of them is complete.
struct Gathered {
    at: Timestamp,
    /// Persons erased until then.
    tombstones: u64,
    /// Revision of the customers and contacts that were read.
    revision: u64,
    /// The place of the last notice of its matter that was released until then; 0 if none was.
    place: u64,
    reach: Reach,
    committed: Committed,
    spool: Spool,
    /// The last chunk, which is not full yet.
    rows: Vec<NewDelivery>,
    unaddressed: Vec<(String, String)>,
}

impl Gathered {
    fn new(at: Timestamp, tombstones: u64, revision: u64) -> Self {
        Self {
            at,
            tombstones,
            revision,
            place: 0,
            reach: Reach::default(),
            committed: Committed::default(),
            spool: Spool::default(),
            rows: Vec::new(),
            unaddressed: Vec::new(),
        }
    }

    fn add(&mut self, page: Page, timing: &Timing, random: &Random) -> std::io::Result<()> {
        self.reach.customers += page.customers;
        self.reach.unaddressed += page.unaddressed.len() as u64;
        self.unaddressed.extend(page.unaddressed);
        for recipient in page.recipients {
            // Before the first that does not fit, so that there always is a last chunk.
            if self.rows.len() == CHUNK {
                self.spool_chunk()?;
            }
            let ordinal = self.reach.recipients;
            let not_before = timing.not_before(self.at, recipient.time_zone.as_ref(), Some(ordinal));
            self.rows.push(self.committed.add(recipient, ordinal, not_before, (self.at, random)));
            self.reach.recipients += 1;
        }
        if self.unaddressed.len() >= CHUNK { self.spool_chunk() } else { Ok(()) }
    }

    fn spool_chunk(&mut self) -> std::io::Result<()> {
        let chunk = self.take_chunk();
        self.spool.push(&chunk)
    }

    fn take_chunk(&mut self) -> Chunk {
        let deliveries = Packed::of(&self.rows);
        self.rows.clear();
        Chunk { deliveries, unaddressed: std::mem::take(&mut self.unaddressed) }
    }
}

/// Chunks between checkpoints of the write-ahead log: some 150 MB. With fewer checkpoints the next commit would wait for seconds
/// for the disk, and every other writer with it.
const CHECKPOINT: usize = 8;

/// Writes all chunks but the last. A power failure that loses some of them loses the manifest too, and the release starts again.
async fn write_spooled(
    with: &Freezing<'_>,
    kept: &Kept,
    gathered: &mut Gathered,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), AudienceError> {
    gathered.spool.rewind().map_err(AudienceError::Spool)?;
    let mut writer = with.context.store.bulk_writer();
    let mut count = 0_usize;
    while let Some(chunk) = gathered.spool.next().map_err(AudienceError::Spool)? {
        let mut tx = writer.begin().await?;
        hold(with, &mut tx, kept.id).await?;
        refuse_erased(&mut tx, gathered.tombstones).await?;
        write(&mut tx, kept, gathered.at, &chunk).await?;
        tx.commit().await.map_err(StoreError::from)?;
        progress(chunk.deliveries.to);
        count += 1;
        if count.is_multiple_of(CHECKPOINT) {
            writer.checkpoint().await?;
        }
    }
    writer.close().await;
    Ok(())
}

async fn write(conn: &mut Conn, kept: &Kept, at: Timestamp, chunk: &Chunk) -> Result<(), StoreError> {
    releases::insert(conn, kept.id, kept.category.lane().rank(), at, &chunk.deliveries).await?;
    if !chunk.unaddressed.is_empty() {
        releases::insert_unaddressed(conn, kept.id, &chunk.unaddressed).await?;
    }
    Ok(())
}

/// The last chunk, the manifest and the release, in one transaction.
async fn finish(with: &Freezing<'_>, kept: &Kept, mut gathered: Gathered) -> Result<Frozen, AudienceError> {
    let last = gathered.take_chunk();
    let (root, count) = (gathered.committed.root(), gathered.reach.recipients);
    let at = with.context.clock.now();
    let mut tx = with.context.store.write_patiently().await?;
    // No person is erased in between from here on.
    tree::lock_head(&mut tx).await?;
    // Before its own row, as a cancellation does: what the matter plans follows from all of its notices.
    notices::lock_matter(&mut tx, kept.matter_id).await?;
    hold(with, &mut tx, kept.id).await?;
    // Nor is another notice of the matter released.
    fit(&mut tx, kept).await?;
    refuse_erased(&mut tx, gathered.tombstones).await?;
    // One that was released meanwhile addressed customers whom this one does not: they would lose what is still queued of it.
    if matches!(with.plan.source, Source::Followed { .. }) && place(&mut tx, kept).await? != gathered.place {
        return Err(AudienceError::Erased);
    }
    write(&mut tx, kept, gathered.at, &last).await?;
    // The chunks before were not synchronised to the disk: a server that was restarted may have lost some.
    if releases::written(&mut tx, kept.id).await? != (count, gathered.reach.unaddressed) {
        return Err(AudienceError::Incomplete);
    }
    supersede::supersede(with, &mut tx, kept, at).await?;
    let entry = release(with, &mut tx, kept, &gathered, (root, at)).await?;
    ledger::append(&mut tx, &[Opening::of_notice(&entry, kept.id, at)]).await?;
    commitments::insert_nodes(&mut tx, kept.id, 0, gathered.committed.subtrees()).await?;
    record(with, &mut tx, kept, at).await?;
    tx.commit().await.map_err(StoreError::from)?;
    if count > 1000
        && let Err(error) = with.context.store.analyze_queue().await
    {
        // The notice is released: an error here would invite a second release.
        tracing::warn!(notice = %kept.id, %error, "cannot update the planner's statistics of the queue");
    }
    Ok(Frozen { reach: gathered.reach, root })
}

/// What a notice is held to that is released at this time: later answers do not depend on the configuration of their day.
fn terms(config: &Config, kept: &Kept, standing: bool, at: Timestamp) -> Terms {
    let within = config.deadline(kept.category);
    // Those who are added later cannot be informed by a time that is counted from the release.
    let from_release = (!standing).then_some(at);
    let clock = LegalClock::new(kept.discovered_at(), from_release, kept.follows_id.is_some(), within);
    Terms { informed_at: config.informed_at(kept.category), deadline: clock.deadline }
}

/// Makes the notice a released one, and the manifest that commits to its audience and to what is shown of it.
async fn release(
    with: &Freezing<'_>,
    conn: &mut Conn,
    kept: &Kept,
    gathered: &Gathered,
    (root, at): (Hash, Timestamp),
) -> Result<Entry, AudienceError> {
    let (salt, message_domain) = (with.context.random.bytes(), with.context.config.sender.domain());
    let (customers, recipients) = (gathered.reach.customers, gathered.reach.recipients);
    let (unaddressed, unaddressed_root) = unaddressed::commit(conn, kept.id, &salt).await?;
    let (standing, revision) = (with.plan.may_be_empty, gathered.revision);
    let terms = terms(&with.context.config, kept, standing, at);
    let released = Released { customers, recipients, message_domain, terms, salt: &salt, revision, standing };
    if !releases::set_released(conn, kept.id, at, &released).await? {
        return Err(AudienceError::Lost);
    }
    if kept.category.class() == Class::Mandatory {
        escalations::watch(conn, kept.id, at).await?;
    }
    ahead::plan(with.context, conn, kept, at).await?;
    facts::note_notice(conn, HookEvent::NoticeReleased, kept.id, at).await?;
    let shown = shown(&kept.subject, kept.reference.as_deref(), kept.follows_id, message_domain, Some(terms));
    let manifest = Manifest { count: recipients, root, customers, unaddressed, unaddressed_root, shown };
    let fact = Fact { detail: Detail::Manifest(manifest), ..kept.fact(Event::Manifest, at) };
    Ok(Entry::new(&fact, None, &with.context.random))
}

/// Records who released the notice.
async fn record(with: &Freezing<'_>, conn: &mut Conn, kept: &Kept, at: Timestamp) -> Result<(), StoreError> {
    let reason = with.reason.map(str::to_owned);
    let done = Done { step: Step::Release, operator: with.actor.name().to_owned(), reason, at };
    notices::steps::insert(conn, with.context.random.id(at), kept.id, &done).await?;
    let operation = Operation::on_notice(Action::Release, kept).reason(with.reason.unwrap_or_default());
    operated::record(conn, with.actor, &operation, at, &with.context.random).await
}
