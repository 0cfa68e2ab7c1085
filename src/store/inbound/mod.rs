//! What came back by mail: each message as it came, stored before anything is made of it, and what it says of deliveries.

pub mod forwards;
pub mod packed;
pub mod reports;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::inbound::{Disposition, Route};
use crate::domain::report::{MatchKind, MessageKind};
use crate::store::engine::dialect::{among, json_ids};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A message that arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Its id.
    pub id: Uuid,
    /// SHA-256 over the envelope recipient and the bytes: the same message again has the same.
    pub digest: [u8; 32],
    /// The way in which it came.
    pub route: Route,
    /// The envelope recipient, where the route names one.
    pub recipient: Option<String>,
    /// The envelope sender, where the route names one; empty for a report.
    pub sender: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Its size in bytes, before it was compressed.
    pub size: u64,
    /// Its bytes, [packed]; those of one message may come for several recipients.
    pub raw: Arc<Vec<u8>>,
}

/// A message that waits to be read.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its id.
    pub id: Uuid,
    /// The way in which it came.
    pub route: Route,
    /// The envelope recipient, where the route named one.
    pub recipient: Option<String>,
    /// The envelope sender, where the route named one.
    pub sender: Option<String>,
    /// When it came.
    pub at: Timestamp,
    /// Its size in bytes.
    pub size: u64,
    /// Its bytes, packed.
    raw: Vec<u8>,
}

/// A message as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = inbound::Message)]
pub struct Stored {
    /// Its id.
    pub id: Uuid,
    /// The way in which it came.
    pub route: Route,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Its size in bytes.
    pub size: u64,
    /// What was made of it.
    pub disposition: Disposition,
    /// What it is, once it was read.
    pub kind: Option<MessageKind>,
    /// What ties it to a delivery, once it was read.
    #[serde(rename = "match")]
    pub tie: Option<MatchKind>,
    /// The delivery that it is about, if one was found.
    pub delivery_id: Option<Uuid>,
    /// What became of it, if it is a reply; read by [`forwards::of_messages`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward: Option<forwards::Forward>,
}

impl Waiting {
    /// Its first bytes, at most so many, and the SHA-256 of all of them.
    ///
    /// # Errors
    /// If what is stored is damaged.
    pub fn beginning(&self, most: usize) -> Result<(Vec<u8>, [u8; 32])> {
        packed::beginning(self.id, &self.raw, self.size, most)
    }
}

/// Stores a message. Returns false if it is stored already.
pub async fn insert(conn: &mut Conn, arrived: &Arrived) -> Result<bool> {
    let sql = "INSERT INTO inbound (id, digest, route, recipient, sender, at, due_at, size, raw, disposition)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, 'waiting') ON CONFLICT (digest) DO NOTHING";
    query!(
        sql,
        arrived.id,
        arrived.digest.as_slice(),
        arrived.route.as_str(),
        &arrived.recipient,
        &arrived.sender,
        arrived.at,
        arrived.size,
        arrived.raw.as_slice()
    )
    .changed_one(conn)
    .await
}

/// Bytes of the messages that are returned at once, unless the first one alone has more.
const BYTES_AT_ONCE: u64 = 8_000_000;

/// How far off, in milliseconds, a message is never postponed: a time beyond that was set by a clock that was wrong.
const TOO_FAR_MS: i64 = 600_000;

/// Messages that wait to be read at this time, in the order of their arrival; as many as fit into some memory. A row that cannot be read
/// keeps out no other.
pub async fn waiting(conn: &mut Conn, now: Timestamp, limit: u32) -> Result<Vec<(Uuid, Result<Waiting>)>> {
    let sql = "SELECT id, size, due_at FROM inbound WHERE disposition = 'waiting' AND due_at <= $1
         UNION ALL SELECT id, size, due_at FROM inbound WHERE disposition = 'waiting' AND due_at > $2
         ORDER BY due_at, id LIMIT $3";
    let rows = query!(sql, now, now.as_millisecond().saturating_add(TOO_FAR_MS), limit).rows(&mut *conn).await?;
    let (mut ids, mut bytes) = (Vec::with_capacity(rows.len()), 0);
    for row in &rows {
        let row = Row::of("inbound", row);
        // One that cannot be read fails below.
        bytes += row.count("size").unwrap_or(0);
        if bytes > BYTES_AT_ONCE && !ids.is_empty() {
            break;
        }
        ids.push(row.id("id")?);
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = among!(
        conn,
        "SELECT id, route, recipient, sender, at, size, raw FROM inbound WHERE id", in "$1",
        " AND disposition = 'waiting' ORDER BY due_at, id"
    );
    query!(sql, json_ids(&ids))
        .all(conn, |row| {
            let row = Row::of("inbound", row);
            let id = row.id("id")?;
            Ok((id, waits(&row, id)))
        })
        .await
}

fn waits(row: &Row<'_>, id: Uuid) -> Result<Waiting> {
    Ok(Waiting {
        id,
        route: row.parse("route")?,
        recipient: row.get("recipient")?,
        sender: row.get("sender")?,
        at: row.time("at")?,
        size: row.count("size")?,
        raw: row.get("raw")?,
    })
}

/// Reads a message again at a later time.
pub async fn postpone(conn: &mut Conn, id: Uuid, due_at: Timestamp) -> Result<()> {
    let sql = "UPDATE inbound SET due_at = $2 WHERE id = $1 AND disposition = 'waiting'";
    query!(sql, id, due_at).run(conn).await
}

/// What became of a message.
#[derive(Clone, Copy, Debug)]
pub struct Disposed {
    /// What was made of it.
    pub disposition: Disposition,
    /// What it is.
    pub kind: MessageKind,
    /// What ties it to a delivery.
    pub tie: MatchKind,
    /// The delivery.
    pub delivery_id: Option<Uuid>,
    /// It is about a person who was erased: its bytes and envelope are deleted.
    pub erased: bool,
}

/// Returns true if a message still waits: no other process was first. The caller holds the ledger's head.
pub async fn is_waiting(conn: &mut Conn, id: Uuid) -> Result<bool> {
    let sql = "SELECT 1 AS one FROM inbound WHERE id = $1 AND disposition = 'waiting'";
    query!(sql, id).exists(conn).await
}

/// Records what became of a message that waited.
pub async fn dispose(conn: &mut Conn, id: Uuid, disposed: &Disposed) -> Result<()> {
    let sql = "UPDATE inbound SET disposition = $2, kind = $3, tie = $4, delivery_id = $5
         WHERE id = $1 AND disposition = 'waiting'";
    query!(sql, id, disposed.disposition.as_str(), disposed.kind.as_str(), disposed.tie.as_str(), disposed.delivery_id)
        .run(&mut *conn)
        .await?;
    if disposed.erased {
        let clear = "UPDATE inbound SET raw = NULL, recipient = NULL, sender = NULL WHERE id = $1";
        query!(clear, id).run(conn).await?;
    }
    Ok(())
}

/// A page of messages by id, the newest first, before this one; only those that are about no known delivery with `unmatched`.
pub async fn list(conn: &mut Conn, unmatched: bool, before: Option<Uuid>, limit: u32) -> Result<Vec<Stored>> {
    // Two texts, so that each engine uses the index of what it lists.
    let sql = if unmatched {
        "SELECT id, route, at, size, disposition, kind, tie, delivery_id FROM inbound
         WHERE disposition = 'unmatched' AND id < $1 ORDER BY id DESC LIMIT $2"
    } else {
        "SELECT id, route, at, size, disposition, kind, tie, delivery_id FROM inbound WHERE id < $1 ORDER BY id DESC LIMIT $2"
    };
    let before = before.unwrap_or(Uuid::max()).to_string();
    query!(sql, before, limit).all(conn, stored).await
}

/// The messages about a delivery, in the order of their arrival.
pub async fn of_delivery(conn: &mut Conn, delivery_id: Uuid) -> Result<Vec<Stored>> {
    let sql = "SELECT id, route, at, size, disposition, kind, tie, delivery_id FROM inbound WHERE delivery_id = $1 ORDER BY id";
    query!(sql, delivery_id).all(conn, stored).await
}

/// A message, with its bytes unless they were deleted.
pub async fn find(conn: &mut Conn, id: Uuid) -> Result<Option<(Stored, Option<Vec<u8>>)>> {
    let sql = "SELECT id, route, at, size, disposition, kind, tie, delivery_id, raw FROM inbound WHERE id = $1";
    let row = query!(sql, id).first_row(conn).await?;
    let Some(row) = row else { return Ok(None) };
    let stored = stored(&row)?;
    let packed: Option<Vec<u8>> = Row::of("inbound", &row).get("raw")?;
    let bytes = packed.map(|packed| packed::unpack(stored.id, &packed, stored.size)).transpose()?;
    Ok(Some((stored, bytes)))
}

/// How many messages came before a time and still have their bytes.
pub async fn count_raw(conn: &mut Conn, before: Timestamp) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM inbound WHERE at < $1 AND raw IS NOT NULL AND disposition <> 'waiting'
                 AND (forward IS NULL OR forward <> 'waiting')";
    query!(sql, before).count(conn, "inbound").await
}

/// Deletes the bytes and envelopes of messages that came before a time, the oldest first, and all of those that are about no known
/// delivery; those that wait to be read stay. Returns how many.
pub async fn delete_raw(conn: &mut Conn, before: Timestamp, limit: u32) -> Result<u64> {
    let sql = "SELECT id, disposition FROM inbound WHERE at < $1 AND raw IS NOT NULL AND disposition <> 'waiting'
                 AND (forward IS NULL OR forward <> 'waiting') ORDER BY at, id LIMIT $2";
    let rows = query!(sql, before, limit).rows(&mut *conn).await?;
    let (mut unmatched, mut recorded) = (Vec::new(), Vec::new());
    for row in &rows {
        let row = Row::of("inbound", row);
        let list = if row.parse::<Disposition>("disposition")? == Disposition::Unmatched {
            &mut unmatched
        } else {
            &mut recorded
        };
        list.push(row.id("id")?);
    }
    let delete = among!(conn, "DELETE FROM inbound WHERE id", in "$1");
    query!(delete, json_ids(&unmatched)).run(&mut *conn).await?;
    let clear = among!(conn, "UPDATE inbound SET raw = NULL, recipient = NULL, sender = NULL WHERE id", in "$1");
    query!(clear, json_ids(&recorded)).run(&mut *conn).await?;
    Ok(rows.len() as u64)
}

fn stored(row: &sqlx::any::AnyRow) -> Result<Stored> {
    let row = Row::of("inbound", row);
    Ok(Stored {
        id: row.id("id")?,
        route: row.parse("route")?,
        at: row.time("at")?,
        size: row.count("size")?,
        disposition: row.parse("disposition")?,
        kind: row.maybe("kind")?,
        tie: row.maybe("tie")?,
        delivery_id: row.maybe("delivery_id")?,
        forward: None,
    })
}
