//! The ledger's tree as it is kept: its head, its leaves, the hashes that proofs need, and the checkpoints that were signed.
//!
//! A transaction that changes the head holds its row ([`lock_head`]) and replaces the size it read ([`advance`]): indexes are contiguous
//! whatever nodes do at the same time.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::merkle::{Frontier, Hash, Node};
use crate::store::engine::dialect::{Dialect, among, bulk, json, json_ids};
use crate::store::engine::query::query;
use crate::store::engine::row::{Row, hex};
use crate::store::{Conn, Result, StoreError};

/// The state of the tree.
#[derive(Clone, Debug)]
pub struct Head {
    /// All that is needed to append.
    pub frontier: Frontier,
    /// The root, as stored.
    pub root: Hash,
    /// Why sealing stopped, while it is stopped.
    pub stopped: Option<String>,
    /// When the checkpoint was mailed last.
    pub mailed_at: Option<Timestamp>,
}

macro_rules! select_head {
    ($rest:literal) => {
        concat!("SELECT id, size, root, peaks, stopped, mailed_at FROM ledger_head WHERE id = 1", $rest)
    };
}

fn read_head(row: &sqlx::any::AnyRow) -> Result<Head> {
    let row = Row::of("ledger_head", row);
    let peaks: Vec<u8> = row.get("peaks")?;
    let hashes: Vec<Hash> = peaks.chunks(32).filter_map(|hash| hash.try_into().ok()).collect();
    let frontier = Frontier::from_peaks(row.count("size")?, hashes).ok_or_else(|| StoreError::Inconsistent {
        table: "ledger_head",
        column: "peaks",
        row: "1".to_owned(),
        problem: "are not those of a tree of this size".to_owned(),
    })?;
    Ok(Head {
        frontier,
        root: row.bytes("root")?,
        stopped: row.get("stopped")?,
        mailed_at: row.maybe_time("mailed_at")?,
    })
}

/// The head.
pub async fn head(conn: &mut Conn) -> Result<Head> {
    query!(select_head!("")).one(conn, read_head).await
}

/// The head, held until the transaction ends.
pub async fn lock_head(conn: &mut Conn) -> Result<Head> {
    let sql = Dialect::of(conn).pick(select_head!(""), select_head!(" FOR UPDATE"));
    query!(sql).one(conn, read_head).await
}

/// Replaces the head of the tree of `old_size` leaves. Returns false if that is not its size any more.
pub async fn advance(conn: &mut Conn, old_size: u64, frontier: &Frontier) -> Result<bool> {
    let sql = "UPDATE ledger_head SET size = $2, root = $3, peaks = $4 WHERE id = 1 AND size = $1";
    query!(sql, signed(old_size), signed(frontier.size()), frontier.root().to_vec(), frontier.peaks().concat())
        .changed_one(conn)
        .await
}

/// Stops sealing for a reason, or resumes it. Returns false if nothing changed.
pub async fn set_stopped(conn: &mut Conn, reason: Option<&str>) -> Result<bool> {
    let sql = "UPDATE ledger_head SET stopped = $1 WHERE id = 1 AND ($1 IS NULL) <> (stopped IS NULL)";
    query!(sql, reason).changed_one(conn).await
}

/// Notes that the checkpoint was mailed.
pub async fn set_mailed(conn: &mut Conn, at: Timestamp) -> Result<()> {
    let sql = "UPDATE ledger_head SET mailed_at = $1 WHERE id = 1";
    query!(sql, at).run(conn).await
}

/// Gives up to `limit` of the entries that wait contiguous indexes from `first` on, in the order in which they were appended; returns
/// their leaves.
pub async fn number_pending(conn: &mut Conn, first: u64, limit: u32) -> Result<Vec<Vec<u8>>> {
    let sql = Dialect::of(conn).pick(
        "INSERT INTO ledger_entries (idx, entry_id, leaf)
           SELECT $1 + row_number() OVER (ORDER BY seq) - 1, entry_id, leaf FROM ledger_pending ORDER BY seq LIMIT $2; \
         DELETE FROM ledger_pending WHERE seq IN (SELECT seq FROM ledger_pending ORDER BY seq LIMIT $2)",
        // By the rows that were seen, not by their range: a lower number may commit later.
        "WITH taken AS (
           DELETE FROM ledger_pending WHERE seq IN (SELECT seq FROM ledger_pending ORDER BY seq LIMIT $2)
           RETURNING seq, entry_id, leaf)
         INSERT INTO ledger_entries (idx, entry_id, leaf)
           SELECT $1 + row_number() OVER (ORDER BY seq) - 1, entry_id, leaf FROM taken",
    );
    let done = query!(sql, signed(first), limit).changed(&mut *conn).await?;
    if done == 0 { Ok(Vec::new()) } else { leaves(conn, first, limit).await }
}

/// The indexes of these entries, in order.
pub async fn indexes(conn: &mut Conn, ids: &[Uuid]) -> Result<Vec<u64>> {
    let sql = among!(conn, "SELECT idx FROM ledger_entries WHERE entry_id", in "$1", " ORDER BY idx");
    query!(sql, json_ids(ids)).all(conn, |row| Row::of("ledger_entries", row).count("idx")).await
}

/// A complete subtree and its root.
pub type Subtree = (Node, Hash);

/// Keeps roots of complete subtrees.
pub async fn insert_nodes(conn: &mut Conn, subtrees: &[Subtree]) -> Result<()> {
    #[derive(Serialize)]
    struct NodeRow {
        level: u8,
        idx: u64,
        hash: String,
    }
    if subtrees.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> =
        subtrees.iter().map(|(node, hash)| NodeRow { level: node.level, idx: node.index, hash: hex(hash) }).collect();
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO ledger_nodes (level, idx, hash)
         SELECT CAST(value ->> 'level' AS BIGINT), CAST(value ->> 'idx' AS BIGINT), unhex(value ->> 'hash') FROM",
        rows
    );
    query!(sql, json(&rows)).run(conn).await
}

/// Up to `limit` leaves from index `first` on.
pub async fn leaves(conn: &mut Conn, first: u64, limit: u32) -> Result<Vec<Vec<u8>>> {
    let sql = "SELECT idx, leaf FROM ledger_entries WHERE idx >= $1 ORDER BY idx LIMIT $2";
    query!(sql, signed(first), limit).all(conn, |row| Row::of("ledger_entries", row).get("leaf")).await
}

/// Up to `limit` roots of complete subtrees of a level, from index `first` on.
pub async fn nodes(conn: &mut Conn, level: u8, first: u64, limit: u32) -> Result<Vec<Hash>> {
    let sql = "SELECT idx, hash FROM ledger_nodes WHERE level = $1 AND idx >= $2 ORDER BY idx LIMIT $3";
    query!(sql, level, signed(first), limit).all(conn, |row| Row::of("ledger_nodes", row).bytes("hash")).await
}

/// A checkpoint as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Entries that it covers.
    pub size: u64,
    /// The signed note.
    pub note: String,
    /// The key that verifies it.
    pub vkey: String,
    /// When.
    pub at: Timestamp,
}

fn read_signed(row: &sqlx::any::AnyRow) -> Result<Signed> {
    let row = Row::of("ledger_checkpoints", row);
    Ok(Signed { size: row.count("size")?, note: row.get("note")?, vkey: row.get("vkey")?, at: row.time("at")? })
}

/// Keeps a checkpoint, as the last one. One that is there already stays as it is.
pub async fn insert_checkpoint(conn: &mut Conn, checkpoint: &Signed) -> Result<()> {
    let sql = "INSERT INTO ledger_checkpoints (number, size, note, at, vkey)
         SELECT (SELECT COALESCE(MAX(number), 0) + 1 FROM ledger_checkpoints), $1, $2, $3, $4
         WHERE NOT EXISTS (SELECT 1 FROM ledger_checkpoints WHERE size = $1 AND note = $2)";
    query!(sql, signed(checkpoint.size), &checkpoint.note, checkpoint.at, &checkpoint.vkey).run(conn).await
}

/// The checkpoint that was signed last.
pub async fn last_checkpoint(conn: &mut Conn) -> Result<Option<Signed>> {
    let sql = "SELECT number, size, note, at, vkey FROM ledger_checkpoints ORDER BY number DESC LIMIT 1";
    query!(sql).first(conn, read_signed).await
}

/// The checkpoints of more than `after` and up to `upto` entries, the smallest first.
pub async fn checkpoints(conn: &mut Conn, after: u64, upto: u64) -> Result<Vec<Signed>> {
    let sql = "SELECT number, size, note, at, vkey FROM ledger_checkpoints WHERE size > $1 AND size <= $2 ORDER BY size, number";
    query!(sql, signed(after), signed(upto)).all(conn, read_signed).await
}

/// The keys that checkpoints were signed with.
pub async fn keys(conn: &mut Conn) -> Result<Vec<String>> {
    query!("SELECT DISTINCT vkey FROM ledger_checkpoints ORDER BY vkey")
        .all(conn, |row| Row::of("ledger_checkpoints", row).get("vkey"))
        .await
}

/// The most entries that any checkpoint covers.
pub async fn largest_checkpoint(conn: &mut Conn) -> Result<Option<u64>> {
    query!("SELECT MAX(size) AS size FROM ledger_checkpoints")
        .one(conn, |row| Row::of("ledger_checkpoints", row).maybe_count("size"))
        .await
}

/// A number as a column holds it.
pub(in crate::store) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// How many stored checkpoints were deleted since: they are numbered from 1 on, in the order in which they were stored.
pub async fn missing_checkpoints(conn: &mut Conn) -> Result<u64> {
    let sql = "SELECT COALESCE(MAX(number), 0) - COUNT(*) AS missing FROM ledger_checkpoints";
    query!(sql).one(conn, |row| Row::of("ledger_checkpoints", row).count("missing")).await
}
