//! Attesting: a person's word that a customer was informed by another way, and its withdrawal, on record and in the ledger.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::{Attestation, Coverage, CoverageError};
use crate::domain::actor::{Action, Actor};
use crate::domain::attestation::{Channel, channel_and_witness};
use crate::domain::coverage::{Known, Verdict};
use crate::domain::delivery::Level;
use crate::domain::entry::{Detail, Entry, Event, Fact, Person};
use crate::domain::escalation::State;
use crate::domain::fields::Fields;
use crate::domain::problem::check_line;
use crate::domain::right::Right;
use crate::domain::task::TaskKind;
use crate::ledger::operated::{self, Operation};
use crate::store::notices::Kept;
use crate::store::notices::attestations::{self, Withdrawn};
use crate::store::proof::ledger::{self, Opening};
use crate::store::sending::deliveries::{self, Shown};
use crate::store::{Conn, escalations, notices, tasks};

/// The longest witness, note or reason, in bytes.
const LONGEST: usize = 1000;

/// An attestation to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct NewAttestation<'a> {
    /// The customer's account id.
    pub account_id: &'a str,
    /// The way.
    pub channel: Channel,
    /// Who informed the customer: one line.
    pub witness: &'a str,
    /// What was said, or where the letter is: one line.
    pub note: &'a str,
    /// When the customer was informed, if that was not now.
    pub told_at: Option<Timestamp>,
}

impl NewAttestation<'_> {
    fn is(&self, other: &Attestation) -> bool {
        (self.channel, self.witness, self.note) == (other.channel, other.witness.as_str(), other.note.as_str())
            && self.told_at.is_none_or(|told_at| told_at == other.told_at)
            && other.withdrawn.is_none()
    }
}

/// An attestation that is on record.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = attestation::Attested)]
pub struct Attested {
    /// The attestation.
    #[serde(flatten)]
    pub attestation: Attestation,
    /// It was on record before, and no second one was recorded.
    pub already: bool,
}

/// Checks that there was something to inform about: a breach is known once it is discovered, a disruption once it has begun, and customers
/// may be called before anybody writes; what another notice says is known once it is written.
fn possible(notice: &Kept, told_at: Option<Timestamp>) -> Result<(), CoverageError> {
    let Some(told_at) = told_at else { return Ok(()) };
    let written = (notice.created_at, "the notice was written");
    let known = notice.parsed().ok().and_then(|notice| match notice.editions.into_iter().next()?.fields {
        Fields::SecurityBreach(breach) => Some((breach.discovered_at, "the breach was discovered")),
        Fields::Disruption(it) => Some((it.started_at, "the disruption began")).filter(|(at, _)| *at < written.0),
        _ => None,
    });
    let (earliest, what) = known.unwrap_or(written);
    // Forms and persons say the minute.
    if told_at.duration_since(earliest) > -SignedDuration::from_mins(1) {
        return Ok(());
    }
    Err(CoverageError::TooEarly { told_at, earliest, what })
}

impl Coverage {
    /// Records an attestation for a customer in a notice's audience, unless the same one stands already; the notice is named by id
    /// or reference.
    ///
    /// # Errors
    /// If the words are not one line each, the customer is informed only in the future or before the notice was written, there is no
    /// such notice, the customer is not in its audience, or that is not frozen yet; nothing is recorded then.
    pub async fn attest(
        &self,
        actor: &Actor,
        notice: &str,
        new: &NewAttestation<'_>,
    ) -> Result<Attested, CoverageError> {
        check_line("by", new.witness, LONGEST)?;
        check_line("note", new.note, LONGEST)?;
        let at = self.context.clock.now();
        if let Some(told_at) = new.told_at.filter(|told_at| *told_at > at) {
            return Err(CoverageError::Future { told_at, now: at });
        }
        let notice = self.notices.named(actor, notice).await?;
        actor.may(Right::Attest, notice.category)?;
        if notice.released_at.is_none() {
            return Err(CoverageError::NotReleased(notice.state));
        }
        possible(&notice, new.told_at)?;
        let mut tx = self.context.store.write().await?;
        // Two that say the same at one moment come after each other.
        notices::lock(&mut tx, notice.id).await?;
        let shown = deliveries::of_customer(&mut tx, notice.id, new.account_id).await?;
        if shown.is_empty() && deliveries::unaddressed_name(&mut tx, notice.id, new.account_id).await?.is_none() {
            return Err(CoverageError::NotInAudience(new.account_id.to_owned()));
        }
        let standing = attestations::of_notice(&mut tx, notice.id, Some(new.account_id)).await?;
        if let Some(attestation) = standing.iter().find(|it| new.is(it)) {
            return Ok(Attested { attestation: attestation.clone(), already: true });
        }
        let attestation = Attestation {
            id: self.context.random.id(at),
            account_id: new.account_id.to_owned(),
            channel: new.channel,
            witness: new.witness.to_owned(),
            note: new.note.to_owned(),
            told_at: new.told_at.unwrap_or(at),
            operator: actor.name().to_owned(),
            at,
            withdrawn: None,
        };
        attestations::insert(&mut tx, notice.id, &attestation).await?;
        self.seal(&mut tx, (actor, Action::Attest), &notice, &attestation).await?;
        let told: Vec<Timestamp> = Attestation::told(&standing).into_iter().chain([attestation.told_at]).collect();
        let known: Vec<Known> = shown.iter().map(Shown::known).collect();
        // Rows that were added after the customer was told have their tasks still.
        if self.measure(&notice).verdict(&known, &told) == Verdict::Informed {
            tasks::close(&mut tx, TaskKind::NotInformed, notice.id, &[new.account_id], at).await?;
            escalations::end(&mut tx, notice.id, new.account_id, State::Informed).await?;
        }
        tx.commit().await?;
        Ok(Attested { attestation, already: false })
    }

    /// Withdraws an attestation for a customer: it does not count any more, and stays on record with the reason.
    ///
    /// # Errors
    /// If there is no such attestation for this notice and customer, it is withdrawn already, or the reason is not one line.
    pub async fn withdraw(
        &self,
        actor: &Actor,
        notice: &str,
        (account_id, id): (&str, Uuid),
        reason: &str,
    ) -> Result<Attestation, CoverageError> {
        check_line("note", reason, LONGEST)?;
        let notice = self.notices.named(actor, notice).await?;
        actor.may(Right::Attest, notice.category)?;
        let withdrawn =
            Withdrawn { operator: actor.name().to_owned(), reason: reason.to_owned(), at: self.context.clock.now() };
        let mut tx = self.context.store.write().await?;
        let standing = attestations::of_notice(&mut tx, notice.id, Some(account_id)).await?;
        let found = standing.into_iter().find(|it| it.id == id);
        let attestation = found.ok_or_else(|| CoverageError::NoAttestation(id, account_id.to_owned()))?;
        if !attestations::withdraw(&mut tx, id, &withdrawn).await? {
            return Err(CoverageError::Withdrawn(id));
        }
        let attestation = Attestation { withdrawn: Some(withdrawn), ..attestation };
        self.seal(&mut tx, (actor, Action::WithdrawAttestation), &notice, &attestation).await?;
        // The customer may not be informed any more.
        escalations::note(&mut tx, notice.id, account_id).await?;
        tx.commit().await?;
        Ok(attestation)
    }

    /// Appends the entries of an attestation, or of its withdrawal.
    async fn seal(
        &self,
        conn: &mut Conn,
        (actor, action): (&Actor, Action),
        notice: &Kept,
        it: &Attestation,
    ) -> Result<(), CoverageError> {
        let (at, told_at, words) = match &it.withdrawn {
            None => (it.at, Some(it.told_at), &it.note),
            Some(withdrawn) => (withdrawn.at, None, &withdrawn.reason),
        };
        let detail = Detail::Attested { id: it.id, told_at };
        let fact = Fact { level: told_at.map(|_| Level::Attested), detail, ..notice.fact(Event::Attested, at) };
        let person = Person {
            account_id: it.account_id.clone(),
            role: channel_and_witness(it.channel, &it.witness),
            reply: words.clone(),
            ..Person::default()
        };
        let entry = Entry::new(&fact, Some(&person), &self.context.random);
        ledger::append(conn, &[Opening::of_notice(&entry, notice.id, at)]).await?;
        let operation = Operation::on_notice(action, notice).account(&it.account_id);
        Ok(operated::record(conn, actor, &operation, at, &self.context.random).await?)
    }
}
