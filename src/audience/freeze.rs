//! Freezing an audience: from a rule to one delivery for each recipient, and the manifest that commits to them all.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::spool::{Chunk, Spool};
use super::{AudienceError, Page, Pages, Reach, Source, refuse_empty, refuse_unknown};
use crate::config::Config;
use crate::domain::clock::Clock;
use crate::domain::entry::{Detail, Entry, Event, Fact, Manifest, commitment, shown};
use crate::domain::merkle::{Frontier, Hash, leaf_hash};
use crate::domain::notice::Notice;
use crate::domain::random::Random;
use crate::ledger::unaddressed;
use crate::store::ledger::Opening;
use crate::store::notices::{Kept, Released};
use crate::store::releases::{NewDelivery, Packed};
use crate::store::{Conn, Store, StoreError, ledger, notices, releases, tombstones, tree};

/// A frozen audience.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// How far it reaches.
    pub reach: Reach,
    /// Root of the tree over the recipients' commitments.
    pub root: [u8; 32],
}

/// What freezing needs.
pub struct Freezing<'a> {
    /// Where it is kept.
    pub store: &'a Store,
    /// Whom categories address.
    pub config: &'a Config,
    /// The time.
    pub clock: &'a Clock,
    /// Salts and ids.
    pub random: &'a Random,
    /// Who holds the release.
    pub owner: &'a str,
}

/// Recipients, or customers with nobody to address, written in one transaction: others who write wait for no longer.
const CHUNK: usize = 4000;

/// How often the hold on the release is renewed while the audience is read.
const HOLD: SignedDuration = SignedDuration::from_secs(10);

/// How often a release is done afresh where somebody is erased while it is written.
const AFRESH: usize = 5;

/// Freezes the audience of a notice that `owner` is releasing, and releases it. A partial set that an earlier try left is
/// discarded first; so is one with a person who is erased meanwhile, and the release done afresh. `progress` is told how many
/// recipients are written.
///
/// # Errors
/// See [`AudienceError`]; the notice is still being released then, and the caller decides.
pub async fn freeze(
    with: &Freezing<'_>,
    kept: &Kept,
    notice: &Notice,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Frozen, AudienceError> {
    for _ in 0..AFRESH {
        match freeze_once(with, kept, notice, progress).await {
            Err(AudienceError::Erased) => {}
            ended => return ended,
        }
    }
    Err(AudienceError::Erased)
}

async fn freeze_once(
    with: &Freezing<'_>,
    kept: &Kept,
    notice: &Notice,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Frozen, AudienceError> {
    discard(with, kept.id).await?;
    let mut gathered = gather(with, kept, notice).await?;
    refuse_empty(&gathered.reach, &notice.audience)?;
    refuse_lone_approval(with.config, kept, gathered.reach.customers)?;
    write_spooled(with, kept, &mut gathered, progress).await?;
    let frozen = finish(with, kept, gathered).await?;
    progress(frozen.reach.recipients);
    Ok(frozen)
}

/// Removes what an unfinished release has written.
///
/// # Errors
/// Where the database fails.
async fn discard(with: &Freezing<'_>, id: Uuid) -> Result<(), AudienceError> {
    loop {
        let mut tx = with.store.write_patiently().await?;
        hold(with, &mut tx, id).await?;
        let discarded = releases::discard(&mut tx, id, 5000).await?;
        tx.commit().await.map_err(StoreError::from)?;
        if discarded == 0 {
            return Ok(());
        }
    }
}

/// Renews our hold on the release, or finds that we have lost it.
async fn hold(with: &Freezing<'_>, conn: &mut Conn, id: Uuid) -> Result<(), AudienceError> {
    let held = notices::hold_release(conn, id, with.owner, with.clock.now()).await?;
    if held { Ok(()) } else { Err(AudienceError::Lost) }
}

fn refuse_lone_approval(config: &Config, kept: &Kept, customers: u64) -> Result<(), AudienceError> {
    let alone = kept.approved_by.as_deref() == Some(kept.author.as_str());
    if alone && config.needs_second_person(kept.category, customers) {
        return Err(AudienceError::SecondPerson { customers });
    }
    Ok(())
}

/// Whoever was erased since the snapshot must not come back through it.
async fn refuse_erased(conn: &mut Conn, before: u64) -> Result<(), AudienceError> {
    let now = tombstones::count(conn).await?;
    if now == before { Ok(()) } else { Err(AudienceError::Erased) }
}

/// Reads the audience from one snapshot, and numbers and commits to its recipients.
async fn gather(with: &Freezing<'_>, kept: &Kept, notice: &Notice) -> Result<Gathered, AudienceError> {
    let source = Source::new(&notice.audience, Source::StoredRows(kept.id), kept.follows_id);
    let addressing = with.config.addressing(kept.category);
    let placeholders = notice.placeholders();
    let mut snapshot = with.store.snapshot().await?;
    let tombstones = tombstones::count(&mut snapshot).await?;
    refuse_unknown(&mut snapshot, &source).await?;
    let mut pages = Pages::new(&source, &addressing, &placeholders, followed(&mut snapshot, kept).await?);
    let mut gathered = Gathered::new(with.clock.now(), tombstones);
    let mut held = with.clock.now();
    let mut next = pages.next(&mut snapshot).await?;
    while let Some(page) = next {
        crate::store::beat();
        if pages.is_complete() {
            // On a thread of its own, while the database reads the next page.
            let random = with.random.clone();
            let adding = tokio::task::spawn_blocking(move || gathered.add(page, &random).map(|()| gathered));
            let (read, added) = tokio::join!(pages.next(&mut snapshot), adding);
            gathered = added.expect("it does not panic").map_err(AudienceError::Spool)?;
            next = read?;
        } else {
            next = pages.next(&mut snapshot).await?;
        }
        if with.clock.now().duration_since(held) >= HOLD {
            held = with.clock.now();
            let mut tx = with.store.write_patiently().await?;
            hold(with, &mut tx, kept.id).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
    }
    pages.refuse_missing()?;
    Ok(gathered)
}

/// The notice whose threads this one continues: what an unfinished release has written is no thread.
async fn followed(conn: &mut Conn, kept: &Kept) -> Result<Option<Uuid>, StoreError> {
    let Some(id) = kept.follows_id else { return Ok(None) };
    let notice = notices::find(conn, id).await?;
    Ok(notice.filter(|notice| notice.released_at.is_some()).map(|notice| notice.id))
}

/// An audience that was read: its recipients are numbered, and the tree over them all has grown.
struct Gathered {
    at: Timestamp,
    /// Persons erased until then.
    tombstones: u64,
    reach: Reach,
    tree: Frontier,
    spool: Spool,
    /// The last chunk, which is not full yet.
    rows: Vec<NewDelivery>,
    unaddressed: Vec<(String, String)>,
}

impl Gathered {
    fn new(at: Timestamp, tombstones: u64) -> Self {
        Self {
            at,
            tombstones,
            reach: Reach::default(),
            tree: Frontier::new(),
            spool: Spool::default(),
            rows: Vec::new(),
            unaddressed: Vec::new(),
        }
    }

    fn add(&mut self, page: Page, random: &Random) -> std::io::Result<()> {
        self.reach.customers += page.customers;
        self.reach.unaddressed += page.unaddressed.len() as u64;
        self.unaddressed.extend(page.unaddressed);
        for recipient in page.recipients {
            // Before one that would be too many, so that there always is a last chunk.
            if self.rows.len() == CHUNK {
                self.spool_chunk()?;
            }
            let salt: [u8; 32] = random.bytes();
            self.tree.push(leaf_hash(&commitment(&salt, &recipient.account_id, recipient.email.as_str())));
            let merged = (!recipient.merged.is_empty())
                .then(|| serde_json::to_string(&recipient.merged).expect("a map of texts serialises"));
            self.rows.push(NewDelivery {
                id: random.id(self.at).to_string(),
                ordinal: self.reach.recipients,
                account_id: recipient.account_id,
                customer_name: recipient.customer_name,
                email: recipient.email,
                contact_name: recipient.contact_name,
                role: recipient.role.as_str(),
                locale: recipient.locale.map(|locale| locale.as_str().to_owned()),
                time_zone: recipient.time_zone.map(|zone| zone.as_str().to_owned()),
                merged,
                salt: data_encoding::HEXLOWER.encode(&salt),
                follows_id: recipient.follows_id,
            });
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

/// Chunks after which what they wrote is taken out of the write-ahead log: some 150 MB. Less often would be less work, but then
/// the next commit waits for seconds until it is on the disk, and all others who write with it.
const CHECKPOINT: usize = 8;

/// Writes all chunks but the last: should some of them be lost when the power goes, the manifest is too, and it is done anew.
async fn write_spooled(
    with: &Freezing<'_>,
    kept: &Kept,
    gathered: &mut Gathered,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), AudienceError> {
    gathered.spool.rewind().map_err(AudienceError::Spool)?;
    let mut writer = with.store.bulk_writer();
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
    let (root, count) = (gathered.tree.root(), gathered.reach.recipients);
    let at = with.clock.now();
    let mut tx = with.store.write_patiently().await?;
    hold(with, &mut tx, kept.id).await?;
    // No erasure comes in between from here on.
    tree::lock_head(&mut tx).await?;
    refuse_erased(&mut tx, gathered.tombstones).await?;
    write(&mut tx, kept, gathered.at, &last).await?;
    // The chunks before were not waited for until they were on the disk: a server that was restarted may have lost some.
    if releases::written(&mut tx, kept.id).await? != (count, gathered.reach.unaddressed) {
        return Err(AudienceError::Incomplete);
    }
    let entry = release(with, &mut tx, kept, &gathered, (root, at)).await?;
    ledger::append(&mut tx, &[Opening::of_notice(&entry, kept.id, at)]).await?;
    tx.commit().await.map_err(StoreError::from)?;
    if count > 1000
        && let Err(error) = with.store.analyze_queue().await
    {
        // It is released all the same: a failure here would invite to release it twice.
        tracing::warn!(notice = %kept.id, %error, "the planner's figures of the queue could not be brought up to date");
    }
    Ok(Frozen { reach: gathered.reach, root })
}

/// Makes the notice a released one, and the manifest that commits to its audience and to what is shown of it.
async fn release(
    with: &Freezing<'_>,
    conn: &mut Conn,
    kept: &Kept,
    gathered: &Gathered,
    (root, at): (Hash, Timestamp),
) -> Result<Entry, AudienceError> {
    let (salt, message_domain) = (with.random.bytes(), with.config.sender.domain());
    let (customers, recipients) = (gathered.reach.customers, gathered.reach.recipients);
    let (unaddressed, unaddressed_root) = unaddressed::commit(conn, kept.id, &salt).await?;
    let released = Released { customers, recipients, message_domain, salt: &salt };
    if !notices::set_released(conn, kept.id, at, &released).await? {
        return Err(AudienceError::Lost);
    }
    let shown = shown(&kept.subject, kept.reference.as_deref(), kept.follows_id, message_domain);
    let manifest = Manifest { count: recipients, root, customers, unaddressed, unaddressed_root, shown };
    let fact = Fact {
        notice: Some((kept.id, kept.category, kept.digest)),
        detail: Detail::Manifest(manifest),
        ..Fact::new(Event::Manifest, at)
    };
    Ok(Entry::new(&fact, None, with.random))
}
