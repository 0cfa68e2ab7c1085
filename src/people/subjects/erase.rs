//! Erasing a person (GDPR Art. 17), unless a duty to keep the record stands against it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::mentions::{self, Mention};
use super::{SubjectError, Subjects, forget, is_text};
use crate::domain::actor::{Action, Actor};
use crate::domain::address::{Address, AddressKey, mentioned};
use crate::domain::category::Category;
use crate::domain::duty::Duty;
use crate::domain::right::Right;
use crate::domain::tombstone::Mark;
use crate::ledger::operated::{Operation, record};
use crate::people::{addresses, scrub};
use crate::store::operators::requests;
use crate::store::people::holds::Hold;
use crate::store::people::subjects::{self, SubjectDelivery};
use crate::store::people::{customers, holds, suppressions};
use crate::store::proof::ledger;
use crate::store::{Conn, StoreError, notices};

/// A request to erase a person.
#[derive(Clone, Copy, Debug)]
pub struct Erasure<'a> {
    /// The person's address.
    pub address: &'a Address,
    /// The ground, which stays in the ledger: it names no address of the person.
    pub ground: &'a str,
    /// The duties that do not apply in this case; exactly those that stand against the erasure.
    pub waived: &'a [Duty],
}

/// What an erasure did.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = subject::Erased)]
pub struct Erased {
    /// Contacts deleted.
    pub contacts: usize,
    /// Deliveries that no longer name the person.
    pub deliveries: usize,
    /// Of these, cancelled as they were not sent yet.
    pub cancelled: usize,
    /// Entries whose opening was deleted.
    pub entries: usize,
    /// Rows of audience files of notices that are not released yet, which still name the person: the notices need them.
    pub unreleased_rows: usize,
    /// Whether the write-ahead log was emptied too.
    pub log_emptied: bool,
    /// Why the file could not be rewritten, if it could not: the next erasure or dispatcher does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unscrubbed: Option<String>,
    /// Why the tombstone is not in this node's journal yet, if it is not: it is written by the next erasure or dispatcher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unwritten: Option<String>,
}

/// What is stored about a person.
#[derive(Default)]
struct Stored {
    /// By address.
    deliveries: Vec<Vec<SubjectDelivery>>,
    contacts: usize,
    accounts: BTreeSet<String>,
    notices: BTreeSet<Uuid>,
    records: Vec<Recorded>,
    /// Holds whose reason names the person.
    holds: Vec<Hold>,
    unreleased_rows: usize,
    anything: bool,
}

/// A part of the record of a notice: a delivery, or words that mention the person.
struct Recorded {
    category: Category,
    released_at: Option<Timestamp>,
    account_id: String,
    ended_at: Timestamp,
}

impl Subjects {
    /// Erases a person.
    ///
    /// # Errors
    /// If a duty stands against it that is not waived by its name, a waiver is not needed, or a message to the person is being
    /// sent; see [`SubjectError`]. Nothing is erased then.
    pub async fn erase(&self, actor: &Actor, erasure: &Erasure<'_>) -> Result<Erased, SubjectError> {
        actor.may_at_all(Right::Subjects)?;
        let Erasure { address, ground, waived } = *erasure;
        if !is_text(ground) {
            return Err(SubjectError::Ground);
        }
        // Fails if the journal cannot be read: this erasure must not hide that earlier ones are missing.
        self.exchange(actor).await?;
        let mut tx = self.context.store.write().await?;
        let keys = addresses::keys(&mut tx, address).await?;
        if keys.iter().any(|key| mentioned(ground, key)) {
            return Err(SubjectError::Ground);
        }
        let mut deliveries = Vec::new();
        for key in &keys {
            deliveries.push(forget::hold_deliveries(&mut tx, key).await?);
        }
        let stored = stored(&mut tx, &keys, deliveries).await?;
        if !stored.anything {
            return Err(SubjectError::Unknown(address.clone()));
        }
        refuse(address, self.duties(&mut tx, &stored).await?, waived)?;
        let ground = with_waivers(ground, waived);
        let (mut forgotten, mut tombstone) = (forget::Forgotten::default(), Uuid::nil());
        for (key, deliveries) in keys.iter().zip(&stored.deliveries) {
            let its = forget::forget(&self.context, &mut tx, deliveries, key, &ground).await?;
            forgotten.cancelled += its.cancelled;
            forgotten.entries += its.entries;
            tombstone = self.bury(&mut tx, key, Mark::Erased).await?;
        }
        requests::forget_answers(&mut tx).await?;
        // Without the address: it would be the one place that still names the person.
        let operation = Operation::new(Action::Erase).object(tombstone).reason(&ground);
        record(&mut tx, actor, &operation, self.context.clock.now(), &self.context.random).await?;
        tx.commit().await.map_err(StoreError::from)?;
        // The person is erased from here on: what fails below is done later, and is no failure of the erasure.
        let unwritten = match self.write_journal().await {
            Ok(unwritten) => unwritten.map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        let (log_emptied, unscrubbed) = match scrub::now(&self.context).await {
            Ok(log_emptied) => (log_emptied, None),
            Err(error) => (false, Some(error.to_string())),
        };
        Ok(Erased {
            contacts: stored.contacts,
            deliveries: stored.deliveries.iter().map(Vec::len).sum(),
            cancelled: forgotten.cancelled,
            entries: forgotten.entries,
            unreleased_rows: stored.unreleased_rows,
            log_emptied,
            unscrubbed,
            unwritten,
        })
    }

    /// The addresses of a person that an erasure of one of them erases, this one first.
    ///
    /// # Errors
    /// If the actor may not erase, or the database fails.
    pub async fn addresses(&self, actor: &Actor, address: &Address) -> Result<Vec<Address>, SubjectError> {
        actor.may_at_all(Right::Subjects)?;
        Ok(addresses::of_person(&mut *self.context.store.read().await?, address).await?)
    }

    /// What stands against an erasure of a person now: each duty, and why it exists. Nothing is erased.
    ///
    /// # Errors
    /// If the actor may not erase, or the database fails.
    pub async fn in_the_way(&self, actor: &Actor, address: &Address) -> Result<Vec<(Duty, String)>, SubjectError> {
        actor.may_at_all(Right::Subjects)?;
        // Nothing is locked: the erasure looks again.
        let mut conn = self.context.store.snapshot().await?;
        let keys = addresses::keys(&mut conn, address).await?;
        let mut deliveries = Vec::new();
        for key in &keys {
            deliveries.push(subjects::deliveries(&mut conn, key).await?);
        }
        let stored = stored(&mut conn, &keys, deliveries).await?;
        self.duties(&mut conn, &stored).await
    }

    /// What stands against an erasure: each duty, and why it exists.
    async fn duties(&self, conn: &mut Conn, stored: &Stored) -> Result<Vec<(Duty, String)>, SubjectError> {
        let mut duties = Vec::new();
        let accounts: Vec<String> = stored.accounts.iter().cloned().collect();
        let notices: Vec<Uuid> = stored.notices.iter().copied().collect();
        let mut holds = holds::on(conn, &accounts, &notices).await?;
        // A hold that names the person is about the person.
        holds.extend(
            stored.holds.iter().filter(|it| holds.iter().all(|hold| hold.id != it.id)).cloned().collect::<Vec<_>>(),
        );
        for hold in holds {
            duties.push((Duty::Hold(hold.id), format!("a legal hold by {}: {}", hold.operator, hold.reason)));
        }
        let config = &self.context.config;
        let zone = config.organisation.default_time_zone.time_zone();
        let ends = contract_ends(conn, &accounts).await?;
        for category in Category::ALL.iter().filter(|category| config.retention_duty(**category)) {
            let of_category = stored.records.iter().filter(|record| record.category == *category);
            let expires = |it: &Recorded| {
                let contract_end = ends.get(&it.account_id).copied().unwrap_or(Some(it.ended_at));
                Some(config.retention(*category).expires(it.released_at?, contract_end, &zone))
            };
            let mut expire: Vec<Option<Timestamp>> = of_category.filter_map(expires).collect();
            // A time that is not known yet comes first.
            expire.sort_unstable();
            let until = match (expire.first(), expire.last()) {
                (Some(None), _) => "while the contract runs".to_owned(),
                (_, Some(Some(until))) if *until > self.context.clock.now() => {
                    format!("until {}", until.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d"))
                }
                _ => continue,
            };
            let why = format!("the record of a notice must be stored {until}");
            duties.push((Duty::Retention(*category), why));
        }
        Ok(duties)
    }
}

/// When the contracts of customers ended; `None` for one that runs. A customer that is not stored any more has none: its time counts
/// from the end of each record.
async fn contract_ends(
    conn: &mut Conn,
    accounts: &[String],
) -> Result<BTreeMap<String, Option<Timestamp>>, StoreError> {
    let mut ends = BTreeMap::new();
    for account_id in accounts {
        if let Some(customer) = customers::find(conn, account_id).await? {
            ends.insert(account_id.clone(), (customer.status == "left").then_some(customer.updated_at));
        }
    }
    Ok(ends)
}

/// Finds what is stored about a person's addresses, beside the deliveries to each.
async fn stored(
    conn: &mut Conn,
    keys: &[AddressKey],
    deliveries: Vec<Vec<SubjectDelivery>>,
) -> Result<Stored, SubjectError> {
    let mut stored = Stored::default();
    for (key, deliveries) in keys.iter().zip(deliveries) {
        let contacts = subjects::contacts(conn, key).await?;
        let mentions = mentions::of(conn, key).await?;
        stored.accounts.extend(contacts.iter().map(|contact| contact.account_id.clone()));
        stored.accounts.extend(deliveries.iter().map(|delivery| delivery.account_id.clone()));
        stored.notices.extend(deliveries.iter().map(|delivery| delivery.notice_id));
        stored.anything |= !contacts.is_empty()
            || !deliveries.is_empty()
            || !mentions.is_empty()
            || !ledger::of_address(conn, key).await?.is_empty()
            || !suppressions::reasons(conn, key).await?.is_empty()
            || !subjects::reads(conn, key).await?.is_empty();
        stored.contacts += contacts.len();
        stored.records.extend(deliveries.iter().map(|delivery| Recorded {
            category: delivery.category,
            released_at: delivery.released_at,
            account_id: delivery.account_id.clone(),
            ended_at: delivery.ended_at,
        }));
        for mention in mentions {
            stored.add(conn, mention).await?;
        }
        stored.deliveries.push(deliveries);
    }
    Ok(stored)
}

impl Stored {
    /// Adds words that mention the person: what stands against deleting their notice or customer stands against deleting them.
    async fn add(&mut self, conn: &mut Conn, mention: Mention) -> Result<(), SubjectError> {
        let needed = !mention.may_go();
        let (notice_id, account_id, at) = match mention {
            Mention::FileRow(_) if needed => {
                self.unreleased_rows += 1;
                return Ok(());
            }
            // The period of the row is that of audience rows, whatever the category.
            Mention::FileRow(row) => {
                self.accounts.insert(row.account_id);
                self.notices.insert(row.notice_id);
                return Ok(());
            }
            Mention::Hold(hold) => {
                self.holds.push(hold);
                return Ok(());
            }
            // No duty is to keep what nobody has sent.
            Mention::Form(_) => return Ok(()),
            Mention::Attestation(words) => (Some(words.notice_id), words.account_id, words.at),
            Mention::Step(step) => (Some(step.notice_id), String::new(), step.at),
            Mention::Task(task) => {
                (task.notice_id, task.account_id.unwrap_or_default(), task.done_at.unwrap_or(task.opened_at))
            }
            Mention::Entry(entry) => (entry.0.notice_id, entry.1.account_id, entry.0.at),
        };
        if !account_id.is_empty() {
            self.accounts.insert(account_id.clone());
        }
        self.notices.extend(notice_id);
        let Some(id) = notice_id else { return Ok(()) };
        let Some(notice) = notices::find(conn, id).await? else { return Ok(()) };
        let (category, released_at) = (notice.category, notice.released_at);
        let ended_at = notice.closed_at.map_or(at, |closed_at| closed_at.max(at));
        self.records.push(Recorded { category, released_at, account_id, ended_at });
        Ok(())
    }
}

/// Compares the duties with the waivers: each duty needs its waiver, and each waiver its duty.
fn refuse(address: &Address, duties: Vec<(Duty, String)>, waived: &[Duty]) -> Result<(), SubjectError> {
    let unneeded: Vec<Duty> =
        waived.iter().filter(|waiver| !duties.iter().any(|(duty, _)| duty == *waiver)).copied().collect();
    if !unneeded.is_empty() {
        return Err(SubjectError::NotNeeded(unneeded));
    }
    let duties: Vec<_> = duties.into_iter().filter(|(duty, _)| !waived.contains(duty)).collect();
    if duties.is_empty() { Ok(()) } else { Err(SubjectError::Duties { address: address.clone(), duties }) }
}

/// The ground as the ledger has it, with the waived duties by name.
fn with_waivers(ground: &str, waived: &[Duty]) -> String {
    if waived.is_empty() {
        return ground.to_owned();
    }
    let names: BTreeSet<String> = waived.iter().map(Duty::to_string).collect();
    format!("{ground} (waived: {})", names.into_iter().collect::<Vec<_>>().join(", "))
}
