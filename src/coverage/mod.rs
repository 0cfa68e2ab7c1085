//! The answers: how a notice stands, who is informed, and whether one customer was.
//!
//! Wording claims no more than is known: a 250 says that a server took the message, not that anybody read it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::category::{Category, Class, Role};
use crate::domain::clock::Clock;
use crate::domain::coverage::Verdict;
use crate::domain::delivery::{Level, State};
use crate::domain::entry::{Entry, Event, Fact, Person};
use crate::domain::notice::State as NoticeState;
use crate::domain::random::Random;
use crate::mail::compose::message::message_id;
use crate::store::attestations::{self, Attestation};
use crate::store::deliveries::{self, Shown};
use crate::store::ledger::{self, Opening};
use crate::store::notices::Kept;
use crate::store::{Conn, Store, StoreError};

/// How a notice stands.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Id.
    pub id: Uuid,
    /// Category.
    pub category: Category,
    /// Class.
    pub class: Class,
    /// State.
    pub state: NoticeState,
    /// True while its sending is paused.
    pub paused: bool,
    /// Customers in its audience.
    pub customers: u64,
    /// Its recipients.
    pub recipients: u64,
    /// Deliveries in each state; they sum to `recipients`.
    pub counts: BTreeMap<State, u64>,
}

/// Tells how a notice stands.
///
/// # Errors
/// Where the database fails.
pub async fn status(conn: &mut Conn, notice: &Kept) -> Result<Status, StoreError> {
    let mut counts: BTreeMap<State, u64> = State::ALL.iter().map(|state| (*state, 0)).collect();
    if notice.released_at.is_some() {
        counts.extend(deliveries::counts(conn, notice.id).await?);
    }
    Ok(Status {
        id: notice.id,
        category: notice.category,
        class: notice.category.class(),
        state: notice.state,
        paused: notice.paused_at.is_some(),
        customers: notice.customers,
        recipients: notice.recipients,
        counts,
    })
}

/// Who is informed by a notice.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// The notice.
    pub notice: Uuid,
    /// Customers in its audience.
    pub customers: u64,
    /// Of those: informed.
    pub informed: u64,
    /// Of those: not decided yet.
    pub pending: u64,
    /// Of those: not informed, `cannot_be` included.
    pub not_informed: u64,
    /// Of those: with nobody to address.
    pub cannot_be: u64,
    /// Each customer.
    pub rows: Vec<CoverageRow>,
}

/// One customer's row of a coverage.
#[derive(Clone, Debug, Serialize)]
pub struct CoverageRow {
    /// Account id.
    pub account_id: String,
    /// Name at release.
    pub customer_name: String,
    /// Whether it is informed.
    pub verdict: Verdict,
    /// Addresses that were addressed.
    pub addresses: u64,
    /// Addresses at which somebody is informed.
    pub informed_addresses: u64,
    /// By which other ways it was told.
    pub attested: Vec<Attestation>,
    /// Each delivery.
    pub deliveries: Vec<CoverageDelivery>,
}

/// A delivery in a coverage.
#[derive(Clone, Debug, Serialize)]
pub struct CoverageDelivery {
    /// Address.
    pub email: String,
    /// State.
    pub state: State,
    /// An operator found it out: it is no server's answer.
    pub found_by_operator: bool,
    /// How strong the evidence is.
    pub level: Option<Level>,
    /// When the state changed last.
    pub at: Timestamp,
}

/// Tells who is informed by a released notice, customer by customer.
///
/// # Errors
/// Where the database fails.
pub async fn coverage(conn: &mut Conn, notice: &Kept) -> Result<Coverage, StoreError> {
    let mut by_account: BTreeMap<String, (String, Vec<Shown>)> = BTreeMap::new();
    let mut ordinal = 0;
    loop {
        let page = deliveries::of_notice(conn, notice.id, ordinal, 5000).await?;
        let Some(last) = page.last() else { break };
        ordinal = last.ordinal + 1;
        for delivery in page {
            let entry = by_account.entry(delivery.account_id.clone());
            entry.or_insert_with(|| (delivery.customer_name.clone(), Vec::new())).1.push(delivery);
        }
    }
    for (account_id, name) in deliveries::unaddressed(conn, notice.id).await? {
        by_account.insert(account_id, (name, Vec::new()));
    }
    let mut attested: BTreeMap<String, Vec<Attestation>> = BTreeMap::new();
    for attestation in attestations::of_notice(conn, notice.id, None).await? {
        attested.entry(attestation.account_id.clone()).or_default().push(attestation);
    }
    let rows = by_account.into_iter().map(|(account_id, (name, deliveries))| {
        let attested = attested.remove(&account_id).unwrap_or_default();
        row(account_id, name, &deliveries, attested)
    });
    Ok(sum(notice.id, rows.collect()))
}

fn row(account_id: String, customer_name: String, deliveries: &[Shown], attested: Vec<Attestation>) -> CoverageRow {
    let states: Vec<State> = deliveries.iter().map(|delivery| delivery.state).collect();
    CoverageRow {
        verdict: Verdict::of(&states, !attested.is_empty()),
        addresses: states.len() as u64,
        informed_addresses: states.iter().filter(|state| state.informs()).count() as u64,
        account_id,
        customer_name,
        attested,
        deliveries: deliveries
            .iter()
            .map(|it| CoverageDelivery {
                email: it.email.clone(),
                state: it.state,
                found_by_operator: it.found,
                level: it.level,
                at: it.at,
            })
            .collect(),
    }
}

fn sum(notice: Uuid, rows: Vec<CoverageRow>) -> Coverage {
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count() as u64;
    let cannot_be = count(Verdict::CannotBe);
    Coverage {
        notice,
        customers: rows.len() as u64,
        informed: count(Verdict::Informed),
        pending: count(Verdict::Pending),
        not_informed: count(Verdict::NotInformed) + cannot_be,
        cannot_be,
        rows,
    }
}

/// Whether a customer was informed.
#[derive(Clone, Debug, Serialize)]
pub struct Informed {
    /// Account id.
    pub account_id: String,
    /// The answer over all notices asked for: informed by any is informed.
    pub verdict: Verdict,
    /// The answer for each notice.
    pub notices: Vec<InformedNotice>,
}

/// Whether a customer was informed by one notice.
#[derive(Clone, Debug, Serialize)]
pub struct InformedNotice {
    /// The notice.
    pub id: Uuid,
    /// Category.
    pub category: Category,
    /// Subject.
    pub subject: String,
    /// The author's reference.
    pub reference: Option<String>,
    /// When it was released.
    pub released_at: Option<Timestamp>,
    /// The answer.
    pub verdict: Verdict,
    /// The strongest evidence there is.
    pub level: Option<Level>,
    /// Each delivery to the customer.
    pub deliveries: Vec<InformedDelivery>,
    /// By which other ways it was told.
    pub attested: Vec<Attestation>,
}

/// A delivery to a customer, with what the server said.
#[derive(Clone, Debug, Serialize)]
pub struct InformedDelivery {
    /// The delivery.
    pub id: Uuid,
    /// Address.
    pub email: String,
    /// Role that was addressed.
    pub role: Role,
    /// State.
    pub state: State,
    /// An operator found it out: it is no server's answer.
    pub found_by_operator: bool,
    /// How strong the evidence is.
    pub level: Option<Level>,
    /// When the state changed last.
    pub at: Timestamp,
    /// The server's reply.
    pub reply: Option<String>,
    /// The message's Message-ID.
    pub message_id: String,
}

/// Tells whether a customer was informed by any of some notices.
///
/// # Errors
/// Where the database fails.
pub async fn informed(conn: &mut Conn, account_id: &str, notices: &[Kept]) -> Result<Informed, StoreError> {
    let mut answers = Vec::with_capacity(notices.len());
    for notice in notices {
        answers.push(informed_by(conn, account_id, notice).await?);
    }
    let verdict = answers.iter().map(|answer| answer.verdict).reduce(Verdict::best).unwrap_or(Verdict::NotAddressed);
    // "Nobody to address" is an answer of the coverage; asked for one customer it is: not informed.
    let verdict = if verdict == Verdict::CannotBe { Verdict::NotInformed } else { verdict };
    Ok(Informed { account_id: account_id.to_owned(), verdict, notices: answers })
}

async fn informed_by(conn: &mut Conn, account_id: &str, notice: &Kept) -> Result<InformedNotice, StoreError> {
    let released = notice.released_at.is_some();
    let shown = if released { deliveries::of_customer(conn, notice.id, account_id).await? } else { Vec::new() };
    let attested = attestations::of_notice(conn, notice.id, Some(account_id)).await?;
    let states: Vec<State> = shown.iter().map(|delivery| delivery.state).collect();
    let addressed = !shown.is_empty() || (released && deliveries::is_unaddressed(conn, notice.id, account_id).await?);
    let verdict = if addressed { Verdict::of(&states, !attested.is_empty()) } else { Verdict::NotAddressed };
    let level = shown.iter().filter(|delivery| delivery.state.informs()).filter_map(|delivery| delivery.level).max();
    Ok(InformedNotice {
        id: notice.id,
        category: notice.category,
        subject: notice.subject.clone(),
        reference: notice.reference.clone(),
        released_at: notice.released_at,
        verdict: if verdict == Verdict::CannotBe { Verdict::NotInformed } else { verdict },
        level: level.max((!attested.is_empty()).then_some(Level::Attested)),
        deliveries: shown
            .into_iter()
            .map(|it| InformedDelivery {
                id: it.id,
                email: it.email,
                role: it.role,
                state: it.state,
                found_by_operator: it.found,
                level: it.level,
                at: it.at,
                reply: it.reply,
                message_id: message_id(it.id, &notice.message_domain),
            })
            .collect(),
        attested,
    })
}

/// Records a person's word that a customer was told by another way, in the database and the ledger. False where the
/// customer is not in the notice's audience, or that is not frozen yet: nothing is recorded then.
///
/// # Errors
/// Where the database fails.
pub async fn attest(
    store: &Store,
    clock: &Clock,
    random: &Random,
    notice: &Kept,
    attestation: &Attestation,
) -> Result<bool, StoreError> {
    if notice.released_at.is_none() {
        return Ok(false);
    }
    let mut tx = store.write().await?;
    let shown = deliveries::of_customer(&mut tx, notice.id, &attestation.account_id).await?;
    if shown.is_empty() && !deliveries::is_unaddressed(&mut tx, notice.id, &attestation.account_id).await? {
        return Ok(false);
    }
    let at = clock.now();
    let fact = Fact {
        notice: Some((notice.id, notice.category, notice.digest)),
        level: Some(Level::Attested),
        ..Fact::new(Event::Attested, at)
    };
    let person = Person {
        account_id: attestation.account_id.clone(),
        role: format!("{}: {}", attestation.channel, attestation.witness),
        reply: attestation.note.clone(),
        ..Person::default()
    };
    let entry = Entry::new(&fact, Some(&person), random);
    attestations::insert(&mut tx, random.id(at), notice.id, attestation).await?;
    ledger::append(&mut tx, &[Opening::of_notice(&entry, notice.id, at)]).await?;
    tx.commit().await?;
    Ok(true)
}
