//! People's rights over what is kept of them (GDPR Art. 15 to 21): to see it, to have it put right, restricted or erased, and
//! to object.
//!
//! An erasure deletes what names the person, in one transaction, and appends an `erased` entry that names the entries and the
//! ground; the tree and everybody else's proofs stay as they are. A tombstone outside the database makes sure that neither a
//! restored copy nor the next import brings the person back unnoticed.

pub mod record;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;

use crate::config::Config;
use crate::domain::address::{Address, AddressKey};
use crate::domain::category::{Category, Class};
use crate::domain::clock::Clock;
use crate::domain::entry::{Detail, Entry, Event, Fact, Person, Run, commitment};
use crate::domain::preference::Reason;
use crate::domain::random::Random;
use crate::ledger::sequence;
use crate::people::journal::{Journal, JournalError, Tombstones};
use crate::store::ledger::{self, Opening};
use crate::store::subjects::{self, Cleared, Read, SubjectDelivery};
use crate::store::{Conn, Store, StoreError, attestations, holds, notices, settle, suppressions, tree};

/// Why a person's wish could not be done.
#[derive(Debug, Error)]
pub enum PrivacyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tombstone journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Nothing is kept of the address.
    #[error("nothing is kept of {0}")]
    Unknown(Address),
    /// Duties to keep it stand against an erasure.
    #[error("{address} must be kept:\n{}", .duties.join("\n"))]
    Duties {
        /// Whose data.
        address: Address,
        /// Each duty, by the name that waives it, and why it holds.
        duties: Vec<String>,
    },
    /// A message to the person is on the wire.
    #[error("a message to this person is being sent at this moment")]
    Sending,
    /// The new address is one whose person was erased.
    #[error("{0} belongs to a person who was erased")]
    WasErased(Address),
    /// A ground that says nothing, or names the person.
    #[error("the ground must be one line of text that does not name the address itself: it stays in the ledger")]
    Ground,
    /// The new address is the old one.
    #[error("{0} is the address already")]
    Same(Address),
}

/// What an erasure did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Erased {
    /// Contacts deleted.
    pub contacts: usize,
    /// Deliveries that no longer name the person.
    pub deliveries: usize,
    /// Of these, cancelled as they were not sent yet.
    pub cancelled: usize,
    /// Entries whose opening was deleted.
    pub entries: usize,
    /// Whether the write-ahead log was emptied too.
    pub log_emptied: bool,
}

/// The keeper of people's rights: a cheap handle, cloned freely.
#[derive(Clone, Debug)]
pub struct Privacy {
    store: Store,
    config: Arc<Config>,
    clock: Clock,
    random: Random,
}

impl Privacy {
    /// A keeper over a database.
    #[must_use]
    pub fn new(store: Store, config: Arc<Config>, clock: Clock, random: Random) -> Self {
        Self { store, config, clock, random }
    }

    /// The tombstone journal.
    #[must_use]
    pub fn journal(&self) -> Journal {
        Journal::new(&self.config.privacy)
    }

    /// Erases a person (Art. 17).
    ///
    /// # Errors
    /// Where a duty stands against it that the ground does not waive by name, or a message is on the wire; see
    /// [`PrivacyError`]. Nothing is erased then.
    pub async fn erase(&self, address: &Address, ground: &str) -> Result<Erased, PrivacyError> {
        let named = ground.to_lowercase().contains(&address.as_str().to_lowercase());
        if !crate::domain::problem::is_line(ground) || named {
            return Err(PrivacyError::Ground);
        }
        // A restored copy is set right first: this erasure must not hide that earlier ones are missing.
        self.replay().await?;
        let mut tx = self.store.write().await?;
        let key = address.key();
        let deliveries = self.hold_deliveries(&mut tx, &key).await?;
        let contacts = subjects::contacts(&mut tx, &key).await?;
        let own = ledger::of_address(&mut tx, &key).await?;
        let suppressed = suppressions::reasons(&mut tx, &key).await?;
        if deliveries.is_empty() && contacts.is_empty() && own.is_empty() && suppressed.is_empty() {
            return Err(PrivacyError::Unknown(address.clone()));
        }
        let accounts: BTreeSet<String> = contacts.iter().map(|contact| contact.account_id.clone()).collect();
        let duties = self.duties(&mut tx, &deliveries, accounts).await?;
        let unwaived: Vec<String> = duties
            .into_iter()
            .filter(|(name, _)| !waives(ground, name))
            .map(|(name, why)| format!("  {name}: {why}"))
            .collect();
        if !unwaived.is_empty() {
            return Err(PrivacyError::Duties { address: address.clone(), duties: unwaived });
        }
        let (cancelled, entries) = self.forget(&mut tx, &deliveries, &key, ground).await?;
        // Ahead of the commit: should it fail now, the next start carries the tombstone out.
        let known = subjects::tombstones(&mut tx).await?;
        let count = self.journal().erased(&key, self.clock.now(), &self.random)?;
        if count == known + 1 {
            subjects::set_tombstones(&mut tx, count).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        let log_emptied = self.store.scrub().await?;
        Ok(Erased { contacts: contacts.len(), deliveries: deliveries.len(), cancelled, entries, log_emptied })
    }

    /// The deliveries to an address, with their places in the queue held: no worker takes one meanwhile. Also held is the
    /// ledger's head, which a release holds when it ends: its recipients are all here, or it finds that somebody was erased.
    async fn hold_deliveries(&self, conn: &mut Conn, key: &AddressKey) -> Result<Vec<SubjectDelivery>, PrivacyError> {
        tree::lock_head(conn).await?;
        let deliveries = subjects::deliveries(conn, key).await?;
        let ids: Vec<Uuid> = deliveries.iter().map(|delivery| delivery.id).collect();
        let queued = subjects::lock_queue(conn, &ids).await?;
        if queued.iter().any(|(_, leased)| *leased) { Err(PrivacyError::Sending) } else { Ok(deliveries) }
    }

    /// Everything that an erasure does in the database; gives how many deliveries were cancelled and how many openings went.
    async fn forget(
        &self,
        conn: &mut Conn,
        deliveries: &[SubjectDelivery],
        key: &AddressKey,
        ground: &str,
    ) -> Result<(usize, usize), PrivacyError> {
        let (released, unreleased): (Vec<_>, Vec<_>) =
            deliveries.iter().cloned().partition(|delivery| delivery.released_at.is_some());
        // Of a release that did not come to its manifest, nothing was promised: its next try resolves the audience afresh.
        subjects::discard(conn, &unreleased.iter().map(|delivery| delivery.id).collect::<Vec<_>>()).await?;
        let cancelled = self.cancel(conn, &released).await?;
        let mut openings = self.clear(conn, &released).await?;
        openings.extend(subjects::clear_address(conn, key).await?);
        openings.extend(clear_attestations(conn, key).await?);
        subjects::clear_rows(conn, key).await?;
        let count = openings.len();
        self.append_cleared(conn, Event::Erased, &openings, ground).await?;
        Ok((cancelled, count))
    }

    /// What stands against an erasure: each by the name that a ground waives it with.
    async fn duties(
        &self,
        conn: &mut Conn,
        deliveries: &[SubjectDelivery],
        mut accounts: BTreeSet<String>,
    ) -> Result<Vec<(String, String)>, PrivacyError> {
        accounts.extend(deliveries.iter().map(|delivery| delivery.account_id.clone()));
        let mut duties = Vec::new();
        for hold in holds::list(conn).await? {
            let of_notice = hold.notice_id.is_some_and(|id| deliveries.iter().any(|delivery| delivery.notice_id == id));
            if of_notice || hold.account_id.as_ref().is_some_and(|account| accounts.contains(account)) {
                duties
                    .push((format!("hold:{}", hold.id), format!("a legal hold by {}: {}", hold.operator, hold.reason)));
            }
        }
        for category in Category::ALL.iter().filter(|category| self.config.retention_duty(**category)) {
            let of_category = deliveries.iter().filter(|delivery| delivery.category == *category);
            let Some(last) = of_category.filter_map(|delivery| delivery.released_at).max() else { continue };
            let zone = self.config.organisation.default_time_zone.time_zone();
            let until = match self.config.retention(*category).expires(last, None, &zone) {
                Some(until) if until <= self.clock.now() => continue,
                Some(until) => format!("until {}", until.to_zoned_datetime(zone).strftime("%Y-%m-%d")),
                None => "while the contract runs".to_owned(),
            };
            duties.push((format!("retention:{category}"), format!("the record of a notice must be stored {until}")));
        }
        Ok(duties)
    }

    /// Deliveries that wait for their turn are cancelled; gives how many.
    async fn cancel(&self, conn: &mut Conn, deliveries: &[SubjectDelivery]) -> Result<usize, PrivacyError> {
        let at = self.clock.now();
        let ids: Vec<Uuid> = deliveries.iter().map(|delivery| delivery.id).collect();
        let queued: BTreeSet<Uuid> = subjects::lock_queue(conn, &ids).await?.into_iter().map(|(id, _)| id).collect();
        for delivery in deliveries.iter().filter(|delivery| queued.contains(&delivery.id)) {
            let Some(notice) = notices::find(conn, delivery.notice_id).await? else { continue };
            let fact = Fact {
                notice: Some((notice.id, notice.category, notice.digest)),
                ordinal: Some(delivery.ordinal),
                ..Fact::new(Event::Cancelled, at)
            };
            let person = Person {
                account_id: delivery.account_id.clone(),
                address: delivery.email.clone(),
                ..Person::default()
            };
            let entry = Entry::new(&fact, Some(&person), &self.random);
            settle::cancel(conn, notice.id, at, &[(delivery.id, entry)]).await?;
        }
        Ok(queued.len())
    }

    /// Deletes what names the persons of deliveries; gives the entries whose opening went.
    pub(crate) async fn clear(
        &self,
        conn: &mut Conn,
        deliveries: &[SubjectDelivery],
    ) -> Result<Vec<Uuid>, PrivacyError> {
        let cleared = deliveries.iter().filter_map(|delivery| {
            let commitment = commitment(&delivery.salt?, &delivery.account_id, &delivery.email);
            Some(Cleared { id: delivery.id, commitment })
        });
        Ok(subjects::clear_deliveries(conn, &cleared.collect::<Vec<_>>()).await?)
    }

    /// Appends the entry that names the entries whose opening went. They are sequenced first: nothing else names an entry.
    pub(crate) async fn append_cleared(
        &self,
        conn: &mut Conn,
        event: Event,
        openings: &[Uuid],
        ground: &str,
    ) -> Result<(), PrivacyError> {
        sequence::all(conn).await?;
        let indexes = tree::indexes(conn, openings).await?;
        let at = self.clock.now();
        let detail = Detail::Cleared { ground: ground.to_owned(), entries: Run::of(indexes) };
        let entry = Entry::new(&Fact { detail, ..Fact::new(event, at) }, None, &self.random);
        ledger::append(conn, &[Opening::about_nothing(&entry, at)]).await?;
        Ok(())
    }

    /// Restricts the processing of an address's data (Art. 18), or lifts that. Optional notices stop, lists mask it, looks are
    /// noted; it still counts, and mandatory notices are still sent. False where it was so already.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn restrict(&self, address: &Address, restricted: bool) -> Result<bool, PrivacyError> {
        let mut tx = self.store.write().await?;
        let changed = if restricted {
            suppressions::add(&mut tx, address, Reason::Restricted, self.clock.now()).await?
        } else {
            subjects::lift_restriction(&mut tx, &address.key()).await?
        };
        if changed {
            self.record(&mut tx, Event::Restricted, restricted, address).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
        Ok(changed)
    }

    /// Puts an address right (Art. 16) at every contact; opt-outs and restrictions go with it. Gives how many contacts changed.
    /// What was sent stays as it was recorded.
    ///
    /// # Errors
    /// Where no contact has the old address.
    pub async fn rectify(&self, old: &Address, new: &Address) -> Result<u64, PrivacyError> {
        if old == new {
            return Err(PrivacyError::Same(new.clone()));
        }
        if self.tombstones().await?.erased_at(&new.key()).is_some() {
            return Err(PrivacyError::WasErased(new.clone()));
        }
        let mut tx = self.store.write().await?;
        let contacts = subjects::contacts(&mut tx, &old.key()).await?.len() as u64;
        if contacts == 0 {
            return Err(PrivacyError::Unknown(old.clone()));
        }
        subjects::replace_address(&mut tx, &old.key(), new).await?;
        self.record(&mut tx, Event::Rectified, false, old).await?;
        self.record(&mut tx, Event::Rectified, true, new).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(contacts)
    }

    /// A person's objection (Art. 21): out of everything that can be opted out of.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn object(&self, address: &Address) -> Result<(), PrivacyError> {
        let optional = Category::ALL.iter().filter(|category| category.class() == Class::Optional);
        let wishes: Vec<_> = optional.map(|category| (*category, true)).collect();
        crate::people::preferences::set(&self.store, &self.clock, &self.random, address, &wishes, "objection").await?;
        Ok(())
    }

    async fn record(&self, conn: &mut Conn, event: Event, flag: bool, address: &Address) -> Result<(), PrivacyError> {
        let at = self.clock.now();
        let fact = Fact { detail: Detail::Flag(flag), ..Fact::new(event, at) };
        let person = Person { address: address.as_str().to_owned(), ..Person::default() };
        let entry = Entry::new(&fact, Some(&person), &self.random);
        ledger::append(conn, &[Opening::of_address(&entry, address.key(), at)]).await?;
        Ok(())
    }

    /// Notes that somebody looked at the record of a person whose data is restricted; of others nothing is noted.
    ///
    /// # Errors
    /// Where the database fails: nobody is shown what could not be noted.
    pub async fn note_read(&self, key: &AddressKey, operator: &str, what: &str) -> Result<(), StoreError> {
        let restricted = suppressions::reasons(&mut *self.store.read().await?, key).await?;
        if !restricted.iter().any(|suppression| suppression.reason == Reason::Restricted) {
            return Ok(());
        }
        let at = self.clock.now();
        let read = Read { operator: operator.to_owned(), what: what.to_owned(), at };
        let mut tx = self.store.write().await?;
        subjects::insert_read(&mut tx, self.random.id(at), key, &read).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes that erased addresses were imported again on purpose.
    ///
    /// # Errors
    /// Where the journal or the database fails.
    pub async fn revived(&self, addresses: &[AddressKey]) -> Result<(), PrivacyError> {
        if addresses.is_empty() {
            return Ok(());
        }
        self.replay().await?;
        let mut tx = self.store.write().await?;
        let known = subjects::tombstones(&mut tx).await?;
        let count = self.journal().revived(addresses, self.clock.now(), &self.random)?;
        if count == known + addresses.len() as u64 {
            subjects::set_tombstones(&mut tx, count).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Who was erased, as the journal has it.
    ///
    /// # Errors
    /// Where the journal cannot be read, or has fewer tombstones than this database: then it is not whole.
    pub async fn tombstones(&self) -> Result<Tombstones, PrivacyError> {
        let tombstones = self.journal().read()?;
        let known = subjects::tombstones(&mut *self.store.read().await?).await?;
        if tombstones.count < known { Err(self.journal().lost(tombstones.count, known).into()) } else { Ok(tombstones) }
    }

    /// Carries out the tombstones that this database does not know: it is a restored copy. Gives how many persons were erased
    /// anew. Sealing need not go on for that.
    ///
    /// # Errors
    /// Where the journal or the database fails, or a message to one of them is on the wire.
    pub async fn replay(&self) -> Result<usize, PrivacyError> {
        let tombstones = self.tombstones().await?;
        if tombstones.count == subjects::tombstones(&mut *self.store.read().await?).await? {
            return Ok(0);
        }
        let mut erased = 0;
        for key in self.buried(&tombstones).await? {
            let mut tx = self.store.write().await?;
            let deliveries = self.hold_deliveries(&mut tx, &key).await?;
            let ground = "erased before this copy of the database was restored";
            self.forget(&mut tx, &deliveries, &key, ground).await?;
            tx.commit().await.map_err(StoreError::from)?;
            erased += 1;
        }
        let mut tx = self.store.write().await?;
        subjects::set_tombstones(&mut tx, tombstones.count).await?;
        tx.commit().await.map_err(StoreError::from)?;
        if erased > 0 {
            self.store.scrub().await?;
        }
        Ok(erased)
    }

    /// The keys of the addresses in the database that were erased once.
    async fn buried(&self, tombstones: &Tombstones) -> Result<Vec<AddressKey>, PrivacyError> {
        let mut buried = Vec::new();
        let mut after = String::new();
        loop {
            let page = subjects::addresses(&mut *self.store.read().await?, &after, 5000).await?;
            let Some(last) = page.last() else { return Ok(buried) };
            last.as_str().clone_into(&mut after);
            buried.extend(page.into_iter().filter(|key| tombstones.erased_at(key).is_some()));
        }
    }
}

/// Whether a ground waives a duty: by its whole name, or by saying that it waives what either part of the name says.
fn waives(ground: &str, duty: &str) -> bool {
    let ground = ground.to_lowercase();
    let by_part = || duty.split(':').any(|part| ground.contains(part));
    ground.contains(duty) || (ground.contains("waive") && by_part())
}

/// Empties attestations whose words name an address; gives the entries whose opening went.
async fn clear_attestations(conn: &mut Conn, key: &AddressKey) -> Result<Vec<Uuid>, PrivacyError> {
    let mut openings = Vec::new();
    for (id, notice_id) in attestations::mentioning(conn, key.as_str()).await? {
        attestations::clear(conn, id).await?;
        for opening in ledger::about_notice(conn, notice_id).await? {
            let person = opening.person.as_deref().and_then(|person| Person::from_cbor(person).ok());
            let named = person.is_some_and(|person| {
                let words = format!("{} {}", person.reply, person.role).to_lowercase();
                words.contains(key.as_str())
            });
            if opening.event == Event::Attested && named {
                subjects::clear_opening(conn, opening.entry_id).await?;
                openings.push(opening.entry_id);
            }
        }
    }
    Ok(openings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ground_waives_what_it_names() {
        let duty = "retention:billing";
        for ground in ["Art. 17(1)(d), retention:billing", "Waives retention: never a customer", "waives billing"] {
            assert!(waives(ground, duty), "{ground}");
        }
        for ground in ["Art. 17(1)(b)", "retention is no reason", "waives hold", "about billing"] {
            assert!(!waives(ground, duty), "{ground}");
        }
    }
}
