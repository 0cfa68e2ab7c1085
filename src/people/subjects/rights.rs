//! Restriction (GDPR Art. 18), rectification (Art. 16) and objection (Art. 21).

use std::collections::BTreeSet;

use serde::Serialize;
use uuid::Uuid;

use super::{SubjectError, Subjects, is_text, objections};
use crate::domain::actor::{Action, Actor};
use crate::domain::address::Address;
use crate::domain::category::{Category, Class};
use crate::domain::entry::{Detail, Entry, Event, Fact, Person};
use crate::domain::preference::{Reason, Source, Wish};
use crate::domain::right::Right;
use crate::ledger::operated::{Operation, record};
use crate::people::{addresses, preferences};
use crate::store::people::{rectifications, subjects, suppressions, tombstones};
use crate::store::proof::ledger::{self, Opening};
use crate::store::proof::tree;
use crate::store::{Conn, StoreError};

/// What an objection changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = subject::Objection)]
pub struct Objection {
    /// Optional categories that the address does not get any more.
    pub opted_out: Vec<Category>,
    /// Mandatory categories to which the objection was recorded: these notices are still sent until somebody decides.
    pub recorded: Vec<Category>,
    /// The id of that objection.
    pub id: Option<Uuid>,
    /// It was recorded before and waits for a decision: no second one was recorded.
    pub already: bool,
}

/// Whose an address is, if it is not known as another address of the person: its contacts, and the customers at which it was addressed.
async fn others(conn: &mut Conn, old: &Address, new: &Address) -> Result<Vec<String>, StoreError> {
    if addresses::keys(conn, old).await?.contains(&new.key()) {
        return Ok(Vec::new());
    }
    let contacts = subjects::contacts(conn, &new.key()).await?.into_iter();
    let mut others: BTreeSet<String> = contacts
        .map(|it| {
            let name = if it.name.is_empty() { String::new() } else { format!("{}, ", it.name) };
            format!("{name}{} contact of customer {} {}", it.role, it.account_id, it.customer_name)
        })
        .collect();
    if others.is_empty() {
        let addressed = subjects::deliveries(conn, &new.key()).await?.into_iter();
        others.extend(addressed.map(|it| format!("addressed before at customer {}", it.account_id)));
    }
    Ok(others.into_iter().collect())
}

impl Subjects {
    /// Restricts the processing of the data of a person, at all addresses that are known as theirs: optional notices stop, lists mask the address, and every
    /// view of its record is logged. It still counts, and mandatory notices are still sent. Returns false if it was restricted already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn restrict(&self, actor: &Actor, address: &Address) -> Result<bool, SubjectError> {
        actor.may_at_all(Right::Subjects)?;
        let at = self.context.clock.now();
        let mut tx = self.context.store.write().await?;
        let mut changed = false;
        for address in &addresses::of_person(&mut tx, address).await? {
            if suppressions::add(&mut tx, address, Reason::Restricted, at).await? {
                self.append(&mut tx, Event::Restricted, true, address).await?;
                self.record(&mut tx, actor, Operation::on_address(Action::Restrict, address)).await?;
                changed = true;
            }
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(changed)
    }

    /// Lifts the restriction of a person, at all addresses that are known as theirs.
    ///
    /// # Errors
    /// If no address is restricted.
    pub async fn unrestrict(&self, actor: &Actor, address: &Address) -> Result<(), SubjectError> {
        actor.may_at_all(Right::Subjects)?;
        let mut tx = self.context.store.write().await?;
        let mut changed = false;
        for address in &addresses::of_person(&mut tx, address).await? {
            if subjects::lift_restriction(&mut tx, &address.key()).await? {
                self.append(&mut tx, Event::Restricted, false, address).await?;
                self.record(&mut tx, actor, Operation::on_address(Action::Unrestrict, address)).await?;
                changed = true;
            }
        }
        if !changed {
            return Err(SubjectError::NotRestricted(address.clone()));
        }
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// Corrects an address at every customer; opt-outs and restrictions move with it. What was sent stays as it was recorded.
    /// Returns the number of contacts that had the old address.
    ///
    /// # Errors
    /// If no contact has the old address, or the new one is known as another person's.
    pub async fn rectify(&self, actor: &Actor, old: &Address, new: &Address) -> Result<u64, SubjectError> {
        self.correct(actor, (old, new), false).await
    }

    /// Corrects an address to one that is known already: from then on both are one person's, who is exported and erased together.
    ///
    /// # Errors
    /// If no contact has the old address.
    pub async fn rectify_as_one(&self, actor: &Actor, old: &Address, new: &Address) -> Result<u64, SubjectError> {
        self.correct(actor, (old, new), true).await
    }

    async fn correct(
        &self,
        actor: &Actor,
        (old, new): (&Address, &Address),
        as_one: bool,
    ) -> Result<u64, SubjectError> {
        actor.may_at_all(Right::Subjects)?;
        if old == new {
            return Err(SubjectError::Same(new.clone()));
        }
        let mut tx = loop {
            let tombstones = self.tombstones().await?;
            if tombstones.erased_at(&new.key()).is_some() {
                return Err(SubjectError::WasErased(new.clone()));
            }
            let mut tx = self.context.store.write().await?;
            // No erasure comes in between from here on; one that came before must not be undone.
            tree::lock_head(&mut tx).await?;
            if self::tombstones::count(&mut tx).await? == tombstones.stored {
                break tx;
            }
        };
        let contacts = subjects::contacts(&mut tx, &old.key()).await?.len() as u64;
        if contacts == 0 {
            return Err(SubjectError::NoContact(old.clone()));
        }
        let others = others(&mut tx, old, new).await?;
        if !others.is_empty() && !as_one {
            return Err(SubjectError::OtherPerson { address: new.clone(), others });
        }
        subjects::replace_address(&mut tx, &old.key(), new).await?;
        rectifications::insert(&mut tx, old, new, self.context.clock.now()).await?;
        self.append(&mut tx, Event::Rectified, false, old).await?;
        self.append(&mut tx, Event::Rectified, true, new).await?;
        self.record(&mut tx, actor, Operation::on_address(Action::Rectify, new)).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(contacts)
    }

    /// Records a person's objection: out of the optional categories among `categories` at once; to the mandatory ones the
    /// objection is recorded with the person's grounds, and somebody has to decide (Art. 21(1)).
    ///
    /// # Errors
    /// If a mandatory category is named without a note.
    pub async fn object(
        &self,
        actor: &Actor,
        address: &Address,
        categories: &[Category],
        note: Option<&str>,
    ) -> Result<Objection, SubjectError> {
        actor.may_at_all(Right::Subjects)?;
        if note.is_some_and(|note| !is_text(note)) {
            return Err(SubjectError::Note);
        }
        let (opted_out, recorded): (Vec<Category>, Vec<Category>) =
            categories.iter().partition(|category| category.class() == Class::Optional);
        if recorded.contains(&Category::SecurityBreach) {
            return Err(SubjectError::NoRight(Category::SecurityBreach));
        }
        if !recorded.is_empty() && note.is_none() {
            return Err(SubjectError::Grounds(recorded));
        }
        let wishes: Vec<Wish> = opted_out.iter().filter_map(|category| Wish::new(*category, true).ok()).collect();
        let names: Vec<&str> = categories.iter().map(|category| category.as_str()).collect();
        let reason = format!("{}: {}", names.join(", "), note.unwrap_or("no grounds stated"));
        let mut tx = self.context.store.write().await?;
        preferences::apply(&self.context, &mut tx, actor, address, &wishes, Source::Objection).await?;
        let operation = Operation::on_address(Action::Object, address).reason(&reason);
        let (mut id, mut already) = (None, false);
        if recorded.is_empty() {
            self.record(&mut tx, actor, operation).await?;
        } else if let Some(open) = objections::undecided(&mut tx, address, &recorded).await? {
            (id, already) = (Some(open), true);
        } else {
            let new = self.context.random.id(self.context.clock.now());
            self.record(&mut tx, actor, operation.object(new)).await?;
            objections::note(&mut tx, address, new).await?;
            id = Some(new);
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Objection { opted_out, recorded, id, already })
    }

    pub(super) async fn record(
        &self,
        conn: &mut Conn,
        actor: &Actor,
        operation: Operation<'_>,
    ) -> Result<(), StoreError> {
        record(conn, actor, &operation, self.context.clock.now(), &self.context.random).await
    }

    /// Appends an entry about an address.
    async fn append(&self, conn: &mut Conn, event: Event, flag: bool, address: &Address) -> Result<(), StoreError> {
        let at = self.context.clock.now();
        let fact = Fact { detail: Detail::Flag(flag), ..Fact::new(event, at) };
        let person = Person { address: address.as_str().to_owned(), ..Person::default() };
        let entry = Entry::new(&fact, Some(&person), &self.context.random);
        ledger::append(conn, &[Opening::of_address(&entry, address.key(), at)]).await
    }
}
