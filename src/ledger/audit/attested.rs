//! Attestations count for the coverage: each has its entry, and each entry its attestation.

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

/// What an `attested` entry says: customer, channel with witness, and note.
type Words = (String, String, String);

/// What the entries of a notice say of its attestations.
#[derive(Default)]
struct Recorded {
    /// The index and time of each `attested` entry.
    entries: BTreeMap<Words, Vec<(Option<u64>, Timestamp)>>,
    /// Of the `operated` entries: who attested for a customer at a time.
    actors: BTreeMap<(String, Timestamp), Vec<String>>,
    /// Entries whose person was deleted.
    forgotten: u64,
}

impl Recorded {
    fn take(&mut self, opening: &StoredOpening) {
        let person = opening.person.as_deref().map(Person::from_cbor);
        match (opening.event, person) {
            (Event::Attested, Some(Ok(person))) => {
                let words = (person.account_id, person.role, person.reply);
                self.entries.entry(words).or_default().push((opening.index, opening.at));
            }
            (Event::Attested, _) => self.forgotten += 1,
            (Event::Operated, Some(Ok(person))) => {
                let detail = Fact::read(&opening.fact).ok().map(|fact| fact.detail);
                if matches!(detail, Some(Detail::Operated { action: Action::Attest, .. })) {
                    self.actors.entry((person.account_id, opening.at)).or_default().push(person.role);
                }
            }
            _ => {}
        }
    }
}

/// Checks the attestations of a notice, whose manifest has this index. `cleared`: entries were cleared of their persons.
pub(super) async fn check(conn: &mut Conn, notice: Uuid, manifest: u64, cleared: bool) -> Result<(), Stop> {
    let mut recorded = Recorded::default();
    entries::about_notice(conn, notice).await?.iter().for_each(|opening| recorded.take(opening));
    for it in &attestations::of_notice(conn, notice, None).await? {
        match find(&mut recorded, it) {
            Found::Entry(index, at) if at != it.at => {
                let account = &it.account_id;
                let problem = format!(
                    "the time of the attestation for customer {account} is not what was sealed: {}, sealed {at}",
                    it.at
                );
                return Err(Damage::at(index.unwrap_or(manifest), problem).into());
            }
            Found::Entry(index, _) => {
                operator(&recorded, it, cleared).map_err(|problem| Damage::at(index.unwrap_or(manifest), problem))?;
            }
            Found::Forgotten => {}
            Found::Nothing => {
                let problem = format!("an attestation for customer {} of this notice has no entry", it.account_id);
                return Err(Damage::at(manifest, problem).into());
            }
        }
    }
    match recorded.entries.into_values().flatten().next() {
        Some((index, _)) => {
            Err(Damage::at(index.unwrap_or(manifest), "the attestation that it records was removed").into())
        }
        None => Ok(()),
    }
}

enum Found {
    /// The index and time of its entry.
    Entry(Option<u64>, Timestamp),
    /// Its words were erased; that it was made stays.
    Forgotten,
    Nothing,
}

/// Takes the entry of an attestation out of those that were recorded.
fn find(recorded: &mut Recorded, it: &Attestation) -> Found {
    let role = channel_and_witness(it.channel, &it.witness);
    let text = |text: &str| nfc(text).into_owned();
    let words = (text(&it.account_id), text(&role), text(&it.note));
    if let Some(found) = recorded.entries.get_mut(&words) {
        let place = found.iter().position(|(_, at)| *at == it.at).unwrap_or(0);
        let (index, at) = found.remove(place);
        if found.is_empty() {
            recorded.entries.remove(&words);
        }
        return Found::Entry(index, at);
    }
    if recorded.forgotten > 0 && it.note.is_empty() && it.witness.is_empty() {
        recorded.forgotten -= 1;
        return Found::Forgotten;
    }
    Found::Nothing
}

/// The operator is the one of the `operated` entry. An actor is written as the name and, in parentheses, how.
fn operator(recorded: &Recorded, it: &Attestation, cleared: bool) -> Result<(), String> {
    let (account, stored) = (nfc(&it.account_id), nfc(&it.operator));
    let actors = recorded.actors.get(&(account.clone().into_owned(), it.at)).map(Vec::as_slice).unwrap_or_default();
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
