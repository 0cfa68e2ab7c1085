//! Freezing an audience: from a rule to one delivery for each recipient, and the manifest that commits to them all.

use jiff::Timestamp;
use uuid::Uuid;

use super::{AudienceError, Page, Pages, Reach, Source, refuse_empty, refuse_unknown};
use crate::config::Config;
use crate::domain::clock::Clock;
use crate::domain::entry::{Detail, Entry, Event, Fact, commitment};
use crate::domain::merkle::{Frontier, leaf_hash};
use crate::domain::notice::Notice;
use crate::domain::random::Random;
use crate::store::deliveries::NewDelivery;
use crate::store::ledger::Opening;
use crate::store::notices::Kept;
use crate::store::{Conn, Store, deliveries, ledger, notices, subjects, tree};

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

/// Recipients written in one transaction.
const CHUNK: usize = 5000;

/// Freezes the audience of a notice that `owner` is releasing, and releases it. A partial set that an earlier try left is
/// discarded first. `progress` is told how many recipients are written.
///
/// # Errors
/// See [`AudienceError`]; the notice is still being released then, and the caller decides.
pub async fn freeze(
    with: &Freezing<'_>,
    kept: &Kept,
    notice: &Notice,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Frozen, AudienceError> {
    discard(with, kept.id).await?;
    let source = Source::new(&notice.audience, Source::StoredRows(kept.id), kept.follows_id);
    let addressing = with.config.addressing(kept.category);
    let placeholders = notice.placeholders();
    let mut snapshot = with.store.snapshot().await?;
    let tombstones = subjects::tombstones(&mut snapshot).await?;
    refuse_unknown(&mut snapshot, &source).await?;
    let mut pages = Pages::new(&source, &addressing, &placeholders, kept.follows_id);
    let mut writing = Writing::new(with, kept);
    let mut missing = Vec::new();
    while let Some(page) = pages.next(&mut snapshot).await? {
        crate::store::beat();
        missing.extend(page.missing.iter().cloned());
        writing.add(page);
        if missing.is_empty() && writing.rows.len() >= CHUNK {
            writing.write_chunk().await?;
            progress(writing.reach.recipients);
        }
    }
    drop(snapshot);
    if !missing.is_empty() {
        return Err(AudienceError::Missing(missing));
    }
    refuse_empty(&writing.reach, &notice.audience)?;
    refuse_lone_approval(with.config, kept, writing.reach.customers)?;
    let frozen = writing.finish(tombstones).await?;
    progress(frozen.reach.recipients);
    Ok(frozen)
}

/// Removes what an unfinished release has written.
///
/// # Errors
/// Where the database fails.
async fn discard(with: &Freezing<'_>, id: Uuid) -> Result<(), AudienceError> {
    loop {
        let mut tx = with.store.write().await?;
        hold(with, &mut tx, id).await?;
        let discarded = deliveries::discard(&mut tx, id, 5000).await?;
        tx.commit().await.map_err(crate::store::StoreError::from)?;
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

/// The recipients that are numbered but not written yet, and the tree over all that are.
struct Writing<'a> {
    with: &'a Freezing<'a>,
    kept: &'a Kept,
    now: Timestamp,
    reach: Reach,
    tree: Frontier,
    rows: Vec<NewDelivery>,
    unaddressed: Vec<(String, String)>,
}

impl<'a> Writing<'a> {
    fn new(with: &'a Freezing<'a>, kept: &'a Kept) -> Self {
        Self {
            with,
            kept,
            now: with.clock.now(),
            reach: Reach::default(),
            tree: Frontier::new(),
            rows: Vec::new(),
            unaddressed: Vec::new(),
        }
    }

    fn add(&mut self, page: Page) {
        self.reach.customers += page.customers;
        self.reach.unaddressed += page.unaddressed.len() as u64;
        self.unaddressed.extend(page.unaddressed);
        for recipient in page.recipients {
            let salt: [u8; 32] = self.with.random.bytes();
            self.tree.push(leaf_hash(&commitment(&salt, &recipient.account_id, recipient.email.as_str())));
            let merged = (!recipient.merged.is_empty())
                .then(|| serde_json::to_string(&recipient.merged).expect("a map of texts serialises"));
            self.rows.push(NewDelivery {
                id: self.with.random.id(self.now).to_string(),
                ordinal: self.reach.recipients,
                account_id: recipient.account_id,
                customer_name: recipient.customer_name,
                email: recipient.email.as_str().to_owned(),
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
    }

    async fn write_chunk(&mut self) -> Result<(), AudienceError> {
        let mut tx = self.with.store.write().await?;
        hold(self.with, &mut tx, self.kept.id).await?;
        self.write_rows(&mut tx).await?;
        tx.commit().await.map_err(crate::store::StoreError::from)?;
        Ok(())
    }

    async fn write_rows(&mut self, conn: &mut Conn) -> Result<(), AudienceError> {
        let lane = self.kept.category.lane().rank();
        for rows in self.rows.chunks(2000) {
            deliveries::insert(conn, self.kept.id, lane, self.now, rows).await?;
        }
        for customers in self.unaddressed.chunks(2000) {
            deliveries::insert_unaddressed(conn, self.kept.id, customers).await?;
        }
        self.rows.clear();
        self.unaddressed.clear();
        Ok(())
    }

    /// The last chunk, the manifest and the release, in one transaction.
    async fn finish(mut self, tombstones: u64) -> Result<Frozen, AudienceError> {
        let (root, count) = (self.tree.root(), self.reach.recipients);
        let at = self.with.clock.now();
        let fact = Fact {
            notice: Some((self.kept.id, self.kept.category, self.kept.digest)),
            detail: Detail::Manifest { count, root },
            ..Fact::new(Event::Manifest, at)
        };
        let entry = Entry::new(&fact, None, self.with.random);
        let mut tx = self.with.store.write().await?;
        hold(self.with, &mut tx, self.kept.id).await?;
        // Whoever was erased since the snapshot must not come back through it.
        tree::lock_head(&mut tx).await?;
        if subjects::tombstones(&mut tx).await? != tombstones {
            return Err(AudienceError::Lost);
        }
        self.write_rows(&mut tx).await?;
        let domain = self.with.config.sender.domain();
        let released = notices::set_released(&mut tx, self.kept.id, at, self.reach.customers, count, domain).await?;
        if !released {
            return Err(AudienceError::Lost);
        }
        ledger::append(&mut tx, &[Opening::of_notice(&entry, self.kept.id, at)]).await?;
        tx.commit().await.map_err(crate::store::StoreError::from)?;
        if count > 1000 {
            self.with.store.analyze_queue().await?;
        }
        Ok(Frozen { reach: self.reach, root })
    }
}
