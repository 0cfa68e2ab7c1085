//! Attesting: a person's word that a customer was informed by another way, on record and in the ledger.

use super::{Attestation, Coverage, CoverageError};
use crate::domain::actor::{Action, Actor};
use crate::domain::attestation::{Channel, channel_and_witness};
use crate::domain::delivery::Level;
use crate::domain::entry::{Entry, Event, Fact, Person};
use crate::domain::escalation::State;
use crate::domain::problem::check_line;
use crate::domain::task::TaskKind;
use crate::ledger::operated::{self, Operation};
use crate::store::notices::attestations;
use crate::store::proof::ledger::{self, Opening};
use crate::store::sending::deliveries;
use crate::store::{escalations, tasks};

/// The longest witness or note, in bytes.
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
}

impl Coverage {
    /// Records an attestation for a customer in a notice's audience; the notice is named by id or reference.
    ///
    /// # Errors
    /// If the words are not one line each, there is no such notice, the customer is not in its audience, or that is not frozen
    /// yet; nothing is recorded then.
    pub async fn attest(
        &self,
        actor: &Actor,
        notice: &str,
        new: &NewAttestation<'_>,
    ) -> Result<Attestation, CoverageError> {
        check_line("by", new.witness, LONGEST)?;
        check_line("note", new.note, LONGEST)?;
        let notice = self.notices.named(notice).await?;
        let not_in_audience = || CoverageError::NotInAudience(new.account_id.to_owned());
        if notice.released_at.is_none() {
            return Err(not_in_audience());
        }
        let mut tx = self.context.store.write().await?;
        let shown = deliveries::of_customer(&mut tx, notice.id, new.account_id).await?;
        if shown.is_empty() && deliveries::unaddressed_name(&mut tx, notice.id, new.account_id).await?.is_none() {
            return Err(not_in_audience());
        }
        let (at, random) = (self.context.clock.now(), &self.context.random);
        let fact = Fact { level: Some(Level::Attested), ..notice.fact(Event::Attested, at) };
        let person = Person {
            account_id: new.account_id.to_owned(),
            role: channel_and_witness(new.channel, new.witness),
            reply: new.note.to_owned(),
            ..Person::default()
        };
        let attestation = Attestation {
            account_id: new.account_id.to_owned(),
            channel: new.channel,
            witness: new.witness.to_owned(),
            note: new.note.to_owned(),
            operator: actor.name().to_owned(),
            at,
        };
        let entry = Entry::new(&fact, Some(&person), random);
        attestations::insert(&mut tx, random.id(at), notice.id, &attestation).await?;
        ledger::append(&mut tx, &[Opening::of_notice(&entry, notice.id, at)]).await?;
        let operation = Operation::on_notice(Action::Attest, &notice).account(new.account_id);
        operated::record(&mut tx, actor, &operation, at, random).await?;
        tasks::close(&mut tx, TaskKind::NotInformed, notice.id, &[new.account_id], at).await?;
        escalations::end(&mut tx, notice.id, new.account_id, State::Informed).await?;
        tx.commit().await?;
        Ok(attestation)
    }
}
