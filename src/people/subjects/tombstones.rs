//! Tombstones in use: who was erased, and the exchange between the database and this node's journal.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::{Timestamp, ToSpan as _};
use uuid::Uuid;

use super::{SubjectError, Subjects, forget, mentions};
use crate::domain::actor::{Action, Actor};
use crate::domain::address::AddressKey;
use crate::domain::entry::hmac;
use crate::domain::tombstone::{Mark, Tombstone};
use crate::ledger::operated::{Operation, record};
use crate::people::journal::{Journal, JournalError};
use crate::people::scrub;
use crate::store::people::{subjects, tombstones};
use crate::store::{Conn, Store, StoreError, secrets};

/// The name of the key in the database.
const KEY: &str = "tombstones";

/// Tombstones and addresses read at once.
const PAGE: u32 = 5000;

/// The ground of an erasure that is repeated.
const AGAIN: &str = "erased before this copy of the database was restored";

/// The erased persons, which can be asked for one address at a time. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tombstones {
    key: Option<[u8; 32]>,
    erased: Arc<HashMap<[u8; 32], Timestamp>>,
    /// Tombstones in the database.
    pub stored: u64,
    /// Tombstones in this node's journal; `None` if it has none.
    pub journaled: Option<u64>,
    /// Tombstones in the journal that the database lacks: it was restored from an older copy.
    pub missing: u64,
}

impl Tombstones {
    /// When an address was erased; `None` if it was not, or was imported again on purpose since.
    #[must_use]
    pub fn erased_at(&self, address: &AddressKey) -> Option<Timestamp> {
        // An import asks for a million addresses: without tombstones nothing is hashed.
        if self.erased.is_empty() { None } else { self.erased.get(&hash(&self.key?, address)).copied() }
    }
}

/// What an exchange of tombstones did.
#[derive(Debug, Default)]
pub struct Exchanged {
    /// Persons who were erased again, because this database was restored from an older copy.
    pub erased: usize,
    /// Why the journal lacks tombstones of the database, if it could not be written.
    pub unwritten: Option<JournalError>,
}

/// The tombstones of the database and of the journal, side by side.
struct Sides {
    key: Option<[u8; 32]>,
    journal: Option<BTreeMap<Uuid, Tombstone>>,
    database: BTreeMap<Uuid, Tombstone>,
}

impl Sides {
    async fn read(store: &Store, journal: Option<&Journal>) -> Result<Self, SubjectError> {
        // The journal first: an erasure in between is then in the database only, which is no sign of a restored copy.
        let journaled = journal.map(Journal::read).transpose()?;
        let file_key = journal.map(Journal::key).transpose()?.flatten();
        let mut conn = store.read().await?;
        let stored_key = secrets::find(&mut conn, KEY).await?;
        let key = match (journal, stored_key, file_key) {
            (Some(journal), Some(stored), Some(file)) if stored != file => return Err(journal.with_other_key().into()),
            (Some(journal), None, None) if journaled.as_ref().is_some_and(|it| !it.is_empty()) => {
                return Err(journal.without_key().into());
            }
            (_, stored, file) => stored.or(file),
        };
        Ok(Self { key, journal: journaled, database: all(&mut conn).await? })
    }

    /// The tombstones of the journal that the database lacks.
    fn missing(&self) -> Vec<Tombstone> {
        let journal = self.journal.iter().flat_map(BTreeMap::values);
        journal.filter(|it| !self.database.contains_key(&it.id)).copied().collect()
    }

    /// The tombstones of the database that the journal lacks; none without a journal.
    fn unwritten(&self) -> Vec<Tombstone> {
        let Some(journal) = &self.journal else { return Vec::new() };
        self.database.values().filter(|it| !journal.contains_key(&it.id)).copied().collect()
    }

    /// The hashes of those who are erased now, by the latest tombstone of each.
    fn erased(&self) -> HashMap<[u8; 32], Timestamp> {
        let mut all = self.database.clone();
        all.extend(self.journal.iter().flatten().map(|(id, it)| (*id, *it)));
        let mut erased = HashMap::new();
        for it in all.into_values() {
            match it.mark {
                Mark::Erased => drop(erased.insert(it.hash, it.at)),
                Mark::Revived => drop(erased.remove(&it.hash)),
            }
        }
        erased
    }
}

impl Subjects {
    /// The erased persons, by the database and the journal together.
    ///
    /// # Errors
    /// If the journal or the database cannot be read.
    pub async fn tombstones(&self) -> Result<Tombstones, SubjectError> {
        let sides = Sides::read(&self.context.store, self.journal().as_ref()).await?;
        Ok(Tombstones {
            key: sides.key,
            erased: Arc::new(sides.erased()),
            stored: sides.database.len() as u64,
            journaled: sides.journal.as_ref().map(|journal| journal.len() as u64),
            missing: sides.missing().len() as u64,
        })
    }

    /// Brings the database and the journal of this node to the same tombstones. If the database lacks some, it was restored from
    /// an older copy: the persons erased since then are erased again. Sealing may be stopped meanwhile.
    ///
    /// # Errors
    /// If the journal cannot be read, the database fails, or a message to one of these persons is being sent.
    pub async fn exchange(&self, actor: &Actor) -> Result<Exchanged, SubjectError> {
        let journal = self.journal();
        let sides = Sides::read(&self.context.store, journal.as_ref()).await?;
        let missing = sides.missing();
        let erased = if missing.is_empty() { 0 } else { self.catch_up(actor, &sides, missing).await? };
        Ok(Exchanged { erased, unwritten: write(journal.as_ref(), &sides).err() })
    }

    /// Carries out the tombstones that the database lacks; returns the number of persons erased.
    async fn catch_up(&self, actor: &Actor, sides: &Sides, missing: Vec<Tombstone>) -> Result<usize, SubjectError> {
        let key = sides.key.expect("a journal with tombstones has a key");
        let erased = sides.erased();
        let gone: HashSet<[u8; 32]> =
            missing.iter().map(|it| it.hash).filter(|hash| erased.contains_key(hash)).collect();
        let persons = self.found(&key, &gone).await?;
        let mut again = 0;
        for address in &persons {
            let own = hash(&key, address);
            let of_person: Vec<Tombstone> = missing.iter().filter(|it| it.hash == own).copied().collect();
            let mut tx = self.context.store.write().await?;
            let deliveries = forget::hold_deliveries(&mut tx, address).await?;
            // The ledger's head is held: another node has done it already, or does it after this one and finds it done.
            if tombstones::insert(&mut tx, &of_person).await? == 0 {
                continue;
            }
            again += 1;
            forget::forget(&self.context, &mut tx, &deliveries, address, AGAIN).await?;
            let operation = Operation::new(Action::Erase).reason(AGAIN);
            record(&mut tx, actor, &operation, self.context.clock.now(), &self.context.random).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
        let mut tx = self.context.store.write().await?;
        secrets::get_or_insert(&mut tx, KEY, &key).await?;
        for chunk in missing.chunks(PAGE as usize) {
            tombstones::insert(&mut tx, chunk).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        if again > 0
            && let Err(error) = scrub::now(&self.context).await
        {
            let error = error.for_logs();
            tracing::warn!(
                error,
                "persons were erased again, but the file could not be rewritten yet: it is done later"
            );
        }
        Ok(again)
    }

    /// The addresses in the database that have one of these hashes, those that only a text mentions too.
    async fn found(&self, key: &[u8; 32], hashes: &HashSet<[u8; 32]>) -> Result<BTreeSet<AddressKey>, SubjectError> {
        let mut found = BTreeSet::new();
        if hashes.is_empty() {
            return Ok(found);
        }
        mentions::each(&mut *self.context.store.read().await?, |address| {
            if hashes.contains(&hash(key, &address)) {
                found.insert(address);
            }
        })
        .await?;
        let mut after = String::new();
        loop {
            let page = subjects::addresses(&mut *self.context.store.read().await?, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(found) };
            last.as_str().clone_into(&mut after);
            found.extend(page.into_iter().filter(|address| hashes.contains(&hash(key, address))));
        }
    }

    /// Writes the tombstones of the database to the journal of this node, after they were committed. Returns why that failed, if
    /// it did: the next exchange tries again.
    pub(in crate::people) async fn write_journal(&self) -> Result<Option<JournalError>, SubjectError> {
        let journal = self.journal();
        let sides = Sides::read(&self.context.store, journal.as_ref()).await?;
        Ok(write(journal.as_ref(), &sides).err())
    }

    /// Records that erased addresses are imported again on purpose, in the transaction of the import.
    pub(in crate::people) async fn revive(
        &self,
        conn: &mut Conn,
        addresses: impl IntoIterator<Item = &AddressKey>,
    ) -> Result<(), SubjectError> {
        for address in addresses {
            self.bury(conn, address, Mark::Revived).await?;
        }
        Ok(())
    }

    /// Adds a tombstone to the database, later than those of the same address; returns its id. The caller holds the ledger's head:
    /// no other one of the address comes in between.
    pub(super) async fn bury(&self, conn: &mut Conn, address: &AddressKey, mark: Mark) -> Result<Uuid, SubjectError> {
        // The key file of a journal that is older than this database has the key.
        let file_key = self.journal().map(|journal| journal.key()).transpose()?.flatten();
        let fresh = file_key.unwrap_or_else(|| self.context.random.bytes());
        let key = secrets::get_or_insert(conn, KEY, &fresh).await?;
        let (at, hash) = (self.context.clock.now(), hash(&key, address));
        // The one with the highest id counts, and the clocks of nodes differ.
        let after =
            tombstones::last(conn, &hash).await?.and_then(|last| made_at(last.id)?.checked_add(1.millisecond()).ok());
        let id = self.context.random.id(at.max(after.unwrap_or(at)));
        tombstones::insert(conn, &[Tombstone { id, mark, hash, at }]).await?;
        Ok(id)
    }

    /// The journal of this node, if it has one.
    fn journal(&self) -> Option<Journal> {
        Journal::new(&self.context.config.privacy)
    }
}

fn write(journal: Option<&Journal>, sides: &Sides) -> Result<(), JournalError> {
    let unwritten = sides.unwritten();
    match (journal, &sides.key) {
        (Some(journal), Some(key)) if !unwritten.is_empty() => journal.append(key, &unwritten),
        _ => Ok(()),
    }
}

async fn all(conn: &mut Conn) -> Result<BTreeMap<Uuid, Tombstone>, StoreError> {
    let mut all = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = tombstones::page(conn, &after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = last.id.to_string();
        all.extend(page.into_iter().map(|it| (it.id, it)));
    }
}

/// The time in an id (UUIDv7).
fn made_at(id: Uuid) -> Option<Timestamp> {
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()
}

fn hash(key: &[u8; 32], address: &AddressKey) -> [u8; 32] {
    hmac(key, address.as_str().as_bytes())
}
