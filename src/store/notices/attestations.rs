//! Attestations: a person's recorded word that a customer was informed by another way.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::attestation::Channel;
use crate::store::engine::dialect::{Dialect, json};
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// An attestation.
#[derive(Clone, Debug, Serialize)]
pub struct Attestation {
    /// Account id.
    pub account_id: String,
    /// The way.
    pub channel: Channel,
    /// Who informed the customer.
    pub witness: String,
    /// What was said, or where the letter is.
    pub note: String,
    /// Who recorded it.
    pub operator: String,
    /// When it was recorded.
    pub at: Timestamp,
}

impl Attestation {
    /// The words that somebody wrote.
    pub fn words(&mut self) -> [&mut String; 2] {
        [&mut self.witness, &mut self.note]
    }
}

/// Adds an attestation.
pub async fn insert(conn: &mut Conn, id: Uuid, notice_id: Uuid, attestation: &Attestation) -> Result<()> {
    sqlx::query(
        "INSERT INTO attestations (id, notice_id, account_id, channel, witness, note, operator, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(id.to_string())
    .bind(notice_id.to_string())
    .bind(&attestation.account_id)
    .bind(attestation.channel.as_str())
    .bind(&attestation.witness)
    .bind(&attestation.note)
    .bind(&attestation.operator)
    .bind(attestation.at.as_millisecond())
    .execute(conn)
    .await?;
    Ok(())
}

/// Empties the words of an attestation; the attestation itself stays.
pub async fn clear(conn: &mut Conn, id: Uuid) -> Result<()> {
    let sql = "UPDATE attestations SET note = '', witness = '' WHERE id = $1";
    sqlx::query(sql).bind(id.to_string()).execute(conn).await?;
    Ok(())
}

/// The attestations for a notice, or for one customer of it.
pub async fn of_notice(conn: &mut Conn, notice_id: Uuid, account_id: Option<&str>) -> Result<Vec<Attestation>> {
    let rows = sqlx::query(
        "SELECT account_id, channel, witness, note, operator, at FROM attestations
         WHERE notice_id = $1 AND ($2 IS NULL OR account_id = $2) ORDER BY id",
    )
    .bind(notice_id.to_string())
    .bind(account_id)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// The attestations for a notice and some customers.
pub async fn of_customers(conn: &mut Conn, notice_id: Uuid, accounts: &[&str]) -> Result<Vec<Attestation>> {
    let sql = Dialect::of(conn).pick(
        "SELECT account_id, channel, witness, note, operator, at FROM attestations
         WHERE notice_id = $1 AND account_id IN (SELECT value FROM json_each($2)) ORDER BY id",
        "SELECT account_id, channel, witness, note, operator, at FROM attestations
         WHERE notice_id = $1 AND account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) ORDER BY id",
    );
    let rows = sqlx::query(sql).bind(notice_id.to_string()).bind(json(accounts)).fetch_all(conn).await?;
    rows.iter().map(read).collect()
}

fn read(row: &sqlx::any::AnyRow) -> Result<Attestation> {
    let row = Row::of("attestations", row);
    Ok(Attestation {
        account_id: row.get("account_id")?,
        channel: row.parse("channel")?,
        witness: row.get("witness")?,
        note: row.get("note")?,
        operator: row.get("operator")?,
        at: row.time("at")?,
    })
}
