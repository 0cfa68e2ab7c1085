//! Everything that is stored about a person, for the person (GDPR Art. 15 and 20), with the evidence of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::mentions::{self, Mention};
use super::{SubjectError, Subjects};
use crate::domain::actor::{AN_OPERATOR, Action, Actor, without_name};
use crate::domain::address::{Address, AddressKey, mentioned};
use crate::domain::category::Category;
use crate::domain::delivery::{Level, Reason, State, damaged_message};
use crate::domain::entry::{Detail, Event, Fact, Person};
use crate::domain::right::Right;
use crate::ledger::LedgerError;
use crate::ledger::evidence::{EvidenceError, Wanted, export, export_entries};
use crate::ledger::operated::{Operation, record as record_operation};
use crate::mail::compose::message::message_id;
use crate::people::addresses::keys;
use crate::people::reads::note_read;
use crate::store::inbound::reports::{self, Report};
use crate::store::people::petitions::Petition;
use crate::store::people::preferences::OptOut;
use crate::store::people::rectifications::Rectification;
use crate::store::people::subjects::{self, Read, SubjectContact};
use crate::store::people::suppressions::Suppression;
use crate::store::people::{petitions, preferences, rectifications, suppressions};
use crate::store::proof::ledger::{self, StoredOpening};
use crate::store::proof::tree::Signed;
use crate::store::sending::messages::Seen;
use crate::store::sending::settle::Tried;
use crate::store::sending::{deliveries, messages, settle};
use crate::store::{Conn, StoreError, inbound, notices};

/// Everything that is stored about an address.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = subject::Record)]
pub struct Record {
    /// The address.
    pub email: String,
    /// When the record was made.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Corrections of the person's address: what is stored about the other addresses is below as well.
    #[schema(value_type = Vec<Object>)]
    pub rectifications: Vec<Rectification>,
    /// Contacts.
    #[schema(value_type = Vec<Object>)]
    pub contacts: Vec<SubjectContact>,
    /// Opt-outs.
    #[schema(value_type = Vec<Object>)]
    pub opt_outs: Vec<OptOut>,
    /// Reasons against mailing the address.
    #[schema(value_type = Vec<Object>)]
    pub suppressions: Vec<Suppression>,
    /// Notices sent, or not, to the address.
    #[schema(value_type = Vec<Object>)]
    pub deliveries: Vec<Notified>,
    /// Attestations whose words mention the address.
    #[schema(value_type = Vec<Object>)]
    pub attestations: Vec<Attested>,
    /// Rows of audience files that have the address as a value.
    #[schema(value_type = Vec<Object>)]
    pub audience_rows: Vec<AudienceRow>,
    /// What operators did about the address, or with words that mention it.
    #[schema(value_type = Vec<Object>)]
    pub operations: Vec<Operated>,
    /// Reasons of steps and holds that mention the address and are in no operation, and lines of forms that were not sent.
    #[schema(value_type = Vec<Object>)]
    pub reasons: Vec<Stated>,
    /// Who looked at the record while the data was restricted.
    #[schema(value_type = Vec<Object>)]
    pub reads: Vec<Read>,
    /// What the person asked for, and how it was answered.
    #[schema(value_type = Vec<Object>)]
    pub petitions: Vec<Petition>,
    /// Evidence files: one for each notice and customer, and one of the entries about the address itself.
    #[schema(value_type = Vec<Object>)]
    pub evidence: Vec<Box<RawValue>>,
}

/// An attestation whose words mention the address.
#[derive(Debug, Serialize)]
pub struct Attested {
    /// The notice.
    pub notice_id: Uuid,
    /// The customer.
    pub account_id: String,
    /// The channel.
    pub channel: String,
    /// Who informed the customer; the name only if it is the person's own.
    pub by: String,
    /// What was said, or where the letter is.
    pub note: String,
    /// When it was recorded.
    pub at: Timestamp,
}

/// A row of an audience file that has the address as a value.
#[derive(Debug, Serialize)]
pub struct AudienceRow {
    /// The notice.
    pub notice_id: Uuid,
    /// The customer.
    pub account_id: String,
    /// The values by column.
    pub values: BTreeMap<String, String>,
}

/// The reason of a step on a notice or of a legal hold, or the note of a task, that mentions the address.
#[derive(Debug, Serialize)]
pub struct Stated {
    /// The notice, if it is about one.
    pub notice_id: Option<Uuid>,
    /// The customer, if it is about one.
    pub account_id: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The reason that was recorded.
    pub reason: String,
}

/// What an operator did about the address, or with words that mention it.
#[derive(Debug, Serialize)]
pub struct Operated {
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub action: Action,
    /// Who did it, without an operator's name.
    pub by: String,
    /// The reason that was recorded.
    pub reason: String,
}

/// A notice sent, or not, to the address.
#[derive(Debug, Serialize)]
pub struct Notified {
    /// The delivery.
    pub id: Uuid,
    /// The notice.
    pub notice_id: Uuid,
    /// Its category.
    pub category: Category,
    /// Its subject.
    pub subject: String,
    /// Account id.
    pub account_id: String,
    /// The customer's name at release.
    pub customer_name: String,
    /// State.
    pub state: State,
    /// True if an operator found it out: it is no server's answer.
    pub found_by_operator: bool,
    /// How strong the evidence is.
    pub level: Option<Level>,
    /// Why it was not sent, if it is rejected and no server refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// When the state changed last.
    pub at: Timestamp,
    /// The server's last reply.
    pub reply: Option<String>,
    /// Message-ID.
    pub message_id: String,
    /// Each attempt.
    pub attempts: Vec<Tried>,
    /// The message as sent.
    pub message: Option<String>,
    /// Why its message is not here, although it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_damaged: Option<String>,
    /// What came back about it.
    pub reports: Vec<Report>,
    /// The messages that came back about it, as they came, while they are kept.
    pub returned: Vec<String>,
}

impl Record {
    fn new(address: &Address, at: Timestamp) -> Self {
        Self {
            email: address.as_str().to_owned(),
            at,
            rectifications: Vec::new(),
            contacts: Vec::new(),
            opt_outs: Vec::new(),
            suppressions: Vec::new(),
            deliveries: Vec::new(),
            attestations: Vec::new(),
            audience_rows: Vec::new(),
            operations: Vec::new(),
            reasons: Vec::new(),
            reads: Vec::new(),
            petitions: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// True if nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.contacts.is_empty()
            && self.opt_outs.is_empty()
            && self.suppressions.is_empty()
            && self.deliveries.is_empty()
            && self.attestations.is_empty()
            && self.audience_rows.is_empty()
            && self.operations.is_empty()
            && self.reasons.is_empty()
            && self.reads.is_empty()
            && self.petitions.is_empty()
            && self.evidence.is_empty()
    }
}

/// What an export holds.
#[derive(Debug)]
pub struct Exported {
    /// Everything that is stored.
    pub record: Record,
    /// Why there is no evidence in the record, if nothing can be signed.
    pub without_evidence: Option<LedgerError>,
}

impl Subjects {
    /// Everything that is stored about an address, with its evidence. That it was exported is recorded.
    ///
    /// # Errors
    /// If nothing is stored, or the database fails.
    pub async fn export(&self, actor: &Actor, address: &Address) -> Result<Exported, SubjectError> {
        actor.may_at_all(Right::Subjects)?;
        note_read(&self.context, actor, &address.key(), "subject export").await?;
        let (checkpoint, without_evidence) = match self.ledger.checkpoint().await {
            Ok(checkpoint) => (Some(checkpoint), None),
            // The person has a right to the rest all the same.
            Err(error @ (LedgerError::Stopped(_) | LedgerError::NoKey(_))) => (None, Some(error)),
            Err(error) => return Err(error.into()),
        };
        let at = self.context.clock.now();
        let mut conn = self.context.store.snapshot().await?;
        let record = record(&mut conn, checkpoint.as_ref(), address, at).await?;
        drop(conn);
        if record.is_empty() {
            return Err(SubjectError::Unknown(address.clone()));
        }
        let mut tx = self.context.store.write().await?;
        let operation = Operation::on_address(Action::Export, address);
        record_operation(&mut tx, actor, &operation, at, &self.context.random).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Exported { record, without_evidence })
    }
}

/// Reads everything that is stored about an address, from a snapshot not older than the checkpoint.
async fn record(
    conn: &mut Conn,
    checkpoint: Option<&Signed>,
    address: &Address,
    at: Timestamp,
) -> Result<Record, EvidenceError> {
    let mut record = Record::new(address, at);
    record.rectifications = rectifications::of_address(conn, &address.key()).await?;
    for key in &keys(conn, address).await? {
        record.contacts.extend(subjects::contacts(conn, key).await?);
        record.opt_outs.extend(preferences::of_address(conn, key).await?);
        record.suppressions.extend(suppressions::reasons(conn, key).await?);
        let sent = notified(conn, key).await?;
        if let Some(checkpoint) = checkpoint {
            evidence(conn, checkpoint, key, &sent, &mut record.evidence).await?;
        }
        record.deliveries.extend(sent);
        let own = ledger::of_address(conn, key).await?;
        for mention in mentions::of(conn, key).await? {
            if !matches!(&mention, Mention::Entry(entry) if own.iter().any(|it| it.entry_id == entry.0.entry_id)) {
                add_words(&mut record, mention, key);
            }
        }
        record.operations.extend(own.iter().filter_map(operated));
        let petitions = petitions::of_address(conn, key).await?.into_iter();
        record.petitions.extend(petitions.map(|it| Petition {
            recorded_by: AN_OPERATOR.to_owned(),
            answered_by: it.answered_by.as_ref().map(|_| AN_OPERATOR.to_owned()),
            ..it
        }));
        let reads = subjects::reads(conn, key).await?.into_iter();
        record.reads.extend(reads.map(|read| Read { operator: AN_OPERATOR.to_owned(), ..read }));
    }
    // The entry of a step or a hold has the same words.
    record.reasons.retain(|it| record.operations.iter().all(|operated| operated.reason != it.reason));
    record.operations.sort_by_key(|operated| operated.at);
    Ok(record)
}

/// Adds the words that mention one of the addresses.
fn add_words(record: &mut Record, mention: Mention, key: &AddressKey) {
    match mention {
        Mention::Attestation(words) => record.attestations.push(Attested {
            notice_id: words.notice_id,
            account_id: words.account_id,
            channel: words.channel,
            by: if mentioned(&words.witness, key) { words.witness } else { AN_OPERATOR.to_owned() },
            note: words.withdrawn_why.map_or(words.note.clone(), |why| format!("{} (withdrawn: {why})", words.note)),
            at: words.at,
        }),
        Mention::FileRow(row) => record.audience_rows.push(AudienceRow {
            notice_id: row.notice_id,
            account_id: row.account_id,
            values: row.values,
        }),
        Mention::Step(step) => record.reasons.push(Stated {
            notice_id: Some(step.notice_id),
            account_id: None,
            at: step.at,
            reason: step.reason,
        }),
        Mention::Hold(hold) => record.reasons.push(Stated {
            notice_id: hold.notice_id,
            account_id: hold.account_id,
            at: hold.since,
            reason: hold.reason,
        }),
        Mention::Task(task) => record.reasons.push(Stated {
            notice_id: task.notice_id,
            account_id: task.account_id,
            at: task.done_at.unwrap_or(task.opened_at),
            reason: task.note.unwrap_or_default(),
        }),
        Mention::Form(typed) => record.reasons.push(Stated {
            notice_id: None,
            account_id: None,
            at: typed.kept_at,
            reason: typed.about(key),
        }),
        Mention::Entry(entry) => record.operations.extend(operated(&entry.0)),
    }
}

/// What an operator did, if the entry is of that.
fn operated(opening: &StoredOpening) -> Option<Operated> {
    let Detail::Operated { action, .. } = Fact::from_cbor(&opening.fact).ok()?.detail else { return None };
    let person = Person::from_cbor(opening.person.as_deref()?).ok()?;
    let (by, reason) = (without_name(&person.role).to_owned(), unsigned(person.reply));
    Some(Operated { at: opening.at, action, by, reason })
}

async fn notified(conn: &mut Conn, key: &AddressKey) -> Result<Vec<Notified>, StoreError> {
    let mut found = Vec::new();
    for delivery in subjects::deliveries(conn, key).await? {
        let Some(notice) = notices::find(conn, delivery.notice_id).await? else { continue };
        let Some(shown) = deliveries::find(conn, delivery.id).await? else { continue };
        let seen = messages::see(conn, delivery.id).await?;
        found.push(Notified {
            id: shown.id,
            notice_id: notice.id,
            category: notice.category,
            subject: notice.subject,
            account_id: shown.account_id,
            customer_name: shown.customer_name,
            state: shown.state,
            found_by_operator: shown.level == Some(Level::OperatorFound),
            level: shown.level,
            reason: shown.reason,
            at: shown.at,
            reply: shown.reply.map(unsigned),
            message_id: message_id(shown.id, &notice.message_domain),
            attempts: settle::attempts(conn, delivery.id).await?,
            message: seen.sent().map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
            message_damaged: (seen == Seen::Damaged).then(|| damaged_message(delivery.id)),
            reports: reports::of_delivery(conn, delivery.id).await?,
            returned: returned(conn, delivery.id).await?,
        });
    }
    Ok(found)
}

/// The messages that came back about a delivery, as text.
async fn returned(conn: &mut Conn, delivery: Uuid) -> Result<Vec<String>, StoreError> {
    let mut messages = Vec::new();
    for stored in inbound::of_delivery(conn, delivery).await? {
        if let Some((_, Some(raw))) = inbound::find(conn, stored.id).await? {
            messages.push(String::from_utf8_lossy(&raw).into_owned());
        }
    }
    Ok(messages)
}

/// A reply without the name of the operator who stated it, if it is an operator's finding.
fn unsigned(reply: String) -> String {
    match reply.strip_prefix("stated by ").and_then(|rest| rest.split_once(": ")) {
        Some((_, words)) => format!("stated by {AN_OPERATOR}: {words}"),
        None => reply,
    }
}

/// Makes the evidence about one address. Who attested or found something out stays in it, since it rests on that; what operators did
/// about the address is proved without their names.
async fn evidence(
    conn: &mut Conn,
    checkpoint: &Signed,
    key: &AddressKey,
    notified: &[Notified],
    evidence: &mut Vec<Box<RawValue>>,
) -> Result<(), EvidenceError> {
    let parts: BTreeSet<(Uuid, String)> = notified.iter().map(|it| (it.notice_id, it.account_id.clone())).collect();
    for (notice_id, account_id) in parts {
        let mut file = Vec::new();
        let wanted = Wanted { notice_id, account_id: Some(&account_id), address: Some(key), with_messages: false };
        match export(conn, checkpoint, &wanted, &mut file, &|_| ()).await {
            Ok(_) => evidence.push(raw(file)),
            Err(EvidenceError::NotSealed) => {}
            Err(error) => return Err(error),
        }
    }
    let mut own = ledger::of_address(conn, key).await?;
    for opening in own.iter_mut().filter(|opening| opening.event == Event::Operated) {
        (opening.person, opening.person_salt) = (None, None);
    }
    if own.iter().any(|opening| opening.index.is_some_and(|index| index < checkpoint.size)) {
        let mut file = Vec::new();
        export_entries(conn, checkpoint, &own, &mut file).await?;
        evidence.push(raw(file));
    }
    Ok(())
}

fn raw(file: Vec<u8>) -> Box<RawValue> {
    let text = String::from_utf8(file).expect("evidence is text");
    RawValue::from_string(text.trim_end().to_owned()).expect("evidence is JSON")
}
