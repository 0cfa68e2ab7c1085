//! Attestations count for the coverage: each has its entry, and each entry its attestation; so has each withdrawal.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Damage, Stop};
use crate::domain::actor::Action;
use crate::domain::attestation::channel_and_witness;
use crate::domain::entry::{Detail, Event, Fact, Person, nfc};
use crate::store::Conn;
use crate::store::notices::attestations::{self, Attestation};
use crate::store::proof::ledger::{self as entries, StoredOpening};

/// An `attested` entry.
struct Entry {
    index: Option<u64>,
    at: Timestamp,
    /// When the customer was informed; `None` for a withdrawal.
    told_at: Option<Timestamp>,
    /// Customer, channel with witness, and note or reason, unless they were deleted.
    words: Option<(String, String, String)>,
}

/// What the entries of a notice say of its attestations.
#[derive(Default)]
struct Recorded {
    /// The statement of each attestation, by its id.
    stated: BTreeMap<Uuid, Entry>,
    /// The withdrawal of each that was withdrawn.
    withdrawn: BTreeMap<Uuid, Entry>,
    /// Of the `operated` entries: who did this for a customer at a time.
    actors: BTreeMap<(Action, String, Timestamp), Vec<String>>,
}

impl Recorded {
    fn take(&mut self, opening: &StoredOpening) {
        let Ok(fact) = Fact::read(&opening.fact) else { return };
        let person = opening.person.as_deref().and_then(|person| Person::from_cbor(person).ok());
        match (fact.detail, person) {
            (Detail::Attested { id, told_at }, person) if opening.event == Event::Attested => {
                let words = person.map(|person| (person.account_id, person.role, person.reply));
                let entry = Entry { index: opening.index, at: opening.at, told_at, words };
                let kept = if told_at.is_some() { &mut self.stated } else { &mut self.withdrawn };
                kept.insert(id, entry);
            }
            (Detail::Operated { action, .. }, Some(person)) => {
                self.actors.entry((action, person.account_id, opening.at)).or_default().push(person.role);
            }
            _ => {}
        }
    }

    /// Compares an attestation with its entry, which is taken out. The operator is the one of the `operated` entry.
    fn compare(&mut self, it: &Attestation, manifest: u64, cleared: bool) -> Result<(), Damage> {
        let account = &it.account_id;
        let Some(entry) = self.stated.remove(&it.id) else {
            let problem = format!("an attestation for customer {account} of this notice has no entry");
            return Err(Damage::at(manifest, problem));
        };
        let role = channel_and_witness(it.channel, &it.witness);
        self.words(&entry, it, (&role, &it.note), it.witness.is_empty() && it.note.is_empty())
            .and_then(|()| same_time("time of the attestation", account, it.at, entry.at))
            .and_then(|()| {
                let told_at = entry.told_at.unwrap_or(entry.at);
                same_time("time at which the attestation says that it was informed", account, it.told_at, told_at)
            })
            .and_then(|()| self.operator(Action::Attest, it, (&it.operator, it.at), cleared))
            .map_err(|problem| Damage::at(entry.index.unwrap_or(manifest), problem))?;
        self.compare_withdrawal(it, manifest, cleared)
    }

    fn compare_withdrawal(&mut self, it: &Attestation, manifest: u64, cleared: bool) -> Result<(), Damage> {
        let Some(withdrawn) = &it.withdrawn else { return Ok(()) };
        let account = &it.account_id;
        let Some(entry) = self.withdrawn.remove(&it.id) else {
            let problem = format!("the withdrawal of an attestation for customer {account} has no entry");
            return Err(Damage::at(manifest, problem));
        };
        let role = channel_and_witness(it.channel, &it.witness);
        self.words(&entry, it, (&role, &withdrawn.reason), withdrawn.reason.is_empty())
            .and_then(|()| same_time("time of the withdrawal of the attestation", account, withdrawn.at, entry.at))
            .and_then(|()| {
                let by = (withdrawn.operator.as_str(), withdrawn.at);
                self.operator(Action::WithdrawAttestation, it, by, cleared)
            })
            .map_err(|problem| Damage::at(entry.index.unwrap_or(manifest), problem))
    }

    /// The words are those of the entry. They are emptied together with it.
    fn words(&self, entry: &Entry, it: &Attestation, (role, words): (&str, &str), emptied: bool) -> Result<(), String> {
        let text = |text: &str| nfc(text).into_owned();
        let as_sealed = match &entry.words {
            Some(sealed) => *sealed == (text(&it.account_id), text(role), text(words)),
            None => emptied,
        };
        let problem = || format!("what the attestation for customer {} says is not what was sealed", it.account_id);
        if as_sealed { Ok(()) } else { Err(problem()) }
    }

    /// The operator is the one of the `operated` entry. An actor is written as the name and, in parentheses, how.
    fn operator(
        &self,
        action: Action,
        it: &Attestation,
        (operator, at): (&str, Timestamp),
        cleared: bool,
    ) -> Result<(), String> {
        let (account, stored) = (nfc(&it.account_id).into_owned(), nfc(operator));
        let actors = self.actors.get(&(action, account.clone(), at)).map(Vec::as_slice).unwrap_or_default();
        let named = |actor: &String| actor.strip_prefix(stored.as_ref()).is_some_and(|rest| rest.starts_with(" ("));
        match actors.first() {
            Some(_) if actors.iter().any(named) => Ok(()),
            Some(actor) => Err(format!(
                "the operator of the attestation for customer {account} is not what was sealed: {stored}, sealed {actor}"
            )),
            // Who did it goes with the persons that an erasure or retention deletes.
            None if cleared => Ok(()),
            None => Err(format!("no entry names the operator of the attestation for customer {account}")),
        }
    }
}

fn same_time(what: &str, account: &str, stored: Timestamp, sealed: Timestamp) -> Result<(), String> {
    if stored == sealed {
        return Ok(());
    }
    Err(format!("the {what} for customer {account} is not what was sealed: {stored}, sealed {sealed}"))
}

/// Checks the attestations of a notice, whose manifest has this index. `cleared`: entries were cleared of their persons.
pub(super) async fn check(conn: &mut Conn, notice: Uuid, manifest: u64, cleared: bool) -> Result<(), Stop> {
    let mut recorded = Recorded::default();
    entries::about_notice(conn, notice).await?.iter().for_each(|opening| recorded.take(opening));
    for it in &attestations::of_notice(conn, notice, None).await? {
        recorded.compare(it, manifest, cleared)?;
    }
    let removed = |entry: &Entry, what| Damage::at(entry.index.unwrap_or(manifest), format!("the {what} was removed"));
    if let Some(entry) = recorded.stated.values().next() {
        return Err(removed(entry, "attestation that it records").into());
    }
    match recorded.withdrawn.values().next() {
        Some(entry) => Err(removed(entry, "withdrawal of an attestation that it records").into()),
        None => Ok(()),
    }
}
