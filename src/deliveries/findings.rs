//! What an operator found out about a delivery: that its message was delivered or returned, or what became of an uncertain
//! one. A finding adds an entry to the ledger and changes what is known; earlier entries stay.

use serde::Serialize;
use uuid::Uuid;

use super::{Deliveries, DeliveryError};
use crate::domain::actor::{Action, Actor};
use crate::domain::delivery::{Event as DeliveryEvent, Level, Outcome, State};
use crate::domain::entry::{Detail, Entry, Event, Fact, Person};
use crate::domain::problem::{LineError, check_line};
use crate::domain::right::Right;
use crate::domain::task::TaskKind;
use crate::ledger::operated::{self, Operation};
use crate::mail::compose::message::message_id;
use crate::store::notices::Kept;
use crate::store::people::subjects;
use crate::store::proof::{ledger, tree};
use crate::store::sending::deliveries::Shown;
use crate::store::sending::{deliveries, settle};
use crate::store::{Conn, StoreError, escalations, notices, tasks};

/// The longest words of a report, in bytes.
const LONGEST_REPORT: usize = 2000;

/// The longest words of a finding about an uncertain delivery, in bytes.
const LONGEST_FINDING: usize = 1000;

/// What an operator found out about an uncertain delivery.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'a> {
    /// True if the server accepted the message.
    pub accepted: bool,
    /// The source of the finding, such as a line of the relay's log.
    pub text: &'a str,
    /// Who found it out.
    pub by: &'a str,
}

impl Finding<'_> {
    /// Refuses words that are not one line each.
    pub(super) fn check(&self) -> Result<(), LineError> {
        check_line("text", self.text, LONGEST_FINDING)?;
        check_line("by", self.by, LONGEST_FINDING)
    }

    /// The outcome that it is.
    pub(super) const fn outcome(&self) -> Outcome {
        if self.accepted { Outcome::Accepted } else { Outcome::Rejected }
    }

    /// The words to be recorded.
    pub(super) fn words(&self) -> String {
        format!("stated by {}: {}", self.by, self.text)
    }
}

/// A delivery after a finding was recorded.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = delivery::Recorded)]
pub struct Recorded {
    /// The delivery.
    pub id: Uuid,
    /// Its state.
    pub state: State,
    /// How strong the evidence is.
    pub level: Option<Level>,
}

impl Deliveries {
    /// Records that an operator found out that a message was returned ([`Outcome::Bounced`]) or reached its mailbox
    /// ([`Outcome::Delivered`]), in one line of words. It is an operator's finding, never a delivery report. The same finding
    /// again changes nothing.
    ///
    /// # Errors
    /// If the words are not one line, there is no such delivery, or the outcome cannot follow its state.
    pub async fn report(
        &self,
        actor: &Actor,
        id: Uuid,
        outcome: Outcome,
        text: &str,
    ) -> Result<Recorded, DeliveryError> {
        check_line("text", text, LONGEST_REPORT)?;
        let mut tx = self.context.store.write().await?;
        let (delivery, notice) = lock(&mut tx, id).await?;
        actor.may(Right::Report, notice.category)?;
        let words = format!("stated by {}: {text}", actor.name());
        let found = (delivery.state, delivery.level) == (outcome.state(), Some(Level::OperatorFound));
        // A person who was erased has no words: the finding is the same all the same.
        if found && delivery.reply.as_ref().is_none_or(|reply| *reply == words) {
            return Ok(Recorded { id, state: delivery.state, level: delivery.level });
        }
        if !can_be_found(&delivery, outcome) {
            return Err(DeliveryError::Impossible { state: delivery.state, outcome });
        }
        self.write(&mut tx, actor, (Action::Report, &delivery, &notice), outcome, &words).await?;
        tx.commit().await?;
        Ok(Recorded { id, state: outcome.state(), level: Some(Level::OperatorFound) })
    }

    /// Withdraws an operator's finding that a message was returned or reached its mailbox: what was recorded before it counts again,
    /// and both entries stay.
    ///
    /// # Errors
    /// If the words are not one line, there is no such delivery, or its state is no such finding.
    pub async fn withdraw(&self, actor: &Actor, id: Uuid, text: &str) -> Result<Recorded, DeliveryError> {
        check_line("text", text, LONGEST_REPORT)?;
        let mut tx = self.context.store.write().await?;
        let (delivery, notice) = lock(&mut tx, id).await?;
        actor.may(Right::Report, notice.category)?;
        let (state, level) = (delivery.state, delivery.level);
        let nothing = || DeliveryError::NoFinding { id, state, level };
        if level != Some(Level::OperatorFound) || !matches!(state, State::Bounced | State::Delivered) {
            return Err(nothing());
        }
        let (found, before) = before_finding(&mut tx, id).await?.ok_or_else(nothing)?;
        let to = before.event.outcome().ok_or_else(nothing)?;
        let event = DeliveryEvent::Withdraw(to);
        if state.after(event).is_none() {
            return Err(nothing());
        }
        let at = self.context.clock.now();
        let words = format!("stated by {}: {text}", actor.name());
        let detail = Detail::Withdrawn(found);
        let fact = Fact { level: before.level, detail, ..fact(&delivery, &notice, before.event, at) };
        self.append(&mut tx, (actor, Action::Report), (&delivery, &notice), (event, &fact), &words).await?;
        // The customer may be informed again, or not any more.
        escalations::note(&mut tx, notice.id, &delivery.account_id).await?;
        tx.commit().await?;
        Ok(Recorded { id, state: to.state(), level: before.level })
    }

    /// Records what an operator found out about an uncertain delivery: the server accepted its message, or did not. It is not
    /// sent again.
    ///
    /// # Errors
    /// If the words are not one line each, there is no such delivery, or it is not uncertain.
    pub async fn settle(&self, actor: &Actor, id: Uuid, finding: &Finding<'_>) -> Result<Recorded, DeliveryError> {
        finding.check()?;
        let mut tx = self.context.store.write().await?;
        let (delivery, notice) = lock(&mut tx, id).await?;
        actor.may(Right::Report, notice.category)?;
        if delivery.state != State::Uncertain {
            return Err(DeliveryError::NotUncertain { id, state: delivery.state, level: delivery.level });
        }
        let outcome = finding.outcome();
        self.write(&mut tx, actor, (Action::Settle, &delivery, &notice), outcome, &finding.words()).await?;
        tx.commit().await?;
        Ok(Recorded { id, state: outcome.state(), level: Some(Level::OperatorFound) })
    }

    pub(super) async fn write(
        &self,
        conn: &mut Conn,
        actor: &Actor,
        (action, delivery, notice): (Action, &Shown, &Kept),
        outcome: Outcome,
        words: &str,
    ) -> Result<(), StoreError> {
        let at = self.context.clock.now();
        let fact = Fact { level: Some(Level::OperatorFound), ..fact(delivery, notice, Event::from(outcome), at) };
        let event = DeliveryEvent::Find(outcome);
        self.append(conn, (actor, action), (delivery, notice), (event, &fact), words).await
    }

    /// Writes the state that follows from an operator's words, with its entries.
    async fn append(
        &self,
        conn: &mut Conn,
        (actor, action): (&Actor, Action),
        (delivery, notice): (&Shown, &Kept),
        (event, fact): (DeliveryEvent, &Fact),
        words: &str,
    ) -> Result<(), StoreError> {
        let (at, random) = (fact.at, &self.context.random);
        let person = person(delivery, notice, words);
        let entry = Entry::new(fact, person.as_ref(), random);
        let reported = settle::Reported {
            delivery_id: delivery.id,
            notice_id: notice.id,
            from: delivery.state,
            event,
            level: fact.level,
            reply: person.is_some().then_some(words),
            at,
        };
        settle::report(conn, &reported, &entry).await?;
        // The person has looked at what came back.
        let task = (notice.id, delivery.account_id.as_str(), delivery.id);
        for kind in [TaskKind::Contradiction, TaskKind::WeakMatch] {
            tasks::close_about(conn, kind, task, at).await?;
        }
        let operation = operation(action, delivery, notice);
        let words = if person.is_some() { words } else { "" };
        operated::record(conn, actor, &operation.reason(words), at, random).await
    }
}

/// Returns true if an operator may find this out about a delivery: whatever can follow its state, and what decides between servers
/// that contradict each other. An earlier finding stands until it is withdrawn, and what was never sent did not arrive.
fn can_be_found(delivery: &Shown, outcome: Outcome) -> bool {
    let state = delivery.state;
    let follows = state.after(DeliveryEvent::Outcome(outcome)).is_some();
    let decides = delivery.level != Some(Level::OperatorFound) && delivery.reason.is_none();
    follows || decides && state.after(DeliveryEvent::Find(outcome)).is_some()
}

/// The last finding about a delivery, and what was recorded before it, by its entries.
async fn before_finding(conn: &mut Conn, id: Uuid) -> Result<Option<(Outcome, Fact)>, StoreError> {
    let mut counted: Vec<Fact> = Vec::new();
    let mut is_again = false;
    for opening in ledger::of_deliveries(conn, &[id]).await? {
        let fact = Fact::from_cbor(&opening.fact).map_err(|error| StoreError::Inconsistent {
            table: "ledger_openings",
            column: "fact",
            row: opening.entry_id.to_string(),
            problem: error.to_string(),
        })?;
        if fact.event == Event::Resent {
            is_again = true;
            continue;
        }
        let (last, next) = (counted.last().and_then(|last| last.event.outcome()), fact.event.outcome());
        // An attempt that was under way when the delivery ended changes nothing; one after it was sent again does.
        let is_late =
            !is_again && last.zip(next).is_some_and(|(last, next)| last.state().outlasts(next)) && !fact.is_finding();
        if next.is_some() && !is_late {
            is_again = false;
            counted.push(fact);
        }
    }
    let found = counted.pop().and_then(|fact| fact.event.outcome());
    Ok(found.zip(counted.pop()))
}

/// Returns a delivery and its notice, both locked until the transaction ends, the delivery's place in the queue included: no
/// erasure, which locks the ledger's head first, no claim and no closing comes in between.
pub(crate) async fn lock(conn: &mut Conn, id: Uuid) -> Result<(Shown, Kept), DeliveryError> {
    tree::lock_head(conn).await?;
    subjects::lock_queue(conn, &[id]).await?;
    lock_notice(conn, id).await
}

/// Locks the notice of a delivery, and returns both. The caller holds the ledger's head and the delivery's place in the queue.
pub(crate) async fn lock_notice(conn: &mut Conn, id: Uuid) -> Result<(Shown, Kept), DeliveryError> {
    notices::lock_of(conn, id).await?;
    // Read after the locks: a worker may have finished it before they were held.
    let Some(delivery) = deliveries::find(conn, id).await? else { return Err(DeliveryError::Unknown(id)) };
    let notice = notices::find(conn, delivery.notice_id).await?.ok_or(DeliveryError::Unknown(id))?;
    Ok((delivery, notice))
}

/// What happened to a delivery outside of an attempt.
pub(crate) fn fact(delivery: &Shown, notice: &Kept, event: Event, at: jiff::Timestamp) -> Fact {
    Fact { ordinal: Some(delivery.ordinal), ..notice.fact(event, at) }
}

/// The person whom it happened to, with an operator's words. A person who was erased stays so: the finding counts, and names
/// nobody.
pub(crate) fn person(delivery: &Shown, notice: &Kept, words: &str) -> Option<Person> {
    (!delivery.email.is_empty()).then(|| Person {
        account_id: delivery.account_id.clone(),
        address: delivery.email.clone(),
        role: delivery.role.as_str().to_owned(),
        customer_name: delivery.customer_name.clone(),
        message_id: message_id(delivery.id, &notice.message_domain),
        reply: words.to_owned(),
        ..Person::default()
    })
}

/// An action on a delivery.
pub(super) fn operation<'a>(action: Action, delivery: &'a Shown, notice: &Kept) -> Operation<'a> {
    Operation::on_notice(action, notice).delivery(delivery.id, delivery.ordinal).account(&delivery.account_id)
}
