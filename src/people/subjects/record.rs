//! All that is kept of a person, for the person (GDPR Art. 15 and 20), with the evidence of it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::domain::address::{Address, AddressKey};
use crate::domain::category::Category;
use crate::domain::delivery::{Level, State};
use crate::ledger::evidence::{EvidenceError, Wanted, export, export_entries};
use crate::mail::compose::message::message_id;
use crate::store::preferences::OptOut;
use crate::store::settle::Tried;
use crate::store::subjects::{self, Read, SubjectContact};
use crate::store::suppressions::Suppression;
use crate::store::tree::Signed;
use crate::store::{Conn, StoreError, deliveries, ledger, messages, notices, preferences, settle, suppressions};

/// All that is kept of an address.
#[derive(Debug, Serialize)]
pub struct Record {
    /// The address.
    pub email: String,
    /// When this was put together.
    pub at: Timestamp,
    /// Contacts.
    pub contacts: Vec<SubjectContact>,
    /// Opt-outs.
    pub opt_outs: Vec<OptOut>,
    /// Reasons against mailing the address.
    pub suppressions: Vec<Suppression>,
    /// Notices sent, or not, to the address.
    pub deliveries: Vec<Told>,
    /// Who looked, since the data is restricted.
    pub reads: Vec<Read>,
    /// Evidence files: one for each notice and customer, and one of the entries about the address itself.
    pub evidence: Vec<Box<RawValue>>,
}

/// A notice sent, or not, to the address.
#[derive(Debug, Serialize)]
pub struct Told {
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
    /// An operator found it out: it is no server's answer.
    pub found_by_operator: bool,
    /// How strong the evidence is.
    pub level: Option<Level>,
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
}

impl Record {
    /// True where nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.contacts.is_empty()
            && self.opt_outs.is_empty()
            && self.suppressions.is_empty()
            && self.deliveries.is_empty()
            && self.evidence.is_empty()
    }
}

/// Puts together all that is kept of an address, from a snapshot not older than the checkpoint.
///
/// # Errors
/// Where the database fails.
pub async fn record(
    conn: &mut Conn,
    checkpoint: Option<&Signed>,
    address: &Address,
    at: Timestamp,
) -> Result<Record, EvidenceError> {
    let key = &address.key();
    let mut record = Record {
        email: address.as_str().to_owned(),
        at,
        contacts: subjects::contacts(conn, key).await?,
        opt_outs: preferences::of_address(conn, key).await?,
        suppressions: suppressions::reasons(conn, key).await?,
        deliveries: told(conn, key).await?,
        reads: subjects::reads(conn, key).await?,
        evidence: Vec::new(),
    };
    if let Some(checkpoint) = checkpoint {
        evidence(conn, checkpoint, key, &mut record).await?;
    }
    Ok(record)
}

async fn told(conn: &mut Conn, key: &AddressKey) -> Result<Vec<Told>, StoreError> {
    let mut told = Vec::new();
    for delivery in subjects::deliveries(conn, key).await? {
        let Some(notice) = notices::find(conn, delivery.notice_id).await? else { continue };
        let Some(shown) = deliveries::find(conn, delivery.id).await? else { continue };
        let message = messages::find(conn, delivery.id).await?;
        told.push(Told {
            id: shown.id,
            notice_id: notice.id,
            category: notice.category,
            subject: notice.subject,
            account_id: shown.account_id,
            customer_name: shown.customer_name,
            state: shown.state,
            found_by_operator: shown.found,
            level: shown.level,
            at: shown.at,
            reply: shown.reply,
            message_id: message_id(shown.id, &notice.message_domain),
            attempts: settle::attempts(conn, delivery.id).await?,
            message: message.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        });
    }
    Ok(told)
}

async fn evidence(
    conn: &mut Conn,
    checkpoint: &Signed,
    key: &AddressKey,
    record: &mut Record,
) -> Result<(), EvidenceError> {
    let parts: BTreeSet<(Uuid, String)> =
        record.deliveries.iter().map(|told| (told.notice_id, told.account_id.clone())).collect();
    for (notice_id, account_id) in parts {
        let mut file = Vec::new();
        let wanted = Wanted { notice_id, account_id: Some(&account_id), address: Some(key), with_messages: false };
        match export(conn, checkpoint, &wanted, &mut file, &|_| ()).await {
            Ok(_) => record.evidence.push(raw(file)),
            Err(EvidenceError::NotSealed) => {}
            Err(error) => return Err(error),
        }
    }
    let own = ledger::of_address(conn, key).await?;
    if own.iter().any(|opening| opening.index.is_some_and(|index| index < checkpoint.size)) {
        let mut file = Vec::new();
        export_entries(conn, checkpoint, &own, &mut file).await?;
        record.evidence.push(raw(file));
    }
    Ok(())
}

fn raw(file: Vec<u8>) -> Box<RawValue> {
    let text = String::from_utf8(file).expect("evidence is text");
    RawValue::from_string(text.trim_end().to_owned()).expect("evidence is JSON")
}
