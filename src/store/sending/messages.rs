//! The exact bytes of messages, as moulds and values. The values are stored with the opening of the first entry about the message,
//! and erased with the person in it.

use uuid::Uuid;

use super::moulds::Moulds;
use crate::domain::digest::sha256;
use crate::domain::entry::Brief;
use crate::domain::mould::Mould;
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result, StoreError};

/// What is stored of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptMessage {
    /// The entry that it is stored with.
    pub entry_id: Uuid,
    /// The index of the entry, if it has one.
    pub index: Option<u64>,
    /// Its delivery.
    pub delivery_id: Uuid,
    /// Canonical bytes of the entry's person.
    pub person: Vec<u8>,
    /// The number of its mould.
    mould: u64,
    /// Its values, packed.
    values: Vec<u8>,
}

impl KeptMessage {
    /// Returns the message.
    ///
    /// # Errors
    /// If the mould is missing or another one, or the database fails.
    pub async fn bytes(&self, conn: &mut Conn, moulds: &mut Moulds) -> Result<Vec<u8>> {
        let mould = moulds.get(conn, self.mould).await?;
        self.rebuilt(&mould)
    }

    fn rebuilt(&self, mould: &Mould) -> Result<Vec<u8>> {
        let values = mould.unpack(&self.values, &self.person);
        values.and_then(|values| mould.fill(&values)).map_err(|error| self.inconsistent(error.to_string()))
    }

    /// Returns true if its entry names the digest of these bytes.
    #[must_use]
    pub fn is_named(&self, bytes: &[u8]) -> bool {
        Brief::read(&self.person).is_ok_and(|brief| brief.sha256 == Some(sha256(bytes)))
    }

    fn inconsistent(&self, problem: String) -> StoreError {
        let row = self.entry_id.to_string();
        StoreError::Inconsistent { table: "ledger_openings", column: "mould_values", row, problem }
    }
}

/// What is stored of a delivery's message, for an answer that must not fail for the sake of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was not sent, or its message was erased.
    Nothing,
    /// The message, exactly as sent.
    Sent(Vec<u8>),
    /// It cannot be rebuilt, or is not the one that its entry names: there is no text to show.
    Damaged,
}

impl Seen {
    /// The message.
    #[must_use]
    pub fn sent(&self) -> Option<&[u8]> {
        match self {
            Self::Sent(bytes) => Some(bytes),
            Self::Nothing | Self::Damaged => None,
        }
    }
}

macro_rules! kept {
    ($rest:literal) => {
        concat!(
            "SELECT o.entry_id, o.delivery_id, o.person, o.mould, o.mould_values, e.idx FROM ledger_openings o
             LEFT JOIN ledger_entries e ON e.entry_id = o.entry_id ",
            $rest
        )
    };
}

fn read_kept(row: &sqlx::any::AnyRow) -> Result<KeptMessage> {
    let row = Row::of("ledger_openings", row);
    Ok(KeptMessage {
        entry_id: row.id("entry_id")?,
        index: row.maybe_count("idx")?,
        delivery_id: row.id("delivery_id")?,
        person: row.get::<Option<Vec<u8>>>("person")?.unwrap_or_default(),
        mould: row.count("mould")?,
        values: row.get::<Option<Vec<u8>>>("mould_values")?.unwrap_or_default(),
    })
}

/// The message of a delivery, exactly as sent, if there was one.
///
/// # Errors
/// If it cannot be rebuilt, or is not the one that its entry names.
pub async fn find(conn: &mut Conn, delivery_id: Uuid) -> Result<Option<Vec<u8>>> {
    let sql = kept!("WHERE o.delivery_id = $1 AND o.mould IS NOT NULL ORDER BY o.entry_id LIMIT 1");
    let Some(kept) = query!(sql, delivery_id).first(&mut *conn, read_kept).await? else { return Ok(None) };
    let bytes = kept.bytes(conn, &mut Moulds::default()).await?;
    if kept.is_named(&bytes) {
        Ok(Some(bytes))
    } else {
        Err(kept.inconsistent("it is not the one that was sent".to_owned()))
    }
}

/// The message of a delivery as [`find`] returns it, or that it is damaged.
///
/// # Errors
/// If the database fails.
pub async fn see(conn: &mut Conn, delivery_id: Uuid) -> Result<Seen> {
    match find(conn, delivery_id).await {
        Ok(bytes) => Ok(bytes.map_or(Seen::Nothing, Seen::Sent)),
        Err(StoreError::Inconsistent { .. }) => Ok(Seen::Damaged),
        Err(error) => Err(error),
    }
}

/// What is stored of the message of an entry, if the entry is the first about it.
pub async fn of_entry(conn: &mut Conn, entry_id: Uuid) -> Result<Option<KeptMessage>> {
    let sql = kept!("WHERE o.entry_id = $1 AND o.mould IS NOT NULL");
    query!(sql, entry_id).first(conn, read_kept).await
}

/// A page of what is stored of messages by entry, after `after`.
pub async fn page(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<KeptMessage>> {
    let sql = kept!("WHERE o.entry_id > $1 AND o.mould IS NOT NULL ORDER BY o.entry_id LIMIT $2");
    query!(sql, after, limit).all(conn, read_kept).await
}
