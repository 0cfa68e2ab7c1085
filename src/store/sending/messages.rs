//! The exact bytes that were sent, stored from the first attempt on.

use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use crate::domain::address::AddressKey;
use crate::store::engine::dialect::{Batch, json, step};
use crate::store::engine::row::{Row, hex};
use crate::store::{Conn, Result};

/// A message to store.
#[derive(Clone, Debug)]
pub struct Message {
    /// SHA-256 of the bytes, final CRLF included.
    pub sha256: [u8; 32],
    /// Their number.
    pub size: usize,
    /// The bytes, compressed with zstd and the dictionary, if any.
    pub body: Vec<u8>,
    /// The dictionary they were compressed with.
    pub dictionary: Option<Arc<Dictionary>>,
}

/// Bytes to compress others with: a message of a notice in one language, addressed to nobody.
#[derive(Debug)]
pub struct Dictionary {
    /// SHA-256 of `bytes`, by which messages name it.
    pub sha256: [u8; 32],
    /// The notice.
    pub notice_id: Uuid,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Stores messages. One that is already there stays as it is.
macro_rules! insert_messages {
    (rows $n:literal) => {
        step!(
            "INSERT INTO messages (delivery_id, sha256, size, dictionary, body)
             SELECT value ->> 'id', unhex(value ->> 'sha256'), CAST(value ->> 'size' AS BIGINT),
               unhex(value ->> 'dictionary'), unhex(value ->> 'body') FROM",
            rows $n,
            "WHERE true ON CONFLICT (delivery_id) DO NOTHING"
        )
    };
}
pub(in crate::store) use insert_messages;

/// The row of a message for `insert_messages`.
pub(in crate::store) fn row(delivery_id: Uuid, message: &Message) -> String {
    #[derive(Serialize)]
    struct MessageRow {
        id: Uuid,
        sha256: String,
        size: usize,
        dictionary: Option<String>,
        body: String,
    }
    json(&MessageRow {
        id: delivery_id,
        sha256: hex(&message.sha256),
        size: message.size,
        dictionary: message.dictionary.as_ref().map(|dictionary| hex(&dictionary.sha256)),
        body: hex(&message.body),
    })
}

/// Stores messages whose dictionaries are already stored.
pub async fn insert(conn: &mut Conn, messages: &[(Uuid, &Message)]) -> Result<()> {
    static INSERT: Batch<1> = Batch::new([insert_messages!(rows 1)]);
    let rows: Vec<_> = messages.iter().map(|(id, message)| row(*id, message)).collect();
    INSERT.run(conn, [rows.iter().map(String::as_str).collect()]).await
}

/// Stores a dictionary. One that is already there stays as it is.
pub async fn insert_dictionary(conn: &mut Conn, dictionary: &Dictionary) -> Result<()> {
    sqlx::query(
        "INSERT INTO message_dictionaries (sha256, notice_id, body) VALUES ($1, $2, $3) ON CONFLICT (sha256) DO NOTHING",
    )
    .bind(dictionary.sha256.to_vec())
    .bind(dictionary.notice_id.to_string())
    .bind(zstd::bulk::compress(&dictionary.bytes, 3).map_err(sqlx::Error::Io)?)
    .execute(conn)
    .await?;
    Ok(())
}

/// The message of a delivery, exactly as sent, if there was one.
pub async fn find(conn: &mut Conn, delivery_id: Uuid) -> Result<Option<Vec<u8>>> {
    let row = sqlx::query(
        "SELECT m.delivery_id, m.size, m.body, d.body AS dictionary FROM messages m
         LEFT JOIN message_dictionaries d ON d.sha256 = m.dictionary WHERE m.delivery_id = $1",
    )
    .bind(delivery_id.to_string())
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let row = Row::of("messages", &row);
    let size = usize::try_from(row.count("size")?).unwrap_or(usize::MAX).min(MAX_MESSAGE);
    let body: Vec<u8> = row.get("body")?;
    let dictionary: Option<Vec<u8>> = row.get("dictionary")?;
    let unpacked = unpack(&body, dictionary.as_deref(), size).map_err(sqlx::Error::Io)?;
    Ok(Some(unpacked))
}

/// The stored messages of a notice, to one customer if named, at one address if named: digest and delivery, ordered
/// by digest.
pub async fn of_notice(
    conn: &mut Conn,
    notice_id: Uuid,
    account_id: Option<&str>,
    address: Option<&AddressKey>,
) -> Result<Vec<([u8; 32], Uuid)>> {
    let rows = sqlx::query(
        "SELECT m.delivery_id, m.sha256 FROM deliveries d JOIN messages m ON m.delivery_id = d.id
         WHERE d.notice_id = $1 AND ($2 IS NULL OR d.account_id = $2) AND ($3 IS NULL OR d.email_key = $3)
         ORDER BY m.sha256",
    )
    .bind(notice_id.to_string())
    .bind(account_id)
    .bind(address.map(AddressKey::as_str))
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let row = Row::of("messages", row);
            Ok((row.bytes("sha256")?, row.id("delivery_id")?))
        })
        .collect()
}

/// A message as the audit reads it.
#[derive(Clone, Debug)]
pub struct KeptMessage {
    /// Its delivery.
    pub delivery_id: Uuid,
    /// Its digest, as stored.
    pub sha256: [u8; 32],
    /// Its bytes; `None` if they cannot be decompressed.
    pub bytes: Option<Vec<u8>>,
}

/// A page of stored messages ordered by delivery, after `after`.
pub async fn page(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<KeptMessage>> {
    let rows = sqlx::query(
        "SELECT m.delivery_id, m.sha256, m.size, m.body, d.body AS dictionary FROM messages m
         LEFT JOIN message_dictionaries d ON d.sha256 = m.dictionary WHERE m.delivery_id > $1
         ORDER BY m.delivery_id LIMIT $2",
    )
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let row = Row::of("messages", row);
            let size = usize::try_from(row.count("size")?).unwrap_or(usize::MAX);
            let (body, dictionary): (Vec<u8>, Option<Vec<u8>>) = (row.get("body")?, row.get("dictionary")?);
            Ok(KeptMessage {
                delivery_id: row.id("delivery_id")?,
                sha256: row.bytes("sha256")?,
                bytes: unpack(&body, dictionary.as_deref(), size.min(MAX_MESSAGE)).ok(),
            })
        })
        .collect()
}

/// The largest message that is decompressed, in bytes: more than any server accepts.
const MAX_MESSAGE: usize = 256 << 20;

/// The largest dictionary that is made, in bytes; also the limit when one is decompressed.
pub const MAX_DICTIONARY: usize = 4 << 20;

fn unpack(body: &[u8], dictionary: Option<&[u8]>, size: usize) -> std::io::Result<Vec<u8>> {
    match dictionary {
        Some(dictionary) => {
            let dictionary = zstd::bulk::decompress(dictionary, MAX_DICTIONARY)?;
            zstd::bulk::Decompressor::with_dictionary(&dictionary)?.decompress(body, size)
        }
        None => zstd::bulk::decompress(body, size),
    }
}
