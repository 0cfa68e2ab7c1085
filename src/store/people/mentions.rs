//! Texts that may mention an address: the words of attestations, the reasons of steps and holds, and the rows of audience files.
//! The words in the ledger's entries are read by [`with_words`](crate::store::proof::ledger::with_words).

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::notice::State;
use crate::store::engine::dialect::Dialect;
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::people::holds::{self, Hold};
use crate::store::{Conn, Result};

/// An attestation with its words.
#[derive(Clone, Debug)]
pub struct Words {
    /// Id of the attestation.
    pub id: Uuid,
    /// The notice.
    pub notice_id: Uuid,
    /// The customer.
    pub account_id: String,
    /// The channel.
    pub channel: String,
    /// Who informed the customer.
    pub witness: String,
    /// What was said, or where the letter is.
    pub note: String,
    /// Why it was withdrawn, if it was.
    pub withdrawn_why: Option<String>,
    /// When it was recorded.
    pub at: Timestamp,
}

/// A page of attestations whose words contain an `@`, by id, after `after`.
pub async fn attestations(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<Words>> {
    let sql = "SELECT id, notice_id, account_id, channel, witness, note, withdrawn_why, at FROM attestations
         WHERE id > $1 AND (note LIKE '%@%' OR witness LIKE '%@%' OR withdrawn_why LIKE '%@%') ORDER BY id LIMIT $2";
    query!(sql, after, limit)
        .all(conn, |row| {
            let row = Row::of("attestations", row);
            Ok(Words {
                id: row.id("id")?,
                notice_id: row.id("notice_id")?,
                account_id: row.get("account_id")?,
                channel: row.get("channel")?,
                witness: row.get("witness")?,
                note: row.get("note")?,
                withdrawn_why: row.get("withdrawn_why")?,
                at: row.time("at")?,
            })
        })
        .await
}

/// A row of an audience file.
#[derive(Clone, Debug)]
pub struct FileRow {
    /// The notice.
    pub notice_id: Uuid,
    /// The customer.
    pub account_id: String,
    /// The key of a row that was added to a standing notice; else empty.
    pub key: String,
    /// State of the notice.
    pub state: State,
    /// The values by column.
    pub values: BTreeMap<String, String>,
}

/// A page of rows of audience files that contain a text, without regard to the case of ASCII letters, after a notice and a
/// customer, which its key may follow after a blank.
pub async fn file_rows(conn: &mut Conn, text: &str, after: (&str, &str), limit: u32) -> Result<Vec<FileRow>> {
    let (account, key) = after.1.split_once(' ').unwrap_or((after.1, ""));
    let sql = Dialect::of(conn).pick(
        "SELECT r.notice_id, r.account_id, r.key, r.data, n.state FROM notice_rows r JOIN notices n ON n.id = r.notice_id
         WHERE (r.notice_id, r.account_id, r.key) > ($2, $3, $5) AND instr(lower(r.data), lower($1)) > 0
         ORDER BY r.notice_id, r.account_id, r.key LIMIT $4",
        "SELECT r.notice_id, r.account_id, r.key, r.data, n.state FROM notice_rows r JOIN notices n ON n.id = r.notice_id
         WHERE (r.notice_id, r.account_id, r.key) > ($2, $3, $5) AND strpos(lower(r.data), lower($1)) > 0
         ORDER BY r.notice_id, r.account_id, r.key LIMIT $4",
    );
    let rows = query!(sql, text, after.0, account, limit, key).rows(conn).await?;
    rows.iter()
        .map(|row| {
            let row = Row::of("notice_rows", row);
            Ok(FileRow {
                notice_id: row.id("notice_id")?,
                account_id: row.get("account_id")?,
                key: row.get("key")?,
                state: row.parse("state")?,
                values: row.maybe_json("data")?.unwrap_or_default(),
            })
        })
        .collect()
}

/// Deletes a row of an audience file. One that was added to a standing notice loses its values only: the same key must not be taken
/// a second time.
pub async fn delete_file_row(conn: &mut Conn, row: &FileRow) -> Result<()> {
    let sql = if row.key.is_empty() {
        "DELETE FROM notice_rows WHERE notice_id = $1 AND account_id = $2 AND key = $3"
    } else {
        "UPDATE notice_rows SET data = '{}' WHERE notice_id = $1 AND account_id = $2 AND key = $3"
    };
    query!(sql, row.notice_id, &row.account_id, &row.key).run(conn).await
}

/// A step on a notice with its reason.
#[derive(Clone, Debug)]
pub struct StepWords {
    /// Id of the step.
    pub id: Uuid,
    /// The notice.
    pub notice_id: Uuid,
    /// The reason.
    pub reason: String,
    /// When it was taken.
    pub at: Timestamp,
}

/// A page of steps whose reason contains an `@`, by id, after `after`.
pub async fn steps(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<StepWords>> {
    let sql =
        "SELECT id, notice_id, reason, at FROM notice_steps WHERE id > $1 AND reason LIKE '%@%' ORDER BY id LIMIT $2";
    query!(sql, after, limit)
        .all(conn, |row| {
            let row = Row::of("notice_steps", row);
            Ok(StepWords {
                id: row.id("id")?,
                notice_id: row.id("notice_id")?,
                reason: row.get("reason")?,
                at: row.time("at")?,
            })
        })
        .await
}

/// Empties the reason of a step; the step itself stays.
pub async fn clear_step(conn: &mut Conn, id: Uuid) -> Result<()> {
    query!("UPDATE notice_steps SET reason = '' WHERE id = $1", id).run(conn).await
}

/// A page of holds whose reason contains an `@`, by id, after `after`.
pub async fn holds(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<Hold>> {
    let sql = "SELECT id, notice_id, account_id, reason, operator, since FROM holds
         WHERE id > $1 AND reason LIKE '%@%' ORDER BY id LIMIT $2";
    query!(sql, after, limit).all(conn, holds::read).await
}

/// Empties the reason of a hold; the hold itself stays.
pub async fn clear_hold(conn: &mut Conn, id: Uuid) -> Result<()> {
    query!("UPDATE holds SET reason = '' WHERE id = $1", id).run(conn).await
}

/// Empties what an operator found out about a delivery; the delivery and its state stay.
pub async fn clear_reply(conn: &mut Conn, delivery_id: Uuid) -> Result<()> {
    query!("UPDATE deliveries SET reply = '' WHERE id = $1", delivery_id).run(conn).await
}
